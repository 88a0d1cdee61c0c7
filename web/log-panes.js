// SPDX-License-Identifier: MIT
// Where the lines are: one <live-log> for all topics, or one for each side by side. All have the
// same filter, search and looks.
import '../kit/live-log.js';
import { tagColor } from '../kit/log-time.js';
import { el } from '../kit/dom.js';
import { icon } from './icons.js';
import { rangeOf } from './log-times.js';

/** @import { Level, LiveLog, LogFilter } from '../kit/live-log.js' */
/** @import { Filter, Find, Range } from './address.js' */
/** @import { Session } from './session.js' */

/**
 * @typedef {object} Looks
 * @property {'absolute' | 'relative' | 'arrival' | 'none'} time
 * @property {boolean} utc
 * @property {boolean} wrap
 * @property {boolean} whole nothing is folded
 */

/** @typedef {{ filter: Filter, range: Range, find: Find, columns: string[] } & Looks} Settings */

/**
 * @typedef {object} PanesListener
 * @property {(event: CustomEvent, log: LiveLog) => void} event what the elements tell
 * @property {() => void} activated another pane is the active one
 * @property {(topic: string) => void} leave a pane is to be closed
 */

export const SPLIT_MAX = 6;

/**
 * The filter for the element, which calls lines without a level ''.
 * @param {Filter} filter
 * @param {{ from?: number, to?: number }} moments
 * @returns {LogFilter | null}
 */
function elementFilter({ levels, ...filter }, moments) {
    const { from, to } = moments;
    if (!filter.text && !levels && from === undefined && to === undefined) return null;
    return {
        ...filter,
        ...moments,
        levels:
            levels &&
            new Set(
                [...levels].map((name) => /** @type {Level | ''} */ (name === 'none' ? '' : name)),
            ),
    };
}

export class LogPanes {
    #root;
    #session;
    #on;
    /** @type {LiveLog[]} */
    #panes = []; // in the order of their topics
    /** @type {LiveLog | null} */
    #active = null;

    /** @param {{ root: HTMLElement, session: Session, on: PanesListener }} options */
    constructor({ root, session, on }) {
        this.#root = root;
        this.#session = session;
        this.#on = on;
        root.addEventListener('focusin', (event) => this.#activate(logOf(event)));
        root.addEventListener('pointerdown', (event) => this.#activate(logOf(event)));
        for (const name of [
            'live-state',
            'live-lines',
            'live-match',
            'live-follow',
            'live-select',
            'live-columns',
            'live-pattern',
        ]) {
            root.addEventListener(name, (event) => {
                const log = logOf(event);
                if (log) this.#on.event(/** @type {CustomEvent} */ (event), log);
            });
        }
    }

    // The one that find, copy and the keys act on: where the reader was last.
    get active() {
        return this.#active;
    }

    get all() {
        return this.#panes;
    }

    /**
     * The pane that shows a topic, or the first.
     * @param {string} topic
     */
    paneOf(topic) {
        return this.#panes.find((pane) => pane.topics.includes(topic)) ?? this.#panes[0];
    }

    /**
     * @param {string[]} topics none: everything is taken down, with its connections
     * @param {{ split: boolean, settings: Partial<Settings> }} options
     */
    show(topics, { split, settings }) {
        this.#root.replaceChildren();
        this.#panes = [];
        const sets =
            topics.length === 0
                ? []
                : split
                  ? topics.slice(0, SPLIT_MAX).map((topic) => [topic])
                  : [topics];
        this.#root.dataset.count = String(sets.length);
        for (const set of sets) {
            const log = document.createElement('live-log');
            log.hub = this.#session.hubRoot.href;
            log.key = this.#session.key || null;
            log.topics = set;
            log.setAttribute('label', `Lines of ${set.join(', ')}`);
            this.#apply(log, settings);
            this.#panes.push(log);
            this.#root.append(
                el(
                    'section',
                    { class: 'pane', 'aria-label': set.join(', ') },
                    sets.length > 1 ? this.#head(set[0]) : null,
                    log,
                ),
            );
        }
        this.#active = this.#panes[0] ?? null;
    }

    /** @param {Partial<Settings>} settings */
    apply(settings) {
        for (const log of this.#panes) this.#apply(log, settings);
    }

    /**
     * @param {LiveLog} log
     * @param {Partial<Settings>} settings
     */
    #apply(log, { filter, range, find, columns, time, utc, wrap, whole }) {
        if (filter && range) log.filter = elementFilter(filter, rangeOf(range, utc ?? log.utc));
        if (find) log.query = find.text ? find : null;
        if (columns && columns.join() !== log.columns.join()) log.columns = columns;
        if (time !== undefined) log.timeMode = time;
        if (utc !== undefined) log.utc = utc;
        if (wrap !== undefined) log.wrap = wrap;
        if (whole !== undefined) log.whole = whole;
    }

    /** @param {string} topic */
    #head(topic) {
        const head = el(
            'header',
            { class: 'pane-head', title: topic },
            el('span', { class: 'topic-dot' }),
            el('span', { class: 'pane-name' }, topic),
            el(
                'button',
                {
                    type: 'button',
                    class: 'tool',
                    title: `Take ${topic} out of what is shown`,
                    'aria-label': `Take ${topic} out of what is shown`,
                    onclick: () => this.#on.leave(topic),
                },
                icon('close'),
            ),
        );
        head.style.setProperty('--tag-light', tagColor(topic, false));
        head.style.setProperty('--tag-dark', tagColor(topic, true));
        return head;
    }

    /** @param {LiveLog | null} log */
    #activate(log) {
        if (!log || log === this.#active) return;
        this.#active = log;
        this.#on.activated();
    }
}

/**
 * The log that an event happened in.
 * @param {Event} event
 */
function logOf({ target }) {
    return target instanceof Element ? target.closest('live-log') : null;
}
