// SPDX-License-Identifier: MIT
// Escape sequences of terminals in lines of text. None of them is part of a line's text (ECMA-48
// 5.3 to 5.6, and xterm's OSC): colours (SGR, 8.3.117, with the extensions for 256 and 24 bit
// colours) and links (OSC 8) are kept beside it, all others are left out, and so are the two
// characters that switch to another set of characters (SO, SI). Every line begins without a style.
//
// A sequence that is cut off ends where it cannot go on. A command string (OSC, DCS, APC, PM, SOS)
// that has no end goes to the next escape character or the end of the line. The hub's filters read
// text in the same way; test/data/escapes.json is what both are tested by.

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

// A control sequence with its parameters and the rest, a command string with its introducer and
// its text, another escape sequence, SO or SI. Nothing in it is looked at twice: all parts but the
// first character may be missing.
const SEQUENCE =
    /\x1b(?:\[([0-?]*)([ -/]*[@-~]?)|([P\]X^_])([^\x07\x1b\r\n\x18\x1a]*)(?:\x07|\x1b\\)?|[ -/]*[0-~]?)|[\x0e\x0f]/g;
const FIRST = /^[01]?$/; // parameter of CHA: the first column
const ANY = /[\x1b\x0e\x0f]/;
const LINK = /^8;[^;]*;(https?:\/\/[!-~]+)$/i;
const LINK_MAX = 2083; // characters of an address: the usual limit of terminals
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
    return ANY.test(text);
}

/**
 * The text without escape sequences.
 * @param {string} text
 */
export function stripAnsi(text) {
    return hasAnsi(text) ? text.replace(SEQUENCE, '') : text;
}

/**
 * A run of the text that looks different, or leads somewhere. link: an http or https address.
 * @typedef {{ start: number, end: number, style: Style, link: string | null }} Run
 */

/**
 * The text without escape sequences, and the runs of it that have a style or a link. starts: where
 * in it a sequence has put the cursor at the line's start.
 * @param {string} text
 * @returns {{ plain: string, runs: Run[], starts: number[] }}
 */
export function parseAnsi(text) {
    if (!hasAnsi(text)) return { plain: text, runs: [], starts: [] };
    /** @type {Run[]} */
    const runs = [];
    /** @type {number[]} */
    const starts = [];
    let plain = '';
    let style = PLAIN;
    /** @type {string | null} */
    let link = null;
    let from = 0;
    const piece = (/** @type {number} */ to) => {
        if (to === from) return;
        if (style !== PLAIN || link !== null)
            runs.push({ start: plain.length, end: plain.length + to - from, style, link });
        plain += text.slice(from, to);
    };
    for (const match of text.matchAll(SEQUENCE)) {
        piece(match.index);
        from = match.index + match[0].length;
        const [, parameters, final, introducer, string] = match;
        if (final === 'm') style = applied(style, parameters);
        else if (introducer === ']' && string.startsWith('8;')) link = linkOf(string);
        else if (final === 'G' && FIRST.test(parameters)) starts.push(plain.length);
    }
    piece(text.length);
    return { plain, runs, starts };
}

/**
 * The address of "8;PARAMETERS;ADDRESS"; null for one that ends a link, and for other schemes.
 * @param {string} string
 */
function linkOf(string) {
    const address = LINK.exec(string)?.[1] ?? '';
    return address && address.length <= LINK_MAX ? address : null;
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
    if (/[<-?]/.test(parameters)) return before; // private: not about looks
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
