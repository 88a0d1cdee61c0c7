// SPDX-License-Identifier: MIT
// Times and durations as people read them, and back.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** @type {Record<string, number>} */
const UNITS = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/**
 * "0 s", "12 s", "3 min", "2 h", "5 d": the largest unit only, rounded down. Never negative: clocks
 * differ.
 * @param {number} ms
 */
export function durationText(ms) {
    if (!(ms >= SECOND)) return '0 s';
    if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
    if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
    if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
    return `${Math.floor(ms / DAY)} d`;
}

/** @param {number} ms */
export function agoText(ms) {
    return ms < SECOND ? 'now' : `${durationText(ms)} ago`;
}

/**
 * "14:03:09" today, "22 Nov 14:03:09" on another day; the reader's time zone.
 * @param {number} time
 */
export function clockText(time, now = Date.now()) {
    const date = new Date(time);
    const clock = [date.getHours(), date.getMinutes(), date.getSeconds()]
        .map((n) => String(n).padStart(2, '0'))
        .join(':');
    if (date.toDateString() === new Date(now).toDateString()) return clock;
    return `${date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })} ${clock}`;
}

/**
 * A time of the API (RFC 3339) in milliseconds; the present where it cannot be read.
 * @param {string} text
 */
export function parseTime(text) {
    const time = Date.parse(text);
    return Number.isNaN(time) ? Date.now() : time;
}

/**
 * A duration of the API, "15s" or "2h"; the default for anything else.
 * @param {unknown} value
 * @param {number} defaultMs
 */
export function parseDuration(value, defaultMs) {
    const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(`${value ?? ''}`);
    return match && Number(match[1]) > 0 ? Number(match[1]) * UNITS[match[2]] : defaultMs;
}
