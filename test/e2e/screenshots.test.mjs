// SPDX-License-Identifier: MIT
// Pictures of the page over a running demo, to be looked at: board and viewer, light and dark,
// desktop and phone. They are written to SHOTS, by default screenshots/ beside the program. README
// shows two of them.
import assert from 'node:assert/strict';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { startBrowser } from './support/browser.mjs';
import { binary, Process } from './support/process.mjs';
import { scenario } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const SHOTS = process.env.SHOTS ?? path.join(path.dirname(binary), 'screenshots');
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
// Of the log that is shown. The pictures for README are of a demo that has run for a while.
const LINES = process.env.SHOTS ? 150 : 40;

const searchDone = (page) => page.waitForSelector('#search[data-state="done"]');

// What is shown: address, and what a reader does there.
const VIEWS = {
    board: [
        '?view=board',
        (page) =>
            page.waitForFunction(() => document.querySelector('live-status')?.summary.total >= 9),
    ],
    viewer: ['?view=logs&log=builds/1042/log&log=logs/shop&log=logs/web&log=logs/worker'],
    json: [
        't/logs/shop?columns=level,msg',
        async (page) => {
            await page.waitForFunction(() => document.querySelector('live-log').lineCount > 30);
            await page.locator('.log-line').nth(-5).click();
            await page.keyboard.press('Enter');
        },
    ],
    search: [
        't/logs/worker?find=job',
        async (page) => {
            await page.keyboard.press('s');
            await searchDone(page);
            await page.locator('.hit').nth(2).click();
        },
    ],
    split: [
        '?view=logs&log=builds/1042/log&log=logs/worker&split=1',
        (page) => page.waitForSelector('.panes[data-count="2"]'),
    ],
    help: ['?view=logs', (page) => page.keyboard.press('?')],
};

scenario(
    'pictures of board and viewer, light and dark, desktop and phone',
    { limit: 300_000 },
    async (s) => {
        const temporary = s.tempDir();
        const demo = new Process(s, binary, ['demo', '--listen', '127.0.0.1:0'], {
            env: { TMPDIR: temporary },
        });
        const url = new URL(
            await demo.stdout.waitFor(
                (lines) => lines.map((line) => line.match(/The page: +(\S+)/)?.[1]).find(Boolean),
                'the address of the page',
            ),
        );
        const key = url.searchParams.get('key');
        mkdirSync(SHOTS, { recursive: true });
        await until(
            async () => {
                const answer = await fetch(new URL('topics', url), {
                    headers: { 'x-api-key': key },
                });
                return (
                    (await answer.json()).find(({ topic }) => topic === 'logs/web')?.events > LINES
                );
            },
            'the demo to have something to show',
            120_000,
        );
        const browser = await startBrowser(s);
        for (const [size, viewport] of Object.entries(SIZES)) {
            for (const colorScheme of ['light', 'dark']) {
                for (const [name, [address, act]] of Object.entries(VIEWS)) {
                    const page = await browser.open('about:blank');
                    await page.setViewportSize(viewport);
                    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
                    const target = new URL(address, url);
                    target.searchParams.set('key', key);
                    await page.goto(target.href);
                    await page.waitForSelector('#connection[data-state="live"]');
                    if (name !== 'board')
                        await page.waitForFunction(
                            () => document.querySelector('live-log')?.lineCount > 10,
                        );
                    await act?.(page);
                    const picture = path.join(SHOTS, `${name}-${colorScheme}-${size}.png`);
                    // What was opened has its place one frame later.
                    await page.evaluate(
                        () =>
                            new Promise((done) => {
                                requestAnimationFrame(() => requestAnimationFrame(done));
                            }),
                    );
                    await page.screenshot({ path: picture });
                    assert.ok(statSync(picture).size > 5000, picture);
                    assert.deepEqual(page.problems, []);
                    await page.close();
                }
            }
        }
        demo.signal('SIGTERM');
        await demo.wait();
    },
);
