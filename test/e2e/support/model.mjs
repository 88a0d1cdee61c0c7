// SPDX-License-Identifier: MIT
// What a hub must hold and show, whatever happens to it: topics as their only publisher made them,
// and followers that compare each event with that when they are shown it.
import assert from 'node:assert/strict';
import { assertSequence, parseId } from './hub.mjs';
import { Client } from './sse.mjs';
import { Recorder } from './wait.mjs';

const seqOf = (id) => parseId(id).seq;

// A topic: everything that was published to it, in order. No two of its events have the same data.
export class Topic {
    entries = [];
    // Entries before these are gone: deleted (acknowledged); as a comparison has found.
    deleted = 0;
    from = 0;

    constructor(name) {
        this.name = name;
    }

    // To be called before it is published. hidden: it closes the topic and is no event.
    add(data, { hidden = false } = {}) {
        const entry = { topic: this, index: this.entries.length, data, hidden, id: null };
        this.entries.push(entry);
        return entry;
    }

    // All that there is was deleted.
    deleteAll() {
        this.deleted = this.from = this.entries.length;
    }

    // The events that it must hold unless retention took the oldest of them.
    get kept() {
        return this.entries.slice(this.deleted).filter((entry) => !entry.hidden);
    }

    // `events` as the hub tells them: the newest, and with `whole` all.
    compare(events, { whole = false } = {}) {
        const kept = this.kept;
        const first = whole ? 0 : Math.max(kept.length - events.length, 0);
        assertSequence(
            events.map((event) => event.data),
            kept.slice(first).map((entry) => entry.data),
            `what ${this.name} holds`,
        );
        events.forEach((event, i) => note(kept[first + i], event.id));
        this.from = kept[first]?.index ?? this.entries.length;
    }
}

// An entry has one id, whoever says it: the acknowledgement, streams, snapshots.
export function note(entry, id) {
    entry.id ??= id;
    assert.equal(id, entry.id, `the id of ${entry.topic.name}: ${entry.data.slice(0, 60)}`);
}

// A client whose events go to somebody else.
class Feed extends Client {
    constructor(scope, url, take) {
        super(scope, url);
        this.take = take;
    }

    push(item) {
        this.take(item, this);
    }
}

// A subscriber that stays away now and then and resumes with its last id. It must be shown each
// topic's entries in order, each once; what is missing must have been told as a gap, and gaps must
// have a loss. What is wrong goes to `fail`.
export class Follower {
    moved = new Recorder();
    gaps = []; // {to, unseen: the first entry of each topic that it has not been shown}
    ended = false;
    // name → {topic, at: the next entry, fresh: nothing of it was shown since it began without an
    // id, and what was gone then is no loss}
    #places;
    #skipped = []; // {entries, to}
    #client = null;
    #lastId = '';
    #seq = 0n;
    #gapTo = 0n;

    constructor(scope, hub, target, topics, fail) {
        Object.assign(this, { scope, hub, target, fail });
        this.envelope = target.includes('format=envelope');
        this.#places = new Map(topics.map((topic) => [topic.name, { topic, at: 0, fresh: true }]));
    }

    get isOpen() {
        return this.#client !== null;
    }

    // Goes on after the last id; without one, at the beginning.
    open() {
        this.close();
        this.ended = false;
        const resume = this.#lastId ? `&lastEventId=${this.#lastId}` : '';
        this.#client = new Feed(this.scope, this.hub.to(this.target + resume), (item, client) => {
            if (client !== this.#client) return;
            try {
                this.#take(item);
            } catch (error) {
                this.fail(new Error(`${this.target}: ${error.message}`, { cause: error }));
            }
            this.moved.wake();
        });
    }

    close() {
        this.#client?.close();
        this.#client = null;
    }

    // How many of a topic's entries it is past.
    seen(topic) {
        return this.#places.get(topic.name).at;
    }

    // Where a client that has everything goes on.
    get lastId() {
        return this.#lastId;
    }

    #take({ type, data, id }) {
        if (type === 'tailrace.gap') this.#takeGap(JSON.parse(data));
        else if (type === 'tailrace.end') this.#takeEnd();
        else if (type === 'message') this.#takeEvent(data, id);
        if (id) this.#lastId = id;
    }

    #takeGap({ to, reason }) {
        assert.equal(reason, 'retention');
        const unseen = [...this.#places.values()].map(({ topic, at }) => topic.entries[at]);
        this.gaps.push({ to: seqOf(to), unseen: unseen.filter(Boolean) });
        if (seqOf(to) > this.#gapTo) this.#gapTo = seqOf(to);
    }

    #takeEnd() {
        const [place] = this.#places.values();
        const rest = place.topic.entries.slice(place.at).filter((entry) => !entry.hidden);
        const untold = place.fresh ? null : rest.find(({ id }) => !id || seqOf(id) > this.#gapTo);
        assert.ok(!untold, `the end before ${untold?.data.slice(0, 60)} (${untold?.id})`);
        if (rest.length) this.#skip(rest, place.fresh);
        place.at = place.topic.entries.length;
        this.ended = true;
    }

    #takeEvent(text, id) {
        const { topic: name, data } = this.envelope
            ? JSON.parse(text)
            : { topic: this.#places.keys().next().value, data: text };
        const place = this.#places.get(name);
        const { entries } = place.topic;
        let next = place.at;
        while (entries[next]?.hidden) next++;
        let found = next;
        while (found < entries.length && (entries[found].hidden || entries[found].data !== data))
            found++;
        assert.ok(
            found < entries.length,
            `${id} of ${name} is ${JSON.stringify(data.slice(0, 60))}, expected was ` +
                JSON.stringify(entries[next]?.data.slice(0, 60)),
        );
        if (found > next) this.#skip(entries.slice(next, found), place.fresh);
        assert.ok(seqOf(id) > this.#seq, `${id} after ${this.#seq}`);
        this.#seq = seqOf(id);
        note(entries[found], id);
        place.at = found + 1;
        place.fresh = false;
    }

    #skip(entries, excused) {
        assert.ok(
            excused || this.#gapTo > 0n,
            `missing without a gap: ${entries.length} of ${entries[0].topic.name} from ` +
                `${entries[0].index} (${entries[0].id})`,
        );
        this.#skipped.push({ entries, to: excused ? null : this.#gapTo });
    }

    // Something that it is still to be shown, or still to be told that it is gone.
    get missing() {
        for (const { topic, at, fresh } of this.#places.values()) {
            for (let i = topic.entries.length - 1; i >= at; i--) {
                const { hidden, id, data } = topic.entries[i];
                const told = fresh || !id || seqOf(id) <= this.#gapTo;
                if (!hidden && (i >= topic.from || !told))
                    return `${topic.name}: ${data.slice(0, 60)} (${id}, gap told to ${this.#gapTo})`;
            }
        }
        return null;
    }

    async caughtUp(limit) {
        const what = `${this.target} to be shown all`;
        await this.moved
            .waitFor(() => !this.missing, what, limit)
            .catch((error) => {
                error.message = `missing is ${this.missing}; ${error.message}`;
                throw error;
            });
    }

    // When all topics have been compared: what was skipped is gone, and was told; each gap has a
    // loss.
    verify() {
        const isGone = (entry, to) =>
            entry.index < entry.topic.from && (!entry.id || to === null || seqOf(entry.id) <= to);
        for (const { entries, to } of this.#skipped) {
            const wrong = entries.find((entry) => !entry.hidden && !isGone(entry, to));
            assert.ok(
                !wrong,
                `${this.target}: not shown, and not lost: ${wrong?.topic.name} ${wrong?.index} ` +
                    `(${wrong?.id}, gap to ${to})`,
            );
        }
        for (const { to, unseen } of this.gaps)
            assert.ok(
                unseen.some((entry) => isGone(entry, to)),
                `${this.target}: a gap up to ${to} without a loss`,
            );
    }
}
