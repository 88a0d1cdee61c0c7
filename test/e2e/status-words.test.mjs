// SPDX-License-Identifier: MIT
// What statuses mean, without a browser: the words of real tools, how long a status is worth
// something, and what is said of all of them together.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { headline, StatusStore } from '../../web/kit/status-store.js';
import { CLASSES, readStatus } from '../../web/kit/status-words.js';
import { root } from './support/process.mjs';

const table = JSON.parse(readFileSync(path.join(root, 'test/data/status-words.json'), 'utf8'));

test('statuses of real tools have the kind that a person gives them', () => {
    const wrong = table
        .map(([text, kind, source]) => ({ text, kind, found: readStatus(text).kind, source }))
        .filter(({ kind, found }) => found !== kind);
    assert.deepEqual(wrong, []);
    assert.ok(table.length > 600, 'the table is there');
});

test('a bad word beside a good one is never green, wherever it stands', () => {
    const of = (kind) => table.filter((row) => row[1] === kind).map(([text]) => text);
    const plain = (text) => /^[\p{L}_ -]+$/u.test(text);
    // "error: none" denies the word before it.
    const good = of('good').filter((text) => plain(text) && text.includes('ok'));
    for (const bad of of('bad').filter(plain)) {
        for (const text of [
            `${good[0]} (${bad})`,
            `${bad}, ${good[0]}`,
            `ok: ${bad}`,
            JSON.stringify({ state: 'ok', checks: [{ status: 'ok' }, { status: bad }] }),
            JSON.stringify({ status: 'completed', conclusion: bad }),
        ])
            assert.equal(readStatus(text).kind, 'bad', text);
    }
});

test('however words are joined and cased, they are the same words', () => {
    for (const words of [
        'not ready',
        'in progress',
        'crash loop back off',
        'out of sync',
        'on hold',
    ]) {
        const parts = words.split(' ');
        const camel = parts.map((part) => part[0].toUpperCase() + part.slice(1)).join('');
        const { kind } = readStatus(words);
        assert.notEqual(kind, 'other', words);
        for (const text of [
            parts.join('_'),
            parts.join('-'),
            words.toUpperCase(),
            parts.join('_').toUpperCase(),
            camel,
            camel[0].toLowerCase() + camel.slice(1),
        ])
            assert.equal(readStatus(text).kind, kind, text);
    }
});

test('an object says which of its members decides, where it has no message', () => {
    const detail = (json) => readStatus(JSON.stringify(json)).detail;
    assert.equal(
        detail({ status: 'ok', checks: { db: { status: 'down' } } }),
        'checks.db.status: down',
    );
    assert.equal(detail({ state: 'ok', healthy: false }), 'healthy: false');
    assert.equal(detail({ status: 'completed', conclusion: 'failure' }), 'conclusion: failure');
    assert.equal(detail({ state: 'ok', parts: ['ok', { failed: 3 }] }), 'parts.1.failed: 3');
    assert.equal(detail({ state: 'ok', failed: 3, message: 'see the log' }), 'see the log');
    assert.equal(detail({ state: 'failed', healthy: false }), '');
    assert.equal(detail({ state: 'ok', healthy: true }), '');
});

test('words that nobody knows are never green', () => {
    for (const word of [
        'zorp',
        'quux',
        'läuft',
        'в порядке',
        '良好',
        '{"state":"zorp"}',
        '{"a":{"b":"zorp"}}',
    ])
        assert.equal(readStatus(word).kind, 'other', word);
});

test('a status of any length is read in little time', () => {
    const hostile = [
        'a-',
        'not ',
        '0 failed ',
        '1/2 ok ',
        'aA',
        '/a',
        'exit ',
        '1/',
        'http ',
        '[U',
        '[',
    ];
    for (const piece of hostile) {
        const text = piece.repeat(300_000 / piece.length);
        const begun = performance.now();
        readStatus(text);
        const took = performance.now() - begun;
        assert.ok(took < 1000, `${piece}: ${took.toFixed(0)} ms`);
    }
});

const minute = 60_000;
const at = (ago) => new Date(Date.now() - ago).toISOString();

function storeOf(events, options = {}) {
    const store = new StatusStore({ historyMax: 5, staleMs: Infinity, ...options });
    for (const [i, [topic, data, more]] of events.entries())
        store.add({ id: `e-${i}`, topic, time: at(10 * minute), data, ...more });
    for (const status of store.statuses.values()) store.classify(status);
    return store;
}

test('a status is worth something for ever, unless it says for how long', () => {
    const [soon, past] = [at(-minute), at(minute)];
    const rows = [
        ['nightly', 'ok', {}, false],
        ['ttl', '{"state":"ok","ttl":"5m"}', {}, true],
        ['longer', '{"state":"ok","ttl":"15m"}', {}, false],
        ['expired', 'ok', { expires: past }, true],
        ['valid', 'ok', { expires: soon }, false],
        // What was published with the event goes before what its text says.
        ['both', '{"state":"ok","ttl":"5m"}', { expires: soon }, false],
    ];
    const { statuses } = storeOf(rows);
    for (const [topic, , , stale] of rows) {
        assert.equal(statuses.get(topic).stale, stale, topic);
        assert.equal(statuses.get(topic).class, stale ? 'stale' : 'good', topic);
    }
    const asked = storeOf(rows, { staleMs: 5 * minute });
    assert.equal(asked.statuses.get('nightly').stale, true, 'a page may ask for less');
    assert.equal(asked.statuses.get('valid').stale, false);
});

test('all are said to be fine only when all of them are', () => {
    const said = (...words) => headline(storeOf(words.map((word, i) => [`s${i}`, word])).summary());
    assert.equal(said(), 'No statuses yet');
    assert.equal(said('ok'), 'The one status is fine');
    assert.equal(said('ok', 'done'), 'All 2 fine');
    assert.equal(said('ok', 'queued', 'ok'), '2 fine, 1 waiting');
    assert.equal(said('ok', 'purple', 'running'), '1 fine, 1 other, 1 running');
    assert.equal(said('queued'), '1 waiting');
    assert.equal(said('ok', 'queued', 'slow'), '1 warning');
    assert.equal(said('failed', 'down', 'slow'), '2 failing');
    assert.ok(!CLASSES.includes('off'));
});
