// SPDX-License-Identifier: MIT
// The line of a moment, among lines of which only some are read.
import { epochOf, numberOf } from './hub-requests.js';

const STEPS_MAX = 64; // an id's number has at most 53 bits
const TIMED = 8; // lines that a time is looked for in

/** @typedef {{ id: string, at: number, own: boolean }} Timed own: the time is the line's own */

/**
 * The first line that is not older than a time, among lines whose times rise with their ids. Null
 * when all are older.
 * @param {number} time
 * @param {object} lines
 * @param {string} lines.first id of the oldest line
 * @param {string} lines.last id of the newest
 * @param {(since: string, limit: number) => Promise<Timed[]>} lines.read the next lines after an id
 * @returns {Promise<Timed | null>}
 */
export async function seekTime(time, { first, last, read }) {
    const epoch = epochOf(first);
    let low = numberOf(first);
    let high = numberOf(last) + 1;
    /** @type {Timed | null} */
    let found = null;
    for (let step = 0; low < high && step < STEPS_MAX; step++) {
        const middle = Math.floor((low + high) / 2);
        const next = await read(`${epoch}-${Math.max(0, middle - 1)}`, TIMED);
        // A line without a time of its own says little where others have one.
        const line = next.find(({ own }) => own) ?? next[0];
        if (!line || numberOf(line.id) >= high) high = middle;
        else if (line.at >= time) [high, found] = [middle, line];
        else low = numberOf(line.id) + 1;
    }
    return found;
}
