// SPDX-License-Identifier: MIT
// How long a status is worth something: said by its publisher or by a rule, kept with the event,
// told to readers (API.md section 2).
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { assertProblem } from './support/http.mjs';
import { Hub } from './support/hub.mjs';
import { tailrace } from './support/process.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const hub = await Hub.start(file, {
    config: {
        topics: [
            { match: 'status/cron/**', expires: '26h', keep: 1 },
            { match: 'cursor/*', durability: 'memory' },
        ],
    },
});
const check = (name, body) => scenario(name, { shared: file }, body);
const JSON_FORM = { accept: 'application/json' };

const HOUR = 3_600_000;
// How long each event of the topic is worth something, in ms; null: not said.
async function spans(own, topic) {
    const answer = await own.get(`/events?topic=${topic}&last=all`, JSON_FORM);
    return answer
        .json()
        .events.map(({ time, expires }) =>
            expires === undefined ? null : Date.parse(expires) - Date.parse(time),
        );
}

check('a publisher says how long, or that it is not said, or leaves it to the rule', async () => {
    for (const query of ['?expires=20s', '', '?expires=0', '?expires=90m&type=done'])
        await hub.publish('status/cron/nightly', 'ok', query);
    assert.deepEqual(await spans(hub, 'status/cron/nightly'), [
        20_000,
        26 * HOUR,
        null,
        1.5 * HOUR,
    ]);
    for (const query of ['', '?expires=36500d', '?expires=1500ms'])
        await hub.publish('status/web', 'ok', query);
    assert.deepEqual(await spans(hub, 'status/web'), [null, 36500 * 24 * HOUR, 1000]);
    for (const bad of ['soon', '26', '-1h', '36501d', '999ms', '', '%zz'])
        assertProblem(
            await hub.post(`/t/status/web?expires=${bad}`, 'x'),
            400,
            /`expires` must be/,
        );
});

check('it is told in every form that has a place for it', async (s) => {
    const live = await hub.stream('/t/status/told?format=envelope', {}, s);
    const { id } = await hub.publish('status/told', 'über', '?expires=26h&type=note&id=k1');
    const { events } = (await hub.get('/t/status/told', JSON_FORM)).json();
    const [{ expires }] = events;
    assert.match(expires, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(Object.keys(events[0]), ['id', 'topic', 'type', 'time', 'expires', 'data']);
    await live.waitData(1);
    const stored = await hub.stream('/t/status/told?format=envelope&last=1', {}, s);
    await stored.waitData(1);
    for (const stream of [live, stored]) {
        const envelope = JSON.parse(stream.data[0]);
        assert.deepEqual([envelope.expires, envelope.data], [expires, 'über']);
    }
    const meta = await hub.stream('/t/status/told?format=meta&last=1', {}, s);
    const [event] = await meta.events.waitCount(1);
    assert.deepEqual([event.fields.expires, event.data, event.id], [expires, 'über', id]);
    const plain = await hub.stream('/t/status/told?last=1', {}, s);
    assert.deepEqual(await plain.waitData(1), ['über']);
    assert.equal((await hub.get('/t/status/told', { accept: 'text/plain' })).text, 'über\n');
    // A second one with the key is not published, whatever it says.
    const again = await hub.publish('status/told', 'x', '?expires=1h&id=k1');
    assert.deepEqual(again, { id, duplicate: true });
    assert.deepEqual(await spans(hub, 'status/told'), [26 * HOUR]);
});

check('pub says it for its data and for its lines', async (s) => {
    const url = hub.to('/t/status/pub');
    const one = await tailrace(s, ['pub', '--expires', '2h', url, 'ok']);
    assert.equal(one.code, 0, one.stderr);
    const lines = await tailrace(s, ['pub', '--expires', '30m', url], { input: 'a\nb\n' });
    assert.equal(lines.code, 0, lines.stderr);
    assert.deepEqual(await spans(hub, 'status/pub'), [2 * HOUR, HOUR / 2, HOUR / 2]);
    const bad = await tailrace(s, ['pub', '--expires', 'soon', url, 'ok']);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /expires/);
});

check('lines, topics in memory and followed files have it as well', async (s) => {
    await hub.publish('status/lines', 'a\nb\n', '?split=lines&expires=1h&close=1');
    assert.deepEqual(await spans(hub, 'status/lines'), [HOUR, HOUR]);
    await hub.publish('cursor/a', 'x', '?expires=5s');
    await hub.publish('cursor/a', 'x');
    assert.deepEqual(await spans(hub, 'cursor/a'), [5000, null]);
    const dir = s.tempDir();
    writeFileSync(path.join(dir, 'job.log'), 'done\n');
    const config = (expires) => ({
        sources: [{ file: `${dir}/job.log`, topic: 'status/{stem}' }],
        topics: [{ match: 'status/*', expires }],
    });
    const own = await Hub.start(s, { config: config('1h') });
    await until(async () => (await spans(own, 'status/job')).length === 1, 'the line');
    assert.deepEqual(await spans(own, 'status/job'), [HOUR]);
    // A changed rule is for what comes after it.
    await own.reload(config('2h'));
    await own.publish('status/job', 'done again');
    await own.reload(config('0'));
    await own.publish('status/job', 'and again');
    assert.deepEqual(await spans(own, 'status/job'), [HOUR, 2 * HOUR, null]);
});

check('it survives a kill, a check, a backup and a recovery', async (s) => {
    const own = await Hub.start(s);
    for (const query of ['?expires=26h&id=k1', '', '?expires=1s']) {
        await own.publish('status/x', 'x'.repeat(5000), query);
    }
    const said = [26 * HOUR, null, 1000];
    await own.restart();
    assert.deepEqual(await spans(own, 'status/x'), said);
    assert.equal((await own.publish('status/x', 'y', '?id=k1')).duplicate, true);
    const copy = path.join(s.tempDir(), 'copy');
    const out = path.join(s.tempDir(), 'out');
    mkdirSync(copy, { mode: 0o700 });
    const made = await tailrace(s, ['backup', '--data', own.data, path.join(copy, 'data.mdb')]);
    assert.equal(made.code, 0, made.stderr);
    await own.stop();
    const whole = await tailrace(s, ['check', '--data', own.data]);
    assert.equal(whole.code, 0, whole.stdout + whole.stderr);
    const recovered = await tailrace(s, ['recover', '--data', own.data, '--out', out]);
    assert.equal(recovered.code, 0, recovered.stderr);
    for (const data of [copy, out]) {
        const other = await Hub.start(s, { data });
        assert.deepEqual(await spans(other, 'status/x'), said);
        const { events } = (await other.get('/t/status/x?last=1', JSON_FORM)).json();
        assert.equal(events[0].data, 'x'.repeat(5000));
    }
});
