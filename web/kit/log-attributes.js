// SPDX-License-Identifier: MIT
// The attributes of <live-log> as properties; live-log.d.ts says what they mean.
import { hubRoot } from './hub-requests.js';

/** @import { Level } from './live-log.js' */

const LAST = 200;
const LAST_MAX = 10_000;
const MAX_LINES = 20_000;
const MAX_LINES_MAX = 1_000_000;

/** @typedef {'absolute' | 'relative' | 'arrival' | 'none'} TimeMode */

/** @type {readonly string[]} */
const TIME_MODES = ['absolute', 'relative', 'arrival', 'none'];

/**
 * <live-log> has a property `matches` in place of the method, and a focus() of its own.
 * @typedef {Omit<HTMLElement, 'matches' | 'focus'> & { focus(options?: FocusOptions): void }} Base
 */

// Where there is no page the module can be loaded all the same.
const BaseElement = /** @type {{ new (): Base }} */ (globalThis.HTMLElement ?? class {});

export class LogAttributes extends BaseElement {
    static observedAttributes =
        'hub topic key last time utc wrap whole levels max-lines label'.split(' ');

    get hub() {
        return this.getAttribute('hub') ?? '';
    }
    set hub(value) {
        this.#reflect('hub', value);
    }

    get topics() {
        const lines = (this.getAttribute('topic') ?? '').split('\n');
        return lines.map((topic) => topic.trim()).filter(Boolean);
    }
    set topics(value) {
        this.#reflect('topic', [...value].join('\n'));
    }

    get last() {
        return positive(this.getAttribute('last'), LAST, LAST_MAX);
    }
    set last(value) {
        this.#reflect('last', value);
    }

    get maxLines() {
        return positive(this.getAttribute('max-lines'), MAX_LINES, MAX_LINES_MAX);
    }
    set maxLines(value) {
        this.#reflect('max-lines', value);
    }

    /** @returns {TimeMode} */
    get timeMode() {
        const value = this.getAttribute('time') ?? '';
        return TIME_MODES.includes(value) ? /** @type {TimeMode} */ (value) : 'absolute';
    }
    set timeMode(value) {
        this.#reflect('time', value);
    }

    get utc() {
        return this.hasAttribute('utc');
    }
    set utc(value) {
        this.toggleAttribute('utc', Boolean(value));
    }

    get wrap() {
        return this.hasAttribute('wrap');
    }
    set wrap(value) {
        this.toggleAttribute('wrap', Boolean(value));
    }

    get whole() {
        return this.hasAttribute('whole');
    }
    set whole(value) {
        this.toggleAttribute('whole', Boolean(value));
    }

    /**
     * @param {string} name
     * @param {string | number | null | undefined} value
     */
    #reflect(name, value) {
        if (value === null || value === undefined || value === '') this.removeAttribute(name);
        else this.setAttribute(name, String(value));
    }
}

/**
 * @param {string | null} text
 * @param {number} otherwise
 * @param {number} most
 */
function positive(text, otherwise, most) {
    const n = Number(text);
    return text !== null && Number.isInteger(n) && n > 0 ? Math.min(n, most) : otherwise;
}

/**
 * The same as an element like any other.
 * @param {LogAttributes} log
 */
export function elementOf(log) {
    return /** @type {HTMLElement} */ (/** @type {unknown} */ (log));
}

/**
 * The address of its hub.
 * @param {LogAttributes} log
 */
export function hubRootOf(log) {
    return hubRoot(log.hub || undefined);
}

/**
 * The levels that are shown; null for all.
 * @param {LogAttributes} log
 */
export function levelsOf(log) {
    const names = log.getAttribute('levels')?.split(/[\s,]+/);
    return names ? /** @type {Level[]} */ (names.filter(Boolean)) : null;
}

/**
 * Sets properties again that were set before the element was defined.
 * @param {LogAttributes} log
 * @param {string[]} names
 */
export function upgradeProperties(log, names) {
    const own = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (log));
    for (const name of names) {
        if (!Object.hasOwn(log, name)) continue;
        const value = own[name];
        delete own[name];
        own[name] = value;
    }
}
