// SPDX-License-Identifier: MIT
// The words and the numbers of levels.

/** @import { Level } from './live-log.js' */

/** @type {readonly Level[]} the worst first */
export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];

/** @type {Record<Level, string>} */
const WORDS = {
    fatal: 'fatal critical crit panic emergency emerg alert ftl fata pani dpanic',
    error: 'error err severe failure eror erro fail failed',
    warn: 'warning warn wrn deprecated deprecation',
    info: 'info information informational notice inf note log system success inform',
    debug: 'debug dbg debu dbug fine config',
    trace: 'trace trce trac verbose vrb verb trc finer finest silly sill',
};

/** @type {Map<string, Level>} */
export const WORD_LEVELS = new Map(
    LEVELS.flatMap((level) => WORDS[level].split(' ').map((word) => [word, level])),
);

/**
 * @param {string} word in any case
 * @returns {Level | ''}
 */
export function levelOf(word) {
    const lower = word.toLowerCase();
    return lower.startsWith('fatal ') ? 'fatal' : (WORD_LEVELS.get(lower) ?? '');
}

/** @type {readonly Level[]} RFC 5424, section 6.2.1 */
export const SYSLOG = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'];

/** @type {Readonly<Record<string, Level>>} of klog, glog, logcat, Ruby, MongoDB, apt */
export const LETTERS = {
    V: 'trace',
    D: 'debug',
    N: 'info',
    I: 'info',
    W: 'warn',
    E: 'error',
    F: 'fatal',
    A: 'fatal',
    C: 'fatal',
};
