// SPDX-License-Identifier: MIT
// Which of the loaded entries are shown (filter) and which of those match (query), worked out in short slices.
//
// A Scan keeps the entries of a sorted input for which evaluate() says yes, as the input grows at both ends and loses entries there.
// It works for a few milliseconds at a time, so that the page never stops; the order of its output is always the input's.
import { Matcher } from './log-match.js';
import { stripAnsi } from './ansi.js';
import { indexAt } from './log-window.js';

const SLICE_MS = 6;
const CHUNK = 200;
const CHUNK_CHARACTERS = 300_000;
const ASYNC_CHUNK = 2000;

export class Scan {
    output = [];
    busy = false;
    #input;
    #evaluate;
    #onProgress;
    #onBefore;
    #low = null; // [low, high): positions that have been looked at
    #high = null;
    #stopped = false;
    #timer = 0;

    // input(): the array now. evaluate(entries): booleans, or a promise of them (async: true). onBefore(): the output is about to change
    // elsewhere than at its end. onProgress(): output or busy has changed.
    constructor({ input, evaluate, async: slow = false, onBefore = () => {}, onProgress }) {
        this.#input = input;
        this.#evaluate = evaluate;
        this.slow = slow;
        this.#onProgress = onProgress;
        this.#onBefore = onBefore;
    }

    stop() {
        this.#stopped = true;
        this.busy = false;
        clearTimeout(this.#timer);
    }

    // The input has changed.
    kick() {
        if (this.#stopped) return;
        this.#trim();
        if (!this.busy) this.#work();
    }

    #trim() {
        const input = this.#input();
        const first = input.length ? input[0].pos : Infinity;
        const last = input.length ? input.at(-1).pos : -Infinity;
        const { output } = this;
        if (output.length && output.at(-1).pos > last) output.length = indexAt(output, last + 1);
        if (output.length && output[0].pos < first) {
            this.#onBefore();
            output.splice(0, indexAt(output, first));
        }
        if (this.#low === null || !input.length) return;
        this.#low = Math.max(this.#low, first);
        this.#high = Math.min(this.#high, last + 1);
        if (this.#high < this.#low) this.#low = this.#high = null;
    }

    // The next entries that nobody has looked at: after what is done, then before it. {from, to} are indexes.
    #chunk(input) {
        if (input.length === 0) return null;
        const most = this.slow ? ASYNC_CHUNK : CHUNK;
        if (this.#low === null) this.#low = this.#high = input[0].pos;
        const limited = (from, to, step) => {
            let characters = 0;
            let i = from;
            for (
                ;
                i !== to && Math.abs(i - from) < most && characters < CHUNK_CHARACTERS;
                i += step
            ) {
                characters += input[step > 0 ? i : i - 1].data?.length ?? 0;
            }
            return i;
        };
        const after = indexAt(input, this.#high);
        if (after < input.length)
            return { from: after, to: limited(after, input.length, 1), up: true };
        const before = indexAt(input, this.#low);
        if (before > 0) return { from: limited(before, 0, -1), to: before, up: false };
        return null;
    }

    #work() {
        const until = performance.now() + SLICE_MS;
        for (;;) {
            const input = this.#input();
            const chunk = this.#chunk(input);
            if (!chunk) {
                this.busy = false;
                this.#onProgress();
                return;
            }
            const entries = input.slice(chunk.from, chunk.to);
            this.busy = true;
            const answer = this.#evaluate(entries);
            if (answer instanceof Promise) {
                answer.then((yes) => {
                    if (this.#stopped) return;
                    this.#take(entries, yes, chunk.up);
                    this.#onProgress();
                    this.#work();
                });
                return;
            }
            this.#take(entries, answer, chunk.up);
            if (performance.now() > until) {
                this.#onProgress();
                this.#timer = setTimeout(() => this.#work(), 0);
                return;
            }
        }
    }

    #take(entries, yes, up) {
        const kept = entries.filter((_, i) => yes[i]);
        if (up) {
            for (const entry of kept) this.output.push(entry);
            this.#high = entries.at(-1).pos + 1;
        } else {
            this.#onBefore();
            this.output.unshift(...kept);
            this.#low = entries[0].pos;
        }
        this.#trim(); // the input may have moved on meanwhile
    }
}

const isLine = (entry) => entry.data !== undefined;
export const plainText = (entry) => stripAnsi(entry.data);

export class Shown {
    #window;
    #on;
    #filter = null; // the running filter: {scan, matcher}
    #next = null; // the one that is to replace it when it has looked at everything
    #query = null; // {scan, matcher}
    filterSpec = null;
    querySpec = null;
    busy = false;

    // on: before() the list changes elsewhere than at its end; list(): it is another array; grown(); matches(); error(of, message or null)
    constructor(window, on) {
        this.#window = window;
        this.#on = on;
    }

    get list() {
        return this.#filter ? this.#filter.scan.output : this.#window.entries;
    }

    get matches() {
        return this.#query?.scan.output ?? [];
    }

    get counting() {
        return Boolean(this.#query?.scan.busy);
    }

    get filtered() {
        return this.#filter !== null || this.#next !== null;
    }

    // What is to be marked in shown lines: the query's, or else the filter's matches. null for none.
    get marker() {
        if (this.#query) return this.#query.matcher;
        const filter = this.#next ?? this.#filter;
        return filter && !filter.spec.invert ? filter.matcher : null;
    }

    // Notes are always shown. An unusable expression is told and changes nothing.
    setFilter(spec) {
        const levels = spec?.levels ? new Set(spec.levels) : null;
        const wanted = spec && (spec.text || levels) ? { ...spec, levels } : null;
        const matcher = this.#matcher('filter', wanted?.text ? wanted : null);
        if (matcher === undefined) return;
        this.filterSpec = spec;
        dispose(this.#next);
        this.#next = null;
        if (!wanted) {
            this.#on.before();
            dispose(this.#filter);
            this.#filter = null;
            this.#listChanged();
            return;
        }
        const next = { spec: wanted, matcher, scan: null };
        next.scan = new Scan({
            input: () => this.#window.entries,
            evaluate: (entries) => evaluateFilter(entries, wanted, matcher),
            async: Boolean(matcher && !matcher.sync),
            onBefore: () => next === this.#filter && this.#on.before(),
            onProgress: () => this.#filterProgress(next),
        });
        this.#next = next;
        next.scan.kick();
    }

    setQuery(spec) {
        const matcher = this.#matcher('query', spec?.text ? spec : null);
        if (matcher === undefined) return;
        this.querySpec = spec;
        dispose(this.#query);
        this.#query = matcher ? { spec, matcher, scan: null } : null;
        this.#countAnew();
    }

    // The window has changed.
    update({ reset = false } = {}) {
        this.#filter?.scan.kick();
        this.#next?.scan.kick();
        if (reset) this.#on.list();
        this.#query?.scan.kick();
    }

    close() {
        for (const part of [this.#filter, this.#next, this.#query]) dispose(part);
    }

    // undefined: refused, and told.
    #matcher(of, spec) {
        try {
            const matcher = spec ? new Matcher(spec, (message) => this.#failed(of, message)) : null;
            this.#on.error(of, null);
            return matcher;
        } catch (error) {
            this.#on.error(
                of,
                error.message.replace(/^Invalid regular expression: (?:\/[^]*\/[a-z]*: )?/, ''),
            );
            return undefined;
        }
    }

    // Took too long: as if it had not been set.
    #failed(of, message) {
        if (of === 'query') {
            dispose(this.#query);
            this.#query = null;
            this.querySpec = null;
            this.#on.matches();
        } else {
            this.setFilter(null);
        }
        this.#on.error(of, message);
    }

    #filterProgress(filter) {
        if (filter === this.#filter) {
            this.#on.grown();
            this.#query?.scan.kick();
        } else if (filter === this.#next && !filter.scan.busy) {
            this.#on.before();
            dispose(this.#filter);
            this.#filter = filter;
            this.#next = null;
            this.#listChanged();
        }
    }

    #listChanged() {
        this.#on.list();
        this.#countAnew();
    }

    #countAnew() {
        const query = this.#query;
        if (query) {
            query.scan?.stop();
            query.scan = new Scan({
                input: () => this.list,
                evaluate: (entries) => evaluateQuery(entries, query.matcher),
                async: !query.matcher.sync,
                onProgress: () => query === this.#query && this.#on.matches(),
            });
            query.scan.kick();
        }
        this.#on.matches();
    }
}

function dispose(part) {
    part?.scan?.stop();
    part?.matcher?.close();
}

function evaluateFilter(entries, { levels, invert }, matcher) {
    const level = (entry) => !levels || levels.has(entry.level);
    if (!matcher) return entries.map((entry) => !isLine(entry) || level(entry));
    const decide = (found) =>
        entries.map((entry, i) => !isLine(entry) || (level(entry) && found[i] !== Boolean(invert)));
    const found = matcher.test(entries.map((entry) => (isLine(entry) ? plainText(entry) : '')));
    return found instanceof Promise ? found.then(decide) : decide(found);
}

function evaluateQuery(entries, matcher) {
    const only = (found) => entries.map((entry, i) => isLine(entry) && found[i]);
    const found = matcher.test(entries.map((entry) => (isLine(entry) ? plainText(entry) : '')));
    return found instanceof Promise ? found.then(only) : only(found);
}
