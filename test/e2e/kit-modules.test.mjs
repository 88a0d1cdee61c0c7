// SPDX-License-Identifier: MIT
// The parts of the client script behind connect(), each by itself, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection, State } from '../../web/kit/hub-connection.js';
import { Connections } from '../../web/kit/hub-connections.js';
import { Member, Members } from '../../web/kit/hub-members.js';
import { areClosed, Failure, GAP, snapshot } from '../../web/kit/hub-requests.js';
import { Patience } from '../../web/kit/hub-timing.js';
import { Hub, numbered } from './support/hub.mjs';
import { HttpProxy } from './support/proxy.mjs';
import { scenario } from './support/scope.mjs';
import { Recorder } from './support/wait.mjs';

// A member and what it has been sent.
function member(topics, id = 'e-0') {
    const sent = new Recorder();
    return Object.assign(new Member(topics, id, (message) => sent.push(message)), { sent });
}

const event = (id, topic, type = 'message', data = id) => ({ id, topic, type, data, time: '' });
const gap = (id, from, to) => event(id, '', GAP, JSON.stringify({ from, to, reason: 'retention' }));
const data = ({ sent }) =>
    sent.items
        .filter(({ t }) => t === 'events')
        .flatMap(({ events }) => events.map((one) => one.data));
const states = ({ sent }) => sent.items.filter(({ t }) => t === 'state').map(({ state }) => state);

// --- members ---

test('an event goes to the members that want its topic and are not past it', () => {
    const members = new Members();
    const [behind, ahead, other] = [
        member(['a'], 'e-1'),
        member(['*'], 'e-3'),
        member(['b'], 'e-2'),
    ];
    for (const one of [behind, ahead, other]) assert.ok(members.add(one));
    members.serveAll();
    assert.equal(members.least, behind);
    assert.deepEqual(members.topics, ['*', 'a', 'b']);
    const events = [event('e-2', 'a'), event('e-3', 'b'), event('e-4', 'a'), event('e-5', 'c')];
    assert.ok(members.deliver(events, 'e-6'));
    assert.deepEqual(data(behind), ['e-2', 'e-4']);
    assert.deepEqual(data(ahead), ['e-4', 'e-5']);
    assert.deepEqual(data(other), ['e-3']);
    assert.deepEqual([behind.id, ahead.id, other.id], ['e-6', 'e-6', 'e-6']);
    assert.ok(members.deliver(events, 'e-5'));
    assert.deepEqual([behind.id, data(behind).length], ['e-6', 2], 'again: nothing');
});

test('a member that joined since the request began is given nothing by it', () => {
    const members = new Members();
    const [served, late] = [member(['a']), member(['a'])];
    members.add(served);
    members.serveAll();
    members.add(late);
    members.deliver([event('e-1', 'a')], 'e-1');
    assert.deepEqual([data(served), late.sent.items, late.id], [['e-1'], [], 'e-0']);
    assert.deepEqual(members.served, [served]);
});

test('a gap is for the members that are not past its end; one between journals is for nobody', () => {
    const members = new Members();
    const [behind, ahead] = [member(['a'], 'e-1'), member(['a'], 'e-5')];
    for (const one of [behind, ahead]) members.add(one);
    members.serveAll();
    assert.ok(members.deliver([gap('e-4', 'e-1', 'e-4'), event('e-6', 'a')], 'e-6'));
    assert.equal(data(behind).length, 2);
    assert.deepEqual(data(ahead), ['e-6']);
    assert.equal(members.deliver([gap('f-1', 'e-6', 'f-0')], 'f-1'), false);
    assert.equal(members.deliver([gap('e-3', 'e-6', 'e-2')], 'e-3'), false, 'backwards');
});

test('a member of another journal is not taken', () => {
    const members = new Members();
    assert.ok(members.add(member(['a'], 'e-7')));
    assert.equal(members.add(member(['a'], 'f-7')), false);
    assert.equal(members.size, 1);
});

test('a state is sent once, a last word to those who are dismissed', () => {
    const members = new Members();
    const [one, two] = [member(['a']), member(['a'])];
    for (const each of [one, two]) members.add(each);
    const live = { t: 'state', state: 'live' };
    members.tell([one], live);
    members.tell([one, two], live);
    assert.deepEqual([states(one), states(two)], [['live'], ['live']]);
    members.dismiss([one], { t: 'state', state: 'ended' });
    members.dismissAll();
    assert.deepEqual(
        [one.sent.items.at(-1), two.sent.items.at(-1)],
        [{ t: 'state', state: 'ended' }, { t: 'reset' }],
    );
    assert.equal(members.size, 0);
});

test('topics are closed when each is a name and finished', () => {
    const listed = [
        { topic: 'a', closed: true },
        { topic: 'b', closed: false },
    ];
    assert.ok(areClosed(['a'], listed));
    assert.ok(!areClosed(['a', 'b'], listed));
    assert.ok(!areClosed(['a', 'c'], listed));
    assert.ok(!areClosed(['*'], [{ topic: '*', closed: true }]));
});

// --- waiting ---

test('a wait can be cut short, one that the hub has asked for only by wake()', async () => {
    const patience = new Patience();
    const told = [];
    const wait = (ms) =>
        patience.wait(new Failure('no', { wait: ms }), 600_000, (state, detail) =>
            told.push([state, detail.reason]),
        );
    let over = false;
    const first = wait(0);
    assert.ok(patience.waits);
    patience.hurry();
    await first;
    assert.equal(patience.attempts, 1);
    const asked = wait(600_000).then(() => {
        over = true;
    });
    patience.hurry();
    await new Promise(setImmediate);
    assert.equal(over, false);
    patience.wake();
    await asked;
    assert.equal(patience.waits, false);
    assert.deepEqual(told, [
        ['reconnecting', 'no'],
        ['reconnecting', 'no'],
    ]);
});

// --- against a hub ---

scenario('modules that need no page are served with all that they import', async (s) => {
    const hub = await Hub.start(s);
    const pure = ['ansi.js', 'levels.js', 'status-words.js', 'status-store.js', 'json-lines.js'];
    const seen = new Set(pure);
    for (const name of seen) {
        const answer = await hub.get(`/kit/${name}`);
        assert.equal(answer.status, 200, name);
        assert.match(answer.headers['content-type'], /javascript/, name);
        for (const [, other] of String(answer.body).matchAll(/ from '\.\/([\w-]+\.js)'/g))
            seen.add(other);
    }
    assert.ok(seen.size > pure.length);
    for (const name of pure) await import(`../../web/kit/${name}`);
});

const target = (hub, more) => ({ hub: hub.url, key: '', filter: '', ...more });
const until = (one, wanted, from = 0) =>
    one.sent.waitFor(
        (items) => items.slice(from).find(({ t, state }) => t === wanted || state === wanted),
        `${wanted} to be sent`,
    );
const count = (one, n) => one.sent.waitFor(() => data(one).length >= n, `${n} events`);

scenario('a failure says whether it is worth another attempt', async (s) => {
    const hub = await Hub.start(s);
    const proxy = await HttpProxy.start(s, hub.port);
    const { signal } = new AbortController();
    const rows = [
        [503, { 'retry-after': '2' }, 'reconnecting', (wait) => wait >= 2000 && wait <= 2500],
        [500, {}, 'reconnecting', (wait) => wait === 0],
        [404, {}, 'refused', (wait) => wait === Infinity],
    ];
    for (const [status, headers, state, isRight] of rows) {
        proxy.intercept = () => ({ status, headers, body: '' });
        const failure = await snapshot(target(proxy), { topic: ['a'] }, signal).catch(
            (error) => error,
        );
        assert.ok(failure instanceof Failure);
        assert.deepEqual([failure.status, failure.state], [status, state]);
        assert.ok(isRight(failure.wait), `${failure.wait}`);
    }
    proxy.intercept = () => ({
        status: 200,
        headers: { 'content-type': 'text/html' },
        body: 'Log in',
    });
    const page = await snapshot(target(proxy), { topic: ['a'] }, signal).catch((error) => error);
    assert.match(page.message, /not from a hub/);
});

scenario(
    'a connection is idle, asks, is open, waits, is open again, and idle when nobody is left',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publishLines('a', numbered(3));
        const { next } = (
            await hub.get('/events?topic=a&last=0', { accept: 'application/json' })
        ).json();
        let empty = false;
        const connection = new Connection(
            target(hub),
            () => false,
            () => {
                empty = true;
            },
        );
        s.defer(() => connection.close());
        assert.deepEqual([connection.state, connection.streams], [State.IDLE, false]);
        const one = member(['a'], next);
        connection.join(one);
        await until(one, 'live');
        assert.deepEqual([connection.state, connection.streams], [State.OPEN, true]);
        await hub.publish('a', '4');
        await count(one, 1);
        // It joins what is open: the same topics, and not behind.
        const two = member(['a'], one.id);
        connection.join(two);
        assert.deepEqual(states(two), ['live']);
        await hub.kill9();
        const told = one.sent.items.length;
        await until(one, 'reconnecting');
        assert.equal(connection.state, State.WAITING);
        await hub.launch();
        connection.nudge(true);
        await until(one, 'live', told);
        await hub.publish('a', '5');
        for (const [each, all] of [
            [one, ['4', '5']],
            [two, ['5']],
        ]) {
            await count(each, all.length);
            assert.deepEqual(data(each), all);
        }
        connection.leave(one);
        assert.equal(empty, false);
        connection.leave(two);
        assert.equal(empty, true);
    },
);

scenario(
    'tabs share a connection for the same hub, key and filter; an unknown tab is not served',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publish('a', 'old');
        const { next } = (
            await hub.get('/events?topic=a&last=0', { accept: 'application/json' })
        ).json();
        const subscribers = async () => (await hub.get('/topics?topic=a')).json()[0].subscribers;
        const connections = new Connections();
        s.defer(() => connections.close());
        const join = { t: 'join', sub: '1', target: target(hub), topics: ['a'], id: next };
        assert.equal(connections.receive('one', join), false);
        const tabs = ['one', 'two'].map((name) => {
            const sent = new Recorder();
            connections.attach(name, (message) => sent.push(message));
            return { name, sent };
        });
        for (const { name } of tabs) assert.equal(connections.receive(name, join), true);
        assert.equal(connections.receive('one', { t: 'ping' }), true);
        assert.deepEqual(tabs[0].sent.items[0], { t: 'ok' });
        for (const tab of tabs) await until(tab, 'live');
        await hub.publish('a', 'new');
        for (const tab of tabs) await count(tab, 1);
        assert.ok(
            tabs.every(({ sent }) => sent.items.every(({ t, sub }) => t === 'ok' || sub === '1')),
        );
        assert.equal(await subscribers(), 1);
        connections.receive('one', { t: 'bye' });
        assert.equal(connections.receive('one', { t: 'ping' }), false);
        await hub.publish('a', 'newer');
        await count(tabs[1], 2);
        assert.deepEqual(data(tabs[0]), ['new']);
    },
);
