// SPDX-License-Identifier: MIT
// How bad a line is, by its text: fields of JSON and logfmt, the marks of particular tools, the
// status code of access logs, and the usual words near the line's beginning.
//
// Only what programs write as a level counts, not every "error" in a sentence, and no name in a
// path; "0 errors" is no error. A continuation (an indented line, a stack frame) has the level of
// the line before it. Only the first LINE_MAX characters are read, with patterns that cannot
// backtrack far. test/data/levels.json has lines of real tools.
import { stripAnsi } from './ansi.js';
import { accessLevel, worse } from './levels-access.js';
import { jsonLevel } from './levels-json.js';
import { toolLevel } from './levels-tools.js';
import { levelOf, WORD_LEVELS } from './levels-words.js';

/** @import { Level } from './live-log.js' */

export { LEVELS } from './levels-words.js';

const LINE_MAX = 16_384;
const JSON_MAX = 65_536; // a longer object is not parsed
const HEAD = 240; // where words are looked for

// Before the message of a container (CRI), of docker compose, of a syslog.
const CRI = /^\d{4}-\d\d-\d\dT\S{8,26} std(?:out|err) [FP] /;
const BEFORE_JSON =
    /^(?:[\w./-]{1,80}\s{0,40}\| |(?:<\d{1,3}>)?\w{3} [ \d]\d \d\d:\d\d:\d\d \S{1,80} [^:{]{1,80}: )(?=\{)/;

// Of tests and linters, and padded levels: no continuations, although they are indented.
const INDENTED =
    /^\s{1,12}(?=\d{1,7}:\d{1,7}\s{1,8}(?:error|warning)\s|(?:ERROR|WARN|WARNING|FATAL)\b|Warning {2,}|--- |[✕✖✗✘⨯❌●⚠✓✔√]|(?:not )?ok \d)/;
const CONTINUED = /^(?:\t| {2,}|\s*at |\s*\.\.\. \d+ |Caused by: )/;
const REMARK = /\b(?:DETAIL|HINT|STATEMENT|CONTEXT|QUERY): {2}/; // PostgreSQL's, on the line before

const LOGFMT = /(?:^|[\s,;])(?:level|lvl|severity|loglevel|at)=["']?([A-Za-z]{2,14})\b/i;

// Capitals need no frame: "2026-11-22 12:00:00 ERROR main …". Small letters do: "[warn]",
// "[core:error]", "(info)", "| debug |", tabs, or a colon: "error:", "error TS2304:",
// "error[E0308]:".
const NOT_ALONE = new Set(['FINE', 'CONFIG', 'NOTE', 'LOG']);
const CAPITALS = [...WORD_LEVELS.keys()]
    .map((word) => word.toUpperCase())
    .filter((word) => !NOT_ALONE.has(word))
    .sort((a, b) => b.length - a.length)
    .join('|');
const WORD = new RegExp(
    `(?:^|[\\s[(|<:;,"'=.])(${CAPITALS})(?=$|[\\s\\]\\[)|>:;,!/"'-])` +
        `|[[(<|\\t]\\s{0,4}(?:[a-z_\\d]{1,30}:|[A-Za-z][\\w #.-]{0,40}/)?([A-Za-z]{3,13})[1-8]?(?=\\s{0,4}[\\])>|\\t])` +
        `|(?:^|[\\s:\\])])((?:[Ff]atal )?[A-Za-z]{3,13})` +
        `(?: [A-Z]{1,7}\\d{1,6}| ?\\[[\\w-]{1,30}\\])?\\d? ?(?=:(?:\\s|$))`,
    'g',
);
// "no error", "0 errors", "errors: 0"
const NONE_BEFORE = /(?:^|\W)(?:0|no|without|any)\s$/i;
const NONE_AFTER = /^\s{0,3}[:=]?\s{0,3}0(?:[\s,;)]|$)/;

const WARNING = /^(?:.{0,80}[\s:.])?[A-Z]\w{0,60}Warning: /;
const FAILURE =
    /^(?:Traceback \(most recent call last\)|Unhandled |Uncaught |Exception in thread |[\w.$:-]{0,120}(?:Error|Exception)(?::|$| \())/;
const PANIC = /^(?:panic|fatal error|thread '[^']{0,80}'(?: \(\d{1,12}\))? panicked)\b/;
const FAILED_TO = /(?:^|: |\] )Failed (?:to|with) /;
// What a run of tests or a compiler says at its end.
const COUNTS =
    /(?:^|[\s(:,;])(?:[1-9]\d{0,8} (?:failed|failing|failures?|errors?|(warnings?))\b|(?:[Ee]rrors|[Ff]ailures): [1-9])/;

/**
 * @param {string} text the whole line
 * @param {Level | ''} [before] the level of the same topic's previous line
 * @returns {Level | ''}
 */
export function detectLevel(text, before = '') {
    if (text.startsWith('{')) {
        const isLong = text.length > JSON_MAX;
        const ends = isLong ? text.slice(0, LINE_MAX) + text.slice(-LINE_MAX) : text;
        return jsonLevel(ends, messageLevel);
    }
    let line = text.length > LINE_MAX ? text.slice(0, LINE_MAX) : text;
    if (line.includes('\x1b')) line = stripAnsi(line);
    const container = CRI.exec(line);
    if (container) return detectLevel(line.slice(container[0].length), before);
    const prefix = BEFORE_JSON.exec(line);
    if (prefix) {
        const found = jsonLevel(line.slice(prefix[0].length), messageLevel);
        if (found) return found;
    }
    const indented = INDENTED.exec(line);
    if (indented) return headLevel(line.slice(indented[0].length, HEAD));
    if (CONTINUED.test(line) || (line.includes(':  ') && REMARK.test(line.slice(0, HEAD))))
        return before;
    const access = accessLevel(line);
    if (access) return worse(access.level, access.before ? headLevel(access.before) : '');
    return headLevel(line.slice(0, HEAD));
}

// Of a line that was inside another one.
const messageLevel = (/** @type {string} */ message) => detectLevel(message);

/**
 * @param {string} head
 * @returns {Level | ''}
 */
function headLevel(head) {
    return toolLevel(head) ?? (logfmtLevel(head) || wordLevel(head) || failureLevel(head));
}

/** @param {string} head */
function logfmtLevel(head) {
    if (!head.includes('=')) return '';
    // A quoted text of several words says nothing about the line's own level.
    const found = LOGFMT.exec(
        head.replace(/"[^"]*(?:"|$)/g, (text) => (/[\s=]/.test(text) ? '""' : text)),
    );
    return found ? levelOf(found[1]) : '';
}

/**
 * The first word of a level.
 * @param {string} head
 * @returns {Level | ''}
 */
function wordLevel(head) {
    for (const found of head.matchAll(WORD)) {
        const level = levelOf(found[1] ?? found[2] ?? found[3]);
        if (!level) continue;
        const end = found.index + found[0].length;
        const before = head.slice(Math.max(0, found.index - 8), found.index + 1);
        if (!NONE_BEFORE.test(before) && !NONE_AFTER.test(head.slice(end, end + 12))) return level;
    }
    return '';
}

/**
 * @param {string} head
 * @returns {Level | ''}
 */
function failureLevel(head) {
    if (PANIC.test(head)) return 'fatal';
    if (FAILURE.test(head) || FAILED_TO.test(head)) return 'error';
    if (WARNING.test(head)) return 'warn';
    const counts = COUNTS.exec(head);
    return counts ? (counts[1] ? 'warn' : 'error') : '';
}
