// SPDX-License-Identifier: MIT
// What the page knows about its hub: where it is, the reader's key, what that key may do, which
// topics there are.
//
// The key comes with the page's address (?key= or ?code=). It is removed from the address bar at
// once, so that it is not shared with a copied link, and lives in this tab's session storage.
// Requests of the page carry it in a header.

import { topicMatcher } from '../kit/tailrace.js';

export { isPattern } from '../kit/hub-topics.js';

/**
 * An element of the answer to GET /topics.
 * @typedef {object} Topic
 * @property {string} topic
 * @property {string} last_id
 * @property {string} [last_time]
 * @property {number} events
 * @property {number} bytes
 * @property {number} subscribers
 * @property {boolean} closed
 */

/**
 * @typedef {{ key?: string, publish?: string[], subscribe?: string[] }} Access what a key may do
 */

/** @typedef {string | number | boolean | null | undefined} Value */
/**
 * @typedef {Record<string, Value | readonly Value[]>} Parameters null and undefined are left out
 */

/** @typedef {(topics: Topic[], error: HubError | null) => void} TopicsListener */

const STORED = 'tailrace.key';
const KEY_NAMES = ['key', 'code', 'access_token'];
const POLL_MS = 4000;
const POLL_MANY_MS = 20_000; // of a hub with more topics than this:
const MANY_TOPICS = 2000;

export const isStatus = (/** @type {string} */ topic) =>
    topic === 'status' || topic.startsWith('status/');
export const isLog = (/** @type {string} */ topic) =>
    !isStatus(topic) && !topic.startsWith('$sys/');

/**
 * Whether a topic belongs to a pattern of the API: `*` is one segment, `**` any number of them.
 * @param {string} pattern
 * @param {string} topic
 */
export const matches = (pattern, topic) => topicMatcher([pattern])(topic);

/**
 * @param {string} a
 * @param {string} b
 */
export function compareTopics(a, b) {
    return a.localeCompare(b, 'en', { numeric: true });
}

export class HubError extends Error {
    /**
     * @param {number} status of the answer; 0 when the hub cannot be reached
     * @param {string} detail
     */
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

/**
 * What a problem+json answer says, or the bare status.
 * @param {Response} response
 */
async function problemText(response) {
    if ((response.headers.get('Content-Type') ?? '').includes('json')) {
        try {
            const { title, detail } = await response.json();
            if (detail || title) return String(detail || title);
        } catch {
            // Not the hub's own answer: the status has to do.
        }
    }
    return `${response.status} ${response.statusText}`.trim();
}

export class Session {
    // The hub also works below a path of a proxy: assets/ is known to be directly under its root.
    hubRoot = new URL('..', import.meta.url);
    /** @type {Topic[]} */
    topics = []; // the newest list; kept fresh while somebody watches
    #key = '';
    /** @type {Set<(key: string) => void>} */
    #onKey = new Set();
    /** @type {Set<TopicsListener>} */
    #watchers = new Set();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #pollTimer;
    /** @type {Promise<Access> | null} */
    #access = null;

    constructor() {
        document.addEventListener(
            'visibilitychange',
            () => !document.hidden && this.#watchers.size && this.#poll(),
        );
    }

    get key() {
        return this.#key;
    }

    // From the address, which loses it, or from this tab's storage.
    takeKey() {
        const address = new URL(location.href);
        let given = '';
        for (const name of KEY_NAMES) {
            given ||= address.searchParams.get(name) ?? '';
            address.searchParams.delete(name);
        }
        if (given) {
            history.replaceState(history.state, '', address);
            this.#key = given;
            this.#store();
            return;
        }
        try {
            this.#key = sessionStorage.getItem(STORED) ?? '';
        } catch {
            this.#key = ''; // storage is switched off
        }
    }

    /**
     * Sets the key, and calls the listeners of onKeyChange.
     * @param {string} key the empty one forgets it
     */
    setKey(key) {
        this.#key = key;
        this.#access = null;
        this.topics = [];
        this.#store();
        for (const told of this.#onKey) told(key);
        if (this.#watchers.size) this.#poll();
    }

    #store() {
        try {
            if (this.#key) sessionStorage.setItem(STORED, this.#key);
            else sessionStorage.removeItem(STORED);
        } catch {
            // Storage is switched off: the key lasts as long as the page.
        }
    }

    /**
     * @param {(key: string) => void} told
     * @returns {() => void} what ends it
     */
    onKeyChange(told) {
        this.#onKey.add(told);
        return () => this.#onKey.delete(told);
    }

    /**
     * url('events', { topic: ['a', 'b/**'], last: 20 }): without the key, fit to be shown.
     * @param {string} path
     * @param {Parameters} [parameters]
     */
    url(path, parameters = {}) {
        const url = new URL(path, this.hubRoot);
        for (const [name, value] of Object.entries(parameters)) {
            for (const one of [value].flat())
                if (one !== null && one !== undefined) url.searchParams.append(name, String(one));
        }
        return url;
    }

    /** @param {string} topic */
    topicUrl(topic) {
        return this.url(`t/${topic.split('/').map(encodeURIComponent).join('/')}`);
    }

    /**
     * As fetch(), with the key. Throws a HubError for what is not 2xx, and with status 0 when the
     * hub cannot be reached.
     * @param {URL} url
     * @param {RequestInit & { headers?: Record<string, string> }} [options]
     */
    async fetch(url, { headers = {}, ...options } = {}) {
        let response;
        try {
            response = await fetch(url, {
                cache: 'no-store',
                ...options,
                headers: this.#key ? { 'X-Api-Key': this.#key, ...headers } : headers,
            });
        } catch (error) {
            if (isAbort(error)) throw error;
            throw new HubError(0, 'The hub cannot be reached.');
        }
        if (!response.ok) throw new HubError(response.status, await problemText(response));
        return response;
    }

    /**
     * @param {string} path
     * @param {Parameters} [parameters]
     * @param {{ signal?: AbortSignal }} [options]
     */
    async fetchJson(path, parameters, { signal } = {}) {
        const response = await this.fetch(this.url(path, parameters), {
            headers: { Accept: 'application/json' },
            signal,
        });
        try {
            return await response.json();
        } catch (error) {
            if (isAbort(error)) throw error;
            throw new HubError(
                response.status,
                `The answer to /${path} is not JSON: is this address a hub?`,
            );
        }
    }

    /** @returns {Promise<Topic[]>} */
    async fetchTopics(pattern = '**') {
        const topics = await this.fetchJson('topics', { topic: pattern });
        if (!Array.isArray(topics))
            throw new HubError(200, 'The answer to /topics is not a list of topics.');
        return topics;
    }

    /** @returns {Promise<Access>} */
    access() {
        this.#access ??= this.fetchJson('access').catch((error) => {
            this.#access = null;
            throw error;
        });
        return this.#access;
    }

    /**
     * Calls `told` at once when there is a list, then with each new one, while the page can be
     * seen.
     * @param {TopicsListener} told
     * @returns {() => void} what ends it
     */
    watchTopics(told) {
        this.#watchers.add(told);
        if (this.topics.length) told(this.topics, null);
        if (this.#watchers.size === 1) this.#poll();
        return () => {
            this.#watchers.delete(told);
            if (this.#watchers.size === 0) clearTimeout(this.#pollTimer);
        };
    }

    // Asks for the list now, for those who know that it has changed.
    refreshTopics() {
        return this.#poll();
    }

    async #poll() {
        clearTimeout(this.#pollTimer);
        const key = this.#key;
        /** @type {HubError | null} */
        let error = null;
        try {
            const topics = await this.fetchTopics('**');
            if (key !== this.#key) return;
            this.topics = topics;
        } catch (caught) {
            if (key !== this.#key) return;
            error = caught instanceof HubError ? caught : new HubError(0, String(caught));
        }
        for (const told of [...this.#watchers]) told(this.topics, error);
        clearTimeout(this.#pollTimer);
        // Asking again does not help a page that needs a key; setKey() goes on.
        if (this.#watchers.size === 0 || document.hidden || error?.status === 401) return;
        this.#pollTimer = setTimeout(
            () => this.#poll(),
            this.topics.length > MANY_TOPICS ? POLL_MANY_MS : POLL_MS,
        );
    }
}

/** @param {unknown} error */
function isAbort(error) {
    return error instanceof DOMException && error.name === 'AbortError';
}
