// SPDX-License-Identifier: MIT
// The card of one status: a list item that is empty until fill(), and shows the status as it is at update(). Opened, it
// shows the history.
//
//   <li class="card" data-topic data-word data-kind [data-stale] [data-open]>
import { el, setText, svg } from './dom.js';
import { icon } from './status-icons.js';
import { read } from './status-store.js';
import { agoText, clockText, durationText } from './status-time.js';

const BAR = 10,
    BAR_GAP = 3,
    STRIP_HEIGHT = 20;
const SHORT_HISTORY = 3; // lines that fit into a smaller card
// A bar tells its kind by its height too.
const BAR_HEIGHTS = { good: 9, busy: 12, wait: 6, other: 9, off: 3, warn: 16, bad: 20 };

export class StatusCard {
    node;
    status;
    filled = false;
    near = false; // on the screen or close to it
    #host;
    #parts = null;
    #open = false;
    #label = ['', ''];
    #past = '';

    // host: {link(topic), historyMax, now(), toggle(card)}
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

    // What to call it where it stands: the quiet part and the name.
    label(prefix, name) {
        if (this.#label[0] === prefix && this.#label[1] === name) return;
        this.#label = [prefix, name];
        if (this.filled) this.#showLabel();
    }

    fill() {
        if (this.filled) return;
        this.filled = true;
        const parts = (this.#parts = {
            sign: el('span', { class: 'sign' }),
            button: el('button', {
                class: 'name',
                type: 'button',
                tabindex: '-1',
                'aria-expanded': String(this.#open),
                onclick: () => this.#host.toggle(this),
            }),
            ago: el('span', { class: 'ago' }),
            word: el('span', { class: 'word', part: 'word' }),
            detail: el('span', { class: 'detail' }),
            value: el('span', { class: 'value', part: 'value' }),
            strip: svg('svg', { class: 'strip', role: 'img', preserveAspectRatio: 'none' }),
            more: null,
            shown: '',
        });
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
        this.#past = '';
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
        if (!this.filled) return;
        const parts = this.#parts;
        if (parts.shown !== kind) {
            parts.shown = kind;
            parts.sign.replaceChildren(icon(kind));
        }
        setText(parts.word, word);
        setText(parts.detail, detail);
        parts.detail.title = detail;
        setText(parts.value, value);
        this.tick();
        if (this.#past === status.now.id) return;
        this.#past = status.now.id;
        this.#showStrip();
        if (this.#open) this.#showHistory();
    }

    // The clocks on it; once a second while it is near.
    tick() {
        const { parts, status } = { parts: this.#parts, status: this.status };
        if (!parts) return;
        const now = this.#host.now();
        const ago = agoText(now - status.now.time);
        const text = status.stale ? `stale, ${ago}` : ago;
        if (parts.ago.textContent !== text) {
            parts.ago.replaceChildren(status.stale ? icon('stale') : '', text);
            parts.ago.title = new Date(status.now.time).toLocaleString();
        }
        if (parts.lasts) setText(parts.lasts, this.#lasting(now));
    }

    // A soft light over it: something has changed.
    flash() {
        if (!this.filled || !this.near) return;
        this.node.classList.remove('changed');
        void this.node.offsetWidth; // restarts the animation when it is still running
        this.node.classList.add('changed');
    }

    setOpen(open) {
        if (open === this.#open) return;
        this.#open = open;
        this.node.toggleAttribute('data-open', open);
        this.node.toggleAttribute('data-short', open && this.#runs().length <= SHORT_HISTORY);
        if (open) this.fill();
        const parts = this.#parts;
        parts.button.setAttribute('aria-expanded', String(open));
        parts.more?.remove();
        parts.more = parts.lasts = null;
        if (open) this.#showHistory();
    }

    #showLabel() {
        const [prefix, name] = this.#label;
        this.#parts.button.replaceChildren(
            prefix ? el('span', { class: 'prefix' }, prefix) : '',
            name,
        );
        this.#parts.button.title = this.status.topic;
    }

    #showStrip() {
        const { historyMax } = this.#host;
        const entries = this.status.history.slice(-historyMax);
        const { strip } = this.#parts;
        const step = BAR + BAR_GAP;
        const paths = new Map();
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
        const span = durationText(entries.at(-1).time - entries[0].time);
        strip.setAttribute(
            'aria-label',
            entries.length === 1
                ? 'No history yet'
                : `The last ${entries.length} over ${span}: ${said}`,
        );
    }

    #lasting(now) {
        const { since, history } = this.status;
        const known = since > history[0].time || history.length === 1;
        return `${read(this.status.now).word} for ${known ? '' : 'at least '}${durationText(now - since)}`;
    }

    // The history, newest first; the same again and again is one.
    #runs() {
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
        const parts = this.#parts;
        const now = this.#host.now();
        if (!parts.more) {
            parts.lasts = el('span', { class: 'lasts' });
            const link = el(
                'a',
                {
                    class: 'link',
                    href: this.#host.link(this.status.topic),
                    title: 'This topic\u2019s own address',
                },
                icon('link'),
                this.status.topic,
            );
            parts.past = el('ol', {
                class: 'past',
                tabindex: '0',
                'aria-label': 'History, newest first',
            });
            parts.more = el(
                'div',
                { class: 'more', part: 'history' },
                el('p', { class: 'facts' }, parts.lasts, link),
                parts.past,
            );
            this.node.append(parts.more);
        }
        setText(parts.lasts, this.#lasting(now));
        parts.past.replaceChildren(...this.#runs().map((run) => pastLine(run, now)));
    }
}

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
