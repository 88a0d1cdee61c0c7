// SPDX-License-Identifier: MIT
// The statuses of a subscription: for each topic what it says now and what it said before. No page.
//
// What an event says is only read when it is needed: of thousands of events most are never looked
// at.
import { CLASSES, CLASS_TEXT, readStatus } from './status-words.js';
import { parseTime } from './status-time.js';

/** @import { Class, Status as Said, Summary } from './live-status.js' */
/** @import { LiveEvent } from './tailrace.js' */

/**
 * One event of a topic's history. expires: when it is no longer worth anything; 0: it does not say.
 * @typedef {{ id: string, time: number, expires: number, data: string, read: Said | null }} Entry
 */

export const TOPICS_MAX = 20_000;
const NAMES_MAX = 3; // topics that a summary names

const collator = new Intl.Collator('en', { numeric: true });

/**
 * @param {string} a
 * @param {string} b
 */
export const compareNames = (a, b) => collator.compare(a, b);

const SEVERITY = new Map(CLASSES.map((name, index) => [name, index]));

// The status of one topic. `class` is its kind, or "stale" when it is no longer worth anything and
// its kind is nothing worse.
export class Status {
    /** @type {Entry[]} */
    history = []; // oldest first; never empty once it is in the store
    /** @type {Class | ''} */
    class = '';
    stale = false;
    rank = 0; // its place among all topics by name

    /** @param {string} topic */
    constructor(topic) {
        this.topic = topic;
    }

    get now() {
        return this.history[this.history.length - 1];
    }

    get severity() {
        return this.class === '' ? CLASSES.length : (SEVERITY.get(this.class) ?? CLASSES.length);
    }

    // Since when it has had its word, as far as the history tells.
    get since() {
        const { word } = read(this.now);
        let { time } = this.now;
        for (let i = this.history.length - 2; i >= 0 && read(this.history[i]).word === word; i--)
            time = this.history[i].time;
        return time;
    }
}

/**
 * What an entry of a history says.
 * @param {Entry} entry
 */
export function read(entry) {
    entry.read ??= readStatus(entry.data);
    return entry.read;
}

export class StatusStore {
    /** @type {Map<string, Status>} */
    statuses = new Map();
    left = 0; // events of topics beyond the maximum
    historyMax;
    staleMs; // how long one is worth something that does not say so itself; Infinity: for ever
    #unranked = false;
    #skewMs = 0;
    /** @type {Map<Class, number>} */
    #classes = new Map(CLASSES.map((name) => [name, 0]));

    /** @param {{ historyMax: number, staleMs: number }} options */
    constructor({ historyMax, staleMs }) {
        this.historyMax = historyMax;
        this.staleMs = staleMs;
    }

    // The present by the hub's clock, as far as it is known: an event is never from the future.
    now() {
        return Date.now() + this.#skewMs;
    }

    /**
     * Null when there are too many topics. changed: the data differs from what it was before.
     * @param {LiveEvent} event
     */
    add({ id, topic, time, expires, data }) {
        const known = this.statuses.get(topic);
        const status = known ?? new Status(topic);
        if (!known) {
            if (this.statuses.size >= TOPICS_MAX) {
                this.left++;
                return null;
            }
            this.statuses.set(topic, status);
            this.#unranked = true;
        }
        const before = known?.now;
        /** @type {Entry} */
        const entry = {
            id,
            time: parseTime(time),
            expires: expires ? parseTime(expires) : 0,
            data,
            read: null,
        };
        this.#skewMs = Math.max(this.#skewMs, entry.time - Date.now());
        status.history.push(entry);
        if (status.history.length > this.historyMax) status.history.shift();
        return { status, added: !known, changed: before?.data !== data };
    }

    /**
     * Brings the class of a status up to date. True when it has changed.
     * @param {Status} status
     * @param {number} [now]
     */
    classify(status, now = this.now()) {
        const { kind, ttlMs } = read(status.now);
        const { time, expires } = status.now;
        status.stale = now > (expires || time + (ttlMs || this.staleMs));
        const found = status.stale && kind !== 'bad' && kind !== 'warn' ? 'stale' : kind;
        if (found === status.class) return false;
        if (status.class) this.#count(status.class, -1);
        this.#count(found, 1);
        status.class = found;
        return true;
    }

    // The statuses whose class or staleness has changed because time has passed.
    aged() {
        const now = this.now();
        return [...this.statuses.values()].filter((status) => {
            const { stale } = status;
            return this.classify(status, now) || stale !== status.stale;
        });
    }

    // Gives every status its rank by name.
    rank() {
        if (!this.#unranked) return;
        this.#unranked = false;
        const all = [...this.statuses.values()].sort((a, b) => compareNames(a.topic, b.topic));
        for (const [rank, status] of all.entries()) status.rank = rank;
    }

    /** @returns {Summary} */
    summary() {
        const counts = /** @type {Record<Class, number>} */ (Object.fromEntries(this.#classes));
        const kind = CLASSES.find((name) => counts[name] > 0) ?? null;
        /** @type {string[]} */
        let names = [];
        for (const status of this.statuses.values()) {
            if (status.class !== kind) continue;
            names.push(status.topic);
            if (names.length > 4 * NAMES_MAX) names = names.sort(compareNames).slice(0, NAMES_MAX);
        }
        names = names.sort(compareNames).slice(0, NAMES_MAX);
        return { kind, topic: names[0] ?? null, names, counts, total: this.statuses.size };
    }

    clear() {
        this.statuses.clear();
        this.left = 0;
        for (const name of CLASSES) this.#classes.set(name, 0);
    }

    /**
     * @param {Class} name
     * @param {number} by
     */
    #count(name, by) {
        this.#classes.set(name, (this.#classes.get(name) ?? 0) + by);
    }
}

/**
 * "2 failing", "1 warning", "3 stale", "All 12 fine", "8 fine, 1 waiting".
 * @param {Summary} summary
 */
export function headline({ kind, counts, total }) {
    if (!total) return 'No statuses yet';
    if (kind === 'bad') return `${count(counts.bad)} failing`;
    if (kind === 'warn') return counts.warn === 1 ? '1 warning' : `${count(counts.warn)} warnings`;
    if (kind === 'stale') return `${count(counts.stale)} stale`;
    if (counts.good < total)
        return CLASSES.toReversed()
            .filter((name) => counts[name] > 0)
            .map((name) => `${count(counts[name])} ${CLASS_TEXT[name]}`)
            .join(', ');
    return total === 1 ? 'The one status is fine' : `All ${count(total)} fine`;
}

/** @param {number} number */
function count(number) {
    return number.toLocaleString('en');
}
