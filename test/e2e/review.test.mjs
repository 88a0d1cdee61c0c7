// SPDX-License-Identifier: MIT
// What a second reading of the server found: the order of pipelined answers, requests behind
// snapshots, half-closed connections, ids from another worker, stopping with things in flight.
import assert from 'node:assert/strict';
import { RawSocket } from './support/http.mjs';
import { Hub, numbered } from './support/hub.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until, within } from './support/wait.mjs';

const file = shared();
const hub = await Hub.start(file, { config: { workers: 4 } });
const check = (name, body) => scenario(name, { shared: file }, body);

const GET = (path, extra = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${extra}\r\n`;
const POST = (path, body, extra = '') =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${extra}\r\n${body}`;

// The hub has a long poll when it counts a subscriber of its topic.
const waitPoll = (of, topic) =>
    until(
        async () => (await of.get(`/topics?topic=${topic}`)).json()[0].subscribers === 1,
        'the long poll to be counted',
    );

check('a refusal does not overtake the answer of an earlier publish', async (s) => {
    const raw = await RawSocket.connect(s, hub.port);
    raw.write(
        POST('/t/order', 'a') +
            POST('/t/$sys/x', 'no') +
            POST('/t/order', 'b') +
            POST('/topics', '') +
            POST('/t/order', 'c') +
            GET('/healthz'),
    );
    const answers = await raw.waitResponses(6);
    assert.deepEqual(
        answers.map((answer) => answer.status),
        [200, 403, 200, 405, 200, 200],
    );
});

check('a bad request behind a publish is answered after it', async (s) => {
    const raw = await RawSocket.connect(s, hub.port);
    raw.write(`${POST('/t/order2', 'a')}rubbish\r\n\r\n`);
    const answers = await raw.waitResponses(2);
    assert.deepEqual(
        answers.map((answer) => answer.status),
        [200, 400],
    );
    await within(raw.closed, 'the end of the connection');
});

check('nothing is read behind a request that closes the connection', async (s) => {
    const raw = await RawSocket.connect(s, hub.port);
    raw.write(POST('/t/last', 'a', 'Connection: close\r\n') + POST('/t/last', 'b'));
    await within(raw.closed, 'the end of the connection');
    const answers = await raw.waitResponses(1);
    assert.equal(answers.length, 1);
    const { events } = (await hub.get('/t/last', { accept: 'application/json' })).json();
    assert.deepEqual(
        events.map((event) => event.data),
        ['a'],
    );
});

check('requests that come while a long poll waits are answered after it', async (s) => {
    const raw = await RawSocket.connect(s, hub.port);
    const { id } = await hub.publish('behind', 'first');
    raw.write(GET(`/t/behind?since=${id}&wait=20s`, 'Accept: application/json\r\n'));
    await waitPoll(hub, 'behind');
    raw.write(GET('/healthz'));
    raw.write(GET('/version'));
    await hub.publish('behind', 'second');
    const answers = await raw.waitResponses(3);
    assert.equal(JSON.parse(answers[0].text).events[0].data, 'second');
    assert.equal(answers[1].text, 'ok\n');
    assert.match(answers[2].text, /tailrace/);
});

check('closing a topic behind lines does not count as a line', async () => {
    const answer = await hub.post('/t/counted?split=lines&close=1', 'a\nb\n');
    assert.equal(answer.json().count, 2);
});

check('a client that has said all and closed its side gets a whole snapshot', async (s) => {
    await hub.publishLines('half', numbered(20000, 'x'.repeat(500)));
    for (const version of ['1.0', '1.1']) {
        const raw = await RawSocket.connect(s, hub.port);
        raw.socket.pause();
        raw.end(
            `GET /t/half?last=all HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\nAccept: text/plain\r\n\r\n`,
        );
        await hub.get('/healthz');
        raw.socket.resume();
        await within(raw.closed, 'the end of the answer');
        assert.match(raw.text.slice(-1000), /x20000\r?\n/);
    }
});

check('an id is known to every worker at once', async (s) => {
    const streams = [];
    for (let i = 0; i < 60; i++) {
        const { id } = await hub.publish('known', `n${i}`);
        const raw = await RawSocket.connect(s, hub.port);
        raw.write(GET(`/t/known?last=1`, `Accept: text/event-stream\r\nLast-Event-ID: ${id}\r\n`));
        streams.push(raw);
    }
    const { id } = await hub.publish('known', 'end');
    for (const raw of streams) {
        await raw.waitText(id);
        assert.ok(!raw.text.includes('tailrace.gap'), raw.text);
    }
});

scenario('a connection that is used again and again is not idle', async (s) => {
    const own = await Hub.start(s, {
        config: { limits: { idle_timeout: '2s', header_timeout: '2s' } },
    });
    const quick = await RawSocket.connect(s, own.port);
    const overlapping = await RawSocket.connect(s, own.port);
    const whole = GET('/healthz');
    overlapping.write(whole.slice(0, 10));
    const began = Date.now();
    let rounds = 0;
    while (Date.now() - began < 2500) {
        rounds++;
        quick.write(whole);
        overlapping.write(whole.slice(10) + whole.slice(0, 10));
        await quick.waitResponses(rounds);
        await overlapping.waitResponses(rounds);
        // Time itself is what is tested: each pause is far within the bounds, all of them together
        // are beyond.
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok((await quick.waitResponses(rounds)).every((answer) => answer.status === 200));
    assert.ok((await overlapping.waitResponses(rounds)).every((answer) => answer.status === 200));
    await within(quick.closed, 'the end of the idle connection');
});

scenario('SIGTERM answers a waiting long poll', async (s) => {
    const own = await Hub.start(s, { config: { stream: { drain: '10s' } } });
    const { id } = await own.publish('poll', 'x');
    const raw = await RawSocket.connect(s, own.port);
    raw.write(GET(`/t/poll?since=${id}&wait=60s`, 'Accept: application/json\r\n'));
    await waitPoll(own, 'poll');
    await own.stop(8000);
    const [answer] = await raw.waitResponses(1);
    assert.deepEqual(JSON.parse(answer.text).events, []);
});

scenario('stopping while metrics are being gathered is clean', async (s) => {
    for (let round = 0; round < 5; round++) {
        const own = await Hub.start(s, { config: { workers: 8, stream: { drain: '0ms' } } });
        const sockets = [];
        for (let i = 0; i < 16; i++) {
            const raw = await RawSocket.connect(s, own.port);
            raw.write(GET('/metrics').repeat(200));
            sockets.push(raw);
        }
        await sockets[0].waitText(/tailrace_/);
        await own.stop();
        for (const raw of sockets) raw.destroy();
    }
});
