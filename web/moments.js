// SPDX-License-Identifier: MIT
// Moments as people type them.

/** @type {Record<string, number>} */
const UNITS = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,6}(?:\.\d+)?) ?(s|m|min|h|d)(?: ago)?$/;
const CLOCK = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/;
const DATED =
    /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/;
const DAY_MS = 86_400_000;

/**
 * "15m": so long ago; "03:12": the last time that it was that; "2026-11-27 03:12" with or without a
 * zone. In ms since 1970, or null for anything else.
 * @param {string} text
 * @param {{ utc: boolean, now?: number }} options utc: what has no zone is UTC, else local time
 */
export function readMoment(text, { utc, now = Date.now() }) {
    const typed = text.trim();
    const duration = DURATION.exec(typed);
    if (duration) return now - Number(duration[1]) * UNITS[duration[2]];
    const clock = CLOCK.exec(typed);
    if (clock) {
        const [hour, minute, second] = clock.slice(1).map((part) => Number(part ?? 0));
        if (hour > 23 || minute > 59 || second > 59) return null;
        const day = new Date(now);
        if (utc) day.setUTCHours(hour, minute, second, 0);
        else day.setHours(hour, minute, second, 0);
        return day.getTime() <= now ? day.getTime() : day.getTime() - DAY_MS;
    }
    const dated = DATED.exec(typed);
    if (!dated) return null;
    const [, year, month, date, hour = '00', minute = '00', second = '00', zone = utc ? 'Z' : ''] =
        dated;
    const iso = `${year}-${month}-${date}T${hour.padStart(2, '0')}:${minute}:${second}${zone}`;
    const ms = Date.parse(iso);
    return Number.isNaN(ms) ? null : ms;
}
