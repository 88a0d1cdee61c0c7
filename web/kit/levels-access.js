// SPDX-License-Identifier: MIT
// Access logs: the status code is the level. A 5xx is an error, a 4xx a warning; nothing else in
// such a line is a level, least of all its path.
import { LEVELS } from './levels-words.js';

/** @import { Level } from './live-log.js' */

/** @typedef {{ level: Level | '', before: string }} Access before: the text before the request */

/**
 * @param {number} code
 * @returns {Level | ''}
 */
export function statusLevel(code) {
    return code >= 500 && code < 600 ? 'error' : code >= 400 && code < 500 ? 'warn' : '';
}

/**
 * @param {Level | ''} a
 * @param {Level | ''} b
 */
export function worse(a, b) {
    if (!a || !b) return a || b;
    return LEVELS.indexOf(a) <= LEVELS.indexOf(b) ? a : b;
}

const METHODS =
    'GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|' +
    'LOCK|UNLOCK|REPORT|PRI';
// Each gives the code. The request of the first two, and what is quoted after it, is in quotes.
/** @type {readonly RegExp[]} */
const FORMS = [
    // Common and combined, with or without a virtual host; also of nginx, Envoy, Traefik, uvicorn,
    // Django, Amazon S3: the request in quotes, and then the code.
    new RegExp(`"(?:${METHODS}) [^"]*"[\\s|]{1,3}"?(\\d{3})(?=[\\s"|]|$)`),
    // The same of a request that cannot be read: "-" 408, "\x16\x03\x01" 400.
    /^\S{1,100} \S{1,100} [^[]{1,100}\[[^\]]{10,40}\] "[^"]*" (\d{3}) /,
    // HAProxy: the code follows on five times.
    /\] \S{1,100} [^\s/]{1,100}\/\S{1,100} (?:[-+]?\d{1,10}\/){4}\+?\d{1,10} (\d{3}) /,
    // Amazon: application and classic load balancers, CloudFront.
    /^(?:https?|h2|grpcs|wss?) \d{4}-\S{1,40} \S{1,200} \S{1,60} \S{1,60} -?[\d.]+ -?[\d.]+ -?[\d.]+ (\d{3}) /,
    /^\d{4}-\d\d-\d\dT\S{1,30} \S{1,100} \S{1,60}:\d+ \S{1,60} -?[\d.]+ -?[\d.]+ -?[\d.]+ (\d{3}) /,
    new RegExp(`\\t(?:${METHODS})\\t\\S{1,300}\\t\\S+\\t(\\d{3})\\t`),
    // W3C extended, IIS: status, substatus, win32-status; the port before is followed by a name.
    new RegExp(
        `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d .{0,200}?\\b(?:${METHODS}) /\\S* .*? ([1-5]\\d\\d) \\d{1,5} \\d`,
    ),
    // Squid, Gin, morgan (dev), Rails.
    /\bTCP_\w{1,40}\/(\d{3}) /,
    /^\[GIN\] .{1,60}\|\s{0,3}(\d{3}) \|/,
    new RegExp(
        `^(?:${METHODS}) \\S+ (?:HTTP/[\\d.]+ )?(\\d{3})(?: \\S{1,20} -)?(?: [\\d.]+ ms\\b|$)`,
    ),
    /\bCompleted (\d{3}) [A-Z]/,
    // Heroku's router and others in logfmt.
    /^(?=.{0,400}\bmethod=)(?=.{0,400}\bpath=).*?\bstatus=(\d{3})\b/,
];
const MAY_BE = new RegExp(`\\b(?:${METHODS})\\b|\\] "|TCP_|Completed `);
// What stands before the request is who asked, and no level.
const ASKED =
    /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){2,8})[\s:-]|^[^[]{1,300}\[\d{1,2}\/\w{3}\/\d{4}[: ]/;

/**
 * Null for a line that is none of an access log.
 * @param {string} line
 * @returns {Access | null}
 */
export function accessLevel(line) {
    if (!MAY_BE.test(line)) return null;
    for (const form of FORMS) {
        const found = form.exec(line);
        if (!found) continue;
        const before = line.slice(0, found.index);
        return {
            level: statusLevel(Number(found[1])),
            before: ASKED.test(before) ? '' : before.slice(-200),
        };
    }
    // A request without its code: "Started GET "/error" for 127.0.0.1".
    return /^Started (?:GET|HEAD|POST|PUT|DELETE|PATCH) "/.test(line)
        ? { level: '', before: '' }
        : null;
}
