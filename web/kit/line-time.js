// SPDX-License-Identifier: MIT
// The time that a line itself carries, in the formats of the usual loggers and servers.
//
// Only what stands where programs put their time counts: at the line's beginning (behind a
// priority, a level, a container's name), in the brackets of an access log, in the known fields of
// JSON and logfmt. A time somewhere in a message is no time of the line.
//
// Zones. A time with a zone, and one that counts seconds, is an instant. One without is the clock
// of whoever wrote it, which nobody knows here: it is shown as it was written, and for the order of
// lines it is taken as the reader's local time, or else as UTC, whichever fits better with the time
// at which the hub read the line (a line is not read before it was written). A time without a year
// gets the last one that fits. A time without a date only counts when it is that of the reading, to
// five minutes. Times since the start of a machine (dmesg) are none.

/**
 * ms: the instant, in ms since 1970. wall: for a time without a zone, what was written, as if it
 * were UTC; else null.
 * @typedef {{ ms: number, wall: number | null }} LineTime
 */

/**
 * year, month and day are 0 where they were not written. zone: minutes east of UTC; null for none.
 * @typedef {object} Fields
 * @property {number} year
 * @property {number} month from 1
 * @property {number} day
 * @property {number} ms since midnight
 * @property {number | null} zone
 */

const HEAD = 400; // characters of a line that are looked at
const JSON_MAX = 20_000; // of a JSON line
const LIVE_MS = 5000; // a line is read this soon after it was written
const AHEAD_MS = 60_000; // clocks differ by this much
const TODAY_MS = 300_000;
const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
const TAI_OFFSET = 10; // seconds, as tai64nlocal has it

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const MONTH = '(?<month>[A-Z][a-z]{2})';
const CLOCK = '(?<hour>\\d{1,2}):(?<minute>\\d\\d):(?<second>\\d\\d)(?:[.,](?<part>\\d{1,9}))?';
const ZONE = '(?: ?(?<zone>Z|UTC|GMT|[+-]\\d\\d:?\\d\\d)\\b)?';
const ISO = `(?<year>\\d{4})[-/](?<month>\\d\\d)[-/](?<day>\\d\\d)(?:T|, | )${CLOCK}${ZONE}`;
// A container's name, a priority with its version, a level, a bracket, the name of the field.
const BEFORE =
    '(?:[\\w./-]{1,60} +\\| )?(?:<\\d{1,3}>(?:\\d )?)?(?:\\[?[A-Za-z]{1,9}\\]?[:,]?\\s{1,6})?' +
    '(?:\\[|\\(|(?:time|ts|t|timestamp|datetime|asctime)=)?"?';

// ISO 8601 (RFC 3339, RFC 5424, log4j, Python, PostgreSQL, nginx, Go); access logs, HAProxy; RFC
// 3164; Apache's errors, ctime; PHP, Tomcat; Redis; klog, glog; java.util.logging; a clock only.
const FORMATS = [
    `^${BEFORE}${ISO}`,
    `^[^\\[]{0,300}\\[(?<day>\\d\\d)/${MONTH}/(?<year>\\d{4}):${CLOCK}${ZONE}\\]`,
    `^(?:<\\d{1,3}>)?${MONTH} {1,2}(?<day>\\d{1,2}) ${CLOCK}\\b`,
    `^\\[?[A-Z][a-z]{2} ${MONTH} {1,2}(?<day>\\d{1,2}) ${CLOCK} (?<year>\\d{4})\\b`,
    `^\\[?(?<day>\\d\\d)-${MONTH}-(?<year>\\d{4}) ${CLOCK}${ZONE}`,
    `^\\d+:[A-Z] (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${CLOCK}`,
    `^[IWEF](?<year>\\d{4})?(?<month>\\d\\d)(?<day>\\d\\d) ${CLOCK}`,
    `^${MONTH} (?<day>\\d{1,2}), (?<year>\\d{4}) ${CLOCK} (?<half>[AP]M)\\b`,
    `^\\[?${CLOCK}\\]?(?=[\\s|])`,
].map((source) => new RegExp(source));
const SQUID = /^(\d{10}\.\d{3}) /;
const AUDIT = /\baudit\((\d{10}\.\d{3}):/;
const TAI64N = /^@4([0-9a-f]{15})([0-9a-f]{8}) /;
const LOGFMT = new RegExp(
    `(?:^|\\s)(?:time|ts|t|timestamp)="?(?:${ISO}|(?<epoch>\\d{10,19}(?:\\.\\d+)?))`,
);

const FIELD =
    /"(?:@?timestamp|time|ts|@t|t|date|datetime|asctime|eventTime|__REALTIME_TIMESTAMP|timeUnixNano|epochSecond)"\s*:\s*(?:\{\s*"\$date"\s*:\s*)?(?:"([^"]{8,40})"|(\d{10,19}(?:\.\d+)?)(?=[\s,}]))/gi;
const VALUE = new RegExp(`^${ISO}$`);
const EPOCH = /^\d{10,19}(?:\.\d+)?$/;

/**
 * @param {string} text a line without escape sequences
 * @param {number} read when the hub read it, in ms since 1970
 * @returns {LineTime | null} null when it carries none
 */
export function lineTime(text, read) {
    if (text.startsWith('{')) return jsonTime(text, read);
    const head = text.length > HEAD ? text.slice(0, HEAD) : text;
    if (!/\d/.test(head)) return null;
    for (const format of FORMATS) {
        const groups = format.exec(head)?.groups;
        const fields = groups && fieldsOf(groups);
        if (fields) return timeOf(fields, read);
    }
    const seconds = SQUID.exec(head) ?? AUDIT.exec(head);
    if (seconds) return epochTime(seconds[1]);
    const tai = TAI64N.exec(head);
    if (tai) {
        const ms = (parseInt(tai[1], 16) - TAI_OFFSET) * 1000 + parseInt(tai[2], 16) / 1e6;
        return { ms: Math.floor(ms), wall: null };
    }
    const logfmt = LOGFMT.exec(head)?.groups;
    if (!logfmt) return null;
    if (logfmt.epoch) return epochTime(logfmt.epoch);
    const fields = fieldsOf(logfmt);
    return fields && timeOf(fields, read);
}

/**
 * Of the fields of the outermost object the first that is a time.
 * @param {string} text
 * @param {number} read
 */
function jsonTime(text, read) {
    if (text.length > JSON_MAX) return null;
    for (const match of text.matchAll(FIELD)) {
        const [, written, number] = match;
        if (depthAt(text, match.index) > 1) continue;
        if (number || EPOCH.test(written)) return epochTime(number ?? written);
        const groups = VALUE.exec(written)?.groups;
        const fields = groups && fieldsOf(groups);
        if (fields) return timeOf(fields, read);
    }
    return null;
}

/**
 * How many objects are open before a place; braces in texts are counted too.
 * @param {string} text
 * @param {number} end
 */
function depthAt(text, end) {
    let depth = 0;
    for (let i = 0; i < end; i++) {
        if (text[i] === '{') depth++;
        else if (text[i] === '}') depth--;
    }
    return depth;
}

/**
 * Seconds, ms, µs or ns since 1970, by how many there are.
 * @param {string} digits
 * @returns {LineTime | null}
 */
function epochTime(digits) {
    const dot = digits.indexOf('.');
    const whole = dot < 0 ? digits.length : dot;
    const ms = Number(digits) / 10 ** (Math.floor((whole - 10) / 3) * 3 - 3);
    // A thousandth more: what is written in decimals is often just below in a double.
    return whole % 3 === 1 && isLikely(ms) ? { ms: Math.floor(ms + 0.001), wall: null } : null;
}

const isLikely = (/** @type {number} */ ms) =>
    ms > Date.UTC(1980, 0, 1) && ms < Date.UTC(2100, 0, 1);

/**
 * @param {Record<string, string | undefined>} groups
 * @returns {Fields | null} null when that is no time
 */
function fieldsOf({ year, month, day, hour, minute, second, part = '', zone, half }) {
    const named = month && MONTHS.indexOf(month.toLowerCase()) + 1;
    const fields = {
        year: Number(year ?? 0),
        month: named || Number(month ?? 0),
        day: Number(day ?? 0),
        zone: zoneOf(zone),
    };
    let hours = Number(hour);
    if (half) hours = (hours % 12) + (half === 'PM' ? 12 : 0);
    const isWrong =
        hours > 23 ||
        Number(minute) > 59 ||
        Number(second) > 60 ||
        Number.isNaN(fields.month) ||
        fields.month > 12 ||
        fields.day > 31 ||
        (month !== undefined && (fields.month < 1 || fields.day < 1));
    if (isWrong) return null;
    const ms = Number(part.padEnd(3, '0').slice(0, 3));
    return { ...fields, ms: ((hours * 60 + Number(minute)) * 60 + Number(second)) * 1000 + ms };
}

/**
 * Minutes east of UTC.
 * @param {string | undefined} zone
 */
function zoneOf(zone) {
    if (!zone) return null;
    if (/^[A-Z]/.test(zone)) return 0;
    const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
    return zone[0] === '-' ? -minutes : minutes;
}

/**
 * @param {Fields} fields
 * @param {number} read
 * @returns {LineTime | null}
 */
function timeOf(fields, read) {
    const wall = wallOf(fields, read);
    if (fields.zone !== null) {
        const ms = wall - fields.zone * 60_000;
        return isLikely(ms) ? { ms, wall: null } : null;
    }
    const ms = instantOf(wall, read);
    const isDated = fields.month > 0;
    if (!isLikely(ms) || (!isDated && Math.abs(ms - read) > TODAY_MS)) return null;
    return { ms, wall };
}

/**
 * The clock as if it were UTC. What was not written is taken from when it was read.
 * @param {Fields} fields
 * @param {number} read
 */
function wallOf({ year, month, day, ms }, read) {
    if (month === 0) {
        // The reader's day. Near midnight another day may be meant.
        const offset = -new Date(read).getTimezoneOffset() * 60_000;
        const day0 = Math.floor((read + offset) / DAY_MS) * DAY_MS;
        const distance = (/** @type {number} */ clock) => Math.abs(clock - read - offset);
        return [day0 - DAY_MS, day0, day0 + DAY_MS]
            .map((midnight) => midnight + ms)
            .reduce((best, clock) => (distance(clock) < distance(best) ? clock : best));
    }
    const of = (/** @type {number} */ y) => Date.UTC(y, month - 1, day) + ms;
    if (year > 0) return of(year);
    const last = new Date(read + DAY_MS).getUTCFullYear();
    return of(last) <= read + DAY_MS ? of(last) : of(last - 1);
}

/**
 * The instant of a clock without a zone.
 * @param {number} wall
 * @param {number} read
 */
function instantOf(wall, read) {
    const d = new Date(wall);
    const local = new Date(
        d.getUTCFullYear(),
        d.getUTCMonth(),
        d.getUTCDate(),
        d.getUTCHours(),
        d.getUTCMinutes(),
        d.getUTCSeconds(),
        d.getUTCMilliseconds(),
    ).getTime();
    const isLive = (/** @type {number} */ ms) => Math.abs(read - ms) <= LIVE_MS;
    if (isLive(wall) && !isLive(local)) return wall;
    if (local <= read + AHEAD_MS) return local;
    if (wall <= read + AHEAD_MS) return wall;
    // The clock of a zone further east: by quarters of an hour, to the last before it was read.
    return wall - Math.ceil((wall - read - AHEAD_MS) / QUARTER_MS) * QUARTER_MS;
}
