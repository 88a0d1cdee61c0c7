// SPDX-License-Identifier: MIT
// The client of a tailrace hub. README.md tells how to use it, and how it works.
//
//   Tab            the tab's subscriptions, and its link to the connections    hub-tab.js
//   toWorker, …    the ways to them: SharedWorker, leading tab, own            hub-links.js
//   Connections    all connections, for the tabs                               hub-connections.js
//   Connection     one of them: a stream, or long polling                      hub-connection.js
//   Members        the subscriptions that it serves                            hub-members.js
//
// This file holds connect(): a subscription first takes what is stored, then joins a connection.
import { randomName, toLeader, toOwn, toWorker } from './hub-links.js';
import {
    areClosed,
    epochOf,
    Failure,
    GAP,
    hubRoot,
    LOST,
    numberOf,
    PAGE,
    parseObject,
    snapshot,
} from './hub-requests.js';
import { Tab } from './hub-tab.js';
import { Patience, timing } from './hub-timing.js';
import { foldTopics, topicMatcher } from './hub-topics.js';

/** @import { ConnectOptions, LiveDetail, LiveEvent, LiveState } from './tailrace.js' */
/** @import { Subscription } from './tailrace.js' */

export { hubRoot, timing, topicMatcher };

const RESET_MS = 60_000; // who is reset again within this waits first
const RESET_WAIT_MS = 500;
const SLOW_MS = 8000; // after which a reader is told why nothing is there

/** @type {Tab | null} */
let common = null; // of all subscriptions that share

/** A live subscription. @type {typeof import('./tailrace.js').connect} */
export function connect(options) {
    return new LiveSubscription(options);
}

/** @implements {Subscription} */
class LiveSubscription {
    /** @type {LiveState} */
    state = 'connecting';
    /** @type {LiveDetail} */
    detail = { transport: 'stream', shared: false };
    lastId = '';
    #name = randomName();
    #options;
    #topics;
    #wants;
    #target;
    #tab;
    #patience = new Patience();
    #over = new AbortController();
    #joined = false; // it has what is stored
    #worked = false; // it was joined once
    #resetAt = 0;

    /** @param {ConnectOptions} options */
    constructor(options) {
        const { url, topics, key, token, filter = '', shared = true, signal } = options;
        this.#options = { ...options };
        this.#topics = [...new Set([topics].flat())];
        this.#wants = topicMatcher(this.#topics);
        this.#target = { hub: hubRoot(url).href, key: `${key ?? token ?? ''}`, filter };
        if (shared && globalThis.location)
            this.#tab = common ??= new Tab([toWorker, toLeader, toOwn]);
        else this.#tab = new Tab([toOwn]);
        this.#tab.add(this.#name, {
            join: () => this.#join(),
            receive: (message) => this.#receive(message),
            hurry: () => this.#patience.hurry(),
        });
        signal?.addEventListener('abort', this.close);
        if (signal?.aborted) this.close();
        queueMicrotask(() => {
            if (this.#isOver) return;
            this.#become('connecting');
            this.#begin(false);
        });
    }

    close = () => this.#stop('closed');

    get #isOver() {
        return this.#over.signal.aborted;
    }

    /**
     * What a page's function throws is reported as the page's.
     * @template {'onEvent' | 'onEvents' | 'onGap' | 'onState'} Name
     * @param {Name} name
     * @param {Parameters<NonNullable<ConnectOptions[Name]>>} values
     */
    #call(name, ...values) {
        try {
            const handler = /** @type {((...values: unknown[]) => void) | undefined} */ (
                this.#options[name]
            );
            handler?.call(this.#options, ...values);
        } catch (error) {
            setTimeout(() => {
                throw error;
            });
        }
    }

    /**
     * @param {LiveState} state
     * @param {Partial<LiveDetail>} [detail]
     */
    #become(state, detail) {
        this.state = state;
        this.detail = { transport: 'stream', shared: this.#tab.shared, ...detail };
        this.#call('onState', state, this.detail);
    }

    /**
     * @param {LiveState} state
     * @param {Partial<LiveDetail>} [detail]
     */
    #stop(state, detail) {
        if (this.#isOver) return;
        this.#joined = false;
        this.#over.abort();
        this.#patience.wake();
        this.#tab.remove(this.#name);
        this.#become(state, detail);
    }

    // --- what is stored ---

    /** @param {boolean} hesitant it has been here a moment ago */
    async #begin(hesitant) {
        const tell = (/** @type {string} */ state, /** @type {object} */ detail) => {
            const known = /** @type {LiveState} */ (state);
            this.#become(known === 'refused' && this.#worked ? 'reconnecting' : known, detail);
        };
        if (hesitant) await this.#patience.wait(new Failure(LOST), RESET_WAIT_MS, tell);
        else this.#patience.attempts = 0;
        while (!this.#isOver) {
            const failure = await this.#attempt();
            if (this.#isOver || !failure) break;
            if (failure.wait === Infinity) {
                this.#stop(failure.state, { status: failure.status, reason: failure.message });
                return;
            }
            await this.#patience.wait(failure, timing.retry, tell);
        }
        this.#worked = this.#joined = !this.#isOver;
        this.#join();
    }

    // Takes what is stored; resolves to why it failed, if it did.
    async #attempt() {
        const slow = setTimeout(() => {
            const reason =
                'The hub has not answered yet. Other pages may use up the connections to it.';
            this.#become(this.state, { reason });
        }, SLOW_MS);
        try {
            await this.#fetchStored();
            return null;
        } catch (error) {
            if (this.#isOver || error instanceof Failure) return /** @type {Failure} */ (error);
            throw error;
        } finally {
            clearTimeout(slow);
        }
    }

    async #fetchStored() {
        const { last, since } = this.#options;
        const { signal } = this.#over;
        /** @type {import('./hub-requests.js').Parameters} */
        let start = last === undefined && since === undefined ? { last: 0 } : { last, since };
        // When the id is of another journal, last and since count.
        if (this.lastId) start.lastEventId = this.lastId;
        const isAllInOne = Number(last) > 0 && since === undefined && !this.lastId;
        for (let more = true; more; start = { since: this.lastId }) {
            const topic = foldTopics(this.#topics);
            const parameters = { topic, limit: isAllInOne ? '' : PAGE, ...start };
            const page = await snapshot(this.#target, parameters, signal);
            more = page.more ?? false;
            this.#take(page.events, page.next);
            signal.throwIfAborted();
            if (!more && areClosed(this.#topics, page.topics)) this.#stop('ended');
        }
    }

    // --- what comes ---

    #join() {
        if (!this.#joined) return;
        const { lastId: id } = this;
        const [sub, target, topics] = [this.#name, this.#target, this.#topics];
        this.#tab.send({ t: 'join', sub, target, topics, id });
    }

    /** @param {import('./hub-members.js').MemberMessage} message */
    #receive(message) {
        if (!this.#joined) return;
        if (message.t === 'events') {
            this.#take(message.events, message.id);
        } else if (message.t === 'reset') {
            this.#joined = false;
            this.#begin(Date.now() - this.#resetAt < RESET_MS);
            this.#resetAt = Date.now();
        } else if (message.state === 'ended') {
            this.#stop('ended', message.detail);
        } else {
            this.#become(/** @type {LiveState} */ (message.state), message.detail);
        }
    }

    /** @param {string} id */
    #isNew(id) {
        return epochOf(id) !== epochOf(this.lastId) || numberOf(id) > numberOf(this.lastId);
    }

    /**
     * Events, which are everything up to `id`.
     * @param {LiveEvent[]} events
     * @param {string} id
     */
    #take(events, id) {
        /** @type {LiveEvent[]} */
        let batch = [];
        const flush = () => {
            if (batch.length && !this.#isOver) this.#call('onEvents', batch);
            batch = [];
        };
        for (const event of events) {
            if (this.#isOver) return;
            if (event.type === GAP) {
                flush();
                if (event.id && epochOf(event.id) !== epochOf(this.lastId)) this.lastId = event.id;
                this.#call('onGap', parseObject(event.data));
            } else if (this.#isNew(event.id) && this.#wants(event.topic)) {
                this.lastId = event.id;
                if (this.#options.onEvents) batch.push(event);
                else this.#call('onEvent', event);
            }
        }
        flush();
        if (!this.#isOver && this.#isNew(id)) this.lastId = id;
    }
}
