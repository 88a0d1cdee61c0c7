// SPDX-License-Identifier: MIT
// A strip of bars over the lines: how many of those that are loaded and shown there are over time,
// and how many are errors and warnings. A bar leads to its first line.
//
//   .histogram [hidden] .histogram-bars .histogram-bar [data-id]
import { closest, el, setText } from '../kit/dom.js';
import { absoluteTime } from '../kit/log-time.js';
import { durationText } from '../kit/status-time.js';
import { countText } from './format.js';

/** @import { LiveLog, LogHistogram } from '../kit/live-log.js' */

const BARS_MAX = 60;
const PAUSE_MS = 1000; // between two drawings

export class HistogramStrip {
    node;
    #bars = el('div', { class: 'histogram-bars' });
    #caption = el('p', { class: 'quiet' });
    /** @type {LiveLog | null} */
    #log = null;
    #utc = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    #drawn = 0;

    /** @param {(id: string) => void} go to a line */
    constructor(go) {
        this.node = el(
            'section',
            { class: 'histogram', 'aria-label': 'Lines over time', hidden: true },
            this.#bars,
            this.#caption,
        );
        this.#bars.addEventListener('click', (event) => {
            const id = closest(event, '.histogram-bar')?.dataset.id;
            if (id) go(id);
        });
        this.#bars.addEventListener('keydown', (event) => this.#key(event));
    }

    get shown() {
        return !this.node.hidden;
    }
    /** @param {boolean} shown */
    set shown(shown) {
        this.node.hidden = !shown;
        if (shown) this.#draw();
    }

    /**
     * What is loaded, or shown, has changed.
     * @param {LiveLog | null} log
     * @param {boolean} utc
     */
    show(log, utc) {
        this.#log = log;
        this.#utc = utc;
        if (this.node.hidden) return;
        const wait = this.#drawn + PAUSE_MS - performance.now();
        this.#timer ??= setTimeout(() => this.#draw(), Math.max(0, wait));
    }

    #draw() {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#drawn = performance.now();
        const { step, buckets } = this.#log?.histogram(BARS_MAX) ?? { step: 0, buckets: [] };
        const most = Math.max(1, ...buckets.map(({ lines }) => lines));
        const focused = [...this.#bars.children].indexOf(document.activeElement ?? this.node);
        this.#bars.replaceChildren(...buckets.map((bucket) => this.#bar(bucket, step, most)));
        const at = focused < 0 ? buckets.length - 1 : Math.min(focused, buckets.length - 1);
        const current = this.#bars.children[at];
        if (current instanceof HTMLElement) {
            current.tabIndex = 0;
            if (focused >= 0) current.focus();
        }
        const lines = buckets.reduce((sum, bucket) => sum + bucket.lines, 0);
        const errors = buckets.reduce((sum, bucket) => sum + bucket.errors, 0);
        setText(
            this.#caption,
            lines === 0
                ? 'No lines are loaded.'
                : `${countText(lines, 'loaded line')}, ${countText(errors, 'error')}; a bar is ` +
                      `${durationText(step)}, the tallest ${countText(most, 'line')}`,
        );
    }

    /**
     * @param {LogHistogram['buckets'][0]} bucket
     * @param {number} step
     * @param {number} most lines of a bucket
     */
    #bar({ from, lines, errors, warnings, id }, step, most) {
        const time = (/** @type {number} */ ms) => absoluteTime(ms, this.#utc).replace('.000', '');
        const text =
            `${time(from)} to ${time(from + step)}: ${countText(lines, 'line')}, ` +
            `${countText(errors, 'error')}, ${countText(warnings, 'warning')}`;
        const bar = el('button', {
            type: 'button',
            class: 'histogram-bar',
            title: text,
            'aria-label': text,
            'data-id': id || null,
            tabindex: '-1',
        });
        bar.style.setProperty('--lines', String(lines / most));
        bar.style.setProperty('--errors', String(errors / Math.max(1, lines)));
        bar.style.setProperty('--warnings', String((errors + warnings) / Math.max(1, lines)));
        return bar;
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const bar = closest(event, '.histogram-bar');
        const next =
            event.key === 'ArrowLeft'
                ? bar?.previousElementSibling
                : event.key === 'ArrowRight'
                  ? bar?.nextElementSibling
                  : null;
        if (!bar || !(next instanceof HTMLElement)) return;
        bar.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
        event.preventDefault();
        event.stopPropagation();
    }
}
