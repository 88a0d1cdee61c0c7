// SPDX-License-Identifier: MIT
// The card of one status: a list item that is empty until fill(), and shows the status as it is at
// update(). When opened, it shows the history.
//
//   <li class="card" data-topic data-word data-kind [data-stale] [data-open [data-fitting]]>
import { el, setText, svg } from './dom.js';
import { icon } from './status-icons.js';
import { read } from './status-store.js';
import { agoText, clockText, durationText } from './status-time.js';

/** @import { Kind } from './live-status.js' */
/** @import { Entry, Status } from './status-store.js' */

/**
 * What a card needs of its list.
 * @typedef {object} CardHost
 * @property {(topic: string) => string} link the topic's own address
 * @property {number} historyMax
 * @property {() => number} now
 * @property {(card: StatusCard) => void} toggle
 */

/** @typedef {{ entry: Entry, count: number, from: number }} Run the same entry again and again */

const BAR = 10;
const BAR_GAP = 3;
const STRIP_HEIGHT = 20;
// A bar tells its kind by its height too.
const BAR_HEIGHTS = { good: 9, busy: 12, wait: 6, other: 9, warn: 16, bad: 20 };

export class StatusCard {
    filled = false;
    near = false; // on the screen or close to it
    #host;
    /** @type {ReturnType<typeof buildCard> | null} */
    #parts = null; // when it is filled
    /** @type {ReturnType<typeof buildHistory> | null} */
    #past = null; // when it is open
    #open = false;
    #width = 0; // that an open card was fitted for
    #sizes = new ResizeObserver(() => {
        if (this.node.offsetWidth !== this.#width) requestAnimationFrame(() => this.#fit());
    });
    #label = ['', ''];
    #shownId = ''; // of the newest entry that is shown

    /**
     * @param {Status} status
     * @param {CardHost} host
     */
    constructor(status, host) {
        this.status = status;
        this.#host = host;
        this.node = el('li', { class: 'card', part: 'card', 'data-topic': status.topic });
    }

    get isOpen() {
        return this.#open;
    }

    get button() {
        return this.#parts?.button ?? null;
    }

    /**
     * What it is called in its group: the quiet part, and the name.
     * @param {string} prefix
     * @param {string} name
     */
    label(prefix, name) {
        if (this.#label[0] === prefix && this.#label[1] === name) return;
        this.#label = [prefix, name];
        if (this.filled) this.#showLabel();
    }

    fill() {
        if (this.filled) return;
        this.filled = true;
        const parts = buildCard(this.#open, () => this.#host.toggle(this));
        this.#parts = parts;
        this.node.append(
            parts.sign,
            parts.button,
            parts.ago,
            el(
                'div',
                { class: 'now' },
                el('p', { class: 'says' }, parts.word, ' ', parts.detail),
                parts.value,
            ),
            parts.strip,
        );
        this.#shownId = '';
        this.#showLabel();
        this.update();
    }

    // Gives its content back, so that thousands of cards far away cost next to nothing.
    empty() {
        if (!this.filled || this.#open) return;
        this.filled = false;
        this.#parts = null;
        this.node.replaceChildren();
    }

    // Shows what the status says now.
    update() {
        const { node, status } = this;
        const { word, kind, value, detail } = read(status.now);
        if (node.dataset.word !== word) node.dataset.word = word;
        if (node.dataset.kind !== kind) node.dataset.kind = kind;
        node.toggleAttribute('data-stale', status.stale);
        const parts = this.#parts;
        if (!parts) return;
        if (parts.shown !== kind) {
            parts.shown = kind;
            parts.sign.replaceChildren(icon(kind));
        }
        setText(parts.word, word);
        setText(parts.detail, detail);
        parts.detail.title = detail;
        setText(parts.value, value);
        this.tick();
        if (this.#shownId === status.now.id) return;
        this.#shownId = status.now.id;
        this.#showStrip();
        if (this.#open) this.#showHistory();
    }

    // The clocks on it; once a second while it is near.
    tick() {
        const parts = this.#parts;
        if (!parts) return;
        const { status } = this;
        const now = this.#host.now();
        const ago = agoText(now - status.now.time);
        const text = status.stale ? `stale, ${ago}` : ago;
        if (parts.ago.textContent !== text) {
            parts.ago.replaceChildren(status.stale ? icon('stale') : '', text);
            parts.ago.title = new Date(status.now.time).toLocaleString();
        }
        if (this.#past) setText(this.#past.lasts, this.#lasting(now));
    }

    // A soft light over it: something has changed.
    flash() {
        if (!this.filled || !this.near) return;
        this.node.classList.remove('changed');
        void this.node.offsetWidth; // restarts the animation when it is still running
        this.node.classList.add('changed');
    }

    /** @param {boolean} open */
    setOpen(open) {
        if (open === this.#open) return;
        this.#open = open;
        this.node.toggleAttribute('data-open', open);
        if (open) this.fill();
        this.#parts?.button.setAttribute('aria-expanded', String(open));
        this.#past?.more.remove();
        this.#past = null;
        this.node.style.gridRow = '';
        if (open) {
            this.#showHistory();
            this.#sizes.observe(this.node);
        } else {
            this.#sizes.disconnect();
        }
    }

    // An open card is as high as what it says, in whole rows of the list.
    #fit() {
        const { node } = this;
        const list = node.parentElement;
        if (!this.#open || !list) return;
        const { gridAutoRows, rowGap } = getComputedStyle(list);
        const gap = Number.parseFloat(rowGap) || 0;
        node.toggleAttribute('data-fitting', true);
        const rows = Math.ceil((node.offsetHeight + gap) / (Number.parseFloat(gridAutoRows) + gap));
        node.toggleAttribute('data-fitting', false);
        node.style.gridRow = `span ${rows}`;
        this.#width = node.offsetWidth;
    }

    #showLabel() {
        const [prefix, name] = this.#label;
        const { button } = this;
        if (!button) return;
        button.replaceChildren(prefix ? el('span', { class: 'prefix' }, prefix) : '', name);
        button.title = this.status.topic;
    }

    #showStrip() {
        const { historyMax } = this.#host;
        const entries = this.status.history.slice(-historyMax);
        const strip = this.#parts?.strip;
        if (!strip) return;
        const step = BAR + BAR_GAP;
        /** @type {Map<Kind, string>} */
        const paths = new Map();
        /** @type {Map<string, number>} */
        const counts = new Map();
        const first = historyMax - entries.length; // the newest is always at the right
        for (const [i, entry] of entries.entries()) {
            const { kind, word } = read(entry);
            const height = BAR_HEIGHTS[kind];
            const bar = `M${(first + i) * step} ${STRIP_HEIGHT}v${-height}h${BAR}v${height}z`;
            paths.set(kind, (paths.get(kind) ?? '') + bar);
            counts.set(word, (counts.get(word) ?? 0) + 1);
        }
        strip.setAttribute('viewBox', `0 0 ${historyMax * step - BAR_GAP} ${STRIP_HEIGHT}`);
        strip.replaceChildren(
            ...[...paths].map(([kind, d]) => svg('path', { d, class: `bar-${kind}` })),
        );
        const said = [...counts]
            .sort((a, b) => b[1] - a[1])
            .slice(0, 5)
            .map(([word, count]) => `${count} × ${word}`)
            .join(', ');
        const span = durationText(entries[entries.length - 1].time - entries[0].time);
        strip.setAttribute(
            'aria-label',
            entries.length === 1
                ? 'No history yet'
                : `The last ${entries.length} over ${span}: ${said}`,
        );
    }

    /** @param {number} now */
    #lasting(now) {
        const { since, history } = this.status;
        const known = since > history[0].time || history.length === 1;
        const lasted = durationText(now - since);
        return `${read(this.status.now).word} for ${known ? '' : 'at least '}${lasted}`;
    }

    // The history, newest first; the same again and again is one.
    #runs() {
        /** @type {Run[]} */
        const runs = [];
        for (const entry of this.status.history.toReversed()) {
            const run = runs.at(-1);
            if (run && run.entry.data === entry.data) {
                run.count++;
                run.from = entry.time;
            } else {
                runs.push({ entry, count: 1, from: entry.time });
            }
        }
        return runs;
    }

    #showHistory() {
        const { topic } = this.status;
        const now = this.#host.now();
        if (!this.#past) {
            this.#past = buildHistory(topic, this.#host.link(topic));
            this.node.append(this.#past.more);
        }
        setText(this.#past.lasts, this.#lasting(now));
        this.#past.list.replaceChildren(...this.#runs().map((run) => pastLine(run, now)));
        this.#fit();
    }
}

/**
 * @param {boolean} open
 * @param {() => void} onclick
 */
function buildCard(open, onclick) {
    return {
        sign: el('span', { class: 'sign' }),
        button: el('button', {
            class: 'name',
            type: 'button',
            tabindex: '-1',
            'aria-expanded': String(open),
            onclick,
        }),
        ago: el('span', { class: 'ago' }),
        word: el('span', { class: 'word', part: 'word' }),
        detail: el('span', { class: 'detail' }),
        value: el('span', { class: 'value', part: 'value' }),
        strip: svg('svg', { class: 'strip', role: 'img', preserveAspectRatio: 'none' }),
        shown: '', // the kind whose sign is shown
    };
}

/**
 * @param {string} topic
 * @param {string} href
 */
function buildHistory(topic, href) {
    const lasts = el('span', { class: 'lasts' });
    const title = 'This topic\u2019s own address';
    const link = el('a', { class: 'link', href, title }, icon('link'), topic);
    const list = el('ol', {
        class: 'past',
        tabindex: '0',
        'aria-label': 'History, newest first',
    });
    const facts = el('p', { class: 'facts' }, lasts, link);
    const more = el('div', { class: 'more', part: 'history' }, facts, list);
    return { lasts, list, more };
}

/**
 * @param {Run} run
 * @param {number} now
 */
function pastLine({ entry, count, from }, now) {
    const { word, kind, value, detail } = read(entry);
    const rest = [value, detail].filter(Boolean).join(' · ');
    const title =
        count > 1
            ? `${count} times from ${clockText(from, now)} to ${clockText(entry.time, now)}`
            : new Date(entry.time).toLocaleString();
    return el(
        'li',
        { 'data-kind': kind, title },
        el('time', { datetime: new Date(entry.time).toISOString() }, clockText(entry.time, now)),
        icon(kind),
        el(
            'span',
            { class: 'past-word' },
            word,
            count > 1 ? el('span', { class: 'times' }, ` × ${count}`) : null,
        ),
        el('span', { class: 'past-rest' }, rest),
    );
}
