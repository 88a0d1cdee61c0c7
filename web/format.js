// SPDX-License-Identifier: MIT
// Numbers as people read them. No page, no state.

const SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR;

// "0 s", "12 s", "3 min", "2 h", "5 d": the biggest unit only, rounded down. Never negative: clocks differ.
export function durationText(ms) {
    if (!(ms >= SECOND)) return '0 s';
    if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
    if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
    if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
    return `${Math.floor(ms / DAY)} d`;
}

// "1 new line", "2,048 new lines".
export function countText(count, one, many = `${one}s`) {
    return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
