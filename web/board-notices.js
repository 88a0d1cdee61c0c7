// SPDX-License-Identifier: MIT
// Notifications of the browser when statuses turn bad, as long as the board is open: asked for by a
// button, remembered, and those of one moment told together. Several boards that are open tell the
// same under the same tag: the browser shows one.
import { el } from '../kit/dom.js';
import { icon } from './icons.js';
import { preference, setPreference } from './preferences.js';

/** @typedef {{ topic: string, word: string, detail: string, id: string }} Failing */

const GATHER_MS = 2000; // what fails within so long has one cause, and is told together
const NAMED_MAX = 5;

const TITLE = 'A notification when a status turns bad, while this page is open';
const BLOCKED = 'The browser blocks notifications of this page; its site settings change that';

export class Notices {
    #open;
    /** @type {Map<string, Failing>} */
    #waiting = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    button = el(
        'button',
        { type: 'button', class: 'tool', id: 'board-notify', onclick: () => this.#toggle() },
        icon('bell'),
        el('span', {}, 'Notify'),
    );

    /** @param {(topic: string) => void} open shows a status when its notification is clicked */
    constructor(open) {
        this.#open = open;
        this.#show();
    }

    /** @param {readonly Failing[]} statuses that have turned bad just now */
    add(statuses) {
        if (!this.#isOn) return;
        for (const status of statuses) this.#waiting.set(status.topic, status);
        this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
    }

    // Forgets what has not been told.
    close() {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#waiting.clear();
    }

    get #isOn() {
        return (
            preference('board.notify', '') === '1' &&
            globalThis.Notification?.permission === 'granted'
        );
    }

    async #toggle() {
        if (this.#isOn) setPreference('board.notify', '');
        else if ((await Notification.requestPermission()) === 'granted')
            setPreference('board.notify', '1');
        this.#show();
    }

    #show() {
        const { button } = this;
        const permission = globalThis.Notification?.permission;
        button.hidden = permission === undefined;
        button.disabled = permission === 'denied';
        button.title = permission === 'denied' ? BLOCKED : TITLE;
        button.setAttribute('aria-pressed', String(this.#isOn));
    }

    #tell() {
        const failing = [...this.#waiting.values()];
        this.close();
        const [first] = failing;
        const names = failing.map(({ topic }) => topic.replace(/^status\//, ''));
        const lines = failing.slice(0, NAMED_MAX).map(({ word, detail }, i) => {
            const said = detail ? `${word}: ${detail}` : word;
            return failing.length > 1 ? `${names[i]}: ${said}` : said;
        });
        const more = failing.length - lines.length;
        const title =
            failing.length > 1 ? `${failing.length} are failing` : `${names[0]} is failing`;
        try {
            const notification = new Notification(title, {
                body: [...lines, more > 0 ? `and ${more} more` : ''].filter(Boolean).join('\n'),
                tag: `tailrace ${first.topic} ${first.id}`,
            });
            notification.onclick = () => {
                window.focus();
                notification.close();
                this.#open(first.topic);
            };
        } catch {
            // Browsers of phones show only those of a service worker.
        }
    }
}
