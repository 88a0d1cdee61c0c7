// SPDX-License-Identifier: MIT
// Times of the client script, and what waits for them.

/** Milliseconds. Tests shorten them. */
export const timing = {
    first: 5000, // for a stream to say something
    again: 60_000, // before one that was held back is tried again; then twice that
    answer: 30_000, // for a whole answer
    wait: 25_000, // of a long poll
    retry: 1500, // until the hub says otherwise
    most: 30_000, // between attempts
    closed: 10_000, // between questions for finished topics
};

/** @param {number} ms */
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Timers by name: setting one replaces the one of the same name. */
export class Timers {
    /** @type {Map<string, ReturnType<typeof setTimeout>>} */
    #running = new Map();

    /**
     * @param {string} name
     * @param {number} ms
     * @param {() => void} act
     */
    set(name, ms, act) {
        this.clear(name);
        this.#running.set(name, setTimeout(act, ms));
    }

    /** @param {string[]} names without any: all timers */
    clear(...names) {
        for (const name of names.length ? names : this.#running.keys()) {
            clearTimeout(this.#running.get(name));
        }
    }
}

/**
 * Why an attempt failed, as the waiting needs to know it.
 * @typedef {object} Reason
 * @property {string} message in words for people
 * @property {string} state that the subscription takes on
 * @property {number} [status] of the HTTP answer
 * @property {number} wait ms that the hub has asked for; 0: as is good
 */

/** Waits between attempts: longer each time, with full jitter. */
export class Patience {
    attempts = 0; // that failed, one after the other
    waits = false;
    /** @type {() => void} */
    #end = () => {};
    #asked = 0; // ms that the hub has asked for

    /**
     * @param {Reason} reason
     * @param {number} first ms of the first wait
     * @param {(state: string, detail: object) => void} tell
     */
    async wait({ message: reason, state, status, wait }, first, tell) {
        const spread = Math.random() * Math.min(timing.most, first * 2 ** this.attempts);
        const ms = wait || (this.attempts++ ? Math.max(spread, 100) : first);
        tell(state, { reason, status, retryAt: Date.now() + ms });
        this.waits = true;
        this.#asked = wait;
        await new Promise((done) => {
            const timer = setTimeout(done, ms);
            this.#end = () => {
                clearTimeout(timer);
                done(undefined);
            };
        });
        this.waits = false;
    }

    /** Ends the wait. */
    wake() {
        this.#end();
    }

    /** Ends the wait, unless the hub has asked for it. */
    hurry() {
        if (!this.#asked) this.#end();
    }
}
