// SPDX-License-Identifier: MIT
// The promise as a whole: 200,000 numbered lines, appended in pieces to a log under rotation,
// arrive exactly once and in order at three different subscribers while the hub is killed with -9
// and restarted five times.
import assert from 'node:assert/strict';
import path from 'node:path';
import { startBrowser } from './support/browser.mjs';
import { Hub, assertRising, assertSequence, numbered } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { Process, binary } from './support/process.mjs';
import { scaled, scenario } from './support/scope.mjs';
import { serveStatic } from './support/static.mjs';
import { Recorder } from './support/wait.mjs';

const TOTAL = 200_000;
const KILLS = 5;
const ROTATE_EVERY = 9000;
// Every kill has a part of the log for itself and falls into its middle, however quickly lines are
// read. One part comes after all kills.
const PART = Math.ceil(TOTAL / (KILLS + 1));
// How far the writer may run ahead of what has been delivered.
const LEAD = 30_000;
// What it writes, and rotates, while the hub is down.
const WHILE_DOWN = 12_000;

const page = (url) => `<!DOCTYPE html><title>subscriber</title><script>
    window.got = [];
    window.gaps = 0;
    const source = new EventSource(${JSON.stringify(url)});
    source.onmessage = (event) => window.got.push(event.data);
    source.addEventListener('tailrace.gap', () => window.gaps++);
</script>`;

scenario(
    'seq 1 200000 under rotation, exactly once and in order, over five kills',
    { limit: 300_000 },
    async (s) => {
        const log = new LogFile(path.join(s.tempDir(), 'counted.log'));
        const pages = {};
        const site = await serveStatic(s, { pages, host: '127.0.0.2' });
        const hub = await Hub.start(s, {
            config: {
                sources: [{ file: log.path, topic: 'logs/counted', backfill: 'all' }],
                stream: { retry: '100ms' },
                origins: [site.origin],
                log: { level: 'info' },
            },
        });
        const url = hub.to('/t/logs/counted?last=all');

        const client = hub.client('/t/logs/counted?last=all');
        const tail = new Process(s, binary, ['tail', url]);
        pages['/'] = page(url);
        const browser = await startBrowser(s);
        const tab = await browser.open(site.to('/'));
        await client.opened();

        let written = 0;
        let goal = 0; // while the hub is down: where the writer waits
        let part = 1;
        let over = false;
        const pieces = new Recorder();
        s.defer(() => {
            over = true;
            client.wake();
        });
        const setGoal = (lines) => {
            goal = lines;
            client.wake();
        };
        const mayWrite = () =>
            over ||
            (goal
                ? written < goal
                : written < part * PART && written - client.items.length <= LEAD);
        const writer = (async () => {
            let sinceRotation = 0;
            for (let i = 0; written < TOTAL; i++) {
                await client.waitFor(mayWrite, 'the writer to be let on', 120_000);
                if (over) return;
                const count = Math.min(1 + ((i * 7919) % 1500), TOTAL - written);
                const text = numbered(count, '', written + 1)
                    .map((line) => `${line}\n`)
                    .join('');
                const cut = (i * 31) % text.length;
                log.append(text.slice(0, cut));
                log.append(text.slice(cut));
                written += count;
                pieces.push(count);
                sinceRotation += count;
                if (sinceRotation >= ROTATE_EVERY) {
                    log.rotate();
                    sinceRotation = 0;
                }
                await new Promise(setImmediate);
            }
        })();

        for (let kill = 1; kill <= KILLS; kill++) {
            // In the middle of a stream that is flowing again.
            await client.opened(kill);
            await client.waitData(
                Math.max((kill - 1) * PART + PART / 2, client.items.length + 5000),
                60_000,
            );
            setGoal(Math.min(written + WHILE_DOWN, TOTAL));
            await hub.kill9();
            part = kill + 1;
            // The log goes on, and is rotated, while nobody follows it.
            await pieces.waitFor(() => written >= goal, 'the writer to go on');
            await hub.launch();
            setGoal(0);
        }
        await writer;

        const expected = numbered(TOTAL);
        assertSequence(await client.waitData(TOTAL, 120_000), expected, 'the npm client');
        assert.ok(client.opens.items.length > KILLS, 'it reconnected');
        assert.equal(client.data.length, TOTAL);
        assert.ok(!client.items.some((item) => item.type === 'tailrace.gap'), 'no gap was told');
        assertRising(client.events.map((event) => event.id));

        await tail.stdout.waitCount(TOTAL, 'all lines at tailrace tail', 120_000);
        assertSequence(tail.stdout.items, expected, 'tailrace tail');

        await tab.waitForFunction((count) => window.got.length >= count, TOTAL, {
            timeout: scaled(120_000),
        });
        const got = await tab.evaluate(() => window.got.join('\n'));
        assertSequence(got.split('\n'), expected, 'the browser');
        assert.equal(await tab.evaluate(() => window.gaps), 0);
    },
);
