// SPDX-License-Identifier: MIT
// The keys of a log that has the focus; the list is in live-log.d.ts.

/** @import { LiveLog } from './live-log.js' */
/** @import { LogRows } from './log-rows.js' */

/**
 * What keys act on.
 * @typedef {object} Actions
 * @property {LiveLog & { toStart(): void }} log
 * @property {Pick<LogRows, 'page'>} rows
 * @property {(step: 1 | -1) => void} move
 * @property {() => void} open
 * @property {() => void} all
 */

/**
 * @param {KeyboardEvent} event
 * @param {Actions} does
 */
export function handleKey(event, does) {
    if (event.defaultPrevented || event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === 'a' && !event.shiftKey) {
        does.all();
        event.preventDefault();
        return;
    }
    if (command) return;
    // Buttons in rows have their own Enter and Space.
    const onButton = event.target instanceof Element && event.target.closest('button');
    if (onButton && (event.key === 'Enter' || event.key === ' ')) return;
    const key = event.key === ' ' ? 'Space' : event.key;
    const shifted = event.shiftKey && ['Space', 'Home', 'End'].includes(key);
    const action = KEYS[shifted ? `Shift+${key}` : key];
    if (!action || action(does) === false) return;
    event.preventDefault();
}

/** @type {Record<string, (does: Actions) => unknown>} */
const KEYS = {
    ArrowUp: ({ move }) => move(-1),
    ArrowDown: ({ move }) => move(1),
    k: ({ move }) => move(-1),
    j: ({ move }) => move(1),
    PageUp: ({ rows }) => rows.page(-1),
    PageDown: ({ rows }) => rows.page(1),
    Space: ({ rows }) => rows.page(1),
    'Shift+Space': ({ rows }) => rows.page(-1),
    Home: ({ log }) => log.toStart(),
    End: ({ log }) => log.toEnd(),
    Enter: ({ open }) => open(),
    Escape: ({ log }) => (log.selectedLine ? log.select(null) : false),
    n: ({ log }) => log.next(),
    N: ({ log }) => log.previous(),
    p: ({ log }) => {
        log.paused = !log.paused;
    },
    w: ({ log }) => {
        log.wrap = !log.wrap;
    },
};
