// SPDX-License-Identifier: MIT
// What the reader does with pointer and keys in a log, as calls.
import { closest } from './dom.js';
import { handleKey } from './log-keys.js';
import { isLine } from './log-window.js';

/** @import { Parts } from './log-frame.js' */
/** @import { Actions } from './log-keys.js' */
/** @import { Entry, Line } from './log-window.js' */

/**
 * @typedef {object} ReaderListener
 * @property {() => void} toEnd
 * @property {() => void} again older lines are to be tried again
 * @property {(field: string) => void} pin or unpin
 * @property {(line: Line) => void} unfold or fold
 * @property {(line: Line) => void} choose
 * @property {(row: Node) => Entry | null} entryOf
 * @property {() => boolean} isSelecting
 * @property {() => Actions} keys what they act on
 */

/**
 * @param {Parts} parts
 * @param {ReaderListener} on
 */
export function listenToReader({ scroller, block, chip, again, columns }, on) {
    chip.addEventListener('click', () => on.toEnd());
    again.addEventListener('click', () => on.again());
    columns.addEventListener('click', (event) => {
        const button = closest(event, '.unpin');
        if (button) on.pin(button.dataset.field ?? '');
    });
    block.addEventListener('click', (event) => {
        const pin = closest(event, '.json-key');
        if (pin) {
            on.pin(pin.dataset.field ?? '');
            return;
        }
        let row = event.target instanceof Node ? event.target : null;
        while (row && row.parentNode !== block) row = row.parentNode;
        const entry = row && on.entryOf(row);
        if (!entry || !isLine(entry)) return;
        if (closest(event, '.log-fold, .log-more')) on.unfold(entry);
        else if (!on.isSelecting()) on.choose(entry);
    });
    scroller.addEventListener(
        'scroll',
        () => {
            columns.scrollLeft = scroller.scrollLeft;
        },
        { passive: true },
    );
    scroller.addEventListener('keydown', (event) => handleKey(event, on.keys()));
}
