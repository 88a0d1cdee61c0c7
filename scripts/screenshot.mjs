#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Makes the picture of the README: the page of a running demo with both cards open.
//
// usage: screenshot.mjs [BINARY] [PICTURE]
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [binary = 'build/release/tailrace', picture = 'doc/images/page.png'] = process.argv.slice(2);
const STATUS_ROWS = 3;
const LOG_LINES = 24;

const demo = spawn(binary, ['demo', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: false,
});
try {
    const url = await new Promise((resolve, reject) => {
        demo.once('exit', () => reject(new Error('the demo ended')));
        createInterface({ input: demo.stdout }).on('line', (line) => {
            const found = line.match(/(http:\S+\/\?\S+)/);
            if (found) resolve(found[1]);
        });
    });
    const page = await browser.newPage({ viewport: { width: 1200, height: 640 }, colorScheme: 'light' });
    await page.goto(url);
    for (const opener of ['#open-log', '#open-status']) {
        if ((await page.getAttribute(opener, 'aria-expanded')) !== 'true') await page.click(opener);
    }
    await page.waitForFunction(
        ([lines, rows]) =>
            document.querySelectorAll('.log-line').length >= lines &&
            document.querySelectorAll('.status-row[data-word]').length >= rows,
        [LOG_LINES, STATUS_ROWS],
        { timeout: 120_000 },
    );
    await page.screenshot({ path: picture });
} finally {
    await browser.close();
    demo.kill();
}
