// SPDX-License-Identifier: MIT
// A disk that is full or fails: publishing answers 503, readiness fails, readers go on, nothing
// acknowledged is lost, and all is well again when the disk is. The disk is made to fail by the
// preloaded test/fault/iofault.c.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { assertProblem } from './support/http.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { preloaded, tailrace } from './support/process.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const preload = preloaded(file, 'iofault');

// A hub whose disk breaks: {hub, fail(how), heal()}.
async function onBadDisk(s, options = {}) {
    const control = path.join(s.tempDir(), 'control');
    const data = path.join(s.tempDir(), 'journal');
    const hub = await Hub.start(s, {
        ...options,
        data,
        env: { LD_PRELOAD: preload, TAILRACE_IOFAULT: `${control}:${data}` },
    });
    return {
        hub,
        fail: (how) => writeFileSync(control, how),
        heal: () => rmSync(control),
    };
}

async function stored(hub, topic) {
    const answer = await hub.get(`/t/${topic}?last=all`, { accept: 'application/json' });
    assert.equal(answer.status, 200, answer.text);
    return answer.json().events.map((event) => event.data);
}

for (const [what, how] of [
    ['the disk is full', 'full'],
    ['writing fails', 'write'],
    ['syncing fails', 'sync'],
    ['only the last page of a commit fails', 'osync'],
]) {
    scenario(`${what}: 503 for publishers, readers go on, and it recovers`, async (s) => {
        const { hub, fail, heal } = await onBadDisk(s);
        const stream = await hub.stream('/t/x?last=all');
        const acknowledged = [];
        const publish = async (data) => {
            await hub.publish('x', data);
            acknowledged.push(data);
        };
        for (let i = 1; i <= 20; i++) await publish(`before ${i}`);
        await stream.waitData(20);
        for (let round = 1; round <= 3; round++) {
            fail(how);
            const refused = await hub.post('/t/x', `refused ${round}`);
            assertProblem(refused, 503);
            assert.ok(Number(refused.headers['retry-after']) > 0);
            assertProblem(await hub.post('/t/x?split=lines', 'refused\nrefused\n'), 503);
            assertProblem(await hub.delete('/t/x'), 503);
            const ready = await until(async () => {
                const answer = await hub.get('/readyz');
                return answer.status === 503 && answer;
            }, 'readiness to fail');
            assertProblem(ready, 503, how === 'full' ? /space|full/i : /./);
            assert.equal((await hub.get('/healthz')).status, 200);
            // Readers of every kind go on.
            assertSequence(await stored(hub, 'x'), acknowledged);
            const late = await hub.stream('/t/x?last=all');
            assertSequence(await late.waitData(acknowledged.length), acknowledged);
            await hub.process.stderr.waitFor(
                (all) => all.filter((line) => /level=error/.test(line)).length >= round,
                'the failure in the log',
            );
            heal();
            await until(
                async () => (await hub.get('/readyz')).status === 200,
                'readiness to come back',
            );
            await publish(`after ${round}`);
            assert.equal((await stream.waitData(acknowledged.length)).at(-1), `after ${round}`);
            assert.equal((await late.waitData(acknowledged.length)).at(-1), `after ${round}`);
        }
        assertSequence(stream.data, acknowledged, 'what the stream was shown');
        assertSequence(await stored(hub, 'x'), acknowledged, 'what is stored');
        await hub.restart();
        assertSequence(await stored(hub, 'x'), acknowledged, 'what is stored after kill -9');
    });
}

scenario(
    'killed while the disk fails: everything acknowledged is there, nothing shown is gone',
    async (s) => {
        for (const how of ['write', 'sync', 'full', 'osync']) {
            const { hub, fail, heal } = await onBadDisk(s);
            const stream = await hub.stream('/t/x?last=all');
            const acknowledged = [];
            let stop = false;
            const publishers = Array.from({ length: 8 }, async (_, p) => {
                for (let i = 1; !stop; i++) {
                    const answer = await hub.post('/t/x', `${p}-${i}`).catch(() => null);
                    if (answer?.status === 200) acknowledged.push(`${p}-${i}`);
                    else if (answer) assert.equal(answer.status, 503, answer.text);
                    if (answer === null) return;
                }
            });
            await stream.waitData(100);
            fail(how);
            await until(async () => (await hub.get('/readyz')).status === 503, 'readiness to fail');
            await hub.kill9();
            stop = true;
            await Promise.all(publishers);
            heal();
            await hub.launch();
            const all = new Set(await stored(hub, 'x'));
            assert.deepEqual(
                acknowledged.filter((data) => !all.has(data)),
                [],
                `acknowledged and lost (${how})`,
            );
            assert.deepEqual(
                stream.data.filter((data) => !all.has(data)),
                [],
                `shown and lost (${how})`,
            );
            await hub.publish('x', 'after');
        }
    },
);

scenario('a followed file waits while the disk fails and loses nothing', async (s) => {
    const log = new LogFile(path.join(s.tempDir(), 'app.log'));
    const { hub, fail, heal } = await onBadDisk(s, {
        config: { sources: [{ file: log.path, backfill: 'all' }] },
    });
    const stream = await hub.stream('/t/logs/app.log?last=all');
    let at = 0;
    for (const how of ['full', 'sync', 'write']) {
        log.lines(numbered(50, '', at + 1));
        await stream.waitData(at + 50);
        fail(how);
        log.lines(numbered(50, '', at + 51));
        log.rotate();
        log.lines(numbered(50, '', at + 101));
        await until(async () => (await hub.get('/readyz')).status === 503, 'readiness to fail');
        heal();
        at += 150;
        assertSequence(await stream.waitData(at), numbered(at));
    }
    assertSequence(await stored(hub, 'logs/app.log'), numbered(at));
});

scenario('a sector that cannot be read: the rest is found whole, and recovered', async (s) => {
    const hub = await Hub.start(s);
    const lines = numbered(2000, 'a line of the log ');
    await hub.publishLines('log', lines);
    await hub.stop();
    const at = readFileSync(path.join(hub.data, 'data.mdb')).indexOf('a line of the log 1000');
    assert.ok(at > 0);
    const control = path.join(s.tempDir(), 'control');
    writeFileSync(control, `read@${at}`);
    const env = { LD_PRELOAD: preload, TAILRACE_IOFAULT: `${control}:${hub.data}` };
    const checked = await tailrace(s, ['check', '--data', hub.data], { env });
    assert.equal(checked.code, 1, checked.stderr);
    assert.match(
        checked.stderr,
        new RegExp(`page ${Math.floor(at / 4096)} of \\d+ cannot be read`),
    );
    const data = path.join(s.tempDir(), 'recovered');
    const args = ['recover', '--data', hub.data, '--out', data];
    const recovered = await tailrace(s, args, { env });
    assert.equal(recovered.code, 0, recovered.stderr);
    const again = await Hub.start(s, { data });
    const got = await stored(again, 'log');
    assert.ok(got.length > 1800 && got.length < 2000, `${got.length} lines`);
    assertSequence(
        got,
        lines.filter((line) => got.includes(line)),
    );
});
