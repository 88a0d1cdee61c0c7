// SPDX-License-Identifier: MIT
// Where the lines come from: the newest ones first, then live ones, and pages of history in both
// directions, all into a LogWindow.
//
// The start is one snapshot of the newest lines of all topics together, without holes; the
// connection continues exactly after it. History of several topics is in the order of time
// (log-merge.js), up to MERGED_MAX of them; of more each page is. Live lines are in the hub's
// order. While there is no snapshot, the states of a connection say
// why, and a new attempt is made as soon as it is live.
import { GAP, parseObject } from './hub-requests.js';
import { isPattern } from './hub-topics.js';
import { connect } from './tailrace.js';
import { detectLevel } from './levels.js';
import { lineText } from './line-text.js';
import { inTimeOrder, LogMerge } from './log-merge.js';
import { Line, neighbour, Note } from './log-window.js';

/** @import { Entry, LogWindow } from './log-window.js' */
/** @import { Gap, LiveDetail, LiveEvent, LiveState, Subscription } from './tailrace.js' */

/**
 * @typedef {object} SourceOptions
 * @property {URL} hub
 * @property {string | null} key
 * @property {string[]} topics
 * @property {number} last
 */

/** @typedef {{ topic: string, closed: boolean, events: number, last_id: string }} TopicState */

/**
 * A JSON answer of GET /events.
 * @typedef {object} Page
 * @property {LiveEvent[]} events
 * @property {TopicState[]} topics
 * @property {string} next
 * @property {string} [previous] there is more before it
 */

/**
 * The start: a page, its lines in the order in which they are shown where that is not the page's;
 * begin: nothing older is stored; from: as in LogWindow.replace().
 * @typedef {Page & { entries?: Entry[], begin: boolean, from: string }} Newest
 */

/** @typedef {{ state: LiveState, detail: Partial<LiveDetail> }} Connected */

/**
 * @typedef {object} SourceListener
 * @property {(state: LiveState, detail: Partial<LiveDetail>) => void} state
 * @property {(entries: Entry[]) => boolean} arrival before they go into the window; whether the
 *     reader looks at its end
 * @property {(gap: Gap) => void} gap
 */

class RequestError extends Error {
    /**
     * @param {string} message
     * @param {number} status
     */
    constructor(message, status) {
        super(message);
        this.status = status;
    }

    /** Whether another attempt may work. */
    get isTemporary() {
        return this.status < 400 || this.status >= 500 || [408, 425, 429].includes(this.status);
    }
}

const PAGE_MAX = 1000; // lines of one page of history
const PAGE_MIN = 20;
const PAGE_CHARACTERS = 2_000_000; // about; long lines make pages of fewer
const MERGED_MAX = 16; // topics that are read back each for itself
const MERGED_MIN = 50; // lines of each
const AROUND = 300; // lines before and after the one that goTo() looks for
// A line that goes on with the one before: a stack, a wrapped message.
const GOES_ON = /^(?:\s|Caused by: )/;
const AGAIN_FIRST_MS = 500;
const AGAIN_LAST_MS = 30_000;

export class LogSource {
    #window;
    #on;
    /** @type {SourceOptions} */
    #options = { hub: new URL('about:blank'), key: null, topics: [], last: 0 };
    #run = 0; // number of the current start(): what belongs to an earlier one is dropped
    /** @type {Subscription | null} */
    #connection = null;
    #abort = new AbortController();
    #failures = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    /** @type {Map<string, Line>} */
    #newestOf = new Map(); // each topic's last live line, for those that go on with it
    #ended = false;
    /** @type {LogMerge | null} */
    #merge = null; // of several topics
    isKnown = false; // the hub has, or had, one of the topics
    /** @type {(value?: undefined) => void} */
    #markBegun = () => {};
    // Of the current start: the newest lines are there, or it has failed.
    /** @type {Promise<unknown>} */
    begun = Promise.resolve();
    /** @type {LiveState} */
    state = 'closed';
    /** @type {Partial<LiveDetail>} */
    detail = {};

    /**
     * @param {LogWindow} window
     * @param {SourceListener} on
     */
    constructor(window, on) {
        this.#window = window;
        this.#on = on;
    }

    /** @param {SourceOptions} options */
    start(options) {
        this.close(true);
        this.#options = options;
        this.#ended = false;
        this.#failures = 0;
        this.begun = new Promise((resolve) => {
            this.#markBegun = resolve;
        });
        this.#become('connecting', {});
        this.#begin(this.#run);
    }

    close(quiet = false) {
        this.#run++;
        this.#markBegun();
        clearTimeout(this.#timer);
        this.#abort?.abort();
        this.#abort = new AbortController();
        this.#connection?.close();
        this.#connection = null;
        this.#newestOf.clear();
        this.#merge = null;
        if (!quiet && this.state !== 'closed') this.#become('closed', {});
    }

    // Starts again, with the newest lines.
    restart() {
        if (this.#options.topics.length) this.start(this.#options);
    }

    // Resolves to whether there was something older.
    async loadOlder() {
        if (this.#merge) return this.#loadMerged(this.#merge);
        const first = this.#window.firstLine;
        const before = first?.id ?? (this.#window.endId && neighbour(this.#window.endId, 1));
        if (!before || this.#window.reachedBegin) return false;
        const run = this.#run;
        const page = await this.#get({ before, last: this.#pageSize() });
        if (run !== this.#run || this.#window.firstLine !== first) return false;
        this.#window.prepend(this.#ordered(entriesOf(page.events)), !page.previous);
        return page.events.length > 0;
    }

    /** @param {LogMerge} merge */
    async #loadMerged(merge) {
        if (this.#window.reachedBegin) return false;
        const first = this.#window.firstLine;
        const isMine = () => merge === this.#merge && this.#window.firstLine === first;
        const size = this.#pageSize();
        await this.#readBack(merge, size, isMine);
        if (!isMine()) return false;
        const entries = merge.take(size);
        this.#window.prepend(entries, merge.isDone, merge.rest);
        return entries.length > 0;
    }

    /**
     * Reads of each topic what has to be known before lines can be taken.
     * @param {LogMerge} merge
     * @param {number} size lines, of all together
     * @param {() => boolean} isMine
     * @param {Map<string, Line>} [before] as in entriesOf()
     */
    async #readBack(merge, size, isMine, before = new Map()) {
        const { wanted } = merge;
        const last = Math.max(MERGED_MIN, Math.ceil(size / Math.max(1, wanted.length)));
        const read = async (/** @type {(typeof wanted)[0]} */ one) => {
            const page = await this.#get({ before: one.before, last }, [one.topic]);
            if (isMine()) merge.add(one.topic, entriesOf(page.events, before), !page.previous);
        };
        await Promise.all(wanted.map(read));
    }

    /**
     * @param {Entry[]} entries of a page
     */
    #ordered(entries) {
        const { topics } = this.#options;
        return topics.length > 1 || topics.some(isPattern) ? inTimeOrder(entries) : entries;
    }

    /**
     * The window has lost its head.
     * @param {Entry[] | string} lost
     */
    headLost(lost) {
        if (typeof lost === 'string') this.#merge?.reset(neighbour(lost, 1));
        else this.#merge?.drop(lost);
    }

    async loadNewer() {
        const { endId } = this.#window;
        if (this.#window.attached || !endId) return false;
        if (this.#window.join(this.#pageSize())) return true;
        const run = this.#run;
        const page = await this.#get({ since: endId, limit: this.#pageSize() });
        if (run !== this.#run || this.#window.endId !== endId || this.#window.attached)
            return false;
        this.#window.extend(this.#ordered(entriesOf(page.events)), page.next);
        return page.events.length > 0;
    }

    /**
     * Loads what is around an id that is not in the window. Resolves to whether the line itself is
     * there.
     * @param {string} id
     */
    async loadAround(id) {
        const run = this.#run;
        const around = Math.max(1, Math.min(AROUND, this.#window.linesMax >> 2));
        const [older, newer] = await Promise.all([
            this.#get({ before: id, last: around }),
            this.#get({ since: neighbour(id, -1), limit: around }),
        ]);
        if (run !== this.#run) return false;
        const found = newer.events.some((event) => event.id === id && event.type !== GAP);
        if (older.events.length + newer.events.length > 0) {
            const events = [...older.events, ...newer.events];
            this.#merge?.reset(events[0].id);
            this.#window.replace(this.#ordered(entriesOf(events)), newer.next, {
                begin: !older.previous,
                from: this.#merge ? neighbour(events[0].id, -1) : '',
            });
        }
        return found;
    }

    /** @param {number} run */
    async #begin(run) {
        let first;
        try {
            first = await this.#newest();
        } catch (error) {
            if (run === this.#run) this.#probe(run, /** @type {Error} */ (error));
            return;
        }
        if (run !== this.#run) return;
        this.#failures = 0;
        this.isKnown = first.topics.length > 0;
        const entries = first.entries ?? entriesOf(first.events, this.#newestOf);
        this.#noteClosed(entries, first);
        const { begin, from } = first;
        this.#window.replace(entries, first.next, { attached: true, begin, from });
        this.#connection = this.#connect(run, first.next);
        this.#markBegun();
    }

    /**
     * @param {number} run
     * @param {string} since
     */
    #connect(run, since) {
        const { hub, key, topics } = this.#options;
        const isMine = () => run === this.#run;
        return connect({
            url: hub,
            key: key || undefined,
            topics,
            since,
            onEvents: (events) => isMine() && this.#arrived(events),
            onGap: (gap) => isMine() && this.#gap(gap),
            onState: (state, detail) => isMine() && this.#state(state, detail),
        });
    }

    /**
     * The snapshot failed. A connection without history finds out why, and when another attempt is
     * worth it.
     * @param {number} run
     * @param {RequestError | Error} error
     */
    #probe(run, error) {
        const wait = Math.min(AGAIN_LAST_MS, AGAIN_FIRST_MS * 2 ** this.#failures++);
        const again = () => {
            this.#connection?.close();
            this.#connection = null;
            clearTimeout(this.#timer);
            this.#timer = setTimeout(() => run === this.#run && this.#begin(run), wait);
        };
        if (error instanceof RequestError && !error.isTemporary) {
            this.#become('refused', { status: error.status, reason: error.message });
            this.#markBegun();
            return;
        }
        const { hub, key, topics } = this.#options;
        let probing = true;
        this.#become('reconnecting', { reason: error.message });
        this.#connection = connect({
            url: hub,
            key: key || undefined,
            topics,
            onEvents: () => {},
            onGap: () => {},
            onState: (state, detail) => {
                if (!probing || run !== this.#run || state === 'closed') return;
                if (state === 'live' || state === 'ended') {
                    probing = false;
                    queueMicrotask(again);
                } else if (state !== 'connecting') {
                    this.#become(state, detail);
                }
            },
        });
    }

    /**
     * The newest lines, none missing between them.
     * @returns {Promise<Newest>}
     */
    async #newest() {
        const { topics, last } = this.#options;
        this.#merge = null;
        if (topics.length === 1 && !isPattern(topics[0])) {
            const page = await this.#get({ last });
            const kept = page.topics.reduce((sum, topic) => sum + topic.events, 0);
            return {
                ...page,
                from: '',
                begin: kept <= page.events.filter((event) => event.type !== GAP).length,
            };
        }
        // One line of each topic tells which there are, and the position.
        const head = await this.#get({ last: 1 });
        if (head.topics.length <= MERGED_MAX) return this.#newestMerged(head);
        // last= counts for each topic: the merged lines would have holes. So the lines before that
        // position are asked for in all.
        const page = await this.#get({ before: head.next, last });
        const events = [
            ...page.events,
            ...head.events.filter((event) => event.id === head.next && event.type !== GAP),
        ];
        const entries = inTimeOrder(entriesOf(events, this.#newestOf));
        return { ...head, entries, begin: !page.previous, from: events[0]?.id ?? '' };
    }

    /**
     * @param {Page} head
     * @returns {Promise<Newest>}
     */
    async #newestMerged(head) {
        const { last } = this.#options;
        const merge = new LogMerge();
        const after = neighbour(head.next, 1);
        for (const { topic } of head.topics) merge.await(topic, after);
        await this.#readBack(merge, 2 * last, () => true, this.#newestOf);
        const entries = merge.take(last);
        this.#merge = merge;
        return { ...head, entries, begin: merge.isDone, from: merge.rest };
    }

    /**
     * A finished topic says so after its last line.
     * @param {Entry[]} entries
     * @param {Pick<Page, 'topics'>} page
     */
    #noteClosed(entries, { topics }) {
        const closed = topics.filter((topic) => topic.closed);
        for (const { topic, last_id: lastId } of closed) {
            const at = entries.findIndex((entry) => entry.id === lastId);
            const single = topics.length === 1;
            if (at >= 0 || single)
                entries.splice(at >= 0 ? at + 1 : entries.length, 0, closedNote(topic));
        }
        this.#ended = closed.length > 0 && closed.length === topics.length;
    }

    /** @param {LiveEvent[]} events */
    #arrived(events) {
        const entries = entriesOf(events, this.#newestOf);
        if (entries.length) this.#window.receive(entries, this.#on.arrival(entries));
    }

    /** @param {Gap} gap */
    #gap(gap) {
        const entries = [gapNote(gap)];
        this.#window.receive(entries, this.#on.arrival(entries));
        this.#on.gap(gap);
    }

    /**
     * @param {LiveState} state
     * @param {Partial<LiveDetail>} detail
     */
    #state(state, detail) {
        if (state === 'ended' && !this.#ended) {
            this.#ended = true;
            const { topics } = this.#options;
            const entries = [closedNote(topics.length === 1 ? topics[0] : null)];
            this.#window.receive(entries, this.#on.arrival(entries));
        }
        this.#become(state, detail);
    }

    /**
     * @param {LiveState} state
     * @param {Partial<LiveDetail>} detail
     */
    #become(state, detail) {
        this.state = state;
        this.detail = detail;
        this.#on.state(state, detail);
    }

    #pageSize() {
        const { characters, entries } = this.#window;
        const size = Math.floor(
            PAGE_CHARACTERS / Math.max(1, characters / Math.max(1, entries.length)),
        );
        // The reader's own lines must not be pushed out.
        return Math.max(
            1,
            Math.min(Math.max(PAGE_MIN, Math.min(PAGE_MAX, size)), this.#window.linesMax >> 1),
        );
    }

    /**
     * @param {Record<string, string | number>} parameters
     * @param {string[]} [topics]
     * @returns {Promise<Page>}
     */
    async #get(parameters, topics = this.#options.topics) {
        const { hub, key } = this.#options;
        const url = new URL('events', hub);
        for (const topic of topics) url.searchParams.append('topic', topic);
        for (const [name, value] of Object.entries(parameters)) {
            url.searchParams.set(name, String(value));
        }
        const headers = {
            Accept: 'application/json',
            ...(key && { Authorization: `Bearer ${key}` }),
        };
        const response = await fetch(url, {
            headers,
            cache: 'no-store',
            signal: this.#abort.signal,
        });
        if (!response.ok) throw new RequestError(await problem(response), response.status);
        return response.json();
    }
}

/** @param {Response} response */
async function problem(response) {
    try {
        const { title, detail } = await response.json();
        return detail || title || `HTTP status ${response.status}`;
    } catch {
        return `HTTP status ${response.status}`;
    }
}

/**
 * @param {LiveEvent[]} events
 * @param {Map<string, Line>} [before] each topic's line before; it is kept up to date
 */
function entriesOf(events, before = new Map()) {
    /** @type {Entry[]} */
    const entries = [];
    for (const event of events) {
        if (event.type === GAP) {
            entries.push(gapNote(parseObject(event.data), event.id));
            continue;
        }
        if (event.type?.startsWith('tailrace.')) continue;
        if (event.rotated)
            entries.push(new Note('rotated', 'The file was rotated: a new one begins.'));
        const { data, topic } = event;
        const last = before.get(topic);
        const text = data.includes('\r') ? lineText(data) : data;
        const line = new Line(event, detectLevel(text, last?.level));
        if (last && GOES_ON.test(data)) line.after = last.at;
        before.set(topic, line);
        entries.push(line);
    }
    return entries;
}

// The hub's reasons, for people.
/** @type {Record<string, string>} */
const REASONS = {
    retention: 'the hub does not keep them any more',
    damage: 'they are damaged on the hub’s disk',
    'unknown epoch': 'the hub has begun a new journal',
    'unknown id': 'the hub’s journal has gone back to an earlier state',
};

/**
 * @param {Partial<Gap>} gap
 * @param {string | null} [id]
 */
function gapNote({ reason = '' }, id = null) {
    const why = Object.hasOwn(REASONS, reason) ? REASONS[reason] : reason;
    return new Note('gap', `Lines are missing here${why ? `: ${why}` : ''}.`, id || null);
}

/** @param {string | null} topic */
function closedNote(topic) {
    return new Note(
        'closed',
        topic
            ? `${topic} is finished: nothing more will come.`
            : 'Finished: nothing more will come.',
    );
}
