// SPDX-License-Identifier: MIT
// Requests to GET /events, and why one fails, in words for people.
import { isExact } from './hub-topics.js';
import { sleep, timing } from './hub-timing.js';

/** @import { LiveEvent } from './tailrace.js' */

/**
 * What connections are told apart by.
 * @typedef {object} Target
 * @property {string} hub its address, with a slash at its end
 * @property {string} key
 * @property {string} filter
 */

/**
 * A JSON answer of GET /events.
 * @typedef {object} Page
 * @property {LiveEvent[]} events
 * @property {{ topic: string, closed: boolean }[]} topics
 * @property {string} next the id that everything is complete up to
 * @property {boolean} [more]
 */

/**
 * A parameter's value; of a list each has its own parameter, and an empty one is left out.
 * @typedef {Record<string, string | number | readonly string[] | undefined>} Parameters
 */

export const PAGE = 5000; // events in an answer
export const GAP = 'tailrace.gap';
export const LOST = 'The connection was lost.';
const NO_HUB =
    'The answer is not from a hub. Is the address right? Is there a login page in between?';

// An id is EPOCH-NUMBER: the number rises in each epoch.

/** @param {string} id */
export const numberOf = (id) => Number(id.slice(id.lastIndexOf('-') + 1));
/** @param {string} id */
export const epochOf = (id) => id.slice(0, id.lastIndexOf('-'));

/**
 * The object that the text is in JSON; an empty one for anything else.
 * @param {string} text
 */
export function parseObject(text) {
    try {
        return JSON.parse(text) ?? {};
    } catch {
        return {};
    }
}

/**
 * The hub's address with a slash at its end; without `url` where this script came from.
 * @type {typeof import('./tailrace.js').hubRoot}
 */
export function hubRoot(url = new URL('..', import.meta.url)) {
    const root = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
    root.search = root.hash = '';
    if (!root.pathname.endsWith('/')) root.pathname += '/';
    return root;
}

/** Why an attempt failed. wait: ms until the next one; 0: as is good, Infinity: there is none. */
export class Failure extends Error {
    /** @type {number | undefined} */
    status;
    /** @type {'reconnecting' | 'offline' | 'refused'} */
    state = 'reconnecting';
    wait = 0;

    /**
     * @param {string} message
     * @param {Partial<Pick<Failure, 'status' | 'state' | 'wait'>>} [more]
     */
    constructor(message, more) {
        super(message);
        Object.assign(this, more);
    }
}

/** Origins that the page's security policy keeps it from. */
export const blocked = new Set();

// A browser does not tell a page whether a hub keeps its answers from the page's origin: that looks
// like a request that failed. Both by the hub's origin.
const letIn = new Set(); // an answer could be read
/** @type {Map<string, number>} */
const failedAt = new Map(); // the last request that had no answer

/**
 * @param {URL} hub
 * @param {number} began when the request began
 */
async function unreachable(hub, began) {
    const here = globalThis.location?.origin;
    // Requests that were under way together fail together, and count once.
    const isSecond = (failedAt.get(hub.origin) ?? Infinity) <= began;
    failedAt.set(hub.origin, performance.now());
    if (globalThis.navigator?.onLine === false) {
        return new Failure('This device is offline.', { state: 'offline' });
    }
    await sleep(20); // the security policy's event comes after the error
    if (blocked.has(hub.origin)) {
        const reason = `This page's security policy (connect-src) keeps it from ${hub.origin}.`;
        return new Failure(reason, { state: 'refused', wait: timing.most });
    }
    if (here && here !== hub.origin && isSecond && !letIn.has(hub.origin)) {
        const signal = AbortSignal.timeout(timing.first);
        const probe = fetch(new URL('healthz', hub), { mode: 'no-cors', signal });
        if (await probe.catch(() => null)) {
            const reason =
                `The hub does not let in pages of ${here}; ` +
                'its configuration (origins) says which.';
            return new Failure(reason, { state: 'refused' });
        }
    }
    return new Failure('The hub cannot be reached.');
}

/**
 * @param {Response} response
 * @param {string} key
 */
async function refusal(response, key) {
    const { status, statusText, headers } = response;
    const { detail, title } = parseObject(await response.text().catch(() => ''));
    let reason = `${detail || title || `the answer was ${status} ${statusText}`}`;
    if (status === 401) reason = key ? 'the key is not the right one' : 'a key is needed';
    reason = reason[0].toUpperCase() + reason.slice(1).replace(/\w$/, '$&.');
    if (status < 500 && ![408, 425, 429].includes(status)) {
        return new Failure(reason, { status, state: 'refused', wait: Infinity });
    }
    const seconds = Number(headers.get('Retry-After')) || 0;
    return new Failure(reason, { status, wait: seconds * (1000 + Math.random() * 250) });
}

/**
 * GET /events: the Response, null for 204. Throws a Failure, or the signal's reason.
 * @param {Target} target
 * @param {Parameters} parameters
 * @param {string} accept
 * @param {AbortSignal} signal
 */
export async function ask({ hub, key, filter }, parameters, accept, signal) {
    const url = new URL('events', hub);
    const plain = /^[!-~]*$/.test(key); // fit for a header
    for (const [name, value] of Object.entries({ ...parameters, filter, key: plain ? '' : key })) {
        for (const one of [value ?? ''].flat()) {
            if (one !== '') url.searchParams.append(name, String(one));
        }
    }
    const headers = { Accept: accept, ...(key && plain && { Authorization: `Bearer ${key}` }) };
    const began = performance.now();
    const response = await fetch(url, { headers, cache: 'no-store', signal }).catch(() => null);
    signal.throwIfAborted();
    if (!response) throw await unreachable(url, began);
    letIn.add(url.origin);
    if (response.status === 204) return null;
    if (!response.ok) throw await refusal(response, key);
    if ((response.headers.get('Content-Type') ?? '').startsWith(accept)) return response;
    const { status } = response;
    throw new Failure(NO_HUB, { status, state: 'refused', wait: timing.most });
}

/**
 * What is stored. Throws a Failure, or the signal's reason.
 * @param {Target} target
 * @param {Parameters} parameters
 * @param {AbortSignal} signal
 * @param {number} [patience] ms
 * @returns {Promise<Page>}
 */
export async function snapshot(target, parameters, signal, patience = timing.answer) {
    const late = AbortSignal.timeout(patience);
    try {
        const either = AbortSignal.any([signal, late]);
        const response = await ask(target, parameters, 'application/json', either);
        if (!response) throw new Failure(LOST);
        const page = await response.json();
        if (page.events && page.topics && page.next) return page;
        throw new Failure(NO_HUB);
    } catch (error) {
        signal.throwIfAborted();
        if (late.aborted) throw new Failure('The hub does not answer.');
        throw error instanceof Failure ? error : new Failure(LOST);
    }
}

/**
 * Whether nothing more can come: each topic is a name, and is finished.
 * @param {readonly string[]} topics
 * @param {Page['topics']} listed
 */
export function areClosed(topics, listed) {
    const closed = new Set(listed.filter((one) => one.closed).map(({ topic }) => topic));
    return isExact(topics) && topics.every((topic) => closed.has(topic));
}
