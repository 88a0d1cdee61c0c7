// SPDX-License-Identifier: MIT
// Where the hub is, the key for it, and what can be asked of it without a stream.
//
// The key comes with the page's address (?key= or ?code=), leaves the address bar at once so that it is not shared with a
// copied link, and lives in this tab's session storage.

const STORED = 'tailrace.key';

// The hub also works below a path of a proxy: assets/ is known to be directly under its root.
export const hubRoot = new URL('..', import.meta.url);

let key = '';

export function takeKey() {
    const address = new URL(location.href);
    for (const name of ['key', 'code', 'access_token']) {
        const value = address.searchParams.get(name);
        if (value) key ||= value;
        address.searchParams.delete(name);
    }
    if (key) {
        history.replaceState(null, '', address);
        setKey(key);
        return;
    }
    try {
        key = sessionStorage.getItem(STORED) ?? '';
    } catch {
        key = ''; // storage is switched off
    }
}

export function hasKey() {
    return key !== '';
}

// The empty key forgets it.
export function setKey(value) {
    key = value;
    try {
        if (value) sessionStorage.setItem(STORED, value);
        else sessionStorage.removeItem(STORED);
    } catch {
        // Storage is switched off: the key lasts as long as the page.
    }
}

// hubUrl('events', { topic: ['a', 'b/**'], last: 20 }): with the key, if there is one.
export function hubUrl(path, parameters = {}) {
    const url = new URL(path, hubRoot);
    for (const [name, value] of Object.entries(parameters)) {
        for (const one of [value].flat()) url.searchParams.append(name, one);
    }
    if (key) url.searchParams.set('key', key);
    return url;
}

// A topic's own address, for a curl line: without the key.
export function publishUrl(topic) {
    return new URL(`t/${topic.split('/').map(encodeURIComponent).join('/')}`, hubRoot).href;
}

export class HubError extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

// What a problem+json answer says, or the bare status.
export async function problemText(response) {
    const type = response.headers.get('Content-Type') ?? '';
    if (type.includes('json')) {
        try {
            const { title, detail } = await response.json();
            if (detail || title) return String(detail || title);
        } catch {
            // Not the hub's own answer: the status has to do.
        }
    }
    return `${response.status} ${response.statusText}`.trim();
}

// [{topic, …}]. Throws HubError with the status, 0 when the hub cannot be reached.
export async function fetchTopics(pattern) {
    let response;
    try {
        response = await fetch(hubUrl('topics', { topic: pattern }), { headers: { Accept: 'application/json' } });
    } catch {
        throw new HubError(0, 'the hub cannot be reached');
    }
    if (!response.ok) throw new HubError(response.status, await problemText(response));
    try {
        const topics = await response.json();
        if (Array.isArray(topics)) return topics;
    } catch {
        // said below
    }
    throw new HubError(response.status, 'the answer to /topics is not a list of topics');
}
