// SPDX-License-Identifier: MIT
// How many lines there are over time, and how many of them are bad.

/**
 * A part of the time: from is its beginning, in ms since 1970; id is its first line's, by time.
 * @typedef {{ from: number, lines: number, errors: number, warnings: number, id: string }} Bucket
 */

/** @typedef {{ step: number, buckets: Bucket[] }} Histogram step: ms; no buckets: no lines */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
    ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
    ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
    ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
    ...[1, 2, 7, 30, 90, 365, 3650].map((n) => n * DAY),
];

/**
 * @param {readonly { at: number, level: string, id: string }[]} lines in any order; those without a
 *     time are left out
 * @param {number} most buckets
 * @returns {Histogram}
 */
export function histogramOf(lines, most) {
    let first = Infinity;
    let last = -Infinity;
    for (const { at } of lines) {
        if (at < first) first = at;
        if (at > last) last = at;
    }
    if (first > last) return { step: 0, buckets: [] };
    const fits = (/** @type {number} */ step) =>
        Math.floor(last / step) - Math.floor(first / step) < most;
    const step = STEPS.find(fits) ?? Math.ceil((last - first + 1) / Math.max(1, most - 1));
    const begin = Math.floor(first / step);
    const count = Math.floor(last / step) - begin + 1;
    /** @type {Bucket[]} */
    const buckets = Array.from({ length: count }, (_, i) => ({
        from: (begin + i) * step,
        lines: 0,
        errors: 0,
        warnings: 0,
        id: '',
    }));
    /** @type {number[]} */
    const earliest = new Array(count).fill(Infinity);
    for (const { at, level, id } of lines) {
        if (Number.isNaN(at)) continue;
        const index = Math.floor(at / step) - begin;
        const bucket = buckets[index];
        bucket.lines++;
        if (level === 'error' || level === 'fatal') bucket.errors++;
        else if (level === 'warn') bucket.warnings++;
        if (at < earliest[index]) [earliest[index], bucket.id] = [at, id];
    }
    return { step, buckets };
}
