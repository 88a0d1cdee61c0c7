// SPDX-License-Identifier: MIT
// One row: time, topic, pinned fields, level and text; unfolded JSON below. Everything but the text
// is kept out of selections.
import { parseAnsi } from './ansi.js';
import { part } from './dom.js';
import { cellText, field, jsonTree, looksLikeJson, parseJson } from './json-lines.js';
import { plainText } from './line-text.js';
import { faceOf } from './log-face.js';
import { lineTimes, tagIndex } from './log-time.js';
import { SHOWN_MAX, writePlain, writeText } from './log-text.js';

/** @import { Face } from './log-face.js' */
/** @import { Entry, Line, Note } from './log-window.js' */

/**
 * How rows look.
 * @typedef {object} View
 * @property {'absolute' | 'relative' | 'arrival' | 'none'} timeMode
 * @property {boolean} utc
 * @property {boolean} tags whether the topic is shown
 * @property {readonly string[]} columns pinned fields
 * @property {boolean} folds JSON lines are folded to their message, long ones to three rows
 * @property {number} fits characters in a row
 * @property {(entry: Line) => Marked} marked what is shown of the line
 */

/**
 * What is shown, and the ranges of its text that are marked.
 * @typedef {{ face: Face, ranges: readonly number[] | null }} Marked
 */

const LABEL_MAX = 300;
const ROWS_MAX = 3; // of a line that is folded

/**
 * Narrow screens leave the milliseconds out: they are an element of their own. One that is not the
 * line's own looks different.
 * @param {HTMLElement} node
 * @param {Line} entry
 * @param {Pick<View, 'timeMode' | 'utc'>} view
 */
export function writeTime(node, entry, view) {
    const { text, title, isOwn } = lineTimes(entry, view);
    const dot = text.indexOf('.');
    node.replaceChildren(dot < 0 ? text : text.slice(0, dot));
    if (dot >= 0) node.append(part('span', 'log-ms', text.slice(dot)));
    node.title = title;
    node.classList.toggle('arrival', !isOwn);
}

/**
 * "error, 12:00:00.000, logs/app: the text"
 * @param {Entry} entry
 * @param {View} view
 * @param {Face} [shown] what the row shows of it, where that is known
 */
export function rowLabel(entry, view, shown) {
    if (entry.data === undefined) return entry.note;
    const before = [entry.level, lineTimes(entry, view).full, view.tags ? entry.topic : '']
        .filter(Boolean)
        .join(', ');
    const text = (shown ?? faceOf(entry, view.folds)).parsed.plain;
    return `${before}: ${text.length > LABEL_MAX ? `${text.slice(0, LABEL_MAX)}…` : text}`;
}

/**
 * @param {Entry} entry
 * @param {View} view
 */
export function makeRow(entry, view) {
    return entry.data === undefined ? noteRow(entry) : lineRow(entry, view);
}

/** @param {Note} entry */
function noteRow(entry) {
    const row = part('div', `log-note log-note-${entry.kind}`, entry.note);
    row.setAttribute('role', 'listitem');
    return row;
}

/**
 * @param {Line} entry
 * @param {View} view
 */
function lineRow(entry, view) {
    const row = part('div', 'log-line');
    row.setAttribute('role', 'listitem');
    row.dataset.id = entry.id;
    row.dataset.topic = entry.topic;
    row.dataset.level = entry.level;
    const plain = plainText(entry.data);
    const json = looksLikeJson(plain);
    const value = entry.open || (json && view.columns.length) ? parseJson(plain) : null;
    const { face, ranges } = view.marked(entry);
    entry.drawn = face.parsed.plain;
    row.setAttribute('aria-label', rowLabel(entry, view, face));
    const line = part('div', 'log-main');
    line.append(...gutter(entry, view));
    for (const column of view.columns) line.append(cell(column, value));
    line.append(foldButton(entry, { json, idle: isPlain(entry, face, json) }));
    if (face.isMessage && entry.level) line.append(part('span', 'log-level', entry.level));
    line.append(text(entry, face, ranges));
    row.append(line);
    if (entry.open) row.classList.add('open');
    else if (view.folds && !isMarkedBelow(ranges, view.fits)) row.classList.add('folded');
    if (entry.open && value) row.append(jsonTree(value, view.columns, writeValue));
    return row;
}

/**
 * Whether there is nothing to unfold, as long as it fits in a few rows.
 * @param {Line} entry
 * @param {Face} face
 * @param {boolean} json
 */
function isPlain(entry, face, json) {
    return !json && face.isWhole && !entry.open && entry.data.length <= SHOWN_MAX;
}

/**
 * Whether what was found is out of sight when the line is folded to its first rows.
 * @param {readonly number[] | null} ranges
 * @param {number} fits
 */
function isMarkedBelow(ranges, fits) {
    return ranges !== null && (ranges.at(-1) ?? 0) > (ROWS_MAX - 1) * fits;
}

/**
 * @param {Element} parent
 * @param {string} value
 */
function writeValue(parent, value) {
    writeText(parent, parseAnsi(value));
}

/**
 * idle: it is only there for a text that turns out to need more rows.
 * @param {Line} entry
 * @param {{ json: boolean, idle: boolean }} what
 */
function foldButton(entry, { json, idle }) {
    const button = part('button', idle ? 'log-fold idle' : 'log-fold');
    button.type = 'button';
    button.tabIndex = -1;
    button.setAttribute('aria-expanded', String(entry.open));
    button.setAttribute('aria-label', json ? 'Unfold the JSON' : 'Show the whole line');
    return button;
}

/**
 * @param {Line} entry
 * @param {View} view
 */
function gutter(entry, view) {
    const parts = [];
    if (view.timeMode !== 'none') {
        const time = part('span', 'log-time');
        writeTime(time, entry, view);
        parts.push(time);
    }
    if (view.tags) {
        const tag = part('span', `log-tag tag-${tagIndex(entry.topic)}`);
        tag.title = entry.topic;
        const name = part('span', 'log-tag-name');
        writePlain(name, entry.topic);
        tag.append(name);
        parts.push(tag);
    }
    return parts;
}

/**
 * @param {string} column
 * @param {unknown} value
 */
function cell(column, value) {
    const node = part('span', 'log-cell');
    node.dataset.column = column;
    const shown = cellText(field(value, column));
    node.title = shown;
    writeValue(node, shown);
    return node;
}

/**
 * @param {Line} entry
 * @param {Face} face
 * @param {readonly number[] | null} ranges
 */
function text(entry, face, ranges) {
    const node = part('span', 'log-text');
    writeText(node, face.parsed, ranges);
    if (entry.open || face.isMessage || entry.data.length <= SHOWN_MAX) return node;
    const holder = part('span', 'log-cut');
    const more = part(
        'button',
        'log-more',
        `… show all ${entry.data.length.toLocaleString('en')} characters`,
    );
    more.type = 'button';
    more.tabIndex = -1;
    holder.append(node, more);
    return holder;
}
