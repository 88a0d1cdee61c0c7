// SPDX-License-Identifier: MIT
// The level of a line that is a JSON object: of its own members, not of those inside; where it has
// none, of the line that it wraps (Docker) or of the request that it tells of.
import { stripAnsi } from './ansi.js';
import { statusLevel, worse } from './levels-access.js';
import { levelOf, LETTERS, SYSLOG } from './levels-words.js';

/** @import { Level } from './live-log.js' */

const NAMES_MAX = 500;

// In the order in which they are asked, in small letters without "_", "-", "@" and ".".
const LEVEL_KEYS = [
    'level',
    'severity',
    'lvl',
    'loglevel',
    'levelname',
    'severitytext',
    'l',
    's',
    'priority',
    'severitynumber',
    'levelvalue',
    'levelno',
];
const STATUS_KEYS = [
    'status',
    'statuscode',
    'responsecode',
    'downstreamstatus',
    'originstatus',
    'code',
];
// Where the status stands in an object of its own: Google Cloud, pino-http, Kubernetes.
const INNER = ['httprequest', 'res', 'response', 'responsestatus'];
const REQUEST_KEYS = new Set([
    'request',
    'method',
    'requestmethod',
    'httpmethod',
    'requesturi',
    'uri',
    'path',
    'requestpath',
    'httprequest',
    'url',
    'verb',
    'req',
]);
// Of a line that was cut, or that is very long.
const FIELD =
    /"(?:level|severity|lvl|log\.level|loglevel|levelname|@l|@level|priority)"\s{0,3}:\s{0,3}(?:"([A-Za-z]{2,14})"|(\d{1,5})\b)/i;

/**
 * @param {string} line begins with a brace
 * @param {(message: string) => Level | ''} messageLevel of a line inside this one
 * @returns {Level | ''}
 */
export function jsonLevel(line, messageLevel) {
    const members = parse(line);
    if (!members) {
        const found = FIELD.exec(line);
        return found ? (found[1] ? levelOf(found[1]) : numberLevel(Number(found[2]), '')) : '';
    }
    const wrapped = members.get('log');
    if (typeof wrapped === 'string' && members.has('stream'))
        return messageLevel(wrapped.replace(/\n$/, ''));
    const own = ownLevel(members);
    for (const key of members.keys())
        if (REQUEST_KEYS.has(key)) return worse(own, requestLevel(members));
    const message = members.get('message') ?? members.get('msg') ?? wrapped;
    return own || typeof message !== 'string' ? own : messageLevel(message);
}

/**
 * The members of the object that the line is; null where it is none.
 * @param {string} line
 */
function parse(line) {
    try {
        return inside(JSON.parse(line));
    } catch {
        return null;
    }
}

/**
 * The members by their names as plainName() gives them.
 * @param {unknown} value
 * @returns {Map<string, unknown>}
 */
function inside(value) {
    const members = new Map();
    if (typeof value === 'object' && value !== null)
        for (const [key, one] of Object.entries(value)) members.set(plainName(key), one);
    return members;
}

/** @type {Map<string, string>} the same few names come in every line */
const plainNames = new Map();

/**
 * In small letters without punctuation.
 * @param {string} name
 */
function plainName(name) {
    const known = plainNames.get(name);
    if (known !== undefined) return known;
    if (plainNames.size >= NAMES_MAX) plainNames.clear();
    const plain = name
        .slice(0, 40)
        .replace(/[^A-Za-z\d]/g, '')
        .toLowerCase();
    plainNames.set(name, plain);
    return plain;
}

/**
 * @param {Map<string, unknown>} members
 * @returns {Level | ''}
 */
function ownLevel(members) {
    const { log } = Object.fromEntries(members);
    if (typeof log === 'object' && log !== null && 'level' in log && typeof log.level === 'string')
        return levelOf(log.level); // Elastic Common Schema
    for (const key of LEVEL_KEYS) {
        const value = members.get(key);
        const found =
            typeof value === 'number'
                ? numberLevel(value, key)
                : typeof value === 'string'
                  ? textLevel(value, key, members)
                  : '';
        if (found) return found;
    }
    return '';
}

/**
 * @param {string} value
 * @param {string} key
 * @param {Map<string, unknown>} members
 * @returns {Level | ''}
 */
function textLevel(value, key, members) {
    if (/^\d{1,5}$/.test(value)) return numberLevel(Number(value), key);
    // MongoDB: {"t":…,"s":"E","c":"NETWORK",…}
    if (key === 's') return members.has('c') ? (LETTERS[value[0]] ?? '') : '';
    if (/^[A-Z]$/.test(value)) return LETTERS[value] ?? '';
    return levelOf(/^[A-Za-z]*/.exec(stripAnsi(value))?.[0] ?? '');
}

/**
 * Numbers of syslog below eight, of pino and bunyan below a hundred; OpenTelemetry, Python and
 * logback have members of their own.
 * @param {number} n
 * @param {string} key
 * @returns {Level | ''}
 */
function numberLevel(n, key) {
    /** @type {[number, Level][]} the least number of each */
    const steps =
        key === 'severitynumber'
            ? [
                  [21, 'fatal'],
                  [17, 'error'],
                  [13, 'warn'],
                  [9, 'info'],
                  [5, 'debug'],
              ]
            : key === 'levelno'
              ? [
                    [50, 'fatal'],
                    [40, 'error'],
                    [30, 'warn'],
                    [20, 'info'],
                    [10, 'debug'],
                ]
              : n >= 1000
                ? [
                      [50_000, 'fatal'],
                      [40_000, 'error'],
                      [30_000, 'warn'],
                      [20_000, 'info'],
                      [10_000, 'debug'],
                  ]
                : [
                      [60, 'fatal'],
                      [50, 'error'],
                      [40, 'warn'],
                      [30, 'info'],
                      [20, 'debug'],
                  ];
    if (n < 8 && key !== 'severitynumber' && key !== 'levelno') return SYSLOG[n] ?? '';
    return steps.find(([least]) => n >= least)?.[1] ?? 'trace';
}

/**
 * @param {Map<string, unknown>} members
 * @returns {Level | ''}
 */
function requestLevel(members) {
    for (const name of ['', ...INNER]) {
        const one = name ? members.get(name) : members;
        if (typeof one !== 'object' || one === null) continue;
        const named = one instanceof Map ? one : inside(one);
        for (const key of STATUS_KEYS) {
            const status = named.get(key);
            if (typeof status === 'number' || typeof status === 'string')
                return statusLevel(Number(status));
        }
    }
    return '';
}
