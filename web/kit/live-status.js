// SPDX-License-Identifier: MIT
// <live-status>: a card for each status topic of a hub, live. README.md has its attributes,
// properties and events.
//
//   <script type="module" src="http://HUB/kit/live-status.js"></script>
//   <live-status topic="status/**"></live-status>
import { el, setText } from './dom.js';
import { StatusList } from './status-list.js';
import { headline, read, StatusStore, TOPICS_MAX } from './status-store.js';
import { sheet } from './status-style.js';
import { parseDuration, parseTime } from './status-time.js';
import { connect, hubRoot } from './tailrace.js';

export { headline } from './status-store.js';
export { CLASSES, CLASS_TEXT, readStatus, wordKind } from './status-words.js';

/** @import { LiveStatus as Declared, StatusFilter } from './live-status.js' */
/** @import { Status } from './status-store.js' */
/** @import { Gap, LiveDetail, LiveEvent, LiveState, Subscription } from './tailrace.js' */

/** @type {LiveDetail} */
const NO_DETAIL = { transport: 'stream', shared: false };
const HISTORY = 20;
const EMPTY_AFTER_MS = 400; // stored statuses follow at once: what has none by then has none yet
const NEWS_MS = 10_000; // what is older is history that arrives late, and no news
const BUSY_SHARE = 4; // showing updates takes at most a part in five of the time
const HIDDEN_EVERY_MS = 1000;

/** @implements {Declared} */
export class LiveStatus extends HTMLElement {
    static observedAttributes = [
        'hub',
        'topic',
        'key',
        'history',
        'stale',
        'layout',
        'group',
        'sort',
    ];

    #note = el('p', { class: 'note', part: 'note', role: 'status', hidden: true });
    #hint = el('div', { class: 'hint', part: 'hint', hidden: true });
    #rows = el('div', { class: 'rows' });
    #store = new StatusStore({ historyMax: HISTORY, staleMs: Infinity });
    #list;
    #connector = connect;
    /** @type {Subscription | null} */
    #connection = null;
    /** @type {LiveState} */
    #state = 'closed';
    /** @type {LiveDetail} */
    #detail = NO_DETAIL;
    #summary = this.#store.summary();
    #said = '';
    /** @type {Required<StatusFilter>} */
    #filter = { text: '', kinds: null };
    #wanted = ''; // a topic to open as soon as it is there
    /** @type {Set<Status>} */
    #changed = new Set();
    #isLoaded = false; // what was stored has come; the rest is news
    /** @type {Set<Status>} */
    #news = new Set();
    #reconnectSoon = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #flushTimer;
    #flushFrame = 0;
    #notBefore = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #emptyTimer;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    #tickTimer;

    constructor() {
        super();
        const root = this.attachShadow({ mode: 'open' });
        root.adoptedStyleSheets = [sheet];
        root.append(this.#note, this.#hint, this.#rows);
        this.#list = new StatusList({
            root: this.#rows,
            store: this.#store,
            link: (topic) => this.#topicUrl(topic),
        });
        this.#list.onToggle = (topic, open) => this.#tell('live-open', { topic, open });
    }

    connectedCallback() {
        this.#configure();
        this.#reconnect();
        this.#tickTimer = setInterval(() => this.#tick(), 1000);
        document.addEventListener('visibilitychange', this.#visible);
    }

    disconnectedCallback() {
        this.disconnect();
        clearInterval(this.#tickTimer);
        document.removeEventListener('visibilitychange', this.#visible);
    }

    /**
     * @param {string} name
     * @param {string | null} before
     * @param {string | null} after
     */
    attributeChangedCallback(name, before, after) {
        if (!this.isConnected || before === after) return;
        if (['hub', 'topic', 'key', 'history'].includes(name)) this.#reconnect();
        else if (name !== 'layout') this.#configure(); // layout is the style sheet's
    }

    // The connection's state, as of connect().
    get state() {
        return this.#state;
    }

    get detail() {
        return this.#detail;
    }

    // {kind, topic, names, counts, total}, as in the event live-worst.
    get summary() {
        return this.#summary;
    }

    get topics() {
        return (this.getAttribute('topic') ?? 'status/**').split(/\s*\n\s*/).filter(Boolean);
    }

    // What makes the connection: connect(options), unless a page has one of its own.
    get connector() {
        return this.#connector;
    }

    set connector(connector) {
        this.#connector = connector;
        if (this.isConnected) this.#reconnect();
    }

    // The setter hides the statuses that do not have all words of the text, or are not of these
    // kinds (null: all).
    get filter() {
        return this.#filter;
    }

    /** @param {StatusFilter} filter */
    set filter({ text = '', kinds = null }) {
        this.#filter = { text: text.trim(), kinds };
        this.#list.filter = this.#filter;
    }

    get shownCount() {
        return this.#list.shownCount;
    }

    /**
     * Opens a topic's card and scrolls to it, as soon as it is there.
     * @param {string} topic
     */
    open(topic) {
        this.#wanted = this.#list.open(topic) ? '' : topic;
    }

    // Connects again, and forgets what was shown.
    connect() {
        this.disconnect();
        this.#clear();
        this.#configure();
        this.#connection = this.#connector({
            url: this.hasAttribute('hub') ? this.#hubRoot() : undefined,
            key: this.getAttribute('key') ?? undefined,
            topics: this.topics,
            last: this.#store.historyMax,
            onEvents: (events) => this.#take(events),
            onGap: (gap) => this.#gap(gap),
            onState: (state, detail) => this.#become(state, detail),
        });
    }

    disconnect() {
        clearTimeout(this.#emptyTimer);
        this.#cancelFlush();
        this.#connection?.close();
        this.#connection = null;
    }

    #reconnect() {
        if (this.#reconnectSoon) return;
        this.#reconnectSoon = true;
        queueMicrotask(() => {
            this.#reconnectSoon = false;
            if (this.isConnected) this.connect();
        });
    }

    #clear() {
        this.#isLoaded = false;
        this.#changed.clear();
        this.#news.clear();
        this.#list.clear();
        this.#store.clear();
        this.#hint.hidden = true;
    }

    #history() {
        const history = Number.parseInt(this.getAttribute('history') ?? `${HISTORY}`, 10);
        return history >= 1 && history <= 1000 ? history : HISTORY;
    }

    #staleMs() {
        return parseDuration(this.getAttribute('stale'), Infinity);
    }

    #configure() {
        const group = this.getAttribute('group') ?? 'auto';
        const depth = Number.parseInt(group, 10);
        this.#store.historyMax = this.#history();
        this.#store.staleMs = this.#staleMs();
        for (const status of this.#store.aged()) this.#changed.add(status);
        this.#list.configure({
            sort: this.getAttribute('sort') ?? 'worst',
            group: depth > 0 ? depth : group === 'none' || depth === 0 ? 'none' : 'auto',
            historyMax: this.#store.historyMax,
            roots: this.topics.map((topic) => /^(?:(?!\*)[^/]*\/)*/.exec(topic)?.[0] ?? ''),
        });
        this.#summarize();
    }

    #hubRoot() {
        return hubRoot(this.getAttribute('hub') || undefined);
    }

    /** @param {string} topic */
    #topicUrl(topic) {
        return new URL(`t/${topic.split('/').map(encodeURIComponent).join('/')}`, this.#hubRoot())
            .href;
    }

    // What comes from the hub.

    /** @param {LiveEvent[]} events */
    #take(events) {
        const late = Date.now() - NEWS_MS;
        for (const event of events) {
            const taken = this.#store.add(event);
            if (!taken) continue;
            this.#changed.add(taken.status);
            if (taken.changed && !taken.added && parseTime(event.time) > late)
                this.#news.add(taken.status);
        }
        if (this.#changed.size) this.#schedule();
    }

    /**
     * A status is what it is now: lost older ones do not matter. Another journal is another hub,
     * though.
     * @param {Gap} gap
     */
    #gap({ reason = '' }) {
        if (!reason.startsWith('unknown')) return;
        this.#clear();
        this.#summarize();
    }

    /**
     * @param {LiveState} state
     * @param {LiveDetail} [detail] a connector of the page's own may leave it out
     */
    #become(state, detail = NO_DETAIL) {
        this.#state = state;
        this.#detail = detail;
        this.setAttribute('data-state', state);
        if (state === 'live' && !this.#isLoaded) {
            this.#flush();
            this.#isLoaded = true;
        }
        clearTimeout(this.#emptyTimer);
        if (state === 'live') this.#emptyTimer = setTimeout(() => this.#explain(), EMPTY_AFTER_MS);
        this.#showNote();
        this.#tell('live-state', { state, detail });
    }

    #showNote() {
        const { reason = '', status } = this.#detail;
        const old = this.#store.statuses.size ? ' What is shown may be out of date.' : '';
        /** @type {Partial<Record<LiveState, string>>} */
        const texts = {
            reconnecting: `Reconnecting. ${reason}${old}`,
            offline: `Offline.${old}`,
            refused:
                status === 401
                    ? 'A key is needed to see these statuses.'
                    : `The hub refused: ${reason}`,
            connecting: reason,
        };
        const text = texts[this.#state] ?? '';
        this.#note.hidden = text === '';
        setText(this.#note, text);
        this.#rows.toggleAttribute(
            'data-old',
            ['reconnecting', 'offline', 'refused'].includes(this.#state),
        );
    }

    // How to publish a first one.
    #explain() {
        if (this.#store.statuses.size || this.#changed.size) return;
        const topic = this.topics[0]
            .split('/')
            .map((segment, i) =>
                /^\*\*?$/.test(segment) ? (i > 0 ? 'build' : 'status/build') : segment,
            )
            .join('/');
        const quoted = `'${this.#topicUrl(topic).replaceAll("'", "'\\''")}'`;
        const line = `curl -d running ${quoted}`;
        this.#hint.replaceChildren(
            el('p', { class: 'hint-title' }, 'No statuses yet'),
            el(
                'p',
                {},
                'A status is a word that something says about itself: a build, a backup, ' +
                    'a service. Publish one, and its card appears here:',
            ),
            el('pre', { class: 'curl', tabindex: '0' }, line),
            el(
                'p',
                { class: 'hint-more' },
                'Where a key is needed, add ',
                el('code', {}, "-H 'X-Api-Key: KEY'"),
                '. A value goes along as ',
                el('code', {}, `-d '{"state":"ok","value":"42 ms"}'`),
                '.',
            ),
        );
        this.#hint.hidden = false;
    }

    // Showing it: at most once a frame, and never so much that the page has no time for its reader.
    // A page in the background has no frames, but a title and an icon that somebody looks at.

    #schedule() {
        const now = performance.now();
        if (document.hidden) {
            if (now >= this.#notBefore) this.#flush();
            else this.#flushTimer ??= setTimeout(() => this.#flush(), this.#notBefore - now);
        } else if (!this.#flushFrame && !this.#flushTimer) {
            const frame = () => {
                this.#flushTimer = undefined;
                this.#flushFrame = requestAnimationFrame(() => this.#flush());
            };
            if (now >= this.#notBefore) frame();
            else this.#flushTimer = setTimeout(frame, this.#notBefore - now);
        }
    }

    #cancelFlush() {
        clearTimeout(this.#flushTimer);
        cancelAnimationFrame(this.#flushFrame);
        this.#flushTimer = undefined;
        this.#flushFrame = 0;
    }

    #visible = () => {
        if (document.hidden) return;
        this.#cancelFlush();
        this.#flush();
        this.#tick();
    };

    #flush() {
        this.#cancelFlush();
        const begun = performance.now();
        const now = this.#store.now();
        const failing = [];
        for (const status of this.#changed) {
            const before = status.class;
            this.#store.classify(status, now);
            if (before !== 'bad' && status.class === 'bad') failing.push(status);
        }
        this.#list.update(this.#changed, this.#news);
        this.#changed.clear();
        this.#news.clear();
        if (this.#store.statuses.size) this.#hint.hidden = true;
        this.#summarize();
        if (this.#isLoaded && failing.length)
            this.#tell('live-failing', { statuses: failing.map(told) });
        if (this.#wanted) this.open(this.#wanted);
        const took = performance.now() - begun;
        this.#notBefore =
            performance.now() +
            (document.hidden ? HIDDEN_EVERY_MS : took > 4 ? took * BUSY_SHARE : 0);
    }

    #tick() {
        const aged = this.#store.aged();
        for (const status of aged) this.#changed.add(status);
        if (aged.length) this.#schedule();
        if (!document.hidden) this.#list.tick();
    }

    #summarize() {
        for (const status of this.#changed) this.#store.classify(status);
        const summary = this.#store.summary();
        const said = JSON.stringify(summary);
        if (said === this.#said) return;
        this.#said = said;
        this.#summary = summary;
        this.#tell('live-worst', { ...summary, text: headline(summary), left: this.#store.left });
        if (this.#store.left) {
            this.#note.hidden = false;
            const most = TOPICS_MAX.toLocaleString('en');
            setText(
                this.#note,
                `Only the first ${most} statuses are shown: a narrower pattern has the others.`,
            );
        }
    }

    /**
     * @param {string} name
     * @param {object} detail
     */
    #tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));
    }
}

/** @param {Status} status */
function told({ topic, now }) {
    const { word, detail } = read(now);
    return { topic, word, detail, id: now.id };
}

if (!customElements.get('live-status')) customElements.define('live-status', LiveStatus);
