// SPDX-License-Identifier: MIT
// Colours of terminals (SGR, ECMA-48 8.3.117 with the extensions for 256 and 24 bit colours) in
// lines of text. Every line begins without a style. Codes that are not SGR stay in the text.

/** @typedef {[number, number, number]} Rgb */

/**
 * What a run of text looks like. Equal styles may be different objects. fg, bg: null, the number of
 * a colour of the terminal (0 to 255), or the colour itself.
 * @typedef {object} Style
 * @property {number | Rgb | null} fg
 * @property {number | Rgb | null} bg
 * @property {boolean} bold
 * @property {boolean} dim
 * @property {boolean} italic
 * @property {boolean} underline
 * @property {boolean} strike
 * @property {boolean} inverse
 */

/** @typedef {'bold' | 'dim' | 'italic' | 'underline' | 'strike' | 'inverse'} Switch */

const SGR = /(?:\x1b\[|\x9b)([0-9;:]*)m/g;
/** @type {Readonly<Style>} */
const PLAIN = Object.freeze({
    fg: null,
    bg: null,
    bold: false,
    dim: false,
    italic: false,
    underline: false,
    strike: false,
    inverse: false,
});

const NAMES = /** @type {(keyof Style)[]} */ (Object.keys(PLAIN));

/** @param {string} text */
export function hasAnsi(text) {
    return text.includes('\x1b') || text.includes('\x9b');
}

/** @param {string} text */
export function stripAnsi(text) {
    return hasAnsi(text) ? text.replace(SGR, '') : text;
}

/**
 * The text without SGR codes, and the runs of it that have a style.
 * @param {string} text
 * @returns {{ plain: string, runs: { start: number, end: number, style: Style }[] }}
 */
export function parseAnsi(text) {
    if (!hasAnsi(text)) return { plain: text, runs: [] };
    /** @type {{ start: number, end: number, style: Style }[]} */
    const runs = [];
    let plain = '';
    let style = PLAIN;
    let from = 0;
    const piece = (/** @type {number} */ to) => {
        if (to === from) return;
        if (style !== PLAIN)
            runs.push({ start: plain.length, end: plain.length + to - from, style });
        plain += text.slice(from, to);
    };
    for (const match of text.matchAll(SGR)) {
        piece(match.index);
        from = match.index + match[0].length;
        style = applied(style, match[1]);
    }
    piece(text.length);
    return { plain, runs };
}

/** @type {Record<number, [Switch, boolean]>} */
const SWITCHES = {
    1: ['bold', true],
    2: ['dim', true],
    3: ['italic', true],
    4: ['underline', true],
    7: ['inverse', true],
    9: ['strike', true],
    21: ['underline', true],
    23: ['italic', false],
    24: ['underline', false],
    27: ['inverse', false],
    29: ['strike', false],
};

/**
 * @param {Style} before
 * @param {string} parameters
 */
function applied(before, parameters) {
    const style = { ...before };
    const codes = parameters.split(';');
    for (let i = 0; i < codes.length; i++) {
        const [code, ...sub] = codes[i].split(':').map(Number);
        if (code === 0) Object.assign(style, PLAIN);
        else if (code === 4 && sub.length) style.underline = sub[0] !== 0;
        else if (code === 22) style.bold = style.dim = false;
        else if (SWITCHES[code]) style[SWITCHES[code][0]] = SWITCHES[code][1];
        else if (code >= 30 && code <= 37) style.fg = code - 30;
        else if (code >= 40 && code <= 47) style.bg = code - 40;
        else if (code >= 90 && code <= 97) style.fg = code - 82;
        else if (code >= 100 && code <= 107) style.bg = code - 92;
        else if (code === 39) style.fg = null;
        else if (code === 49) style.bg = null;
        else if (code === 38 || code === 48 || code === 58) {
            const rest = sub.length ? sub : codes.slice(i + 1, i + 5).map(Number);
            const { colour, used } = extended(rest, sub.length > 0);
            if (!sub.length) i += used;
            if (colour !== null && code !== 58) style[code === 38 ? 'fg' : 'bg'] = colour;
        }
    }
    const isPlain = (/** @type {keyof Style} */ name) => style[name] === PLAIN[name];
    return NAMES.every(isPlain) ? PLAIN : style;
}

/**
 * After 38 or 48: "5;N", "2;R;G;B", and with colons also "2:SPACE:R:G:B".
 * @param {number[]} rest
 * @param {boolean} colons
 * @returns {{ colour: number | Rgb | null, used: number }}
 */
function extended(rest, colons) {
    const byte = (/** @type {number} */ n) => Number.isInteger(n) && n >= 0 && n <= 255;
    if (rest[0] === 5) return { colour: byte(rest[1]) ? rest[1] : null, used: 2 };
    if (rest[0] !== 2) return { colour: null, used: 1 };
    const [r, g, b] = colons && rest.length >= 5 ? rest.slice(2, 5) : rest.slice(1, 4);
    return { colour: byte(r) && byte(g) && byte(b) ? [r, g, b] : null, used: 4 };
}

// The usual terminal's palette: what a background and the text on it are drawn with.
/** @type {Rgb[]} */
const BASE = [
    [0, 0, 0],
    [197, 48, 48],
    [30, 132, 73],
    [160, 110, 10],
    [45, 105, 205],
    [150, 60, 170],
    [15, 125, 140],
    [210, 214, 220],
    [95, 102, 112],
    [235, 87, 87],
    [60, 185, 105],
    [230, 180, 50],
    [95, 155, 250],
    [205, 120, 225],
    [50, 190, 205],
    [255, 255, 255],
];

/**
 * @param {number | Rgb} colour
 * @returns {Rgb}
 */
export function toRgb(colour) {
    if (Array.isArray(colour)) return colour;
    if (colour < 16) return BASE[colour];
    if (colour >= 232) {
        const grey = 8 + (colour - 232) * 10;
        return [grey, grey, grey];
    }
    const level = (/** @type {number} */ n) => (n === 0 ? 0 : 55 + n * 40);
    const n = colour - 16;
    return [level(Math.floor(n / 36)), level(Math.floor(n / 6) % 6), level(n % 6)];
}

/**
 * Relative luminance (WCAG 2).
 * @param {readonly number[]} rgb red, green, blue
 */
export function luminance([r, g, b]) {
    const part = (/** @type {number} */ n) =>
        n / 255 <= 0.04045 ? n / 255 / 12.92 : ((n / 255 + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

/**
 * The contrast of two colours (WCAG 2).
 * @param {Rgb} a
 * @param {Rgb} b
 */
export function contrast(a, b) {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
}

/** @type {Rgb} */
const LIGHT_GROUND = [255, 255, 255];
/** @type {Rgb} */
const DARK_GROUND = [30, 32, 38];
const READABLE = 4.5;

/**
 * The colour, moved towards black or white until it can be read on that ground.
 * @param {Rgb} colour
 * @param {Rgb} ground
 * @returns {Rgb}
 */
export function readableOn(colour, ground) {
    const goal = luminance(ground) > 0.18 ? 0 : 255;
    let rgb = colour;
    for (let step = 1; contrast(rgb, ground) < READABLE && step <= 10; step++) {
        const moved = (/** @type {number} */ n) => Math.round(n + ((goal - n) * step) / 10);
        rgb = [moved(colour[0]), moved(colour[1]), moved(colour[2])];
    }
    return rgb;
}

/**
 * Black or white: text without a colour of its own on that ground.
 * @param {Rgb} ground
 * @returns {Rgb}
 */
function plainOn(ground) {
    return luminance(ground) > 0.18 ? [0, 0, 0] : [255, 255, 255];
}

const css = (/** @type {Rgb} */ rgb) => `rgb(${rgb.join(' ')})`;
const WORDS = /** @type {const} */ (['bold', 'dim', 'italic', 'underline', 'strike']);

/**
 * How to draw a style so that it can be read on light and on dark ground. The classes fg-0 to fg-15
 * are the theme's own sixteen colours. Any other colour comes as two properties, --fg-light and
 * --fg-dark. With a background both colours are fixed (class "boxed": --fg, --bg).
 * @param {Style} style
 * @returns {{ classes: string[], properties: Record<string, string> }}
 */
export function appearance(style) {
    let { fg, bg } = style;
    /** @type {string[]} */
    const classes = WORDS.filter((word) => style[word]);
    if (style.inverse) {
        if (fg === null && bg === null) return { classes: [...classes, 'inverse'], properties: {} };
        [fg, bg] = [bg, fg];
    }
    if (bg !== null) {
        const ground = toRgb(bg);
        const ink = fg === null ? plainOn(ground) : readableOn(toRgb(fg), ground);
        return {
            classes: [...classes, 'boxed'],
            properties: { '--fg': css(ink), '--bg': css(ground) },
        };
    }
    if (fg === null) return { classes, properties: {} };
    if (typeof fg === 'number' && fg < 16)
        return { classes: [...classes, `fg-${fg}`], properties: {} };
    const rgb = toRgb(fg);
    return {
        classes: [...classes, 'fg-other'],
        properties: {
            '--fg-light': css(readableOn(rgb, LIGHT_GROUND)),
            '--fg-dark': css(readableOn(rgb, DARK_GROUND)),
        },
    };
}
