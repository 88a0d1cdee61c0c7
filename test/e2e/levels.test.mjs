// SPDX-License-Identifier: MIT
// The level of a line, without a browser: lines of real tools, from their manuals or as they print
// them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { detectLevel } from '../../web/kit/levels.js';
import { root } from './support/process.mjs';

const table = JSON.parse(readFileSync(path.join(root, 'test/data/levels.json'), 'utf8'));
const wrong = (rows) =>
    rows
        .map(([line, level, tool]) => ({ line, level, found: detectLevel(line), tool }))
        .filter(({ level, found }) => found !== level);

test('lines of real tools have the level that a person gives them', () => {
    assert.deepEqual(wrong(table), []);
    assert.ok(new Set(table.map(([, , tool]) => tool)).size >= 60, 'the table is there');
});

test('colours of a terminal change no level', () => {
    // Around the first word, as tools colour it; JSON is not coloured.
    const rows = table.filter(
        ([line]) => /^[A-Za-z[]/.test(line) && !/^(?:\[[U_]|PRIORITY)/.test(line),
    );
    assert.ok(rows.length > 200);
    assert.deepEqual(
        wrong(
            rows.map(([line, ...rest]) => [line.replace(/^\S+/, '\x1b[1;31m$&\x1b[0m'), ...rest]),
        ),
        [],
    );
});

test('an access log is coloured by its status code, whatever its path', () => {
    const levels = { 200: '', 304: '', 404: 'warn', 429: 'warn', 500: 'error', 503: 'error' };
    for (const [code, level] of Object.entries(levels)) {
        for (const request of [
            '/',
            '/ERROR',
            '/a?level=fatal&x="',
            '/warn:%20error:',
            '/[error]',
        ]) {
            const asked = request.replaceAll('"', '\\x22');
            for (const line of [
                `10.0.0.1 - - [22/Nov/2026:12:00:00 +0000] "GET ${asked} HTTP/1.1" ${code} 12`,
                `example.com 2001:db8::1 - bob [22/Nov/2026:12:00:00 +0000] "GET ${asked} HTTP/1.1" ${code} 12 "-" "ERROR"`,
                JSON.stringify({ method: 'GET', path: request, status: Number(code) }),
                JSON.stringify({ request: `GET ${request} HTTP/1.1`, status: code }),
            ])
                assert.equal(detectLevel(line), level, line);
        }
    }
});

test('a continuation has the level of the line before it', () => {
    for (const line of [
        '\tat com.example.Main',
        '    at f (x.js:1:1)',
        '2026-11-22 [1] DETAIL:  Key (id)=(1)',
    ])
        assert.equal(detectLevel(line, 'error'), 'error', line);
    assert.equal(detectLevel('all is well', 'error'), '');
});

test('a level at the end of a very long object is seen', () => {
    assert.equal(detectLevel(JSON.stringify({ msg: 'x'.repeat(50_000), level: 'error' })), 'error');
    assert.equal(
        detectLevel(JSON.stringify({ msg: 'x'.repeat(500_000), level: 'error' })),
        'error',
    );
    assert.equal(detectLevel(JSON.stringify({ a: { level: 'debug' }, level: 'error' })), 'error');
});

test('a line of any length takes little time', () => {
    const pieces = [
        'a ',
        '[',
        '"GET ',
        '"GET /x HTTP/1.1" ',
        '] a/b ',
        'a/',
        '\x1b[',
        '1/',
        'error ',
        '{"a":',
        'level=',
        '\t',
        'Completed ',
    ];
    for (const piece of pieces) {
        for (const start of ['', '2026-11-22 12:00:00 1.2.3.4 GET /', '] x ', '{']) {
            const line = start + piece.repeat(1_000_000 / piece.length);
            const before = process.cpuUsage();
            detectLevel(line);
            const ms = process.cpuUsage(before).user / 1000;
            assert.ok(ms < 100, `${start}${piece}: ${ms} ms`);
        }
    }
});
