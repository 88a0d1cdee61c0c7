// SPDX-License-Identifier: MIT
// What a text says about how something is. The worst word decides; what is not understood is never
// good.
//
//   Up 3 minutes (unhealthy)   bad: the worst word, wherever it stands
//   not ready, ready: false    bad: a good word that is denied
//   0 failed, no errors        good: none of a bad thing
//   5/6 healthy, 0/3 ready     warn, bad: not all of a good thing
//   web: purple, almost ok     other: nothing that is understood, or something in doubt
//
// At most TEXT_MAX characters are read, in time that grows with their number only.
import { takeCodes } from './status-codes.js';
import {
    COUNTED,
    DOUBTS,
    FALSE_WORDS,
    meaningOf,
    NEGATIONS,
    PHRASE_WORDS_MAX,
    RESOLVED,
    SIGNS,
} from './status-vocabulary.js';

/** @import { Kind } from './live-status.js' */
/** @import { Meaning } from './status-vocabulary.js' */

const TEXT_MAX = 4000;
const REACH = 3; // words between a word and its negation, its number or its share

/** @type {readonly Kind[]} */
const WORST_FIRST = ['bad', 'warn', 'busy', 'wait', 'other', 'good'];

// What has been found so far, and what follows from all of it.
export class Findings {
    /** @type {Set<Kind>} */
    #strong = new Set();
    /** @type {Set<Kind>} */
    #weak = new Set();
    #doubt = false;
    #isRunning = false; // "running" was said
    #isHealthy = false; // and so was that a running thing is well
    at = ''; // where what is read stands, of several texts
    why = ''; // where the worst stands
    #worst = WORST_FIRST.length;

    get kind() {
        const found = new Set(this.#strong);
        if (this.#isRunning && !this.#isHealthy) found.add('busy');
        const worst = WORST_FIRST.find((kind) => found.has(kind));
        if (worst && worst !== 'good') return worst;
        if (this.#doubt) return 'other';
        return worst ?? WORST_FIRST.find((kind) => this.#weak.has(kind)) ?? 'other';
    }

    get isEmpty() {
        return !this.#strong.size && !this.#weak.size && !this.#isRunning;
    }

    /**
     * @param {Kind} kind
     * @param {Partial<Meaning>} [meaning]
     */
    add(kind, { health = false, running = false, weak = false } = {}) {
        if (running) this.#isRunning = true;
        else (weak ? this.#weak : this.#strong).add(kind);
        if (kind === 'good' && health) this.#isHealthy = true;
        if (weak || WORST_FIRST.indexOf(kind) >= this.#worst) return;
        this.#worst = WORST_FIRST.indexOf(kind);
        this.why = this.at;
    }

    // Something was said that makes good words doubtful.
    doubt() {
        this.#doubt = true;
    }
}

/**
 * @param {string} text
 * @returns {Kind}
 */
export function textKind(text) {
    const findings = new Findings();
    readText(text, findings);
    return findings.kind;
}

/**
 * Adds what the text says to what was found.
 * @param {string} text
 * @param {Findings} findings
 */
export function readText(text, findings) {
    const rest = takeCodes(text.slice(0, TEXT_MAX), (kind) => findings.add(kind));
    const all = tokens(normalized(rest));
    /** @type {Kind[]} */
    const events = [];
    for (let at = 0; at < all.length;) {
        const token = all[at];
        const sign = token.type === 'mark' ? SIGNS.get(token.text) : undefined;
        if (sign) findings.add(sign);
        if (token.text === '?') findings.doubt();
        if (token.type !== 'word' || token.used) {
            at++;
            continue;
        }
        const [meaning, length] = phraseAt(all, at);
        if (meaning) judge(all, at, length, meaning, findings, events);
        else if (DOUBTS.has(token.text) || isForeign(token.text)) findings.doubt();
        at += length;
    }
    if (!all.some(({ text: word, denied }) => !denied && RESOLVED.has(word)))
        for (const kind of events) findings.add(kind);
    if (all.some((token) => !token.used && NEGATIONS.has(token.text))) findings.doubt();
}

// Letters that no word of the vocabulary has.
const isForeign = (/** @type {string} */ word) => /[^\p{Script=Latin}\p{M}'’]/u.test(word);

// Names are no words: addresses, paths, files, hosts, and everything with a digit in it.
const ADDRESS = /\b[a-z][a-z\d+.-]{0,20}:\/\/\S*/gi;
const PATH = /(?<=^|[\s"'(=])~?\/[\w.@-]+(?:\/[\w.@-]*)*/g;
const DOTTED = /(?<![\p{L}\d_.-])\p{L}[\p{L}\d_-]*(?:\.[\p{L}\d_-]+)+/gu;
const NUMBERED = /(?<![\p{L}\d_-])\p{L}[\p{L}_-]*\d[\p{L}\d_-]*/gu;
const EXCEPTION = /(?:error|exception|failure)$/i;

/** @param {string} text */
function normalized(text) {
    return text
        .replace(ADDRESS, ' ')
        .replace(/\bn\/a\b/gi, ' notapplicable ')
        .replace(PATH, ' ')
        .replace(DOTTED, (name) => (EXCEPTION.test(name) ? ' error ' : ' '))
        .replace(NUMBERED, ' ')
        .replace(/\b([a-z]{2,6})n['’]t\b/gi, '$1 not')
        .replace(/\bno longer (?=\p{L})/giu, 'not ')
        .replace(/\bback-ups?\b/gi, 'backup')
        .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
        .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
        .replace(/(\p{L})[_-]+(?=\p{L})/gu, '$1 ')
        .replace(/(\d) (?:out )?of (?:the )?(?=\d)/gi, '$1/')
        .toLowerCase();
}

/**
 * A word; a number; a share (a of b); or a mark: punctuation, or a sign.
 * @typedef {object} Token
 * @property {'word' | 'number' | 'share' | 'mark'} type
 * @property {string} text
 * @property {number} a the number
 * @property {number} b
 * @property {boolean} percent
 * @property {boolean} used it belongs to a word already
 * @property {boolean} denied
 */

const TOKEN =
    /(?<![\d/])(\d{1,9})\s?\/\s?(\d{1,9})(?![\d/])|(\d+(?:[.,]\d+)*)(\s?%)?|(\p{L}[\p{L}\p{M}'’]*)|(\S)/gu;

/**
 * @param {string} text
 * @returns {Token[]}
 */
function tokens(text) {
    return Array.from(text.matchAll(TOKEN), ([, a, b, number, percent, word, mark]) => ({
        type: word ? 'word' : number ? 'number' : a ? 'share' : 'mark',
        text: word ?? mark ?? '',
        a: Number(a ?? number?.replace(',', '.')),
        b: Number(b),
        percent: percent !== undefined,
        used: false,
        denied: false,
    }));
}

/**
 * The longest phrase that begins there, and how many tokens it has (1 where there is none).
 * @param {Token[]} all
 * @param {number} at
 * @returns {[Meaning | undefined, number]}
 */
function phraseAt(all, at) {
    const first = all[at].text;
    // systemd: "active (running)"
    if (/^(?:in)?active$/.test(first) && all[at + 1]?.text === '(') {
        const pair = meaningOf(`${first} ${all[at + 2]?.text}`);
        if (pair) return [pair, 3];
    }
    /** @type {[Meaning | undefined, number]} */
    let found = [meaningOf(first), 1];
    let phrase = first;
    for (let n = 1; n < PHRASE_WORDS_MAX && all[at + n]?.type === 'word'; n++) {
        phrase += ` ${all[at + n].text}`;
        const meaning = meaningOf(phrase);
        if (meaning) found = [meaning, n + 1];
    }
    if (!found[0]) {
        const positive = /^(?:un|non|dis|mis|in)(\p{L}{2,})$/u.exec(first);
        if (positive && meaningOf(positive[1])?.kind === 'good') found = [{ kind: 'bad' }, 1];
    }
    if (found[0]) for (let n = 0; n < found[1]; n++) all[at + n].used = true;
    return found;
}

/**
 * @param {Token[]} all
 * @param {number} at
 * @param {number} length
 * @param {Meaning} meaning
 * @param {Findings} findings
 * @param {Kind[]} events gets what is over when it is resolved
 */
function judge(all, at, length, meaning, findings, events) {
    const { kind } = meaning;
    if (meaning.free) findings.add('good');
    const end = at + length;
    const name = all[end - 1].text;
    // "errors: no known data errors": the first is a label.
    const isLabel =
        /s$/.test(name) &&
        all[end]?.text === ':' &&
        NEGATIONS.has(all[end + 1]?.text) &&
        all[end + 2]?.type === 'word';
    if (kind === '' || isLabel) return;
    const denied = isDenied(all, at) || isFalse(all, end);
    for (let n = at; n < end; n++) all[n].denied = denied;
    const share = shareBeside(all, at, end);
    const count = share ? null : countBeside(all, at, end);
    if (kind === 'bad' || kind === 'warn') {
        const none = denied || count === 0 || (share?.a === 0 && share.b > 1 && COUNTED.has(name));
        if (meaning.event && count === null && !none) events.push(kind);
        else findings.add(none ? 'good' : kind);
    } else if (kind === 'good' || meaning.running) {
        const percent = all[at - 1]?.percent ? all[at - 1].a : 100;
        // "available: 3 %": of something, and who knows whether that is well.
        const value = /^[:=]$/.test(all[end]?.text) ? all[end + 1] : undefined;
        if (value?.percent || (name === 'available' && value?.type === 'number')) findings.doubt();
        const affirmed = /^[:=]$/.test(all[end]?.text) && /^(?:yes|true)$/.test(all[end + 1]?.text);
        judgeGood(meaning, { denied, affirmed, share, count, percent }, findings);
    } else if (kind === 'other') {
        // Two of ten tests that were skipped say nothing against the rest.
        if (count === null && !denied) findings.add(kind);
    } else if (denied) {
        findings.doubt();
    } else if (count !== 0) {
        findings.add(kind, meaning);
    }
}

/**
 * @param {Meaning} meaning
 * @param {{ denied: boolean, affirmed: boolean, share: Token | null, count: number | null,
 *     percent: number }} beside
 * @param {Findings} findings
 */
function judgeGood(meaning, { denied, affirmed, share, count, percent }, findings) {
    const { kind, health, progress, running } = meaning;
    if (denied) findings.add('bad');
    else if (share && share.a >= share.b && share.b > 0) findings.add('good', { health: true });
    else if (share && progress) findings.add('busy');
    else if (share) findings.add(share.a > 0 || running ? 'warn' : 'bad');
    else if (count === 0) findings.add(health || running ? 'bad' : 'other');
    else if (percent < 100) findings.add(progress ? 'busy' : 'warn');
    else if (running && affirmed) findings.add('good', { health: true });
    else if (kind) findings.add(kind, meaning);
}

/**
 * "not ready", "no critical errors", "no errors or warnings".
 * @param {Token[]} all
 * @param {number} at
 */
function isDenied(all, at) {
    if (/^(?:or|nor|and)$/.test(all[at - 1]?.text) && all[at - 2]?.denied) return true;
    for (let i = at - 1; i >= 0 && i >= at - REACH && all[i].type !== 'mark'; i--) {
        if (all[i].used || !NEGATIONS.has(all[i].text)) continue;
        all[i].used = true;
        return true;
    }
    return false;
}

/**
 * "ready: false", "errors: none", "ready false"; but not "failed: no disk".
 * @param {Token[]} all
 * @param {number} end
 */
function isFalse(all, end) {
    const isValue = /^[:=]$/.test(all[end]?.text);
    const value = all[isValue ? end + 1 : end];
    if (!value || !(isValue ? FALSE_WORDS.has(value.text) : value.text === 'false')) return false;
    const [next, after] = all.slice(all.indexOf(value) + 1);
    if (next?.type === 'word' && !/^[:=]$/.test(after?.text)) return false;
    value.used = true;
    return true;
}

const UNIT =
    /^(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?|months?|years?|ago|[kmgt]i?b|bytes)$/;

/**
 * Whether what stands there is a number that no unit follows and no other word has taken.
 * @param {Token[]} all
 * @param {number} at
 * @param {Token['type']} type
 */
function isFree(all, at, type) {
    const token = all[at];
    return token?.type === type && !token.used && !UNIT.test(all[at + 1]?.text);
}

/**
 * "5/6 nodes healthy", "READY 0/1".
 * @param {Token[]} all
 * @param {number} at
 * @param {number} end
 */
function shareBeside(all, at, end) {
    const places = [];
    for (let i = at - 1; i >= at - REACH && all[i] && all[i].type !== 'mark'; i--) places.push(i);
    places.push(/^[:=(]$/.test(all[end]?.text) ? end + 1 : end);
    const place = places.find((i) => isFree(all, i, 'share'));
    if (place === undefined) return null;
    all[place].used = true;
    return all[place];
}

/**
 * Where the ":" or "=" is that follows, after at most two words that are not known; 0 for nowhere.
 * @param {Token[]} all
 * @param {number} end
 */
function labelEnd(all, end) {
    for (let i = end; i < end + REACH && all[i]; i++) {
        const { type, text } = all[i];
        if (/^[:=]$/.test(text)) return i;
        if (type !== 'word' || meaningOf(text) || NEGATIONS.has(text)) break;
    }
    return 0;
}

/**
 * How many there are: "failed: 0", "failed jobs: 0", "0 failed", "0 tests failed", "failed 0".
 * @param {Token[]} all
 * @param {number} at
 * @param {number} end
 */
function countBeside(all, at, end) {
    const places = [];
    const label = labelEnd(all, end);
    if (label) places.push(label + 1);
    for (let i = at - 1; i >= at - REACH && all[i] && all[i].type !== 'mark'; i--) {
        if (all[i].used) break;
        places.push(i);
    }
    const name = all[end - 1].text;
    if (COUNTED.has(name) || meaningOf(name)?.kind === 'good') places.push(end);
    const place = places.find((i) => isFree(all, i, 'number') && !isOthers(all, i, at));
    if (place === undefined) return null;
    all[place].used = true;
    return all[place].a;
}

/**
 * Whether a number that follows belongs to the next word: "OK: 0 problems", not "failed=0 ok=3".
 * @param {Token[]} all
 * @param {number} place of the number
 * @param {number} at of the word
 */
function isOthers(all, place, at) {
    const next = all[place + 1];
    return (
        place > at &&
        next?.type === 'word' &&
        meaningOf(next.text) !== undefined &&
        !/^[:=]$/.test(all[place + 2]?.text) &&
        all[place + 2]?.type !== 'number'
    );
}
