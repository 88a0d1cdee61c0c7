// SPDX-License-Identifier: MIT
// What a status says: the word in it, what people usually mean by that word (its kind), and what
// goes with it.
//
// A publisher sends a bare word ("running"), a word and a detail ("down: no route to host"), or a
// JSON object:
//
//   { "state": "degraded", "value": "97.2 %", "message": "one of three is away",
//     "level": "warn", "ttl": "90s" }
//
// state (or status, word) is the word; value and message (or detail, text) are shown beside it, or
// which of its members decides.
// level, when given, decides the kind in place of the word. ttl is how long this status is worth
// something when nothing newer comes.
//
// The kind is that of the worst word in all of it (status-text.js, status-json.js); what is not
// understood is "other".
import { stripAnsi } from './ansi.js';
import { readJson } from './status-json.js';
import { Findings, readText, textKind } from './status-text.js';
import { parseDuration } from './status-time.js';

/** @import { Class, Kind, Status } from './live-status.js' */

const WORD_CHARACTERS_MAX = 60;
const DETAIL_CHARACTERS_MAX = 500;
const VALUE_CHARACTERS_MAX = 40;

// The most urgent first. "stale" is the class of a status that is no longer worth anything and was
// neither failing nor warning.
/** @type {readonly Class[]} */
export const CLASSES = ['bad', 'warn', 'stale', 'busy', 'wait', 'other', 'good'];

// How people say that n statuses are in a class.
/** @type {Readonly<Record<Class, string>>} */
export const CLASS_TEXT = {
    bad: 'failing',
    warn: 'warning',
    stale: 'stale',
    busy: 'running',
    wait: 'waiting',
    other: 'other',
    good: 'fine',
};

/**
 * The kind of a text by its worst word.
 * @param {string} text
 * @returns {Kind}
 */
export const wordKind = (text) => textKind(text);

/**
 * @param {string} data
 * @returns {Status}
 */
export function readStatus(data) {
    const text = (data.includes('\x1b') ? stripAnsi(data) : data).trim();
    if (/^[{["]/.test(text)) {
        try {
            return fromJson(JSON.parse(text), text);
        } catch {
            // Not JSON after all: shown as it is.
        }
    }
    return fromText(text);
}

/**
 * @param {string} text
 * @returns {Status}
 */
function fromText(text) {
    const [first, ...more] = text.split('\n');
    const colon = first.indexOf(': ');
    const isPair = colon > 0 && colon <= WORD_CHARACTERS_MAX;
    const detail = [isPair ? first.slice(colon + 2) : '', ...more].filter(Boolean).join('\n');
    return status(isPair ? first.slice(0, colon) : first, detail, textKind(text));
}

/**
 * @param {unknown} json
 * @param {string} text
 * @returns {Status}
 */
function fromJson(json, text) {
    if (typeof json === 'string') return fromText(json.trim());
    if (typeof json !== 'object' || json === null) return fromText(text);
    const members = /** @type {Record<string, unknown>} */ (json);
    const [name, word] = firstScalar(members, ['state', 'status', 'word', 'value']);
    const [, level = ''] = firstScalar(members, ['level']);
    const findings = new Findings();
    // A number is a code, or a value that no word goes with: readJson() sees to it.
    const says = level || (typeof members[name] === 'string' ? (word ?? '') : '');
    const isGrade = /^(?:info|information|notice|debug|trace|verbose)$/i.test(level);
    if (isGrade) readText(word ?? '', findings);
    else readText(says, findings);
    if (says && findings.isEmpty && name !== 'value') findings.doubt();
    readJson(members, findings, typeof members[name] === 'string' ? [name, 'level'] : ['level']);
    const [, value = ''] = name === 'value' ? [] : firstScalar(members, ['value']);
    const [, detail = ''] = firstScalar(members, ['message', 'detail', 'text', 'description']);
    const { kind, why } = findings;
    return {
        ...status(word ?? text.replace(/\s+/g, ' '), detail || (kind === 'good' ? '' : why), kind),
        value: shorten(value, VALUE_CHARACTERS_MAX),
        ttlMs: parseDuration(members.ttl, 0),
    };
}

/**
 * The first of the members that is a text, a number or a boolean.
 * @param {Record<string, unknown>} members
 * @param {readonly string[]} names
 * @returns {[name: string, text?: string]}
 */
function firstScalar(members, names) {
    for (const name of names) {
        const value = members[name];
        if (['string', 'number', 'boolean'].includes(typeof value) && value !== '')
            return [name, String(value)];
    }
    return [''];
}

/**
 * @param {string} word
 * @param {string} detail
 * @param {Kind} kind
 * @returns {Status}
 */
function status(word, detail, kind) {
    return {
        word: shorten(word || '(empty)', WORD_CHARACTERS_MAX),
        kind,
        value: '',
        detail: shorten(detail, DETAIL_CHARACTERS_MAX),
        ttlMs: 0,
    };
}

/**
 * @param {string} text
 * @param {number} charactersMax
 */
function shorten(text, charactersMax) {
    return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
}
