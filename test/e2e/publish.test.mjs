// SPDX-License-Identifier: MIT
// Publishing over HTTP: one event, lines, keys, closing, forgetting (API.md section 2).
import assert from 'node:assert/strict';
import { assertProblem, RawSocket } from './support/http.mjs';
import { Hub, assertRising, assertSequence, numbered, parseId } from './support/hub.mjs';
import { curl } from './support/process.mjs';
import { scenario, shared } from './support/scope.mjs';

const file = shared();
const hub = await Hub.start(file);
const check = (name, body) => scenario(name, { shared: file }, body);

async function snapshot(topic, query = '?last=all') {
    const answer = await hub.get(`/t/${topic}${query}`, { accept: 'application/json' });
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
}

const dataOf = async (topic) => (await snapshot(topic)).events.map((event) => event.data);

check('a body is one event and its id comes back', async () => {
    const answer = await hub.post('/t/one', 'hello');
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^application\/json/);
    const { id } = answer.json();
    parseId(id);
    const { events } = await snapshot('one');
    assert.equal(events.length, 1);
    assert.deepEqual(
        { id: events[0].id, topic: events[0].topic, data: events[0].data },
        { id, topic: 'one', data: 'hello' },
    );
    assert.ok(Math.abs(Date.parse(events[0].time) - Date.now()) < 60_000, events[0].time);
});

check('ids rise over all topics', async () => {
    const ids = [];
    for (let i = 0; i < 20; i++) ids.push((await hub.publish(`rise/${i % 3}`, String(i))).id);
    assertRising(ids);
});

check('an empty body is an event with empty data', async () => {
    await hub.publish('empty', '');
    assert.deepEqual(await dataOf('empty'), ['']);
});

check('the bytes of the body are the data, whatever the media type', async () => {
    const body = ' leading\r\n\tand \u{1F600} trailing \n\n';
    await hub.publish('bytes', body, '', { 'content-type': 'application/x-www-form-urlencoded' });
    await hub.publish('bytes', '{"a":1}', '', { 'content-type': 'application/json' });
    assert.deepEqual(await dataOf('bytes'), [body, '{"a":1}']);
});

check('a body that is not UTF-8 is refused and nothing is published', async () => {
    for (const body of [
        [0xff, 0xfe],
        [0xc0, 0x80],
        [0xed, 0xa0, 0x80],
        [0xf0, 0x9f, 0x98],
    ]) {
        assertProblem(await hub.post('/t/badutf', Buffer.from(body)), 400, /UTF-8/i);
    }
    assert.deepEqual(await dataOf('badutf'), []);
});

check('a topic may be any text, percent-encoded', async () => {
    for (const topic of [
        'https://example.com/books/1?x#y',
        'r\u00e9sum\u00e9/\u{1F4DA} shelf',
        'a//b',
        'trailing/',
        'a*b/c**',
        'x'.repeat(1000),
    ]) {
        await hub.publish(encodeURIComponent(topic), 'x');
        const { events } = await snapshot(encodeURIComponent(topic));
        assert.equal(events.at(-1).topic, topic);
    }
});

check('slashes in a topic need no encoding', async () => {
    await hub.publish('builds/42/log', 'one');
    await hub.publish(encodeURIComponent('builds/42/log'), 'two');
    assert.deepEqual(await dataOf('builds/42/log'), ['one', 'two']);
});

check('a bad topic is refused with the reason', async () => {
    for (const topic of [
        '',
        '*',
        'a/**/b',
        '%00',
        'a%0Ab',
        'a%7F',
        '%C2%85',
        '%FF',
        '%zz',
        'a%2',
        'x'.repeat(1001),
        '$sys/anything',
    ]) {
        const answer = await hub.post(`/t/${topic}`, 'x');
        assert.ok([400, 403, 404].includes(answer.status), `${topic}: ${answer.status}`);
        assertProblem(answer, answer.status);
    }
    assertProblem(await hub.post('/t/a/*', 'x'), 400, /\*/);
});

check('a type is stored and names the event', async () => {
    await hub.publish('typed', 'x', '?type=build.done');
    const { events } = await snapshot('typed');
    assert.equal(events[0].type, 'build.done');
});

check('a bad or reserved type is refused', async () => {
    for (const type of ['a%0Ab', 'a%0Db', 'a%00b', 'tailrace.end', 'tailrace.', 'x'.repeat(256)]) {
        assertProblem(await hub.post(`/t/badtype?type=${type}`, 'x'), 400, /type/i);
    }
    assert.deepEqual(await dataOf('badtype'), []);
});

check('an unknown query parameter or a bad value is named in the error', async () => {
    assertProblem(await hub.post('/t/q?split=words', 'x'), 400, /split/);
    assertProblem(await hub.post('/t/q?close=perhaps', 'x'), 400, /close/);
});

check('a key used twice publishes once and answers with the first id', async () => {
    const first = await hub.publish('keyed', 'a', '?id=k1');
    assert.notEqual(first.duplicate, true);
    const second = await hub.publish('keyed', 'b', '?id=k1');
    assert.deepEqual(second, { id: first.id, duplicate: true });
    const elsewhere = await hub.publish('keyed-2', 'c', '?id=k1');
    assert.notEqual(elsewhere.id, first.id);
    assert.notEqual(elsewhere.duplicate, true);
    assert.deepEqual(await dataOf('keyed'), ['a']);
});

check('the same key at the same moment from many publishers publishes once', async () => {
    const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) => hub.publish('race', `v${i}`, '?id=only')),
    );
    assert.equal(new Set(answers.map((answer) => answer.id)).size, 1);
    assert.equal(answers.filter((answer) => !answer.duplicate).length, 1);
    assert.equal((await dataOf('race')).length, 1);
});

check('a key is forgotten with its topic', async () => {
    await hub.publish('rekey', 'a', '?id=k');
    assert.equal((await hub.delete('/t/rekey')).status, 204);
    assert.notEqual((await hub.publish('rekey', 'b', '?id=k')).duplicate, true);
    assert.deepEqual(await dataOf('rekey'), ['b']);
});

check('a key over the bound or empty is refused', async () => {
    assertProblem(await hub.post(`/t/k?id=${'k'.repeat(256)}`, 'x'), 400, /id|key/i);
    assertProblem(await hub.post('/t/k?id=', 'x'), 400, /id|key/i);
});

check('lines are events, the last one with or without a newline', async () => {
    const answer = await hub.publish('lines', 'a\nb\n\n  c\r\nd', '?split=lines');
    assert.equal(answer.count, 5);
    const { events } = await snapshot('lines');
    assert.deepEqual(
        events.map((event) => event.data),
        ['a', 'b', '', '  c', 'd'],
    );
    assert.equal(events[0].id, answer.first);
    assert.equal(events.at(-1).id, answer.last);
});

check('ndjson is published by line', async () => {
    const answer = await hub.publish('nd', '{"a":1}\n{"b":2}\n', '', {
        'content-type': 'application/x-ndjson; charset=utf-8',
    });
    assert.equal(answer.count, 2);
    assert.deepEqual(await dataOf('nd'), ['{"a":1}', '{"b":2}']);
});

check('no lines at all is an answer, not an error', async () => {
    const answer = await hub.publish('nolines', '', '?split=lines');
    assert.equal(answer.count, 0);
    assert.deepEqual(await dataOf('nolines'), []);
});

check(
    'lines with a key are keyed by their number, so that a retry adds only what was missing',
    async () => {
        const first = await hub.publish('retry', 'a\nb\nc\n', '?split=lines&id=job');
        assert.equal(first.count, 3);
        assert.equal(first.duplicates ?? 0, 0);
        const again = await hub.publish('retry', 'a\nb\nc\nd\n', '?split=lines&id=job');
        assert.equal(again.duplicates, 3);
        assert.equal(again.first, first.first);
        assert.deepEqual(await dataOf('retry'), ['a', 'b', 'c', 'd']);
        const line = await hub.publish('retry', 'x', `?id=${encodeURIComponent('job/2')}`);
        assert.equal(line.duplicate, true);
    },
);

check('many lines in one request keep their order', async () => {
    const lines = numbered(20_000, 'line ');
    const answer = await hub.publishLines('many', lines);
    assert.equal(answer.count, lines.length);
    assertSequence(await dataOf('many'), lines);
});

check(
    'close=1 finishes the topic; publishing to it is a conflict until it is deleted',
    async () => {
        await hub.publish('closing', 'a');
        await hub.publish('closing', 'last words', '?close=1');
        assertProblem(await hub.post('/t/closing', 'more'), 409, /closed|finished/i);
        assertProblem(await hub.post('/t/closing?split=lines', 'a\nb\n'), 409);
        assert.deepEqual(await dataOf('closing'), ['a', 'last words']);
        const topics = (await hub.get('/topics?topic=closing')).json();
        assert.equal(topics[0].closed, true);
        assert.equal((await hub.delete('/t/closing')).status, 204);
        await hub.publish('closing', 'anew');
        assert.deepEqual(await dataOf('closing'), ['anew']);
    },
);

check('close=1 with an empty body finishes without an event', async () => {
    await hub.publish('closing-empty', 'a');
    const answer = await hub.post('/t/closing-empty?close=1', '');
    assert.equal(answer.status, 200);
    assert.deepEqual(await dataOf('closing-empty'), ['a']);
    assertProblem(await hub.post('/t/closing-empty', 'more'), 409);
});

check('close=1 with lines finishes after the last line', async () => {
    await hub.publish('closing-lines', 'a\nb\n', '?split=lines&close=1');
    assert.deepEqual(await dataOf('closing-lines'), ['a', 'b']);
    assertProblem(await hub.post('/t/closing-lines', 'more'), 409);
});

check('a repeated key on a closed topic is still recognised', async () => {
    const first = await hub.publish('closed-key', 'bye', '?id=k&close=1');
    const again = await hub.post('/t/closed-key?id=k&close=1', 'bye');
    assert.equal(again.status, 200, again.text);
    assert.deepEqual(again.json(), { id: first.id, duplicate: true });
});

check('DELETE forgets the history and is 204 also when there is none', async () => {
    await hub.publish('gone', 'a');
    assert.equal((await hub.delete('/t/gone')).status, 204);
    assert.deepEqual(await dataOf('gone'), []);
    const second = await hub.delete('/t/gone');
    assert.ok([204, 404].includes(second.status), String(second.status));
    const { id } = await hub.publish('gone', 'b');
    assert.deepEqual(await dataOf('gone'), ['b']);
    parseId(id);
});

check('an acknowledged event survives kill -9', async (s) => {
    const own = await Hub.start(s);
    const ids = [];
    for (let i = 0; i < 50; i++) ids.push((await own.publish('durable', `e${i}`)).id);
    await own.restart();
    const { events } = (
        await own.get('/t/durable?last=all', { accept: 'application/json' })
    ).json();
    assert.deepEqual(
        events.map((event) => event.id),
        ids,
    );
    const next = await own.publish('durable', 'after');
    assertRising([...ids, next.id]);
});

check('an event as large as the bound goes through and one byte more does not', async (s) => {
    const own = await Hub.start(s, { config: { limits: { event_bytes: '1MB' } } });
    await own.publish('big', 'x'.repeat(1024 * 1024));
    const answer = await own.post('/t/big', 'x'.repeat(1024 * 1024 + 1));
    assertProblem(answer, 413);
    const { events } = (await own.get('/t/big?last=all', { accept: 'application/json' })).json();
    assert.deepEqual(
        events.map((event) => event.data.length),
        [1024 * 1024],
    );
});

check('curl publishes from a pipe, as the documentation says', async (s) => {
    const result = await curl(s, ['-T-', '-XPOST', hub.to('/t/curl/log?split=lines')], {
        input: 'from\na\npipe\n',
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(JSON.parse(result.stdout).count, 3);
    assert.deepEqual(await dataOf('curl/log'), ['from', 'a', 'pipe']);
});

check('a topic that no browser could open is not made; one that is there can go', async (s) => {
    const paths = ['.', '..', 'a/..', 'a/./b', 'public/../status', '%2e', 'a/%2E%2e/b', '..%2Fx'];
    for (const path of paths) {
        const raw = await RawSocket.connect(s, hub.port);
        raw.write(
            `POST /t/${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n` +
                'Connection: close\r\n\r\nx',
        );
        const [answer] = await raw.waitResponses();
        assertProblem(answer, 400, /\. or \.\./);
        // As journals of earlier versions have them.
        const gone = await RawSocket.connect(s, hub.port);
        gone.write(`DELETE /t/${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
        assert.equal((await gone.waitResponses())[0].status, 404);
    }
    const read = await hub.get('/events?topic=public/../status&last=1', { accept: 'text/plain' });
    assert.equal(read.status, 200);
    await hub.publish('a/.../b', 'fine');
    await hub.publish('a/.hidden', 'fine');
});

check('types that EventSource fires itself are refused with the reason', async () => {
    assertProblem(
        await hub.post('/t/typed?type=error', 'x'),
        400,
        /EventSource.*failed connection/,
    );
    assertProblem(await hub.post('/t/typed?type=open', 'x'), 400, /EventSource/);
    await hub.publish('typed', 'x', '?type=message');
    await hub.publish('typed', 'x', '?type=Error');
});

check('a coding of the body is refused in whichever field it is named', async (s) => {
    const post = async (fields) => {
        const raw = await RawSocket.connect(s, hub.port);
        raw.write(
            `POST /t/coded HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n${fields}\r\nx`,
        );
        return (await raw.waitResponses())[0];
    };
    const coding = (value) => `Content-Encoding: ${value}\r\n`;
    assertProblem(await post(coding('gzip')), 415);
    assertProblem(await post(coding('identity') + coding('gzip')), 415);
    assertProblem(await post(coding('identity, br')), 415);
    assert.equal((await post(coding('identity') + coding(''))).status, 200);
});
