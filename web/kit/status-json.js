// SPDX-License-Identifier: MIT
// What a status that is JSON says about how something is. Names of members are no words: only what
// they hold counts, and how it counts depends on the member.
//
//   {"status":"completed","conclusion":"failure"}       bad: the worst of its states
//   {"state":"ok","healthy":false}                      bad: a good thing that is not so
//   {"status":"ok","checks":{"db":{"status":"down"}}}   bad: also far inside
//   {"errors":0,"failed":[]}                            good: none of a bad thing
//   {"ready":2,"replicas":3}                            warn: not all of a good thing
//
// Where the worst stands is told as the reason ("checks.db.status: down").
// At most NODES_MAX values and CHARACTERS_MAX characters are looked at.
import { httpKind } from './status-codes.js';
import { Findings, readText, textKind } from './status-text.js';
import { COUNTED, meaningOf } from './status-vocabulary.js';

/** @import { Kind } from './live-status.js' */

const NODES_MAX = 300;
const CHARACTERS_MAX = 8000; // of all texts together
const DEPTH_MAX = 8;
const VALUE_MAX = 60; // characters of a value that is told as the reason

// What was, what should be, and what limits there are is not how things are.
const NOT_NOW =
    /\b(?:prev|previous|last|old|former|prior|past|want|wanted|target|spec|threshold|thresholds|limit|limits|max|min|config|history|policy|rules|default|labels|annotations|metadata|env|until|at|on|time|date|ts|timestamp|since|seconds|secs|ms|duration|interval|timeout|rate|ratio)\b/;
const NAMES =
    /\b(?:name|id|uid|title|host|hostname|user|owner|author|url|uri|link|image|branch|tag|topic|namespace|commit|sha|project|version|kind|type|path|file|email)$/;
// Their text is a state.
const STATES =
    /\b(?:state|status|health|healthy|result|results|conclusion|outcome|phase|condition|level|indicator|severity|impact|verdict|word|availability|alive|check|sync|mode|alert|(?:state|status|health) (?:str|string|text|label))$/;
// Their text is for people: it may say that something is wrong, but not that all is well.
const PROSE =
    /\b(?:message|msg|detail|details|text|description|reason|summary|output|note|info|cause)$/;
const TROUBLE = /\b(?:error|errors|err|exception|exceptions|failure|failures|problem|problems)$/;
const GRADES = /\b(?:severity|indicator|impact)$/;
// What is not understood as one of these makes all the rest doubtful.
const ESSENTIAL = /\b(?:state|status|health|condition|conclusion|phase)$/;
// Under one of these a flag is about the part that it is named after.
const PARTS =
    /\b(?:checks?|components?|services?|health|status|statuses|dependencies|probes|parts|nodes|hosts|tests?|results?)$/;
/** @type {Record<string, Kind>} */
const GRADE = { high: 'bad', major: 'bad', minor: 'warn', medium: 'warn', moderate: 'warn' };
const EXIT = /\b(?:exit|rc|returncode|exitcode|exit code|exit status|return code)$/;
const HTTP = /\b(?:status|code|status code|http status)$/;
const TOTALS = ['replicas', 'total', 'desired', 'desiredReplicas', 'desiredNumberScheduled'];

/**
 * notReady, not_ready and NOT-READY in small words.
 * @param {string} key
 */
const keyWords = (key) =>
    key
        .slice(0, 100)
        .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
        .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
        .replace(/[^\p{L}\d]+/gu, ' ')
        .trim()
        .toLowerCase();

/**
 * Reads an object or an array into what was found. Members of `except` are left out: they have been
 * read already.
 * @param {object} json
 * @param {Findings} findings
 * @param {readonly string[]} except
 */
export function readJson(json, findings, except = []) {
    let left = NODES_MAX;
    let characters = CHARACTERS_MAX;
    /**
     * @param {unknown} value
     * @param {string} key in small words
     * @param {string[]} path
     * @param {readonly string[]} skipped
     * @param {unknown} [total] of how many, where the value is a number
     */
    const visit = (value, key, path, skipped = [], total = undefined) => {
        if (left-- <= 0 || path.length > DEPTH_MAX || value === null) return;
        findings.at = path.join('.');
        if (Array.isArray(value)) {
            if (isTrouble(key)) readNumber(value.length, key, findings);
            for (const [i, item] of value.slice(0, NODES_MAX).entries())
                visit(item, key, [...path, `${i}`]);
            return;
        }
        if (typeof value === 'object') {
            if (TROUBLE.test(key) && Object.keys(value).length) findings.add('bad');
            visitMembers(/** @type {Record<string, unknown>} */ (value), path, skipped);
            return;
        }
        findings.at += `: ${String(value).slice(0, VALUE_MAX)}`;
        if (typeof value === 'boolean' && !readFlag(value, key, findings)) {
            const isPart = path.length > 1 && PARTS.test(keyWords(path[path.length - 2]));
            if (isPart) findings.add(value ? 'good' : 'bad');
        }
        if (typeof value === 'number') readNumber(value, key, findings, total);
        if (typeof value === 'string') {
            readString(value.slice(0, characters), key, findings);
            characters -= Math.min(value.length, characters);
        }
    };
    /**
     * @param {Record<string, unknown>} members
     * @param {string[]} path
     * @param {readonly string[]} skipped
     */
    const visitMembers = (members, path, skipped) => {
        const isCondition = readCondition(members, findings);
        const total = TOTALS.map((name) => members[name]).find((n) => typeof n === 'number');
        for (const [name, member] of Object.entries(members)) {
            const words = keyWords(name);
            if (skipped.includes(name) || NOT_NOW.test(words)) continue;
            if (isCondition && (name === 'status' || name === 'type')) continue;
            visit(member, words, [...path, name], [], total === member ? undefined : total);
        }
    };
    visit(json, '', [], except);
    findings.at = '';
}

/**
 * Kubernetes: {"type":"Ready","status":"False"}. Whether it was one.
 * @param {Record<string, unknown>} members
 * @param {Findings} findings
 */
function readCondition({ type, status }, findings) {
    if (typeof type !== 'string' || !/^(?:True|False|Unknown)$/.test(`${status}`)) return false;
    findings.at = `${type.slice(0, VALUE_MAX)}: ${status}`;
    if (status === 'Unknown') findings.add('warn');
    else readFlag(status === 'True', keyWords(type), findings);
    return true;
}

/** @param {string} key */
const isTrouble = (key) => key.split(' ').some((word) => COUNTED.has(word) || TROUBLE.test(word));

/**
 * Whether the name says what the flag means.
 * @param {boolean} is
 * @param {string} key
 * @param {Findings} findings
 */
function readFlag(is, key, findings) {
    const name = new Findings();
    readText(key, name);
    const { kind } = name;
    if (name.isEmpty) return false;
    if (kind === 'good' || /\brunning$/.test(key)) {
        findings.add(is ? 'good' : 'bad', { health: true });
    } else if (kind === 'bad' || kind === 'warn') {
        findings.add(is ? kind : 'good');
    } else if (is) {
        findings.add(kind);
    }
    return true;
}

/**
 * @param {number} n
 * @param {string} key
 * @param {Findings} findings
 * @param {unknown} [total] of how many
 */
function readNumber(n, key, findings, total) {
    const kind = textKind(key);
    if (EXIT.test(key)) {
        findings.add(n === 0 ? 'good' : 'bad');
    } else if (HTTP.test(key)) {
        if (n >= 100 && n < 600) findings.add(httpKind(n));
        else findings.doubt();
    } else if (/\bhealth$/.test(key)) {
        if (n === 0 || n === 1) findings.add(n === 1 ? 'good' : 'bad');
        else findings.doubt();
    } else if (isTrouble(key)) {
        findings.add(n === 0 ? 'good' : kind === 'warn' ? 'warn' : 'bad');
    } else if (kind === 'good') {
        if (typeof total === 'number' && n < total) findings.add(n > 0 ? 'warn' : 'bad');
        else readText(`${n} ${key}`, findings);
    } else if ((kind === 'bad' || kind === 'warn') && n > 0) {
        findings.doubt(); // a threshold, or a count?
    }
}

/**
 * @param {string} text
 * @param {string} key
 * @param {Findings} findings
 */
function readString(text, key, findings) {
    const plain = text.trim().toLowerCase();
    if (plain === '' || NAMES.test(key)) return;
    const isNone = /^(?:none|null|no|nil|n\/a|ok|false|0|-)$/.test(plain);
    if (GRADES.test(key)) {
        findings.add(isNone ? 'good' : (GRADE[plain] ?? textKind(plain)));
    } else if (/^(?:true|false|yes|no)$/.test(plain)) {
        readFlag(plain === 'true' || plain === 'yes', key, findings);
    } else if (STATES.test(key)) {
        const value = new Findings();
        readText(text, value);
        if (value.isEmpty && ESSENTIAL.test(key)) findings.doubt();
        readText(text, findings);
    } else if (TROUBLE.test(key)) {
        findings.add(isNone ? 'good' : 'bad');
    } else if (PROSE.test(key)) {
        const kind = textKind(text);
        if (kind === 'bad' || kind === 'warn') findings.add(kind);
    } else {
        // {"db":"down"}: a part and its state. Anything longer is a name or a sentence.
        const meaning = meaningOf(keyWords(text));
        if (meaning?.kind && !meaning.weak) readText(text, findings);
    }
}
