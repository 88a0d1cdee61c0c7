// SPDX-License-Identifier: MIT
// The state of the page's connections, always in sight: a word, an icon and a colour; a click says
// more. There is one for the whole page: the worst of those that the elements in view report by
// their live-state events.
import { el, setText } from '../kit/dom.js';
import { durationText } from '../kit/status-time.js';
import { icon } from './icons.js';
import { Popup } from './popup.js';

/** @import { LiveDetail, LiveState } from '../kit/tailrace.js' */
/** @import { IconName } from './icons.js' */

// From worst to best; `ended` only counts when nothing is live.
/** @typedef {LiveState | 'idle' | 'asked'} PageState idle, asked: without a connection */
/** @type {Record<PageState, [sign: IconName, word: string, text: string]>} */
const STATES = {
    asked: ['lock', 'Key needed', 'The hub answers, and asks for a key.'],
    refused: ['lock', 'Refused', 'The hub does not let this page in.'],
    offline: [
        'cross',
        'Offline',
        'This device has no network. The page goes on by itself when it is back; nothing is lost.',
    ],
    reconnecting: [
        'turn',
        'Reconnecting',
        'The connection is being restored. It goes on after the last thing that has arrived; ' +
            'nothing is lost.',
    ],
    connecting: ['dots', 'Connecting', 'The page is waiting for the hub to answer.'],
    live: ['check', 'Live', 'Connected. What is published is shown at once.'],
    ended: [
        'flag',
        'Ended',
        'What is shown has been finished by its publisher. All of it has arrived; ' +
            'nothing more will come.',
    ],
    idle: ['check', 'Connected', 'The hub answers. Nothing is open that it could send news of.'],
    closed: ['stop', 'Not connected', 'Nothing is open that would need a connection.'],
};
const ORDER = Object.keys(STATES);

/** @typedef {{ state: PageState, detail: Partial<LiveDetail> }} Known */

export class Connection {
    #button;
    #label = el('span', { class: 'connection-word' });
    #wait = el('span', { class: 'connection-wait', 'aria-hidden': 'true' });
    /** @type {Map<Element, Known>} */
    #known = new Map();
    /** @type {Known | null} */
    #worst = null;
    #say;
    /** @type {PageState} */
    #without = 'closed'; // the state while nothing is open

    /**
     * @param {object} options
     * @param {HTMLButtonElement} options.button where it is shown
     * @param {HTMLElement[]} options.roots where elements report from
     * @param {(text: string) => void} options.say for screen readers, at changes
     */
    constructor({ button, roots, say }) {
        this.#button = button;
        this.#say = say;
        new Popup(button, {
            label: 'Connection',
            className: 'connection-more',
            build: (panel) => this.#explain(panel),
        });
        for (const root of roots) {
            root.addEventListener('live-state', (event) => {
                const { target, detail } = /** @type {CustomEvent<Known>} */ (event);
                if (!(target instanceof Element)) return;
                this.#known.set(target, { state: detail.state, detail: detail.detail ?? {} });
                this.update();
            });
        }
        setInterval(() => this.#tick(), 1000);
        this.update();
    }

    get worst() {
        return this.#worst;
    }

    /**
     * What is known of the hub while nothing is open.
     * @param {PageState} state
     */
    set without(state) {
        if (state === this.#without) return;
        this.#without = state;
        this.update();
    }

    // Called when elements have been removed as well.
    update() {
        for (const element of this.#known.keys())
            if (!element.isConnected) this.#known.delete(element);
        const all = [...this.#known.values()].filter(({ state }) => state in STATES);
        all.sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
        /** @type {Known} */
        const worst = all[0] ?? { state: this.#without, detail: {} };
        const before = this.#worst?.state;
        this.#worst = worst;
        if (worst.state !== before) {
            const [sign, word] = STATES[worst.state];
            this.#button.dataset.state = worst.state;
            this.#button.replaceChildren(icon(sign), this.#label, this.#wait);
            setText(this.#label, word);
            // A start is no news; what comes after a trouble is.
            if (before && !['connecting', 'closed', 'idle', 'asked'].includes(before))
                this.#say(`Connection: ${word}`);
        }
        this.#button.dataset.transport = worst.detail.transport ?? '';
        this.#button.title = [STATES[worst.state][2], worst.detail.reason]
            .filter(Boolean)
            .join('\n');
        this.#tick();
    }

    #tick() {
        const left = (this.#worst?.detail.retryAt ?? 0) - Date.now();
        setText(this.#wait, left > 0 ? `in ${durationText(left + 999)}` : '');
    }

    /** @param {HTMLElement} panel */
    #explain(panel) {
        if (!this.#worst) return;
        const { state, detail } = this.#worst;
        const line = (/** @type {string} */ text) => panel.append(el('p', {}, text));
        panel.append(el('h2', {}, STATES[state][1]));
        line(STATES[state][2]);
        if (detail.reason) panel.append(el('p', { class: 'reason' }, detail.reason));
        if (detail.transport === 'poll') {
            line(
                'Something between this page and the hub holds streams back (often a proxy that ' +
                    'buffers), so the page asks again and again instead. Everything arrives, a ' +
                    'little later.',
            );
        }
        if (state === 'live' && detail.shared) line('The tabs of this hub share one connection.');
    }
}
