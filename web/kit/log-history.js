// SPDX-License-Identifier: MIT
// When pages of history are loaded: older ones as the reader comes near the first loaded line,
// newer ones near the last when the window is detached.

/** @import { Ends } from './log-rows.js' */
/** @import { LogSource } from './log-source.js' */
/** @import { LogWindow } from './log-window.js' */

const AGAIN_MS = 3000; // after a page could not be loaded

export class LogHistory {
    error = ''; // why older lines could not be loaded
    emptied = false; // the reader has emptied the log: history comes only when asked for
    #window;
    #source;
    #changed;
    /** @type {Promise<boolean> | null} */
    #older = null; // the page that is being loaded
    /** @type {Promise<boolean> | null} */
    #newer = null;
    #until = 0; // no older page before

    /**
     * @param {LogWindow} window
     * @param {LogSource} source
     * @param {() => void} changed isLoading or error has
     */
    constructor(window, source, changed) {
        this.#window = window;
        this.#source = source;
        this.#changed = changed;
    }

    get isLoading() {
        return this.#older !== null;
    }

    /** Forgets that loading failed. */
    reset() {
        this.error = '';
        this.#until = 0;
    }

    /** Resolves to whether there was something older. */
    loadOlder() {
        if (this.#window.reachedBegin) return Promise.resolve(false);
        if (!this.#older) {
            this.#older = this.#loadOlder();
            this.#changed();
        }
        return this.#older;
    }

    /**
     * The reader is near an end of the list.
     * @param {Ends} ends
     * @param {{ isPaused: boolean, isFiltered: boolean }} log
     */
    near({ top, end, fits, asked }, { isPaused, isFiltered }) {
        const { endId, attached, reachedBegin } = this.#window;
        if (!endId) return;
        if (end && !attached && !isPaused) this.#newer ??= this.#loadNewer();
        const wanted = asked ? top : (top || fits) && !isFiltered && !this.emptied;
        if (wanted && !reachedBegin && Date.now() >= this.#until) {
            this.emptied = false;
            this.loadOlder();
        }
    }

    async #loadOlder() {
        try {
            const more = await this.#source.loadOlder();
            this.reset();
            return more;
        } catch (error) {
            this.error = error instanceof Error ? error.message : String(error);
            this.#until = Date.now() + AGAIN_MS;
            return false;
        } finally {
            this.#older = null;
            this.#changed();
        }
    }

    async #loadNewer() {
        try {
            return await this.#source.loadNewer();
        } catch {
            await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
            return false;
        } finally {
            this.#newer = null;
            this.#changed();
        }
    }
}
