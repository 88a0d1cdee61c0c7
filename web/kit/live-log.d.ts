// SPDX-License-Identifier: MIT
// Types of <live-log>: import 'HUB/kit/live-log.js' defines the element.

import { LiveDetail, LiveState } from './tailrace.js';

export type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** One line as the hub gave it. */
export interface LogLine {
    readonly id: string;
    readonly topic: string;
    /** SSE type, "message" unless the publisher said otherwise. */
    readonly type: string;
    /** When the hub got it, RFC 3339. */
    readonly time: string;
    /**
     * The time that the line itself carries, RFC 3339; null when it has none. One without a zone is
     * taken as local time, or as UTC when that fits better with `time`.
     */
    readonly written: string | null;
    /** The event's data, escape codes included. */
    readonly data: string;
    /** '' when the line tells none. */
    readonly level: Level | '';
}

/** What is looked for. Matches against all of the text, folded or not, without escape sequences. */
export interface LogQuery {
    text: string;
    /** JavaScript syntax, flags "u" when it allows that. */
    regex?: boolean;
    caseSensitive?: boolean;
}

export interface LogFilter extends LogQuery {
    /** Shows the lines that do not match. */
    invert?: boolean;
    /** Only these levels; '' stands for lines without one. null or absent: all. */
    levels?: Iterable<Level | ''> | null;
    /** Only lines that were written from then on, in ms since 1970: by their own time, or else when
     * the hub got them. */
    from?: number;
    /** Only lines that were written before. */
    to?: number;
}

/** Lines over time, for a drawing. */
export interface LogHistogram {
    /** ms */
    readonly step: number;
    /** One after the other; id is that of the first line, '' when there is none. */
    readonly buckets: readonly {
        readonly from: number;
        readonly lines: number;
        readonly errors: number;
        readonly warnings: number;
        readonly id: string;
    }[];
}

export interface LogMatches {
    /** Lines (of those loaded and shown) that match the query. */
    readonly count: number;
    /** The current one, from 0; -1 for none. */
    readonly index: number;
    /** Still counting. */
    readonly busy: boolean;
}

export interface LiveLogEventMap {
    /** The connection: states and detail of connect(). */
    'live-state': CustomEvent<{ state: LiveState; detail: Partial<LiveDetail> }>;
    /** At most once per frame. added: lines that came live since the last one; total: loaded. */
    'live-lines': CustomEvent<{ added: number; total: number; shown: number; lastId: string }>;
    'live-match': CustomEvent<LogMatches>;
    'live-follow': CustomEvent<{ follow: boolean; unseen: number; paused: boolean }>;
    /** id is null when nothing is selected any more. By click, keys or goTo(). */
    'live-select': CustomEvent<{ id: string | null; topic: string | null }>;
    'live-gap': CustomEvent<{ from?: string; to?: string; reason?: string }>;
    /** The reader pinned or unpinned a JSON field. */
    'live-columns': CustomEvent<{ columns: string[] }>;
    /**
     * A filter or query that cannot be used: invalid, or stopped because it took too long. error is
     * null when it is good again.
     */
    'live-pattern': CustomEvent<{ of: 'filter' | 'query'; error: string | null }>;
}

/** An element without the method `matches`: a live log has a property of that name. */
interface LiveLogBase extends Omit<HTMLElement, 'matches' | 'focus' | 'addEventListener'> {
    focus(options?: FocusOptions): void;
    addEventListener<K extends keyof LiveLogEventMap>(
        type: K,
        listener: (this: LiveLog, event: LiveLogEventMap[K]) => void,
        options?: boolean | AddEventListenerOptions,
    ): void;
    addEventListener(
        type: string,
        listener: EventListenerOrEventListenerObject,
        options?: boolean | AddEventListenerOptions,
    ): void;
}
declare const LiveLogBase: { new (): LiveLogBase };

/**
 * A live log: rows of one or several topics, however many, with history on scrolling up.
 *
 * Attributes: hub, topic (names or patterns, one per line), last (200), key,
 * time="absolute|relative|arrival|none", utc, wrap, whole (nothing is folded),
 * levels ("error warn"),
 * max-lines (20000), label (for screen readers; the topics by default).
 *
 * Style: --live-ground --live-surface --live-ink --live-muted --live-line --live-accent --live-ok
 * --live-warn --live-bad --live-mark --live-mark-ink --live-font --live-font-size --live-row-height
 * (a number: line height) --live-radius; each falls back to the page's --ground --surface … --mono.
 * Dark or light follows from the ground's brightness. Parts: frame head scroller chip. Height: as
 * laid out by the page (100% of its container is usual; 20rem by default).
 *
 * Keys, when it has the focus: ↑ ↓ (j k) select a line, Enter unfolds it, Escape deselects it;
 * PageUp PageDown Space scroll; Home: the oldest loaded line; End: the newest, and follow; n N next
 * and previous match; p pause; w wrap; Ctrl+A all shown lines, Ctrl+C copies (the selection, or the
 * selected line).
 *
 * Rows in the open shadow root: .log-line[data-id][data-topic][data-level] with .log-text, whose
 * text content is the line without escape sequences: all of it, or the message of a JSON line, or
 * the last state of a line with CR, as long as that is folded;
 * .log-note for gaps, finished topics, the
 * beginning. Only rows near the viewport exist.
 */
export class LiveLog extends LiveLogBase {
    /** Reflects hub=. '' is where this script came from. */
    hub: string;
    /** Names or patterns. Setting it starts again. */
    topics: string[];
    /** An access key; as a property it does not show up as an attribute. */
    key: string | null;
    last: number;
    maxLines: number;
    timeMode: 'absolute' | 'relative' | 'arrival' | 'none';
    utc: boolean;
    wrap: boolean;
    /** Nothing is folded: JSON lines as they are, long lines with all their rows. */
    whole: boolean;
    /** Topic tags: 'auto' is when there are several topics. */
    showTopics: 'auto' | boolean;

    /** The connection's state ('closed' before connect()). */
    readonly connection: LiveState;
    readonly connectionDetail: Partial<LiveDetail>;
    /** True while the newest line is kept in sight. Setting it to true is toEnd(). */
    follow: boolean;
    /**
     * True: what is shown does not change, new lines are only counted. Setting it to false ends
     * that; a log that was following goes to its end.
     */
    paused: boolean;
    /** Lines that arrived below since the reader left the end, or paused. */
    readonly unseen: number;
    /** Loaded lines (not notes); at most maxLines. */
    readonly lineCount: number;
    /** Lines that the filter lets through. */
    readonly shownCount: number;
    readonly firstId: string | null;
    readonly lastId: string | null;
    /** Everything older that the hub keeps is loaded. */
    readonly loadedAll: boolean;

    filter: LogFilter | null;
    query: LogQuery | null;
    readonly matches: LogMatches;
    /** Selects and shows the next (previous) matching line, round the end. False when none. */
    next(): boolean;
    previous(): boolean;

    /** Pinned fields of JSON lines; "a.b" reaches into objects. */
    columns: string[];
    /** The line that the reader selected. */
    readonly selectedLine: LogLine | null;
    select(id: string | null): boolean;
    /** Unfolds (or folds) a loaded line: JSON as a tree, a long one whole. */
    unfold(id: string, open?: boolean): boolean;

    /** Called by itself when the element has a topic and is in the page. */
    connect(): void;
    /** Until connect(); what is loaded stays. */
    disconnect(): void;
    /** Lets go of what is loaded; new lines go on. The history stays reachable by scrolling up. */
    clear(): void;
    toEnd(): void;
    /** Loads more of the history above. Resolves to false when nothing is older, or it failed. */
    loadOlder(): Promise<boolean>;
    /**
     * Shows the line and selects it; loads its surroundings when needed. Resolves to false when it
     * is not stored any more: then its nearest neighbour is shown.
     */
    goTo(id: string): Promise<boolean>;
    /** Loaded lines, oldest first; with shown: true only those that the filter lets through. */
    lines(options?: { shown?: boolean }): IterableIterator<LogLine>;
    /** How many of the loaded and shown lines there are over time; at most so many buckets (60). */
    histogram(most?: number): LogHistogram;
    /** The shown lines as text, a newline after each; without escape sequences, last states. */
    shownText(): string;
    /** Puts shownText() on the clipboard. */
    copyShown(): Promise<number>;
}

/** Number of a topic's colour, 0 to 11: the tag is drawn in tagColor(topic). */
export function tagIndex(topic: string): number;
/** A CSS colour for the topic on a light or dark ground. */
export function tagColor(topic: string, dark: boolean): string;

/** Worst first. */
export const LEVELS: readonly Level[];

declare global {
    interface HTMLElementTagNameMap {
        'live-log': LiveLog;
    }
}
