// SPDX-License-Identifier: MIT
// Times of lines for people, and the colours of topics.

/** @import { LineTime } from './line-time.js' */

const pad = (/** @type {number} */ n, width = 2) => String(n).padStart(width, '0');

/**
 * "12:00:00.123" today, "11-21 12:00:00" on another day.
 * @param {number} ms
 * @param {boolean} utc
 */
export function absoluteTime(ms, utc, now = Date.now()) {
    if (Number.isNaN(ms)) return '';
    const t = parts(ms, utc);
    const today = parts(now, utc);
    const clock = `${pad(t.hour)}:${pad(t.minute)}:${pad(t.second)}`;
    if (t.day === today.day && t.month === today.month && t.year === today.year)
        return `${clock}.${pad(t.ms, 3)}`;
    return `${pad(t.month)}-${pad(t.day)} ${clock}`;
}

/**
 * With everything, for tool tips and screen readers.
 * @param {number} ms
 * @param {boolean} utc
 */
export function fullTime(ms, utc) {
    if (Number.isNaN(ms)) return '';
    const t = parts(ms, utc);
    const clock = `${pad(t.hour)}:${pad(t.minute)}:${pad(t.second)}.${pad(t.ms, 3)}`;
    return `${t.year}-${pad(t.month)}-${pad(t.day)} ${clock} ${utc ? 'UTC' : zone(ms)}`;
}

/**
 * "now", "12 s ago", "3 min ago", "2 h ago", "5 d ago".
 * @param {number} ms
 */
export function relativeTime(ms, now = Date.now()) {
    if (Number.isNaN(ms)) return '';
    const seconds = Math.round((now - ms) / 1000);
    if (seconds < 1) return 'now';
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
}

/**
 * The time of a line as it is shown: its own, or else when the hub read it, as always in the mode
 * `arrival`. full: for tool tips and screen readers. A time without a zone is shown as it was
 * written.
 * @param {{ own: LineTime | null, time: string }} line time: when the hub read it
 * @param {{ timeMode: string, utc: boolean }} view
 */
export function lineTimes({ own: carried, time }, { timeMode, utc }) {
    const own = timeMode === 'arrival' ? null : carried;
    const read = Date.parse(time);
    const ms = own?.ms ?? read;
    const isWall = own !== null && own.wall !== null;
    const wall = own?.wall ?? ms;
    const now = Date.now() + (isWall ? wall - ms : 0);
    const exact = absoluteTime(wall, isWall || utc, now);
    // Most lines that say no more than the second are of no exact one.
    const clock = own ? exact.replace(/\.000$/, '') : exact;
    const full = isWall ? fullTime(wall, true).replace('UTC', '(no zone)') : fullTime(ms, utc);
    const readAt = fullTime(read, utc);
    return {
        text: timeMode === 'relative' ? relativeTime(ms) : clock,
        full,
        title: own
            ? `${full}, as the line says\n${readAt}, when the hub got it`
            : `${readAt}, when the hub got it${carried ? '' : ': the line itself has no time'}`,
        isOwn: own !== null,
    };
}

/**
 * @param {number} ms
 * @param {boolean} utc
 */
function parts(ms, utc) {
    const d = new Date(ms);
    return utc
        ? {
              year: d.getUTCFullYear(),
              month: d.getUTCMonth() + 1,
              day: d.getUTCDate(),
              hour: d.getUTCHours(),
              minute: d.getUTCMinutes(),
              second: d.getUTCSeconds(),
              ms: d.getUTCMilliseconds(),
          }
        : {
              year: d.getFullYear(),
              month: d.getMonth() + 1,
              day: d.getDate(),
              hour: d.getHours(),
              minute: d.getMinutes(),
              second: d.getSeconds(),
              ms: d.getMilliseconds(),
          };
}

/** @param {number} ms */
function zone(ms) {
    const minutes = -new Date(ms).getTimezoneOffset();
    const sign = minutes < 0 ? '-' : '+';
    return `${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
}

// Twelve hues that most eyes can tell apart, each readable as text: [on light ground, on dark].
const TAGS = [
    ['#1d5fc4', '#7fb0ff'],
    ['#a3480b', '#ffb070'],
    ['#0d7a5f', '#5fd3b0'],
    ['#8a2fb0', '#d79bff'],
    ['#a11d5b', '#ff8fbf'],
    ['#5c6b00', '#c3d24c'],
    ['#0a7390', '#6fd3ee'],
    ['#7a5300', '#e8c25a'],
    ['#4c4fd0', '#a9acff'],
    ['#276b1f', '#8ed67f'],
    ['#9c2f2f', '#ff9d94'],
    ['#5a6070', '#b6bfd0'],
];

// Hues that are easily taken for each other have the same number.
const FAMILIES = [0, 1, 2, 3, 4, 5, 6, 1, 0, 2, 4, 7];

/** @type {Map<object, Set<string>>} */
const claims = new Map(); // which topics who shows
/** @type {Map<string, number>} */
const given = new Map(); // the colours of those

/**
 * Topics that are shown together get different colours, as long as there are some: each its own,
 * unless one that was there before has it, or one like it. A topic keeps its colour as long as
 * somebody shows it.
 * @param {object} owner who shows them
 * @param {Iterable<string>} topics all that it shows now; none: nothing any more
 */
export function claimTags(owner, topics) {
    const wanted = new Set(topics);
    if (wanted.size) claims.set(owner, wanted);
    else claims.delete(owner);
    const all = new Set([...claims.values()].flatMap((one) => [...one]));
    for (const topic of given.keys()) if (!all.has(topic)) given.delete(topic);
    for (const topic of all) if (!given.has(topic)) given.set(topic, freeIndex(topic));
}

/** @param {string} topic */
function freeIndex(topic) {
    const used = new Set(given.values());
    const families = new Set([...used].map((index) => FAMILIES[index]));
    const own = ownIndex(topic);
    const turn = TAGS.map((_, i) => (own + i) % TAGS.length);
    return (
        turn.find((index) => !families.has(FAMILIES[index])) ??
        turn.find((index) => !used.has(index)) ??
        own
    );
}

/** @param {string} topic */
function ownIndex(topic) {
    let hash = 2166136261;
    for (let i = 0; i < topic.length; i++) hash = Math.imul(hash ^ topic.charCodeAt(i), 16777619);
    return ((hash ^ (hash >>> 15)) >>> 0) % TAGS.length;
}

/**
 * The same topic has the same colour everywhere in a page.
 * @param {string} topic
 */
export function tagIndex(topic) {
    return given.get(topic) ?? ownIndex(topic);
}

/**
 * @param {string} topic
 * @param {boolean} dark
 */
export function tagColor(topic, dark) {
    return TAGS[tagIndex(topic)][dark ? 1 : 0];
}

export function tagColors() {
    return TAGS;
}
