// SPDX-License-Identifier: MIT
// One row: time, topic, pinned fields, text; unfolded JSON below. Everything but the text is kept
// out of selections.
import { part } from './dom.js';
import { cellText, field, jsonTree, looksLikeJson, parseJson } from './json-lines.js';
import { absoluteTime, fullTime, relativeTime, tagIndex } from './log-time.js';
import { SHOWN_MAX, shortened, writePlain, writeText } from './log-text.js';
import { stripAnsi } from './ansi.js';

/** @import { Entry, Line, Note } from './log-window.js' */

/**
 * How rows look.
 * @typedef {object} View
 * @property {'absolute' | 'relative' | 'none'} timeMode
 * @property {boolean} utc
 * @property {boolean} tags whether the topic is shown
 * @property {readonly string[]} columns pinned fields
 * @property {(entry: Line) => readonly number[] | null} marks ranges of the text that are marked
 */

const LABEL_MAX = 300;

/**
 * Narrow screens leave the milliseconds out: they are an element of their own.
 * @param {Element} node
 * @param {Line} entry
 * @param {Pick<View, 'timeMode' | 'utc'>} view
 */
export function writeTime(node, entry, { timeMode, utc }) {
    const ms = Date.parse(entry.time);
    const text = timeMode === 'relative' ? relativeTime(ms) : absoluteTime(ms, utc);
    const dot = text.indexOf('.');
    node.replaceChildren(dot < 0 ? text : text.slice(0, dot));
    if (dot >= 0) node.append(part('span', 'log-ms', text.slice(dot)));
}

/**
 * "error, 12:00:00.000, logs/app: the text"
 * @param {Entry} entry
 * @param {View} view
 */
export function rowLabel(entry, view) {
    if (entry.data === undefined) return entry.note;
    const before = [
        entry.level,
        fullTime(Date.parse(entry.time), view.utc),
        view.tags ? entry.topic : '',
    ]
        .filter(Boolean)
        .join(', ');
    const text = stripAnsi(entry.data.slice(0, 2 * LABEL_MAX));
    return `${before}: ${text.length > LABEL_MAX ? `${text.slice(0, LABEL_MAX)}…` : text}`;
}

/**
 * What the row shows of the line's text; marks are for this text without colour codes.
 * @param {Line} entry
 */
export function shownData(entry) {
    return entry.open ? entry.data : shortened(entry.data);
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
    row.setAttribute('aria-label', rowLabel(entry, view));
    const json = looksLikeJson(entry.data);
    const value = entry.open || (json && view.columns.length) ? parseJson(entry.data) : null;
    const line = part('div', 'log-main');
    line.append(...gutter(entry, view));
    for (const column of view.columns) line.append(cell(column, value));
    const foldable = json || entry.data.length > SHOWN_MAX;
    line.append(foldable ? foldButton(entry, json) : part('span', 'log-fold'));
    line.append(text(entry, view));
    row.append(line);
    if (entry.open) row.classList.add('open');
    if (entry.open && value) row.append(jsonTree(value, view.columns, writePlain));
    return row;
}

/**
 * @param {Line} entry
 * @param {boolean} json
 */
function foldButton(entry, json) {
    const button = part('button', 'log-fold');
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
        time.title = fullTime(Date.parse(entry.time), view.utc);
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
    writePlain(node, shown);
    return node;
}

/**
 * @param {Line} entry
 * @param {View} view
 */
function text(entry, view) {
    const node = part('span', 'log-text');
    const shown = shownData(entry);
    writeText(node, shown, view.marks(entry));
    if (shown.length === entry.data.length) return node;
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
