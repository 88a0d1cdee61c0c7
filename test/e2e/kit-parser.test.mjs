// SPDX-License-Identifier: MIT
// The parts of the client script that need no browser: its reader of streams, its topics, its size.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import ts from 'typescript';
import { eventReader } from '../../web/kit/hub-reader.js';
import { foldTopics } from '../../web/kit/hub-topics.js';
import { hubRoot, topicMatcher } from '../../web/kit/tailrace.js';
import { Hub, numbered } from './support/hub.mjs';
import { root } from './support/process.mjs';
import { scenario } from './support/scope.mjs';

// Everything that the reader says about a stream that comes in these pieces.
function heard(...pieces) {
    const said = [];
    const read = eventReader({
        onEvent: (event) => said.push(event),
        onComment: (comment) => said.push({ comment }),
        onRetry: (retry) => said.push({ retry }),
    });
    for (const piece of pieces)
        read(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece);
    return said;
}

const message = (data, more = {}) => ({ type: 'message', id: '', data, ...more });

test('a stream means the same wherever it is cut', () => {
    const text =
        '\ufeff: hello\r\nretry: 2115\r\r\nid: 1\ntopic: ä/ö\ntime: 2026-01-01T00:00:00Z\ndata: zwölf 💧\r\ndata:  b\rdata\r\ndata: c\n\n' +
        'event: tailrace.ping\ndata:\n\n:\nid: 2\n\ndata: after\r\n\r\nid\nfoo: bar\ndata: x\r\rdata: cut off';
    const expected = [
        { comment: 'hello' },
        { retry: 2115 },
        message('zwölf 💧\n b\n\nc', { id: '1', topic: 'ä/ö', time: '2026-01-01T00:00:00Z' }),
        message('', { id: '1', type: 'tailrace.ping' }),
        { comment: '' },
        message('after', { id: '2' }),
        message('x'),
    ];
    const bytes = new TextEncoder().encode(text);
    assert.deepEqual(heard(bytes), expected);
    for (let cut = 0; cut <= bytes.length; cut++) {
        assert.deepEqual(
            heard(bytes.subarray(0, cut), bytes.subarray(cut)),
            expected,
            `cut at ${cut}`,
        );
    }
    assert.deepEqual(
        heard(...Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))),
        expected,
        'byte by byte',
    );
});

test('every ending ends a line, and an event is dispatched once', () => {
    for (const end of ['\n', '\r', '\r\n']) {
        const text = ['id: 7', 'data: a', 'data: b', '', 'data: c', '', ''].join(end);
        assert.deepEqual(
            heard(...text),
            [message('a\nb', { id: '7' }), message('c', { id: '7' })],
            JSON.stringify(end),
        );
    }
});

test('fields that are none, or not right, are left out', () => {
    assert.deepEqual(
        heard('id: 1\0\nretry: 1e3\nretry:\nretry: -1\ntype: x\nDATA: y\ndata : z\ndata:a:b\n\n'),
        [message('a:b')],
    );
    assert.deepEqual(
        heard('event: only\n\ndata: x\n\n'),
        [message('x')],
        'without data nothing is dispatched, and its type is forgotten',
    );
    assert.deepEqual(
        heard('\ufeff\ufeffdata: x\n\ndata: \ufeffy\n\n'),
        [message('\ufeffy')],
        'one byte order mark is taken away',
    );
    assert.deepEqual(heard(new Uint8Array([100, 97, 116, 97, 58, 255, 10, 10])), [
        message('\ufffd'),
    ]);
    assert.deepEqual(
        heard('data:\u2028x\n\n'),
        [message('\u2028x')],
        'only a space follows the colon',
    );
});

test('sixteen megabytes in one event, in small pieces, are read in a moment', () => {
    const piece = new TextEncoder().encode('x'.repeat(16 * 1024));
    const began = process.cpuUsage();
    const [event] = heard('data: ', ...Array.from({ length: 1024 }, () => piece), '\n\n');
    assert.equal(event.data.length, 16 * 1024 * 1024);
    assert.ok(process.cpuUsage(began).user < 5_000_000, 'time of the processor, in microseconds');
});

test('topics are matched by the rules of the hub', () => {
    const rows = [
        ['a', 'a', true],
        ['a', 'b', false],
        ['a', 'a/b', false],
        ['a/*', 'a/b', true],
        ['a/*', 'a', false],
        ['a/*', 'a/b/c', false],
        ['**', 'a', true],
        ['**', 'a/b/c', true],
        ['a/**', 'a', true],
        ['a/**', 'a/b/c', true],
        ['a/**', 'b', false],
        ['**/log', 'log', true],
        ['**/log', 'a/b/log', true],
        ['**/log', 'a/b/logs', false],
        ['a/**/z', 'a/z', true],
        ['a/**/m/**/z', 'a/b/m/c/d/z', true],
        ['a/**/m/**/z', 'a/b/c/z', false],
        ['*/*', '/', true],
        ['*', '', true],
        ['a.c', 'abc', false],
        ['a+(b)[c]{d}^$|?\\', 'a+(b)[c]{d}^$|?\\', true],
        ['a*', 'ab', false],
        ['https://x/*?y', 'https://x/*?y', true],
        ['constructor/*', 'constructor/toString', true],
        ['constructor', 'x', false],
        ['a\u2028/*', 'a\u2028/b\u2028', true],
        // Patterns that cover patterns.
        ['**', '*', true],
        ['*', '**', false],
        ['a/*', 'a/*', true],
        ['a/*', 'a/**', false],
        ['a/**', 'a/*/b', true],
        ['a/**', 'a/**', true],
    ];
    for (const [pattern, topic, wanted] of rows)
        assert.equal(topicMatcher([pattern])(topic), wanted, `${pattern} ${topic}`);
});

test('a hundred topics are asked for as they are, more by patterns that cover them', () => {
    const hundred = numbered(100, 'builds/').map((topic) => `${topic}/log`);
    assert.deepEqual(foldTopics([...hundred, hundred[0]]), [...hundred].sort());
    for (const topics of [
        numbered(101, 'builds/').map((topic) => `${topic}/log`),
        numbered(3000, 'x'),
        numbered(90, 'long/').map((topic) => `${topic}/${'ä'.repeat(300)}`),
        [...numbered(400, 'a/b/'), ...numbered(99, 'c/'), '**/log', 'd/*'],
    ]) {
        const folded = foldTopics(topics);
        assert.ok(
            folded.length <= 100 && encodeURIComponent(folded).length <= 6000,
            `${folded.length}`,
        );
        for (const topic of topics) assert.ok(topicMatcher(folded)(topic), topic);
    }
    assert.deepEqual(foldTopics(['x'.repeat(1000)]), ['x'.repeat(1000)]);
});

test("the hub's address gets its slash, and nothing after it", () => {
    assert.equal(hubRoot('http://x:1').href, 'http://x:1/');
    assert.equal(hubRoot('https://x/live?key=1#2').href, 'https://x/live/');
    assert.equal(hubRoot(new URL('https://x/live/')).href, 'https://x/live/');
    assert.match(hubRoot().pathname, /\/web\/$/);
});

// All files that a page with connect() loads: [{ name, text, code }]. `code` is what is left of one
// in a bundle whose names are not shortened: no comments, no indentation, no imports.
function clientFiles() {
    const files = new Map();
    const read = (name) => {
        if (files.has(name)) return;
        const text = readFileSync(path.join(root, 'web/kit', name), 'utf8');
        const { outputText } = ts.transpileModule(text, {
            fileName: name,
            compilerOptions: {
                allowJs: true,
                removeComments: true,
                target: 'es2024',
                module: 'esnext',
            },
        });
        files.set(name, { name, text, code: outputText.replace(/^import [^;]*;$|^ +/gm, '') });
        const used = outputText.matchAll(/\b(?:from|import) '([^']+)'|\bnew URL\('([^']+\.js)'/g);
        for (const [, imported, started] of used) read(path.normalize(imported ?? started));
        assert.doesNotMatch(outputText, /\bimport\(/);
    };
    read('tailrace.js');
    return [...files.values()];
}

test('it is small, needs only the files hub-*.js beside it, and is of the version that is built', () => {
    const files = clientFiles();
    const gzipped = (text) => gzipSync(text, { level: 9 }).length;
    const size = gzipped(files.map(({ code }) => code).join(''));
    const asTheyAre = files.reduce((sum, { text }) => sum + gzipped(text), 0);
    process.stderr.write(
        `connect(): ${size} bytes gzipped in a bundle; ${files.length} files, ${asTheyAre} bytes as they are\n`,
    );
    assert.ok(size < 10 * 1024, `${size} bytes gzipped`);
    assert.ok(files.length > 1, 'its imports are found');
    for (const { name } of files) assert.match(name, /^(tailrace|hub-[a-z]+)\.js$/);
    const { version } = JSON.parse(readFileSync(path.join(root, 'web/kit/package.json')));
    assert.equal(version, readFileSync(path.join(root, 'VERSION'), 'utf8').trim());
});

scenario('it reads what the hub writes, with its topic and time', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('a/ä', 'one\ntwo\r\nthree\n', '?type=note');
    const stream = await hub.stream('/t/**?last=all&format=meta');
    await stream.waitType('note');
    const events = heard(Buffer.concat(stream.raw)).filter(({ type }) => type === 'note');
    assert.equal(events.length, 1);
    assert.equal(events[0].data, 'one\ntwo\nthree\n');
    assert.equal(events[0].topic, 'a/ä');
    assert.match(events[0].time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.match(events[0].id, /^[a-z0-9]+-\d+$/);
});
