// SPDX-License-Identifier: MIT
// <live-status>: a card for each status topic of a hub, live. README.md has its attributes and its
// style properties.

import type { connect, LiveDetail, LiveState } from './tailrace.js';

/**
 * What people usually mean by a status. "other": neither, as with "skipped", or nothing that is
 * understood, which is never "good".
 */
export type Kind = 'good' | 'busy' | 'wait' | 'warn' | 'bad' | 'other';

/** A kind, or "stale": no longer worth anything, and neither failing nor warning. */
export type Class = Kind | 'stale';

/** The worst first. */
export const CLASSES: readonly Class[];

/** "failing", "warning", "fine", …: how n statuses of a class are spoken of. */
export const CLASS_TEXT: Readonly<Record<Class, string>>;

export interface Status {
    word: string;
    kind: Kind;
    value: string;
    detail: string;
    /** How long its JSON says (ttl) that it is worth something, in ms; 0: it does not. */
    ttlMs: number;
}

/**
 * Reads the data of an event: a bare word, "word: detail", or JSON with state or status. The worst
 * of all that it says decides the kind.
 */
export function readStatus(data: string): Status;

/** The kind of a text by its worst word. */
export function wordKind(text: string): Kind;

export interface Summary {
    /** The worst class that there is; null without statuses. */
    kind: Class | null;
    /** Its first topic by name. */
    topic: string | null;
    /** The first few of its topics. */
    names: string[];
    counts: Record<Class, number>;
    total: number;
}

/** "2 failing", "1 warning", "3 stale", "All 12 fine", "8 fine, 1 waiting". */
export function headline(summary: Summary): string;

export interface StatusFilter {
    /** All of its words must be in the topic, the word, the value or the detail. */
    text?: string;
    kinds?: Set<Class> | null;
}

export class LiveStatus extends HTMLElement {
    readonly state: LiveState;
    readonly detail: LiveDetail;
    readonly summary: Summary;
    /** From the attribute topic: one topic or pattern a line. */
    readonly topics: string[];
    /** How many statuses pass the filter. */
    readonly shownCount: number;
    filter: StatusFilter;
    /** What makes the connection, where it is not connect() of this package. */
    connector: typeof connect;
    /** Opens the history of a topic and scrolls to it, as soon as there is such a topic. */
    open(topic: string): void;
    /** Connects again, and forgets what was shown. */
    connect(): void;
    /** Keeps what is shown. */
    disconnect(): void;
}

export interface LiveStatusEventMap {
    'live-state': CustomEvent<{ state: LiveState; detail: LiveDetail }>;
    /** `text` is the headline; `left` counts events of topics for which there was no more room. */
    'live-worst': CustomEvent<Summary & { text: string; left: number }>;
    /** Statuses that have turned bad just now; not what was so before. id: of the event. */
    'live-failing': CustomEvent<{
        statuses: { topic: string; word: string; detail: string; id: string }[];
    }>;
    'live-open': CustomEvent<{ topic: string; open: boolean }>;
}

declare global {
    interface HTMLElementTagNameMap {
        'live-status': LiveStatus;
    }
}
