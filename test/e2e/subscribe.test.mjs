// SPDX-License-Identifier: MIT
// Subscribing: every Accept form, every start, formats, filter, pace, the hub's own events (API.md
// section 3).
import assert from 'node:assert/strict';
import { assertProblem, request, slowRequest, RawSocket } from './support/http.mjs';
import { Hub, assertRising, assertSequence, numbered, parseId } from './support/hub.mjs';
import { curl } from './support/process.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until, within } from './support/wait.mjs';

const file = shared();
const hub = await Hub.start(file, {
    config: { stream: { retry: '2s', heartbeat: '60s' } },
});
const check = (name, body) => scenario(name, { shared: file }, body);

const SSE = { accept: 'text/event-stream' };
const JSON_FORM = { accept: 'application/json' };
const NDJSON = { accept: 'application/x-ndjson' };
const TEXT = { accept: 'text/plain' };

const unlines = (text) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

// Publishes and returns the ids.
async function fill(topic, data) {
    const ids = [];
    for (const item of data) ids.push((await hub.publish(topic, item)).id);
    return ids;
}

// --- the stream ---

check(
    'a stream opens at once, before any event, with the headers that keep proxies from holding it',
    async (s) => {
        const stream = await hub.stream('/t/fresh', {}, s);
        assert.equal(stream.status, 200);
        assert.match(stream.headers['content-type'], /^text\/event-stream(;\s*charset=utf-8)?$/i);
        const caching = stream.headers['cache-control'];
        assert.match(caching, /no-cache/);
        assert.match(caching, /no-transform/);
        assert.equal(stream.headers['x-accel-buffering'], 'no');
        assert.equal(stream.headers['transfer-encoding'], 'chunked');
        assert.equal(stream.headers['content-encoding'], undefined);
        await stream.comments.waitCount(1);
        assert.equal(stream.events.items.length, 0);
    },
);

check('a stream is live only unless a start is given', async (s) => {
    await hub.publish('live-only', 'before');
    const stream = await hub.stream('/t/live-only', {}, s);
    await hub.publish('live-only', 'after');
    assert.deepEqual(await stream.waitData(1), ['after']);
});

check('format=plain has id, event and data, and event only when there is a type', async (s) => {
    const stream = await hub.stream('/t/plain', {}, s);
    const first = await hub.publish('plain', 'x');
    const second = await hub.publish('plain', 'y', '?type=done');
    await stream.waitData(2);
    assert.deepEqual(
        stream.events.items.map(({ type, data, ownId, fields }) => ({ type, data, ownId, fields })),
        [
            { type: 'message', data: 'x', ownId: first.id, fields: {} },
            { type: 'done', data: 'y', ownId: second.id, fields: {} },
        ],
    );
    assert.ok(!stream.text.includes('event: message'));
});

check('format=meta adds topic and time', async (s) => {
    const stream = await hub.stream('/t/meta%20topic?format=meta', {}, s);
    await hub.publish('meta%20topic', 'x', '?type=t');
    const [event] = await stream.events.waitCount(1);
    assert.equal(event.type, 't');
    assert.equal(event.data, 'x');
    assert.equal(event.fields.topic, 'meta topic');
    assert.match(event.fields.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

check(
    'format=envelope puts topic, type, time and data into one JSON object of type message',
    async (s) => {
        const stream = await hub.stream('/t/envelope?format=envelope', {}, s);
        const data = 'two\nlines "quoted" \u{1F600} </script>\r\n';
        const { id } = await hub.publish('envelope', data, '?type=t');
        const [event] = await stream.events.waitCount(1);
        assert.equal(event.type, 'message');
        assert.equal(event.ownId, id);
        const inner = JSON.parse(event.data);
        assert.deepEqual({ ...inner, time: '' }, { topic: 'envelope', type: 't', time: '', data });
        assert.ok(Number.isFinite(Date.parse(inner.time)));
    },
);

check('an unknown format is refused', async () => {
    assertProblem(await hub.get('/t/x?format=xml', SSE), 400, /format/);
});

check('retry is sent with a jitter for each connection', async (s) => {
    const streams = await Promise.all(
        Array.from({ length: 10 }, () => hub.stream('/t/jitter', {}, s)),
    );
    await hub.publish('jitter', 'x');
    await Promise.all(streams.map((stream) => stream.waitData(1)));
    const retries = streams.map((stream) => stream.retries[0]);
    for (const retry of retries) assert.ok(retry >= 1000 && retry <= 4000, String(retry));
    assert.ok(new Set(retries).size > 1, `all the same: ${retries}`);
});

check('HTTP/1.0 gets a stream that ends with the connection', async (s) => {
    const raw = await RawSocket.connect(s, hub.port);
    raw.write('GET /t/old HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n');
    await raw.waitText(/\r\n\r\n/);
    assert.doesNotMatch(raw.text, /transfer-encoding/i);
    await hub.publish('old', 'for the old one');
    await raw.waitText(/\ndata: for the old one\n\n/);
});

check('the npm client and curl read the same stream', async (s) => {
    const client = hub.client('/t/three-clients?last=all', { types: ['word'] }, s);
    await client.opened();
    for (let i = 0; i < 5; i++)
        await hub.publish('three-clients', `w${i}`, i % 2 ? '?type=word' : '');
    assert.deepEqual(await client.waitData(5), numbered(5, 'w', 0));
    assert.deepEqual(
        client.events.map((event) => event.type),
        ['message', 'word', 'message', 'word', 'message'],
    );
    const result = await curl(s, ['-N', hub.to('/t/three-clients')]);
    assert.equal(result.stdout, 'w0\nw1\nw2\nw3\nw4\n');
});

// --- other forms ---

check('JSON is a snapshot with a place to go on from', async () => {
    const ids = await fill('snap', ['a', 'b', 'c']);
    const answer = await hub.get('/t/snap', JSON_FORM);
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^application\/json/);
    assert.ok(answer.headers.etag);
    const { topics, events, next } = answer.json();
    assert.ok(topics);
    assert.deepEqual(
        events.map((event) => event.id),
        ids,
    );
    assert.deepEqual(Object.keys(events[0]).sort(), ['data', 'id', 'time', 'topic', 'type'].sort());
    parseId(next);
    await hub.publish('snap', 'd');
    const more = (await hub.get(`/t/snap?since=${next}`, JSON_FORM)).json();
    assert.deepEqual(
        more.events.map((event) => event.data),
        ['d'],
    );
});

check('a snapshot of a topic nobody has published to is empty', async () => {
    const { events, next } = (await hub.get('/t/nobody', JSON_FORM)).json();
    assert.deepEqual(events, []);
    parseId(next);
});

check('an ETag that still holds gives 304, a new event gives a new one', async () => {
    await hub.publish('etag', 'a');
    const first = await hub.get('/t/etag', JSON_FORM);
    const etag = first.headers.etag;
    const same = await hub.get('/t/etag', { ...JSON_FORM, 'if-none-match': etag });
    assert.equal(same.status, 304);
    assert.equal(same.text, '');
    assert.equal(same.headers.etag, etag);
    const list = await hub.get('/t/etag', {
        ...JSON_FORM,
        'if-none-match': `"other", W/${etag.replace(/^W\//, '')}`,
    });
    assert.equal(list.status, 304);
    const any = await hub.get('/t/etag', { ...JSON_FORM, 'if-none-match': '*' });
    assert.equal(any.status, 304);
    await hub.publish('elsewhere-than-etag', 'x');
    assert.equal((await hub.get('/t/etag', { ...JSON_FORM, 'if-none-match': etag })).status, 304);
    await hub.publish('etag', 'b');
    const changed = await hub.get('/t/etag', { ...JSON_FORM, 'if-none-match': etag });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.etag, etag);
    await hub.delete('/t/etag');
    const emptied = await hub.get('/t/etag', {
        ...JSON_FORM,
        'if-none-match': changed.headers.etag,
    });
    assert.equal(emptied.status, 200);
    assert.deepEqual(emptied.json().events, []);
});

check('a long poll waits for an event and answers at once when one comes', async () => {
    const { id } = await hub.publish('poll', 'a');
    const poll = hub.get(`/t/poll?since=${id}&wait=30s`, JSON_FORM);
    let early = false;
    poll.then(() => (early = true));
    // The hub has the poll when it counts a subscriber of the topic.
    await until(
        async () => (await hub.get('/topics?topic=poll')).json()[0].subscribers === 1,
        'the long poll to be counted',
    );
    assert.equal(early, false);
    await hub.publish('poll', 'b');
    const answer = await within(poll, 'the long poll', 10_000);
    assert.deepEqual(
        answer.json().events.map((event) => event.data),
        ['b'],
    );
});

check('a long poll that has something to say does not wait', async () => {
    const [id] = await fill('poll-now', ['a', 'b']);
    const began = Date.now();
    const answer = await hub.get(`/t/poll-now?since=${id}&wait=60s`, JSON_FORM);
    assert.deepEqual(
        answer.json().events.map((event) => event.data),
        ['b'],
    );
    assert.ok(Date.now() - began < 20_000);
});

check('a long poll whose time is up is an empty snapshot to go on from', async () => {
    const { id } = await hub.publish('poll-empty', 'a');
    const began = Date.now();
    const answer = await hub.get(`/t/poll-empty?since=${id}&wait=400ms`, JSON_FORM);
    assert.equal(answer.status, 200);
    assert.ok(Date.now() - began >= 390, 'it waited');
    const { events, next } = answer.json();
    assert.deepEqual(events, []);
    await hub.publish('poll-empty', 'b');
    const more = (await hub.get(`/t/poll-empty?since=${next}`, JSON_FORM)).json();
    assert.deepEqual(
        more.events.map((event) => event.data),
        ['b'],
    );
});

check('ndjson is one JSON object a line', async () => {
    const ids = await fill('nd', ['a', 'two\nlines']);
    const answer = await hub.get('/t/nd', NDJSON);
    assert.match(answer.headers['content-type'], /^application\/x-ndjson/);
    const events = unlines(answer.text).map((line) => JSON.parse(line));
    assert.deepEqual(
        events.map(({ id, topic, data }) => ({ id, topic, data })),
        [
            { id: ids[0], topic: 'nd', data: 'a' },
            { id: ids[1], topic: 'nd', data: 'two\nlines' },
        ],
    );
});

check('text is the bare data', async () => {
    await fill('text', ['a', '  b', '<c>']);
    const answer = await hub.get('/t/text', TEXT);
    assert.match(answer.headers['content-type'], /^text\/plain;\s*charset=utf-8/i);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal(answer.text, 'a\n  b\n<c>\n');
});

check('follow=1 keeps text and ndjson going', async (s) => {
    await hub.publish('follow', 'old');
    const textStream = await hub.stream('/t/follow?follow=1&last=all', { headers: TEXT }, s);
    const ndStream = await hub.stream('/t/follow?follow=1&last=all', { headers: NDJSON }, s);
    const seen = (stream, pattern) =>
        until(() => pattern.test(stream.text), `${pattern} in a stream that follows`);
    await seen(textStream, /^old\n/);
    await hub.publish('follow', 'new');
    await seen(textStream, /^old\nnew\n$/);
    await seen(ndStream, /"data":"old".*\n.*"data":"new".*\n$/);
    assert.match(textStream.headers['content-type'], /^text\/plain/);
});

check('without a start the other forms give the newest 100', async () => {
    await hub.publishLines('hundred', numbered(150));
    const expected = numbered(100, '', 51);
    const asJson = (await hub.get('/t/hundred', JSON_FORM)).json();
    assertSequence(
        asJson.events.map((event) => event.data),
        expected,
    );
    assertSequence(unlines((await hub.get('/t/hundred', TEXT)).text), expected);
    assert.equal(unlines((await hub.get('/t/hundred', NDJSON)).text).length, 100);
});

check('curl gets text for one topic and ndjson for several', async () => {
    await hub.publish('curl/a', 'x');
    for (const headers of [{}, { accept: '*/*' }]) {
        const one = await hub.get('/t/curl/a', headers);
        assert.match(one.headers['content-type'], /^text\/plain/);
        assert.equal(one.text, 'x\n');
        const many = await hub.get('/events?topic=curl/a', headers);
        assert.match(many.headers['content-type'], /^application\/x-ndjson/);
        assert.equal(JSON.parse(many.text).data, 'x');
    }
});

check("a browser's address bar gets the page", async () => {
    const accept =
        'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
    for (const path of ['/t/some/topic', '/events?topic=some/*']) {
        const answer = await hub.get(path, { accept });
        assert.equal(answer.status, 200);
        assert.match(answer.headers['content-type'], /^text\/html/);
        assert.match(answer.text, /<html/i);
    }
});

check(
    'the best of several Accept forms wins, by quality, and lines of a header are one list',
    async () => {
        await hub.publish('accept', 'x');
        const typeOf = async (accept) => {
            const answer = await hub.get('/t/accept?last=all', { accept });
            return answer.headers['content-type'].split(';')[0];
        };
        assert.equal(await typeOf('text/event-stream;q=0.1, application/json'), 'application/json');
        assert.equal(await typeOf('application/json;q=0.2, text/plain;q=0.9'), 'text/plain');
        assert.equal(await typeOf('APPLICATION/JSON'), 'application/json');
        assert.equal(await typeOf('image/png, application/x-ndjson;q=0.5'), 'application/x-ndjson');
        assert.equal(await typeOf('application/json;q=0, text/plain'), 'text/plain');
        assert.equal(await typeOf('application/*'), 'application/json');
    },
);

check('every form says that the answer depends on Accept', async () => {
    for (const accept of ['application/json', 'text/plain', 'text/html']) {
        const answer = await hub.get('/t/vary', { accept });
        assert.match(answer.headers.vary ?? '', /accept/i, accept);
    }
});

check('no form that we have is 406', async () => {
    assertProblem(await hub.get('/t/x', { accept: 'image/png' }), 406);
    assertProblem(await hub.get('/events?topic=x', { accept: 'text/css' }), 406);
    assertProblem(await hub.get('/t/x', { accept: 'text/event-stream;q=0' }), 406);
});

check('HEAD is the head of GET without a body and ends at once, also for a stream', async () => {
    await hub.publish('head', 'x');
    for (const headers of [SSE, JSON_FORM, NDJSON, TEXT, { accept: 'text/html' }]) {
        const answer = await hub.request('/t/head', { method: 'HEAD', headers });
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        assert.ok(answer.headers['content-type'].startsWith(headers.accept), headers.accept);
    }
});

// --- where to start ---

const START_NAMES = ['lastEventId', 'last_event_id', 'lastEventID', 'Last-Event-ID'];

check(
    'Last-Event-ID, as a header or under any of its names in the query, gives what came after it',
    async (s) => {
        const ids = await fill('resume', ['a', 'b', 'c']);
        const byHeader = await hub.stream('/t/resume', { headers: { 'last-event-id': ids[0] } }, s);
        assert.deepEqual(await byHeader.waitData(2), ['b', 'c']);
        for (const name of START_NAMES) {
            const stream = await hub.stream(`/t/resume?${name}=${ids[1]}`, {}, s);
            assert.deepEqual(await stream.waitData(1), ['c'], name);
        }
        await hub.publish('resume', 'd');
        assert.deepEqual(await byHeader.waitData(3), ['b', 'c', 'd']);
        const bySnapshot = await hub.get('/t/resume', { ...JSON_FORM, 'last-event-id': ids[2] });
        assert.deepEqual(
            bySnapshot.json().events.map((event) => event.data),
            ['d'],
        );
    },
);

check('the header wins over the query, since over last', async (s) => {
    const ids = await fill('precedence', ['a', 'b', 'c']);
    const header = await hub.stream(
        `/t/precedence?lastEventId=${ids[0]}&since=${ids[0]}&last=all`,
        { headers: { 'last-event-id': ids[1] } },
        s,
    );
    assert.deepEqual(await header.waitData(1), ['c']);
    const query = await hub.stream(`/t/precedence?last=all&since=1h&lastEventId=${ids[1]}`, {}, s);
    assert.deepEqual(await query.waitData(1), ['c']);
    const since = await hub.stream(`/t/precedence?last=all&since=${ids[0]}`, {}, s);
    assert.deepEqual(await since.waitData(2), ['b', 'c']);
});

check('an empty Last-Event-ID is as good as none', async (s) => {
    await fill('empty-id', ['a']);
    const stream = await hub.stream(
        '/t/empty-id?last=all',
        { headers: { 'last-event-id': '' } },
        s,
    );
    assert.deepEqual(await stream.waitData(1), ['a']);
});

check('since takes an id, a duration or a time', async (s) => {
    await hub.publish('since', 'old');
    const { events } = (await hub.get('/t/since?last=all', JSON_FORM)).json();
    const oldTime = Date.parse(events[0].time);
    // Times are of millisecond grain: go on when the clock has moved.
    await until(() => Date.now() > oldTime + 5, 'the clock to move');
    const between = new Date().toISOString();
    await until(() => Date.now() > Date.parse(between) + 5, 'the clock to move');
    await hub.publish('since', 'new');
    const get = async (query) => {
        const answer = await hub.get(`/t/since?${query}`, JSON_FORM);
        assert.equal(answer.status, 200, answer.text);
        return answer.json().events.map((event) => event.data);
    };
    assert.deepEqual(await get('since=1h'), ['old', 'new']);
    assert.deepEqual(await get(`since=${between}`), ['new']);
    assert.deepEqual(await get(`since=${events[0].id}`), ['new']);
    assert.deepEqual(await get('since=2020-01-01T00:00:00Z'), ['old', 'new']);
    assert.deepEqual(await get(`since=${encodeURIComponent('2020-01-01T01:00:00.5+01:00')}`), [
        'old',
        'new',
    ]);
    assert.deepEqual(await get('since=2090-01-01T00:00:00Z'), []);
    const stream = await hub.stream(`/t/since?since=${between}`, {}, s);
    await hub.publish('since', 'live');
    assert.deepEqual(await stream.waitData(2), ['new', 'live']);
});

check('last=N gives the newest of each topic, in order, then live', async (s) => {
    for (let i = 1; i <= 5; i++) {
        await hub.publish('status/a', `a${i}`);
        await hub.publish('status/b', `b${i}`);
    }
    await hub.publish('status/a', 'a6');
    const stream = await hub.stream('/events?topic=status/a&topic=status/b&last=2', {}, s);
    assert.deepEqual(await stream.waitData(4), ['b4', 'a5', 'b5', 'a6']);
    await hub.publish('status/b', 'b6');
    assert.deepEqual((await stream.waitData(5)).at(-1), 'b6');
    const pattern = await hub.stream('/events?topic=status/*&last=1', {}, s);
    assert.deepEqual(await pattern.waitData(2), ['a6', 'b6']);
    assertRising(stream.events.items.map((event) => event.ownId));
});

check('last=all gives everything, last=0 nothing', async (s) => {
    const lines = numbered(3000);
    await hub.publishLines('everything', lines);
    const stream = await hub.stream('/t/everything?last=all', {}, s);
    assertSequence(await stream.waitData(lines.length), lines);
    const none = await hub.stream('/t/everything?last=0', {}, s);
    await hub.publish('everything', 'live');
    assert.deepEqual(await none.waitData(1), ['live']);
});

check('a bad start is refused, saying which', async () => {
    for (const [query, pattern] of [
        ['last=many', /last/],
        ['last=-1', /last/],
        ['last=', /last/],
        ['since=yesterday', /since/],
        ['since=15', /since/],
        ['since=2020-13-01T00:00:00Z', /since/],
        ['lastEventId=not-an-id!', /id/i],
        ['lastEventId=-5', /id/i],
        ['lastEventId=1-', /id/i],
        ['lastEventId=1-99999999999999999999999', /id/i],
        ['wait=soon', /wait/],
        ['pace=fast', /pace/],
        ['pace=original*0', /pace/],
        ['follow=perhaps', /follow/],
        ['control=perhaps', /control/],
    ]) {
        assertProblem(await hub.get(`/t/bad-start?${query}`, JSON_FORM), 400, pattern);
    }
    assertProblem(
        await hub.get('/t/x', { ...JSON_FORM, 'last-event-id': 'rubbish id' }),
        400,
        /id/i,
    );
});

check('an id of another journal is a gap, then what the URL asks for', async (s) => {
    await fill('foreign', ['a', 'b', 'c']);
    const gapOf = async (stream) => {
        const gap = await stream.waitType('tailrace.gap');
        const told = JSON.parse(gap.data);
        assert.ok('from' in told && 'to' in told && told.reason, gap.data);
        return told;
    };
    const all = await hub.stream('/t/foreign', { headers: { 'last-event-id': 'zz9zz-17' } }, s);
    const told = await gapOf(all);
    assert.match(JSON.stringify(told), /zz9zz-17/);
    await all.waitData(4);
    assert.deepEqual(all.data.slice(1), ['a', 'b', 'c']);
    assert.equal(all.events.items[0].type, 'tailrace.gap');
    const last = await hub.stream(
        '/t/foreign?last=1',
        { headers: { 'last-event-id': 'zz9zz-17' } },
        s,
    );
    await gapOf(last);
    assert.deepEqual((await last.waitData(2)).at(-1), 'c');
    const client = hub.client('/t/foreign?lastEventId=zz9zz-17', {}, s);
    await client.waitType('tailrace.gap');
    assert.deepEqual(await client.waitData(3), ['a', 'b', 'c']);
});

check('an id that no hub of ours has given out never silences an EventSource', async (s) => {
    await fill('strange', ['a', 'b']);
    for (const id of ['urn:uuid:5e94c686', '42', '0', 'null', '-', 'x'.repeat(9000), 'é\u2028"<']) {
        const bytes = Buffer.from(id).toString('latin1');
        const byHeader = await hub.stream('/t/strange', { headers: { 'last-event-id': bytes } }, s);
        const gap = await byHeader.waitType('tailrace.gap');
        assert.equal(JSON.parse(gap.data).from, id.slice(0, 100));
        assert.deepEqual((await byHeader.waitData(3)).slice(1), ['a', 'b']);
        const query = `lastEventId=${encodeURIComponent(id)}&last=1`;
        const byQuery = await hub.stream(`/t/strange?${query}`, {}, s);
        assert.deepEqual((await byQuery.waitData(2)).slice(1), ['b']);
        byHeader.close();
        byQuery.close();
    }
    const raw = await RawSocket.connect(s, hub.port);
    raw.write(
        Buffer.from(
            'GET /t/strange HTTP/1.1\r\nHost: h.localhost\r\nAccept: text/event-stream\r\n' +
                'Last-Event-ID: \xff\xfe\r\nLast-Event-ID: zz-1\r\n\r\n',
            'latin1',
        ),
    );
    await raw.waitText(/tailrace\.gap[^]*data: a\n[^]*data: b\n/);
    assert.match(raw.text, /^HTTP\/1\.1 200 /);
    // A client goes on by itself, with ids of this hub.
    const client = hub.client('/t/strange?lastEventId=0', {}, s);
    assert.deepEqual(await client.waitData(2), ['a', 'b']);
});

// Many libraries hand every event to the application, whatever its type.
check('control=0 is a stream without any event of the hub itself', async (s) => {
    const [, second] = await fill('quiet', ['one', 'two', 'three']);
    const strange = await hub.stream(
        '/t/quiet?control=0&last=2',
        { headers: { 'last-event-id': 'urn:x' } },
        s,
    );
    assert.equal(strange.headers['tailrace-gap'], 'unknown epoch');
    assert.deepEqual(await strange.waitData(2), ['two', 'three']);
    assert.match(strange.comments.items.join('\n'), /tailrace\.gap \{"from":"urn:x",/);
    const after = await hub.stream(
        '/t/quiet?control=0',
        { headers: { 'last-event-id': second } },
        s,
    );
    assert.equal(after.headers['tailrace-gap'], undefined);
    assert.deepEqual(await after.waitData(1), ['three']);
    const client = hub.client('/t/quiet?control=0&last=1', {}, s);
    await client.waitData(1);
    // Closed without an event: the client must know the end's id all the same.
    await hub.publish('quiet', '', '?close=1');
    for (const stream of [strange, after]) assert.equal(await stream.waitEnd(), 'end');
    await client.waitClosed();
    assert.deepEqual(client.data, ['three']);
    for (const stream of [strange, after])
        assert.ok(stream.events.items.every((event) => event.type === 'message'));
    const lines = await hub.get('/t/quiet?control=0&follow=1&lastEventId=zz-1', NDJSON);
    assert.equal(lines.headers['tailrace-gap'], 'unknown epoch');
    assert.doesNotMatch(lines.text, /tailrace\./);
    // What retention has taken is told in the head as well.
    await hub.delete('/t/quiet');
    const gone = await hub.get(`/t/quiet?lastEventId=${second}`, TEXT);
    assert.equal(gone.headers['tailrace-gap'], 'retention');
});

check('events lost to retention are a gap, never silence', async (s) => {
    const own = await Hub.start(s, {
        config: { topics: [{ match: 'short/**', retention: { count: 10 } }] },
    });
    const first = await own.publish('short/log', 'first');
    await own.publishLines('short/log', numbered(500));
    // Retention runs in steps behind the commits.
    await until(async () => {
        await own.publish('other', 'tick');
        const { events } = (await own.get('/t/short/log?last=all', JSON_FORM)).json();
        return events.length <= 10;
    }, 'retention to leave ten events');
    const stream = await own.stream('/t/short/log', { headers: { 'last-event-id': first.id } }, s);
    const events = await stream.events.waitCount(11);
    assert.equal(events[0].type, 'tailrace.gap');
    const gap = JSON.parse(events[0].data);
    assert.match(gap.reason, /retention/i);
    assertSequence(
        events.slice(1, 11).map((event) => event.data),
        numbered(10, '', 491),
    );
    // After that the stream goes on, and a reconnect behind the gap tells of none.
    await own.publish('short/log', 'live');
    await stream.events.waitCount(12);
    const resumed = await own.stream(
        '/t/short/log',
        { headers: { 'last-event-id': events[1].id } },
        s,
    );
    const again = await resumed.events.waitCount(1);
    assert.equal(again[0].type, 'message');
});

// --- many topics ---

check(
    'several topics and patterns come over one connection, each event once, in order',
    async (s) => {
        const stream = await hub.stream(
            '/events?topic=multi/a&topic=multi/*&topic=multi/**&format=meta',
            {},
            s,
        );
        const ids = [];
        for (const topic of ['multi/a', 'multi/b', 'multi', 'multi/c/d', 'other', 'multi/a']) {
            const { id } = await hub.publish(topic, topic);
            if (topic !== 'other') ids.push(id);
        }
        await stream.waitData(5);
        await hub.publish('multi/end', 'end');
        await stream.waitData(6);
        assert.deepEqual(
            stream.events.items.slice(0, 5).map((event) => event.ownId),
            ids,
        );
        assert.deepEqual(
            stream.events.items.map((event) => event.fields.topic),
            ['multi/a', 'multi/b', 'multi', 'multi/c/d', 'multi/a', 'multi/end'],
        );
    },
);

check('* is exactly one segment and ** any number', async (s) => {
    const one = await hub.stream('/events?topic=seg/*/log', {}, s);
    const any = await hub.stream('/events?topic=seg/**/log', {}, s);
    for (const topic of ['seg/log', 'seg/1/log', 'seg/1/2/log', 'seg/1/other', 'seg/9/log']) {
        await hub.publish(topic, topic);
    }
    assert.deepEqual(await one.waitData(2), ['seg/1/log', 'seg/9/log']);
    assert.deepEqual(await any.waitData(4), ['seg/log', 'seg/1/log', 'seg/1/2/log', 'seg/9/log']);
});

check('resume over many topics is exact', async (s) => {
    const ids = [];
    for (let i = 0; i < 300; i++) ids.push((await hub.publish(`spread/${i % 7}`, String(i))).id);
    for (const at of [0, 1, 150, 298]) {
        const stream = await hub.stream(
            '/events?topic=spread/*',
            { headers: { 'last-event-id': ids[at] } },
            s,
        );
        assertSequence(await stream.waitData(299 - at), numbered(299 - at, '', at + 1));
    }
});

check('a bad list of topics is refused', async () => {
    assertProblem(await hub.get('/events', JSON_FORM), 400, /topic/);
    assertProblem(await hub.get('/events?topic=', JSON_FORM), 400, /topic/);
    assertProblem(await hub.get('/events?topic=a%00b', JSON_FORM), 400);
    assertProblem(await hub.get('/events?topic=%FF', JSON_FORM), 400);
    const hundred = numbered(100, 'topic=t').join('&');
    assert.equal((await hub.get(`/events?${hundred}`, JSON_FORM)).status, 200);
    assertProblem(await hub.get(`/events?${hundred}&topic=more`, JSON_FORM), 400, /100|topics/);
});

// --- filter and pace ---

check('filter keeps what contains the text or matches the expression', async (s) => {
    const text = await hub.stream('/t/filter?filter=err', {}, s);
    const regex = await hub.stream(
        `/t/filter?filter=${encodeURIComponent('/^\\d+ (warn|error)\\b/')}`,
        {},
        s,
    );
    for (const line of ['1 info ok', '2 error: x', '3 warn y', 'an errand', '4 error']) {
        await hub.publish('filter', line);
    }
    assert.deepEqual(await text.waitData(3), ['2 error: x', 'an errand', '4 error']);
    assert.deepEqual(await regex.waitData(3), ['2 error: x', '3 warn y', '4 error']);
    const stored = await hub.get('/t/filter?last=all&filter=warn', TEXT);
    assert.equal(stored.text, '3 warn y\n');
});

check(
    'a filter that does not compile is refused, one that explodes does not hang the hub',
    async (s) => {
        assertProblem(
            await hub.get(`/t/x?filter=${encodeURIComponent('/(/')}`, JSON_FORM),
            400,
            /filter/i,
        );
        assertProblem(await hub.get(`/t/x?filter=${'x'.repeat(1100)}`, JSON_FORM), 400, /filter/i);
        const explosive = await hub.stream(
            `/t/explode?filter=${encodeURIComponent('/^(a+)+$/')}`,
            {},
            s,
        );
        await hub.publish('explode', `${'a'.repeat(5000)}b`);
        await hub.publish('explode', 'aaa');
        assert.equal((await explosive.waitData(1)).at(-1), 'aaa');
    },
);

check('pace gives stored events one by one, and live ones follow', async (s) => {
    await hub.publishLines('paced', numbered(5));
    const began = Date.now();
    const stream = await hub.stream('/t/paced?last=all&pace=250ms', {}, s);
    await stream.waitData(2);
    await hub.publish('paced', 'live');
    await stream.waitData(5);
    const took = Date.now() - began;
    assert.ok(took >= 950, `five events at 250 ms took ${took} ms`);
    assert.deepEqual(await stream.waitData(6), [...numbered(5), 'live']);
});

check('pace=original replays with the distances of publishing, or faster', async (s) => {
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms)); // what is recorded
    for (const i of [1, 2, 3]) {
        await hub.publish('recorded', String(i));
        await pause(500);
    }
    const { events } = (await hub.get('/t/recorded?last=all', JSON_FORM)).json();
    const length = Date.parse(events[2].time) - Date.parse(events[0].time);
    const timed = async (pace) => {
        const began = Date.now();
        const stream = await hub.stream(`/t/recorded?last=all&pace=${pace}`, {}, s);
        assert.deepEqual(await stream.waitData(3), ['1', '2', '3']);
        return Date.now() - began;
    };
    const original = await timed('original');
    assert.ok(original >= length * 0.9, `${original} of ${length} ms`);
    const fast = await timed('original*10');
    assert.ok(fast >= length * 0.08, `${fast} of ${length / 10} ms`);
    assert.ok(fast < original, `${fast} and ${original} ms`);
});

// --- the hub's own events ---

check('an idle stream gets comments, with control=1 named events', async (s) => {
    const own = await Hub.start(s, { config: { stream: { heartbeat: '1s' } } });
    const quiet = await own.stream('/t/idle', {}, s);
    const control = await own.stream('/t/idle?control=1', {}, s);
    const hello = await control.waitType('tailrace.hello');
    assert.equal(control.events.items[0], hello, 'hello comes first');
    const { epoch, position, heartbeat } = JSON.parse(hello.data);
    const { id } = await own.publish('elsewhere', 'x');
    assert.equal(epoch, parseId(id).epoch);
    assert.notEqual(position, undefined);
    assert.ok(heartbeat, 'the heartbeat is told');
    await control.events.waitFor(
        (items) => items.filter((event) => event.type === 'tailrace.ping').length >= 2,
        'two pings',
    );
    await quiet.comments.waitCount(3, 'the first comment and two heartbeats');
    assert.deepEqual(quiet.data, []);
    const ping = control.events.items.find((event) => event.type === 'tailrace.ping');
    assert.equal(ping.ownId, undefined, 'a ping has no id');
});

check(
    'a closed topic ends the stream after its last event, and the reconnect is 204',
    async (s) => {
        const stream = await hub.stream('/t/end', {}, s);
        const client = hub.client('/t/end', {}, s);
        await client.opened();
        await hub.publish('end', 'a');
        await hub.publish('end', 'z', '?close=1');
        const end = await stream.waitType('tailrace.end');
        assert.deepEqual(stream.data.slice(0, 2), ['a', 'z']);
        assert.equal(await stream.waitEnd(), 'end');
        assert.ok(end.ownId, 'the end has an id, so that a reconnect is recognised');
        const again = await hub.get('/t/end', { ...SSE, 'last-event-id': end.ownId });
        assert.equal(again.status, 204);
        assert.equal(again.text, '');
        await client.waitType('tailrace.end');
        const closed = await client.waitClosed();
        assert.equal(closed.code, 204);
        assert.deepEqual(client.data, ['a', 'z']);
    },
);

check('who comes to a closed topic later still gets all of it, then the end', async (s) => {
    await fill('ended', ['a', 'b']);
    const { id } = await hub.publish('ended', 'c', '?close=1');
    const stream = await hub.stream('/t/ended?last=all', {}, s);
    await stream.waitType('tailrace.end');
    assert.deepEqual(stream.data.slice(0, 3), ['a', 'b', 'c']);
    assert.equal(await stream.waitEnd(), 'end');
    assert.equal((await hub.get('/t/ended', { ...SSE, 'last-event-id': id })).status, 204);
    const client = hub.client('/t/ended?last=all', {}, s);
    await client.waitClosed();
    assert.deepEqual(client.data, ['a', 'b', 'c']);
});

check('a stream of several topics ends when all of them are closed', async (s) => {
    const stream = await hub.stream('/events?topic=ends/a&topic=ends/b', {}, s);
    await hub.publish('ends/a', 'a', '?close=1');
    await hub.publish('ends/b', 'b1');
    await stream.waitData(2);
    assert.deepEqual(stream.data.slice(0, 2), ['a', 'b1']);
    await hub.publish('ends/b', 'b2', '?close=1');
    await stream.waitType('tailrace.end');
    assert.equal(await stream.waitEnd(), 'end');
});

check('a topic closed without an event ends its streams as well', async (s) => {
    const stream = await hub.stream('/t/end-empty', {}, s);
    await hub.publish('end-empty', 'a');
    await hub.post('/t/end-empty?close=1', '');
    const end = await stream.waitType('tailrace.end');
    assert.equal(await stream.waitEnd(), 'end');
    assert.equal(
        (await hub.get('/t/end-empty', { ...SSE, 'last-event-id': end.ownId })).status,
        204,
    );
});

check('text that follows ends with the topic', async (s) => {
    const stream = await hub.stream('/t/end-text?follow=1', { headers: TEXT }, s);
    await hub.publish('end-text', 'a');
    await hub.publish('end-text', 'b', '?close=1');
    assert.equal(await stream.waitEnd(), 'end');
    assert.equal(stream.text, 'a\nb\n');
});

check(
    'SIGTERM drains: streams are told, ended cleanly over the window, and the hub exits with 0',
    async (s) => {
        const own = await Hub.start(s, { config: { stream: { drain: '1s' } } });
        const streams = await Promise.all(
            Array.from({ length: 20 }, () => own.stream('/t/drain', {}, s)),
        );
        await own.publish('drain', 'x');
        await Promise.all(streams.map((stream) => stream.waitData(1)));
        const ends = [];
        for (const stream of streams) stream.ended.then(() => ends.push(Date.now()));
        own.process.signal('SIGTERM');
        for (const stream of streams) {
            await stream.waitType('tailrace.drain');
            assert.equal(await stream.waitEnd(), 'end');
        }
        assert.ok(Math.max(...ends) - Math.min(...ends) >= 100, 'spread over the window');
        const { code } = await own.process.wait();
        assert.equal(code, 0);
    },
);

check('while draining, a newcomer gets a polite stream and a publisher 503', async (s) => {
    const own = await Hub.start(s, { config: { stream: { drain: '5m' } } });
    // An upload under way keeps the hub there, however quickly its streams end.
    const upload = slowRequest(s, own.to('/t/upload?split=lines'));
    const uploaded = await own.stream('/t/upload', {}, s);
    upload.write('a line\n');
    await uploaded.waitData(1);
    // A client that has connected and not asked yet is a newcomer too.
    const silent = await RawSocket.connect(s, own.port);
    // So many that every worker has some: when all have been told, no worker takes a newcomer.
    const kept = await Promise.all(Array.from({ length: 30 }, () => own.stream('/t/drain', {}, s)));
    own.process.signal('SIGTERM');
    await Promise.all(kept.map((stream) => stream.waitType('tailrace.drain')));
    const answer = await request(own.to('/t/drain'), { headers: SSE });
    assert.equal(answer.status, 200);
    assert.match(answer.text, /^retry: ?\d+/m);
    silent.write('GET /t/drain HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
    await silent.waitText(/\nretry: ?\d+/);
    const publish = await own.post('/t/drain', 'x');
    assertProblem(publish, 503);
    assert.ok(publish.headers['retry-after']);
    assertProblem(await own.get('/readyz'), 503);
    // A second signal does not wait for the window.
    own.process.signal('SIGTERM');
    const { code } = await own.process.wait();
    assert.equal(code, 0);
});

check('max_age ends a stream cleanly and the client goes on without a loss', async (s) => {
    const own = await Hub.start(s, { config: { stream: { max_age: '1s', retry: '50ms' } } });
    const client = own.client('/t/aged?last=all', {}, s);
    await client.opened();
    let sent = 0;
    while (client.opens.items.length < 4) {
        await own.publish('aged', String(++sent));
        await client.waitData(sent);
    }
    assertSequence(client.data, numbered(sent));
    const stream = await own.stream('/t/aged', {}, s);
    assert.equal(await stream.waitEnd(), 'end');
});

check('a client that does not read costs others nothing and gets all in the end', async (s) => {
    const lines = numbered(3000, `${'x'.repeat(2000)} `);
    const slow = await hub.stream('/t/slow', { keepRaw: false }, s);
    slow.response.pause();
    const fast = await hub.stream('/t/slow', { keepRaw: false }, s);
    for (let at = 0; at < lines.length; at += 500) {
        await hub.publishLines('slow', lines.slice(at, at + 500));
    }
    assertSequence(await fast.waitData(lines.length), lines, 'what the quick one got');
    slow.response.resume();
    assertSequence(await slow.waitData(lines.length), lines, 'what the slow one got');
});

// --- the position ---

check(
    'an application reads the position, then its database, and its page misses nothing',
    async (s) => {
        const own = await Hub.start(s, {
            config: { workers: 2, topics: [{ match: 'fast/*', durability: 'memory' }] },
        });
        const database = [];
        const write = async (n) => {
            const topic = n % 3 ? 'orders' : 'fast/orders';
            database.push(`${n}`);
            return own.publish(topic, `${n}`);
        };
        const empty = await own.get('/position');
        assert.equal(parseId(empty.json().id).seq, 0n);
        const whole = await own.stream(`/events?topic=**&lastEventId=${empty.json().id}`, {}, s);
        const pages = [];
        const total = 120;
        const writer = (async () => {
            for (let n = 0; n < total; n++) await write(n);
        })();
        for (let i = 0; i < 30; i++) {
            const answer = await own.get('/position');
            assert.equal(answer.headers['tailrace-position'], answer.json().id);
            assert.equal(answer.headers['cache-control'], 'no-store');
            const snapshot = [...database];
            const start = i % 2 ? 'since' : 'lastEventId';
            const stream = await own.stream(`/events?topic=**&${start}=${answer.json().id}`, {}, s);
            pages.push({ snapshot, stream });
        }
        await writer;
        await own.publish('orders', 'over');
        assert.equal(
            (await own.get('/position')).json().id,
            (await own.publish('x', '')).id.replace(/\d+$/, (n) => n - 1),
        );
        for (const { snapshot, stream } of pages) {
            await stream.events.waitFor(
                (items) => items.some((event) => event.data === 'over'),
                'all',
            );
            assert.deepEqual(
                [
                    ...new Set([
                        ...snapshot,
                        ...stream.data.filter((data) => data !== 'over' && data !== ''),
                    ]),
                ].sort(),
                [...database].sort(),
            );
        }
        await whole.waitData(total + 1);
        assertSequence(whole.data.slice(0, total), database);
        assert.ok(!whole.events.items.some((event) => event.type === 'tailrace.gap'));
    },
);

check('the position is for those who may do something', async (s) => {
    const keys = [
        { name: 'writer', secret: 'the-writers-key', publish: ['in/*'] },
        { name: 'saver', secret: 'the-savers-key', backup: true },
    ];
    const own = await Hub.start(s, { config: { keys } });
    const ask = (secret) => own.get('/position', secret && { authorization: `Bearer ${secret}` });
    assertProblem(await ask(), 401);
    assertProblem(await ask('the-savers-key'), 403);
    assert.equal((await ask('the-writers-key')).status, 200);
    const head = await own.request('/position', {
        method: 'HEAD',
        headers: { 'x-api-key': 'the-writers-key' },
    });
    assert.match(head.headers['tailrace-position'], /-0$/);
});
