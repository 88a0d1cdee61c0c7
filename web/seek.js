// SPDX-License-Identifier: MIT
// The line of a moment in all that the hub stores, and loading back to a moment.
import { numberOf } from '../kit/hub-requests.js';
import { lineText } from '../kit/line-text.js';
import { lineTime } from '../kit/line-time.js';
import { seekTime } from '../kit/log-seek.js';

/** @import { LiveLog } from '../kit/live-log.js' */
/** @import { Timed } from '../kit/log-seek.js' */
/** @import { Session } from './session.js' */

/**
 * The first line of a moment, of all that is stored: by the lines' own times where they have some,
 * else by when the hub got them. Of several topics the earliest. Throws a HubError.
 * @param {Session} session
 * @param {string[]} topics
 * @param {number} moment
 */
export async function lineOf(session, topics, moment) {
    /** @param {string} topic */
    const search = async (topic) => {
        /** @param {Record<string, string | number>} parameters */
        const read = async (parameters) => {
            const { events } = await session.fetchJson('events', { topic, ...parameters });
            return /** @type {StoredEvent[]} */ (events).filter(
                ({ type }) => !type?.startsWith('tailrace.'),
            );
        };
        const [oldest] = await read({ last: 'all', limit: 1 });
        const ends = await read({ last: 1 }); // one of each topic of a pattern
        const newest = ends.sort((a, b) => numberOf(a.id) - numberOf(b.id)).at(-1);
        if (!oldest || !newest) return null;
        return seekTime(moment, {
            first: oldest.id,
            last: newest.id,
            read: async (since, limit) => (await read({ since, limit })).map(timed),
        });
    };
    const found = await Promise.all(topics.map(search));
    return found.reduce((best, one) => (one && (!best || one.at < best.at) ? one : best), null);
}

/** @typedef {{ id: string, type?: string, time: string, data: string }} StoredEvent */

/**
 * @param {StoredEvent} event
 * @returns {Timed}
 */
function timed({ id, time, data }) {
    const read = Date.parse(time);
    const own = lineTime(lineText(data), read);
    return { id, at: own?.ms ?? read, own: own !== null };
}

/**
 * Loads older lines until those from a moment on are there, or memory is full.
 * @param {LiveLog} log
 * @param {number} from
 * @param {() => boolean} isWanted still
 */
export async function coverFrom(log, from, isWanted) {
    const isOpen = () => {
        const [first] = log.lines();
        return first && Date.parse(first.written ?? first.time) >= from;
    };
    while (isWanted() && isOpen() && log.lineCount < log.maxLines / 2)
        if (!(await log.loadOlder())) return;
}
