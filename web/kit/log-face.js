// SPDX-License-Identifier: MIT
// What a row shows of its line: all of it, what is left of one that wrote over itself, the message
// of one that is JSON, the beginning of a very long one.
import { parseAnsi } from './ansi.js';
import { lastState, plainText } from './line-text.js';
import { messageOf } from './log-message.js';
import { shortened } from './log-text.js';

/** @import { Parsed } from './line-text.js' */
/** @import { Line } from './log-window.js' */

/**
 * isWhole: nothing of the line's text is folded away (it may be cut). isMessage: it is the message
 * alone.
 * @typedef {{ parsed: Parsed, isWhole: boolean, isMessage: boolean }} Face
 */

/**
 * All of the line, or its beginning when it is very long and not unfolded.
 * @param {Line} line
 * @returns {Face}
 */
export function wholeFace({ data, open }) {
    const parsed = parseAnsi(open ? data : shortened(data));
    return { parsed, isWhole: true, isMessage: false };
}

/**
 * @param {Line} line
 * @param {boolean} folds whether JSON is folded to its message
 * @returns {Face}
 */
export function faceOf(line, folds) {
    const whole = wholeFace(line);
    if (line.open) return whole;
    const message = folds ? messageOf(plainText(line.data)) : null;
    if (message !== null) {
        const parsed = lastState(parseAnsi(shortened(message)));
        return { parsed, isWhole: false, isMessage: true };
    }
    const parsed = lastState(whole.parsed);
    return parsed === whole.parsed ? whole : { parsed, isWhole: false, isMessage: false };
}
