// SPDX-License-Identifier: MIT
// The list of a hub's logs: search, patterns, what is new in each, and which are shown.
//
//   .topic [data-topic] [aria-current] .topic-open .topic-add .unread
//
// A click opens one topic; its plus (or Ctrl and a click) shows it together with what is already
// open.
import { tagColor } from '../kit/log-time.js';
import { el, setText } from '../kit/dom.js';
import { durationText } from '../kit/status-time.js';
import { icon } from './icons.js';
import { compareTopics, isLog, isPattern, matches } from './session.js';

/** @import { Session, Topic } from './session.js' */

/** fresh: a step of its own for the browser's Back; more: added to what is shown. */
/** @typedef {{ fresh?: boolean, more?: boolean }} How */

/**
 * @typedef {object} PickerListener
 * @property {(topics: string[], how: How) => void} pick what is shown from now on
 * @property {() => void} listed there is a list
 */

/**
 * What a row shows: a topic of the list, or one that is asked for and is not there.
 * @typedef {(Topic & { missing?: undefined }) | { topic: string, missing: true }} Listed
 */

const ROWS_MAX = 500;
const UNREAD_MAX = 9999;

const groupOf = (/** @type {string} */ topic) =>
    topic.includes('/') ? `${topic.slice(0, topic.indexOf('/'))}/` : '';

export class TopicPicker {
    #session;
    #on;
    /** @type {Topic[]} */
    #topics = []; // logs only, by name
    /** @type {string[]} */
    #selected = [];
    /** @type {Map<string, { events: number, lastId: string }>} */
    #seen = new Map(); // by topic: what has been on the reader's screen
    #listed = false;
    /** @type {Map<string, HTMLElement>} */
    #rows = new Map(); // by key; kept, so that focus and pointer stay on them
    /** @type {(() => void) | null} */
    #unwatch = null;
    #search = el('input', {
        type: 'search',
        id: 'topic-search',
        placeholder: 'Find a topic, or builds/*',
        'aria-label': 'Find a topic, or give a pattern',
        autocomplete: 'off',
        spellcheck: 'false',
        title: 'Part of a name, or a pattern: * is one part of the path, ** any number of them',
    });
    #list = el('ul', { class: 'topics', 'aria-label': 'Topics' });
    #hint = el('p', { class: 'topics-hint', hidden: true });

    /** @param {{ root: HTMLElement, session: Session, on: PickerListener }} options */
    constructor({ root, session, on }) {
        this.#session = session;
        this.#on = on;
        root.append(
            el('div', { class: 'topic-search' }, icon('search'), this.#search),
            this.#list,
            this.#hint,
        );
        this.#search.addEventListener('input', () => this.#show());
        this.#search.addEventListener('keydown', (event) => this.#searchKey(event));
        this.#list.addEventListener('keydown', (event) => this.#listKey(event));
    }

    open() {
        this.#unwatch ??= this.#session.watchTopics(
            (topics, error) => void (error ?? this.#take(topics)),
        );
    }

    close() {
        this.#unwatch?.();
        this.#unwatch = null;
    }

    /** @param {string[]} topics */
    set selected(topics) {
        this.#selected = topics;
        this.#see();
        this.#show();
    }

    // The hub has told its logs, and there is none.
    get isEmpty() {
        return this.#listed && this.#topics.length === 0;
    }

    // The log that had a line last: what to open when nothing is asked for.
    get liveliest() {
        const newer = (/** @type {Topic} */ a, /** @type {Topic} */ b) =>
            (b.last_time ?? '') > (a.last_time ?? '') ? b : a;
        return this.#topics.length ? this.#topics.reduce(newer).topic : null;
    }

    // One for each group: together they are all logs.
    allPatterns() {
        const groups = [...new Set(this.#topics.map(({ topic }) => groupOf(topic)))];
        const single = this.#topics
            .filter(({ topic }) => !topic.includes('/'))
            .map(({ topic }) => topic);
        return [...groups.filter(Boolean).map((group) => `${group}**`), ...single].slice(0, 100);
    }

    focus() {
        this.#search.focus();
        this.#search.select();
    }

    /**
     * Opens the topic that is `by` places further down the list.
     * @param {number} by
     */
    step(by) {
        const names = this.#shown().map(({ topic }) => topic);
        const at = names.indexOf(this.#selected[0]);
        const next = names[at < 0 ? 0 : at + by];
        if (next) this.#on.pick([next], { fresh: true });
    }

    /** @param {Topic[]} topics */
    #take(topics) {
        this.#topics = topics
            .filter(({ topic }) => isLog(topic))
            .sort((a, b) => compareTopics(a.topic, b.topic));
        // What was there when the page came is no news.
        if (!this.#listed)
            for (const { topic, events, last_id: lastId } of this.#topics)
                this.#seen.set(topic, { events, lastId });
        this.#listed = true;
        this.#see();
        this.#show();
        this.#on.listed();
    }

    #see() {
        if (document.hidden) return;
        for (const { topic, events, last_id: lastId } of this.#topics)
            if (this.#isShown(topic)) this.#seen.set(topic, { events, lastId });
    }

    /** @param {string} topic */
    #isShown(topic) {
        return this.#selected.some(
            (name) => name === topic || (isPattern(name) && matches(name, topic)),
        );
    }

    /**
     * How much is new. Retention takes from the count of events: then there is something, but
     * nobody knows how much.
     * @param {Topic} topic
     */
    #unread({ topic, events, last_id: lastId }) {
        const seen = this.#seen.get(topic);
        if (!seen) return String(Math.min(events, UNREAD_MAX));
        if (seen.lastId === lastId) return '';
        const count = events - seen.events;
        return count > UNREAD_MAX ? `${UNREAD_MAX}+` : count > 0 ? String(count) : 'new';
    }

    #words() {
        return this.#search.value.trim().toLowerCase();
    }

    #shown() {
        const typed = this.#search.value.trim();
        if (typed.includes('*')) return this.#topics.filter(({ topic }) => matches(typed, topic));
        const words = this.#words().split(/\s+/).filter(Boolean);
        return this.#topics.filter(({ topic }) =>
            words.every((word) => topic.toLowerCase().includes(word)),
        );
    }

    #show() {
        const typed = this.#search.value.trim();
        const found = this.#shown();
        /** @type {HTMLElement[]} */
        const rows = [];
        /** @type {Map<string, Topic[]>} */
        const grouped = new Map();
        for (const one of found) {
            const group = groupOf(one.topic);
            const topics = grouped.get(group);
            if (topics) topics.push(one);
            else grouped.set(group, [one]);
        }
        if (typed && !this.#topics.some(({ topic }) => topic === typed))
            rows.push(...this.#typedRow(typed, found.length));
        const named = new Set(this.#topics.map(({ topic }) => topic));
        const groups = new Set([...grouped.keys()].map((group) => `${group}**`));
        for (const name of this.#selected)
            if (!named.has(name) && !groups.has(name) && name !== typed)
                rows.push(this.#row({ topic: name, missing: true }, ''));
        if (!typed && this.#topics.length > 1 && grouped.size > 1) {
            rows.push(this.#groupRow('All logs', this.allPatterns(), this.#topics.length));
        }
        let left = ROWS_MAX;
        for (const [group, topics] of grouped) {
            if (left <= 0) break;
            if (group) rows.push(this.#groupRow(group, [`${group}**`], topics.length));
            for (const one of topics.slice(0, left)) rows.push(this.#row(one, group));
            left -= topics.length;
        }
        this.#place(rows);
        const more = found.length - ROWS_MAX;
        this.#hint.hidden = more <= 0 && (found.length > 0 || this.#topics.length === 0);
        setText(
            this.#hint,
            more > 0
                ? `${more.toLocaleString('en')} more: type a part of the name.`
                : 'No topic has that in its name.',
        );
    }

    /**
     * Only what differs is moved.
     * @param {HTMLElement[]} rows
     */
    #place(rows) {
        /** @type {ChildNode | null} */
        let at = this.#list.firstChild;
        for (const row of rows) {
            if (at && row === at) at = at.nextSibling;
            else this.#list.insertBefore(row, at);
        }
        while (at) {
            /** @type {ChildNode | null} */
            const next = at.nextSibling;
            at.remove();
            at = next;
        }
        if (this.#rows.size <= 4 * ROWS_MAX) return;
        for (const [key, row] of this.#rows) if (!row.isConnected) this.#rows.delete(key);
    }

    /**
     * @param {string} key
     * @param {() => HTMLElement} make
     */
    #kept(key, make) {
        let row = this.#rows.get(key);
        if (!row) this.#rows.set(key, (row = make()));
        return row;
    }

    /**
     * What was typed as a name or pattern of its own.
     * @param {string} typed
     * @param {number} count
     */
    #typedRow(typed, count) {
        const pattern = isPattern(typed);
        if (!pattern && (typed.includes(' ') || count)) return [];
        const row = this.#kept(`typed ${typed}`, () =>
            el(
                'li',
                { class: 'topic topic-typed', 'data-topic': typed },
                el(
                    'button',
                    {
                        type: 'button',
                        class: 'topic-open',
                        onclick: (event) => this.#picked(typed, event),
                    },
                    el('span', { class: 'topic-name' }, typed),
                    el('span', { class: 'topic-why' }),
                ),
            ),
        );
        setText(
            part(row, '.topic-why'),
            pattern
                ? `pattern: ${count} now, new ones join by themselves`
                : 'open this name and wait for its first line',
        );
        this.#mark(row, typed);
        return [row];
    }

    /**
     * @param {string} name
     * @param {string[]} patterns
     * @param {number} count
     */
    #groupRow(name, patterns, count) {
        const row = this.#kept(`group ${name}`, () =>
            el(
                'li',
                { class: 'topic group' },
                el(
                    'button',
                    { type: 'button', class: 'topic-open' },
                    el('span', { class: 'topic-name' }, name),
                    el('span', { class: 'topic-all' }),
                ),
            ),
        );
        const button = part(row, '.topic-open');
        button.onclick = () => this.#on.pick(patterns, { fresh: true });
        button.title =
            name === 'All logs' ? 'Show all logs together' : `Show all of ${name} together`;
        setText(part(row, '.topic-all'), `all ${count.toLocaleString('en')}`);
        row.dataset.topic = patterns.join(' ');
        if (patterns.join(' ') === this.#selected.join(' '))
            row.setAttribute('aria-current', 'true');
        else row.removeAttribute('aria-current');
        return row;
    }

    /**
     * @param {Listed} one
     * @param {string} group
     */
    #row(one, group) {
        const { topic } = one;
        const row = this.#kept(`topic ${topic}`, () => this.#makeRow(topic));
        const [open, add] = [part(row, '.topic-open'), part(row, '.topic-add')];
        const unread = one.missing ? '' : this.#unread(one);
        setText(part(open, '.topic-name'), topic.slice(group.length));
        const badge = part(open, '.unread');
        badge.hidden = unread === '';
        setText(badge, unread);
        badge.title = unread === 'new' ? 'new lines' : `${unread} new lines`;
        setText(part(open, '.topic-age'), ageOf(one));
        open.title = one.missing ? topic : titleOf(one);
        row.classList.toggle('nested', group !== '');
        row.style.setProperty('--tag-light', tagColor(topic, false));
        row.style.setProperty('--tag-dark', tagColor(topic, true));
        const shown = this.#mark(row, topic);
        add.setAttribute('aria-pressed', String(shown));
        add.title = shown
            ? 'Take it out of what is shown'
            : 'Show it together with what is open (Ctrl and a click on the name)';
        add.setAttribute('aria-label', add.title);
        if (add.dataset.shown !== String(shown)) {
            add.dataset.shown = String(shown);
            add.replaceChildren(icon(shown ? 'tick' : 'plus'));
        }
        return row;
    }

    /** @param {string} topic */
    #makeRow(topic) {
        const row = el(
            'li',
            { class: 'topic', 'data-topic': topic },
            el(
                'button',
                {
                    type: 'button',
                    class: 'topic-open',
                    onclick: (event) => this.#picked(topic, event),
                },
                el('span', { class: 'topic-dot' }),
                el('span', { class: 'topic-name' }),
                el('span', { class: 'topic-age' }),
                el('span', { class: 'unread', hidden: true }),
            ),
            el('button', {
                type: 'button',
                class: 'topic-add',
                onclick: () => this.#toggle(topic),
            }),
        );
        return row;
    }

    /**
     * Whether it is shown by its own name.
     * @param {HTMLElement} row
     * @param {string} topic
     */
    #mark(row, topic) {
        const shown = this.#selected.includes(topic);
        if (shown) row.setAttribute('aria-current', 'true');
        else row.removeAttribute('aria-current');
        row.classList.toggle('within', !shown && this.#isShown(topic));
        return shown;
    }

    /**
     * @param {string} topic
     * @param {MouseEvent} event
     */
    #picked(topic, event) {
        if (event.ctrlKey || event.metaKey) this.#toggle(topic);
        else this.#on.pick([topic], { fresh: true });
    }

    /** @param {string} topic */
    #toggle(topic) {
        const without = this.#selected.filter((name) => name !== topic);
        if (without.length < this.#selected.length) {
            if (without.length) this.#on.pick(without, { fresh: true });
            return;
        }
        // A pattern that has it would show it twice.
        this.#on.pick(
            [...this.#selected.filter((name) => !isPattern(name) || !matches(name, topic)), topic],
            {
                fresh: true,
                more: true,
            },
        );
    }

    /** @param {KeyboardEvent} event */
    #searchKey(event) {
        if (event.key === 'ArrowDown') {
            part(this.#list, '.topic-open')?.focus();
        } else if (event.key === 'Enter') {
            /** @type {HTMLElement | null} */
            const first = this.#list.querySelector(
                '.topic-typed .topic-open, .topic[data-topic]:not(.group) .topic-open',
            );
            if (!first) return;
            if (event.ctrlKey || event.metaKey)
                this.#toggle(first.parentElement?.dataset.topic ?? '');
            else first.click();
        } else {
            return;
        }
        event.preventDefault();
    }

    /** @param {KeyboardEvent} event */
    #listKey(event) {
        const { key, target } = event;
        if (key !== 'ArrowDown' && key !== 'ArrowUp') return;
        if (!(target instanceof HTMLElement) || !target.classList.contains('topic-open')) return;
        /** @type {NodeListOf<HTMLElement>} */
        const found = this.#list.querySelectorAll('.topic-open');
        const all = [...found];
        const next = all.indexOf(target) + (key === 'ArrowDown' ? 1 : -1);
        if (next < 0) this.#search.focus();
        else all[next]?.focus();
        event.preventDefault();
        event.stopPropagation();
    }
}

/**
 * "3 s", "12 min", nothing for what is not known.
 * @param {number} ms
 */
function ageText(ms) {
    return Number.isNaN(ms) ? '' : ms < 2000 ? 'now' : durationText(ms);
}

/**
 * How long ago the last line came, or why there is none.
 * @param {Listed} one
 */
function ageOf(one) {
    if (one.missing) return isPattern(one.topic) ? 'pattern' : 'no lines yet';
    if (one.closed) return 'ended';
    return ageText(one.last_time ? Date.now() - Date.parse(one.last_time) : NaN);
}

/** @param {Topic} topic */
function titleOf({ topic, events, closed }) {
    const ended = closed ? ', finished by its publisher' : '';
    return `${topic}\n${events.toLocaleString('en')} lines stored${ended}`;
}

/**
 * A part of a row; it is there.
 * @param {HTMLElement} row
 * @param {string} selector
 */
function part(row, selector) {
    return /** @type {HTMLElement} */ (row.querySelector(selector));
}
