// SPDX-License-Identifier: MIT
// A disk that is really full: a small file system where one can be mounted, and files that may not
// grow. Nothing is simulated here: the kernel says ENOSPC or EFBIG where it likes. (fault.test.mjs
// makes single calls fail.)
import assert from 'node:assert/strict';
import path from 'node:path';
import { diskKinds, tailraceOn } from './support/disk.mjs';
import { assertProblem } from './support/http.mjs';
import { Hub, assertRising, assertSequence, numbered } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const MB = 1024 * 1024;
const PADDING = 'x'.repeat(64 * 1024);
const LINES = numbered(3000, 'a line of the upload, longer than a number alone, ');

const NO_RETENTION = { retention: { bytes: 0, count: 0, age: 0 } };

const file = shared();
const kinds = await diskKinds(file);

const notWritten = (answer) => assertProblem(answer, 503, /space|too large/);

async function stored(hub, topic) {
    const answer = await hub.get(`/t/${topic}?last=all`, { accept: 'application/json' });
    assert.equal(answer.status, 200, answer.text);
    return answer.json().events;
}

async function whenReady(hub) {
    await until(async () => (await hub.get('/readyz')).status === 200, 'readiness');
}

// Publishes with keys that count on from what is acknowledged, until the disk is full.
async function fill(hub, acknowledged) {
    for (;;) {
        const number = acknowledged.length + 1;
        const answer = await hub.post(`/t/fill?id=k${number}`, `${number} ${PADDING}`);
        if (answer.status !== 200) return answer;
        assert.ok(!answer.json().duplicate, 'what was refused was not published');
        acknowledged.push(answer.json().id);
        assert.ok(acknowledged.length < 2000, 'the disk gets full');
    }
}

// A hub on that disk, not started; the disk may change under it.
function hubOn(s, disk, name, config) {
    const options = {
        data: path.join(disk.place, name),
        config: { ...config, log: { level: 'warn' } },
        get through() {
            return disk.through;
        },
    };
    return new Hub(s, options);
}

for (const kind of kinds) {
    scenario(
        `a full disk (${kind.what}): nothing is lost, and publishing goes on when there is space`,
        async (s, t) => {
            t.diagnostic(`the disk is ${kind.what}`);
            const disk = await kind.open(s);
            disk.leave(4 * MB);
            const log = new LogFile(path.join(s.tempDir(), 'app.log'));
            let written = 0;
            const write = (count) => {
                log.lines(numbered(count, 'line ', written + 1));
                written += count;
            };
            const hub = hubOn(s, disk, 'journal', {
                sources: [{ file: log.path, topic: 'log', backfill: 'all' }],
                ...NO_RETENTION,
            });
            await hub.launch();
            const stream = await hub.stream('/t/fill?last=all', { keepRaw: false });
            const acknowledged = [];
            const shown = async () =>
                (await stream.events.waitCount(acknowledged.length)).map((event) => event.id);

            write(100);
            const isFull = async () => {
                const refused = await fill(hub, acknowledged);
                notWritten(refused);
                assert.ok(Number(refused.headers['retry-after']) > 0);
                notWritten(await hub.get('/readyz'));
                assert.equal((await hub.get('/healthz')).status, 200);
                const events = await stored(hub, 'fill');
                assertSequence(
                    events.map((event) => event.id),
                    acknowledged,
                    'what is stored',
                );
                const late = await hub.stream('/t/fill?last=all', { keepRaw: false });
                await late.events.waitCount(acknowledged.length);
                late.close();
            };
            await isFull();
            assertSequence(await shown(), acknowledged, 'what was shown');
            const upload = LINES.map((line) => `${line}\n`).join('');
            const refused = await hub.post('/t/lines?split=lines&id=upload', upload);
            notWritten(refused);
            write(100);
            log.rotate();
            write(100);

            // The crash changes nothing of that.
            for (let crash = 1; crash <= 2; crash++) {
                await hub.kill9();
                write(50);
                await hub.launch();
                await isFull();
            }

            await disk.enlarge(hub);
            await whenReady(hub);
            const again = await hub.publish('lines', upload, '?split=lines&id=upload');
            assert.equal(again.count, LINES.length);
            for (let i = 0; i < 10; i++) {
                const number = acknowledged.length + 1;
                const { id } = await hub.publish('fill', `${number} ${PADDING}`, `?id=k${number}`);
                acknowledged.push(id);
            }
            await until(async () => (await stored(hub, 'log')).length >= written, 'the log');
            await hub.kill9();
            const checked = await tailraceOn(s, disk, ['check', '--data', hub.data]);
            assert.equal(checked.code, 0, checked.stderr);
            await hub.launch();
            const events = await stored(hub, 'fill');
            assertSequence(
                events.map((event) => event.id),
                acknowledged,
                'what is stored at the end',
            );
            assertRising(acknowledged);
            for (const [i, { data }] of events.entries())
                assert.equal(data, `${i + 1} ${PADDING}`, `event ${i + 1}`);
            const dataOf = async (topic) => (await stored(hub, topic)).map(({ data }) => data);
            assertSequence(await dataOf('lines'), LINES, 'the upload');
            assertSequence(await dataOf('log'), numbered(written, 'line '), 'the log');
        },
    );

    scenario(
        `a full disk (${kind.what}): shortening retention makes space without a restart`,
        async (s) => {
            const disk = await kind.open(s);
            disk.leave(4 * MB);
            const hub = hubOn(s, disk, 'journal', NO_RETENTION);
            await hub.launch();
            const acknowledged = [];
            notWritten(await fill(hub, acknowledged));
            const count = 5;
            await hub.reload({ retention: { ...NO_RETENTION.retention, count } });
            await whenReady(hub);
            const { id } = await hub.publish('fill', 'after');
            acknowledged.push(id);
            const events = await until(async () => {
                const found = await stored(hub, 'fill');
                return found.length <= count && found;
            }, 'retention');
            assertSequence(
                events.map((event) => event.id),
                acknowledged.slice(-count),
                'what is kept',
            );
        },
    );

    scenario(
        `the first start on a disk that is nearly full (${kind.what}) works, or says why not`,
        async (s, t) => {
            const disk = await kind.open(s);
            const outcomes = [];
            for (const blocks of [0, 1, 2, 3, 4, 6, 8, 12, 20, 24, 40]) {
                disk.leave(blocks * 4096);
                const hub = hubOn(s, disk, `with-${blocks}-blocks`, {});
                const served = await hub.launch().then(
                    () => true,
                    () => false,
                );
                outcomes.push(served);
                if (served) {
                    await hub.kill9();
                } else {
                    const { code, signal } = await hub.process.wait();
                    assert.equal(signal, null, `ended with ${blocks} blocks: ${hub.stderr}`);
                    assert.notEqual(code, 0);
                    assert.match(hub.stderr, /space|too large/i);
                }
                // What was begun is in nobody's way.
                await disk.enlarge(hub);
                await hub.launch();
                await hub.publish('x', 'x');
                await hub.kill9();
            }
            t.diagnostic(`served: ${outcomes}`);
            assert.ok(outcomes.includes(true) && outcomes.includes(false));
        },
    );
}
