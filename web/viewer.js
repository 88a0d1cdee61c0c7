// SPDX-License-Identifier: MIT
// The log viewer: the list of topics, the tool bar, the lines, the search over everything that is
// stored. Each has a file of its own; this one holds what they have in common, the state that the
// address tells.
//
// What tests may hold on to: #side #split #pause #follow #view-menu #copy #link #download,
// #find-text #find-regex #find-case #find-count #find-next #find-previous, #search-all #search,
// #filter-text #filter-regex #filter-case #filter-invert, #levels, .pane live-log, .status-line,
// .blank (nothing to show, and why), .topic (see topic-picker.js).
import { emptyState } from './address.js';
import { el, setText } from '../kit/dom.js';
import { claimTags } from '../kit/log-time.js';
import { copyText, downloadMenu } from './download.js';
import { countText, messageOf } from './format.js';
import { HistogramStrip } from './histogram.js';
import { LogPanes, SPLIT_MAX } from './log-panes.js';
import { buildTimes, rangeOf } from './log-times.js';
import { LogTools } from './log-tools.js';
import { preference, setPreference } from './preferences.js';
import { SearchPanel } from './search-panel.js';
import { coverFrom, lineOf } from './seek.js';
import { isPattern } from './session.js';
import { TopicPicker } from './topic-picker.js';

/** @import { LiveLog } from '../kit/live-log.js' */
/** @import { Find, ViewState } from './address.js' */
/** @import { Looks } from './log-panes.js' */
/** @import { Session } from './session.js' */
/** @import { How } from './topic-picker.js' */

/**
 * @typedef {object} ViewerListener
 * @property {(part: Partial<ViewState>, how?: How) => void} changed the state that the address
 *     tells
 * @property {() => void} elementsChanged connections have come or gone
 */

/** @type {Looks['time'][]} */
const TIMES = ['absolute', 'relative', 'arrival', 'none'];
const TIMES_TEXT = {
    absolute: 'Times: clock',
    relative: 'Times: how long ago',
    arrival: 'Times: when the hub got the lines',
    none: 'No times',
};
const BAD_LEVELS = ['fatal', 'error', 'warn'];
const NARROW = matchMedia('(max-width: 50rem)');
const SAID_MS = 4000;

/** @returns {Looks} */
const readLooks = () => {
    const chosen = preference('time', 'absolute');
    return {
        time: TIMES.find((time) => time === chosen) ?? 'absolute',
        utc: preference('utc', '') === '1',
        wrap: preference('wrap', '1') === '1',
        whole: preference('whole', '') === '1',
    };
};

export class Viewer {
    #root;
    #session;
    #on;
    /** @type {ViewState} */
    #state = { ...emptyState(), view: 'logs' };
    #looks = readLooks();
    #isOpen = false;
    #picker;
    #tools;
    #panes;
    #search;
    /** @type {{ filter: string | null, query: string | null }} */
    #wrong = { filter: null, query: null }; // why an expression of the reader's cannot be used
    /** @type {string | null} */
    #wantedLine = null; // of the address: shown as soon as there is a connection
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #saidTimer;
    #histogram = new HistogramStrip((id) => this.#panes.active?.goTo(id));
    #status = el('p', { class: 'status-line' });
    #said = el('p', { class: 'said', role: 'status', hidden: true });
    #blank = el('div', { class: 'blank', hidden: true });
    #scrim;

    /**
     * @param {HTMLElement} root
     * @param {Session} session
     * @param {ViewerListener} on
     */
    constructor(root, session, on) {
        this.#root = root;
        this.#session = session;
        this.#on = on;
        const picker = el('aside', { class: 'picker', id: 'picker', 'aria-label': 'Topics' });
        const bar = el('div', { class: 'bar' });
        const panes = el('div', { class: 'panes' });
        const search = el('section', {
            class: 'search',
            id: 'search',
            'aria-label': 'Search in everything stored',
            hidden: true,
        });
        this.#scrim = el('div', { class: 'scrim', onclick: () => this.#showSide(false) });
        root.append(
            picker,
            this.#scrim,
            el(
                'div',
                { class: 'desk' },
                bar,
                this.#histogram.node,
                el('div', { class: 'stage' }, panes, this.#blank),
                search,
                this.#status,
            ),
            this.#said,
        );
        this.#picker = new TopicPicker({
            root: picker,
            session,
            on: { pick: (topics, how) => this.#pick(topics, how), listed: () => this.#listed() },
        });
        this.#tools = new LogTools({
            root: bar,
            download: (panel) => this.#buildDownload(panel),
            times: (panel) => this.#buildTimes(panel),
            on: {
                act: (action) => this.actions[action]?.(),
                filter: (filter) => this.#change({ filter }),
                find: (find) => this.#change({ find }),
                columns: (columns) => this.#change({ columns }),
                looks: (looks) => this.#setLooks(looks),
                pick: (topics) => this.#pick(topics, { fresh: true }),
            },
        });
        this.#panes = new LogPanes({
            root: panes,
            session,
            on: {
                event: (event, log) => this.#told(event, log),
                activated: () => this.#showActive(),
                leave: (topic) =>
                    this.#pick(
                        this.#state.topics.filter((other) => other !== topic),
                        { fresh: true },
                    ),
            },
        });
        this.#search = new SearchPanel({
            root: search,
            session,
            on: {
                hit: (hit) => this.#showHit(hit),
                close: () => {
                    this.#tools.searches = false;
                    this.#panes.active?.focus();
                },
            },
        });
        NARROW.addEventListener('change', () =>
            this.#showSide(!NARROW.matches && preference('side', '1') === '1'),
        );
        this.#showSide(!NARROW.matches && preference('side', '1') === '1');
        session.onKeyChange(() => this.#search.isOpen && this.#search.close());
        this.#histogram.shown = preference('histogram', '') === '1';
    }

    /** What was shown last, to return to. */
    get lastState() {
        return this.#state;
    }

    /**
     * Topics that are not named are chosen here, as soon as there are some.
     * @param {ViewState} state
     */
    open(state) {
        const before = this.#state;
        const same =
            this.#isOpen &&
            before.split === state.split &&
            before.topics.join('\n') === state.topics.join('\n');
        this.#state = { ...state, view: 'logs' };
        this.#isOpen = true;
        this.#wantedLine = state.line;
        this.#picker.open();
        this.#search.utc = this.#looks.utc;
        if (same) {
            this.#panes.apply(this.#settings());
            if (state.line) this.#goToWanted();
        } else {
            this.#rebuild();
        }
        this.#show();
        if (state.topics.length === 0) this.#choose();
    }

    close() {
        if (!this.#isOpen) return;
        this.#isOpen = false;
        this.#picker.close();
        if (this.#search.isOpen) this.#search.close();
        this.#panes.show([], { split: false, settings: {} });
        claimTags(this, []);
        this.#on.elementsChanged();
    }

    // By the names of keys.js. One that returns false leaves the key to the browser.
    /** @type {Record<string, () => unknown>} */
    actions = {
        pick: () => {
            this.#showSide(true);
            this.#picker.focus();
        },
        previousTopic: () => this.#picker.step(-1),
        nextTopic: () => this.#picker.step(1),
        side: () => this.#showSide(this.#root.dataset.side !== 'open', { keep: true }),
        top: () => this.#toTop(),
        end: () =>
            this.#each((log) => {
                log.paused = false;
                log.toEnd();
            }),
        pause: () => {
            const paused = !this.#panes.active?.paused;
            this.#each((log) => {
                log.paused = paused;
            });
        },
        find: () => this.#tools.focusFind(),
        filter: () => this.#tools.focusFilter(),
        next: () => this.#step('next', 1),
        previous: () => this.#step('previous', -1),
        search: () => {
            if (this.#tools.searches && !this.#search.isOpen && !this.#state.find.text)
                this.#tools.searches = false;
            else this.#searchAll();
        },
        invert: () =>
            this.#change({ filter: { ...this.#state.filter, invert: !this.#state.filter.invert } }),
        range: () => this.#tools.openTimes(),
        histogram: () => this.#drawHistogram(!this.#histogram.shown),
        errors: () =>
            this.#change({
                filter: {
                    ...this.#state.filter,
                    levels: this.#state.filter.levels ? null : new Set(BAD_LEVELS),
                },
            }),
        times: () => {
            const time = TIMES[(TIMES.indexOf(this.#looks.time) + 1) % TIMES.length];
            this.#setLooks({ ...this.#looks, time });
            this.#say(TIMES_TEXT[time]);
        },
        utc: () => {
            this.#setLooks({ ...this.#looks, utc: !this.#looks.utc });
            this.#say(this.#looks.utc ? 'Times in UTC' : 'Times in local time');
        },
        wrap: () => {
            this.#setLooks({ ...this.#looks, wrap: !this.#looks.wrap });
            this.#say(
                this.#looks.wrap ? 'Long lines are wrapped' : 'Long lines go on to the right',
            );
        },
        whole: () => {
            this.#setLooks({ ...this.#looks, whole: !this.#looks.whole });
            this.#say(this.#looks.whole ? 'All lines are whole' : 'JSON and long lines are folded');
        },
        split: () => this.#state.topics.length > 1 && this.#change({ split: !this.#state.split }),
        copy: () => this.#copy(),
        link: () => this.#copyLink(),
        download: () => this.#tools.openDownload(),
        escape: () => {
            if (
                document.activeElement?.closest('input') ||
                (NARROW.matches && this.#root.dataset.side === 'open')
            ) {
                if (NARROW.matches) this.#showSide(false);
                if (!this.#search.isOpen) this.#tools.searches = false;
                this.#panes.active?.focus();
                return true;
            }
            if (this.#search.isOpen) {
                this.#search.close();
                return true;
            }
            return false;
        },
    };

    /** @param {(log: LiveLog) => void} act */
    #each(act) {
        for (const log of this.#panes.all) act(log);
    }

    // What the panes have to be like.
    #settings() {
        const { filter, range, find, columns } = this.#state;
        return { filter, range, find, columns, ...this.#looks };
    }

    /**
     * The reader has changed part of the state.
     * @param {Partial<ViewState>} part
     * @param {How} [how]
     */
    #change(part, { fresh = false } = {}) {
        this.#state = { ...this.#state, ...part };
        this.#showWrong('filter', null);
        this.#showWrong('query', null);
        if ('topics' in part || 'split' in part) this.#rebuild();
        else this.#panes.apply(this.#settings());
        this.#show();
        this.#on.changed(part, { fresh });
    }

    #rebuild() {
        const { topics, split } = this.#state;
        claimTags(
            this,
            topics.filter((topic) => !isPattern(topic)),
        );
        this.#panes.show(topics, { split: split && topics.length > 1, settings: this.#settings() });
        this.#on.elementsChanged();
        if (split && topics.length > SPLIT_MAX)
            this.#say(`Side by side there is room for ${SPLIT_MAX}: the first ones are shown.`);
    }

    #show() {
        this.#tools.show(this.#state, this.#looks);
        this.#picker.selected = this.#state.topics;
        this.#showActive();
        this.#showTab();
    }

    // The page's title says it too when what is shown may be out of date.
    #showTab() {
        if (!this.#isOpen) return;
        const names = this.#state.topics.join(', ');
        const title = names ? `${names} – tailrace` : 'tailrace';
        const shown = this.#panes.all.some(isLost) ? `? Not connected · ${title}` : title;
        if (document.title !== shown) document.title = shown;
    }

    /** @param {Looks} looks */
    #setLooks(looks) {
        this.#looks = looks;
        setPreference('time', looks.time);
        setPreference('utc', looks.utc ? '1' : '0');
        setPreference('wrap', looks.wrap ? '1' : '0');
        setPreference('whole', looks.whole ? '1' : '0');
        this.#search.utc = looks.utc;
        this.#panes.apply(looks);
        this.#tools.show(this.#state, looks);
    }

    // Topics.

    /**
     * @param {string[]} topics
     * @param {How} [how]
     */
    #pick(topics, { fresh = false, more = false } = {}) {
        if (NARROW.matches && !more) this.#showSide(false);
        if (topics.join('\n') === this.#state.topics.join('\n')) {
            this.#panes.active?.toEnd();
            return;
        }
        this.#change(
            { topics, split: this.#state.split && topics.length > 1, line: null },
            { fresh },
        );
    }

    #choose() {
        const topic = this.#picker.liveliest;
        if (topic) this.#change({ topics: [topic] });
        else this.#showBlank();
    }

    #listed() {
        if (this.#isOpen && this.#state.topics.length === 0) this.#choose();
    }

    /**
     * The list of topics: beside the lines, or over them where there is no room.
     * @param {boolean} open
     * @param {{ keep?: boolean }} [options] keep: as the reader's preference
     */
    #showSide(open, { keep = false } = {}) {
        this.#root.dataset.side = open ? 'open' : 'closed';
        if (keep && !NARROW.matches) setPreference('side', open ? '1' : '0');
        this.#root.querySelector('#side')?.setAttribute('aria-expanded', String(open));
    }

    // What the lines tell.

    /**
     * @param {CustomEvent} event
     * @param {LiveLog} log
     */
    #told({ type, detail }, log) {
        if (type === 'live-select') this.#selected(detail.id);
        else if (type === 'live-columns') this.#columnsPinned(detail.columns);
        else if (type === 'live-pattern') this.#showWrong(detail.of, detail.error);
        else if (log === this.#panes.active) this.#showActive();
        if (type === 'live-state') {
            log.toggleAttribute('data-old', isLost(log));
            this.#showTab();
        }
    }

    /**
     * @param {'filter' | 'query'} of
     * @param {string | null} error
     */
    #showWrong(of, error) {
        this.#wrong[of] = error;
        this.#tools.showError(of, error);
        if (error) this.#showActive();
    }

    /** @param {string | null} line */
    #selected(line) {
        if (line === this.#state.line) return;
        this.#state = { ...this.#state, line };
        this.#on.changed({ line });
    }

    /** @param {string[]} columns */
    #columnsPinned(columns) {
        if (columns.join() !== this.#state.columns.join()) this.#change({ columns });
    }

    #showActive() {
        const log = this.#panes.active;
        this.#showBlank();
        if (!log) {
            setText(this.#status, '');
            return;
        }
        this.#tools.showFollow(log);
        this.#tools.showMatches(this.#state.find.text ? log.matches : null);
        const { filter: badFilter, query: badQuery } = this.#wrong;
        this.#status.toggleAttribute('data-wrong', Boolean(badFilter || badQuery));
        let wrong = badQuery && `This cannot be looked for: ${badQuery}`;
        if (badFilter) wrong = `The filter cannot be used: ${badFilter}`;
        const which = this.#panes.all.length > 1 ? `${log.topics[0]}: ` : '';
        this.#histogram.show(log, this.#looks.utc);
        const facts = [
            wrong,
            countsText(log, this.#isFiltered),
            log.loadedAll ? 'all that is stored' : 'older ones come as you scroll up',
            followText(log),
        ];
        setText(this.#status, which + facts.filter(Boolean).join(' · '));
        // Not before the element has started: its start would lead away again.
        if (this.#wantedLine && (log.lineCount > 0 || ['live', 'ended'].includes(log.connection)))
            this.#goToWanted();
    }

    // Says what to do where there is nothing to see.
    #showBlank() {
        const log = this.#panes.active;
        const { filter, topics } = this.#state;
        let kind = '';
        if (topics.length === 0) kind = this.#picker.isEmpty ? 'no-logs' : '';
        else if (log && log.lineCount > 0 && log.shownCount === 0 && this.#isFiltered)
            kind = 'filtered';
        if (this.#blank.dataset.kind === kind) return;
        this.#blank.dataset.kind = kind;
        this.#blank.hidden = kind === '';
        if (kind === 'no-logs') {
            const key = this.#session.key ? "-H 'X-Api-Key: KEY' " : '';
            this.#blank.replaceChildren(
                el('h2', {}, 'No logs yet'),
                el(
                    'p',
                    {},
                    'Start the hub with files to follow, ',
                    el('code', {}, 'tailrace /var/log/*.log'),
                    ', or publish a line:',
                ),
                el(
                    'pre',
                    { class: 'curl', tabindex: '0' },
                    `curl -d hello ${key}'${this.#session.topicUrl('logs/hello').href}'`,
                ),
                el('p', { class: 'quiet' }, 'It appears here by itself.'),
            );
        } else if (kind === 'filtered') {
            this.#blank.replaceChildren(
                el('h2', {}, 'No loaded line passes the filter'),
                el(
                    'p',
                    {},
                    'New ones that do appear by themselves. There may be older ones that are ' +
                        'not loaded.',
                ),
                el(
                    'div',
                    { class: 'choices' },
                    el(
                        'button',
                        {
                            type: 'button',
                            class: 'primary',
                            onclick: () => this.#unfilter(),
                        },
                        'Show all lines',
                    ),
                    filter.text && !filter.invert
                        ? el(
                              'button',
                              {
                                  type: 'button',
                                  class: 'plain',
                                  onclick: () => this.#searchAll(filter),
                              },
                              'Search all stored lines',
                          )
                        : null,
                ),
            );
        } else {
            this.#blank.replaceChildren();
        }
    }

    get #isFiltered() {
        const { filter, range } = this.#state;
        return Boolean(filter.text || filter.levels || range.from || range.to);
    }

    #unfilter() {
        const { filter, range } = emptyState();
        this.#change({ filter, range });
    }

    // Times.

    /** @param {HTMLElement} panel */
    #buildTimes(panel) {
        buildTimes(panel, {
            range: this.#state.range,
            utc: this.#looks.utc,
            drawn: this.#histogram.shown,
            choose: (range) => {
                this.#change({ range });
                this.#cover();
            },
            jump: (moment) => {
                this.#tools.closeTimes();
                this.#jump(moment);
            },
            draw: (drawn) => this.#drawHistogram(drawn),
        });
    }

    /** @param {boolean} drawn */
    #drawHistogram(drawn) {
        setPreference('histogram', drawn ? '1' : '0');
        this.#histogram.shown = drawn;
    }

    // Older lines are loaded until the range is, as far as memory allows.
    async #cover() {
        const log = this.#panes.active;
        const { range } = this.#state;
        const { from } = rangeOf(range, this.#looks.utc);
        if (!log || from === undefined) return;
        await coverFrom(log, from, () => range === this.#state.range && log === this.#panes.active);
    }

    /** @param {number} moment */
    async #jump(moment) {
        const log = this.#panes.active;
        if (!log) return;
        if (this.#isFiltered) this.#unfilter();
        this.#say('Looking for that time …');
        try {
            const found = await lineOf(this.#session, log.topics, moment);
            if (!found) this.#say('Nothing that is stored is that new.');
            else if (log === this.#panes.active && (await log.goTo(found.id)))
                this.#say(
                    found.own
                        ? 'The first line of that time, by its own clock'
                        : 'The first line that the hub got then',
                );
        } catch (error) {
            this.#say(messageOf(error));
        }
    }

    // Finding.

    /**
     * @param {'next' | 'previous'} method
     * @param {number} by
     */
    #step(method, by) {
        const log = this.#panes.active;
        if (!this.#state.find.text) {
            if (this.#search.isOpen) this.#search.step(by);
            else this.#tools.focusFind();
            return;
        }
        if (log && !log[method]())
            this.#say('No line that is loaded has it. Search all stored lines: s');
        this.#showActive();
    }

    /** @param {Find} [query] */
    #searchAll(query = this.#state.find) {
        this.#tools.searches = true;
        if (!query.text) {
            this.#tools.focusFind();
            return;
        }
        const { text, regex, caseSensitive } = query;
        if (query !== this.#state.find) this.#change({ find: { text, regex, caseSensitive } });
        this.#search.search(this.#state.topics, { text, regex, caseSensitive });
    }

    /** @param {{ id: string, topic: string }} hit */
    async #showHit({ id, topic }) {
        const log = this.#panes.paneOf(topic);
        // A filter would hide what was around the hit.
        if (this.#isFiltered) this.#unfilter();
        if (log && !(await log.goTo(id))) this.#say('This line is not stored any more.');
    }

    // The line that the address names: in whichever pane it is.
    async #goToWanted() {
        const id = this.#wantedLine;
        if (id === null) return;
        this.#wantedLine = null;
        for (const log of this.#panes.all) if (await log.goTo(id)) return;
        this.#say('The line that this link leads to is not stored any more.');
    }

    async #toTop() {
        const log = this.#panes.active;
        if (!log) return;
        this.#say('Going back to the beginning …');
        const topics = log.topics;
        try {
            const { events } = await this.#session.fetchJson('events', {
                topic: topics,
                last: 'all',
                limit: 1,
            });
            if (log !== this.#panes.active) return;
            if (events[0]) await log.goTo(events[0].id);
            this.#say('');
        } catch (error) {
            this.#say(messageOf(error));
        }
    }

    // Taking along.

    async #copy() {
        const log = this.#panes.active;
        if (!log) return;
        try {
            this.#say(`${countText(await log.copyShown(), 'line')} copied`);
        } catch (error) {
            this.#say(`Not copied: ${messageOf(error)}`);
        }
    }

    async #copyLink() {
        try {
            await copyText(location.href);
            this.#say(
                this.#state.line
                    ? 'Link to the selected line copied'
                    : 'Link to this view copied. Select a line to share that line.',
            );
        } catch (error) {
            this.#say(`Not copied: ${messageOf(error)}. The address bar has the same link.`);
        }
    }

    /** @param {HTMLElement} panel */
    #buildDownload(panel) {
        const log = this.#panes.active;
        if (!log) return;
        downloadMenu(panel, {
            session: this.#session,
            state: this.#state,
            text: () => log.shownText(),
            count: log.shownCount,
            close: () => this.#tools.closeDownload(),
        });
        // Where the tool bar has no room for them.
        /**
         * @param {string} id
         * @param {string} title
         * @param {() => void} act
         */
        const offer = (id, title, act) =>
            el(
                'button',
                {
                    type: 'button',
                    class: 'offer',
                    id,
                    onclick: () => {
                        this.#tools.closeDownload();
                        act();
                    },
                },
                el('span', { class: 'offer-title' }, title),
            );
        panel.append(
            el(
                'div',
                { class: 'when-narrow' },
                el('h2', {}, 'Copy'),
                offer('copy-shown', 'The lines that are shown', () => this.#copy()),
                offer('copy-link', 'A link to what you see', () => this.#copyLink()),
            ),
        );
    }

    /**
     * A word about what has just been done.
     * @param {string} text
     */
    #say(text) {
        clearTimeout(this.#saidTimer);
        setText(this.#said, text);
        this.#said.hidden = text === '';
        this.#saidTimer = setTimeout(() => {
            this.#said.hidden = true;
        }, SAID_MS);
    }
}

/** @param {LiveLog} log */
const isLost = ({ connection }) => ['reconnecting', 'offline', 'refused'].includes(connection);

/**
 * @param {LiveLog} log
 * @param {boolean} isFiltered
 */
function countsText(log, isFiltered) {
    if (!isFiltered) return `${countText(log.lineCount, 'line')} loaded`;
    const shown = log.shownCount.toLocaleString('en');
    return `${shown} of ${countText(log.lineCount, 'loaded line')} pass the filter`;
}

/** @param {LiveLog} log */
function followText(log) {
    const { paused, unseen, follow, connection } = log;
    if (isLost(log)) return 'not connected: newer lines may be missing';
    if (paused) return `paused${unseen ? `, ${unseen.toLocaleString('en')} waiting` : ''}`;
    if (!follow) return 'not following';
    return connection === 'ended' ? 'ended' : 'following';
}
