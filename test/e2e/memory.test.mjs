// SPDX-License-Identifier: MIT
// What clients begin and do not end is bounded in sum: hostile ones hold what they can, others are
// served (limits.held_bytes).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { RawSocket, assertProblem, slowRequest } from './support/http.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { scaled, scenario } from './support/scope.mjs';
import { until, within } from './support/wait.mjs';

const MB = 1024 * 1024;
const HELD = 8 * MB;
const CLIENTS = 64;
// Sanitizers keep freed memory, so that there is nothing to compare.
const comparable = scaled(1) === 1;

const rss = (hub) =>
    Number(readFileSync(`/proc/${hub.process.pid}/status`, 'utf8').match(/RssAnon:\s+(\d+)/)[1]) *
    1024;

async function metric(hub, name) {
    const { text } = await hub.get('/metrics');
    return Number(text.match(new RegExp(`^tailrace_${name} (\\d+)$`, 'm'))[1]);
}

const start = (scope, config = {}) =>
    Hub.start(scope, {
        config: { workers: 1, limits: { held_bytes: '8MB', ...config.limits }, ...config },
    });

// Others are served as if nothing were.
async function assertServes(hub, scope) {
    const topic = 'served';
    const stream = await hub.stream(`/t/${topic}`, {}, scope);
    await hub.publish(topic, 'one');
    const lines = numbered(1000, 'line ');
    await hub.publishLines(topic, lines);
    assert.deepEqual(await stream.waitData(1 + lines.length), ['one', ...lines]);
}

async function hold(scope, hub, count, text) {
    const sockets = [];
    for (let i = 0; i < count; i++) {
        const socket = await RawSocket.connect(scope, hub.port);
        socket.write(text);
        sockets.push(socket);
    }
    return sockets;
}

// Takes what is left of the account, but for some KB.
async function fill(hub, scope) {
    const sockets = [];
    for (let size = MB / 2; size >= 8192; size /= 2) {
        const before = await metric(hub, 'held_bytes');
        const [socket] = await hold(
            scope,
            hub,
            1,
            post('/t/held', `Content-Length: ${size}\r\n`) + 'x'.repeat(size - 1),
        );
        const taken = async () => (await metric(hub, 'held_bytes')) !== before;
        await until(
            async () => /^HTTP/.test(socket.text) || (await taken()),
            'the body to be held or refused',
        );
        sockets.push(socket);
    }
    return sockets;
}

const post = (path, head = '') => `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`;

scenario(
    'line ends with the longest topic, type and key cost a few MB a connection',
    {},
    async (s) => {
        // What waits for the disk and what was committed last has bounds of its own.
        const own = { stream: { ring_bytes: '1MB' }, limits: { queue_bytes: '4MB' } };
        const hub = await Hub.start(s, { config: { workers: 1, ...own, log: { level: 'warn' } } });
        const topic = 'x'.repeat(990);
        const body = '\n'.repeat(60_000);
        const query = `?split=lines&type=${'t'.repeat(255)}&id=${'k'.repeat(200)}`;
        // The hub has what commits of such lines take, whoever sends them.
        await hub.publish(topic, body, query);
        const before = rss(hub);
        const answers = Array.from({ length: 6 }, () => hub.publish(topic, body, query));
        let most = 0;
        const watch = setInterval(() => (most = Math.max(most, rss(hub))), 5);
        s.defer(() => clearInterval(watch));
        for (const { count } of await within(Promise.all(answers), 'the answers', 60_000))
            assert.equal(count, 60_000);
        assert.ok((await metric(hub, 'held_bytes')) === 0);
        if (comparable) assert.ok(most - before < 6 * 8 * MB, `${(most - before) / MB} MB`);
    },
);

scenario('unfinished bodies are held up to the bound, and others are served', {}, async (s) => {
    const hub = await start(s);
    const before = rss(hub);
    const size = MB - 1;
    const sockets = await hold(s, hub, CLIENTS, post('/t/held', `Content-Length: ${MB}\r\n`));
    for (const socket of sockets) socket.write('x'.repeat(size));
    const refused = () => sockets.filter((socket) => /^HTTP\/1.1 503/.test(socket.text));
    await until(() => refused().length >= CLIENTS - HELD / MB, 'most to be refused');
    for (const socket of refused()) {
        assert.match(socket.text, /\r\nRetry-After: 1\r\n/);
        assert.match(socket.text, /limits\.held_bytes/);
    }
    const held = await metric(hub, 'held_bytes');
    assert.equal(await metric(hub, 'held_bytes_max'), HELD);
    assert.ok(held > HELD / 2 && held <= HELD, `${held}`);
    if (comparable) assert.ok(rss(hub) - before < 3 * HELD, `${(rss(hub) - before) / MB} MB`);
    const more = await fill(hub, s);
    assertProblem(await hub.get('/topics'), 503, /limits\.held_bytes/);
    await assertServes(hub, s);
    const large = await hub.post('/t/held', 'x'.repeat(MB - 1));
    assertProblem(large, 503, /limits\.held_bytes/);
    // Those that are in go on to their end.
    for (const socket of sockets) socket.write('x');
    const done = () => sockets.filter((socket) => /^HTTP\/1.1 200/.test(socket.text));
    await until(() => done().length + refused().length === CLIENTS, 'the rest to be answered');
    assert.ok(done().length >= HELD / MB / 2);
    assert.equal((await hub.post('/t/held', 'x'.repeat(MB - 1))).status, 200);
    for (const socket of more) socket.destroy();
    const cached = async () =>
        (await metric(hub, 'held_bytes')) === (await metric(hub, 'encoded_bytes'));
    await until(cached, 'nothing to be held but encodings');
});

scenario('unfinished lines are held up to the bound, and others are served', {}, async (s) => {
    const hub = await start(s);
    const sockets = await hold(
        s,
        hub,
        CLIENTS,
        post('/t/held?split=lines', `Content-Length: ${10 * MB}\r\n`),
    );
    for (const socket of sockets) socket.write(`whole\n${'x'.repeat(MB - 10)}`);
    const refused = () => sockets.filter((socket) => /^HTTP\/1.1 503/.test(socket.text));
    await until(() => refused().length >= CLIENTS - HELD / MB, 'most to be refused');
    assert.ok((await metric(hub, 'held_bytes')) <= HELD);
    await assertServes(hub, s);
    const { text } = await hub.get('/t/held?last=all', { accept: 'text/plain' });
    assert.equal(text, 'whole\n'.repeat(CLIENTS), 'the lines before are published');
});

// A byte each now and then does not keep it.
scenario('who holds much of an unfinished line has to go on with it', {}, async (s) => {
    const hub = await start(s, { limits: { held_bytes: '8MB', body_timeout: '300ms' } });
    const upload = slowRequest(s, hub.to('/t/slow?split=lines'));
    upload.write('x'.repeat(100_000));
    const idle = slowRequest(s, hub.to('/t/slow?split=lines'));
    idle.write('whole\nhalf');
    const answer = await within(upload.answer, 'the answer');
    assertProblem(answer, 408, /in time/);
    idle.end(' a line');
    assert.equal((await idle.answer).status, 200);
});

scenario('large subscriptions are held up to the bound, others are served', {}, async (s) => {
    const limits = { held_bytes: '1MB', event_bytes: '512KB' };
    const hub = await start(s, { limits });
    const sockets = [];
    for (let i = 0; i < CLIENTS; i++) {
        const topics = Array.from({ length: 100 }, (_, n) => `topic=${i}/${'x'.repeat(120)}/${n}`);
        const socket = await RawSocket.connect(s, hub.port);
        socket.write(
            `GET /events?${topics.join('&')} HTTP/1.1\r\nHost: localhost\r\n` +
                'Accept: text/event-stream\r\n\r\n',
        );
        sockets.push(socket);
    }
    const text = /\r\n\r\n[^]*\nretry: \d+\n/;
    await Promise.all(sockets.map((socket) => socket.waitText(text)));
    const away = sockets.filter((socket) => /limits\.held_bytes/.test(socket.text));
    assert.ok(away.length > CLIENTS / 4 && away.length < CLIENTS, `${away.length}`);
    // An EventSource would give up for good on anything but 200.
    for (const socket of sockets) assert.match(socket.text, /^HTTP\/1.1 200 OK\r\n/);
    for (const socket of away) await within(socket.closed, 'the polite stream to end');
    assert.ok((await metric(hub, 'held_bytes')) <= MB);
    await assertServes(hub, s);
    for (const socket of sockets) socket.destroy();
    await until(async () => (await metric(hub, 'selectors')) <= 1, 'the subscriptions to be gone');
    const encoded = await metric(hub, 'encoded_bytes');
    assert.equal(await metric(hub, 'held_bytes'), encoded, 'encodings alone are left');
});

// An event of line ends grows to seven times its size, in each format.
scenario('encodings of recent events have a bound, whoever made them', {}, async (s) => {
    const hub = await Hub.start(s, {
        config: { workers: 2, limits: { held_bytes: '4MB' }, log: { level: 'warn' } },
    });
    const count = 30;
    for (let i = 0; i < count; i++) await hub.publish('ends', '\n'.repeat(500_000));
    const before = rss(hub);
    // Each connection comes to one of the workers.
    for (let i = 0; i < 4; i++) {
        for (const format of ['plain', 'meta']) {
            const socket = await RawSocket.connect(s, hub.port);
            let got = 0;
            socket.socket.removeAllListeners('data');
            socket.socket.on('data', (chunk) => {
                got += chunk.length;
                socket.push(got);
            });
            socket.write(
                `GET /t/ends?last=all&format=${format} HTTP/1.0\r\nHost: localhost\r\n` +
                    'Accept: text/event-stream\r\n\r\n',
            );
            if (i % 2 === 0)
                await socket.waitFor(() => got > count * 3_500_000, 'all of it', 60_000);
            socket.destroy();
        }
    }
    assert.ok((await metric(hub, 'encoded_bytes')) <= 8 * MB);
    if (comparable) assert.ok(rss(hub) - before < 64 * MB, `${(rss(hub) - before) / MB} MB`);
});

scenario(
    'an event of nothing but line ends, as large as one may be, ends nobody',
    {},
    async (s) => {
        const limits = { event_bytes: '16MB', queue_bytes: '64MB' };
        const hub = await Hub.start(s, { config: { workers: 1, limits } });
        const slow = await RawSocket.connect(s, hub.port);
        slow.write('GET /t/ends HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
        await slow.waitText(/: tailrace/);
        slow.socket.pause();
        for (const end of ['\n', '\r', '\u0001']) await hub.publish('ends', end.repeat(16 * MB));
        await assertServes(hub, s);
    },
);

// The ring forgets at once, the account is small, and the workers share what each has encoded.
scenario('streams of all workers are whole while encodings are given up', {}, async (s) => {
    const hub = await Hub.start(s, {
        config: {
            workers: 3,
            stream: { ring_events: 64 },
            limits: { held_bytes: '1MB', event_bytes: '512KB' },
            log: { level: 'warn' },
        },
    });
    const streams = [];
    for (let i = 0; i < 18; i++) {
        const format = ['plain', 'meta', 'envelope'][i % 3];
        streams.push(await hub.stream(`/t/x?format=${format}`, { keepRaw: false }, s));
    }
    const lines = numbered(4000, `${'x'.repeat(1000)} `);
    for (let at = 0; at < lines.length; at += 50)
        await hub.publishLines('x', lines.slice(at, at + 50));
    for (const stream of streams) {
        let data = await stream.waitData(lines.length);
        if (data[0].startsWith('{')) data = data.map((one) => JSON.parse(one).data);
        assertSequence(data, lines);
    }
    assert.ok((await metric(hub, 'encoded_bytes')) <= 3 * MB);
});
