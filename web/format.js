// SPDX-License-Identifier: MIT
// Numbers and times as people read them, and back. No page, no state.

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const UNITS = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY };

// "0 s", "12 s", "3 min", "2 h", "5 d": the biggest unit only, rounded down. Never negative: clocks differ.
export function durationText(ms) {
    if (!(ms >= SECOND)) return '0 s';
    if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
    if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
    if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
    return `${Math.floor(ms / DAY)} d`;
}

export function agoText(ms) {
    return ms < SECOND ? 'now' : `${durationText(ms)} ago`;
}

// "14:03:09" in the reader's time zone.
export function clockText(date) {
    const two = (number) => String(number).padStart(2, '0');
    return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

// "1 new line", "2,048 new lines".
export function countText(count, one, many = `${one}s`) {
    return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

// A time of the API (RFC 3339); the present where it cannot be read.
export function parseTime(text) {
    const date = new Date(text ?? NaN);
    return Number.isNaN(date.getTime()) ? new Date() : date;
}

// A duration of the API, "15s", or a number of milliseconds. The default for anything else.
export function parseDuration(value, defaultMs) {
    if (typeof value === 'number' && value > 0) return value;
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value ?? '');
    return match && Number(match[1]) > 0 ? Number(match[1]) * UNITS[match[2]] : defaultMs;
}
