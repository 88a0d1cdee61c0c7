// SPDX-License-Identifier: MIT
// A page of another origin with nothing on it but <live-log>, and what tests do with it.
import path from 'node:path';
import { Hub } from './hub.mjs';
import { root } from './process.mjs';
import { scaled } from './scope.mjs';
import { serveStatic } from './static.mjs';

const STYLE =
    ':root { color-scheme: light dark } html, body { margin: 0; height: 100% } live-log { height: 100% }';

// Where pages live: {site, start(s, config) a hub that lets them in, open(browser, hub, attributes,
// options) a page}
export async function logSite(file) {
    const pages = {};
    const site = await serveStatic(file, { dir: path.join(root, 'web'), pages, host: '127.0.0.2' });
    let count = 0;
    return {
        site,
        start: (s, config = {}) => Hub.start(s, { config: { origins: [site.origin], ...config } }),
        async open(browser, hub, attributes, { style = '', size } = {}) {
            const name = `/page-${++count}`;
            const more = Object.entries(attributes)
                .map(([key, value]) => `${key}="${String(value).replaceAll('\n', '&#10;')}"`)
                .join(' ');
            pages[name] =
                `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>log</title><link rel="icon" href="data:,">
                <style>${STYLE} ${style}</style><script type="module" src="/kit/live-log.js"></script></head>
                <body><live-log hub="${hub.url}" ${more}></live-log></body></html>`;
            const page = await browser.open(site.to(name));
            if (size) await page.setViewportSize(size);
            await page.evaluate(() => customElements.whenDefined('live-log'));
            return page;
        },
    };
}

const inPage = (body) =>
    `(async (argument) => { const log = document.querySelector('live-log'); ${body} })`;

// Runs text in the page, with `log` and `argument` in its scope.
export const run = (page, body, argument) =>
    page.evaluate(([text, value]) => (0, eval)(text)(value), [inPage(body), argument]);

export const until = (page, condition, argument, limit = 30_000) =>
    page.waitForFunction(
        ([text, value]) => (0, eval)(text)(value),
        [
            `((argument) => { const log = document.querySelector('live-log'); return ${condition}; })`,
            argument,
        ],
        { timeout: scaled(limit) },
    );

// The data of all loaded lines; those in the page, as text.
export const loaded = (page) => run(page, 'return [...log.lines()].map((line) => line.data)');
export const shown = (page) =>
    run(page, 'return [...log.lines({ shown: true })].map((line) => line.data)');
export const rows = (page) =>
    run(
        page,
        `return [...log.shadowRoot.querySelectorAll('.log-line:not(.kept) .log-text')].map((node) => node.textContent)`,
    );
export const notes = (page) =>
    run(
        page,
        `return [...log.shadowRoot.querySelectorAll('.log-note')].map((node) => node.textContent)`,
    );
export const frames = (page, count = 2) =>
    page.evaluate(async (n) => {
        for (let i = 0; i < n; i++)
            await new Promise((resolve) => {
                requestAnimationFrame(resolve);
            });
    }, count);

// The rows in sight: {text, top} by their position on the screen.
export const inSight = (page) =>
    run(
        page,
        `
    const box = log.shadowRoot.querySelector('.scroller').getBoundingClientRect();
    return [...log.shadowRoot.querySelectorAll('.log-line:not(.kept)')]
        .map((row) => ({ row: row.getBoundingClientRect(), text: row.querySelector('.log-text').textContent, id: row.dataset.id }))
        .filter(({ row }) => row.bottom > box.top && row.top < box.bottom)
        .map(({ row, text, id }) => ({ text, id, top: row.top, bottom: row.bottom }))`,
    );

export async function wheel(page, deltaY) {
    await page.mouse.move(300, 200);
    await page.mouse.wheel(0, deltaY);
    await frames(page, 3);
}
