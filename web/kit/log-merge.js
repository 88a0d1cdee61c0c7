// SPDX-License-Identifier: MIT
// The history of several topics in the order of time, from its newest part backwards.
//
// The hub's order is that in which lines came to it: of two files that it read one after the other
// all lines of the one are before those of the other. So each topic is read back for itself, and
// its lines wait here until no other topic can have a newer one. A topic's own lines never change
// places: a line without a time of its own stays behind the one before it, and so does one whose
// clock went back. Where no line of a topic has a time, that of the reading counts.
import { numberOf } from './hub-requests.js';
import { isLine, neighbour } from './log-window.js';

/** @import { Entry, Line } from './log-window.js' */

/**
 * A line, with the notes in front of it. at: the time that it is put in order by.
 * @typedef {{ entries: Entry[], line: Line, at: number }} Item
 */

/**
 * A topic. before: what is older than this id is still to be read; isBegun: nothing is. items: what
 * is read and waits, oldest first.
 * @typedef {{ before: string, items: Item[], isBegun: boolean }} Stream
 */

const AHEAD_MS = 60_000; // a time further after the reading is a mistake

export class LogMerge {
    /** @type {Map<string, Stream>} */
    #streams = new Map();

    /**
     * A topic, of which nothing that is older than this id has been read.
     * @param {string} topic
     * @param {string} before
     */
    await(topic, before) {
        this.#streams.set(topic, { before, items: [], isBegun: false });
    }

    /**
     * What is older than all that was added to this topic before.
     * @param {string} topic
     * @param {Entry[]} entries oldest first; notes are in front of their line
     * @param {boolean} isBegun nothing is older still
     */
    add(topic, entries, isBegun) {
        const items = itemsOf(entries);
        const stream = this.#streams.get(topic) ?? { before: '', items: [], isBegun: false };
        this.#streams.set(topic, stream);
        stream.items.unshift(...items);
        stream.before = items[0]?.line.id ?? stream.before;
        stream.isBegun = isBegun || items.length === 0;
        putInOrder(stream.items);
    }

    /** Topics that have to be read on before more can be taken, and from which id back. */
    get wanted() {
        return [...this.#streams]
            .filter(([, { items, isBegun }]) => items.length === 0 && !isBegun)
            .map(([topic, { before }]) => ({ topic, before }));
    }

    get isDone() {
        return [...this.#streams.values()].every(
            ({ items, isBegun }) => items.length === 0 && isBegun,
        );
    }

    /** The newest id that may not have been taken; '' when all has. */
    get rest() {
        let rest = '';
        for (const { items, before, isBegun } of this.#streams.values()) {
            if (items.length === 0 && isBegun) continue;
            const id = items.at(-1)?.line.id ?? neighbour(before, -1);
            if (rest === '' || numberOf(id) > numberOf(rest)) rest = id;
        }
        return rest;
    }

    /**
     * Takes the newest of what waits: at most so many lines, none older than what is still to be
     * read.
     * @param {number} most
     * @returns {Entry[]} oldest first
     */
    take(most) {
        const streams = [...this.#streams.values()];
        const open = streams.filter(({ isBegun }) => !isBegun);
        const cut = Math.max(...open.map(({ items }) => items[0]?.at ?? Infinity));
        const taken = streams
            .flatMap((stream) => stream.items.map((item) => ({ item, stream })))
            .filter(({ item }) => item.at >= cut)
            .sort((a, b) => a.item.at - b.item.at || age(a.item) - age(b.item))
            .slice(-most);
        for (const { stream } of taken) stream.items.pop();
        return taken.flatMap(({ item }) => item.entries);
    }

    /**
     * Lines that had been taken are not there any more: the oldest, in their order.
     * @param {Entry[]} entries
     */
    drop(entries) {
        for (const { topic, id } of entries.filter(isLine)) this.await(topic, neighbour(id, 1));
    }

    /**
     * Nothing older than this id is there any more.
     * @param {string} id
     */
    reset(id) {
        for (const topic of this.#streams.keys()) this.await(topic, id);
    }
}

const age = (/** @type {Item} */ { line }) => numberOf(line.id);

/**
 * @param {Entry[]} entries
 * @returns {Item[]}
 */
function itemsOf(entries) {
    /** @type {Item[]} */
    const items = [];
    /** @type {Entry[]} */
    let waiting = [];
    for (const entry of entries) {
        waiting.push(entry);
        if (!isLine(entry)) continue;
        items.push({ entries: waiting, line: entry, at: 0 });
        waiting = [];
    }
    items.at(-1)?.entries.push(...waiting);
    return items;
}

/** @param {Item[]} items of one topic */
function putInOrder(items) {
    const timed = items.find(({ line }) => line.own);
    let at = timed ? timeOf(timed.line) : -Infinity;
    for (const item of items) {
        if (item.line.own || !timed) at = Math.max(at, timeOf(item.line));
        item.at = at;
    }
}

/** @param {Line} line */
function timeOf({ own, time }) {
    const read = Date.parse(time);
    return own ? Math.min(own.ms, read + AHEAD_MS) : read;
}

/**
 * Entries of several topics in the order of time.
 * @param {Entry[]} entries in the hub's order
 */
export function inTimeOrder(entries) {
    /** @type {Map<string, Entry[]>} */
    const byTopic = new Map();
    /** @type {Entry[]} */
    let notes = [];
    for (const entry of entries) {
        notes.push(entry);
        if (!isLine(entry)) continue;
        const own = byTopic.get(entry.topic);
        if (own) own.push(...notes);
        else byTopic.set(entry.topic, notes);
        notes = [];
    }
    const merge = new LogMerge();
    for (const [topic, own] of byTopic) merge.add(topic, own, true);
    return [...merge.take(Infinity), ...notes];
}
