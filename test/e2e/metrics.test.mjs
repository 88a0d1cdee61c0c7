// SPDX-License-Identifier: MIT
// What operators look at: /metrics, /topics, /healthz, /readyz, /version.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { assertProblem, request } from './support/http.mjs';
import { Hub, numbered, parseId } from './support/hub.mjs';
import { root } from './support/process.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const hub = await Hub.start(file);
const check = (name, body) => scenario(name, { shared: file }, body);

// Prometheus text format 0.0.4, strictly. Map of `name{labels}` → value.
function parsePrometheus(text) {
    assert.ok(text.endsWith('\n'), 'the last line has an end');
    const samples = new Map();
    const types = new Map();
    const helped = new Set();
    const finished = new Set();
    let family = null;
    for (const line of text.split('\n')) {
        if (line === '') continue;
        const comment = line.match(/^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/);
        if (comment) {
            const [, what, name, rest] = comment;
            if (name !== family) {
                if (family) finished.add(family);
                assert.ok(!finished.has(name), `${name} stands in one place`);
                family = name;
            }
            if (what === 'HELP') {
                assert.ok(!helped.has(name), `one HELP for ${name}`);
                helped.add(name);
            } else {
                assert.ok(!types.has(name), `one TYPE for ${name}`);
                assert.match(rest, /^(counter|gauge|histogram|summary|untyped)$/);
                types.set(name, rest);
            }
            continue;
        }
        const sample = line.match(
            /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$/,
        );
        assert.ok(sample, `a sample: ${line}`);
        const [, name, labels = '', value] = sample;
        const base = name.replace(/_(bucket|sum|count)$/, '');
        assert.ok(name === family || base === family, `${name} belongs to ${family}`);
        assert.ok(!samples.has(name + labels), `${name + labels} stands once`);
        assert.ok(value === '+Inf' || value === 'NaN' || Number.isFinite(Number(value)), line);
        samples.set(name + labels, Number(value));
    }
    for (const name of types.keys()) assert.ok(helped.has(name), `${name} has a HELP`);
    return { samples, types };
}

const metrics = async (of = hub) => parsePrometheus((await of.get('/metrics')).text);
const sum = (samples, pattern) =>
    [...samples]
        .filter(([name]) => pattern.test(name))
        .reduce((total, [, value]) => total + value, 0);

check('/metrics is Prometheus text, names say the unit and the program', async () => {
    await hub.publish(encodeURIComponent('odd "topic" \\ with\u00e9'), 'x');
    const answer = await hub.get('/metrics');
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^text\/plain;\s*version=0\.0\.4/);
    const { samples, types } = parsePrometheus(answer.text);
    assert.ok(samples.size > 10);
    for (const [name, type] of types) {
        assert.match(name, /^(tailrace|process)_/);
        if (type === 'counter') assert.match(name, /_total$/);
        assert.doesNotMatch(name, /micro|milli|kilo|mega/, 'base units');
    }
});

check('how long commits take is a histogram in seconds', async () => {
    const count = async () =>
        (await metrics()).samples.get('tailrace_journal_commit_seconds_count');
    const before = await count();
    for (let i = 0; i < 5; i++) await hub.publish('commits', `${i}`);
    const { samples, types } = await metrics();
    assert.equal(types.get('tailrace_journal_commit_seconds'), 'histogram');
    const buckets = [...samples]
        .filter(([name]) => name.startsWith('tailrace_journal_commit_seconds_bucket'))
        .map(([name, value]) => [name.match(/le="(.+)"/)[1].replace('+Inf', 'Infinity'), value]);
    for (let i = 1; i < buckets.length; i++) {
        assert.ok(Number(buckets[i - 1][0]) < Number(buckets[i][0]), 'bounds rise');
        assert.ok(buckets[i - 1][1] <= buckets[i][1], 'buckets add up');
    }
    const [last, total] = buckets.at(-1);
    assert.equal(last, 'Infinity');
    assert.equal(total, samples.get('tailrace_journal_commit_seconds_count'));
    assert.ok(total >= before + 5, 'one commit or more for each answer');
    const seconds = samples.get('tailrace_journal_commit_seconds_sum');
    assert.ok(seconds > 0 && seconds < 60 * total, `${seconds} seconds`);
});

check('counters count: events, subscribers, requests', async (s) => {
    const before = (await metrics()).samples;
    const streams = [];
    for (let i = 0; i < 3; i++) streams.push(await hub.stream('/t/counted', {}, s));
    await hub.publishLines('counted', numbered(25));
    await Promise.all(streams.map((stream) => stream.waitData(25)));
    const after = await until(async () => {
        const { samples } = await metrics();
        const more = (pattern) => sum(samples, pattern) - sum(before, pattern);
        return (
            more(/^tailrace_.*events_total/) >= 25 &&
            more(/^tailrace_.*deliver\w*_total/) >= 75 &&
            samples
        );
    }, 'the events, published and delivered, to be counted');
    assert.ok(sum(after, /^tailrace_subscribers/) >= 3);
    for (const [name, value] of before) {
        if (/_total(\{|$)/.test(name))
            assert.ok((after.get(name) ?? 0) >= value, `${name} does not go back`);
    }
    for (const stream of streams) stream.close();
    await until(
        async () =>
            sum((await metrics()).samples, /^tailrace_subscribers/) ===
            sum(before, /^tailrace_subscribers/),
        'the subscribers to be gone',
    );
});

check('/metrics says how long the turns of the workers took', async () => {
    const { samples, types } = await metrics();
    assert.equal(types.get('tailrace_turn_cpu_seconds_max'), 'gauge');
    assert.ok(samples.get('tailrace_turn_cpu_seconds_max') < 60);
    assert.equal(types.get('tailrace_long_turns_total'), 'counter');
    assert.ok(Number.isInteger(samples.get('tailrace_long_turns_total')));
});

check('/metrics may have a listener of its own', async (s) => {
    const own = await Hub.start(s, { config: { metrics: { listen: '127.0.0.1:0' } } });
    assertProblem(await own.get('/metrics'), 404);
    const line = await own.process.stderr.waitFor(
        (lines) =>
            lines.find((text) => /metrics/i.test(text) && /127\.0\.0\.1:[1-9]\d*/.test(text)),
        'the address of the metrics',
    );
    const [, port] = line.match(/127\.0\.0\.1:([1-9]\d*)/);
    const answer = await request(`http://127.0.0.1:${port}/metrics`);
    assert.equal(answer.status, 200);
    parsePrometheus(answer.text);
    assert.equal(
        (await request(`http://127.0.0.1:${port}/topics`)).status,
        404,
        'nothing else is there',
    );
});

check('/topics describes each topic', async (s) => {
    const own = await Hub.start(s);
    assert.deepEqual((await own.get('/topics')).json(), []);
    await own.publish('a/1', 'xy');
    const { id } = await own.publish('a/1', 'z');
    await own.publish('a/2', 'w', '?close=1');
    await own.publish('b', 'v');
    await own.stream('/t/a/1', {}, s);
    await own.stream('/events?topic=a/*', {}, s);
    const one = await until(async () => {
        const answer = await own.get('/topics?topic=a/1');
        assert.match(answer.headers['content-type'], /^application\/json/);
        const [entry] = answer.json();
        return entry.subscribers === 2 && entry;
    }, 'two subscribers');
    assert.deepEqual(
        { ...one, last_time: '' },
        {
            topic: 'a/1',
            last_id: id,
            last_time: '',
            events: 2,
            bytes: 3,
            subscribers: 2,
            closed: false,
        },
    );
    assert.ok(Number.isFinite(Date.parse(one.last_time)));
    const names = async (query) =>
        (await own.get(`/topics${query}`))
            .json()
            .map((entry) => entry.topic)
            .sort();
    assert.deepEqual(await names(''), ['a/1', 'a/2', 'b']);
    assert.deepEqual(await names('?topic=a/*'), ['a/1', 'a/2']);
    assert.deepEqual(await names('?topic=b&topic=a/2'), ['a/2', 'b']);
    assert.deepEqual(await names('?topic=nothing/**'), []);
    assert.equal((await own.get('/topics?topic=a/2')).json()[0].closed, true);
    await own.delete('/t/b');
    await until(async () => (await names('')).length === 2, 'the forgotten topic to go');
    await own.restart();
    const after = (await own.get('/topics?topic=a/1')).json()[0];
    assert.deepEqual({ ...after, subscribers: 2 }, one, 'the same after a restart');
    assertProblem(await own.get(`/topics?topic=${'%FF'}`), 400);
});

check('/healthz, /readyz and /version answer at once', async () => {
    assert.equal((await hub.get('/healthz')).status, 200);
    assert.equal((await hub.get('/readyz')).status, 200);
    const version = await hub.get('/version');
    assert.equal(version.status, 200);
    assert.ok(version.text.includes(readFileSync(path.join(root, 'VERSION'), 'utf8').trim()));
    for (const name of ['/healthz', '/readyz', '/version', '/metrics', '/topics']) {
        const head = await hub.request(name, { method: 'HEAD' });
        assert.equal(head.status, 200, name);
        assert.equal(head.text, '');
        assert.match(
            (await hub.get(name)).headers['cache-control'] ?? '',
            /no-(cache|store)/,
            name,
        );
    }
});

check('the web assets have a type, an ETag, and nothing outside them can be had', async () => {
    const page = await hub.get('/');
    assert.equal(page.status, 200);
    assert.match(page.headers['content-security-policy'], /default-src 'none'.*worker-src 'self'/);
    assert.match(
        page.headers['content-type'],
        /^text\/html/,
        '/ is never a stream, whatever is asked for',
    );
    assert.match(
        (await hub.get('/', { accept: 'text/event-stream' })).headers['content-type'] ?? '',
        /^(text\/html|application\/problem)/,
    );
    const names = [...page.text.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(
        ([, name]) => `/${name}`,
    );
    assert.ok(names.length >= 2);
    for (const name of names) {
        const asset = await hub.get(name);
        assert.equal(asset.status, 200, name);
        assert.equal(asset.headers['x-content-type-options'], 'nosniff');
        const again = await hub.get(name, { 'if-none-match': asset.headers.etag });
        assert.equal(again.status, 304, name);
    }
    for (const name of [
        '/assets/',
        '/assets/../VERSION',
        '/assets/..%2fMakefile',
        '/assets/%2e%2e/VERSION',
        '/assets/app.js/x',
        '/assets/kit/tailrace.js',
        '/kit',
        '/kit/',
        '/kit/../app.js',
        '/kit/package.json',
    ]) {
        assert.equal((await hub.get(name)).status, 404, name);
    }
});

check('the kit is a folder of its own, with types for editors', async () => {
    const types = {
        'tailrace.js': /^text\/javascript/,
        'live-log.js': /^text\/javascript/,
        'tailrace.d.ts': /^text\/plain/,
    };
    for (const [name, type] of Object.entries(types)) {
        const answer = await hub.get(`/kit/${name}`);
        assert.equal(answer.status, 200, name);
        assert.match(answer.headers['content-type'], type, name);
        assert.ok(answer.headers.etag);
        assert.equal((await hub.get(`/assets/kit/${name}`)).status, 404, 'one address each');
    }
    for (const name of ['README.md', 'package.json'])
        assert.equal((await hub.get(`/kit/${name}`)).status, 404, name);
});

check('ids on every side are of one journal', async () => {
    const { id } = await hub.publish('epoch', 'x');
    const topic = (await hub.get('/topics?topic=epoch')).json()[0];
    assert.equal(topic.last_id, id);
    const { next } = (await hub.get('/t/epoch', { accept: 'application/json' })).json();
    assert.equal(parseId(next).epoch, parseId(id).epoch);
});

// What is measured of sources is asked for by workers, which are the last to go.
check('metrics may be asked for while the hub stops', async (s) => {
    for (let round = 0; round < 3; round++) {
        const dir = s.tempDir();
        for (let i = 0; i < 50; i++) writeFileSync(path.join(dir, `${i}.log`), 'a line\n');
        const own = await Hub.start(s, {
            config: {
                workers: 2,
                sources: [{ file: `${dir}/*.log`, topic: 'logs/{name}' }],
                metrics: { listen: '127.0.0.1:0' },
            },
        });
        const lines = await own.process.stderr.waitFor(
            (all) => all.map((line) => line.match(/metrics on (\S+)/)).find(Boolean),
            'the address of the metrics',
        );
        let answers = 0;
        let over = false;
        const scrape = async () => {
            while (!over) {
                const answer = await request(lines[1]).catch(() => null);
                if (answer) answers++;
            }
        };
        const publish = async () => {
            while (!over) {
                await own
                    .post('/t/busy?split=lines', numbered(2000, 'x'.repeat(200)).join('\n'))
                    .catch(() => null);
            }
        };
        const all = [scrape(), scrape(), scrape(), scrape(), publish(), publish()];
        try {
            await until(() => answers > 20, 'some answers');
            await own.stop();
        } finally {
            over = true;
            await Promise.all(all);
        }
    }
});

check('metrics tell paths and topics only to who may see all of them', async (s) => {
    const dir = s.tempDir();
    writeFileSync(path.join(dir, 'acme-merger.log'), 'a line\n');
    const own = await Hub.start(s, {
        config: {
            keys: [
                { name: 'narrow', secret: 'the-narrow-key', subscribe: ['public/a'] },
                { name: 'wide', secret: 'the-wide-key', subscribe: ['status/*', '**'] },
                { name: 'writer', secret: 'the-writers-key', publish: ['**'] },
            ],
            anonymous: { subscribe: ['public/**'] },
            sources: [{ file: `${dir}/acme-merger.log`, topic: 'private/{name}' }],
        },
    });
    const ask = (key) => own.get('/metrics', key ? { 'x-api-key': key } : {});
    assertProblem(await ask(), 401);
    assertProblem(await ask('the-writers-key'), 403);
    const narrow = await ask('the-narrow-key');
    assert.equal(narrow.status, 200);
    assert.match(narrow.text, /^tailrace_topics /m);
    assert.doesNotMatch(narrow.text, /acme|private|source="/);
    parsePrometheus(narrow.text);
    assert.match((await ask('the-wide-key')).text, /topic="private\/acme-merger\.log"/);
    const open = await Hub.start(s, { config: { anonymous: { subscribe: ['**'] } } });
    assert.equal((await open.get('/metrics')).status, 200);
});
