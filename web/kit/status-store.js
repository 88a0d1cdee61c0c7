// SPDX-License-Identifier: MIT
// The statuses of a subscription: for each topic what it says now and what it said before. No page.
//
// What an event says is read when somebody wants to know it: of thousands of events most are never looked at.
import { CLASSES, readStatus } from './status-words.js';
import { parseTime } from './status-time.js';

export const TOPICS_MAX = 20_000;
const NAMES_MAX = 3; // topics that a summary names

const collator = new Intl.Collator('en', { numeric: true });

export const compareNames = (a, b) => collator.compare(a, b);

const SEVERITY = new Map(CLASSES.map((name, index) => [name, index]));

// Of one topic. `class` is its kind, or "stale" when it has not been heard from for too long and its kind is nothing
// worse.
class Status {
    history = []; // {id, time, data, read}, oldest first
    class = '';
    stale = false;
    rank = 0; // its place among all topics by name

    constructor(topic) {
        this.topic = topic;
    }

    get now() {
        return this.history.at(-1);
    }

    get severity() {
        return SEVERITY.get(this.class);
    }

    // Since when it has had its word, as far as is known.
    get since() {
        const { word } = read(this.now);
        let { time } = this.now;
        for (let i = this.history.length - 2; i >= 0 && read(this.history[i]).word === word; i--)
            time = this.history[i].time;
        return time;
    }
}

// {word, kind, value, detail, ttlMs} of an entry of a history.
export function read(entry) {
    entry.read ??= readStatus(entry.data);
    return entry.read;
}

export class StatusStore {
    statuses = new Map();
    left = 0; // events of topics beyond the maximum
    historyMax;
    staleMs; // Infinity for never
    #unranked = false;
    #skewMs = 0;
    #classes = new Map(CLASSES.map((name) => [name, 0]));

    constructor({ historyMax, staleMs }) {
        this.historyMax = historyMax;
        this.staleMs = staleMs;
    }

    // The present by the hub's clock, as far as is known: an event is never from the future.
    now() {
        return Date.now() + this.#skewMs;
    }

    // {status, added, changed} or null when there are too many topics. changed: its word, value or detail is another
    // one than before.
    add({ id, topic, time, data }) {
        let status = this.statuses.get(topic);
        const added = !status;
        if (added) {
            if (this.statuses.size >= TOPICS_MAX) {
                this.left++;
                return null;
            }
            status = new Status(topic);
            this.statuses.set(topic, status);
            this.#unranked = true;
        }
        const before = status.now;
        const entry = { id, time: parseTime(time), data, read: null };
        this.#skewMs = Math.max(this.#skewMs, entry.time - Date.now());
        status.history.push(entry);
        if (status.history.length > this.historyMax) status.history.shift();
        return { status, added, changed: before?.data !== data };
    }

    // Brings a status' class up to date; true when it is another one than before.
    classify(status, now = this.now()) {
        const { kind, ttlMs } = read(status.now);
        status.stale = now - status.now.time > (ttlMs || this.staleMs);
        const found = status.stale && kind !== 'bad' && kind !== 'warn' ? 'stale' : kind;
        if (found === status.class) return false;
        if (status.class) this.#count(status.class, -1);
        this.#count(found, 1);
        status.class = found;
        return true;
    }

    // Statuses whose class or staleness changed by the time that has passed.
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

    // {kind, topic, names, counts, total}: the worst class, its first topic by name, the first few of them, and how
    // many there are of each.
    summary() {
        const counts = Object.fromEntries(this.#classes);
        const kind = CLASSES.find((name) => counts[name] > 0) ?? null;
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

    #count(name, by) {
        this.#classes.set(name, this.#classes.get(name) + by);
    }
}

// "2 failing", "1 warning", "3 stale", "All 12 fine": what a summary comes to, and in `names` whom it is about.
export function headline({ kind, counts, total }) {
    if (!total) return 'No statuses yet';
    if (kind === 'bad') return `${count(counts.bad)} failing`;
    if (kind === 'warn') return counts.warn === 1 ? '1 warning' : `${count(counts.warn)} warnings`;
    if (kind === 'stale') return `${count(counts.stale)} stale`;
    return total === 1 ? 'The one status is fine' : `All ${count(total)} fine`;
}

function count(number) {
    return number.toLocaleString('en');
}
