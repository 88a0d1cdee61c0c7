// SPDX-License-Identifier: MIT
// The status board: how everything is, in a sentence; how many of which kind, to choose from; the
// cards (kit/live-status.js); and the same without anything around it for a big screen on a wall.
// While it is open, the page's title and icon say how everything is as well, and the browser tells
// what turns bad when it was asked to (board-notices.js).
//
// What tests may hold on to: .board-banner [data-kind], .board-kind [data-kind] [aria-pressed],
// #board-search, #board-view, #board-notify, #board-big, .board-leave, live-status; the root has
// [data-big] on a big screen.
import { CLASS_TEXT, CLASSES, headline } from '../kit/live-status.js';
import { icon as sign, iconAddress } from '../kit/status-icons.js';
import { connect } from '../kit/tailrace.js';
import { el, setText } from '../kit/dom.js';
import { Notices } from './board-notices.js';
import { icon } from './icons.js';
import { Popup } from './popup.js';
import { preference, setPreference } from './preferences.js';
import { isPattern } from './session.js';

/** @import { Class, LiveStatus, LiveStatusEventMap, Summary } from '../kit/live-status.js' */
/** @import { Session } from './session.js' */

/** @typedef {[value: string, text: string]} Choice */

const ALL = 'status/**';
/** @type {Choice[]} */
const STALE_CHOICES = [
    ['none', 'as each says'],
    ['1m', '1 minute'],
    ['5m', '5 minutes'],
    ['30m', '30 minutes'],
    ['6h', '6 hours'],
    ['2d', '2 days'],
];
/** @type {Choice[]} */
const SORTS = [
    ['worst', 'worst first'],
    ['name', 'by name'],
    ['newest', 'last changed first'],
];
/** @type {Choice[]} */
const GROUPS = [
    ['auto', 'by prefix'],
    ['none', 'none'],
];
// What a big screen has its own of, and what the board begins with.
const ORDERED = Object.entries({ sort: 'worst', group: 'auto' });
/** @type {Choice[]} */
const LAYOUTS = [
    ['cards', 'cards'],
    ['list', 'a list'],
];

/** @typedef {Class | 'none'} Shown what the board shows by its colour */

// On a browser's tab, light or dark.
/** @type {Partial<Record<Shown, string>>} */
const TAB_COLOURS = {
    bad: '#e5304a',
    warn: '#e08a00',
    stale: '#8a8d98',
    busy: '#2f7df6',
    wait: '#8a8d98',
    other: '#8a8d98',
    good: '#1f9d5b',
};
/** @type {Partial<Record<Shown, string>>} */
const TAB_SIGNS = { bad: '✖', warn: '▲', stale: '?', good: '✔' };

const BIG_SIZES_PX = [44, 40, 36, 32, 29, 26, 24, 22, 20, 18, 17, 16, 15, 14, 13, 12];
const LEAVE_SHOWN_MS = 2500;

export class Board {
    #root;
    #session;
    /** @type {LiveStatus | null} */
    #status = null; // while the board is open
    #bannerSign = el('span', { class: 'board-sign', 'aria-hidden': 'true' });
    #bannerText = el('h1', { class: 'board-text' });
    #bannerNames = el('span', { class: 'board-names' });
    #banner = el(
        'div',
        { class: 'board-banner', role: 'status' },
        this.#bannerSign,
        this.#bannerText,
        this.#bannerNames,
    );
    #kinds = el('div', { class: 'board-kinds', role: 'group', 'aria-label': 'Show only' });
    /** @type {Set<Class>} */
    #chosen = new Set();
    #search;
    #place = el('div', { class: 'board-place' });
    #head;
    #big; // whether the board is alone on the screen
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #leaveTimer;
    /** @type {WakeLockSentinel | null} */
    #wakeLock = null;
    /** @type {HTMLLinkElement | null} */
    #icon = document.querySelector('link[rel~="icon"]');
    #iconBefore = this.#icon?.href ?? '';
    #sizes;
    #forgetKey = () => {};
    #notices = new Notices((topic) => this.#goTo(topic));

    /**
     * A board that is asked for by ?big=1 begins as a big one.
     * @param {HTMLElement} root
     * @param {Session} session
     */
    constructor(root, session) {
        this.#root = root;
        this.#session = session;
        this.#big = isOn('big');
        root.classList.add('board');
        this.#search = el('input', {
            type: 'search',
            id: 'board-search',
            placeholder: 'Search',
            title: 'Search names, words and details (key /)',
            autocomplete: 'off',
            spellcheck: 'false',
            'aria-label': 'Search statuses',
            oninput: () => this.#filter(),
        });
        this.#head = this.#buildHead();
        this.#sizes = new ResizeObserver(() => this.#fit());
    }

    /**
     * @param {{ topic?: string }} [options] a status to open, or a pattern to narrow the board to
     */
    open({ topic = ALL } = {}) {
        this.close();
        const pattern = isPattern(topic);
        const isOther = !pattern && !topic.startsWith('status/');
        const status = el('live-status', {
            topic: pattern || isOther ? topic : ALL,
            stale: preference('board.stale', 'none'),
            ...Object.fromEntries(
                ORDERED.map(([name, otherwise]) => [name, preference(`board.${name}`, otherwise)]),
            ),
            layout: preference('board.layout', 'cards'),
        });
        status.connector = (options) =>
            connect({
                ...options,
                url: this.#session.hubRoot,
                key: this.#session.key || undefined,
            });
        status.addEventListener('live-worst', () => this.#show());
        status.addEventListener('live-state', () => this.#show());
        status.addEventListener('live-failing', (event) => {
            const { detail } = /** @type {LiveStatusEventMap['live-failing']} */ (event);
            this.#notices.add(detail.statuses);
        });
        if (!pattern) status.open(topic);
        this.#status = status;
        this.#search.value = '';
        this.#chosen.clear();
        this.#place.replaceChildren(status);
        this.#root.replaceChildren(this.#head, this.#kinds, this.#place, this.#leave);
        this.#forgetKey = this.#session.onKeyChange(() => this.#status?.connect());
        document.addEventListener('keydown', this.#key);
        document.addEventListener('fullscreenchange', this.#fullscreen);
        this.#sizes.observe(this.#root);
        this.#show();
        if (this.#big) this.#enterBig();
    }

    close() {
        if (!this.#status) return;
        if (this.#root.hasAttribute('data-big')) this.#leaveBig();
        this.#forgetKey();
        this.#notices.close();
        document.removeEventListener('keydown', this.#key);
        document.removeEventListener('fullscreenchange', this.#fullscreen);
        this.#sizes.disconnect();
        this.#root.replaceChildren();
        this.#status = null;
        if (this.#icon) this.#icon.href = this.#iconBefore;
        document.title = 'tailrace';
    }

    #buildHead() {
        const view = el(
            'button',
            {
                type: 'button',
                class: 'tool',
                id: 'board-view',
                title: 'Order, groups, layout, when a status is stale',
            },
            icon('sliders'),
            el('span', {}, 'View'),
        );
        const big = el(
            'button',
            {
                type: 'button',
                class: 'tool',
                id: 'board-big',
                title: 'Big screen: only the board (key b; Escape leaves)',
                'aria-label': 'Big screen',
                onclick: () => this.#enterBig(true),
            },
            icon('screen'),
        );
        const tools = el(
            'div',
            { class: 'board-tools' },
            this.#search,
            el('span', { class: 'board-menu' }, view),
            this.#notices.button,
            big,
        );
        new Popup(view, {
            label: 'How statuses are shown',
            className: 'board-options',
            build: (panel) => this.#buildView(panel),
        });
        return el('header', { class: 'board-head' }, this.#banner, tools);
    }

    #leave = el(
        'button',
        { type: 'button', class: 'board-leave', onclick: () => this.#leaveBig() },
        'Leave the big screen (Esc)',
    );

    /** @param {HTMLElement} panel */
    #buildView(panel) {
        /**
         * @param {string} label
         * @param {string} name
         * @param {Choice[]} choices
         */
        const choice = (label, name, choices) =>
            el(
                'label',
                { class: 'board-option' },
                el('span', {}, label),
                el(
                    'select',
                    {
                        name,
                        onchange: ({ target }) => {
                            const { value } = /** @type {HTMLSelectElement} */ (target);
                            setPreference(`board.${name}`, value);
                            this.#status?.setAttribute(name, value);
                        },
                    },
                    ...choices.map(([value, text]) =>
                        el(
                            'option',
                            { value, selected: this.#status?.getAttribute(name) === value },
                            text,
                        ),
                    ),
                ),
            );
        panel.append(
            choice('Order', 'sort', SORTS),
            choice('Groups', 'group', GROUPS),
            choice('Layout', 'layout', LAYOUTS),
            choice('Stale after', 'stale', STALE_CHOICES),
        );
    }

    // How all is.

    #show() {
        if (!this.#status) return;
        const { summary, state } = this.#status;
        const { kind, counts, total, names } = summary;
        const lost = ['reconnecting', 'offline', 'refused'].includes(state);
        const bad = kind === 'bad' || kind === 'warn' || kind === 'stale' ? kind : null;
        const shown = kind ?? 'none';
        this.#banner.dataset.kind = shown;
        this.#banner.toggleAttribute('data-old', lost);
        if (this.#bannerSign.dataset.kind !== shown) {
            this.#bannerSign.dataset.kind = shown;
            this.#bannerSign.replaceChildren(kind ? sign(kind) : '');
        }
        // Without statuses the element says how to publish one.
        const text = total ? headline(summary) : 'Statuses';
        setText(this.#bannerText, text);
        const named = bad ? names : [];
        const count = kind ? counts[kind] : 0;
        const known = `${named.join('\n')}${count}`;
        if (this.#bannerNames.dataset.names !== known) {
            this.#bannerNames.dataset.names = known;
            this.#bannerNames.replaceChildren(...this.#nameList(named, count));
        }
        this.#showKinds(counts, total);
        this.#showTab(lost ? 'stale' : shown, lost ? 'Not connected' : text);
        this.#fit();
    }

    /**
     * @param {string[]} topics
     * @param {number} count
     * @returns {(Node | string)[]}
     */
    #nameList(topics, count) {
        const links = topics.flatMap((topic, i) => [
            i ? ', ' : '',
            el(
                'button',
                {
                    type: 'button',
                    class: 'board-name',
                    title: topic,
                    onclick: () => this.#goTo(topic),
                },
                topic.replace(/^status\//, ''),
            ),
        ]);
        const more = count - topics.length;
        return topics.length && more > 0
            ? [...links, ` and ${more.toLocaleString('en')} more`]
            : links;
    }

    /** @param {string} topic */
    #goTo(topic) {
        this.#search.value = '';
        this.#chosen.clear();
        this.#filter();
        this.#show();
        this.#status?.open(topic);
    }

    /**
     * @param {Summary['counts']} counts
     * @param {number} total
     */
    #showKinds(counts, total) {
        for (const kind of this.#chosen) if (!counts[kind]) this.#chosen.delete(kind);
        const there = CLASSES.filter((kind) => counts[kind] > 0);
        const shown = JSON.stringify([
            there.map((kind) => [kind, counts[kind]]),
            [...this.#chosen],
        ]);
        this.#kinds.hidden = there.length < 2 || total < 2;
        if (this.#kinds.dataset.shown === shown) return;
        const active = document.activeElement;
        const focused = this.#kinds.contains(active) ? active?.getAttribute('data-kind') : null;
        this.#kinds.dataset.shown = shown;
        this.#kinds.replaceChildren(
            ...there.map((kind) =>
                el(
                    'button',
                    {
                        type: 'button',
                        class: 'board-kind',
                        'data-kind': kind,
                        'aria-pressed': String(this.#chosen.has(kind)),
                        title: `Show only what is ${CLASS_TEXT[kind]}`,
                        onclick: () => this.#choose(kind),
                    },
                    sign(kind),
                    el('b', {}, counts[kind].toLocaleString('en')),
                    ` ${CLASS_TEXT[kind]}`,
                ),
            ),
        );
        /** @type {HTMLElement | null} */
        const again = focused ? this.#kinds.querySelector(`[data-kind="${focused}"]`) : null;
        again?.focus();
        this.#filter();
    }

    /** @param {Class} kind */
    #choose(kind) {
        if (!this.#chosen.delete(kind)) this.#chosen.add(kind);
        this.#filter();
        this.#show();
    }

    #filter() {
        if (!this.#status) return;
        const filter = {
            text: this.#search.value,
            kinds: this.#chosen.size ? new Set(this.#chosen) : null,
        };
        const before = this.#status.filter;
        const same =
            (before.text ?? '') === filter.text.trim() &&
            [...(before.kinds ?? [])].join() === [...(filter.kinds ?? [])].join();
        if (!same) this.#status.filter = filter;
    }

    /**
     * @param {Shown} kind
     * @param {string} text
     */
    #showTab(kind, text) {
        const title = [TAB_SIGNS[kind], text].filter(Boolean).join(' ');
        if (document.title !== `${title} · tailrace`) document.title = `${title} · tailrace`;
        const colour = TAB_COLOURS[kind];
        const href = kind !== 'none' && colour ? iconAddress(kind, colour) : this.#iconBefore;
        if (this.#icon && this.#icon.href !== href) this.#icon.href = href;
    }

    #key = (/** @type {KeyboardEvent} */ event) => {
        if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
        const [target] = event.composedPath();
        const typing = target instanceof Element && target.closest('input, textarea, select');
        if (event.key === 'Escape') {
            if (target === this.#search && this.#search.value) {
                this.#search.value = '';
                this.#filter();
            } else if (this.#root.hasAttribute('data-big')) {
                this.#leaveBig();
            } else {
                return;
            }
        } else if (event.key === '/' && !typing) {
            this.#search.focus();
        } else if (event.key === 'b' && !typing) {
            if (this.#root.hasAttribute('data-big')) this.#leaveBig();
            else this.#enterBig(true);
        } else {
            return;
        }
        event.preventDefault();
    };

    // The big screen. Full screen needs a reader's gesture; without one the board fills the window.

    #enterBig(byReader = false) {
        this.#big = true;
        // What fails is at the top, where everybody sees it: nobody scrolls on a wall.
        this.#status?.setAttribute('group', 'none');
        this.#status?.setAttribute('sort', 'worst');
        this.#root.setAttribute('data-big', '');
        setAddress(true);
        this.#root.addEventListener('pointermove', this.#moved);
        if (byReader) this.#root.requestFullscreen?.({ navigationUI: 'hide' }).catch(() => {});
        this.#stayAwake();
        this.#fit();
    }

    #leaveBig() {
        this.#big = false;
        for (const [name, otherwise] of ORDERED)
            this.#status?.setAttribute(name, preference(`board.${name}`, otherwise));
        this.#root.removeAttribute('data-big');
        this.#root.removeAttribute('data-pointer');
        this.#root.removeEventListener('pointermove', this.#moved);
        clearTimeout(this.#leaveTimer);
        setAddress(false);
        if (document.fullscreenElement === this.#root) document.exitFullscreen().catch(() => {});
        this.#wakeLock?.release().catch(() => {});
        this.#wakeLock = null;
        this.#fit();
    }

    // Escape of the browser's own leaves full screen without a keydown.
    #fullscreen = () => {
        if (!document.fullscreenElement && this.#root.hasAttribute('data-big')) this.#leaveBig();
    };

    #moved = () => {
        this.#root.setAttribute('data-pointer', '');
        clearTimeout(this.#leaveTimer);
        this.#leaveTimer = setTimeout(
            () => this.#root.removeAttribute('data-pointer'),
            LEAVE_SHOWN_MS,
        );
    };

    async #stayAwake() {
        try {
            this.#wakeLock ??= (await navigator.wakeLock?.request('screen')) ?? null;
        } catch {
            // The screen may go dark: not this page's to decide.
        }
    }

    // The biggest type with which everything still fits.
    #fit() {
        const { style } = this.#root;
        if (!this.#root.hasAttribute('data-big')) {
            style.removeProperty('font-size');
            return;
        }
        let from = 0;
        let to = BIG_SIZES_PX.length - 1;
        while (from < to) {
            const middle = (from + to) >> 1;
            style.fontSize = `${BIG_SIZES_PX[middle]}px`;
            if (this.#root.scrollHeight <= this.#root.clientHeight + 1) to = middle;
            else from = middle + 1;
        }
        style.fontSize = `${BIG_SIZES_PX[from]}px`;
    }
}

/** @param {string} name */
function isOn(name) {
    return ['', '1', 'true', 'yes'].includes(new URL(location.href).searchParams.get(name) ?? '0');
}

/**
 * ?big=1 in the address is a big screen that can be bookmarked.
 * @param {boolean} big
 */
function setAddress(big) {
    const address = new URL(location.href);
    if (isOn('big') === big) return;
    if (big) address.searchParams.set('big', '1');
    else address.searchParams.delete('big');
    history.replaceState(history.state, '', address);
}
