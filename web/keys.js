// SPDX-License-Identifier: MIT
// Every key of the page, once: what app.js acts on is what the help shows.

/** @typedef {[key: string, action: string, text: string]} Key */

/** @type {[group: string, keys: Key[]][]} */
export const KEYS = [
    [
        'Everywhere',
        [
            ['1', 'board', 'Status board'],
            ['2', 'logs', 'Logs'],
            ['?', 'help', 'This list'],
            ['Escape', 'escape', 'Close what is open; back to the lines'],
        ],
    ],
    [
        'On the board',
        [
            ['/', 'boardSearch', 'Search the statuses'],
            ['b', 'boardBig', 'Big screen, for a wall; Esc leaves it'],
        ],
    ],
    [
        'Reading a log',
        [
            ['o', 'pick', 'Open a topic (type to search, Enter opens)'],
            ['[', 'previousTopic', 'The topic above in the list'],
            [']', 'nextTopic', 'The topic below in the list'],
            ['g', 'top', 'To the oldest line that is stored'],
            ['G', 'end', 'To the newest line, and follow'],
            ['p', 'pause', 'Pause, go on'],
            ['b', 'side', 'Show or hide the list of topics'],
        ],
    ],
    [
        'Finding lines',
        [
            ['/', 'find', 'Find in the lines (Enter next, Shift+Enter previous)'],
            ['n', 'next', 'Next match'],
            ['N', 'previous', 'Previous match'],
            ['s', 'search', 'Search everything that is stored'],
            ['f', 'filter', 'Filter: only lines that match'],
            ['i', 'invert', 'Filter: only lines that do not match'],
            ['e', 'errors', 'Only warnings and errors; all again'],
            ['r', 'range', 'A range of time, or go to a time'],
            ['h', 'histogram', 'Lines and errors over time'],
        ],
    ],
    [
        'Looks and taking along',
        [
            ['t', 'times', 'Times: clock, ago, none'],
            ['u', 'utc', 'UTC or local time'],
            ['w', 'wrap', 'Wrap long lines'],
            ['x', 'whole', 'JSON and long lines: folded or whole'],
            ['m', 'split', 'Several topics: merged or side by side'],
            ['y', 'copy', 'Copy the lines that are shown'],
            ['l', 'link', 'Copy a link to the selected line and this view'],
            ['d', 'download', 'Download'],
        ],
    ],
];

/** @type {Map<string, string>} */
const ACTIONS = new Map();
for (const [key, action] of KEYS.flatMap(([, keys]) => keys)) ACTIONS.set(key, action);

/** @param {string} key */
export function keyName(key) {
    if (key === ' ') return 'Space';
    return key === 'Escape' ? 'Esc' : key;
}

/**
 * The action that a keydown asks for. Null for none: while somebody types, or with Ctrl, Alt or
 * Meta.
 * @param {KeyboardEvent} event
 */
export function actionOf(event) {
    if (
        event.defaultPrevented ||
        event.ctrlKey ||
        event.altKey ||
        event.metaKey ||
        event.isComposing
    )
        return null;
    const action = ACTIONS.get(event.key) ?? null;
    const target = event.composedPath()[0];
    if (
        target instanceof Element &&
        target.closest('input, textarea, select, [contenteditable]') &&
        !['checkbox', 'radio'].includes(target.getAttribute('type') ?? '')
    )
        return event.key === 'Escape' ? action : null;
    if (
        event.key === ' ' &&
        target instanceof Element &&
        target.closest('button, a, input, summary')
    )
        return null;
    return action;
}
