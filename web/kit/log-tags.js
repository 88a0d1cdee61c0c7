// SPDX-License-Identifier: MIT
// The topics that the rows of a log are tagged with: their colours, and how wide their column is.
import { claimTags } from './log-time.js';

const WIDTH_MAX = 24; // characters

export class LogTags {
    #frame;
    #width = 0; // characters
    /** @type {Set<string>} */
    #topics = new Set(); // that have a colour

    /** @param {HTMLElement} frame */
    constructor(frame) {
        this.#frame = frame;
    }

    /**
     * Others from now on; none lets go of their colours.
     * @param {string[]} topics
     */
    begin(topics) {
        this.#topics = new Set(topics);
        claimTags(this, this.#topics);
    }

    /**
     * A row of this topic is drawn. The column is as wide as the longest so far, within reason;
     * whether it has become wider.
     * @param {string} topic
     */
    show(topic) {
        if (!this.#topics.has(topic)) {
            this.#topics.add(topic);
            claimTags(this, this.#topics);
        }
        const width = Math.min(WIDTH_MAX, topic.length);
        if (width <= this.#width) return false;
        this.#width = width;
        this.#frame.style.setProperty('--tag-width', `${width}ch`);
        return true;
    }
}
