// SPDX-License-Identifier: MIT
// One connection to a hub, with one key and filter, for all its members.
//
//               join                    answered
//      IDLE ───────────▶ ASKING ───────────────────▶ OPEN
//       ▲                 ▲  │ failed                  │ lost, or ended for a reason of ours
//       │ nobody is left  │  ▼                         │
//       └──────────────  WAITING ◀─────────────────────┘
//
// It is a stream, or long polling where something holds streams back or where there are too many.
// An attempt asks for the topics of all members, from the least of their positions on. It is ended
// and made again when somebody wants more than it brings.
import { Members } from './hub-members.js';
import { areClosed, Failure, LOST, numberOf, PAGE, snapshot } from './hub-requests.js';
import { readStream } from './hub-stream.js';
import { Patience, sleep, Timers, timing } from './hub-timing.js';
import { foldTopics, isExact, topicMatcher } from './hub-topics.js';

/** @import { Member } from './hub-members.js' */
/** @import { Page } from './hub-requests.js' */

/** What a connection is doing. */
export const State = Object.freeze({
    IDLE: 'idle', // nobody has joined
    ASKING: 'asking', // a request is under way that has not been answered
    OPEN: 'open', // the hub has answered: what is published arrives
    WAITING: 'waiting', // an attempt has failed; until the next one
});

const ENDED = /** @type {const} */ ({ t: 'state', state: 'ended' });
const JOIN_MS = 30; // members that join together need one new attempt
const LEAVE_MS = 1000; // topics that nobody wants any more may stay as long
const POLL_MS = 100; // between polls, so that events come together
const CROWDED_POLL_MS = 2000; // of a connection too many
const AGAIN_MS_MAX = 600_000; // between attempts at a stream that is held back
const UNITS = { ms: 1, s: 1000, m: 60_000 };

const CROWDED = 'This page has too many connections; updates are fetched every few seconds.';
const HELD_BACK = 'Something on the way holds live streams back; updates are fetched.';

export class Connection {
    /** @type {typeof State[keyof typeof State]} */
    state = State.IDLE;
    /** @type {'stream' | 'poll'} */
    transport = 'stream';
    #target;
    #isCrowded;
    #onEmpty;
    #members = new Members();
    #patience = new Patience();
    #timers = new Timers();

    // The attempt.
    #attempt = new AbortController();
    /** @type {string[]} */
    #topics = []; // that it asks for
    #reached = 0; // the number of the newest event that it has brought

    // What attempts have taught.
    #heldBack = false; // streams are
    #againMs = timing.again; // until a stream is tried again
    #firstWait = timing.retry;
    #heartbeat = 15_000;
    #heardAt = 0;
    /** @type {{ t: 'state', state: string, detail?: object }} */
    #said = { t: 'state', state: 'connecting' };

    /**
     * @param {import('./hub-requests.js').Target} target
     * @param {() => boolean} isCrowded whether other streams leave no room for one
     * @param {() => void} onEmpty nobody is left: it is not used again
     */
    constructor(target, isCrowded, onEmpty) {
        this.#target = target;
        this.#isCrowded = isCrowded;
        this.#onEmpty = onEmpty;
    }

    get hub() {
        return this.#target.hub;
    }

    /** Whether it has a stream, or is asking for one. */
    get streams() {
        return this.state !== State.IDLE && this.transport === 'stream';
    }

    // --- members ---

    /** @param {Member} member */
    join(member) {
        if (!this.#members.add(member)) return member.post({ t: 'reset' });
        member.served =
            this.state === State.OPEN &&
            member.number >= this.#reached &&
            member.topics.every(topicMatcher(this.#topics));
        if (member.served) this.#members.tell([member], this.#said);
        else this.#timers.set('change', JOIN_MS, () => this.#change());
    }

    /** @param {Member} member */
    leave(member) {
        if (this.#members.delete(member)) this.#someLeft();
    }

    close() {
        this.#members.clear();
        this.#timers.clear();
        this.#attempt.abort();
        this.#patience.wake();
        this.#onEmpty();
    }

    /**
     * The page is seen again, or (network) the network is another one.
     * @param {boolean} network
     */
    nudge(network) {
        if (this.state === State.WAITING) this.#patience.hurry();
        else if (network) this.#restart();
        else if (this.state === State.OPEN && this.transport === 'stream') this.#watch();
    }

    #someLeft() {
        if (this.#members.size) this.#timers.set('change', LEAVE_MS, () => this.#change());
        else this.close();
    }

    /** @param {Iterable<Member>} [members] all of them, without it */
    #reset(members) {
        if (members) this.#members.dismiss(members);
        else this.#members.dismissAll();
        this.#someLeft();
    }

    /** @param {Member[]} members */
    #finish(members) {
        if (!members.length) return;
        this.#members.dismiss(members, ENDED);
        this.#someLeft();
    }

    // Members have come or gone.
    #change() {
        if (this.state === State.IDLE) this.#run();
        else if (this.state === State.WAITING) this.#patience.hurry();
        else if (
            this.#members.topics.join() !== this.#topics.join() ||
            this.#members.served.length < this.#members.size
        ) {
            this.#restart();
        }
    }

    /**
     * @param {string} state
     * @param {object} [detail]
     */
    #become(state, detail) {
        this.#said = { t: 'state', state, detail: { transport: this.transport, ...detail } };
        this.#members.tell(this.#members.served, this.#said);
    }

    // --- attempts ---

    async #run() {
        while (this.#members.size) {
            const crowded = this.#begin();
            const { signal } = this.#attempt;
            const attempt = crowded || this.#heldBack ? this.#poll(crowded) : this.#stream();
            /** @type {unknown} */
            const failure = await attempt.catch((error) => error);
            this.state = State.ASKING;
            this.#attempt.abort();
            this.#timers.clear('watch', 'first', 'closed', 'again');
            if (!this.#members.size) break;
            if (signal.reason instanceof Restart) {
                const { reason } = signal.reason;
                if (reason) this.#become('reconnecting', { reason });
            } else {
                await this.#failed(failure instanceof Failure ? failure : new Failure(LOST));
            }
        }
        this.state = State.IDLE;
    }

    // An attempt for all who are members now. True: it must do with polling.
    #begin() {
        const crowded = this.#isCrowded();
        this.#attempt = new AbortController();
        this.#topics = this.#members.topics;
        this.#reached = this.#members.least.number;
        this.#members.serveAll();
        this.transport = crowded || this.#heldBack ? 'poll' : 'stream';
        this.state = State.ASKING;
        return crowded;
    }

    /** @param {Failure} failure */
    async #failed(failure) {
        // Each of them finds out whether it is the one that is refused.
        if (failure.wait === Infinity) return this.#reset();
        this.state = State.WAITING;
        return this.#patience.wait(failure, this.#firstWait, (state, detail) => {
            this.#become(state === 'refused' ? 'reconnecting' : state, detail);
        });
    }

    /**
     * Ends the attempt; the next one begins at once.
     * @param {string} [reason] why the members hear of it
     */
    #restart(reason) {
        this.#attempt.abort(new Restart(reason));
    }

    // --- a stream ---

    async #stream() {
        const { signal } = this.#attempt;
        this.#timers.set('first', timing.first, () => this.#suspect(signal));
        const parameters = { topic: this.#topics, lastEventId: this.#members.least.id };
        const { finished, rotated, worked, retry, comment, failure } = await readStream(
            this.#target,
            parameters,
            signal,
            {
                opened: (hello) => this.#opened(hello, signal),
                heard: () => {
                    this.#heardAt = Date.now();
                },
                events: (events) => this.#deliver(events, newest(events)),
            },
        );
        if (finished) this.#finish(this.#members.served);
        if (rotated) this.#restart();
        if (this.state !== State.OPEN && retry) {
            return new Failure(`The hub has no room now: ${comment}.`, { wait: retry });
        }
        if (retry) this.#firstWait = Math.max(retry, 10);
        if (worked) this.#patience.attempts = 0;
        return failure;
    }

    /**
     * @param {{ heartbeat?: string }} hello
     * @param {AbortSignal} signal
     */
    #opened({ heartbeat = '' }, signal) {
        const [, n, unit] = /^(\d+)(ms|s|m)$/.exec(heartbeat) ?? [];
        if (n) this.#heartbeat = Number(n) * UNITS[/** @type {keyof typeof UNITS} */ (unit)];
        this.#timers.clear('first');
        this.state = State.OPEN;
        this.#heldBack = false;
        this.#againMs = timing.again;
        this.#become('live');
        this.#watch();
        this.#timers.set('closed', timing.closed, () => this.#askClosed(signal));
    }

    // Nothing has come. If other requests are answered, something holds streams back.
    async #suspect(/** @type {AbortSignal} */ signal) {
        this.#timers.set('first', timing.answer, () => this.#restart('The hub does not answer.'));
        const parameters = { topic: this.#topics, since: this.#members.least.id, limit: PAGE };
        const page = await snapshot(this.#target, parameters, signal).catch(() => null);
        if (!page || this.state === State.OPEN || signal.aborted) return;
        this.#heldBack = true;
        this.#take(page);
        this.#restart();
    }

    // Notices within two heartbeats that a stream is dead, by the wall clock: timers sleep with the
    // machine. What has come meanwhile is read first.
    #watch(grace = false) {
        const left = this.#heartbeat * 1.75 - (Date.now() - this.#heardAt);
        if (left > 0) this.#timers.set('watch', left + 5, () => this.#watch());
        else if (left < -1000 && !grace) this.#timers.set('watch', 1000, () => this.#watch(true));
        else this.#restart('Nothing has been heard of the hub.');
    }

    // A stream says when all of its topics are finished, not when some are.
    async #askClosed(/** @type {AbortSignal} */ signal) {
        const some = this.#members.served.filter(
            ({ topics }) => isExact(topics) && topics.length < this.#topics.length,
        );
        if (some.length) {
            const topic = foldTopics(some.flatMap(({ topics }) => topics));
            const parameters = { topic, last: 0 };
            const page = await snapshot(this.#target, parameters, signal).catch(() => null);
            if (signal.aborted) return;
            const closed = some.filter(({ topics }) => page && areClosed(topics, page.topics));
            if (closed.length) this.#reset(closed);
        }
        if (!signal.aborted) {
            this.#timers.set('closed', timing.closed, () => this.#askClosed(signal));
        }
    }

    // --- long polling ---

    /** @param {boolean} crowded @returns {Promise<never>} */
    async #poll(crowded) {
        const { signal } = this.#attempt;
        if (!crowded) {
            this.#timers.set('again', this.#againMs, () => {
                this.#heldBack = false;
                this.#restart();
            });
            this.#againMs = Math.min(this.#againMs * 2, AGAIN_MS_MAX);
        }
        for (let wait = ''; ;) {
            const more = await this.#pollOnce(wait, signal);
            signal.throwIfAborted();
            this.state = State.OPEN;
            this.#patience.attempts = 0;
            this.#become('live', { reason: crowded ? CROWDED : HELD_BACK });
            if (crowded && !this.#isCrowded()) this.#restart();
            if (!more) await sleep(crowded ? CROWDED_POLL_MS : POLL_MS);
            signal.throwIfAborted();
            wait = crowded || more ? '' : `${timing.wait}ms`;
        }
    }

    /**
     * Whether there is more at once.
     * @param {string} wait
     * @param {AbortSignal} signal
     */
    async #pollOnce(wait, signal) {
        const since = this.#members.least.id;
        const parameters = { topic: this.#topics, since, wait, limit: wait ? '' : PAGE };
        const patience = timing.wait + timing.answer;
        const page = await snapshot(this.#target, parameters, signal, patience);
        this.#take(page);
        return page.more ?? false;
    }

    // --- what has come ---

    /** @param {Page} page */
    #take({ events, topics, next, more }) {
        this.#deliver(events, next);
        if (more) return;
        this.#finish(this.#members.served.filter((member) => areClosed(member.topics, topics)));
    }

    /**
     * @param {Page['events']} events
     * @param {string} next
     */
    #deliver(events, next) {
        this.#reached = Math.max(this.#reached, numberOf(next));
        if (!this.#members.deliver(events, next)) this.#reset();
    }
}

/** Why an attempt was aborted: the next one takes its place at once. */
class Restart extends Error {
    /** @param {string} [reason] why the members hear of it */
    constructor(reason) {
        super('restarted');
        this.reason = reason;
    }
}

/**
 * The id of the newest event.
 * @param {Page['events']} events
 */
function newest(events) {
    return events.reduce((a, b) => (numberOf(b.id) < numberOf(a.id) ? a : b)).id;
}
