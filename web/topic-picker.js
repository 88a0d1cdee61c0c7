// SPDX-License-Identifier: MIT
// The list of a hub's logs: search, patterns, what is new in each, and which are shown.
//
//   .topic [data-topic] [aria-current] .topic-open .topic-add .unread
// A click opens one topic; its plus (or Ctrl and a click) shows it together with what is already open.
import { tagColor } from '../kit/log-time.js';
import { el, setText } from '../kit/dom.js';
import { durationText } from '../kit/status-time.js';
import { icon } from './icons.js';
import { compareTopics, isLog, isPattern, matches } from './session.js';

const ROWS_MAX = 500;
const UNREAD_MAX = 9999;

const groupOf = (topic) => (topic.includes('/') ? `${topic.slice(0, topic.indexOf('/'))}/` : '');

export class TopicPicker {
    #session;
    #on;
    #topics = []; // of GET /topics, logs only, by name
    #selected = [];
    #seen = new Map(); // topic → {events, lastId}: what the reader has had before their eyes
    #listed = false;
    #rows = new Map(); // key → node: rows are kept, so that focus and pointer stay on them
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

    // on.pick(topics, {fresh}): what is to be shown from now on.
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
            (topics, error) => !error && this.#take(topics),
        );
    }

    close() {
        this.#unwatch?.();
        this.#unwatch = null;
    }

    // Names and patterns that are shown.
    set selected(topics) {
        this.#selected = topics;
        this.#see();
        this.#show();
    }

    get count() {
        return this.#topics.length;
    }

    // The log that had something to say last: what to open when nothing is asked for.
    get liveliest() {
        let best = null;
        for (const topic of this.#topics)
            if (!best || (topic.last_time ?? '') > (best.last_time ?? '')) best = topic;
        return best?.topic ?? null;
    }

    // How many topics a pattern means now.
    countOf(pattern) {
        return isPattern(pattern)
            ? this.#topics.filter(({ topic }) => matches(pattern, topic)).length
            : 1;
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

    // Opens the topic that is `by` places further down the list.
    step(by) {
        const names = this.#shown().map(({ topic }) => topic);
        const at = names.indexOf(this.#selected[0]);
        const next = names[at < 0 ? 0 : at + by];
        if (next) this.#on.pick([next], { fresh: true });
    }

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

    #isShown(topic) {
        return this.#selected.some(
            (name) => name === topic || (isPattern(name) && matches(name, topic)),
        );
    }

    // Retention takes from the count of events: then something is new, but nobody knows how much.
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
        const rows = [];
        const grouped = new Map();
        for (const one of found) {
            const group = groupOf(one.topic);
            if (!grouped.has(group)) grouped.set(group, []);
            grouped.get(group).push(one);
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

    // Only what differs is moved.
    #place(rows) {
        let at = this.#list.firstChild;
        for (const row of rows) {
            if (row === at) at = at.nextSibling;
            else this.#list.insertBefore(row, at);
        }
        while (at) {
            const next = at.nextSibling;
            at.remove();
            at = next;
        }
        if (this.#rows.size <= 4 * ROWS_MAX) return;
        for (const [key, row] of this.#rows) if (!row.isConnected) this.#rows.delete(key);
    }

    #kept(key, make) {
        let row = this.#rows.get(key);
        if (!row) this.#rows.set(key, (row = make()));
        return row;
    }

    // What was typed as a name or pattern of its own.
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
            row.querySelector('.topic-why'),
            pattern
                ? `pattern: ${count} now, new ones join by themselves`
                : 'open this name and wait for its first line',
        );
        this.#mark(row, typed);
        return [row];
    }

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
        const button = row.firstChild;
        button.onclick = () => this.#on.pick(patterns, { fresh: true });
        button.title =
            name === 'All logs' ? 'Show all logs together' : `Show all of ${name} together`;
        setText(row.querySelector('.topic-all'), `all ${count.toLocaleString('en')}`);
        row.dataset.topic = patterns.join(' ');
        if (patterns.join(' ') === this.#selected.join(' '))
            row.setAttribute('aria-current', 'true');
        else row.removeAttribute('aria-current');
        return row;
    }

    #row(one, group) {
        const { topic } = one;
        const row = this.#kept(`topic ${topic}`, () => this.#makeRow(topic));
        const [open, add] = row.children;
        const unread = one.missing ? '' : this.#unread(one);
        setText(open.querySelector('.topic-name'), topic.slice(group.length));
        const badge = open.querySelector('.unread');
        badge.hidden = unread === '';
        setText(badge, unread);
        badge.title = unread === 'new' ? 'new lines' : `${unread} new lines`;
        const age = one.last_time ? Date.now() - Date.parse(one.last_time) : NaN;
        setText(
            open.querySelector('.topic-age'),
            one.missing
                ? isPattern(topic)
                    ? 'pattern'
                    : 'no lines yet'
                : one.closed
                  ? 'ended'
                  : ageText(age),
        );
        open.title = one.missing
            ? topic
            : `${topic}\n${one.events.toLocaleString('en')} lines stored${one.closed ? ', finished by its publisher' : ''}`;
        row.classList.toggle('nested', group !== '');
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
        row.style.setProperty('--tag-light', tagColor(topic, false));
        row.style.setProperty('--tag-dark', tagColor(topic, true));
        return row;
    }

    // Whether it is shown by its own name.
    #mark(row, topic) {
        const shown = this.#selected.includes(topic);
        if (shown) row.setAttribute('aria-current', 'true');
        else row.removeAttribute('aria-current');
        row.classList.toggle('within', !shown && this.#isShown(topic));
        return shown;
    }

    #picked(topic, event) {
        if (event.ctrlKey || event.metaKey) this.#toggle(topic);
        else this.#on.pick([topic], { fresh: true });
    }

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

    #searchKey(event) {
        if (event.key === 'ArrowDown') {
            this.#list.querySelector('.topic-open')?.focus();
        } else if (event.key === 'Enter') {
            const first = this.#list.querySelector(
                '.topic-typed .topic-open, .topic[data-topic]:not(.group) .topic-open',
            );
            if (!first) return;
            if (event.ctrlKey || event.metaKey) this.#toggle(first.parentElement.dataset.topic);
            else first.click();
        } else {
            return;
        }
        event.preventDefault();
    }

    #listKey(event) {
        const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!move || !event.target.classList.contains('topic-open')) return;
        const all = [...this.#list.querySelectorAll('.topic-open')];
        const next = all.indexOf(event.target) + move;
        if (next < 0) this.#search.focus();
        else all[next]?.focus();
        event.preventDefault();
        event.stopPropagation();
    }
}

// "3 s", "12 min", nothing for what is not known.
function ageText(ms) {
    return Number.isNaN(ms) ? '' : ms < 2000 ? 'now' : durationText(ms);
}
