// SPDX-License-Identifier: MIT
// The client of a tailrace hub. README.md tells how to use it, and how it works. It looks into ids: EPOCH-NUMBER, rising in each epoch.

// Milliseconds. Tests shorten them.
export const timing = {
    first: 5000, // for a stream to say something
    again: 60_000, // before one that was held back is tried again; then twice that
    answer: 30_000, // for a whole answer
    wait: 25_000, // of a long poll
    retry: 1500, // until the hub says otherwise
    most: 30_000, // between attempts
    closed: 10_000, // between questions for finished topics
};

const NAME = 'tailrace-1'; // the version of what tabs say
const PAGE = 5000; // events in an answer

const random = () => Math.random().toString(36).slice(2);
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const numberOf = (id) => Number(id.slice(id.lastIndexOf('-') + 1));
const epochOf = (id) => id.slice(0, id.lastIndexOf('-'));
const isExact = (topics) => !topics.some((topic) => /(^|\/)\*\*?(\/|$)/.test(topic));

function parse(text) {
    try {
        return JSON.parse(text) ?? {};
    } catch {
        return {};
    }
}

// The hub's address with a slash at its end; without `url` where this script came from.
export function hubRoot(url = new URL('..', import.meta.url)) {
    const root = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
    root.search = root.hash = '';
    if (!root.pathname.endsWith('/')) root.pathname += '/';
    return root;
}

// Whether a topic is of one of the patterns, as the hub sees it; or a pattern is covered by one of them.
export function topicMatcher(patterns) {
    const escape = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    const part = (text) => (text === '**' ? '(/[^/]*)*' : `/${text === '*' ? '(?!\\*\\*(/|$))[^/]*' : escape(text)}`);
    const all = new RegExp(`^(${patterns.map((pattern) => pattern.split('/').map(part).join('')).join('|')})$`);
    return (topic) => patterns.includes(topic) || all.test(`/${topic}`);
}

// Topics for one request, at most 100: of more, the ends are left off (builds/**), and who asks sorts out what comes too much.
export function foldTopics(topics) {
    let all = [...new Set(topics)];
    for (let depth = 127; all.length > 100 || (all.length > 1 && encodeURIComponent(all).length > 6000); depth--) {
        const cut = new RegExp(`^((?:[^/]*/){${depth}})[^]+$`);
        all = [...new Set(all.map((topic) => topic.replace(cut, '$1**')))];
    }
    return all.sort();
}

// A function that takes the bytes of a stream, by HTML's "Interpreting an event stream"; with format=meta events have topic and time.
export function eventReader({ onEvent, onComment, onRetry }) {
    const decoder = new TextDecoder();
    let rest = '', afterCr = false, event = {}, id = '';

    function read(line) {
        const [, name, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line);
        if (!line) {
            if ('data' in event) onEvent({ ...event, type: event.type || 'message', id });
            event = {};
        } else if (!name) onComment?.(value);
        else if (name === 'data') event.data = 'data' in event ? `${event.data}\n${value}` : value;
        else if (name === 'id') id = value.includes('\0') ? id : value;
        else if (name === 'event') event.type = value;
        else if (name === 'topic' || name === 'time') event[name] = value;
        else if (name === 'retry' && /^\d+$/.test(value)) onRetry?.(Number(value));
    }

    return (bytes) => {
        const text = decoder.decode(bytes, { stream: true });
        if (!text) return;
        const ending = /\r\n?|\n/g;
        let at = ending.lastIndex = afterCr && text[0] === '\n' ? 1 : 0;
        for (let found; (found = ending.exec(text)); at = ending.lastIndex) {
            read(rest + text.slice(at, found.index));
            rest = '';
        }
        rest += text.slice(at);
        afterCr = text.endsWith('\r');
    };
}

// Why something did not work, in words for people. wait: ms until it is tried again, 0: as is good, Infinity: never.
const failure = (reason, more) => Object.assign(new Error(reason), { state: 'reconnecting', wait: 0, ...more });
const GAP = 'tailrace.gap';
const LOST = 'The connection was lost.';
const NO_HUB = 'The answer is not from a hub. Is the address right? Is there a login in between?';
const ENDED = { t: 'state', state: 'ended' };
const blocked = new Set(); // origins, by the page's security policy

async function unreachable(hub) {
    const here = globalThis.location?.origin;
    if (globalThis.navigator?.onLine === false) return failure('This device is offline.', { state: 'offline' });
    await sleep(20); // that is told after the error
    const refused = (reason) => failure(reason, { state: 'refused', wait: timing.most });
    if (blocked.has(hub.origin)) return refused(`This page's security policy (connect-src) keeps it from ${hub.origin}.`);
    if (here && here !== hub.origin) {
        const probe = fetch(new URL('healthz', hub), { mode: 'no-cors', signal: AbortSignal.timeout(timing.first) });
        if (await probe.catch(() => null)) return refused(`The hub does not let in pages of ${here}; its configuration (origins) says which.`);
    }
    return failure('The hub cannot be reached.');
}

async function refusal(response, key) {
    const { status, statusText, headers } = response;
    const { detail, title } = parse(await response.text().catch(() => ''));
    let reason = `${detail || title || `the answer was ${status} ${statusText}`}`;
    if (status === 401) reason = key ? 'the key is not the right one' : 'a key is needed';
    const wait = (Number(headers.get('Retry-After')) || 0) * (1000 + Math.random() * 250);
    reason = reason[0].toUpperCase() + reason.slice(1).replace(/\w$/, '$&.');
    if (status >= 500 || [408, 425, 429].includes(status)) return failure(reason, { status, wait });
    return failure(reason, { status, state: 'refused', wait: Infinity });
}

// GET /events: the Response, null for 204. Throws a failure, or the signal's reason.
async function ask({ hub, key, filter }, parameters, accept, signal) {
    const url = new URL('events', hub);
    const plain = /^[!-~]*$/.test(key); // fit for a header
    for (const [name, value] of Object.entries({ ...parameters, filter, key: plain ? '' : key })) {
        for (const one of [value ?? ''].flat()) if (one !== '') url.searchParams.append(name, one);
    }
    const headers = { Accept: accept, ...(key && plain && { Authorization: `Bearer ${key}` }) };
    const response = await fetch(url, { headers, cache: 'no-store', signal }).catch(() => null);
    signal.throwIfAborted();
    if (!response) throw await unreachable(url);
    if (response.status === 204) return null;
    if (!response.ok) throw await refusal(response, key);
    if ((response.headers.get('Content-Type') ?? '').startsWith(accept)) return response;
    throw failure(NO_HUB, { status: response.status, state: 'refused', wait: timing.most });
}

async function snapshot(target, parameters, signal, patience = timing.answer) {
    const late = AbortSignal.timeout(patience);
    try {
        const response = await ask(target, parameters, 'application/json', AbortSignal.any([signal, late]));
        const page = await response.json();
        if (page.events && page.topics && page.next) return page;
        throw failure(NO_HUB);
    } catch (error) {
        signal.throwIfAborted();
        throw late.aborted ? failure('The hub does not answer.') : error.state ? error : failure(LOST);
    }
}

function areClosed(topics, listed) {
    return isExact(topics) && topics.every((name) => listed.some(({ topic, closed }) => closed && topic === name));
}

// Waits between attempts: longer each time, with full jitter. hurry() ends what the hub has not asked for, wake() any.
function newPatience() {
    const self = { attempts: 0, wake() {}, hurry() {} };
    self.wait = async ({ message: reason, state, status, wait }, first, tell) => {
        const spread = Math.random() * Math.min(timing.most, first * 2 ** self.attempts);
        const ms = wait || (self.attempts++ ? Math.max(spread, 100) : first);
        tell(state, { reason, status, retryAt: Date.now() + ms });
        self.waits = true;
        await new Promise((done) => {
            const timer = setTimeout(done, ms);
            self.wake = () => done(clearTimeout(timer));
            self.hurry = () => wait || self.wake();
        });
        self.waits = false;
    };
    return self;
}

// One connection for many members: {topics, wants, id, number, post, served: the connection as it is brings all that is to come for it}.
function newLine(target, isCrowded, onEmpty) {
    const members = new Set();
    const patience = newPatience();
    const timers = {};
    let asked = []; // topics
    let reached = 0;
    let cut = null; // ends the attempt
    let again = null; // {reason}: we have ended it
    let open = false; // the hub has answered
    let held = false, againMs = timing.again; // streams are held back; when they are tried again
    let transport = 'stream';
    let said = {};
    let firstWait = timing.retry;
    let heartbeat = 15_000, heardAt = 0;

    const served = () => [...members].filter((member) => member.served);
    const least = () => [...members].reduce((a, b) => (b.number < a.number ? b : a));
    const wanted = () => foldTopics([...members].flatMap(({ topics }) => topics));

    function later(name, ms, act) {
        clearTimeout(timers[name]);
        timers[name] = setTimeout(act, ms);
    }

    function tell(who) {
        const text = JSON.stringify(said);
        for (const member of who) {
            if (member.told !== text) member.post(said);
            member.told = text;
        }
    }

    function become(state, detail) {
        said = { t: 'state', state, detail: { transport, ...detail } };
        tell(served());
    }

    function restart(reason) {
        again = { reason };
        cut?.abort();
    }

    function close() {
        members.clear();
        Object.values(timers).forEach(clearTimeout);
        cut?.abort();
        patience.wake();
        onEmpty();
    }

    function leave(member) {
        if (!members.delete(member)) return;
        if (members.size) later('change', 1000, change);
        else close();
    }

    // Reset: they take what is stored again, from where they are.
    function dismiss(who, message = { t: 'reset' }) {
        for (const member of who) {
            leave(member);
            member.post(message);
        }
    }

    function join(member) {
        const [other = member] = members;
        if (epochOf(other.id) !== epochOf(member.id)) return member.post({ t: 'reset' });
        members.add(member);
        member.served = open && member.number >= reached && member.topics.every(topicMatcher(asked));
        return member.served ? tell([member]) : later('change', 30, change);
    }

    function change() {
        if (!cut) run();
        else if (patience.waits) patience.hurry();
        else if (`${wanted()}` !== `${asked}` || served().length < members.size) restart();
    }

    // The page is seen again, or the network is another one.
    function nudge(network) {
        if (patience.waits) patience.hurry();
        else if (network) restart();
        else if (open && transport === 'stream') watch();
    }

    async function run() {
        while (members.size) {
            const { signal } = cut = new AbortController();
            const crowded = isCrowded();
            again = null;
            asked = wanted();
            reached = least().number;
            for (const member of members) member.served = true;
            transport = held || crowded ? 'poll' : 'stream';
            const error = await (transport === 'poll' ? poll(signal, crowded) : stream(signal)).catch((e) => e);
            open = false;
            cut.abort();
            for (const name of ['watch', 'first', 'closed', 'again']) clearTimeout(timers[name]);
            if (!members.size) break;
            if (again?.reason) become('reconnecting', again);
            if (again) continue;
            // They find out who of them is refused.
            if (error.wait === Infinity) dismiss(members);
            else await patience.wait(error.state ? error : failure(LOST), firstWait, (state, detail) => {
                become(state === 'refused' ? 'reconnecting' : state, detail);
            });
        }
        cut = null;
    }

    async function stream(signal) {
        const began = Date.now();
        let batch = [], comment = '', retry = 0, reason = LOST, over = false, progress = false;
        const read = eventReader({
            onComment: (text) => { comment ||= text; },
            onRetry: (ms) => { retry = ms; },
            onEvent: (event) => {
                const data = parse(event.data);
                if (event.type === 'message') batch.push({ ...data, id: event.id });
                if (event.type === GAP) batch.push(event);
                if (event.type === 'tailrace.hello') opened(data, signal);
                if (event.type === 'tailrace.drain') reason = 'The hub is going down for a restart.';
                if (event.type === 'tailrace.end') over = true;
            },
        });
        later('first', timing.first, () => suspect(signal));
        const parameters = { topic: asked, format: 'envelope', control: 1, lastEventId: least().id };
        const reader = (await ask(target, parameters, 'text/event-stream', signal))?.body.getReader();
        while (reader && !over) {
            const { done, value } = await reader.read().catch(() => ({}));
            signal.throwIfAborted();
            // A stream that ends well was to be begun anew.
            if (done && reason === LOST && Date.now() - began > 10_000) again = {};
            if (!value) break;
            heardAt = Date.now();
            batch = [];
            read(value);
            if (batch.length) deliver(batch);
            progress ||= batch.length > 0;
        }
        signal.throwIfAborted();
        if (over || !reader) dismiss(served(), ENDED);
        if (!open && retry) return failure(`The hub has no room now: ${comment.trim()}.`, { wait: retry });
        if (retry) firstWait = Math.max(retry, 10);
        if (progress || Date.now() - began > 5000) patience.attempts = 0;
        return failure(reason);
    }

    function opened(hello, signal) {
        const [, n, unit] = /^(\d+)(ms|s|m)$/.exec(hello.heartbeat) ?? [];
        if (n) heartbeat = n * { ms: 1, s: 1000, m: 60_000 }[unit];
        clearTimeout(timers.first);
        open = true;
        held = false;
        againMs = timing.again;
        become('live');
        watch();
        later('closed', timing.closed, () => askClosed(signal));
    }

    // Nothing came. If other answers do, something holds streams back.
    async function suspect(signal) {
        later('first', timing.answer, () => restart('The hub does not answer.'));
        const page = await snapshot(target, { topic: asked, since: least().id, limit: PAGE }, signal).catch(() => null);
        if (!page || open || signal.aborted) return;
        held = true;
        take(page);
        restart();
    }

    async function poll(signal, crowded) {
        const reason = crowded ? 'This page has too many connections; updates are fetched every few seconds.'
            : 'Something on the way holds live streams back; updates are fetched.';
        if (!crowded) {
            later('again', againMs, () => {
                held = false;
                restart();
            });
            againMs = Math.min(againMs * 2, 600_000);
        }
        for (let wait = '', more = false; ; wait = crowded || more ? '' : `${timing.wait}ms`) {
            const parameters = { topic: asked, since: least().id, wait, limit: wait ? '' : PAGE };
            const page = await snapshot(target, parameters, signal, timing.wait + timing.answer);
            take(page);
            ({ more } = page);
            signal.throwIfAborted();
            open = true;
            patience.attempts = 0;
            become('live', { reason });
            if (crowded && !isCrowded()) restart();
            if (!more) await sleep(crowded ? 2000 : 100);
            signal.throwIfAborted();
        }
    }

    function take({ events, topics, next, more }) {
        deliver(events, next);
        if (!more) dismiss(served().filter((member) => areClosed(member.topics, topics)), ENDED);
    }

    function deliver(events, next = events.reduce((a, b) => (numberOf(b.id) < numberOf(a.id) ? a : b)).id) {
        const numbers = events.map(({ id }) => numberOf(id));
        for (const [i, event] of events.entries()) {
            if (event.type !== GAP) continue;
            const { from = '', to = '' } = parse(event.data);
            // Of another journal: each begins in it as it was asked to.
            if (epochOf(from) !== epochOf(to) || numberOf(from) > numberOf(to)) return dismiss(members);
            numbers[i] = numberOf(to); // it is for those who are not past its end
        }
        const number = numberOf(next);
        reached = Math.max(reached, number);
        for (const member of served()) {
            const mine = events.filter(({ type, topic }, i) => numbers[i] > member.number
                && (type === GAP || member.wants(topic)));
            if (number > member.number) Object.assign(member, { id: next, number });
            if (!mine.length && Date.now() - member.toldAt < 5000) continue;
            member.toldAt = Date.now();
            member.post({ t: 'events', events: mine, id: member.id });
        }
    }

    // A stream tells when all of its topics are finished, not some.
    async function askClosed(signal) {
        const some = served().filter(({ topics }) => isExact(topics) && topics.length < asked.length);
        const topic = foldTopics(some.flatMap(({ topics }) => topics));
        const page = topic.length && await snapshot(target, { topic, last: 0 }, signal).catch(() => null);
        if (signal.aborted) return;
        if (page) dismiss(some.filter(({ topics }) => areClosed(topics, page.topics)));
        later('closed', timing.closed, () => askClosed(signal));
    }

    // Death is noticed within two heartbeats, by the wall clock: timers sleep with the machine. What came meanwhile is read first.
    function watch(grace = false) {
        const left = heartbeat * 1.75 - (Date.now() - heardAt);
        if (left > 0) later('watch', left + 5, watch);
        else if (left < -1000 && !grace) later('watch', 1000, () => watch(true));
        else restart('Nothing has been heard of the hub.');
    }

    return { join, leave, nudge, close, hub: target.hub, streams: () => cut && transport === 'stream' };
}

// All lines: in a SharedWorker, in the tab that leads, or in each tab.
function newBoard() {
    const lines = new Map();
    const tabs = new Map();

    // One for each hub, key and filter. Of the six connections of a browser to a host, four may be streams.
    function lineOf(target) {
        const name = JSON.stringify(target);
        const others = (one) => one !== line && one.hub === target.hub && one.streams();
        const isCrowded = () => [...lines.values()].filter(others).length >= 4;
        const line = lines.get(name) ?? newLine(target, isCrowded, () => lines.delete(name));
        lines.set(name, line);
        return line;
    }

    function drop(tab) {
        tabs.get(tab)?.subs.forEach((leave) => leave());
        tabs.delete(tab);
    }

    // False: it does not know the tab.
    function receive(tab, { t, sub, network, target, ...asked }) {
        const { post, subs } = tabs.get(tab) ?? {};
        if (!post) return false;
        if (t === 'ping') {
            post({ t: 'ok' });
        } else if (t === 'nudge') {
            lines.forEach((line) => line.nudge(network));
        } else if (t === 'bye') {
            drop(tab);
        } else {
            subs.get(sub)?.();
            subs.delete(sub);
        }
        if (t === 'join') {
            const line = lineOf(target);
            const member = { ...asked, number: numberOf(asked.id), wants: topicMatcher(asked.topics), toldAt: 0 };
            member.post = (message) => post({ ...message, sub });
            subs.set(sub, () => line.leave(member));
            line.join(member);
        }
        return true;
    }

    return {
        receive,
        drop,
        attach: (tab, post) => tabs.set(tab, { post, subs: new Map() }),
        close() {
            tabs.clear();
            lines.forEach((line) => line.close());
        },
    };
}

// Locks: held until `over` or the end of the tab; and waited for.
const hold = (name, over) => new Promise((held, failed) => {
    const release = new Promise((done) => { over?.addEventListener('abort', done); });
    navigator.locks.request(name, () => over?.aborted || (held() ?? release)).catch(failed);
});
const gone = (name, signal) => navigator.locks.request(name, { signal }, () => {});

// Each way to a board resolves to a function that sends to it, until `over`.
async function toOwn(desk, over) {
    const board = newBoard();
    board.attach('', desk.receive);
    over.addEventListener('abort', board.close);
    return (message) => board.receive('', message);
}

async function toWorker(desk, over) {
    const tab = random();
    const lock = navigator.locks && `${NAME}-${tab}`;
    if (lock) await hold(lock, over);
    over.throwIfAborted();
    const worker = new SharedWorker(new URL('./tailrace.js', import.meta.url), { type: 'module', name: 'tailrace-1' });
    const { port } = worker;
    const send = (message) => port.postMessage(message);
    over.addEventListener('abort', () => {
        send({ t: 'bye' });
        port.close();
    });
    const theirs = await new Promise((greeted, failed) => {
        worker.onerror = failed;
        setTimeout(failed, 3000);
        port.onmessage = ({ data }) => greeted(data.lock);
        send({ t: 'hello', tab, lock });
    });
    // It goes with its process, which may be another tab's.
    desk.lost = () => over.aborted || desk.relink();
    port.onmessage = ({ data }) => desk.receive(data);
    if (lock && theirs) gone(theirs, over).then(desk.lost, () => {});
    return send;
}

function serve() {
    const board = newBoard();
    const lock = navigator.locks && `${NAME}-${random()}`;
    const ready = lock && hold(lock);
    globalThis.onconnect = ({ ports: [port] }) => {
        let tab = '';
        port.onmessage = async ({ data }) => {
            if (data.t !== 'hello') return void board.receive(tab, data);
            ({ tab } = data);
            board.attach(tab, (message) => port.postMessage(message));
            await ready;
            port.postMessage({ lock });
            if (data.lock) gone(data.lock).then(() => board.drop(tab));
        };
    };
}

// Who holds the leader's lock has the board. Tabs write to the channel of all, the leader to each one's own.
async function toLeader(desk, over) {
    const tab = random();
    await hold(`${NAME}-${tab}`, over);
    over.throwIfAborted();
    const everybody = new BroadcastChannel(NAME);
    const mine = new BroadcastChannel(`${NAME}-${tab}`);
    let board = null, resign = null;
    const send = (message) => (board ? board.receive(tab, message) : everybody.postMessage({ ...message, tab }));
    const step = () => {
        board?.close();
        board = null;
        resign?.();
    };
    const lead = () => {
        if (over.aborted) return null;
        board = newBoard();
        board.attach(tab, desk.receive);
        everybody.postMessage({ t: 'leader' });
        desk.rejoin();
        return new Promise((done) => { resign = done; });
    };
    const stand = (how) => navigator.locks.request(`${NAME}-leader`, how, lead).catch(() => {
        step(); // the office was taken away
        if (!over.aborted) stand({ signal: over });
    });
    const admit = (first, to) => {
        const other = `${NAME}-${first.tab}`;
        const channel = new BroadcastChannel(other);
        to.attach(first.tab, (message) => channel.postMessage(message));
        to.receive(first.tab, first);
        gone(other, over).catch(() => {}).then(() => {
            to.drop(first.tab);
            channel.close();
        });
    };
    mine.onmessage = ({ data }) => desk.receive(data);
    everybody.onmessage = ({ data }) => {
        if (data.t === 'leader') {
            step();
            desk.rejoin();
        } else if (board?.receive(data.tab, data) === false) admit(data, board);
    };
    over.addEventListener('abort', () => {
        send({ t: 'bye' });
        step();
        everybody.close();
        mine.close();
    });
    stand({ signal: over });
    // A leader that does not answer is frozen.
    desk.lost = () => board || over.aborted || stand({ steal: true });
    return send;
}

// A tab's subscriptions, and its link to a board. When that is lost they join the next.
function newDesk(ways) {
    const subscriptions = new Map(); // name → {join, receive, hurry}
    let link = null;
    let over = new AbortController(); // of the link
    let timer = 0;
    const desk = { shared: false, relink, rejoin, receive, add, remove, send: (message) => link?.(message) };

    function ping() {
        clearTimeout(timer);
        // If we were busy ourselves, the answer is read first.
        if (desk.shared) timer = setTimeout(() => { timer = setTimeout(desk.lost, 50); }, 1200);
        desk.send({ t: 'ping' });
    }

    function rejoin() {
        for (const { join } of [...subscriptions.values()]) join();
        ping();
    }

    function receive(message) {
        if (message.t !== 'ok') return subscriptions.get(message.sub)?.receive(message);
        clearTimeout(timer);
        // Without locks nothing else tells when the worker is gone.
        if (desk.shared && !navigator.locks) timer = setTimeout(ping, 500);
    }

    function unlink() {
        clearTimeout(timer);
        over.abort();
        over = new AbortController();
        link = null;
    }

    async function relink() {
        unlink();
        for (const way of ways) {
            const mine = over = new AbortController();
            const send = await way(desk, mine.signal).catch(() => mine.abort());
            if (over !== mine) return;
            if (!send) continue;
            desk.shared = way !== toOwn;
            link = send;
            return rejoin();
        }
    }

    function changed({ type, persisted, effectiveDirective, blockedURI }) {
        if (type === 'pagehide') {
            unlink(); // into the back/forward cache, perhaps
        } else if (type === 'pageshow') {
            if (persisted) relink();
        } else if (type === 'securitypolicyviolation') {
            if (effectiveDirective === 'connect-src' && URL.canParse(blockedURI)) blocked.add(new URL(blockedURI).origin);
        } else if (link && (type !== 'visibilitychange' || document.visibilityState === 'visible')) {
            for (const { hurry } of subscriptions.values()) hurry();
            desk.send({ t: 'nudge', network: type !== 'visibilitychange' });
            ping();
        }
    }

    function listen(how) {
        for (const name of ['online', 'offline', 'pagehide', 'pageshow']) globalThis[how]?.(name, changed);
        for (const name of ['visibilitychange', 'securitypolicyviolation']) globalThis.document?.[how](name, changed);
    }

    function add(name, subscription) {
        subscriptions.set(name, subscription);
        if (subscriptions.size > 1) return;
        listen('addEventListener');
        relink();
    }

    function remove(name) {
        desk.send({ t: 'leave', sub: name });
        subscriptions.delete(name);
        if (subscriptions.size) return;
        listen('removeEventListener');
        unlink();
    }

    return desk;
}

let common = null;

// A live subscription; README.md tells the options and the states.
export function connect({ url, topics, last, since, key, token, filter = '', shared = true, signal: until, ...handlers }) {
    const self = { state: 'connecting', detail: {}, lastId: '', close: () => stop('closed') };
    const sub = random();
    const names = [...new Set([topics].flat())];
    const wants = topicMatcher(names);
    const target = { hub: hubRoot(url).href, key: `${key ?? token ?? ''}`, filter };
    const desk = shared && globalThis.location ? common ??= newDesk([toWorker, toLeader, toOwn]) : newDesk([toOwn]);
    const patience = newPatience();
    const over = new AbortController(), { signal } = over;
    let joined = false, worked = false, resetAt = 0;

    // What a page's function throws is reported as the page's.
    function call(name, ...values) {
        try {
            handlers[name]?.(...values);
        } catch (error) {
            setTimeout(() => { throw error; });
        }
    }

    function become(state, detail) {
        self.state = state;
        self.detail = { transport: 'stream', shared: desk.shared, ...detail };
        call('onState', state, self.detail);
    }

    function stop(state, detail) {
        if (signal.aborted) return;
        joined = false;
        over.abort();
        patience.wake();
        desk.remove(sub);
        become(state, detail);
    }

    const isNew = (id) => epochOf(id) !== epochOf(self.lastId) || numberOf(id) > numberOf(self.lastId);

    // Everything up to `id`.
    function take(events, id) {
        let batch = [];
        const flush = () => {
            if (batch.length && !signal.aborted) call('onEvents', batch);
            batch = [];
        };
        for (const event of events) {
            if (signal.aborted) return;
            if (event.type === GAP) {
                flush();
                if (event.id && epochOf(event.id) !== epochOf(self.lastId)) self.lastId = event.id;
                call('onGap', parse(event.data));
            } else if (isNew(event.id) && wants(event.topic)) {
                self.lastId = event.id;
                if (handlers.onEvents) batch.push(event);
                else call('onEvent', event);
            }
        }
        flush();
        if (!signal.aborted && isNew(id)) self.lastId = id;
    }

    async function fetchStored() {
        let start = last === undefined && since === undefined ? { last: 0 } : { last, since };
        // Of another journal, it is last and since that count.
        if (self.lastId) start.lastEventId = self.lastId;
        const limit = last > 0 && since === undefined && !self.lastId ? '' : PAGE;
        for (let more = true; more; start = { since: self.lastId }) {
            const page = await snapshot(target, { topic: foldTopics(names), limit, ...start }, signal);
            ({ more = false } = page);
            take(page.events, page.next);
            signal.throwIfAborted();
            if (!more && areClosed(names, page.topics)) stop('ended');
        }
    }

    async function begin(hesitant) {
        const tell = (state, detail) => become(state === 'refused' && worked ? 'reconnecting' : state, detail);
        if (hesitant) await patience.wait(failure(LOST), 500, tell);
        else patience.attempts = 0;
        while (!signal.aborted) {
            const slow = setTimeout(() => become(self.state, {
                reason: 'The hub has not answered yet. Other pages may use up the connections to it.',
            }), 8000);
            const error = await fetchStored().catch((e) => e);
            clearTimeout(slow);
            if (signal.aborted || !error) break;
            if (!error.state) throw error;
            if (error.wait === Infinity) return stop(error.state, { status: error.status, reason: error.message });
            await patience.wait(error, timing.retry, tell);
        }
        worked = joined = !signal.aborted;
        join();
    }

    function join() {
        if (joined) desk.send({ t: 'join', sub, target, topics: names, id: self.lastId });
    }

    function receive({ t, events, id, state, detail }) {
        if (!joined) return;
        if (t === 'events') {
            take(events, id);
        } else if (t === 'reset') {
            joined = false;
            begin(Date.now() - resetAt < 60_000);
            resetAt = Date.now();
        } else {
            (state === 'ended' ? stop : become)(state, detail);
        }
    }

    desk.add(sub, { join, receive, hurry: () => patience.hurry() });
    until?.addEventListener('abort', self.close);
    if (until?.aborted) self.close();
    queueMicrotask(() => {
        if (signal.aborted) return;
        become('connecting');
        begin();
    });
    return self;
}

if (globalThis.SharedWorkerGlobalScope && globalThis.name === NAME) serve();
