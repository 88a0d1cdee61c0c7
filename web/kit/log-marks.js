// SPDX-License-Identifier: MIT
// What the drawn rows show, and which parts of it are marked: what the query, or else the filter,
// has found. What is found in a part that is folded away unfolds it: nobody is to wonder why a line
// is among those that have been found.
import { faceOf, wholeFace } from './log-face.js';

/** @import { Face } from './log-face.js' */
/** @import { Ranges } from './log-match.js' */
/** @import { Marked } from './log-row.js' */
/** @import { Shown } from './log-shown.js' */
/** @import { Line } from './log-window.js' */

export class LogMarks {
    /** @type {Map<Line, (Ranges | null)[]>} */
    #found = new Map(); // of rows in the page: in what is shown, in all of the line
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
     * With marks at once for plain text. For expressions without, and the row is drawn again when
     * they are found.
     * @param {Line} line
     * @param {boolean} folds
     * @returns {Marked}
     */
    of(line, folds) {
        const face = faceOf(line, folds);
        const matcher = this.#shown.marker;
        if (!matcher) return { face, ranges: null };
        const whole = face.isWhole ? face : wholeFace(line);
        const known = this.#found.get(line);
        if (known !== undefined) return chosen(face, whole, known);
        const texts = [...new Set([face, whole])].map(({ parsed }) => parsed.plain);
        const answer = matcher.find(texts);
        if (!(answer instanceof Promise)) return chosen(face, whole, answer);
        answer.then((found) => {
            if (!found.some(Boolean) || matcher !== this.#shown.marker || !this.#late(line)) return;
            this.#found.set(line, found);
        });
        return { face, ranges: null };
    }
}

/**
 * @param {Face} face
 * @param {Face} whole
 * @param {(Ranges | null)[]} found in the one, in the other
 * @returns {Marked}
 */
function chosen(face, whole, [inFace, inWhole = null]) {
    return !inFace && inWhole ? { face: whole, ranges: inWhole } : { face, ranges: inFace };
}
