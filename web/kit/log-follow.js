// SPDX-License-Identifier: MIT
// Whether the log follows its newest line, is paused, and how many lines the reader has not seen.

/** @import { LogRows } from './log-rows.js' */
/** @import { LogWindow } from './log-window.js' */

const TELL_MS = 200; // the number of unseen lines is told no more often

export class LogFollow {
    paused = false;
    unseen = 0; // lines that came below since the reader left the end, or paused
    #window;
    #rows;
    #tell;
    #wasFollowing = true; // when it was paused
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;

    /**
     * @param {LogWindow} window
     * @param {LogRows} rows
     * @param {() => void} tell
     */
    constructor(window, rows, tell) {
        this.#window = window;
        this.#rows = rows;
        this.#tell = tell;
    }

    get following() {
        return this.#rows.follow && !this.paused;
    }

    pause() {
        this.#wasFollowing = this.#rows.follow;
        this.#setPaused(true);
    }

    /** Ends a pause. Whether the log was following before. */
    resume() {
        this.#setPaused(false);
        return this.#wasFollowing;
    }

    /**
     * Lines have arrived. Whether the reader looks at the end.
     * @param {number} lines
     */
    arrived(lines) {
        if (!this.following) this.#setUnseen(this.unseen + lines);
        return this.following;
    }

    seen() {
        this.#setUnseen(0);
    }

    /** The rows have begun, or ceased, to follow. */
    rowsChanged() {
        if (this.#rows.follow) {
            this.unseen = 0;
            this.#setPaused(false);
        }
        this.#tellNow();
    }

    /** @param {boolean} paused */
    #setPaused(paused) {
        if (paused === this.paused) return;
        this.paused = paused;
        if (paused) this.#window.freeze();
        else this.#window.thaw();
        if (paused) this.#rows.setFollow(false);
        this.#tellNow();
    }

    /** @param {number} unseen */
    #setUnseen(unseen) {
        if (unseen === this.unseen) return;
        this.unseen = unseen;
        this.#timer ??= setTimeout(() => this.#tellNow(), TELL_MS);
    }

    #tellNow() {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#tell();
    }
}
