// SPDX-License-Identifier: MIT
// Which parts of the drawn rows are marked: what the query, or else the filter, has found in them.
import { stripAnsi } from './ansi.js';
import { shownData } from './log-row.js';

/** @import { Ranges } from './log-match.js' */
/** @import { Shown } from './log-shown.js' */
/** @import { Line } from './log-window.js' */

export class LogMarks {
    /** @type {Map<Line, Ranges | null>} */
    #found = new Map(); // of rows in the page
    #shown;
    #late;

    /**
     * @param {Shown} shown
     * @param {(line: Line) => boolean} late marks have been found for a row that was drawn without;
     *     false when the row is not in the page any more, else it is about to be drawn again
     */
    constructor(shown, late) {
        this.#shown = shown;
        this.#late = late;
    }

    clear() {
        this.#found.clear();
    }

    /** @param {Line} line */
    drop(line) {
        this.#found.delete(line);
    }

    /**
     * At once for plain text. For expressions null, and the row is drawn again when they are found.
     * @param {Line} line
     */
    of(line) {
        const matcher = this.#shown.marker;
        if (!matcher) return null;
        const known = this.#found.get(line);
        if (known !== undefined) return known;
        const answer = matcher.find([stripAnsi(shownData(line))]);
        if (!(answer instanceof Promise)) return answer[0];
        answer.then(([ranges]) => {
            if (!ranges || matcher !== this.#shown.marker || !this.#late(line)) return;
            this.#found.set(line, ranges);
        });
        return null;
    }
}
