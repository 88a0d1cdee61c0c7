// SPDX-License-Identifier: MIT
// Codes and marks in a status that say how something is: of HTTP, of processes that have ended, of
// a RAID, of check_mk.

/** @import { Kind } from './live-status.js' */

/**
 * The kind of an HTTP status code. A redirect is not understood: it may lead to a page that asks
 * for a password.
 * @param {number} code
 * @returns {Kind}
 */
export function httpKind(code) {
    return code >= 200 && code < 300 ? 'good' : code >= 400 ? 'bad' : 'other';
}

// RFC 9110, section 15, and what goes with it.
const REASONS =
    'ok|created|accepted|no content|partial content|moved permanently|found|see other|not modified|' +
    'bad request|unauthorized|payment required|forbidden|not found|method not allowed|' +
    'not acceptable|request timeout|conflict|gone|too many requests|internal server error|' +
    'not implemented|bad gateway|service unavailable|gateway timeout';

/** @param {string} code */
const http = (code) => httpKind(Number(code));

/** @param {string} code */
const exit = (code) => (Number(code) === 0 ? 'good' : 'bad');

/** @type {[RegExp, (code: string) => Kind][]} */
const CODES = [
    [
        /\bHTTP(?:S|\/\d(?:\.\d)?)?[\s:=]{0,3}(?:(?:status|code|response)[\s:=]{0,3}){0,2}([1-5]\d\d)\b(?:\s+OK\b)?/gi,
        http,
    ],
    [/\b(?:status|response)(?:[ _-]?code)?[\s:=]{1,3}([1-5]\d\d)\b(?!\/)/gi, http],
    [new RegExp(`\\b([1-5]\\d\\d) (?:${REASONS})\\b`, 'gi'), http],
    // A container that has ended well: a job that is done, or a service that is gone.
    [/\bExited \((\d{1,3})\)/gi, (code) => (Number(code) === 0 ? 'other' : 'bad')],
    [/\b(?:code=exited, )?status=(\d{1,3})\/[A-Z]\w*/g, exit], // systemd
    [
        /\b(?:exit(?:ed)?|return(?:ed)?)(?:[ _-](?:with|code|status|value)){0,3}[\s:=]{1,3}(-?\d{1,10})\b/gi,
        exit,
    ],
    [/\b(?:rc|exitcode|returncode|errno)[\s:=]{1,3}(-?\d{1,10})\b|\(code:? (\d{1,3})\)/gi, exit],
    [/\[([U_]{2,32})\]/g, (disks) => (disks.includes('_') ? 'warn' : 'good')], // md
    [/\((!!?)\)/g, (marks) => (marks === '!!' ? 'bad' : 'warn')], // check_mk
    [/:(?:x|no_entry|boom|skull|fire|bangbang|exclamation|sos|red_square):/g, () => 'bad'],
];

/**
 * Tells the kind of each code in the text, and returns the text without them.
 * @param {string} text
 * @param {(kind: Kind) => void} tell
 */
export function takeCodes(text, tell) {
    for (const [pattern, kindOf] of CODES) {
        text = text.replace(pattern, (_, ...groups) => {
            tell(kindOf(groups.find((group) => typeof group === 'string') ?? ''));
            return ' , ';
        });
    }
    return text;
}
