// SPDX-License-Identifier: MIT
// The page: its head, its address, the key, and which of its two views is open.
import { addressOf, emptyState, readAddress } from './address.js';
import { Board } from './board.js';
import { Connection } from './connection.js';
import { el, setText } from '../kit/dom.js';
import { Help } from './help.js';
import { icon } from './icons.js';
import { actionOf } from './keys.js';
import { PublishBox } from './publish.js';
import { compareTopics, HubError, isLog, isStatus, Session } from './session.js';
import { setTheme, theme, THEMES } from './theme.js';
import { Viewer } from './viewer.js';

/** @import { View, ViewState } from './address.js' */
/** @import { LiveDetail, LiveState } from '../kit/tailrace.js' */
/** @import { Topic } from './session.js' */

/**
 * An element of index.html.
 * @template {HTMLElement} E
 * @param {string} id
 * @param {{ new (): E }} type
 */
function part(id, type) {
    const found = document.getElementById(id);
    if (found instanceof type) return found;
    throw new Error(`the page has no ${type.name} #${id}`);
}

const PARTS = {
    home: part('home', HTMLAnchorElement),
    board: part('board', HTMLElement),
    viewer: part('viewer', HTMLElement),
    notice: part('notice', HTMLElement),
    announce: part('announce', HTMLElement),
    connection: part('connection', HTMLButtonElement),
    publish: part('publish', HTMLButtonElement),
    theme: part('theme', HTMLButtonElement),
    help: part('help', HTMLButtonElement),
};

/** @type {{ view: View, tab: HTMLAnchorElement, is: (topic: string) => boolean }[]} */
const TABS = [
    { view: 'board', tab: part('tab-board', HTMLAnchorElement), is: isStatus },
    { view: 'logs', tab: part('tab-logs', HTMLAnchorElement), is: isLog },
];

const MANY = 1000;

// A relative address in the head would mean another file as soon as the page's address changes.
/** @type {HTMLLinkElement | null} */
const favicon = document.querySelector('link[rel="icon"]');
if (favicon) favicon.href = new URL(favicon.href).href;

const session = new Session();
const help = new Help();
const connection = new Connection({
    button: PARTS.connection,
    roots: [PARTS.board, PARTS.viewer],
    say,
});
let state = emptyState();
/** @type {PublishBox | null} */
let publishBox = null;
let asked = false; // for a key: what is behind it stays closed until there is one

/** @param {string} text */
function say(text) {
    setText(PARTS.announce, text);
}

// The views. Both are made once; what is closed holds no connection.

const board = new Board(PARTS.board, session);
const viewer = new Viewer(PARTS.viewer, session, {
    changed: (part, { fresh = false } = {}) => show({ ...state, ...part }, { fresh, opened: true }),
    elementsChanged: () => connection.update(),
});

/**
 * Shows a state and writes it into the address. fresh: as a step of its own, which Back undoes.
 * opened: the view already shows it.
 * @param {ViewState} next
 * @param {{ fresh?: boolean, opened?: boolean }} options
 */
function show(next, { fresh = false, opened = false } = {}) {
    const before = state;
    state = next;
    const address = addressOf(state, session.hubRoot);
    if (address.href !== location.href)
        history[fresh ? 'pushState' : 'replaceState'](null, '', address);
    PARTS.board.hidden = state.view !== 'board';
    PARTS.viewer.hidden = state.view !== 'logs';
    for (const { view, tab } of TABS) {
        if (state.view === view) tab.setAttribute('aria-current', 'page');
        else tab.removeAttribute('aria-current');
    }
    if (opened) return;
    if (state.view === 'board') {
        viewer.close();
        if (before.view !== 'board' || fresh) board.open({ topic: state.topics[0] });
    } else {
        board.close();
        document.title = 'tailrace';
        viewer.open(state);
    }
    connection.update();
}

/** @param {View} view */
function switchTo(view) {
    if (asked || state.view === view) return;
    show(view === 'logs' ? viewer.lastState : { ...emptyState(), view }, { fresh: true });
}

// What an address without a view means depends on what there is.
async function start() {
    hideNotice();
    asked = false;
    /** @type {Topic[]} */
    let topics = [];
    try {
        topics = await session.fetchTopics('**');
        session.topics = topics;
    } catch (error) {
        if (error instanceof HubError && (error.status === 401 || error.status === 403)) {
            askForKey(error.status);
            return;
        }
        // The views say what is wrong, and recover by themselves.
    }
    const wanted = readAddress(location.href, session.hubRoot);
    const some = (/** @type {(topic: string) => boolean} */ is) =>
        topics.some(({ topic }) => is(topic));
    wanted.view ??= some(isStatus) || !some(isLog) ? 'board' : 'logs';
    show(wanted, {});
    offerPublishing();
}

/** @param {number} status 401 or 403 */
function askForKey(status) {
    asked = true;
    connection.without = 'asked';
    board.close();
    viewer.close();
    PARTS.board.hidden = PARTS.viewer.hidden = true;
    connection.update();
    const field = el('input', {
        type: 'password',
        name: 'key',
        autocomplete: 'off',
        required: true,
        spellcheck: 'false',
        'aria-label': 'Access key',
        placeholder: 'Access key',
    });
    showNotice(
        el(
            'form',
            {
                class: 'key-form',
                onsubmit: (event) => {
                    event.preventDefault();
                    session.setKey(field.value.trim());
                },
            },
            el('h2', {}, 'This hub asks for a key'),
            el(
                'p',
                {},
                status === 403
                    ? 'The key in use may not see anything here.'
                    : session.key
                      ? "The key in use is not one of this hub's."
                      : 'Whoever runs it gives you one. It stays in this tab and is forgotten ' +
                        'when you close it.',
            ),
            el(
                'div',
                { class: 'key-row' },
                field,
                el('button', { type: 'submit', class: 'primary' }, 'Open'),
            ),
        ),
        'ask',
    );
    field.focus();
}

/**
 * @param {Node} content
 * @param {string} [kind]
 */
function showNotice(content, kind = '') {
    PARTS.notice.dataset.kind = kind;
    PARTS.notice.replaceChildren(content);
    PARTS.notice.hidden = false;
}

function hideNotice() {
    PARTS.notice.hidden = true;
    PARTS.notice.replaceChildren();
}

async function offerPublishing() {
    publishBox?.remove();
    publishBox = null;
    PARTS.publish.hidden = true;
    try {
        const { publish } = await session.access();
        if (!publish?.length) return;
        publishBox = new PublishBox({ session, patterns: publish });
        PARTS.publish.hidden = false;
    } catch {
        // Not known whether it may: then it is not offered.
    }
}

// The head.

function showTheme() {
    const names = { auto: 'as your system has it', light: 'light', dark: 'dark' };
    const signs = /** @type {const} */ ({ auto: 'auto', light: 'sun', dark: 'moon' });
    PARTS.theme.dataset.theme = theme();
    PARTS.theme.replaceChildren(icon(signs[theme()]));
    PARTS.theme.title = `Colours: ${names[theme()]}. Click to change.`;
    PARTS.theme.setAttribute('aria-label', `Colours: ${names[theme()]}`);
}

/** @param {Topic[]} topics */
function showCounts(topics) {
    for (const { tab, is } of TABS) {
        const count = topics.filter(({ topic }) => is(topic)).length;
        const node = tab.querySelector('.count');
        if (!node) continue;
        node.toggleAttribute('hidden', count === 0);
        setText(node, count >= MANY ? `${Math.floor(count / MANY)}k` : String(count));
    }
}

function currentTopic() {
    if (state.view === 'logs') return state.topics.find((topic) => !topic.includes('*'));
    return session.topics
        .map(({ topic }) => topic)
        .filter(isStatus)
        .sort(compareTopics)[0];
}

/** @type {Record<string, () => unknown>} */
const ACTIONS = {
    board: () => switchTo('board'),
    logs: () => switchTo('logs'),
    help: () => help.show(),
};

function buildHead() {
    PARTS.home.href = session.hubRoot.pathname;
    for (const { view, tab } of TABS) {
        tab.href = addressOf({ ...emptyState(), view }, session.hubRoot).href;
        tab.addEventListener('click', (event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
            event.preventDefault();
            switchTo(view);
        });
    }
    PARTS.publish.replaceChildren(icon('send'), el('span', {}, 'Publish'));
    PARTS.publish.title = 'Send an event to a topic';
    PARTS.publish.addEventListener('click', () => publishBox?.show(currentTopic()));
    PARTS.theme.addEventListener('click', () => {
        setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
        showTheme();
    });
    showTheme();
    PARTS.help.replaceChildren(icon('keys'));
    PARTS.help.title = 'Keys and help (?)';
    PARTS.help.setAttribute('aria-label', 'Keys and help');
    PARTS.help.addEventListener('click', () => help.show());
}

// Before the elements' own keys: the page's settings are what they act on.
document.addEventListener(
    'keydown',
    (event) => {
        if (event.target instanceof Element && event.target.closest('dialog[open], :popover-open'))
            return;
        const action = actionOf(event);
        if (!action || asked) return;
        const act = ACTIONS[action] ?? (state.view === 'logs' ? viewer.actions[action] : null);
        if (!act) return;
        if (act() === false) return; // the key has its usual meaning here
        event.preventDefault();
        event.stopPropagation();
    },
    { capture: true },
);

for (const root of [PARTS.board, PARTS.viewer]) {
    root.addEventListener('live-state', (event) => {
        /** @type {CustomEvent<{ state: LiveState, detail?: Partial<LiveDetail> }>} */
        const { detail: connected } = /** @type {CustomEvent} */ (event);
        const { status } = connected.detail ?? {};
        if (connected.state === 'refused' && status === 401 && !asked) askForKey(status);
    });
}

window.addEventListener('popstate', () => {
    if (asked) return;
    const wanted = readAddress(location.href, session.hubRoot);
    wanted.view ??= 'board';
    show(wanted, { fresh: false });
});

session.takeKey();
session.onKeyChange(start);
session.watchTopics((topics, error) => {
    showCounts(topics);
    if (!asked) connection.without = error ? 'closed' : 'idle';
});
buildHead();
start();
