// SPDX-License-Identifier: MIT
// A large log that moves fast: 1,000,000 lines stored, then 5,000 lines a second, with the reader
// up in the history. The page stays smooth and its memory bounded. SOAK=1 is the whole of it, a
// minute; otherwise a short run, which asserts what does not depend on the machine and prints the
// rest.
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startBrowser } from './support/browser.mjs';
import { assertSequence } from './support/hub.mjs';
import { frames, inSight, logSite, run, until, wheel } from './support/live-log.mjs';
import { scenario, shared } from './support/scope.mjs';

const SOAK = process.env.SOAK === '1';
const STORED = SOAK ? 1_000_000 : 60_000;
const SECONDS = SOAK ? 60 : 8;
const RATE = 5000;
const STEP_MS = 50;
const FRAME_P99_MS = 50;
const HEAP_MB = 200;

const file = shared();
const browser = await startBrowser(file);
const place = await logSite(file);

const LEVELS = ['INFO', 'DEBUG', 'INFO', 'WARN', 'INFO', 'INFO', 'ERROR'];
const line = (n) =>
    `2026-11-22T12:00:00.000Z ${LEVELS[n % 7]} worker-${n % 16} \x1b[36mrequest\x1b[0m ${n} GET /api/v1/items/${n % 977} handled in ${n % 431} ms`;
const plain = (n) => line(n).replace(/\x1b\[\d+m/g, '');
const text = (from, to) => {
    let all = '';
    for (let n = from; n <= to; n++) all += `${line(n)}\n`;
    return all;
};

// Frame times as the page sees them, from now on; what() gives {count, p50, p99, max}.
const watchFrames = (page) =>
    run(
        page,
        `
    window.times = [];
    let last = performance.now();
    const frame = (now) => { times.push(now - last); last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);`,
    );
const frameTimes = (page) =>
    page.evaluate(() => {
        const sorted = window.times.slice(2).sort((a, b) => a - b);
        const at = (part) =>
            Math.round(10 * sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]) /
            10;
        window.times = [];
        return { frames: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
    });

// What the page's own heap holds, after a collection.
async function heapMegabytes(page) {
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return Math.round((10 * usedSize) / 1024 / 1024) / 10;
}

// The biggest that the heap was, uncollected: looked at while it runs.
const heapNow = (page) => page.evaluate(() => performance.memory.usedJSHeapSize / 1024 / 1024);

scenario(
    `${STORED.toLocaleString('en')} lines, then ${RATE} a second for ${SECONDS} s, the reader scrolled up`,
    { shared: file, limit: 600_000 },
    async (s, t) => {
        const log = path.join(s.tempDir(), 'app.log');
        writeFileSync(log, '');
        const STEP_LINES = (RATE * STEP_MS) / 1000;
        for (let n = 1; n <= STORED; n += 50_000)
            appendFileSync(log, text(n, Math.min(STORED, n + 49_999)));
        const hub = await place.start(s, {
            sources: [{ topic: 'logs/app', file: log, backfill: 'all' }],
        });
        const newest = async () =>
            (await hub.get('/t/logs/app?last=1', { accept: 'text/plain' })).text;
        while ((await newest()) !== `${line(STORED)}\n`)
            await new Promise((resolve) => {
                setTimeout(resolve, 200);
            });

        const page = await place.open(browser, hub, { topic: 'logs/app' });
        await until(page, `log.connection === 'live' && log.lineCount > 100`);
        for (let i = 0; i < 12; i++) await wheel(page, -2000);
        await frames(page, 10);
        const before = await inSight(page);
        const unseenAtFirst = await run(page, 'return log.unseen');

        await watchFrames(page);
        await frames(page, 30);
        const idle = await frameTimes(page);
        let heapMost = 0;
        let written = STORED;
        const begin = performance.now();
        while (performance.now() - begin < SECONDS * 1000) {
            const due = STORED + Math.floor((performance.now() - begin) / STEP_MS) * STEP_LINES;
            if (due > written) {
                appendFileSync(log, text(written + 1, due));
                written = due;
            }
            if (written % (RATE * 2) === 0) heapMost = Math.max(heapMost, await heapNow(page));
            await new Promise((resolve) => {
                setTimeout(resolve, STEP_MS / 2);
            });
        }
        await until(page, 'log.unseen >= argument', written - STORED + unseenAtFirst);
        const up = await frameTimes(page);
        assert.deepEqual(
            await inSight(page),
            before,
            'what the reader sees has not moved by a pixel',
        );
        assert.equal(
            await run(page, 'return log.unseen'),
            written - STORED + unseenAtFirst,
            'every line was counted',
        );
        const heapUp = await heapMegabytes(page);

        // Back to the end: the newest lines are those of the file, and the same rate goes on while
        // following.
        await page.click('live-log .chip');
        await frames(page, 3);
        assert.equal((await inSight(page)).at(-1).text, plain(written));
        await frameTimes(page);
        const following = performance.now();
        while (performance.now() - following < (SECONDS / 4) * 1000) {
            appendFileSync(log, text(written + 1, written + STEP_LINES));
            written += STEP_LINES;
            await new Promise((resolve) => {
                setTimeout(resolve, STEP_MS);
            });
        }
        await until(
            page,
            `[...log.shadowRoot.querySelectorAll('.log-text')].at(-1)?.textContent === argument`,
            plain(written),
        );
        const down = await frameTimes(page);
        const lines = await run(page, 'return [...log.lines()].map((one) => one.data)');
        assertSequence(
            lines,
            Array.from({ length: lines.length }, (_, i) => line(written - lines.length + 1 + i)),
            'the loaded lines and the file',
        );
        assert.ok(lines.length <= 20_000, `${lines.length} lines in memory`);
        const nodes = await run(page, `return log.shadowRoot.querySelectorAll('.log-line').length`);
        assert.ok(nodes < 300, `${nodes} rows in the page`);
        const heapDown = await heapMegabytes(page);

        t.diagnostic(`idle ${JSON.stringify(idle)}`);
        t.diagnostic(
            `scrolled up ${JSON.stringify(up)}, heap ${heapUp} MB, at most ${heapMost.toFixed(1)} MB before a collection`,
        );
        t.diagnostic(`following ${JSON.stringify(down)}, heap ${heapDown} MB`);
        assert.ok(heapUp < HEAP_MB && heapDown < HEAP_MB, `heap ${heapUp} and ${heapDown} MB`);
        if (!SOAK) return;
        assert.ok(heapMost < HEAP_MB, `heap ${heapMost} MB before a collection`);
        assert.ok(up.p99 < FRAME_P99_MS, `frame time while scrolled up: ${JSON.stringify(up)}`);
        assert.ok(down.p99 < FRAME_P99_MS, `frame time while following: ${JSON.stringify(down)}`);
    },
);
