// SPDX-License-Identifier: MIT
// SIGHUP takes keys, origins, routes, sources, retention and log level, and no stream notices.
import assert from 'node:assert/strict';
import path from 'node:path';
import { assertProblem } from './support/http.mjs';
import { Hub, numbered } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { scenario } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const key = (name, secret, extra = {}) => ({
    name,
    secret,
    publish: ['**'],
    subscribe: ['**'],
    ...extra,
});
const bearer = (secret) => ({ authorization: `Bearer ${secret}` });
const ONE = 'first-secret-0001';
const TWO = 'second-secret-0002';
const asJson = { accept: 'application/json' };

scenario('a reload changes what it may change while streams go on', async (s) => {
    const dir = s.tempDir();
    const logs = ['one', 'two'].map((name) => new LogFile(path.join(dir, `${name}.log`)));
    const source = (i, extra = {}) => ({ file: logs[i].path, backfill: 'all', ...extra });
    const base = { keys: [key('one', ONE)], sources: [source(0)], log: { level: 'info' } };
    const hub = await Hub.start(s, { config: base });
    const stream = await hub.stream('/events?topic=**', { headers: bearer(ONE) });
    let sent = 0;
    const alive = async (secret) => {
        await hub.publish('pulse', String(++sent), '', bearer(secret));
        await stream.events.waitFor(
            (items) => items.some((event) => event.data === String(sent)),
            `the stream to go on (${sent})`,
        );
    };
    await alive(ONE);

    // keys
    await hub.reload({ ...base, keys: [key('one', ONE), key('two', TWO)] });
    await alive(TWO);

    // origins
    const origin = 'https://late.example.com';
    const withOrigin = { ...base, origins: [origin] };
    assert.equal(
        (await hub.get('/t/x', { ...asJson, ...bearer(ONE), origin })).headers[
            'access-control-allow-origin'
        ],
        undefined,
    );
    await hub.reload(withOrigin);
    assert.equal(
        (await hub.get('/t/x', { ...asJson, ...bearer(ONE), origin })).headers[
            'access-control-allow-origin'
        ],
        origin,
    );
    await alive(ONE);

    // routes
    assertProblem(await hub.get('/api/new', { ...asJson, ...bearer(ONE) }), 404);
    await hub.reload({ ...withOrigin, routes: [{ path: '/api/new', to: '/t/pulse?last=1' }] });
    const routed = await hub.get('/api/new', { ...asJson, ...bearer(ONE) });
    assert.equal(routed.json().events.length, 1);
    await hub.reload(withOrigin);
    assertProblem(await hub.get('/api/new', { ...asJson, ...bearer(ONE) }), 404);

    // sources: a new one starts, the one that stays is not disturbed
    logs[0].lines(['one 1']);
    await stream.events.waitFor(
        (items) => items.some((event) => event.data === 'one 1'),
        'the first source',
    );
    await hub.reload({ ...withOrigin, sources: [source(0), source(1)] });
    logs[1].lines(['two 1']);
    await stream.events.waitFor(
        (items) => items.some((event) => event.data === 'two 1'),
        'the second source',
    );
    logs[0].lines(['one 2']);
    await stream.events.waitFor(
        (items) => items.some((event) => event.data === 'one 2'),
        'the first source again',
    );
    await hub.reload({ ...withOrigin, sources: [source(1)] });
    logs[0].lines(['one 3']);
    logs[1].lines(['two 2']);
    await stream.events.waitFor(
        (items) => items.some((event) => event.data === 'two 2'),
        'the source that stays',
    );
    // It comes back where it was left.
    await hub.reload({ ...withOrigin, sources: [source(0), source(1)] });
    await stream.events.waitFor(
        (items) => items.some((event) => event.data === 'one 3'),
        'the line in between',
    );
    const ones = stream.data.filter((text) => text.startsWith('one '));
    assert.deepEqual(ones, ['one 1', 'one 2', 'one 3']);

    // log level
    await hub.reload({ ...withOrigin, log: { level: 'debug' } });
    await hub.get('/t/x', { ...asJson, ...bearer(ONE) });
    await hub.process.stderr.waitFor(
        (lines) => lines.some((line) => line.includes('level=debug')),
        'a debug line',
    );

    // a key that is taken away
    await hub.reload({ ...withOrigin, keys: [key('two', TWO)] });
    assertProblem(await hub.get('/t/x', { ...asJson, ...bearer(ONE) }), 401);
    await hub.publish('pulse', 'with the new key', '', bearer(TWO));
});

scenario('retention is taken by a reload', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/x', numbered(500));
    await hub.reload({ topics: [{ match: 'logs/**', retention: { count: 5 } }] });
    await until(async () => {
        await hub.publish('logs/y', 'tick');
        return (await hub.get('/t/logs/x?last=all', asJson)).json().events.length === 5;
    }, 'the new retention to be kept');
});

scenario(
    'a bad configuration is refused with the place, and everything goes on as before',
    async (s) => {
        const hub = await Hub.start(s, {
            config: { keys: [key('one', ONE)], log: { level: 'info' } },
        });
        const stream = await hub.stream('/t/x', { headers: bearer(ONE) });
        for (const text of [
            'keys: [',
            'no_such_key: 1\n',
            'stream:\n  heartbeat: soon\n',
            'keys:\n  - {name: a}\n',
        ]) {
            const line = await hub.reload(text, { refused: true });
            assert.match(line, /tailrace\.yml:\d+|line[= ]\d+/, line);
            assert.ok(!line.includes(ONE));
        }
        await hub.publish('x', 'still', '', bearer(ONE));
        assert.deepEqual(await stream.waitData(1), ['still']);
        // So is one that would need a restart.
        const line = await hub.reload(
            { keys: [key('one', ONE)], data: '/somewhere/else', stream: { ring_events: 128 } },
            { refused: true },
        );
        assert.match(line, /restart/i);
        await hub.publish('x', 'and still', '', bearer(ONE));
        await stream.waitData(2);
    },
);

scenario('a reload to no keys at all does not open a hub that listens to everybody', async (s) => {
    const hub = await Hub.start(s, { listen: '0.0.0.0:0', config: { keys: [key('one', ONE)] } });
    await hub.reload({}, { refused: true });
    hub.origin = `http://127.0.0.1:${hub.port}`;
    assertProblem(await hub.get('/t/x', asJson), 401);
    assert.equal((await hub.get('/t/x', { ...asJson, ...bearer(ONE) })).status, 200);
});

scenario('many reloads at once do no harm', async (s) => {
    const hub = await Hub.start(s, { config: { log: { level: 'info' } } });
    const stream = await hub.stream('/t/x');
    for (let i = 0; i < 30; i++) hub.process.signal('SIGHUP');
    for (let i = 1; i <= 20; i++) await hub.publish('x', String(i));
    await stream.waitData(20);
});
