// SPDX-License-Identifier: MIT
// Looks for text in lines without ever holding up the page.
//
// Plain text is looked for in the page itself: that takes linear time. A regular expression of the
// reader may take for ever on one line (catastrophic backtracking), and only another thread can be
// interrupted: it runs in a worker, which is ended when it takes too long. Where the page allows no
// worker, only patterns that cannot explode are accepted.

/** @import { LogQuery } from './live-log.js' */

/** @typedef {number[]} Ranges [start, end, start, end, …], rising */

/**
 * What the worker is sent, and what it answers: that it has begun with a job, then the result.
 * @typedef {{ job: number, source: string, flags: string, texts: string[], want: Want, max: number
 *     }} Job
 * @typedef {{ job: number, begun: true } | { job: number, begun?: undefined, result: unknown[] }}
 *     Answer
 * @typedef {'test' | 'ranges'} Want
 */

const TEXT_MAX = 65_536; // characters of a line that are looked at
const RANGES_MAX = 500; // in one line
const PATIENCE_MS = 1500; // of a regular expression for one batch
const BATCH_CHARACTERS = 1_000_000;

/** @param {string} text */
export function escapeRegex(text) {
    return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** @param {LogQuery} query */
function compile(query) {
    const flags = query.caseSensitive ? 'gm' : 'gmi';
    if (!query.regex) return new RegExp(escapeRegex(query.text), `${flags}u`);
    try {
        return new RegExp(query.text, `${flags}u`);
    } catch {
        return new RegExp(query.text, flags);
    }
}

// The next two functions run in the page or, as source text, in the worker.

/**
 * @param {RegExp} regex
 * @param {string} text
 * @param {number} max
 * @returns {Ranges | null}
 */
function rangesIn(regex, text, max) {
    /** @type {Ranges} */
    const found = [];
    regex.lastIndex = 0;
    for (let match = regex.exec(text); match && found.length < 2 * max; match = regex.exec(text)) {
        if (match[0].length === 0) regex.lastIndex++;
        else found.push(match.index, match.index + match[0].length);
    }
    return found.length ? found : null;
}

/** @param {typeof rangesIn} ranges */
function workerMain(ranges) {
    self.onmessage = (
        /** @type {MessageEvent<Job>} */ { data: { job, source, flags, texts, want, max } },
    ) => {
        self.postMessage({ job, begun: true });
        const regex = new RegExp(source, flags);
        const result = texts.map((text) => {
            if (want === 'ranges') return ranges(regex, text, max);
            regex.lastIndex = 0;
            return regex.test(text);
        });
        self.postMessage({ job, result });
    };
}

/**
 * Whether a pattern has nested repetition or back references. Strict: some harmless patterns are
 * refused too.
 * @param {string} source
 */
export function mayExplode(source) {
    if (/\\[1-9]|\\k</.test(source)) return true;
    const bare = source.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x');
    const repeats = (bare.match(/[*+]|\{\d*,\d*\}/g) ?? []).length;
    return /\)\s*(?:[*+]|\{)/.test(bare) || repeats > 3;
}

// A worker: from its own file when that comes from the page's origin, else from a copy. Throws
// where the page allows neither.
function startWorker() {
    const source = `${rangesIn}\n(${workerMain})(rangesIn);`;
    const own = new URL('log-match-worker.js', import.meta.url);
    if (own.origin === globalThis.location?.origin) return new Worker(own, { type: 'module' });
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    try {
        return new Worker(url);
    } finally {
        setTimeout(() => URL.revokeObjectURL(url), 10_000);
    }
}

export { rangesIn, workerMain };

/**
 * Looks for one query. A promise of a matcher that failed or was closed never settles: onError()
 * has said why, or the owner has closed it.
 */
export class Matcher {
    #regex;
    /** @type {Worker | null} */
    #worker = null;
    /** @type {Map<number, { done: (result: unknown[]) => void, texts: string[], want: Want }>} */
    #jobs = new Map();
    #job = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    #onError;
    #closed = false;
    sync = true; // find() and test() answer at once, not by a promise

    /**
     * Throws a SyntaxError with words for the reader.
     * @param {LogQuery} query
     * @param {(message: string) => void} [onError]
     */
    constructor(query, onError = () => {}) {
        this.#regex = compile(query);
        this.#onError = onError;
        if (!query.regex || query.text === escapeRegex(query.text)) return;
        this.sync = false;
        try {
            this.#worker = startWorker();
        } catch {
            this.#withoutWorker();
        }
        if (!this.#worker) return;
        this.#worker.onmessage = ({ data }) => this.#answer(data);
        this.#worker.onerror = () => this.#worker && this.#withoutWorker();
    }

    close() {
        this.#closed = true;
        this.#worker?.terminate();
        this.#worker = null;
        this.#jobs.clear();
        clearTimeout(this.#timer);
    }

    /**
     * For each text whether it matches.
     * @param {string[]} texts
     * @returns {boolean[] | Promise<boolean[]>}
     */
    test(texts) {
        return /** @type {boolean[] | Promise<boolean[]>} */ (this.#run(texts, 'test'));
    }

    /**
     * For each text where it matches, or null.
     * @param {string[]} texts
     * @returns {(Ranges | null)[] | Promise<(Ranges | null)[]>}
     */
    find(texts) {
        const found = this.#run(texts, 'ranges');
        return /** @type {(Ranges | null)[] | Promise<(Ranges | null)[]>} */ (found);
    }

    /**
     * @param {string[]} texts
     * @param {Want} want
     * @returns {unknown[] | Promise<unknown[]>}
     */
    #run(texts, want) {
        if (this.sync) return this.#here(texts, want);
        const short = texts.map((text) =>
            text.length > TEXT_MAX ? text.slice(0, TEXT_MAX) : text,
        );
        return new Promise((resolve) => {
            if (this.#closed) return;
            const batches = batched(short);
            /** @type {unknown[]} */
            const whole = [];
            const next = (/** @type {number} */ index) => {
                if (index === batches.length) resolve(whole);
                else
                    this.#post(batches[index], want, (part) => {
                        for (const item of part) whole.push(item);
                        next(index + 1);
                    });
            };
            next(0);
        });
    }

    /**
     * @param {string[]} texts
     * @param {Want} want
     * @returns {unknown[]}
     */
    #here(texts, want) {
        return texts.map((text) => {
            if (want === 'ranges') return rangesIn(this.#regex, text, RANGES_MAX);
            this.#regex.lastIndex = 0;
            return this.#regex.test(text);
        });
    }

    /**
     * @param {string[]} texts
     * @param {Want} want
     * @param {(result: unknown[]) => void} done
     */
    #post(texts, want, done) {
        if (this.#closed) return;
        const job = ++this.#job;
        this.#jobs.set(job, { done, texts, want });
        if (!this.#worker) {
            this.#later(job);
            return;
        }
        const { source, flags } = this.#regex;
        this.#worker.postMessage({ job, source, flags, texts, want, max: RANGES_MAX });
    }

    /** @param {Answer} answer */
    #answer(answer) {
        clearTimeout(this.#timer);
        if (answer.begun) {
            this.#timer = setTimeout(
                () => this.#fail('This expression takes too long; it was stopped.'),
                PATIENCE_MS,
            );
            return;
        }
        const waiting = this.#jobs.get(answer.job);
        this.#jobs.delete(answer.job);
        waiting?.done(answer.result);
    }

    /** @param {string} message */
    #fail(message) {
        this.close();
        this.#onError(message);
    }

    // The page's policy forbids workers; a browser may say so at once or later. Waiting jobs are
    // done in the page, if that is safe.
    #withoutWorker() {
        this.#worker = null;
        if (mayExplode(this.#regex.source)) {
            queueMicrotask(() =>
                this.#fail(
                    'This page cannot stop expressions that take too long: ' +
                        'nested repetition is not possible here.',
                ),
            );
            return;
        }
        for (const job of this.#jobs.keys()) this.#later(job);
    }

    /** @param {number} job */
    #later(job) {
        setTimeout(() => {
            const waiting = this.#jobs.get(job);
            if (!waiting) return;
            this.#jobs.delete(job);
            waiting.done(this.#here(waiting.texts, waiting.want));
        });
    }
}

/** @param {string[]} texts */
function batched(texts) {
    /** @type {string[][]} */
    const batches = [];
    /** @type {string[]} */
    let batch = [];
    let characters = 0;
    for (const text of texts) {
        if (characters > BATCH_CHARACTERS || batch.length >= 2000) {
            batches.push(batch);
            batch = [];
            characters = 0;
        }
        batch.push(text);
        characters += text.length;
    }
    if (batch.length) batches.push(batch);
    return batches;
}
