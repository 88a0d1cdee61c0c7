// SPDX-License-Identifier: MIT
// The loaded part of a log: a bounded run of lines without holes, and where it stands in the whole.
//
// entries holds lines and notes, oldest first, with rising .pos (a number that only says the order here; never used again).
// Between the first and the last nothing is missing that the hub had to give. The window is attached when its end is the newest line
// that has arrived; then arriving lines go on at its end. It is detached when it ends earlier: the reader is up in the history and
// the window is full, or has been frozen (pause), or shows the surroundings of a line. Then the newest lines are only kept as the
// tail, a short run that leads to the end at once, and complete after the id tailFrom.
//
// Bounds: linesMax lines and CHARACTERS_MAX characters in the window (one line is always kept); TAIL_MAX and TAIL_CHARACTERS_MAX in the tail.

export const CHARACTERS_MAX = 16_000_000;
const TAIL_MAX = 2000;
const TAIL_CHARACTERS_MAX = 2_000_000;
const ENTRY_CHARACTERS = 100; // what an entry costs beyond its text, in characters

export class Line {
    pos = 0;
    height = 0; // px, of the layout heightOf; see log-rows.js
    heightOf = -1;
    open = false; // unfolded, or shown whole

    constructor({ id, topic, type, time, data }, level) {
        this.id = id;
        this.topic = topic;
        this.type = type;
        this.time = time;
        this.data = data;
        this.level = level;
    }
}

// What the log itself does not say: gaps, finished topics.
export class Note {
    pos = 0;
    height = 0;
    heightOf = -1;
    open = false;

    constructor(kind, text, id = null) {
        this.kind = kind;
        this.note = text;
        this.id = id;
    }
}

// Ids are EPOCH-NUMBER. True when a is not before b; false for ids of different journals.
export function reaches(a, b) {
    const [epochA, seqA] = split(a);
    const [epochB, seqB] = split(b);
    return epochA === epochB && seqA >= seqB;
}

export function split(id) {
    const dash = id.lastIndexOf('-');
    return [id.slice(0, dash), Number(id.slice(dash + 1))];
}

const cost = (entry) => (entry.data ?? entry.note).length + ENTRY_CHARACTERS;

// First index whose entry has pos >= the given one.
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

export class LogWindow {
    entries = [];
    linesMax;
    characters = 0;
    attached = true;
    endId = ''; // complete up to here
    reachedBegin = false;
    #first = 0;
    #next = 0;
    #frozen = false;
    #tail = [];
    #tailCharacters = 0;
    #tailFrom = '';
    #onChange;
    #onBefore;

    // onBefore(): called before entries change elsewhere than at their end. onChange({appended, prepended, reset}): entries that came in at the ends; reset: all are others. What fell out at the ends
    // is not told: entries' first and last say it. Called after the change.
    constructor({ linesMax, onBefore, onChange }) {
        this.linesMax = linesMax;
        this.#onBefore = onBefore;
        this.#onChange = onChange;
    }

    get frozen() {
        return this.#frozen;
    }

    get firstLine() {
        return this.entries.find((entry) => entry.data !== undefined) ?? null;
    }

    get lastLine() {
        return this.entries.findLast((entry) => entry.data !== undefined) ?? null;
    }

    // Arrived live, in order. keepEnd: the reader looks at the end, so the oldest are let go when it is full; otherwise the newest.
    receive(entries, keepEnd) {
        const last = entries.findLast((entry) => entry.id);
        if (!this.attached) {
            this.#toTail(entries);
            return;
        }
        if (last) this.endId = last.id;
        this.#append(entries);
        if (keepEnd) this.#dropHead();
        else this.#dropEnd();
        this.#onChange({ appended: this.#stillThere(entries) });
    }

    // The page of history before the first line. begin: nothing older is kept.
    prepend(entries, begin) {
        this.#onBefore();
        for (let i = entries.length - 1; i >= 0; i--) entries[i].pos = --this.#first;
        this.entries.unshift(...entries);
        for (const entry of entries) this.characters += cost(entry);
        this.reachedBegin = begin;
        this.#dropEnd();
        this.#onChange({ prepended: this.#stillThere(entries) });
    }

    // The page after the last line; complete up to endId.
    extend(entries, endId) {
        this.#onBefore();
        this.endId = endId;
        this.#append(entries);
        this.#dropHead();
        this.#onChange({ appended: this.#stillThere(entries) });
        this.join(this.#room);
    }

    // Other lines than before: the surroundings of a line, or a new beginning (then attached).
    replace(entries, endId, { attached = false, begin = false } = {}) {
        this.#onBefore();
        if (attached) this.#clearTail('');
        else this.#detach(this.entries.length);
        this.entries = [];
        this.characters = 0;
        this.attached = attached;
        this.endId = endId;
        this.reachedBegin = begin;
        this.#append(entries);
        this.#dropHead();
        this.#onChange({ reset: true });
        this.join(this.#room);
    }

    // Empty; what is older stays reachable by the hub, what comes goes on here.
    clear() {
        this.#onBefore();
        this.endId =
            (this.attached ? this.endId : this.#tail.findLast((entry) => entry.id)?.id) ??
            this.endId;
        this.entries = [];
        this.characters = 0;
        this.reachedBegin = false;
        this.#clearTail(this.endId);
        this.attached = !this.#frozen;
        this.#onChange({ reset: true });
    }

    // Stands still at its end until thaw().
    freeze() {
        if (this.#frozen) return;
        this.#frozen = true;
        this.#detach(0);
    }

    thaw() {
        this.#frozen = false;
        this.join(this.#room);
    }

    // Goes on with the tail when nothing lies between, by at most so many entries; the window is attached when that was all. False when
    // something lies between.
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

    // What fits without letting go of anything.
    get #room() {
        return Math.max(0, this.linesMax - this.entries.length);
    }

    // Leaves where it is for the newest lines. False when there are none here: they are the hub's to give.
    jumpToEnd() {
        this.#frozen = false;
        if (this.join()) return true;
        if (this.#tail.length === 0) return false;
        this.#onBefore();
        this.entries = [];
        this.characters = 0;
        this.reachedBegin = false;
        this.endId = this.#tailFrom;
        this.#onChange({ reset: true });
        return this.join();
    }

    #append(entries) {
        for (const entry of entries) {
            entry.pos = this.#next++;
            this.characters += cost(entry);
            this.entries.push(entry);
        }
    }

    #stillThere(entries) {
        if (this.entries.length === 0) return [];
        const first = this.entries[0].pos;
        const last = this.entries.at(-1).pos;
        return entries.filter((entry) => entry.pos >= first && entry.pos <= last);
    }

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
        this.entries.splice(0, count);
        this.reachedBegin = false;
    }

    #dropEnd() {
        const count = this.#excess(false);
        if (count === 0) return;
        if (this.attached) this.#detach(count);
        else this.entries.length -= count;
        this.endId = this.entries.findLast((entry) => entry.id)?.id ?? this.endId;
    }

    // From here on arriving lines go to the tail; it begins with the last `count` entries, which leave the window.
    #detach(count) {
        if (!this.attached) {
            this.entries.length -= count;
            return;
        }
        this.attached = false;
        const left = this.entries.length - count;
        const dropped = this.entries.splice(left, count);
        const before = this.entries.findLast((entry) => entry.id)?.id;
        // Complete after the line before it; the whole window: after its own first line.
        this.#clearTail(
            count === 0
                ? this.endId
                : (before ?? dropped.find((entry) => entry.id)?.id ?? this.endId),
        );
        this.#toTail(dropped);
    }

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
        this.#tailFrom = gone.findLast((entry) => entry.id)?.id ?? this.#tailFrom;
        this.#tailCharacters = this.#tail.reduce((sum, entry) => sum + cost(entry), 0);
    }

    #clearTail(from) {
        this.#tail = [];
        this.#tailCharacters = 0;
        this.#tailFrom = from;
    }
}
