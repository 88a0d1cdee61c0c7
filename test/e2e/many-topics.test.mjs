// SPDX-License-Identifier: MIT
// A hub with very many topics: whatever is asked of them, nobody else waits for it.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { Hub } from './support/hub.mjs';
import { scaled, scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const TOPICS = 40_000;

const file = shared();
const hub = await Hub.start(file, { config: { workers: 1, log: { level: 'warn' } } });
const check = (name, body) => scenario(name, { shared: file }, body);

// Publishes to each topic once, all requests in one go.
function fill() {
    return new Promise((resolve, reject) => {
        const socket = net.connect(hub.port, '127.0.0.1');
        const answer = Buffer.from('HTTP/1.1 200');
        let answered = 0;
        let rest = Buffer.alloc(0);
        socket.on('error', reject);
        socket.on('data', (chunk) => {
            rest = Buffer.concat([rest, chunk]);
            let at = 0;
            for (let next; (next = rest.indexOf(answer, at)) >= 0; answered++)
                at = next + answer.length;
            rest = rest.subarray(Math.max(at, rest.length - answer.length + 1));
            if (answered === TOPICS) socket.destroy(resolve());
        });
        for (let from = 0; from < TOPICS; from += 1000) {
            let bytes = '';
            for (let i = from; i < from + 1000; i++)
                bytes += `POST /t/builds/${i}/log HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx`;
            socket.write(bytes);
        }
    });
}
await fill();

const many = (form) => {
    const query = new URLSearchParams();
    for (let i = 0; i < 100; i++) query.append('topic', form(i));
    return query;
};
const NOTHING = many((i) => `builds/*/${i}/**`);

async function worstTurn() {
    const { text } = await hub.get('/metrics');
    return Number(/^tailrace_turn_cpu_seconds_max (\S+)$/m.exec(text)[1]);
}

check('a list of all topics has each of them once', async () => {
    const list = (await hub.get('/topics')).json();
    assert.equal(list.length, TOPICS);
    assert.equal(new Set(list.map(({ topic }) => topic)).size, TOPICS);
    assert.deepEqual((await hub.get('/topics?topic=builds/7/*')).json().length, 1);
    assert.deepEqual((await hub.get('/topics?topic=builds/7/log&topic=none')).json().length, 1);
    assert.deepEqual((await hub.get(`/topics?${NOTHING}`)).json(), []);
});

check('a list that goes on while topics come and go has those once that stay', async () => {
    const reading = hub.get('/topics');
    await hub.publish('new/1', 'x');
    await hub.publish('new/2', 'x');
    await hub.delete('/t/new/1');
    const names = (await reading).json().map(({ topic }) => topic);
    const stay = names.filter((name) => name.startsWith('builds/'));
    assert.equal(stay.length, TOPICS);
    assert.equal(new Set(stay).size, TOPICS);
    await hub.delete('/t/new/2');
});

check('a snapshot of patterns has an entity tag, and is not sent again', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = (headers) =>
        new Promise((resolve, reject) => {
            const call = http.get(hub.to(`/events?${NOTHING}&topic=builds/5/*&last=1`), {
                headers: { accept: 'application/json', ...headers },
                agent,
            });
            call.on('error', reject);
            call.on('response', (answer) => {
                let text = '';
                answer.setEncoding('utf8').on('data', (chunk) => (text += chunk));
                answer.on('end', () => resolve({ answer, text, reused: call.reusedSocket }));
            });
        });
    // One pattern more than may be asked for at once.
    assert.equal((await get({})).answer.statusCode, 400);
    NOTHING.delete('topic', 'builds/*/99/**');
    const first = await get({});
    assert.equal(first.answer.statusCode, 200, first.text);
    const { topics, events } = JSON.parse(first.text);
    assert.deepEqual([topics.length, events.length], [1, 1]);
    const etag = first.answer.headers.etag;
    const same = await get({ 'if-none-match': `"other", W/${etag}` });
    assert.deepEqual([same.answer.statusCode, same.text], [304, '']);
    assert.equal(same.answer.headers.etag, etag);
    assert.equal(same.answer.headers['transfer-encoding'], undefined);
    const next = await get({ 'if-none-match': '"other"' });
    assert.equal(next.answer.statusCode, 200);
    assert.ok(next.reused, 'the connection goes on after a 304');
    assert.equal(next.text, first.text);
    await hub.publish('builds/5/log', 'y');
    assert.equal((await get({ 'if-none-match': etag })).answer.statusCode, 200);
    agent.destroy();
});

check('a stream of patterns is given what comes while its topics are found', async (scope) => {
    const stream = await hub.stream(`/events?${NOTHING}&topic=late/**`, {}, scope);
    await hub.publish('late/1', 'at once');
    await stream.events.waitFor(
        (events) => events.some(({ data }) => data === 'at once'),
        'the event',
    );
});

const heldBytes = async () =>
    Number(/^tailrace_held_bytes (\S+)$/m.exec((await hub.get('/metrics')).text)[1]);

check('a list that is not read holds one piece, which is counted', async (scope) => {
    // Encodings of recent events are held as well.
    const most = 4096;
    await until(async () => (await heldBytes()) < most, 'subscriptions before to be gone');
    const socket = net.connect(hub.port, '127.0.0.1').pause();
    scope.defer(() => socket.destroy());
    socket.write('GET /topics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await until(async () => (await heldBytes()) > most, 'the hub to wait for its reader');
    assert.ok((await heldBytes()) < 512 * 1024);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => (text += chunk));
    socket.resume();
    await new Promise((resolve) => socket.on('end', resolve));
    assert.ok(text.endsWith(']\n\r\n0\r\n\r\n'), 'whole in the end');
    assert.equal(text.match(/"topic":"builds\//g).length, TOPICS);
    await until(async () => (await heldBytes()) < most, 'nothing to be held');
});

check('nothing of that took a turn of more than 50 ms', async () => {
    const seconds = await worstTurn();
    assert.ok(seconds < scaled(0.05), `${seconds} s`);
});
