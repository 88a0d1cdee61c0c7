// SPDX-License-Identifier: MIT
// The subscriptions of a tab, and its link to the connections. When the link is lost it makes
// another one, by the first way that works, and the subscriptions join again.
import { toOwn } from './hub-links.js';
import { blocked } from './hub-requests.js';

/** @import { FromTab } from './hub-connections.js' */
/** @import { ToTab } from './hub-connections.js' */
/** @import { Way } from './hub-links.js' */

/**
 * @typedef {object} TabSubscription
 * @property {() => void} join sends 'join', when it is that far
 * @property {(message: Exclude<ToTab, { t: 'ok' }>) => void} receive
 * @property {() => void} hurry does not sit out a wait
 */

const ANSWER_MS = 1200; // for a ping to be answered
const PING_MS = 500; // between pings
const WINDOW_EVENTS = ['online', 'offline', 'pagehide', 'pageshow'];
const DOCUMENT_EVENTS = ['visibilitychange', 'securitypolicyviolation'];

export class Tab {
    shared = false; // with other tabs
    lost = () => {}; // the way's own; see LinkedTab
    #ways;
    /** @type {Map<string, TabSubscription>} */
    #subscriptions = new Map();
    /** @type {((message: FromTab) => void) | null} */
    #link = null;
    #over = new AbortController(); // of the link
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;

    /** @param {Way[]} ways */
    constructor(ways) {
        this.#ways = ways;
    }

    /**
     * @param {string} name
     * @param {TabSubscription} subscription
     */
    add(name, subscription) {
        this.#subscriptions.set(name, subscription);
        if (this.#subscriptions.size > 1) return;
        for (const type of WINDOW_EVENTS) globalThis.addEventListener?.(type, this.#changed);
        for (const type of DOCUMENT_EVENTS) {
            globalThis.document?.addEventListener(type, this.#changed);
        }
        this.relink();
    }

    /** @param {string} name */
    remove(name) {
        this.send({ t: 'leave', sub: name });
        this.#subscriptions.delete(name);
        if (this.#subscriptions.size) return;
        for (const type of WINDOW_EVENTS) globalThis.removeEventListener?.(type, this.#changed);
        for (const type of DOCUMENT_EVENTS) {
            globalThis.document?.removeEventListener(type, this.#changed);
        }
        this.#unlink();
    }

    /** Sends, when there is a link. @param {FromTab} message */
    send(message) {
        this.#link?.(message);
    }

    receive = (/** @type {ToTab} */ message) => {
        if (message.t !== 'ok') {
            this.#subscriptions.get(message.sub)?.receive(message);
            return;
        }
        clearTimeout(this.#timer);
        // Without locks nothing else tells when the worker is gone.
        if (this.shared && !navigator.locks) this.#timer = setTimeout(() => this.#ping(), PING_MS);
    };

    rejoin() {
        for (const { join } of [...this.#subscriptions.values()]) join();
        this.#ping();
    }

    async relink() {
        this.#unlink();
        for (const way of this.#ways) {
            const mine = (this.#over = new AbortController());
            const send = await way(this, mine.signal).catch(() => mine.abort());
            if (this.#over !== mine) return;
            if (!send) continue;
            this.shared = way !== toOwn;
            this.#link = send;
            this.rejoin();
            return;
        }
    }

    #unlink() {
        clearTimeout(this.#timer);
        this.#over.abort();
        this.#over = new AbortController();
        this.#link = null;
    }

    #ping() {
        clearTimeout(this.#timer);
        if (this.shared) {
            // If we were busy ourselves, the answer is read first.
            this.#timer = setTimeout(() => {
                this.#timer = setTimeout(() => this.lost(), 50);
            }, ANSWER_MS);
        }
        this.send({ t: 'ping' });
    }

    #changed = (/** @type {Event} */ event) => {
        const { type } = event;
        if (type === 'pagehide') {
            this.#unlink(); // into the back/forward cache, perhaps
        } else if (type === 'pageshow') {
            if (/** @type {PageTransitionEvent} */ (event).persisted) this.relink();
        } else if (type === 'securitypolicyviolation') {
            noteBlocked(/** @type {SecurityPolicyViolationEvent} */ (event));
        } else if (type !== 'visibilitychange') {
            this.#nudge(true);
        } else if (document.visibilityState === 'visible') this.#nudge(false);
    };

    /** @param {boolean} network it is another one */
    #nudge(network) {
        if (!this.#link) return;
        for (const { hurry } of this.#subscriptions.values()) hurry();
        this.send({ t: 'nudge', network });
        this.#ping();
    }
}

/** @param {SecurityPolicyViolationEvent} violation */
function noteBlocked({ effectiveDirective, blockedURI }) {
    if (effectiveDirective === 'connect-src' && URL.canParse(blockedURI)) {
        blocked.add(new URL(blockedURI).origin);
    }
}
