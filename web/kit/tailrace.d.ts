// SPDX-License-Identifier: MIT
// Types of tailrace.js.

export interface LiveEvent {
    /** The id to resume after. Opaque. */
    id: string;
    topic: string;
    /** "message" when the publisher gave none. */
    type: string;
    /** RFC 3339. */
    time: string;
    /** RFC 3339: until when it is worth something. Without it for ever. */
    expires?: string;
    data: string;
    /** The first line of a followed file that has taken the place of another. */
    rotated?: true;
}

export interface Gap {
    from: string;
    to: string;
    /** In words, for a person. */
    reason: string;
}

export type LiveState =
    'connecting' | 'live' | 'reconnecting' | 'offline' | 'ended' | 'refused' | 'closed';

export interface LiveDetail {
    /** Why, in words for a person. */
    reason?: string;
    /** The HTTP status, if the hub (or something in between) has answered with an error. */
    status?: number;
    /** When it is tried again, as Date.now() counts. Without it a refusal is final. */
    retryAt?: number;
    /** "poll": something holds live streams back, and updates are fetched. */
    transport: 'stream' | 'poll';
    /** Whether all tabs of this origin use one connection. */
    shared: boolean;
}

export interface ConnectOptions {
    /** The hub; without it where this script came from. */
    url?: string | URL;
    /** Names or patterns: "builds/42/log", "status/**". */
    topics: string | readonly string[];
    /** The newest N of each topic first. */
    last?: number | 'all';
    /** Everything after an id, a duration ("2h") or a time first. */
    since?: string;
    /** Only events whose data matches: TEXT, /REGEX/ or /REGEX/i. */
    filter?: string;
    /** An access key. */
    key?: string;
    /** The same as `key`. */
    token?: string;
    /** One connection for all tabs of this origin (default true). */
    shared?: boolean;
    /** Closes the subscription when it is aborted. */
    signal?: AbortSignal;
    onEvent?(event: LiveEvent): void;
    /** In place of onEvent: as many as have come together. */
    onEvents?(events: LiveEvent[]): void;
    /** The hub could not give all that was asked for. */
    onGap?(gap: Gap): void;
    onState?(state: LiveState, detail: LiveDetail): void;
}

export interface Subscription {
    readonly state: LiveState;
    readonly detail: LiveDetail;
    /** Everything up to here has been delivered. Empty before anything was. */
    readonly lastId: string;
    /** For good. */
    close(): void;
}

export function connect(options: ConnectOptions): Subscription;

/** The hub's address, with a slash at its end; without `url` where this script came from. */
export function hubRoot(url?: string | URL): URL;

/** A function that tells whether a topic is of one of these patterns, by the hub's rules. */
export function topicMatcher(patterns: readonly string[]): (topic: string) => boolean;
