// SPDX-License-Identifier: MIT
// The loaded part of a log: a bounded run of lines without holes, and where it is in the whole.
//
// `entries` holds lines and notes, oldest first, with rising .pos (a number that only says the
// order in this window; it is never used again). Between the first and the last nothing is missing
// that the hub still had. The window is attached when its end is the newest line that has arrived;
// then arriving lines are added at its end. It is detached when it ends earlier: the reader is up
// in the history and the window is full, or it is frozen (paused), or it shows the surroundings of
// a line. Then only a short run of the newest lines is kept, the tail, which leads to the end at
// once; the tail is complete after the id #tailFrom.
//
// Bounds: linesMax lines and CHARACTERS_MAX characters in the window (it always keeps one line);
// TAIL_MAX lines and TAIL_CHARACTERS_MAX characters in the tail.

import { epochOf, numberOf } from './hub-requests.js';
import { lineText } from './line-text.js';
import { lineTime } from './line-time.js';

/** @import { LineTime } from './line-time.js' */
/** @import { Level } from './live-log.js' */
/** @import { LiveEvent } from './tailrace.js' */

export const CHARACTERS_MAX = 16_000_000;
const TAIL_MAX = 2000;
const TAIL_CHARACTERS_MAX = 2_000_000;
const TIMED_CHARACTERS = 20_000; // of a line, that its time is looked for in
const ENTRY_CHARACTERS = 100; // what an entry costs beyond its text, in characters

/** @typedef {Line | Note} Entry a note has no data */

export class Line {
    pos = 0;
    height = 0; // px, in the layout heightOf; see log-rows.js
    heightOf = -1;
    open = false; // unfolded, or shown whole
    drawn = ''; // the text of its row, while that is in the page
    /** @type {undefined} */
    note;
    /** @type {LineTime | null | undefined} */
    #own; // undefined: not looked for yet
    after = NaN; // of a line that goes on with the one before: the time of that

    /**
     * @param {LiveEvent} event
     * @param {Level | ''} level
     */
    constructor({ id, topic, type, time, data }, level) {
        this.id = id;
        this.topic = topic;
        this.type = type;
        this.time = time;
        this.data = data;
        this.level = level;
    }

    /** The time that the line itself carries. */
    get own() {
        if (this.#own === undefined) {
            const { data } = this;
            const head = data.length > TIMED_CHARACTERS ? data.slice(0, TIMED_CHARACTERS) : data;
            this.#own = lineTime(lineText(head), Date.parse(this.time));
        }
        return this.#own;
    }

    /** When it was written, as far as that is known; in ms since 1970. */
    get at() {
        if (this.own) return this.own.ms;
        return Number.isNaN(this.after) ? Date.parse(this.time) : this.after;
    }
}

// What the lines themselves do not say: a gap, a finished topic.
export class Note {
    pos = 0;
    height = 0;
    heightOf = -1;
    open = false;
    /** @type {undefined} */
    data;
    /** @type {undefined} */
    topic;

    /**
     * @param {string} kind
     * @param {string} text
     * @param {string | null} [id]
     */
    constructor(kind, text, id = null) {
        this.kind = kind;
        this.note = text;
        this.id = id;
    }
}

/**
 * Whether a is not before b; false for ids of different journals. An id is EPOCH-NUMBER.
 * @param {string} a
 * @param {string} b
 */
export function reaches(a, b) {
    return epochOf(a) === epochOf(b) && numberOf(a) >= numberOf(b);
}

/**
 * The id that is so many places further.
 * @param {string} id
 * @param {number} step
 */
export function neighbour(id, step) {
    return `${epochOf(id)}-${Math.max(0, numberOf(id) + step)}`;
}

/**
 * @param {Entry} entry
 * @returns {entry is Line}
 */
export const isLine = (entry) => entry.data !== undefined;

const idsOf = (/** @type {Entry[]} */ entries) => entries.flatMap(({ id }) => (id ? [id] : []));

// Of ids of several journals, in their order, the ends.
const oldest = (/** @type {string[]} */ ids) => ids.reduce((a, b) => (reaches(a, b) ? b : a));
const newest = (/** @type {string[]} */ ids) =>
    ids.reduce((a, b) => (reaches(a, b) ? a : b), ids[0] ?? '');

const cost = (/** @type {Entry} */ { data, note }) =>
    (data ?? note ?? '').length + ENTRY_CHARACTERS;

/**
 * The first index whose entry has at least this pos.
 * @param {readonly Entry[]} entries
 * @param {number} pos
 */
export function indexAt(entries, pos) {
    let low = 0;
    let high = entries.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (entries[middle].pos < pos) low = middle + 1;
        else high = middle;
    }
    return low;
}

/**
 * What has changed: entries that came in at the ends; reset: all are others. Entries that fell out
 * at the ends are not listed: the first and the last of `entries` tell.
 * @typedef {object} WindowChange
 * @property {Entry[]} [appended]
 * @property {Entry[]} [prepended]
 * @property {boolean} [reset]
 */

export class LogWindow {
    /** @type {Entry[]} */
    entries = [];
    linesMax;
    characters = 0;
    attached = true;
    endId = ''; // complete up to here
    reachedBegin = false;
    #first = 0;
    #next = 0;
    #frozen = false;
    /** @type {Entry[]} */
    #tail = [];
    #tailCharacters = 0;
    #tailFrom = '';
    #from = ''; // not known to be complete up to this id; '' is its first line
    #onChange;
    #onBefore;
    #onHeadLost;

    /**
     * @param {object} options
     * @param {number} options.linesMax
     * @param {() => void} options.onBefore called before entries change elsewhere than at their end
     * @param {(change: WindowChange) => void} options.onChange called after a change
     * @param {(lost: Entry[] | string) => void} [options.onHeadLost] its oldest entries are gone;
     *     or everything that is not newer than an id
     */
    constructor({ linesMax, onBefore, onChange, onHeadLost = () => {} }) {
        this.linesMax = linesMax;
        this.#onBefore = onBefore;
        this.#onChange = onChange;
        this.#onHeadLost = onHeadLost;
    }

    get frozen() {
        return this.#frozen;
    }

    get firstLine() {
        return this.entries.find(isLine) ?? null;
    }

    get lastLine() {
        return this.entries.findLast(isLine) ?? null;
    }

    /**
     * Entries that have arrived live, in order.
     * @param {Entry[]} entries
     * @param {boolean} keepEnd the reader looks at the end: when the window is full the oldest go,
     *     else the newest
     */
    receive(entries, keepEnd) {
        const last = entries.findLast((entry) => entry.id);
        if (!this.attached) {
            this.#toTail(entries);
            return;
        }
        if (last?.id) this.endId = last.id;
        this.#append(entries);
        if (keepEnd) this.#dropHead();
        else this.#dropEnd();
        this.#onChange({ appended: this.#stillThere(entries) });
    }

    /**
     * The page of history before the first line.
     * @param {Entry[]} entries
     * @param {boolean} begin nothing older is stored
     * @param {string} [from] as in replace()
     */
    prepend(entries, begin, from = '') {
        this.#onBefore();
        this.#from = from;
        for (let i = entries.length - 1; i >= 0; i--) entries[i].pos = --this.#first;
        this.entries.unshift(...entries);
        for (const entry of entries) this.characters += cost(entry);
        this.reachedBegin = begin;
        this.#dropEnd();
        this.#onChange({ prepended: this.#stillThere(entries) });
    }

    /**
     * The page after the last line. Of several topics in the order of time it may have lines that
     * are here already.
     * @param {Entry[]} entries
     * @param {string} endId that they are complete up to
     */
    extend(entries, endId) {
        this.#onBefore();
        const known = new Set(this.entries.map(({ id }) => id));
        const others = entries.filter(({ id }) => !id || !known.has(id));
        this.endId = endId;
        this.#append(others);
        this.#dropHead();
        this.#onChange({ appended: this.#stillThere(others) });
        this.join(this.#room);
    }

    /**
     * Other lines than before: the surroundings of a line, or a new start (then attached).
     * @param {Entry[]} entries
     * @param {string} endId
     * @param {{ attached?: boolean, begin?: boolean, from?: string }} [options] from: they are
     *     complete after this id; without it after the first of them
     */
    replace(entries, endId, { attached = false, begin = false, from = '' } = {}) {
        this.#onBefore();
        if (attached) this.#clearTail('');
        else this.#detach(this.entries.length);
        this.entries = [];
        this.characters = 0;
        this.attached = attached;
        this.endId = endId;
        this.reachedBegin = begin;
        this.#from = from;
        this.#append(entries);
        this.#dropHead();
        this.#onChange({ reset: true });
        this.join(this.#room);
    }

    // Empties the window. What is older can still be fetched from the hub; new lines are added.
    clear() {
        this.#onBefore();
        this.endId =
            (this.attached ? this.endId : this.#tail.findLast((entry) => entry.id)?.id) ??
            this.endId;
        this.entries = [];
        this.characters = 0;
        this.reachedBegin = false;
        this.#from = '';
        this.#onHeadLost(this.endId);
        this.#clearTail(this.endId);
        this.attached = !this.#frozen;
        this.#onChange({ reset: true });
    }

    // Keeps its end as it is until thaw().
    freeze() {
        if (this.#frozen) return;
        this.#frozen = true;
        this.#detach(0);
    }

    thaw() {
        this.#frozen = false;
        this.join(this.#room);
    }

    /**
     * Adds the lines of the tail, at most so many, when nothing is missing between. When those were
     * all, the window is attached. False when something is missing.
     * @param {number} [most]
     */
    join(most = Infinity) {
        if (this.attached || this.#frozen) return this.attached;
        if (this.#tailFrom !== '' && !reaches(this.endId, this.#tailFrom)) return false;
        this.#onBefore();
        const rest = this.#tail.filter((entry) => !entry.id || !reaches(this.endId, entry.id));
        const taken = rest.slice(0, most);
        this.endId = taken.findLast((entry) => entry.id)?.id ?? this.endId;
        this.attached = taken.length === rest.length;
        this.#clearTail(this.attached ? '' : this.endId);
        if (!this.attached) this.#toTail(rest.slice(taken.length));
        this.#append(taken);
        this.#dropHead();
        this.#onChange({ appended: this.#stillThere(taken) });
        return true;
    }

    // How many fit without removing any.
    get #room() {
        return Math.max(0, this.linesMax - this.entries.length);
    }

    // Leaves its place for the newest lines. False when there are none in the tail: then the hub
    // must be asked.
    jumpToEnd() {
        this.#frozen = false;
        if (this.join()) return true;
        if (this.#tail.length === 0) return false;
        this.#onBefore();
        this.entries = [];
        this.characters = 0;
        this.reachedBegin = false;
        this.#from = '';
        this.endId = this.#tailFrom;
        this.#onHeadLost(this.endId);
        this.#onChange({ reset: true });
        return this.join();
    }

    /** @param {Entry[]} entries */
    #append(entries) {
        for (const entry of entries) {
            entry.pos = this.#next++;
            this.characters += cost(entry);
            this.entries.push(entry);
        }
    }

    /** @param {Entry[]} entries */
    #stillThere(entries) {
        if (this.entries.length === 0) return [];
        const first = this.entries[0].pos;
        const last = this.entries[this.entries.length - 1].pos;
        return entries.filter((entry) => entry.pos >= first && entry.pos <= last);
    }

    /** @param {boolean} fromHead */
    #excess(fromHead) {
        let count = 0;
        let left = this.entries.length;
        let { characters } = this;
        while (left > 1 && (left > this.linesMax || characters > CHARACTERS_MAX)) {
            characters -= cost(this.entries[fromHead ? count : left - 1]);
            count++;
            left--;
        }
        this.characters = characters;
        return count;
    }

    #dropHead() {
        const count = this.#excess(true);
        if (count === 0) return;
        const lost = this.entries.splice(0, count);
        if (this.#from) this.#from = newest([this.#from, ...idsOf(lost)]);
        this.reachedBegin = false;
        this.#onHeadLost(lost);
    }

    #dropEnd() {
        const count = this.#excess(false);
        if (count === 0) return;
        const ids = idsOf(this.entries.slice(-count));
        if (this.attached) this.#detach(count);
        else this.entries.length -= count;
        // In the order of time an entry that stays may be newer than one that goes.
        if (ids.length) this.endId = neighbour(oldest(ids), -1);
    }

    /**
     * From now on arriving lines go to the tail. It begins with the last `count` entries, which
     * leave the window.
     * @param {number} count
     */
    #detach(count) {
        if (!this.attached) {
            this.entries.length -= count;
            return;
        }
        this.attached = false;
        const left = this.entries.length - count;
        const dropped = this.entries.splice(left, count);
        const ids = idsOf(dropped);
        // Complete before its oldest line; the whole window: after its own first line.
        let from = this.endId;
        if (ids.length) from = left > 0 ? neighbour(oldest(ids), -1) : this.#from || ids[0];
        this.#clearTail(from);
        this.#toTail(dropped);
    }

    /** @param {Entry[]} entries */
    #toTail(entries) {
        for (const entry of entries) {
            this.#tail.push(entry);
            this.#tailCharacters += cost(entry);
        }
        // In large steps: this is what happens at thousands of lines a second.
        if (this.#tail.length <= 2 * TAIL_MAX && this.#tailCharacters <= 2 * TAIL_CHARACTERS_MAX)
            return;
        let count = Math.max(0, this.#tail.length - TAIL_MAX);
        let kept = 0;
        for (let i = this.#tail.length - 1; i > count; i--) {
            kept += cost(this.#tail[i]);
            if (kept > TAIL_CHARACTERS_MAX) count = i;
        }
        const gone = this.#tail.splice(0, count);
        this.#tailFrom = newest([this.#tailFrom, ...idsOf(gone)].filter(Boolean));
        this.#tailCharacters = this.#tail.reduce((sum, entry) => sum + cost(entry), 0);
    }

    /** @param {string} from */
    #clearTail(from) {
        this.#tail = [];
        this.#tailCharacters = 0;
        this.#tailFrom = from;
    }
}
