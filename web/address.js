// SPDX-License-Identifier: MIT
// What the page shows, and the address that shows it again: an address can be shared, kept, and
// returned to.
//
//   /                                         the start: statuses if there are any, else logs
//   /?view=board                              the board
//   /t/TOPIC                                  one topic: in the viewer, or on the board (a status)
//   /?view=logs&log=A&log=B/**[&split=1]      several, merged or side by side
//   &q=TEXT[&regex=1][&case=1][&invert=1]     the filter; &level=error,warn
//   &find=TEXT[&find-regex=1][&find-case=1]   what is looked for
//   &from=15m[&to=03:12]                      only lines of this time (moments.js)
//   &columns=status,path                      fields of JSON lines as columns
//   &line=ID                                  one line
import { isPattern, isStatus } from './session.js';

/** @typedef {{ text: string, regex: boolean, caseSensitive: boolean }} Find */

/** @typedef {Find & { invert: boolean, levels: Set<string> | null }} Filter levels null: all */

/** @typedef {{ from: string, to: string }} Range moments as they were typed; '' for none */

/** @typedef {'board' | 'logs'} View */

/**
 * What the page shows.
 * @typedef {object} ViewState
 * @property {View | null} view null: as it suits
 * @property {string[]} topics names and patterns
 * @property {boolean} split side by side
 * @property {Filter} filter
 * @property {Find} find
 * @property {Range} range
 * @property {string[]} columns
 * @property {string | null} line id of the selected line
 */

const COUNT_MAX = 100; // topics of one subscription

/** @returns {ViewState} */
export function emptyState() {
    return {
        view: null,
        topics: [],
        split: false,
        filter: { text: '', regex: false, caseSensitive: false, invert: false, levels: null },
        find: { text: '', regex: false, caseSensitive: false },
        range: { from: '', to: '' },
        columns: [],
        line: null,
    };
}

/** @param {string | null} text */
function list(text) {
    return (text ?? '')
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean);
}

/**
 * @param {string} href
 * @param {URL} root of the hub
 */
export function readAddress(href, root) {
    const state = emptyState();
    const { pathname, searchParams } = new URL(href);
    const on = (/** @type {string} */ name) =>
        ['', '1', 'true', 'yes'].includes(searchParams.get(name) ?? '0');
    const path = pathname.startsWith(root.pathname) ? pathname.slice(root.pathname.length) : '';
    if (path === 'events') state.topics = searchParams.getAll('topic');
    else if (path.startsWith('t/')) state.topics = [decoded(path.slice(2))];
    else state.topics = searchParams.getAll('log');
    state.topics = [...new Set(state.topics.filter(Boolean))].slice(0, COUNT_MAX);
    const view = searchParams.get('view');
    if (view === 'board' || view === 'logs') state.view = view;
    else if (state.topics.length) state.view = state.topics.every(isStatus) ? 'board' : 'logs';
    state.split = on('split') && state.topics.length > 1;
    const levels = list(searchParams.get('level'));
    state.filter = {
        text: searchParams.get('q') ?? '',
        regex: on('regex'),
        caseSensitive: on('case'),
        invert: on('invert'),
        levels: levels.length ? new Set(levels) : null,
    };
    state.find = {
        text: searchParams.get('find') ?? '',
        regex: on('find-regex'),
        caseSensitive: on('find-case'),
    };
    state.range = { from: searchParams.get('from') ?? '', to: searchParams.get('to') ?? '' };
    state.columns = list(searchParams.get('columns'));
    state.line = searchParams.get('line');
    return state;
}

/** @param {string} text */
function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return ''; // not UTF-8: the hub knows no such topic
    }
}

/**
 * @param {ViewState} state
 * @param {URL} root of the hub
 */
export function addressOf(state, root) {
    const { view, topics, filter, find } = state;
    const own =
        topics.length === 1 && !isPattern(topics[0]) && (view === 'board') === isStatus(topics[0]);
    const url = new URL(
        own ? `t/${topics[0].split('/').map(encodeURIComponent).join('/')}` : '.',
        root,
    );
    /**
     * @param {string} name
     * @param {string | boolean | null} value
     */
    const set = (name, value) => {
        if (value) url.searchParams.append(name, value === true ? '1' : value);
    };
    if (!own) {
        set('view', view);
        for (const topic of topics) set('log', topic);
    }
    if (view !== 'logs') return url;
    set('split', state.split);
    set('q', filter.text);
    set('regex', filter.text && filter.regex);
    set('case', filter.text && filter.caseSensitive);
    set('invert', filter.text && filter.invert);
    set('level', filter.levels && [...filter.levels].join(','));
    set('find', find.text);
    set('find-regex', find.text && find.regex);
    set('find-case', find.text && find.caseSensitive);
    set('from', state.range.from);
    set('to', state.range.to);
    set('columns', state.columns.join(','));
    set('line', state.line);
    return url;
}
