// SPDX-License-Identifier: MIT
// Which of the loaded entries are shown (filter) and which of those match (query), worked out in
// short slices.
//
// A Scan keeps the entries of a sorted input that evaluate() accepts, while the input grows at both
// ends and loses entries there. It works for a few milliseconds at a time, so that the page never
// stops. The order of its output is always the input's.
import { plainText } from './line-text.js';
import { Matcher } from './log-match.js';
import { indexAt, isLine } from './log-window.js';

/** @import { LogFilter, LogQuery } from './live-log.js' */
/** @import { Entry, Line, LogWindow, WindowChange } from './log-window.js' */

/** @typedef {boolean[] | Promise<boolean[]>} Verdicts one for each entry */

const SLICE_MS = 6;
const CHUNK = 200;
const CHUNK_CHARACTERS = 300_000;
const ASYNC_CHUNK = 2000;

export class Scan {
    /** @type {Entry[]} */
    output = [];
    busy = false;
    #input;
    #evaluate;
    #onProgress;
    #onBefore;
    // [low, high): the positions that have been looked at; none as long as #isNew.
    #low = 0;
    #high = 0;
    #isNew = true; // nothing has been looked at
    #stopped = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;

    /**
     * @param {object} options
     * @param {() => readonly Entry[]} options.input the array as it is now
     * @param {(entries: Entry[]) => Verdicts} options.evaluate
     * @param {boolean} [options.async] evaluate() returns promises
     * @param {() => void} [options.onBefore] the output is about to change elsewhere than at its
     *     end
     * @param {() => void} options.onProgress the output, or `busy`, has changed
     */
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
        const last = input.length ? input[input.length - 1].pos : -Infinity;
        const { output } = this;
        if (output.length && output[output.length - 1].pos > last) {
            output.length = indexAt(output, last + 1);
        }
        if (output.length && output[0].pos < first) {
            this.#onBefore();
            output.splice(0, indexAt(output, first));
        }
        if (this.#isNew || !input.length) return;
        this.#low = Math.max(this.#low, first);
        this.#high = Math.min(this.#high, last + 1);
        this.#isNew = this.#high < this.#low;
    }

    /**
     * The next entries that have not been looked at: first those after what is done, then those
     * before it. from and to are indexes.
     * @param {readonly Entry[]} input
     */
    #chunk(input) {
        if (input.length === 0) return null;
        const most = this.slow ? ASYNC_CHUNK : CHUNK;
        if (this.#isNew) this.#low = this.#high = input[0].pos;
        this.#isNew = false;
        /**
         * @param {number} from
         * @param {number} to
         * @param {1 | -1} step
         */
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

    /**
     * @param {Entry[]} entries
     * @param {boolean[]} yes
     * @param {boolean} up
     */
    #take(entries, yes, up) {
        const kept = entries.filter((_, i) => yes[i]);
        if (up) {
            for (const entry of kept) this.output.push(entry);
            this.#high = entries[entries.length - 1].pos + 1;
        } else {
            this.#onBefore();
            this.output.unshift(...kept);
            this.#low = entries[0].pos;
        }
        this.#trim(); // the input may have moved on meanwhile
    }
}

/**
 * What runs for a filter or a query. The levels of a filter are a Set.
 * @template Spec
 * @typedef {{ spec: Spec, matcher: Matcher | null, scan: Scan }} Running
 */

/** @typedef {Omit<LogFilter, 'levels'> & { levels: Set<string> | null }} RunningFilter */

/**
 * @typedef {object} ShownListener
 * @property {() => void} before the list is about to change elsewhere than at its end
 * @property {() => void} list it is another array
 * @property {() => void} grown
 * @property {() => void} matches
 * @property {(of: 'filter' | 'query', message: string | null) => void} error null: all is well
 *     again
 */

export class Shown {
    #window;
    #on;
    /** @type {Running<RunningFilter> | null} */
    #filter = null;
    /** @type {Running<RunningFilter> | null} */
    #next = null; // replaces the filter when it has looked at everything
    /** @type {(Running<LogQuery> & { matcher: Matcher }) | null} */
    #query = null;
    /** @type {LogFilter | null} */
    filterSpec = null;
    /** @type {LogQuery | null} */
    querySpec = null;
    busy = false;

    /**
     * @param {LogWindow} window
     * @param {ShownListener} on
     */
    constructor(window, on) {
        this.#window = window;
        this.#on = on;
    }

    get list() {
        return this.#filter ? this.#filter.scan.output : this.#window.entries;
    }

    get matches() {
        return /** @type {Line[]} */ (this.#query?.scan.output ?? []);
    }

    get counting() {
        return Boolean(this.#query?.scan.busy);
    }

    get filtered() {
        return this.#filter !== null || this.#next !== null;
    }

    // What is marked in shown lines: the query's matches, or else the filter's. Null for none.
    get marker() {
        if (this.#query) return this.#query.matcher;
        const filter = this.#next ?? this.#filter;
        return filter && !filter.spec.invert ? filter.matcher : null;
    }

    /**
     * Notes are always shown. An expression that cannot be used is reported and changes nothing.
     * @param {LogFilter | null} spec
     */
    setFilter(spec) {
        /** @type {Set<string> | null} */
        const levels = spec?.levels ? new Set(spec.levels) : null;
        const isTimed = spec?.from !== undefined || spec?.to !== undefined;
        const wanted = spec && (spec.text || levels || isTimed) ? { ...spec, levels } : null;
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
        const scan = new Scan({
            input: () => this.#window.entries,
            evaluate: (entries) => evaluateFilter(entries, wanted, matcher),
            async: Boolean(matcher && !matcher.sync),
            onBefore: () => {
                if (next === this.#filter) this.#on.before();
            },
            onProgress: () => this.#filterProgress(next),
        });
        const next = { spec: wanted, matcher, scan };
        this.#next = next;
        scan.kick();
    }

    /** @param {LogQuery | null} spec */
    setQuery(spec) {
        const matcher = this.#matcher('query', spec?.text ? spec : null);
        if (matcher === undefined) return;
        this.querySpec = spec;
        dispose(this.#query);
        this.#query = spec && matcher ? { spec, matcher, scan: this.#scanFor(matcher) } : null;
        this.#query?.scan.kick();
        this.#on.matches();
    }

    /**
     * The window has changed.
     * @param {WindowChange} [change]
     */
    update({ reset = false } = {}) {
        this.#filter?.scan.kick();
        this.#next?.scan.kick();
        if (reset) this.#on.list();
        this.#query?.scan.kick();
    }

    close() {
        for (const part of [this.#filter, this.#next, this.#query]) dispose(part);
    }

    /**
     * Undefined: it cannot be used, which has been reported.
     * @param {'filter' | 'query'} of
     * @param {LogQuery | null} spec
     */
    #matcher(of, spec) {
        try {
            const matcher = spec ? new Matcher(spec, (message) => this.#failed(of, message)) : null;
            this.#on.error(of, null);
            return matcher;
        } catch (error) {
            const text = error instanceof Error ? error.message : String(error);
            const prefix = /^Invalid regular expression: (?:\/[^]*\/[a-z]*: )?/;
            this.#on.error(of, text.replace(prefix, ''));
            return undefined;
        }
    }

    /**
     * It took too long: as if it had not been set.
     * @param {'filter' | 'query'} of
     * @param {string} message
     */
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

    /** @param {Running<RunningFilter>} filter */
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
        if (this.#query) {
            this.#query.scan.stop();
            this.#query.scan = this.#scanFor(this.#query.matcher);
            this.#query.scan.kick();
        }
        this.#on.matches();
    }

    /** @param {Matcher} matcher */
    #scanFor(matcher) {
        return new Scan({
            input: () => this.list,
            evaluate: (entries) => evaluateQuery(entries, matcher),
            async: !matcher.sync,
            onProgress: () => {
                if (this.#query?.matcher === matcher) this.#on.matches();
            },
        });
    }
}

/** @param {Running<unknown> | null} part */
function dispose(part) {
    part?.scan?.stop();
    part?.matcher?.close();
}

/**
 * @param {Entry[]} entries
 * @param {RunningFilter} filter
 * @param {Matcher | null} matcher
 * @returns {Verdicts}
 */
function evaluateFilter(entries, { levels, invert, from = -Infinity, to = Infinity }, matcher) {
    const isTimed = from > -Infinity || to < Infinity;
    const isIn = (/** @type {Line} */ line) =>
        (!levels || levels.has(line.level)) && (!isTimed || (line.at >= from && line.at < to));
    if (!matcher) return entries.map((entry) => !isLine(entry) || isIn(entry));
    const decide = (/** @type {boolean[]} */ found) =>
        entries.map((entry, i) => !isLine(entry) || (isIn(entry) && found[i] !== Boolean(invert)));
    const found = matcher.test(
        entries.map((entry) => (isLine(entry) ? plainText(entry.data) : '')),
    );
    return found instanceof Promise ? found.then(decide) : decide(found);
}

/**
 * @param {Entry[]} entries
 * @param {Matcher} matcher
 * @returns {Verdicts}
 */
function evaluateQuery(entries, matcher) {
    const only = (/** @type {boolean[]} */ found) =>
        entries.map((entry, i) => isLine(entry) && found[i]);
    const found = matcher.test(
        entries.map((entry) => (isLine(entry) ? plainText(entry.data) : '')),
    );
    return found instanceof Promise ? found.then(only) : only(found);
}
