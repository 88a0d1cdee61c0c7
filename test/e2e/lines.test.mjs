// SPDX-License-Identifier: MIT
// Text of every shape goes in by lines and comes out as it was: endless requests, cuts at any byte,
// odd line ends, long lines.
import assert from 'node:assert/strict';
import { assertProblem, slowRequest, RawSocket } from './support/http.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { scenario, shared } from './support/scope.mjs';
import { within } from './support/wait.mjs';

const file = shared();
const hub = await Hub.start(file);
const check = (name, body) => scenario(name, { shared: file }, body);

// What a client must get for data: line ends become LF (HTML standard).
const asReceived = (data) => data.replace(/\r\n|\r/g, '\n');

check('lines are delivered while the request that brings them is still open', async (s) => {
    const stream = await hub.stream('/t/endless', {}, s);
    const upload = slowRequest(s, hub.to('/t/endless?split=lines'));
    for (let i = 1; i <= 20; i++) {
        upload.write(`line ${i}\n`);
        const data = await stream.waitData(i);
        assert.equal(data.at(-1), `line ${i}`);
    }
    upload.write('half a li');
    upload.write('ne');
    upload.end();
    assert.equal((await stream.waitData(21)).at(-1), 'half a line');
    const answer = await within(upload.answer, 'the answer to the upload');
    assert.equal(answer.status, 200);
    assert.equal(answer.json().count, 21);
});

check('lines that came before an upload broke off are kept', async (s) => {
    const stream = await hub.stream('/t/broken-off', {}, s);
    const upload = slowRequest(s, hub.to('/t/broken-off?split=lines'));
    upload.write('one\ntwo\nthr');
    await stream.waitData(2);
    upload.destroy();
    await hub.publish('broken-off', 'after');
    assert.deepEqual(await stream.waitData(3), ['one', 'two', 'after']);
});

check('an emoji cut across writes arrives whole', async (s) => {
    const stream = await hub.stream('/t/emoji', {}, s);
    const text = 'caf\u00e9 \u{1F469}\u200D\u{1F680} \u{1F600}';
    const raw = await RawSocket.connect(s, hub.port);
    raw.write(
        'POST /t/emoji?split=lines HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    // Each byte in a chunk of its own, so that every cut occurs.
    for (const byte of Buffer.from(`${text}\n`)) {
        raw.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]));
    }
    assert.deepEqual(await stream.waitData(1), [text]);
    raw.write('0\r\n\r\n');
    const [response] = await raw.waitResponses(1);
    assert.equal(response.status, 200);
    assert.equal(JSON.parse(response.text).count, 1);
});

check('a CRLF cut between CR and LF is one line end', async (s) => {
    const stream = await hub.stream('/t/crlf-cut', {}, s);
    const upload = slowRequest(s, hub.to('/t/crlf-cut?split=lines'));
    upload.write('a\n');
    await stream.waitData(1);
    upload.write('b\r');
    upload.write('\nc\r\n');
    upload.end('d');
    assert.deepEqual(await stream.waitData(4), ['a', 'b', 'c', 'd']);
    assert.equal((await upload.answer).json().count, 4);
});

const LIMIT = 1024 * 1024; // limits.event_bytes

// As lines of followed files: repaired, cut, and what follows them arrives.
check('a line that cannot be stored as it is does not end its stream', async (s) => {
    const stream = await hub.stream('/t/repaired', {}, s);
    const long = 'x'.repeat(LIMIT + 24);
    const answer = await hub.publish(
        'repaired',
        Buffer.concat([
            Buffer.from('one\ncaf'),
            Buffer.from([0xe9]),
            Buffer.from(`\n${long}\n\0\0nul\0\0inside\0\na\rb\r\n\0\n`),
            Buffer.from([0xff, 0xfe]),
            Buffer.from('last'),
        ]),
        '?split=lines&id=k',
    );
    assert.equal(answer.count, 7);
    assert.deepEqual(await stream.waitData(7), [
        'one',
        'caf\ufffd',
        `${'x'.repeat(LIMIT)} \u2026[cut, ${LIMIT + 24} bytes]`,
        'nul\ufffdinside',
        'a\nb',
        '',
        '\ufffd\ufffdlast',
    ]);
    const again = await hub.publish('repaired', 'one\n', '?split=lines&id=k');
    assert.equal(again.duplicates, 1, 'each line has its own number');
});

check('JSON lines are lines', async () => {
    const type = { 'content-type': 'application/x-ndjson' };
    const body = Buffer.from('{"a":1}\n{"a":"\xe9"}\n{"a":3}', 'latin1');
    assert.equal((await hub.publish('json-lines', body, '', type)).count, 3);
    const { text } = await hub.get('/t/json-lines?last=all', { accept: 'text/plain' });
    assert.equal(text, '{"a":1}\n{"a":"\ufffd"}\n{"a":3}\n');
});

check('a bad line arrives the same however its request is cut', async (s) => {
    const stream = await hub.stream('/t/bad-cut', {}, s);
    const raw = await RawSocket.connect(s, hub.port);
    raw.write(
        'POST /t/bad-cut?split=lines HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    for (const byte of Buffer.from('caf\xe9\r\n\0x\ry\n\xe2\x82\n', 'latin1')) {
        raw.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]));
    }
    assert.deepEqual(await stream.waitData(3), ['caf\ufffd', 'x\ny', '\ufffd']);
});

check('with strict=1 a bad line is refused with its number in the whole request', async (s) => {
    const stream = await hub.stream('/t/strict', {}, s);
    const upload = slowRequest(s, hub.to('/t/strict?split=lines&strict=1'));
    upload.write('one\ntwo\n');
    await stream.waitData(2);
    upload.write(Buffer.from('three\nb\xe4d\nfive\n', 'latin1'));
    assertProblem(await within(upload.answer, 'the answer'), 400, /line 4 is not valid UTF-8/);
    assert.deepEqual(await stream.waitData(3), ['one', 'two', 'three']);
    const long = await hub.post(
        '/t/strict?split=lines&strict=1',
        `a\n${'x'.repeat(LIMIT + 1)}\nb\n`,
    );
    assertProblem(long, 413, /line 2 is longer than 1048576 bytes/);
    assert.deepEqual(await stream.waitData(4), ['one', 'two', 'three', 'a']);
    assertProblem(await hub.post('/t/strict?strict=perhaps', 'x'), 400, /strict/);
});

check('multi-line data comes back as it was', async (s) => {
    const texts = [
        'first\nsecond\nthird',
        'unix\n\nempty line between',
        'dos\r\nline\r\nends',
        'mac\rline\rends',
        'mixed\r\n\r\rx\n\ry',
        'ends with newline\n',
        'ends with two\n\n',
        '\nbegins with newline',
        '\n',
        '\n\n',
        '\r',
        '\r\n',
        '',
        ' leading space',
        '  two leading spaces',
        '\ttab',
        ' ',
        ': colon',
        ':',
        'data: not a field',
        'id: 7\nevent: forged\ndata: injected',
        'event: forged\r\rdata: x',
        '\ufeffwith a byte order mark',
        'a\u2028b\u2029c\u0085d',
        'ctrl \u0001\u0002\u001b[31mred\u001b[0m',
        'nul \u0000 inside',
        '</script><b>&amp;',
    ];
    const stream = await hub.stream('/t/shapes', {}, s);
    const client = hub.client('/t/shapes?last=all', {}, s);
    await client.opened();
    for (const text of texts) await hub.publish('shapes', text);
    assertSequence(await stream.waitData(texts.length), texts.map(asReceived));
    assertSequence(await client.waitData(texts.length), texts.map(asReceived));
    for (const event of stream.events.items) assert.equal(event.type, 'message');
    const again = await hub.get('/t/shapes?last=all', { accept: 'application/json' });
    assertSequence(
        again.json().events.map((event) => event.data),
        texts,
        'the snapshot, which changes nothing',
    );
    const nd = await hub.get('/t/shapes?last=all', { accept: 'application/x-ndjson' });
    assertSequence(
        nd.text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line).data),
        texts,
        'ndjson, which changes nothing',
    );
});

check('every data line has one space after the colon', async (s) => {
    const stream = await hub.stream('/t/space', {}, s);
    await hub.publish('space', ' x\n\ny');
    await stream.waitData(1);
    assert.match(stream.text, /^data:  x\ndata: \ndata: y\n\n/m);
});

check('lines of 1 MB arrive whole, in a stream, a snapshot and as text', async (s) => {
    const line = (letter) => letter.repeat(1024 * 1024 - 2) + '\u00e9';
    const lines = ['a', 'b', 'c'].map(line);
    const stream = await hub.stream('/t/megabyte', {}, s);
    const client = hub.client('/t/megabyte?last=all', {}, s);
    await hub.publishLines('megabyte', lines);
    assertSequence(await stream.waitData(3), lines);
    assertSequence(await client.waitData(3), lines);
    const text = await hub.get('/t/megabyte?last=all', { accept: 'text/plain' });
    assertSequence(text.text.split('\n').slice(0, 3), lines);
});

check('10,000 lines at once arrive in order at a stream that follows', async (s) => {
    const stream = await hub.stream('/t/burst', { keepRaw: false }, s);
    const lines = numbered(10_000, 'line number ');
    await hub.publishLines('burst', lines);
    assertSequence(await stream.waitData(lines.length), lines);
});

check('empty lines are events of their own', async (s) => {
    const stream = await hub.stream('/t/empties', {}, s);
    await hub.publish('empties', '\n\na\n\n', '?split=lines');
    assert.deepEqual(await stream.waitData(4), ['', '', 'a', '']);
});

// With heartbeats so far apart, nothing wakes a worker that has left something undone.
check('an upload into memory goes on by itself, to its last line', async (s) => {
    const own = await Hub.start(s, {
        config: {
            stream: { heartbeat: '10m' },
            workers: 1,
            topics: [{ match: 'memory/**', durability: 'memory' }],
        },
    });
    const lines = 100_000;
    const answer = await within(
        own.publish('memory/upload', 'x\n'.repeat(lines), '?split=lines'),
        'the answer',
    );
    assert.equal(answer.count, lines);
});
