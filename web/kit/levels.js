// SPDX-License-Identifier: MIT
// How bad a line is, by its text: fields of JSON and logfmt, prefixes of syslog and klog, and the
// usual words near its beginning.
//
// Only what programs write as a level counts, not every "error" in a sentence. A continuation (an
// indented line, a stack frame) has the level of the line before it. Only the first few hundred
// characters are read, with patterns that cannot backtrack far.
import { stripAnsi } from './ansi.js';

/** @import { Level } from './live-log.js' */

/** @type {readonly Level[]} */
export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];

const HEAD = 240;
const JSON_HEAD = 2000;

/** @type {Record<string, Level>} */
const WORDS = {
    fatal: 'fatal',
    critical: 'fatal',
    crit: 'fatal',
    panic: 'fatal',
    emergency: 'fatal',
    emerg: 'fatal',
    alert: 'fatal',
    ftl: 'fatal',
    dpanic: 'fatal',
    error: 'error',
    err: 'error',
    severe: 'error',
    failure: 'error',
    eror: 'error',
    warning: 'warn',
    warn: 'warn',
    wrn: 'warn',
    info: 'info',
    information: 'info',
    informational: 'info',
    notice: 'info',
    inf: 'info',
    debug: 'debug',
    dbg: 'debug',
    fine: 'debug',
    config: 'debug',
    debu: 'debug',
    trace: 'trace',
    verbose: 'trace',
    trc: 'trace',
    finer: 'trace',
    finest: 'trace',
    silly: 'trace',
};
/** @type {Level[]} */
const SYSLOG = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'];
/** @type {Record<string, Level>} */
const KLOG = { I: 'info', W: 'warn', E: 'error', F: 'fatal' };

const JSON_FIELD =
    /"(?:level|severity|lvl|log\.level|loglevel|levelname|@l|priority)"\s*:\s*(?:"([A-Za-z]{2,14})"|(\d{1,2})\b)/i;
const LOGFMT = /(?:^|[\s,;])(?:level|lvl|severity|loglevel)=["']?([A-Za-z]{2,14})\b/i;
const PRIORITY = /^<(\d{1,3})>/;
const KLOG_HEAD = /^([IWEF])\d{4} \d\d:\d\d/;
// Capitals need no frame: "2026-11-22 12:00:00 ERROR main …".
const CAPITAL_WORDS =
    'TRACE|TRC|VERBOSE|FINEST|DEBUG|DBG|INFO|INF|NOTICE|WARN|WARNING|WRN|ERROR|ERR|SEVERE|' +
    'FATAL|FTL|CRITICAL|CRIT|PANIC|EMERG|ALERT';
const CAPITALS = new RegExp(`(?:^|[\\s[(|<:;,/"'=])(${CAPITAL_WORDS})(?=$|[\\s\\])|>:;,!/"'-])`);
// Small letters need a frame: "[warn]", "error:", "(info)", "| debug |".
const FRAMED = /[[(<|]\s{0,4}([A-Za-z]{3,13})\s{0,4}[\])>|]/g;
const BEFORE_COLON = /(?:^|[\s:\])])([A-Za-z]{3,13})(?:\[[\w-]{1,30}\])?:(?=\s|$)/g;
const FAILURE =
    /^(?:Traceback \(most recent call last\)|Unhandled |Uncaught |Exception in thread |Caused by: |[\w.$]{1,120}(?:Error|Exception)(?::|$))|^npm ERR!/;
const PANIC = /^(?:panic|fatal error|thread '[^']{0,80}' panicked)\b/;
const CONTINUED = /^(?:\t| {2,}|\s*at |\s*\.\.\. \d+ |Caused by: )/;

/**
 * @param {string} text the whole line
 * @param {Level | ''} [before] the level of the same topic's previous line
 * @returns {Level | ''}
 */
export function detectLevel(text, before = '') {
    const start = text.charCodeAt(0);
    if (start === 0x7b /* { */) {
        const found = JSON_FIELD.exec(text.length > JSON_HEAD ? text.slice(0, JSON_HEAD) : text);
        if (found)
            return found[1] ? (WORDS[found[1].toLowerCase()] ?? '') : byNumber(Number(found[2]));
        return '';
    }
    let head = text.length > HEAD ? text.slice(0, HEAD) : text;
    if (head.includes('\x1b')) head = stripAnsi(head);
    if (CONTINUED.test(head)) return before;
    return prefixed(head) ?? worded(head) ?? '';
}

/**
 * Numbers of pino and bunyan; below ten those of syslog.
 * @param {number} n
 */
function byNumber(n) {
    if (n < 8) return SYSLOG[n];
    if (n < 20) return 'trace';
    if (n < 30) return 'debug';
    if (n < 40) return 'info';
    if (n < 50) return 'warn';
    return n < 60 ? 'error' : 'fatal';
}

/** @param {string} head */
function prefixed(head) {
    if (head.startsWith('<')) {
        const priority = PRIORITY.exec(head);
        if (priority && Number(priority[1]) < 192) return SYSLOG[Number(priority[1]) & 7];
    }
    const klog = KLOG_HEAD.exec(head);
    if (klog) return KLOG[klog[1]];
    const logfmt = LOGFMT.exec(head);
    return (logfmt && WORDS[logfmt[1].toLowerCase()]) ?? undefined;
}

/** @param {string} head */
function worded(head) {
    const capitals = CAPITALS.exec(head);
    if (capitals) return WORDS[capitals[1].toLowerCase()];
    for (const pattern of [FRAMED, BEFORE_COLON]) {
        for (const [, word] of head.matchAll(pattern)) {
            const level = Object.hasOwn(WORDS, word.toLowerCase())
                ? WORDS[word.toLowerCase()]
                : undefined;
            if (level) return level;
        }
    }
    if (FAILURE.test(head)) return 'error';
    return PANIC.test(head) ? 'fatal' : undefined;
}
