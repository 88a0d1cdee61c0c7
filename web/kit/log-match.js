// SPDX-License-Identifier: MIT
// Looking for text in lines without ever holding up the page.
//
// Plain text is looked for right here: its time is linear. A regular expression of the reader may take for ever on one line
// (catastrophic backtracking), which nothing but another thread can interrupt: it runs in a worker, which is ended when it takes too
// long. Where the page allows no worker, only patterns that cannot explode are accepted.
//
//   new Matcher({text, regex, caseSensitive}, onError)   throws SyntaxError with words for the reader
//   .find(texts) -> array (plain) or Promise of an array (regex) with, for each text, null or [start, end, …]
//   .test(texts) -> the same with booleans
// A promise of a matcher that failed or was closed never settles: whoever waits has been told by onError(message), or closed it.

const TEXT_MAX = 65_536; // characters of a line that are looked at
const RANGES_MAX = 500; // in one line
const PATIENCE_MS = 1500; // of a regular expression for one batch
const BATCH_CHARACTERS = 1_000_000;

export function escapeRegex(text) {
    return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function compile(query) {
    const flags = query.caseSensitive ? 'gm' : 'gmi';
    if (!query.regex) return new RegExp(escapeRegex(query.text), `${flags}u`);
    try {
        return new RegExp(query.text, `${flags}u`);
    } catch {
        return new RegExp(query.text, flags);
    }
}

// Both run here or, as source text, in the worker.
function rangesIn(regex, text, max) {
    const found = [];
    regex.lastIndex = 0;
    for (let match = regex.exec(text); match && found.length < 2 * max; match = regex.exec(text)) {
        if (match[0].length === 0) regex.lastIndex++;
        else found.push(match.index, match.index + match[0].length);
    }
    return found.length ? found : null;
}

function workerMain(ranges) {
    self.onmessage = ({ data: { job, source, flags, texts, want, max } }) => {
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

// Nested repetition and back references: what can explode. Strict: some harmless patterns are refused too.
export function mayExplode(source) {
    if (/\\[1-9]|\\k</.test(source)) return true;
    const bare = source.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x');
    const repeats = (bare.match(/[*+]|\{\d*,\d*\}/g) ?? []).length;
    return /\)\s*(?:[*+]|\{)/.test(bare) || repeats > 3;
}

// A worker of our own: its file when it comes from the page's origin, a copy otherwise. Null where neither is allowed.
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

export class Matcher {
    #regex;
    #worker = null;
    #jobs = new Map();
    #job = 0;
    #timer = 0;
    #onError;
    #closed = false;
    sync = true;

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

    test(texts) {
        return this.#run(texts, 'test');
    }

    find(texts) {
        return this.#run(texts, 'ranges');
    }

    #run(texts, want) {
        if (this.sync) return this.#here(texts, want);
        const short = texts.map((text) =>
            text.length > TEXT_MAX ? text.slice(0, TEXT_MAX) : text,
        );
        return new Promise((resolve) => {
            if (this.#closed) return;
            const batches = batched(short);
            const whole = [];
            const next = (index) => {
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

    #here(texts, want) {
        return texts.map((text) => {
            if (want === 'ranges') return rangesIn(this.#regex, text, RANGES_MAX);
            this.#regex.lastIndex = 0;
            return this.#regex.test(text);
        });
    }

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

    #answer({ job, begun, result }) {
        clearTimeout(this.#timer);
        if (begun) {
            this.#timer = setTimeout(
                () => this.#fail('This expression takes too long; it was stopped.'),
                PATIENCE_MS,
            );
            return;
        }
        const { done } = this.#jobs.get(job);
        this.#jobs.delete(job);
        done(result);
    }

    #fail(message) {
        this.close();
        this.#onError(message);
    }

    // The page's policy forbids workers (which may be told at once or later): waiting jobs are done here, if that is safe.
    #withoutWorker() {
        this.#worker = null;
        if (mayExplode(this.#regex.source)) {
            queueMicrotask(() =>
                this.#fail(
                    'This page cannot stop expressions that take too long: nested repetition is not possible here.',
                ),
            );
            return;
        }
        for (const job of this.#jobs.keys()) this.#later(job);
    }

    #later(job) {
        setTimeout(() => {
            const waiting = this.#jobs.get(job);
            if (!waiting) return;
            this.#jobs.delete(job);
            waiting.done(this.#here(waiting.texts, waiting.want));
        });
    }
}

function batched(texts) {
    const batches = [];
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
