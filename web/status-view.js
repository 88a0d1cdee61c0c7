// SPDX-License-Identifier: MIT
// One row for each status topic: its name, the word it has now, since when, and the words it had before.
//
// A row is <li class="status-row" data-topic data-word data-kind>. A word is told by its text, an icon and a colour; the kind
// (and with it icon and colour) comes from what people usually mean by the word.
import { el, setText } from './dom.js';
import { agoText, clockText, durationText } from './format.js';
import { icon } from './icons.js';

const TOPICS_MAX = 500;
const HISTORY_MAX = 20;
const HISTORY_SHOWN = 8;
const WORD_CHARACTERS_MAX = 60;

const KINDS = {
    good: ['check', 'ok okay success successful succeeded pass passed done complete completed finished healthy up online ready '
        + 'available active green good normal alive connected deployed stable enabled open'],
    busy: ['play', 'running run started starting building deploying working busy syncing processing progress in-progress '
        + 'in_progress executing testing updating uploading downloading loading restarting recovering'],
    wait: ['clock', 'queued queue pending waiting wait scheduled paused idle created new accepted submitted blocked hold'],
    warn: ['warn', 'warning warn degraded slow yellow amber retrying unstable unhealthy stale partial'],
    bad: ['cross', 'failed fail failure failing error errored down critical crit fatal red offline dead broken crashed aborted '
        + 'timeout timed-out rejected unreachable outage alarm emergency lost'],
    off: ['dash', 'cancelled canceled stopped stopping skipped disabled off unknown none closed maintenance'],
};
const KIND_OF = new Map();
for (const [kind, [, words]] of Object.entries(KINDS)) for (const word of words.split(' ')) KIND_OF.set(word, kind);

// {kind, icon} for a status word; the first part of it that is known decides: "build failed" is bad, "in progress" is busy.
export function wordKind(word) {
    const lower = word.toLowerCase();
    const negated = /^(not|no|un)\b/.test(lower);
    for (const part of lower.split(/[^\p{L}\p{N}_-]+/u)) {
        const kind = KIND_OF.get(part);
        if (kind) return negated && kind === 'good' ? { kind: 'warn', icon: 'warn' } : { kind, icon: KINDS[kind][0] };
    }
    return { kind: 'other', icon: 'dot' };
}

// Publishers send a bare word, "word: detail" or JSON with state or status; all give {word, detail}.
export function readStatus(data) {
    const text = data.trim();
    if (text.startsWith('{')) {
        try {
            const { state, status, word, detail, message, value } = JSON.parse(text);
            const found = state ?? status ?? word ?? value;
            if (found !== undefined && typeof found !== 'object') {
                const rest = detail ?? message ?? (found === value ? '' : value) ?? '';
                return { word: shorten(String(found)), detail: typeof rest === 'object' ? '' : String(rest) };
            }
        } catch {
            // Not JSON after all: shown as it is.
        }
    }
    const [first] = text.split('\n', 1);
    const colon = first.indexOf(': ');
    if (colon > 0 && colon <= WORD_CHARACTERS_MAX) {
        return { word: first.slice(0, colon), detail: first.slice(colon + 2) };
    }
    return { word: shorten(first) || '(empty)', detail: '' };
}

function shorten(text) {
    return text.length > WORD_CHARACTERS_MAX ? `${text.slice(0, WORD_CHARACTERS_MAX)}…` : text;
}

export class StatusView {
    #root;
    #rows = new Map(); // topic → {node, parts, shown, moved, history: [{word, detail, since}, …] newest first}
    #hiddenTopics = 0;
    #more = el('li', { class: 'status-more', hidden: true });
    #changed = new Set();
    #frame = 0;

    // `root` is a list element.
    constructor({ root }) {
        this.#root = root;
        root.append(this.#more);
    }

    get empty() {
        return this.#rows.size === 0;
    }

    // {topic, time: Date, data}
    update({ topic, time, data }) {
        const row = this.#rows.get(topic) ?? this.#add(topic);
        if (!row) return;
        const { word, detail } = readStatus(data);
        const [now] = row.history;
        if (now?.word === word) {
            now.detail = detail;
        } else {
            row.history.unshift({ word, detail, since: time.getTime() });
            row.history.length = Math.min(row.history.length, HISTORY_MAX);
            row.moved = row.shown; // what was there before the page came is no news
        }
        this.#changed.add(row);
        this.#frame ||= requestAnimationFrame(() => this.#flush());
    }

    clear() {
        this.#rows.clear();
        this.#changed.clear();
        this.#hiddenTopics = 0;
        this.#more.hidden = true;
        this.#root.replaceChildren(this.#more);
    }

    // The clocks; called once a second while the view can be seen.
    tick() {
        for (const row of this.#rows.values()) showSince(row);
    }

    #add(topic) {
        if (this.#rows.size >= TOPICS_MAX) {
            this.#hiddenTopics++;
            this.#more.hidden = false;
            setText(this.#more, `Only the first ${TOPICS_MAX} topics are shown.`);
            return null;
        }
        const parts = {
            word: el('span', { class: 'status-word' }),
            since: el('span', { class: 'status-since' }),
            detail: el('p', { class: 'status-detail', hidden: true }),
            history: el('ol', { class: 'status-history', hidden: true, 'aria-label': 'Before that, newest first' }),
        };
        const node = el('li', { class: 'status-row', 'data-topic': topic },
            topicName(topic), el('div', { class: 'status-now' }, parts.word, parts.since), parts.detail, parts.history);
        const row = { node, parts, history: [], shown: false, moved: false };
        this.#rows.set(topic, row);
        this.#root.insertBefore(node, this.#after(topic));
        return row;
    }

    // Rows are in the order of their names and stay there: a list that jumps cannot be read.
    #after(topic) {
        for (const node of this.#root.children) {
            if (node === this.#more || compareTopics(node.dataset.topic, topic) > 0) return node;
        }
        return null;
    }

    #flush() {
        this.#frame = 0;
        for (const row of this.#changed) show(row);
        this.#changed.clear();
    }
}

export function compareTopics(a, b) {
    return a.localeCompare(b, 'en', { numeric: true });
}

function topicName(topic) {
    const cut = topic.lastIndexOf('/') + 1;
    return el('h3', { class: 'status-name' }, el('span', { class: 'status-prefix' }, topic.slice(0, cut)), topic.slice(cut));
}

function show(row) {
    const { node, parts, history } = row;
    const [now, ...before] = history;
    const { kind, icon: sign } = wordKind(now.word);
    node.dataset.word = now.word;
    node.dataset.kind = kind;
    parts.word.replaceChildren(icon(sign), now.word);
    parts.detail.hidden = now.detail === '';
    setText(parts.detail, now.detail);
    showSince(row);
    parts.history.hidden = before.length === 0;
    const shown = before.slice(0, HISTORY_SHOWN);
    parts.history.replaceChildren(...shown.map((entry, i) => pastWord(entry, history[i].since)));
    row.shown = true;
    if (!row.moved) return;
    row.moved = false;
    node.classList.remove('changed');
    void node.offsetWidth; // restarts the animation when it is still running
    node.classList.add('changed');
}

function pastWord({ word, since }, until) {
    const { kind, icon: sign } = wordKind(word);
    const title = `${word}, from ${clockText(new Date(since))} to ${clockText(new Date(until))}`;
    return el('li', { class: 'status-past', 'data-kind': kind, title },
        icon(sign),
        el('span', { class: 'status-past-word' }, word),
        el('span', { class: 'status-past-time' }, durationText(until - since)));
}

function showSince({ parts, history }) {
    const [{ since }] = history;
    setText(parts.since, agoText(Date.now() - since));
    parts.since.title = `since ${new Date(since).toLocaleString()}`;
}
