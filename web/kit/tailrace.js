// SPDX-License-Identifier: MIT
// The client of a tailrace hub: connect() keeps a subscription alive over cut connections, sleep and restarts, exactly once and in
// order. README.md is for users; this is how it works.
//
//   Subscription   what connect() returns. Takes what is stored by JSON requests; their `next` is its position. Then it joins a Line.
//   Line           one connection for each hub, key and filter, of the union of all topics, from the least position. An event goes to
//                  whoever asked for its topic and is not past it: exact for all, whoever joins, leaves or takes over.
//   Board          the Lines, and who listens to them. It lives in a SharedWorker; else in the tab that holds a Web Lock (the others
//                  reach it by BroadcastChannel); else in every tab.
//   Desk           a tab's subscriptions and its link to the Board. When that is lost they join the next, with their own positions.
//
// This is the only client that looks into event ids: EPOCH-NUMBER, one rising sequence for each epoch.

// Milliseconds. Tests shorten them.
export const timing = {
    first: 5000, // a stream has said nothing until then: a proxy may hold it back
    slow: 8000, // then it is said that nothing has come
    answer: 30_000, // an answer, or more of it
    wait: 25_000, // of a long poll
    streamAgain: 60_000, // a held back stream is tried again
    retry: 1500, // until the hub says otherwise
    retryMost: 30_000,
    join: 30, // changes of a line within it are made together
    leave: 1000, // a line keeps topics that nobody wants any more
    closed: 10_000, // how often it is asked whether topics of a shared line are finished
    told: 5000, // subscriptions hear at least so often how far their line is
    link: 3000, // for the Board to answer
};
const NAME = 'tailrace-1'; // the version of what tabs say to each other
const TOPICS_MOST = 100;
const TOPICS_CHARS = 6000; // of an address
const STREAMS_MOST = 4; // of the six connections that a browser opens to one host over HTTP/1.1
const PAGE = 5000;

const random = () => Math.random().toString(36).slice(2);
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const numberOf = (id) => Number(id.slice(id.lastIndexOf('-') + 1));
const epochOf = (id) => id.slice(0, id.lastIndexOf('-'));
const isPattern = (topic) => /(^|\/)\*\*?(\/|$)/.test(topic);
const backoff = (attempt, base) => Math.max(100, Math.random() * Math.min(timing.retryMost, base * 2 ** attempt));

function duration(text, otherwise) {
    let ms = 0;
    for (const [, n, unit] of String(text).matchAll(/(\d+)(ms|s|m|h|d)/g)) {
        ms += n * { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
    }
    return ms || otherwise;
}

function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}

// The hub's address with a slash at its end; without `url` where this script came from.
export function hubRoot(url = new URL('..', import.meta.url)) {
    const root = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
    root.search = root.hash = '';
    if (!root.pathname.endsWith('/')) root.pathname += '/';
    return root;
}

// As the hub does it. `topic` may be a pattern: then whether `pattern` covers it.
export function topicMatches(pattern, topic) {
    const [want, have] = [pattern.split('/'), topic.split('/')];
    let w = 0, h = 0, star = -1, from = 0;
    for (;;) {
        if (want[w] === '**') {
            star = ++w;
            from = h;
        } else if (h < have.length && w < want.length && (want[w] === have[h] || (want[w] === '*' && have[h] !== '**'))) {
            w++;
            h++;
        } else if (h === have.length && w === want.length) {
            return true;
        } else {
            if (star < 0 || from >= have.length) return false;
            h = ++from;
            w = star;
        }
    }
}

const isLong = (topics) => topics.length > TOPICS_MOST
    || (topics.length > 1 && encodeURIComponent(topics.join('/topic=')).length > TOPICS_CHARS);

// Topics for one request: too many of them are folded into patterns (a/*/log), the largest families first. What comes too much is
// sorted out by the Line.
export function foldTopics(topics) {
    let all = [...new Set(topics)];
    while (isLong(all)) {
        const families = new Map();
        for (const topic of all) {
            const segments = topic.split('/');
            segments.forEach((segment, i) => {
                if (segment === '**') return;
                const name = segments.with(i, '*').join('/');
                families.set(name, [...families.get(name) ?? [], topic]);
            });
        }
        const [name, members] = [...families].reduce((a, b) => (b[1].length > a[1].length ? b : a), ['', []]);
        if (members.length > 1) {
            all = [...all.filter((topic) => !members.includes(topic)), name];
        } else {
            const wide = [...new Set(all.map((topic) => `${topic.split('/')[0]}/**`))];
            all = wide.length < all.length ? wide : ['**'];
        }
    }
    return all;
}

// The parts of `topics` that fit into a request each.
function inParts(topics) {
    const parts = [[]];
    for (const topic of topics) {
        if (isLong([...parts.at(-1), topic])) parts.push([]);
        parts.at(-1).push(topic);
    }
    return parts;
}

// Bytes in, events out ({type, data, id, …other fields}), by the HTML standard's "Interpreting an event stream".
export class EventParser {
    lastId = '';
    #on;
    #decoder = new TextDecoder(); // takes the BOM away
    #rest = '';
    #afterCr = false;
    #fields = {};
    #data = null;
    #id = '';

    // event(event), comment(text), retry(ms)
    constructor(handlers) {
        this.#on = handlers;
    }

    push(bytes) {
        const text = this.#decoder.decode(bytes, { stream: true });
        if (!text) return;
        const ending = /[\r\n]/g;
        let at = this.#afterCr && text[0] === '\n' ? 1 : 0;
        this.#afterCr = false;
        for (;;) {
            ending.lastIndex = at;
            const found = ending.exec(text);
            if (!found) break;
            const line = this.#rest + text.slice(at, found.index);
            this.#rest = '';
            at = ending.lastIndex;
            if (found[0] === '\r') {
                if (text[at] === '\n') at++;
                else this.#afterCr = at === text.length;
            }
            this.#line(line);
        }
        this.#rest += text.slice(at);
    }

    #line(line) {
        if (!line) {
            this.#dispatch();
            return;
        }
        const colon = line.indexOf(':');
        if (colon === 0) {
            this.#on.comment?.(line.slice(1).trim());
            return;
        }
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
        if (name === 'data') {
            this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
        } else if (name === 'id') {
            if (!value.includes('\0')) this.#id = value;
        } else if (name === 'retry') {
            if (/^\d+$/.test(value)) this.#on.retry?.(Number(value));
        } else {
            this.#fields[name] = value;
        }
    }

    #dispatch() {
        const [{ event: type, ...fields }, data] = [this.#fields, this.#data];
        this.#fields = {};
        this.#data = null;
        this.lastId = this.#id;
        if (data !== null) this.#on.event({ ...fields, type: type || 'message', data, id: this.lastId });
    }
}

// Why something did not work, in words for people. wait: ms that the hub asks for. final: asking again is no use.
// closed: the page itself is not let through; refused, and tried again.
class Failure extends Error {
    constructor(reason, { status, wait = 0, final = false, closed = false, offline = false } = {}) {
        super(reason);
        Object.assign(this, { status, wait, final, closed, offline });
    }
}

const blocked = new Set(); // origins that the page's security policy keeps it from

async function unreachable(hub) {
    const here = globalThis.location;
    if (globalThis.navigator?.onLine === false) return new Failure('This device is offline.', { offline: true });
    await sleep(20); // a violation is told after the error
    if (blocked.has(hub.origin)) {
        return new Failure(`This page's own security policy (connect-src) does not let it reach ${hub.origin}.`, { closed: true });
    }
    if (here && here.origin !== hub.origin) {
        try {
            await fetch(new URL('healthz', hub), { mode: 'no-cors', cache: 'no-store', signal: AbortSignal.timeout(timing.first) });
            return new Failure(`The hub does not let in pages of ${here.origin}: its configuration names those it does (origins).`,
                { closed: true });
        } catch {
            if (here.protocol === 'https:' && hub.protocol === 'http:') {
                return new Failure('The hub cannot be reached. A page on https may be kept from a hub on http.');
            }
        }
    }
    return new Failure('The hub cannot be reached.');
}

async function refusal(response, key) {
    const { status } = response;
    const { detail, title } = parse(await response.text().catch(() => '')) ?? {};
    let reason = String(detail || title || `The answer was ${status} ${response.statusText}`.trim());
    if (status === 401) reason = key ? 'The key is not the right one.' : 'A key is needed.';
    const after = response.headers.get('Retry-After') ?? '';
    const wait = /^\d+$/.test(after) ? after * 1000 : Date.parse(after) - Date.now();
    return new Failure(reason[0].toUpperCase() + reason.slice(1).replace(/([^.!?])$/, '$1.'), {
        status, wait: wait > 0 ? wait * (1 + Math.random() / 4) : 0, final: status < 500 && ![408, 425, 429].includes(status),
    });
}

// GET /events. The Response, null for 204; throws a Failure, or the signal's reason.
async function ask({ hub, key, filter }, parameters, accept, signal) {
    const root = new URL(hub);
    const url = new URL('events', root);
    const headers = { Accept: accept };
    const inHeader = /^[\x21-\x7e]*$/.test(key);
    for (const [name, value] of Object.entries({ ...parameters, filter, key: inHeader ? '' : key })) {
        for (const one of [value ?? ''].flat()) if (one !== '') url.searchParams.append(name, one);
    }
    if (key && inHeader) headers.Authorization = `Bearer ${key}`;
    let response;
    try {
        response = await fetch(url, { headers, cache: 'no-store', signal });
    } catch {
        signal.throwIfAborted();
        throw await unreachable(root);
    }
    if (response.status === 204) return null;
    if (!response.ok) throw await refusal(response, key);
    if ((response.headers.get('Content-Type') ?? '').startsWith(accept)) return response;
    throw new Failure('The answer did not come from a hub. Is the address right, and does a login stand in between?',
        { status: response.status, final: true });
}

async function snapshot(target, parameters, signal, patience = timing.answer) {
    const own = new AbortController();
    const stop = () => own.abort();
    const timer = setTimeout(stop, patience);
    signal.addEventListener('abort', stop);
    try {
        signal.throwIfAborted();
        const answer = await (await ask(target, parameters, 'application/json', own.signal))?.json();
        if (Array.isArray(answer?.events) && answer.next) return answer;
        throw new Failure('The answer did not come from a hub.', { final: true });
    } catch (error) {
        signal.throwIfAborted();
        throw error instanceof Failure ? error
            : new Failure(own.signal.aborted ? 'The hub does not answer.' : 'The connection was lost.');
    } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
    }
}

// Whether all of `topics` are finished, by a snapshot's list.
function allClosed(topics, listed) {
    const closed = new Set(listed.filter((topic) => topic.closed).map(({ topic }) => topic));
    return topics.every((topic) => closed.has(topic));
}

// --- one connection for many ----------------------------------------------------------------------------------------------------

class Member {
    served = false; // the connection as it is has all that is to come for it
    toldAt = 0;
    #told = '';
    #wants = new Map();

    constructor({ topics, id }, post) {
        Object.assign(this, { topics, id, post, number: numberOf(id), exact: !topics.some(isPattern) });
    }

    wants(topic) {
        let wants = this.#wants.get(topic);
        if (wants === undefined) {
            if (this.#wants.size > 10_000) this.#wants.clear();
            wants = this.topics.some((pattern) => topicMatches(pattern, topic));
            this.#wants.set(topic, wants);
        }
        return wants;
    }

    advance(id, number) {
        if (number > this.number) [this.id, this.number] = [id, number];
    }

    tell(state, detail) {
        const text = JSON.stringify([state, detail]);
        if (text === this.#told) return;
        this.#told = text;
        this.post({ t: 'state', state, detail });
    }
}

class Line {
    #target;
    #crowded;
    #emptied;
    #members = new Set();
    #asked = []; // topics of the connection
    #number = 0; // how far it is
    #open = false; // the stream has said something
    #polls = false; // streams are held back
    #streamAgainMs = 0;
    #state = ['connecting', {}];
    #cut = null; // AbortController of the attempt
    #again = null; // {reason}: the attempt was ended by us
    #wake = null; // ends a wait
    #told = false; // it is the hub that wants us to wait
    #attempt = 0;
    #refused = false;
    #retry = timing.retry;
    #heartbeat = 15_000;
    #heardAt = 0;
    #grace = false;
    #timers = {};

    constructor(target, { crowded, emptied }) {
        this.#target = target;
        this.#crowded = crowded;
        this.#emptied = emptied;
    }

    get streams() {
        return this.#cut !== null && !this.#polls;
    }

    join(member) {
        const [first] = this.#members;
        if (first && epochOf(first.id) !== epochOf(member.id)) {
            member.post({ t: 'reset' });
            return;
        }
        this.#members.add(member);
        if (this.#open && this.#isServed(member)) {
            member.served = true;
            member.tell(...this.#state);
        } else {
            this.#later('change', timing.join, () => this.#change());
        }
    }

    leave(member) {
        if (!this.#members.delete(member)) return;
        if (this.#members.size) this.#later('change', timing.leave, () => this.#change());
        else this.#end();
    }

    // Something has changed outside: the page is seen again, the network is another one.
    nudge(network) {
        if (this.#wake) {
            if (!this.#told) this.#wake();
        } else if (network) {
            this.#restart();
        } else {
            this.#watch();
        }
    }

    close() {
        this.#members.clear();
        this.#end();
    }

    #end() {
        for (const name of Object.keys(this.#timers)) clearTimeout(this.#timers[name]);
        this.#cut?.abort();
        this.#wake?.();
        this.#emptied();
    }

    #later(name, ms, act) {
        clearTimeout(this.#timers[name]);
        this.#timers[name] = setTimeout(act, ms);
    }

    #isServed(member) {
        return member.number >= this.#number
            && member.topics.every((topic) => this.#asked.some((pattern) => topicMatches(pattern, topic)));
    }

    #topics() {
        return foldTopics([...this.#members].flatMap((member) => member.topics)).sort();
    }

    #change() {
        if (!this.#cut) this.#run();
        else if (this.#wake) this.nudge();
        else if (String(this.#topics()) !== String(this.#asked) || [...this.#members].some(({ served }) => !served)) this.#restart();
    }

    #restart(reason) {
        this.#again = { reason };
        this.#cut?.abort();
    }

    #become(state, detail = {}) {
        this.#state = [state, { transport: this.#polls ? 'poll' : 'stream', ...detail }];
        for (const member of this.#members) if (member.served) member.tell(...this.#state);
    }

    #send(message) {
        for (const member of this.#members) if (member.served) member.post(message);
    }

    // They take what is stored again, from where they are, and come back: with a new journal, or learning what is wrong.
    #reset(who = [...this.#members]) {
        for (const member of who) {
            this.leave(member);
            member.post({ t: 'reset' });
        }
    }

    #finish(who) {
        for (const member of who) {
            this.leave(member);
            member.tell('ended', {});
        }
    }

    async #run() {
        while (this.#members.size) {
            const cut = this.#cut = new AbortController();
            this.#again = null;
            this.#asked = this.#topics();
            const least = [...this.#members].reduce((a, b) => (b.number < a.number ? b : a));
            this.#number = least.number;
            for (const member of this.#members) member.served = true;
            let failure = null;
            try {
                failure = await (this.#polls || this.#crowded() ? this.#poll(cut.signal) : this.#stream(least.id, cut.signal));
            } catch (error) {
                failure = error instanceof Failure ? error : new Failure('The connection was lost.');
            }
            this.#open = false;
            cut.abort();
            for (const name of ['watch', 'first', 'slow', 'closed', 'trial']) clearTimeout(this.#timers[name]);
            if (!this.#members.size) break;
            if (this.#again) {
                if (this.#again.reason) this.#become('reconnecting', { reason: this.#again.reason });
            } else if (failure) {
                await this.#rest(failure);
            }
        }
        this.#cut = null;
    }

    async #rest(failure) {
        const { message: reason, status, wait, final, offline } = failure;
        if (final) {
            // Which of them is refused they find out by themselves; if none is, all are.
            if (!this.#refused) {
                this.#refused = true;
                this.#reset();
            }
            for (const member of [...this.#members]) {
                this.leave(member);
                member.tell('refused', { status, reason });
            }
            return;
        }
        const pause = wait || (this.#attempt ? backoff(this.#attempt, this.#retry) : this.#retry);
        this.#attempt++;
        this.#told = wait > 0;
        this.#become(offline ? 'offline' : 'reconnecting', { reason, status, retryAt: Date.now() + pause });
        await new Promise((resolve) => {
            this.#wake = resolve;
            this.#later('rest', pause, resolve);
        });
        clearTimeout(this.#timers.rest);
        this.#wake = null;
    }

    // Returns or throws a Failure; null to go on at once.
    async #stream(id, signal) {
        let batch = [], why = '', retry = 0, drains = false, over = false, progress = false;
        const began = Date.now();
        const flush = () => {
            this.#deliver(batch);
            progress ||= batch.length > 0;
            batch = [];
        };
        const control = {
            'tailrace.hello': ({ data }) => {
                this.#heartbeat = duration(parse(data)?.heartbeat, this.#heartbeat);
                clearTimeout(this.#timers.first);
                clearTimeout(this.#timers.slow);
                this.#open = true;
                this.#refused = false;
                this.#become('live');
            },
            'tailrace.gap': ({ data, id: to }) => this.#gap(parse(data), to),
            'tailrace.drain': () => { drains = true; },
            'tailrace.end': () => { over = true; },
        };
        const parser = new EventParser({
            comment: (text) => { why ||= text; },
            retry: (ms) => { retry = ms; },
            event: (event) => {
                if (control[event.type]) {
                    flush();
                    control[event.type](event);
                } else if (event.type === 'message') {
                    const content = parse(event.data);
                    if (typeof content?.data === 'string') batch.push({ ...content, id: event.id });
                }
            },
        });
        this.#later('first', timing.first, () => this.#suspect(signal));
        this.#later('slow', timing.slow, () => this.#become(this.#state[0] === 'live' ? 'reconnecting' : this.#state[0], {
            reason: 'The hub has not answered yet. A browser opens only six connections to one host: other pages may be using them up.',
        }));
        const answer = await ask(this.#target, {
            topic: this.#asked, format: 'envelope', control: 1, lastEventId: id,
        }, 'text/event-stream', signal);
        over = !answer;
        if (answer) {
            const reader = answer.body.getReader();
            this.#watch();
            this.#later('closed', timing.closed, () => this.#askClosed(signal));
            for (;;) {
                const { done, value } = await reader.read().catch(() => ({ done: true, cut: true }));
                signal.throwIfAborted();
                if (done) break;
                this.#heardAt = Date.now();
                parser.push(value);
                flush();
                if (over) break;
                signal.throwIfAborted();
            }
        }
        if (over) {
            this.#finish([...this.#members].filter(({ served }) => served));
            return null;
        }
        if (retry && this.#open) this.#retry = Math.max(retry, 10);
        if (!this.#open) return new Failure(retry ? `The hub has no room now: ${why}.` : 'The connection was lost.', { wait: retry });
        if (progress || Date.now() - began > 5000) this.#attempt = 0;
        return new Failure(drains ? 'The hub is going down for a restart.' : 'The connection was lost.');
    }

    // Nothing has come of the stream. If other answers come, something holds it back.
    async #suspect(signal) {
        try {
            this.#take(await snapshot(this.#target, { topic: this.#asked, since: this.#least() }, signal));
            this.#polls = true;
            this.#streamAgainMs = timing.streamAgain;
            this.#restart();
        } catch {
            this.#later('first', timing.answer, () => this.#restart('The hub does not answer.'));
        }
    }

    #least() {
        return [...this.#members].reduce((a, b) => (b.number < a.number ? b : a)).id;
    }

    async #poll(signal) {
        const crowded = !this.#polls;
        const reason = crowded ? 'This page has too many different connections to one hub; the rest are fetched every few seconds.'
            : 'Something on the way holds live streams back; updates are fetched instead.';
        if (!crowded) this.#later('trial', this.#streamAgainMs, () => this.#try(signal));
        for (;;) {
            const wait = crowded ? '' : `${timing.wait}ms`;
            this.#take(await snapshot(this.#target, { topic: this.#asked, since: this.#least(), wait }, signal,
                timing.wait + timing.answer));
            signal.throwIfAborted();
            this.#attempt = 0;
            this.#open = true;
            this.#become('live', { reason, transport: 'poll' });
            await sleep(crowded ? 2000 : 100);
            signal.throwIfAborted();
        }
    }

    // Does a stream come through by now?
    async #try(signal) {
        const own = new AbortController();
        const stop = () => own.abort();
        const timer = setTimeout(stop, timing.first);
        signal.addEventListener('abort', stop);
        try {
            const answer = await ask(this.#target, { topic: this.#asked, control: 1 }, 'text/event-stream', own.signal);
            const { value } = await answer.body.getReader().read();
            if (value) {
                this.#polls = false;
                this.#restart();
            }
        } catch {
            this.#streamAgainMs = Math.min(this.#streamAgainMs * 2, 600_000);
            if (!signal.aborted) this.#later('trial', this.#streamAgainMs, () => this.#try(signal));
        }
        clearTimeout(timer);
        own.abort();
    }

    // A snapshot's events.
    #take({ events, topics, next, more }) {
        const lost = events.filter(({ type }) => type === 'tailrace.gap');
        for (const gap of lost) this.#gap(parse(gap.data), gap.id);
        this.#deliver(events.filter(({ type }) => type !== 'tailrace.gap'), next);
        if (!more) this.#finish([...this.#members].filter((member) => member.served && member.exact && allClosed(member.topics, topics)));
    }

    #deliver(events, next = events.at(-1)?.id) {
        if (!next) return;
        const numbers = events.map(({ id }) => numberOf(id));
        const [now, last] = [Date.now(), numberOf(next)];
        if (last > this.#number) this.#number = last;
        for (const member of this.#members) {
            if (!member.served) continue;
            const mine = events.filter((event, i) => numbers[i] > member.number && member.wants(event.topic));
            member.advance(next, last);
            if (!mine.length && now - member.toldAt < timing.told) continue;
            member.toldAt = now;
            member.post({ t: 'events', events: mine, id: member.id });
        }
    }

    #gap(gap, id) {
        const [from, to] = [gap?.from ?? '', gap?.to ?? ''];
        if (epochOf(from) !== epochOf(to) || numberOf(from) > numberOf(to)) {
            this.#reset(); // another journal: each begins in it as it was asked to
            return;
        }
        for (const member of this.#members) {
            if (!member.served || member.number >= numberOf(to)) continue;
            if (id) member.advance(id, numberOf(id));
            member.post({ t: 'gap', gap, id: member.id });
        }
    }

    // A stream tells that all of its topics are finished, not that some are.
    async #askClosed(signal) {
        const some = [...this.#members].filter((member) => member.exact && member.topics.length < this.#asked.length);
        try {
            const [topic] = inParts([...new Set(some.flatMap((member) => member.topics))]);
            if (topic.length) {
                const { topics } = await snapshot(this.#target, { topic, last: 0 }, signal);
                this.#reset(some.filter((member) => allClosed(member.topics, topics)));
            }
        } catch {
            // The stream's own troubles are told elsewhere.
        }
        if (!signal.aborted) this.#later('closed', timing.closed, () => this.#askClosed(signal));
    }

    // Death is noticed within two heartbeats. By the wall clock: others may stand still while the machine sleeps. After a sleep
    // what has come meanwhile is read first.
    #watch() {
        const patience = this.#heartbeat * 1.75;
        if (!this.#open) this.#heardAt = Date.now();
        const silent = Date.now() - this.#heardAt;
        const late = silent > patience + 1000;
        if (silent < patience) this.#grace = false;
        else if (late && !this.#grace) this.#grace = true;
        else {
            this.#restart('Nothing has been heard of the hub for a while.');
            return;
        }
        this.#later('watch', this.#grace ? 1000 : patience - silent + 5, () => this.#watch());
    }
}

class Board {
    #lines = new Map();
    #tabs = new Map();

    attach(tab, post) {
        this.#tabs.set(tab, { post, members: new Map() });
    }

    has(tab) {
        return this.#tabs.has(tab);
    }

    receive(tab, message) {
        const { post, members } = this.#tabs.get(tab) ?? {};
        if (!post) return;
        const { t, sub } = message;
        if (t === 'nudge') {
            post({ t: 'ok' });
            for (const line of this.#lines.values()) line.nudge(message.network);
        } else if (t === 'bye') {
            this.drop(tab);
        } else {
            members.get(sub)?.();
            members.delete(sub);
            if (t !== 'join') return;
            const line = this.#line(message.target);
            const member = new Member(message, (told) => post({ ...told, sub }));
            members.set(sub, () => line.leave(member));
            line.join(member);
        }
    }

    drop(tab) {
        for (const leave of this.#tabs.get(tab)?.members.values() ?? []) leave();
        this.#tabs.delete(tab);
    }

    close() {
        for (const line of [...this.#lines.values()]) line.close();
        this.#tabs.clear();
    }

    // Another hub, key or filter is another line.
    #line(target) {
        const name = JSON.stringify([target.hub, target.key, target.filter]);
        let line = this.#lines.get(name);
        if (line) return line;
        const others = (one) => one !== line && one.streams && one.host === line.host;
        line = new Line(target, {
            crowded: () => [...this.#lines.values()].filter(others).length >= STREAMS_MOST,
            emptied: () => {
                if (this.#lines.get(name) === line) this.#lines.delete(name);
            },
        });
        line.host = new URL(target.hub).host;
        this.#lines.set(name, line);
        return line;
    }
}

// --- where the Board is ---------------------------------------------------------------------------------------------------------

// Holds a lock until the function that it resolves to is called, or the tab is gone.
const hold = (name) => new Promise((held, failed) => {
    navigator.locks.request(name, () => new Promise((release) => { held(release); })).catch(failed);
});
// Resolves when nobody holds the lock any more.
const gone = (name, signal) => navigator.locks.request(name, { signal }, () => {});

class LocalLink {
    shared = false;
    #board = new Board();

    constructor(desk) {
        this.#board.attach('', (message) => desk.receive(message));
    }

    send(message) {
        this.#board.receive('', message);
    }

    close() {
        this.#board.close();
    }
}

class WorkerLink {
    shared = true;
    #port;
    #release = null;
    #closed = new AbortController();

    static async open(desk) {
        const link = new WorkerLink();
        const tab = random();
        const locks = Boolean(navigator.locks);
        if (locks) link.#release = await hold(`${NAME}-${tab}`);
        try {
            const worker = new SharedWorker(new URL('./tailrace.js', import.meta.url), { type: 'module', name: 'tailrace-1' });
            const port = link.#port = worker.port;
            const { lock } = await new Promise((resolve, reject) => {
                worker.onerror = reject;
                setTimeout(reject, timing.link);
                port.onmessage = ({ data }) => resolve(data);
                port.postMessage({ t: 'hello', tab, locks });
            });
            port.onmessage = ({ data }) => desk.receive(data);
            port.onclose = () => link.lost(desk);
            if (locks && lock) gone(lock, link.#closed.signal).then(() => link.lost(desk), () => {});
        } catch (error) {
            link.close();
            throw error;
        }
        return link;
    }

    send(message) {
        this.#port.postMessage(message);
    }

    // The worker is gone, with the process that it lived in.
    lost(desk) {
        if (!this.#closed.signal.aborted) desk.relink();
    }

    close() {
        this.#closed.abort();
        this.#port?.postMessage({ t: 'bye' });
        this.#port?.close();
        this.#release?.();
    }
}

// The other end, in the worker.
function serve(scope) {
    const board = new Board();
    const lock = `${NAME}-${random()}`;
    const ready = scope.navigator.locks ? hold(lock) : null;
    scope.onconnect = ({ ports: [port] }) => {
        let tab = '';
        const drop = () => board.drop(tab);
        port.onclose = drop;
        port.onmessage = async ({ data }) => {
            if (data.t !== 'hello') {
                board.receive(tab, data);
                return;
            }
            tab = data.tab;
            board.attach(tab, (message) => port.postMessage(message));
            await ready;
            port.postMessage({ t: 'hello', lock: ready && lock });
            if (ready && data.locks) gone(`${NAME}-${tab}`).then(drop);
        };
    };
}

class ElectedLink {
    shared = true;
    #tab = random();
    #desk;
    #all = new BroadcastChannel(NAME); // to the leader; from it only that it leads now
    #mine = new BroadcastChannel(`${NAME}-${this.#tab}`);
    #channels = new Map();
    #board = null;
    #release = null;
    #resign = null;
    #closed = new AbortController();

    static async open(desk) {
        const link = new ElectedLink();
        link.#desk = desk;
        link.#release = await hold(`${NAME}-${link.#tab}`);
        link.#mine.onmessage = ({ data }) => desk.receive(data);
        link.#all.onmessage = ({ data }) => link.#heard(data);
        link.#stand({ signal: link.#closed.signal });
        return link;
    }

    send(message) {
        if (this.#board) this.#board.receive(this.#tab, message);
        else this.#all.postMessage({ ...message, tab: this.#tab });
    }

    // The leader says nothing: its tab is frozen. Its office is taken away.
    lost() {
        if (!this.#board && !this.#closed.signal.aborted) this.#stand({ steal: true });
    }

    close() {
        this.send({ t: 'bye' });
        this.#closed.abort();
        this.#step();
        for (const channel of [this.#all, this.#mine]) channel.close();
        this.#release?.();
    }

    #stand(how) {
        navigator.locks.request(`${NAME}-leader`, how, () => this.#lead()).catch(() => {
            if (this.#closed.signal.aborted) return;
            this.#step(); // stolen
            this.#stand({ signal: this.#closed.signal });
        });
    }

    #lead() {
        if (this.#closed.signal.aborted) return null;
        this.#board = new Board();
        this.#board.attach(this.#tab, (message) => this.#desk.receive(message));
        this.#all.postMessage({ t: 'leader' });
        this.#desk.rejoin();
        return new Promise((resolve) => { this.#resign = resolve; });
    }

    #step() {
        this.#board?.close();
        this.#board = null;
        this.#resign?.();
        for (const channel of this.#channels.values()) channel.close();
        this.#channels.clear();
    }

    #heard(message) {
        if (message.t === 'leader') {
            this.#desk.rejoin();
        } else if (this.#board) {
            if (!this.#board.has(message.tab)) this.#admit(message.tab);
            this.#board.receive(message.tab, message);
        }
    }

    #admit(tab) {
        const channel = new BroadcastChannel(`${NAME}-${tab}`);
        const board = this.#board;
        this.#channels.set(tab, channel);
        board.attach(tab, (message) => channel.postMessage(message));
        gone(`${NAME}-${tab}`, this.#closed.signal).then(() => {
            board.drop(tab);
            channel.close();
        }, () => {});
    }
}

// --- a tab ----------------------------------------------------------------------------------------------------------------------

class Desk {
    #subs = new Map();
    #link = null;
    #opening = null;
    #share;
    #timer = 0;

    constructor(share) {
        this.#share = share && globalThis.location !== undefined;
    }

    get shared() {
        return this.#link?.shared ?? false;
    }

    add(name, subscription) {
        this.#subs.set(name, subscription);
        if (this.#subs.size > 1) return;
        this.#listen('addEventListener');
        this.relink();
    }

    remove(name) {
        this.send({ t: 'leave', sub: name });
        this.#subs.delete(name);
        if (this.#subs.size) return;
        this.#listen('removeEventListener');
        this.#unlink();
    }

    send(message) {
        this.#link?.send(message);
    }

    receive(message) {
        if (message.t === 'ok') clearTimeout(this.#timer);
        else this.#subs.get(message.sub)?.receive(message);
    }

    rejoin() {
        for (const subscription of [...this.#subs.values()]) subscription.join();
    }

    async relink() {
        this.#unlink();
        const opening = this.#opening = {};
        const kinds = this.#share ? [WorkerLink, ElectedLink] : [];
        let link = null;
        for (const kind of kinds) {
            link ??= await kind.open(this).catch(() => null);
            if (opening !== this.#opening) {
                link?.close();
                return;
            }
        }
        this.#link = link ?? new LocalLink(this);
        this.rejoin();
    }

    #unlink() {
        clearTimeout(this.#timer);
        this.#opening = null;
        this.#link?.close();
        this.#link = null;
    }

    #listen(how) {
        const { document } = globalThis;
        const on = (target, name, act) => target?.[how]?.(name, act);
        on(document, 'visibilitychange', this.#seen);
        on(document, 'securitypolicyviolation', this.#violated);
        for (const name of ['online', 'offline']) on(globalThis, name, this.#network);
        on(globalThis, 'pagehide', this.#hidden);
        on(globalThis, 'pageshow', this.#shown);
    }

    #nudge(network) {
        if (!this.#link) return;
        for (const subscription of this.#subs.values()) subscription.nudge();
        clearTimeout(this.#timer);
        if (this.#link.shared) this.#timer = setTimeout(() => this.#link?.lost(this), timing.link);
        this.send({ t: 'nudge', network });
    }

    #network = () => this.#nudge(true);

    #seen = () => {
        if (document.visibilityState === 'visible') this.#nudge(false);
    };

    #violated = ({ effectiveDirective, blockedURI }) => {
        if (effectiveDirective === 'connect-src' && URL.canParse(blockedURI)) blocked.add(new URL(blockedURI).origin);
    };

    // The page is left, perhaps to come back (from the back/forward cache): the others go on without it.
    #hidden = () => this.#unlink();

    #shown = ({ persisted }) => {
        if (persisted) this.relink();
    };
}

let common = null;

class Subscription {
    #name = random();
    #desk;
    #options;
    #target;
    #topics;
    #state = 'connecting';
    #detail = {};
    #id = '';
    #over = new AbortController();
    #joined = false;
    #worked = false;
    #attempt = 0;
    #resetAt = 0;
    #wake = null;

    constructor({ url, topics, key, token, filter, shared = true, signal, ...options }) {
        this.#options = options;
        this.#topics = [...new Set([topics].flat())];
        this.#target = { hub: hubRoot(url).href, key: String(key ?? token ?? ''), filter: filter ?? '' };
        this.#desk = shared ? (common ??= new Desk(true)) : new Desk(false);
        if (signal?.aborted) {
            this.#state = 'closed';
            return;
        }
        signal?.addEventListener('abort', () => this.close(), { once: true });
        this.#desk.add(this.#name, this);
        queueMicrotask(() => {
            if (this.#state !== 'connecting') return;
            this.#become('connecting');
            this.#start();
        });
    }

    get state() {
        return this.#state;
    }

    get detail() {
        return this.#detail;
    }

    get lastId() {
        return this.#id;
    }

    close() {
        this.#stop('closed');
    }

    join() {
        if (this.#joined) {
            this.#desk.send({ t: 'join', sub: this.#name, target: this.#target, topics: this.#topics, id: this.#id });
        }
    }

    nudge() {
        this.#wake?.();
    }

    receive({ t, events, id, gap, state, detail }) {
        if (!this.#joined) return;
        if (t === 'events') {
            this.#take(events);
            if (this.#joined) this.#advance(id);
        } else if (t === 'gap') {
            this.#advance(id);
            this.#call('onGap', gap);
        } else if (t === 'reset') {
            this.#joined = false;
            this.#attempt = Date.now() - this.#resetAt < 10_000 ? this.#attempt + 1 : 0;
            this.#resetAt = Date.now();
            this.#start(this.#attempt && backoff(this.#attempt, 500));
        } else if (state === 'ended' || state === 'refused') {
            this.#stop(state, detail);
        } else {
            this.#become(state, detail);
        }
    }

    #become(state, detail = {}) {
        this.#state = state;
        this.#detail = { transport: 'stream', shared: this.#desk.shared, ...detail };
        this.#call('onState', state, this.#detail);
    }

    #stop(state, detail) {
        if (this.#over.signal.aborted) return;
        this.#joined = false;
        this.#over.abort();
        this.#wake?.();
        this.#desk.remove(this.#name);
        this.#become(state, detail);
    }

    // A mistake in the page's function is the page's: what it throws is reported as if nothing were in between.
    #call(name, ...values) {
        try {
            this.#options[name]?.(...values);
        } catch (error) {
            setTimeout(() => { throw error; });
        }
    }

    #isNew(id) {
        return epochOf(id) !== epochOf(this.#id) || numberOf(id) > numberOf(this.#id);
    }

    #advance(id) {
        if (id && this.#isNew(id)) this.#id = id;
    }

    #take(events) {
        const fresh = events.filter(({ id }) => this.#isNew(id));
        if (!fresh.length) return;
        if (this.#options.onEvents) {
            this.#id = fresh.at(-1).id;
            this.#call('onEvents', fresh);
            return;
        }
        for (const event of fresh) {
            if (this.#over.signal.aborted) return;
            this.#id = event.id;
            this.#call('onEvent', event);
        }
    }

    #pause(ms) {
        return new Promise((resolve) => {
            const timer = setTimeout(resolve, ms);
            this.#wake = () => {
                clearTimeout(timer);
                resolve();
            };
        });
    }

    async #start(pause = 0) {
        if (pause) await this.#pause(pause);
        const { signal } = this.#over;
        for (let attempt = 0; !signal.aborted; attempt++) {
            const slow = setTimeout(() => this.#become(this.#state, {
                reason: 'The hub has not answered yet. A browser opens only six connections to one host: other pages may be using them up.',
            }), timing.slow);
            try {
                const closed = await this.#stored(signal);
                if (signal.aborted) return;
                this.#worked = true;
                if (closed) {
                    this.#stop('ended');
                    return;
                }
                this.#joined = true;
                this.join();
                return;
            } catch (failure) {
                if (signal.aborted) return;
                await this.#failed(failure, attempt);
            } finally {
                clearTimeout(slow);
            }
        }
    }

    async #failed(failure, attempt) {
        const { message: reason, status, wait, final, closed, offline } = failure;
        if (!(failure instanceof Failure)) this.#call('onError', failure);
        // What is not a hub may be one again soon: a login page, a proxy whose hub restarts.
        if (final && (status >= 400 || !this.#worked)) {
            this.#stop('refused', { status, reason });
            return;
        }
        const refused = closed && !this.#worked;
        const pause = wait || (refused ? timing.retryMost : backoff(attempt, timing.retry));
        this.#become(offline ? 'offline' : refused ? 'refused' : 'reconnecting', { reason, status, retryAt: Date.now() + pause });
        await this.#pause(pause);
    }

    // What the hub has stored for it. Whether that was all, for good.
    async #stored(signal) {
        const { last, since } = this.#options;
        let start = last === undefined && since === undefined ? { last: 0 } : { last, since };
        if (this.#id) start = { ...start, lastEventId: this.#id };
        const parts = inParts(this.#topics);
        const gathered = [];
        let closed = true, end = '';
        for (const topic of parts) {
            let from = start, page;
            do {
                page = await snapshot(this.#target, { topic, limit: from.last > 0 ? '' : PAGE, ...from }, signal);
                closed &&= allClosed(topic, page.topics);
                if (parts.length > 1) gathered.push(...page.events);
                else if (!this.#stock(page.events, page.next, signal)) return false;
                from = { since: page.next };
            } while (page.more);
            end ||= page.next; // events after the first part's end come live
        }
        if (parts.length > 1) {
            const known = new Map(gathered.filter(({ id }) => numberOf(id) <= numberOf(end)).map((event) => [event.id, event]));
            this.#stock([...known.values()].sort((a, b) => numberOf(a.id) - numberOf(b.id)), end, signal);
        }
        return closed && !this.#topics.some(isPattern);
    }

    #stock(events, next, signal) {
        let some = [];
        for (const event of events) {
            if (event.type !== 'tailrace.gap') {
                some.push(event);
                continue;
            }
            this.#take(some);
            some = [];
            if (epochOf(event.id) !== epochOf(this.#id)) this.#id = event.id;
            if (!signal.aborted) this.#call('onGap', parse(event.data) ?? {});
        }
        if (!signal.aborted) this.#take(some);
        if (!signal.aborted) this.#advance(next);
        return !signal.aborted;
    }
}

// A live subscription; README.md tells the options and the states.
export function connect(options) {
    return new Subscription(options);
}

if (globalThis.SharedWorkerGlobalScope && globalThis instanceof SharedWorkerGlobalScope && globalThis.name === NAME) serve(globalThis);
