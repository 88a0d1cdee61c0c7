// SPDX-License-Identifier: MIT
// What the text of a line is, for everybody who asks.
//
//   plainText()   all of it, without escape sequences: what filters, find and the hub's search look
//                 at, so that one question has one answer everywhere
//   lineText()    what the line says in the end: what is copied, told and saved
//   lastState()   the same with colours: what is drawn
//
// The last two differ from the first for lines that wrote over themselves (progress bars). Of each
// line of the text they have what was written after the last return to its start that anything
// followed: a CR, or a sequence that moves the cursor there. What a terminal would leave standing
// of a longer text before it is left out: nobody wrote that.
import { hasAnsi, parseAnsi, stripAnsi } from './ansi.js';

/** @typedef {ReturnType<typeof parseAnsi>} Parsed */

/** @param {string} data */
export const plainText = (data) => stripAnsi(data);

/** @param {string} data */
export function lineText(data) {
    if (!hasAnsi(data) && !data.includes('\r')) return withoutEnd(data);
    return withoutEnd(lastState(parseAnsi(data)).plain);
}

/** @param {string} text */
const withoutEnd = (text) => (text.endsWith('\n') ? text.slice(0, -1) : text);

/**
 * @param {Parsed} parsed
 * @returns {Parsed} the same object when the text did not write over itself
 */
export function lastState(parsed) {
    const { plain, runs, starts } = parsed;
    if (starts.length === 0 && !plain.includes('\r')) return parsed;
    /** @type {Parsed} */
    const last = { plain: '', runs: [], starts: [] };
    let run = 0;
    let start = 0;
    for (let from = 0; from <= plain.length;) {
        const lf = plain.indexOf('\n', from);
        const end = lf < 0 ? plain.length : lf;
        while (start < starts.length && starts[start] < from) start++;
        /** @type {number[]} */
        const more = [];
        while (start < starts.length && starts[start] <= end) more.push(starts[start++]);
        const [a, b] = lastOf(plain, from, end, more);
        const by = last.plain.length - a;
        last.plain += plain.slice(a, b);
        while (run < runs.length && runs[run].end <= a) run++;
        for (let i = run; i < runs.length && runs[i].start < b; i++)
            last.runs.push({
                ...runs[i],
                start: Math.max(runs[i].start, a) + by,
                end: Math.min(runs[i].end, b) + by,
            });
        if (lf < 0) break;
        last.plain += '\n';
        from = lf + 1;
    }
    return last;
}

/**
 * The last of the states of one line that has something to read: [from, to).
 * @param {string} plain
 * @param {number} from
 * @param {number} end
 * @param {number[]} starts of states within, besides those behind a CR
 */
function lastOf(plain, from, end, starts) {
    let to = end;
    let next = starts.length - 1;
    for (;;) {
        const cr = to > from ? plain.lastIndexOf('\r', to - 1) : -1;
        while (next >= 0 && starts[next] >= to) next--;
        const begin = Math.max(from, cr + 1, next >= 0 ? starts[next] : from);
        if (/\S/.test(plain.slice(begin, to))) return [begin, to];
        if (begin <= from) return [from, from];
        to = plain[begin - 1] === '\r' ? begin - 1 : begin;
    }
}
