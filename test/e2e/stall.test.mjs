// SPDX-License-Identifier: MIT
// A worker that does not come back: the others publish and deliver, the memory stays bounded, and
// its own subscribers are given everything when it is there again. Preloaded: test/fault/stall.c.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RawSocket } from './support/http.mjs';
import { Hub, numbered } from './support/hub.mjs';
import { preloaded } from './support/process.mjs';
import { scaled, scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const preload = preloaded(file, 'stall');

const MB = 1024 * 1024;
const BODY = 'x'.repeat(MB - 100);
const COUNT = 300; // more than the hub keeps for its workers together

// Memory of its own, without the journal's pages.
const ownMemory = (hub) =>
    Number(readFileSync(`/proc/${hub.process.pid}/status`, 'utf8').match(/RssAnon:\s+(\d+)/)[1]) /
    1024;

scenario('a worker that stands still stops nobody, and its subscribers miss nothing', async (s) => {
    const control = path.join(s.tempDir(), 'stalled');
    const hub = await Hub.start(s, {
        config: { workers: 2, log: { level: 'warn' }, stream: { ring_bytes: '1MB' } },
        env: { LD_PRELOAD: preload, TAILRACE_STALL: `${control}:worker-01` },
    });
    // Connections of both workers, which nobody can choose.
    const streams = [];
    const sockets = [];
    for (let i = 0; i < 16; i++) {
        streams.push(await hub.stream('/t/small', {}, s));
        sockets.push(await RawSocket.connect(s, hub.port));
    }
    writeFileSync(control, '');
    const publish = (raw, topic, data) =>
        raw.write(
            `POST /t/${topic} HTTP/1.1\r\nHost: ${hub.host}\r\n` +
                `Content-Length: ${data.length}\r\n\r\n${data}`,
        );
    const answers = (raw) => raw.text.split('HTTP/1.1 200').length - 1;
    for (const raw of sockets) publish(raw, 'first', 'x');
    const free = await Promise.any(
        sockets.map((raw) => raw.waitFor(() => answers(raw), 'an answer').then(() => raw)),
    );
    for (let i = 0; i < COUNT; i++) {
        publish(free, 'large', BODY);
        publish(free, 'small', `${i}`);
        await free.waitFor(
            () => answers(free) === 2 * i + 3,
            `publish ${i} while a worker stands still`,
        );
    }
    await hub.process.stderr.waitFor(
        (lines) => lines.find((line) => /a worker does not come back/.test(line)),
        'it to be told',
    );
    const held = ownMemory(hub);
    console.log(`${COUNT} MB were published; the hub holds ${Math.round(held)} MB`);
    if (scaled(1) === 1) assert.ok(held < 250, `${held} MB`);
    rmSync(control);
    for (const stream of streams) {
        assert.deepEqual(await stream.waitData(COUNT), numbered(COUNT, '', 0));
        assert.ok(stream.events.items.every(({ type }) => type === 'message'));
    }
    await until(
        async () =>
            / [1-9]/.test((await hub.get('/metrics')).text.match(/^tailrace_missed_total \d+/m)[0]),
        'it to be counted',
    );
});
