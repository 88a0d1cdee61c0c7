// SPDX-License-Identifier: MIT
// The page: its head, its address, the key, and which of its two views is open. What the pieces are for is in their files.
import { addressOf, emptyState, readAddress } from './address.js';
import { Board } from './board.js';
import { Connection } from './connection.js';
import { el, setText } from '../kit/dom.js';
import { Help } from './help.js';
import { icon } from './icons.js';
import { actionOf } from './keys.js';
import { PublishBox } from './publish.js';
import { compareTopics, isLog, isStatus, Session } from './session.js';
import { setTheme, theme, THEMES } from './theme.js';
import { Viewer } from './viewer.js';

const byId = (id) => document.getElementById(id);
const MANY = 1000;

// A relative address in the head would mean another file as soon as the page's address changes.
const favicon = document.querySelector('link[rel="icon"]');
favicon.href = favicon.href;

const session = new Session();
const help = new Help();
const connection = new Connection({
    button: byId('connection'),
    roots: [byId('board'), byId('viewer')],
    say,
});
let state = emptyState();
let publishBox = null;
let asked = false; // for a key: what is behind it stays closed until there is one

function say(text) {
    setText(byId('announce'), text);
}

// The views. Both are made once; what is closed holds no connection.

const board = new Board(byId('board'), session);
const viewer = new Viewer(byId('viewer'), session, {
    changed: (part, { fresh = false } = {}) => show({ ...state, ...part }, { fresh, opened: true }),
    elementsChanged: () => connection.update(),
});

// Shows a state and writes it into the address: as a step of its own, that Back takes back, when it is `fresh`.
// opened: the view already shows it.
function show(next, { fresh = false, opened = false } = {}) {
    const before = state;
    state = next;
    const address = addressOf(state, session.hubRoot);
    if (address.href !== location.href)
        history[fresh ? 'pushState' : 'replaceState'](null, '', address);
    byId('board').hidden = state.view !== 'board';
    byId('viewer').hidden = state.view !== 'logs';
    for (const [id, view] of [
        ['tab-board', 'board'],
        ['tab-logs', 'logs'],
    ]) {
        if (state.view === view) byId(id).setAttribute('aria-current', 'page');
        else byId(id).removeAttribute('aria-current');
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

function switchTo(view) {
    if (asked || state.view === view) return;
    show(view === 'logs' ? viewer.lastState : { ...emptyState(), view }, { fresh: true });
}

// What an address without a view means depends on what there is.
async function start() {
    hideNotice();
    asked = false;
    let topics = [];
    try {
        topics = await session.fetchTopics('**');
        session.topics = topics;
    } catch (error) {
        if (error.status === 401 || error.status === 403) {
            askForKey(error);
            return;
        }
        // The views say what is wrong, and recover by themselves.
    }
    const wanted = readAddress(location.href, session.hubRoot);
    const some = (is) => topics.some(({ topic }) => is(topic));
    wanted.view ??= some(isStatus) || !some(isLog) ? 'board' : 'logs';
    show(wanted, {});
    offerPublishing();
}

function askForKey({ status, message }) {
    asked = true;
    board.close();
    viewer.close();
    byId('board').hidden = byId('viewer').hidden = true;
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
                      : 'Whoever runs it gives you one. It stays in this tab and is forgotten when you close it.',
            ),
            el(
                'div',
                { class: 'key-row' },
                field,
                el('button', { type: 'submit', class: 'primary' }, 'Open'),
            ),
            el('p', { class: 'reason' }, message),
        ),
        'ask',
    );
    field.focus();
}

function showNotice(content, kind = '') {
    byId('notice').dataset.kind = kind;
    byId('notice').replaceChildren(content);
    byId('notice').hidden = false;
}

function hideNotice() {
    byId('notice').hidden = true;
    byId('notice').replaceChildren();
}

async function offerPublishing() {
    publishBox?.remove();
    publishBox = null;
    byId('publish').hidden = true;
    try {
        const { publish } = await session.access();
        if (!publish?.length) return;
        publishBox = new PublishBox({ session, patterns: publish });
        byId('publish').hidden = false;
    } catch {
        // Not known whether it may: then it is not offered.
    }
}

// The head.

function showTheme() {
    const names = { auto: 'as your system has it', light: 'light', dark: 'dark' };
    byId('theme').dataset.theme = theme();
    byId('theme').replaceChildren(icon({ auto: 'auto', light: 'sun', dark: 'moon' }[theme()]));
    byId('theme').title = `Colours: ${names[theme()]}. Click to change.`;
    byId('theme').setAttribute('aria-label', `Colours: ${names[theme()]}`);
}

function showCounts(topics) {
    for (const [id, is] of [
        ['tab-board', isStatus],
        ['tab-logs', isLog],
    ]) {
        const count = topics.filter(({ topic }) => is(topic)).length;
        const node = byId(id).querySelector('.count');
        node.hidden = count === 0;
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

const ACTIONS = {
    board: () => switchTo('board'),
    logs: () => switchTo('logs'),
    help: () => help.show(),
};

function buildHead() {
    byId('home').href = session.hubRoot.pathname;
    for (const [id, view] of [
        ['tab-board', 'board'],
        ['tab-logs', 'logs'],
    ]) {
        byId(id).href = addressOf({ ...emptyState(), view }, session.hubRoot);
        byId(id).addEventListener('click', (event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
            event.preventDefault();
            switchTo(view);
        });
    }
    byId('publish').replaceChildren(icon('send'), el('span', {}, 'Publish'));
    byId('publish').title = 'Send an event to a topic';
    byId('publish').addEventListener('click', () => publishBox?.show(currentTopic()));
    byId('theme').addEventListener('click', () => {
        setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
        showTheme();
    });
    showTheme();
    byId('help').replaceChildren(icon('keys'));
    byId('help').title = 'Keys and help (?)';
    byId('help').setAttribute('aria-label', 'Keys and help');
    byId('help').addEventListener('click', () => help.show());
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
        if (act(event) === false) return; // the key has its usual meaning here
        event.preventDefault();
        event.stopPropagation();
    },
    { capture: true },
);

for (const root of [byId('board'), byId('viewer')]) {
    root.addEventListener('live-state', ({ detail: { state: connected, detail } }) => {
        if (connected === 'refused' && detail?.status === 401 && !asked)
            askForKey({ status: 401, message: detail.reason });
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
session.watchTopics(showCounts);
buildHead();
start();
