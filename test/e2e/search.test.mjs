// SPDX-License-Identifier: MIT
// Searching the history: newest first, hits as they are found, whatever else the hub has to do
// (API.md section 3).
import assert from 'node:assert/strict';
import http from 'node:http';
import { RawSocket, parseResponses } from './support/http.mjs';
import { Hub, assertRising, assertSequence, numbered, parseId } from './support/hub.mjs';
import { scenario, shared } from './support/scope.mjs';
import { Recorder, until, within } from './support/wait.mjs';

const LINES = 250_000;
const NDJSON = { accept: 'application/x-ndjson' };
// Matches nothing, and needs half the steps of a match to find that out: the slowest search there
// is, but for those that end themselves.
const SLOW = encodeURIComponent('/(?:.|.){8}[<>]/');

const file = shared();
const hub = await Hub.start(file, { config: { log: { level: 'warn' } } });
const big = numbered(LINES, 'one of many lines number ');
for (let at = 0; at < LINES; at += 50_000)
    await hub.publishLines('big', big.slice(at, at + 50_000));
const check = (name, body) => scenario(name, { shared: file }, body);

async function metric(name) {
    const { text } = await hub.get('/metrics');
    return Number(text.match(new RegExp(`^tailrace_${name} (\\d+)$`, 'm'))[1]);
}

// A search whose elements are recorded as they come: {elements, ended, close}.
async function search(scope, query, headers = NDJSON) {
    const elements = new Recorder();
    const call = http.get(hub.to(query), { agent: false, headers });
    const response = await within(
        new Promise((resolve, reject) => call.on('response', resolve).on('error', reject)),
        `the head of ${query}`,
    );
    assert.equal(response.statusCode, 200);
    let rest = '';
    response.setEncoding('utf8').on('data', (chunk) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        for (const line of lines) elements.push(JSON.parse(line));
    });
    response.on('error', () => {});
    const ended = new Promise((resolve) => response.on('close', () => resolve(response.complete)));
    ended.then(() => elements.finish('the answer ended'));
    scope.defer(() => call.destroy());
    return { elements, ended, close: () => call.destroy() };
}

async function searchAll(query) {
    const answer = await hub.get(query, NDJSON);
    assert.equal(answer.status, 200, answer.text);
    return answer.text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
}

const summary = (element) => [element.type, JSON.parse(element.data)];

check('hits come newest first, all of them, by text and by regular expression', async () => {
    const wanted = big.filter((line) => line.endsWith('777')).reverse();
    for (const filter of ['777', '/777$/', '/NUMBER \\d*777$/i']) {
        const found = await searchAll(
            `/t/big?order=newest&last=all&filter=${encodeURIComponent(filter)}`,
        );
        const lines = found.map(({ data }) => data);
        assertSequence(
            filter === '777' ? lines.filter((line) => line.endsWith('777')) : lines,
            wanted,
            filter,
        );
        assertRising(found.map(({ id }) => id).reverse());
    }
});

check('without a filter it is the whole history backwards', async () => {
    const { text } = await hub.get('/t/big?order=newest&last=all', { accept: 'text/plain' });
    assertSequence(text.trimEnd().split('\n'), [...big].reverse());
    assert.equal(
        (await hub.get('/t/big?order=newest', { accept: 'text/plain' })).text.split('\n').length,
        101,
        '100 unless asked otherwise',
    );
});

check('last= bounds the hits, and before= goes on where it stopped', async () => {
    const wanted = big.filter((line) => line.endsWith('999')).reverse();
    const got = [];
    for (let before = ''; ;) {
        const found = await searchAll(
            `/t/big?order=newest&last=60&control=1&filter=${encodeURIComponent('/999$/')}${before}`,
        );
        const done = found.pop();
        const hits = found.filter(({ type }) => type === 'message');
        got.push(...hits.map(({ data }) => data));
        const [type, data] = summary(done);
        assert.equal(type, 'tailrace.done');
        assert.equal(data.hits, hits.length);
        assert.equal(done.topic, '');
        if (data.complete) break;
        assert.equal(hits.length, 60);
        assert.equal(done.id, hits.at(-1).id);
        before = `&before=${done.id}`;
    }
    assert.deepEqual(got, wanted);
});

check('as JSON it has the next place to begin; progress and end are elements of it', async () => {
    const ask = async (query) =>
        (
            await hub.get(
                `/t/big?order=newest&filter=${encodeURIComponent('/number 1?77$/')}${query}`,
                { accept: 'application/json' },
            )
        ).json();
    const one = await ask('&last=1');
    assert.deepEqual(
        one.events.map(({ data }) => data),
        ['one of many lines number 177'],
    );
    assert.equal(one.previous, one.events[0].id);
    const rest = await ask(`&last=5&before=${one.previous}&control=1`);
    assert.equal(rest.previous, null);
    const done = rest.events.pop();
    assert.deepEqual(summary(done), ['tailrace.done', { scanned: 176, hits: 1, complete: true }]);
    assert.deepEqual(
        rest.events.map(({ data }) => data),
        ['one of many lines number 77'],
    );
});

check('a long search says at least every second how far it is', async (s) => {
    const { elements, ended, close } = await search(
        s,
        `/t/big?order=newest&last=all&control=1&filter=${SLOW}`,
    );
    const items = await elements.waitCount(4);
    for (const [i, element] of items.slice(0, 4).entries()) {
        assert.equal(element.type, 'tailrace.progress');
        assert.equal(element.topic, '');
        assert.match(element.time, /^\d{4}-.*Z$/);
        if (!i) continue;
        assert.ok(parseId(element.id).seq < parseId(items[i - 1].id).seq, 'further back');
        assert.ok(JSON.parse(element.data).scanned > JSON.parse(items[i - 1].data).scanned);
    }
    close();
    await ended;
});

check('live events keep flowing while many search', async (s) => {
    const live = await hub.stream('/t/live', {}, s);
    const searches = [];
    for (let i = 0; i < 8; i++)
        searches.push(
            await search(
                s,
                `/t/big?order=newest&last=all&filter=${i % 2 ? SLOW : encodeURIComponent(`/nothing ${i}/`)}`,
            ),
        );
    let slowest = 0;
    for (let i = 1; i <= 100; i++) {
        const sent = performance.now();
        await hub.publish('live', `${i}`);
        await live.waitData(i, 5000);
        slowest = Math.max(slowest, performance.now() - sent);
    }
    console.log(`a live event took at most ${Math.round(slowest)} ms while 8 searched`);
    assertSequence(live.data, numbered(100));
    assert.ok((await metric('searches')) >= 4, 'they were still at it');
    for (const one of searches) one.close();
});

check('who goes away ends his search', async (s) => {
    await until(async () => (await metric('searches')) === 0, 'other searches to end');
    const one = await search(s, `/t/big?order=newest&last=all&filter=${SLOW}`);
    await until(async () => (await metric('searches')) === 1, 'the search to begin');
    one.close();
    await until(async () => (await metric('searches')) === 0, 'the search to end');
    const looked = await metric('looked_back_total');
    assert.equal(await metric('looked_back_total'), looked);
    assert.ok(looked < 2 * LINES * 20);
    // One who has said that he will say no more is gone too.
    const half = await RawSocket.connect(s, hub.port);
    half.write(
        `GET /t/big?order=newest&last=all&filter=${SLOW} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    await until(async () => (await metric('searches')) === 1, 'the search to begin');
    half.end();
    await until(async () => (await metric('searches')) === 0, 'the search to end');
});

check(
    'a search waits for a client that does not read, and gives him everything in the end',
    async (s) => {
        const socket = await RawSocket.connect(s, hub.port);
        socket.socket.pause();
        const before = await metric('looked_back_total');
        socket.write(
            'GET /t/big?order=newest&last=all HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n',
        );
        await until(async () => (await metric('searches')) === 1, 'the search to begin');
        let looked = -1;
        await until(
            async () => looked === (looked = await metric('looked_back_total')) && looked > before,
            'it to wait',
        );
        assert.ok(looked - before < LINES, 'it did not look through all of it');
        socket.socket.resume();
        const [response] = await until(() => {
            const found = parseResponses(socket.bytes);
            return found.length && found;
        }, 'the whole answer');
        assertSequence(response.text.trimEnd().split('\n'), [...big].reverse());
    },
);

check('the connection can be used again behind a search', async (s) => {
    const socket = await RawSocket.connect(s, hub.port);
    const ask = (query) => `GET ${query} HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n`;
    socket.write(
        ask(`/t/big?order=newest&last=1&filter=${encodeURIComponent('number 1234')}`) +
            ask('/t/big?last=1'),
    );
    const [first, second] = await socket.waitResponses(2);
    assert.match(first.text, /number 1234/);
    assert.equal(second.text, `${big.at(-1)}\n`);
});

check('a hub that is to stop does not wait for a search', async (s) => {
    const own = await Hub.start(s, { data: `${s.tempDir()}/data` });
    await own.publishLines('a', big.slice(0, 50_000));
    const call = http.get(own.to(`/t/a?order=newest&last=all&filter=${SLOW}`), { agent: false });
    call.on('error', () => {});
    s.defer(() => call.destroy());
    await within(new Promise((resolve) => call.on('response', resolve)), 'the head');
    await own.stop();
});
