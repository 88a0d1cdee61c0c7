// SPDX-License-Identifier: MIT
// The page of examples/static-page, hosted on another origin: the write-up's two endpoints behind a
// key, across CORS.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { startBrowser } from './support/browser.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { root } from './support/process.mjs';
import { scaled, scenario, shared } from './support/scope.mjs';
import { serveStatic } from './support/static.mjs';
import { until } from './support/wait.mjs';

const KEY = 'only-for-reading-01';
const ADMIN = { 'x-api-key': 'may-do-everything-1' };

const file = shared();
const browser = await startBrowser(file);
const site = await serveStatic(file, {
    dir: path.join(root, 'examples/static-page'),
    host: '127.0.0.2',
});
const stranger = await serveStatic(file, {
    dir: path.join(root, 'examples/static-page'),
    host: '127.0.0.3',
});

const check = (name, body) => scenario(name, { shared: file }, body);

function startHub(s, origins = [site.origin]) {
    return Hub.start(s, {
        config: {
            keys: [
                { name: 'page', secret: KEY, subscribe: ['logs/sample', 'status/build'] },
                { name: 'admin', secret: ADMIN['x-api-key'], publish: ['**'], subscribe: ['**'] },
            ],
            origins,
            routes: [
                { path: '/api/StreamLogs', to: '/t/logs/sample?last=all&pace=50ms' },
                { path: '/api/HttpTrigger1', to: '/t/status/build?last=1' },
            ],
        },
    });
}

const open = (hub, where = site, key = KEY) =>
    browser.open(where.to(`/?hub=${encodeURIComponent(hub.origin)}&code=${key}`));
const lines = (page) => page.$$eval('.log-line', (nodes) => nodes.map((node) => node.textContent));
const waitLines = (page, count) =>
    page.waitForFunction((n) => document.querySelectorAll('.log-line').length >= n, count);
const words = (page) =>
    page.$$eval('.status-row', (nodes) => nodes.map((node) => node.dataset.word).reverse());
const waitWord = (page, word) => page.waitForSelector(`.status-row[data-word="${word}"]`);
const state = (page, card, wanted) =>
    page.waitForSelector(`${card} .badge[data-state="${wanted}"]`);

check('both cards move on a page of another origin', async (s) => {
    const hub = await startHub(s);
    await hub.publish('logs/sample', numbered(20, 'line ').join('\n'), '?split=lines', ADMIN);
    await hub.publish('status/build', 'queued', '', ADMIN);
    const page = await open(hub);
    await page.click('#open-log');
    await page.click('#open-status');
    await state(page, '#log-card', 'live');
    await state(page, '#status-card', 'live');
    await waitLines(page, 20);
    await waitWord(page, 'queued');
    for (const [i, word] of ['running', 'testing', 'done'].entries()) {
        await hub.publish('logs/sample', `line ${21 + i}`, '', ADMIN);
        await hub.publish('status/build', word, '', ADMIN);
        await waitLines(page, 21 + i);
        await waitWord(page, word);
    }
    assertSequence(await lines(page), numbered(23, 'line '));
    assertSequence(await words(page), ['queued', 'running', 'testing', 'done']);
    assert.deepEqual(page.problems, []);
    await page.close();
});

check(
    'it survives kill -9 of the hub and goes on exactly where it was, in the middle of a paced log',
    async (s) => {
        const hub = await startHub(s);
        await hub.publish('logs/sample', numbered(60, 'line ').join('\n'), '?split=lines', ADMIN);
        await hub.publish('status/build', 'one', '', ADMIN);
        const page = await open(hub);
        await page.click('#open-log');
        await page.click('#open-status');
        await waitWord(page, 'one');
        await waitLines(page, 10);
        await hub.kill9();
        await state(page, '#log-card', 'reconnecting');
        assert.ok((await lines(page)).length < 60, 'killed in the middle');
        await hub.launch();
        await waitLines(page, 60);
        await state(page, '#log-card', 'live');
        await hub.publish('status/build', 'two', '', ADMIN);
        await waitWord(page, 'two');
        assertSequence(await lines(page), numbered(60, 'line '));
        assertSequence(await words(page), ['one', 'two']);
        await page.close();
    },
);

check('closing the card ends the connection for good', async (s) => {
    const hub = await startHub(s);
    await hub.publish('status/build', 'one', '', ADMIN);
    const count = async () =>
        (await hub.get('/topics?topic=status/build', ADMIN)).json()[0].subscribers;
    const page = await open(hub);
    await page.click('#open-status');
    await waitWord(page, 'one');
    await until(async () => (await count()) === 1, 'the page to be counted');
    await page.click('#status-card .close');
    await until(async () => (await count()) === 0, 'the connection to end');
    await page.close();
});

check('a wrong key and an origin that is not let in are shown as refused', async (s) => {
    const hub = await startHub(s);
    await hub.publish('logs/sample', 'x', '', ADMIN);
    const wrong = await open(hub, site, 'a-wrong-key-0001');
    await wrong.click('#open-log');
    await state(wrong, '#log-card', 'refused');
    assert.deepEqual(await lines(wrong), []);
    await wrong.close();
    const elsewhere = await open(hub, stranger);
    await elsewhere.click('#open-log');
    await state(elsewhere, '#log-card', 'refused');
    assert.deepEqual(await lines(elsewhere), []);
    await elsewhere.close();
});

check('text never becomes HTML there either', async (s) => {
    const hub = await startHub(s);
    const evil = [
        '<img src=x onerror="window.pwned=1">',
        '<script>window.pwned=2</script>',
        '&lt;b&gt;',
    ];
    for (const text of evil) await hub.publish('logs/sample', text, '', ADMIN);
    await hub.publish('status/build', evil[0], '', ADMIN);
    const page = await open(hub);
    await page.click('#open-log');
    await page.click('#open-status');
    await waitLines(page, evil.length);
    await page.waitForSelector('.status-row');
    assertSequence(await lines(page), evil);
    assert.equal(await page.$('.rows img, .rows script'), null);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    await page.close();
});

check('an end stops the page from asking again', async (s) => {
    const hub = await startHub(s);
    await hub.publish('status/build', 'over', '?close=1', ADMIN);
    const page = await open(hub);
    await page.click('#open-status');
    await waitWord(page, 'over');
    await state(page, '#status-card', 'ended');
    await page.close();
});

check(
    'the client script is loaded from the hub by a page elsewhere, and goes on after a restart',
    async (s) => {
        const hub = await startHub(s);
        await hub.publish('logs/sample', 'line 1', '', ADMIN);
        const page = await browser.open(site.to('/'));
        await page.evaluate(
            async ([script, key]) => {
                const { connect } = await import(script);
                window.got = [];
                window.states = [];
                window.stream = connect({
                    topics: 'logs/sample',
                    last: 'all',
                    key,
                    onEvent: ({ topic, data }) => window.got.push(`${topic} ${data}`),
                    onState: (name) => window.states.push(name),
                });
            },
            [hub.to('/tailrace.js'), KEY],
        );
        const got = (count) =>
            page.waitForFunction((n) => window.got.length >= n, count, { timeout: scaled(60_000) });
        await got(1);
        await hub.publish('logs/sample', 'line 2', '', ADMIN);
        await got(2);
        await hub.kill9();
        await hub.launch();
        await hub.publish('logs/sample', 'line 3', '', ADMIN);
        await got(3);
        assert.deepEqual(await page.evaluate(() => window.got), numbered(3, 'logs/sample line '));
        assert.ok((await page.evaluate(() => window.states)).includes('reconnecting'));
        await page.evaluate(() => window.stream.close());
        assert.equal(await page.evaluate(() => window.stream.state), 'closed');
    },
);

check(
    "the elements work on a page of another origin with the hub's address and a key put in",
    async (s) => {
        const pages = {};
        const own = await serveStatic(s, { pages, host: '127.0.0.4' });
        const hub = await startHub(s, [own.origin]);
        pages['/'] = readFileSync(path.join(root, 'examples/static-page/elements.html'), 'utf8')
            .replaceAll('http://127.0.0.1:8080', hub.origin)
            .replaceAll('topic="', `key="${KEY}" topic="`)
            .replace('last: 1,', `last: 1, key: '${KEY}',`);
        await hub.publish('logs/sample', numbered(20, 'line ').join('\n'), '?split=lines', ADMIN);
        await hub.publish('status/build', 'queued', '', ADMIN);
        const page = await browser.open(own.to('/'));
        const rows = (count) =>
            page.waitForFunction((n) => document.querySelector('live-log').lineCount >= n, count);
        await rows(20);
        await page.waitForFunction(() => document.title.startsWith('queued'));
        await page.waitForFunction(() => document.querySelector('live-status').summary.total === 1);
        await hub.kill9();
        await hub.launch();
        await hub.publish('logs/sample', 'line 21', '', ADMIN);
        await hub.publish('status/build', 'failed', '', ADMIN);
        await rows(21);
        await page.waitForFunction(() => document.title.startsWith('failed'));
        await page.waitForFunction(
            () => document.querySelector('live-status').summary.counts.bad === 1,
        );
        assertSequence(
            await page.evaluate(() =>
                [...document.querySelector('live-log').lines()].map((line) => line.data),
            ),
            numbered(21, 'line '),
        );
        await until(
            async () =>
                (await hub.get('/topics?topic=logs/sample', ADMIN)).json()[0].subscribers === 1,
            'one connection',
        );
        await page.close();
    },
);
