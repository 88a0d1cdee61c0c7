// SPDX-License-Identifier: MIT
// A line's text as nodes: colours, marks of a search, control characters made visible. Only ever
// text nodes.
//
// The text content of what writeText() makes is exactly the text without escape sequences: a
// control character is in the page as itself, without width, and the style sheet draws its picture
// (data-picture).
import { appearance } from './ansi.js';

/** @import { Run, Style } from './ansi.js' */
/** @import { Parsed } from './line-text.js' */

// Control characters but tab and LF, controls of the writing direction, and others that cannot be
// seen but change what is seen.
const SUSPECT =
    /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
const CONTROL = new RegExp(SUSPECT.source, 'g');

// Characters of a line before it is shortened: browsers lay out longer ones too slowly to scroll.
export const SHOWN_MAX = 8000;

const C0 = (
    'NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI ' +
    'DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'
).split(' ');
/** @type {Record<number, string>} */
const NAMES = {
    0x61c: 'ALM',
    0x200b: 'ZWSP',
    0x200e: 'LRM',
    0x200f: 'RLM',
    0x2028: 'LS',
    0x2029: 'PS',
    0x202a: 'LRE',
    0x202b: 'RLE',
    0x202c: 'PDF',
    0x202d: 'LRO',
    0x202e: 'RLO',
    0x2066: 'LRI',
    0x2067: 'RLI',
    0x2068: 'FSI',
    0x2069: 'PDI',
    0xfeff: 'BOM',
    0x85: 'NEL',
};

/** @param {number} code */
function picture(code) {
    if (code < 0x20) return C0[code];
    if (code === 0x7f) return 'DEL';
    return NAMES[code] ?? `<${code.toString(16).padStart(2, '0')}>`;
}

/**
 * What is shown of a text: at most so many characters, not cut in the middle of a character or of
 * a control sequence.
 * @param {string} text
 */
export function shortened(text, max = SHOWN_MAX) {
    if (text.length <= max) return text;
    const end = /[\ud800-\udbff]/.test(text[max - 1]) ? max - 1 : max;
    return text.slice(0, end).replace(/\x1b(?:\[[0-?]*[ -/]*)?$/, '');
}

/**
 * Appends the text, with control characters made visible.
 * @param {Element} parent
 * @param {string} text
 */
export function writePlain(parent, text) {
    if (!SUSPECT.test(text)) {
        parent.append(text);
        return;
    }
    let from = 0;
    for (const match of text.matchAll(CONTROL)) {
        if (match.index > from) parent.append(text.slice(from, match.index));
        const span = document.createElement('span');
        span.className = 'log-control';
        const code = match[0].charCodeAt(0);
        span.dataset.picture = picture(code);
        span.title = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
        span.append(match[0]);
        parent.append(span);
        from = match.index + match[0].length;
        // Each state of a line that wrote over itself is a line; a break is no text.
        if (code === 0x0d && text[from] !== '\n') parent.append(document.createElement('br'));
    }
    if (from < text.length) parent.append(text.slice(from));
}

/** @type {Map<string, ReturnType<typeof appearance>>} */
const drawn = new Map(); // by style, as JSON: a log has few
const DRAWN_MAX = 500;

/** @param {Style} style */
function look(style) {
    const key = JSON.stringify(style);
    let found = drawn.get(key);
    if (!found) {
        if (drawn.size >= DRAWN_MAX) drawn.clear();
        drawn.set(key, (found = appearance(style)));
    }
    return found;
}

/**
 * Appends the text of a line, with its colours, links and marks.
 * @param {Element} parent
 * @param {Parsed} parsed
 * @param {readonly number[] | null} marks [start, end, start, end, …] over the plain text, rising
 */
export function writeText(parent, { plain, runs }, marks = null) {
    if (!marks?.length && runs.length === 0) {
        writePlain(parent, plain);
        return;
    }
    let run = 0;
    let mark = 0;
    let at = 0;
    while (at < plain.length) {
        while (run < runs.length && runs[run].end <= at) run++;
        while (marks && mark < marks.length && marks[mark + 1] <= at) mark += 2;
        const drawn = run < runs.length && runs[run].start <= at ? runs[run] : null;
        const marked = marks !== null && mark < marks.length && marks[mark] <= at;
        let end = plain.length;
        if (run < runs.length) end = Math.min(end, drawn ? runs[run].end : runs[run].start);
        if (marks && mark < marks.length)
            end = Math.min(end, marked ? marks[mark + 1] : marks[mark]);
        writePlain(container(parent, drawn, marked), plain.slice(at, end));
        at = end;
    }
}

/**
 * @param {Element} parent
 * @param {Run | null} run
 * @param {boolean} marked
 */
function container(parent, run, marked) {
    if (!run && !marked) return parent;
    const node = document.createElement(marked ? 'mark' : 'span');
    if (run) {
        const { classes, properties } = look(run.style);
        if (classes.length) node.className = classes.join(' ');
        for (const name in properties) node.style.setProperty(name, properties[name]);
    }
    (run?.link ? linkIn(parent, run.link) : parent).append(node);
    return node;
}

/**
 * A link to an address that a line has given: its end is in sight before it is followed, and where
 * it leads learns nothing of this page.
 * @param {Element} parent
 * @param {string} address http or https
 */
function linkIn(parent, address) {
    const last = parent.lastElementChild;
    if (last instanceof HTMLAnchorElement && !last.nextSibling && last.title === address)
        return last;
    const link = document.createElement('a');
    link.href = address;
    link.title = address;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    parent.append(link);
    return link;
}
