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
// state (or status, word) is the word; value and message (or detail, text) are shown beside it.
// level, when given, decides the kind in place of the word. ttl is how long this status is valid
// when nothing newer comes.
import { parseDuration } from './status-time.js';

/** @import { Class, Kind, Status } from './live-status.js' */

const WORD_CHARACTERS_MAX = 60;
const DETAIL_CHARACTERS_MAX = 500;
const VALUE_CHARACTERS_MAX = 40;

/** @satisfies {Record<Exclude<Kind, 'other'>, string>} */
const WORDS = {
    good:
        'check ok okay success successful succeeded pass passed done complete completed finished ' +
        'healthy up online ready available active green good normal alive connected deployed ' +
        'stable enabled open fine info',
    busy:
        'running run started starting building deploying working busy syncing processing progress ' +
        'in-progress in_progress executing testing updating uploading downloading loading ' +
        'restarting recovering migrating',
    wait:
        'queued queue pending waiting wait scheduled paused idle created new accepted submitted ' +
        'blocked hold',
    warn: 'warning warn degraded slow yellow amber retrying unstable unhealthy stale partial',
    bad:
        'failed fail failure failing error errored down critical crit fatal red offline dead ' +
        'broken crashed aborted timeout timed-out rejected unreachable outage alarm emergency ' +
        'lost bad',
    off:
        'cancelled canceled stopped stopping skipped disabled off unknown none closed ' +
        'maintenance',
};
/** @type {Map<string, Kind>} */
const KIND_OF = new Map();
for (const [kind, words] of Object.entries(WORDS)) {
    for (const word of words.split(' ')) KIND_OF.set(word, /** @type {Kind} */ (kind));
}

// The most urgent first. "stale" is the class of a status that has not been heard from for too long
// and was neither failing nor warning.
/** @type {readonly Class[]} */
export const CLASSES = ['bad', 'warn', 'stale', 'busy', 'wait', 'other', 'good', 'off'];

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
    off: 'off',
};

/**
 * The kind of a status word. The first part of it that is known decides: "build failed" is bad, "in
 * progress" is busy.
 * @param {string} word
 * @returns {Kind}
 */
export function wordKind(word) {
    const lower = word.toLowerCase();
    const negated = /^(not|no|un)\b/.test(lower);
    for (const part of lower.split(/[^\p{L}\p{N}_-]+/u)) {
        const kind = KIND_OF.get(part);
        if (kind) return negated && kind === 'good' ? 'warn' : kind;
    }
    return 'other';
}

/**
 * @param {string} data
 * @returns {Status}
 */
export function readStatus(data) {
    const text = data.trim();
    if (/^[{"]/.test(text)) {
        try {
            const found = fromJson(JSON.parse(text));
            if (found) return found;
        } catch {
            // Not JSON after all: shown as it is.
        }
    }
    const [first] = text.split('\n', 1);
    const colon = first.indexOf(': ');
    if (colon > 0 && colon <= WORD_CHARACTERS_MAX)
        return status(first.slice(0, colon), first.slice(colon + 2));
    return status(first || '(empty)');
}

/**
 * @param {string | Record<string, unknown>} json
 * @returns {Status | null}
 */
function fromJson(json) {
    if (typeof json === 'string') return status(json || '(empty)');
    const found =
        scalar(json.state) ?? scalar(json.status) ?? scalar(json.word) ?? scalar(json.value);
    if (found === undefined) return null;
    const value = found === scalar(json.value) ? '' : (scalar(json.value) ?? '');
    const detail = scalar(json.message) ?? scalar(json.detail) ?? scalar(json.text) ?? '';
    return {
        ...status(found, detail, scalar(json.level)),
        value: shorten(value, VALUE_CHARACTERS_MAX),
        ttlMs: parseDuration(json.ttl, 0),
    };
}

/**
 * @param {string} word
 * @param {string} [detail]
 * @param {string} [level]
 * @returns {Status}
 */
function status(word, detail = '', level = word) {
    return {
        word: shorten(word, WORD_CHARACTERS_MAX),
        kind: wordKind(level),
        value: '',
        detail: shorten(detail, DETAIL_CHARACTERS_MAX),
        ttlMs: 0,
    };
}

/** @param {unknown} value */
function scalar(value) {
    return ['string', 'number', 'boolean'].includes(typeof value) && value !== ''
        ? String(value)
        : undefined;
}

/**
 * @param {string} text
 * @param {number} charactersMax
 */
function shorten(text, charactersMax) {
    return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
}
