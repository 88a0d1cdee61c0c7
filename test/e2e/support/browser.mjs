// SPDX-License-Identifier: MIT
// Headless Chromium through playwright-core, with an empty profile for each start.
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { scaled } from './scope.mjs';

const FLAGS = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-dev-shm-usage',
];

function findChromium() {
    const candidates = process.env.CHROMIUM
        ? [process.env.CHROMIUM]
        : (process.env.PATH ?? '')
              .split(path.delimiter)
              .flatMap((dir) =>
                  ['chromium', 'chromium-browser'].map((name) => path.join(dir, name)),
              );
    for (const file of candidates) {
        try {
            accessSync(file, constants.X_OK);
            return file;
        } catch {
            // the next one
        }
    }
    throw new Error('no chromium: install the package chromium, or set CHROMIUM to the program');
}

// A browser whose pages record what goes wrong in them. open(url) gives a page with .problems:
// uncaught errors, console errors and CSP violations.
export async function startBrowser(scope, options = {}) {
    const profile = scope.tempDir('tailrace-chromium-');
    const context = await chromium.launchPersistentContext(profile, {
        executablePath: findChromium(),
        headless: true,
        args: FLAGS,
        chromiumSandbox: false,
        viewport: { width: 1200, height: 800 },
        timeout: scaled(60_000),
        ...options,
    });
    context.setDefaultTimeout(scaled(30_000));
    scope.defer(() => context.close());
    await context.addInitScript(() => {
        window.violations = [];
        document.addEventListener('securitypolicyviolation', (event) => {
            window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
        });
    });
    return {
        context,
        async open(url) {
            const page = await context.newPage();
            page.problems = [];
            page.requests = [];
            page.on('pageerror', (error) => page.problems.push(String(error)));
            page.on('console', (message) => {
                if (message.type() === 'error') page.problems.push(message.text());
            });
            page.on('request', (request) => page.requests.push(request.url()));
            await page.goto(url, { waitUntil: 'domcontentloaded' });
            return page;
        },
    };
}
