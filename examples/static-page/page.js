// SPDX-License-Identifier: MIT
// Two icons, two cards, each with its own EventSource while it is open. The browser restarts a
// broken connection by itself and continues after the last line it has; closing the card ends the
// connection.

const HUB = 'http://127.0.0.1:8080'; // where tailrace listens
const KEY = ''; // an access key that may only subscribe: whoever can read this page can read it

// Both can be given in the address too: ?hub=http://127.0.0.1:8080&code=KEY
const address = new URLSearchParams(location.search);
const hub = address.get('hub') || HUB;
// The page's own key goes to the page's own hub only, never to one that a link names.
const key = address.get('code') || (address.get('hub') ? '' : KEY);

const LOG_ROWS_MAX = 2000;
const STATUS_ROWS_MAX = 50;
const REFUSED_RETRY_MS = 30_000;

const STATES = {
    connecting: '… Connecting',
    live: '● Live',
    reconnecting: '↻ Reconnecting',
    ended: '⚑ Ended',
    refused: '⚠ Refused',
    closed: '■ Closed',
};

// show(rows, message) puts one event into the card's list.
function card(name, path, show) {
    const root = document.getElementById(`${name}-card`);
    const opener = document.getElementById(`open-${name}`);
    const announce = document.getElementById('announce');
    const [badge, note, rows] = ['.badge', '.note', '.rows'].map((selector) =>
        root.querySelector(selector),
    );
    let source = null,
        retry = 0,
        lastId = '';

    function state(value, text = '') {
        badge.dataset.state = value;
        badge.textContent = STATES[value];
        note.textContent = text;
        note.hidden = text === '';
    }

    function connect() {
        const url = new URL(path, hub);
        if (key) url.searchParams.set('code', key);
        if (lastId) url.searchParams.set('lastEventId', lastId);
        source = new EventSource(url);
        source.onopen = () => state('live');
        source.onmessage = (message) => {
            lastId = message.lastEventId;
            show(rows, message);
        };
        source.addEventListener('tailrace.gap', () =>
            state('live', 'Some of it is missing: the hub does not have it any more.'),
        );
        source.addEventListener('tailrace.end', () => {
            source.close();
            state('ended', 'This is finished: everything has arrived.');
        });
        source.onerror = () => {
            if (source.readyState !== EventSource.CLOSED) {
                state('reconnecting');
                return;
            }
            // EventSource has given up and does not say why.
            state(
                'refused',
                `${url.origin} does not serve this page. Is the key right (?code=), and does the ` +
                    `hub's configuration allow the origin ${location.origin}? ` +
                    `Trying again in ${REFUSED_RETRY_MS / 1000} s.`,
            );
            retry = setTimeout(connect, REFUSED_RETRY_MS);
        };
    }

    function open() {
        root.hidden = false;
        opener.setAttribute('aria-expanded', 'true');
        announce.textContent = '';
        rows.replaceChildren();
        lastId = '';
        state('connecting');
        try {
            connect();
        } catch {
            state('refused', `“${hub}” is not the address of a hub.`);
        }
    }

    function close() {
        source?.close(); // without this the browser would go on reconnecting
        source = null;
        clearTimeout(retry);
        state('closed');
        if (root.contains(document.activeElement)) opener.focus();
        root.hidden = true;
        opener.setAttribute('aria-expanded', 'false');
        announce.textContent = `The ${name} is closed and its connection has been ended.`;
    }

    opener.addEventListener('click', () => (root.hidden ? open() : close()));
    root.querySelector('.close').addEventListener('click', close);
    document.addEventListener('keydown', (event) => {
        const here = root.contains(document.activeElement) || document.activeElement === opener;
        if (event.key === 'Escape' && here && !root.hidden) close();
    });
}

// Strings are appended as text nodes: what comes from outside can never become HTML.
function row(name, className, ...parts) {
    const node = document.createElement(name);
    node.className = className;
    node.append(...parts);
    return node;
}

// Lines are put on the page once for each frame, however many came. The list follows the newest
// unless the reader has scrolled up.
let waiting = [];
let follow = true;

function followNewest(rows) {
    const toEnd = () => follow && rows.scrollTo(0, rows.scrollHeight);
    rows.addEventListener('scroll', () => {
        follow = rows.scrollHeight - rows.scrollTop - rows.clientHeight < 8;
    });
    new ResizeObserver(toEnd).observe(rows);
}

function showLine(rows, { data, lastEventId }) {
    const line = row('div', 'log-line', data);
    line.dataset.id = lastEventId;
    waiting.push(line);
    if (waiting.length > LOG_ROWS_MAX) waiting.shift();
    if (waiting.length === 1) requestAnimationFrame(() => flushLines(rows));
}

function flushLines(rows) {
    rows.append(...waiting);
    waiting = [];
    while (rows.childElementCount > LOG_ROWS_MAX) rows.firstElementChild.remove();
    if (follow) rows.scrollTo(0, rows.scrollHeight);
}

function showStatus(rows, { data }) {
    const item = row(
        'li',
        'status-row',
        row('span', 'word', data),
        row('time', '', new Date().toLocaleTimeString()),
    );
    item.dataset.topic = 'HttpTrigger1';
    item.dataset.word = data;
    rows.prepend(item);
    while (rows.childElementCount > STATUS_ROWS_MAX) rows.lastElementChild.remove();
}

followNewest(document.querySelector('#log-card .rows'));
card('log', '/api/StreamLogs', showLine);
card('status', '/api/HttpTrigger1', showStatus);
