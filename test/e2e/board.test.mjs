// SPDX-License-Identifier: MIT
// The status board of the page: the sentence at its head, the page's title and icon, the choice of
// kinds, the search, the big screen, and what it looks like: pictures of it are written to
// build/screenshots (or TAILRACE_SCREENSHOTS).
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { startBrowser } from './support/browser.mjs';
import { Hub } from './support/hub.mjs';
import { root } from './support/process.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const browser = await startBrowser(file);
const check = (name, body) => scenario(name, { shared: file }, body);

const card = (topic) => `#board .card[data-topic="${topic}"]`;
const waitWord = (page, topic, word) =>
    page.waitForSelector(`${card(topic)}[data-word="${word}"]`, { state: 'attached' });
const waitHeadline = (page, text) =>
    page.waitForFunction(
        (wanted) => document.querySelector('.board-banner')?.textContent === wanted,
        text,
    );
const waitTitle = (page, title) =>
    page.waitForFunction((wanted) => document.title === wanted, title);
const favicon = (page) => page.getAttribute('link[rel~="icon"]', 'href');
const shown = (page) =>
    page.$$eval('#board .card', (nodes) =>
        nodes.filter((node) => node.checkVisibility()).map((node) => node.dataset.topic),
    );
const onScreen = (page) =>
    page.evaluate(() => document.elementFromPoint(innerWidth / 2, 8)?.closest('#board') !== null);

async function close(page) {
    assert.deepEqual(page.problems, []);
    assert.deepEqual(await page.evaluate(() => window.violations), []);
    await page.close();
}

check('the sentence, the title and the icon say the worst, also in the background', async (s) => {
    const hub = await Hub.start(s);
    for (const name of ['api', 'db', 'web']) await hub.publish(`status/${name}`, 'ok');
    const page = await browser.open(hub.to('/?view=board'));
    await waitHeadline(page, 'All 3 fine');
    await waitTitle(page, '✔ All 3 fine · tailrace');
    const fine = await favicon(page);
    assert.match(fine, /^data:image\/svg\+xml,/);
    await hub.publish('status/db', 'slow');
    await waitHeadline(page, '1 warningdb');
    await waitTitle(page, '▲ 1 warning · tailrace');
    const warning = await favicon(page);
    await page.evaluate(() =>
        Object.defineProperty(document, 'hidden', { value: true, configurable: true }),
    );
    await hub.publish('status/api', 'failed');
    await hub.publish('status/web', 'down');
    await waitTitle(page, '✖ 2 failing · tailrace');
    await waitHeadline(page, '2 failingapi, web');
    assert.equal(
        new Set([fine, warning, await favicon(page)]).size,
        3,
        'each has an icon of its own',
    );
    await page.evaluate(() => delete document.hidden);
    await page.click('.board-name >> text=web');
    await page.waitForSelector(`${card('status/web')}[data-open]`);
    await hub.publish('status/extra', '{"state":"ok","ttl":"1s"}');
    for (const name of ['api', 'db', 'web']) await hub.publish(`status/${name}`, 'ok');
    await waitHeadline(page, '1 staleextra');
    await close(page);
});

check('without a connection it does not say that all is fine', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('status/a', 'ok');
    const page = await browser.open(hub.to('/?view=board'));
    await waitTitle(page, '✔ The one status is fine · tailrace');
    await hub.kill9();
    await waitTitle(page, '? Not connected · tailrace');
    await page.waitForSelector('.board-banner[data-old]');
    await hub.launch();
    await waitTitle(page, '✔ The one status is fine · tailrace');
    await page.close();
});

check('the kinds and the search choose what is shown', async (s) => {
    const hub = await Hub.start(s);
    const said = {
        'prod/api': 'ok',
        'prod/db': 'down',
        'jobs/mail': 'running',
        'jobs/report': 'failed: disk full',
    };
    for (const [name, word] of Object.entries(said)) await hub.publish(`status/${name}`, word);
    const page = await browser.open(hub.to('/?view=board'));
    await waitHeadline(page, '2 failingjobs/report, prod/db');
    const kinds = await page.$$eval('.board-kind', (nodes) =>
        nodes.map((node) => node.textContent),
    );
    assert.deepEqual(kinds, ['2 failing', '1 running', '1 fine']);
    await page.click('.board-kind[data-kind="bad"]');
    assert.deepEqual((await shown(page)).sort(), ['status/jobs/report', 'status/prod/db']);
    await page.click('.board-kind[data-kind="busy"]');
    assert.equal((await shown(page)).length, 3);
    await page.click('.board-kind[data-kind="bad"]');
    assert.deepEqual(await shown(page), ['status/jobs/mail']);
    await hub.publish('status/jobs/mail', 'done');
    await page.waitForFunction(() => !document.querySelector('.board-kind[data-kind="busy"]'));
    await until(async () => (await shown(page)).length === 4, 'a choice of nothing to be dropped');
    await page.keyboard.press('/');
    await page.keyboard.type('disk');
    assert.deepEqual(await shown(page), ['status/jobs/report']);
    await page.keyboard.press('Escape');
    assert.equal((await shown(page)).length, 4);
    await close(page);
});

check('how it is shown can be chosen, and is remembered', async (s) => {
    const hub = await Hub.start(s);
    for (const name of ['a', 'b']) await hub.publish(`status/${name}`, 'ok');
    const page = await browser.open(hub.to('/?view=board'));
    await waitWord(page, 'status/b', 'ok');
    await page.click('#board-view');
    await page.selectOption('select[name="layout"]', 'list');
    await page.selectOption('select[name="stale"]', '6h');
    await page.keyboard.press('Escape');
    await page.reload();
    await waitWord(page, 'status/b', 'ok');
    assert.equal(await page.getAttribute('live-status', 'layout'), 'list');
    assert.equal(await page.getAttribute('live-status', 'stale'), '6h');
    const rows = await page.$$eval('.card', (nodes) =>
        nodes.map((node) => node.getBoundingClientRect().left),
    );
    assert.equal(new Set(rows).size, 1, 'one below the other');
    await page.evaluate(() => localStorage.clear());
    await close(page);
});

check(
    'the big screen has nothing but the board, in bigger type, and Escape leaves it',
    async (s) => {
        const hub = await Hub.start(s);
        for (const name of ['a', 'b', 'c', 'd']) await hub.publish(`status/${name}`, 'ok');
        const page = await browser.open(hub.to('/?view=board'));
        await waitWord(page, 'status/d', 'ok');
        assert.equal(await onScreen(page), false, 'there is a head above the board');
        const size = () =>
            page.$eval('.card', (node) => Number.parseFloat(getComputedStyle(node).fontSize));
        const small = await size();
        await page.click('#board-big');
        await page.waitForFunction(() => document.fullscreenElement?.id === 'board');
        assert.ok((await size()) > small * 1.5, `${await size()} px after ${small} px`);
        assert.equal(await onScreen(page), true);
        assert.equal(await page.isVisible('#board-search'), false);
        assert.match(page.url(), /big=1/);
        assert.ok(
            await page.$eval('#board', (node) => node.scrollHeight <= node.clientHeight + 1),
            'all of it fits',
        );
        await page.mouse.move(300, 300);
        assert.equal(await page.isVisible('.board-leave'), true);
        await page.evaluate(() => document.exitFullscreen());
        await page.waitForSelector('#board:not([data-big])');
        assert.doesNotMatch(page.url(), /big=1/);
        assert.equal(await size(), small);

        await page.setViewportSize({ width: 1920, height: 1080 });
        await page.goto(hub.to('/?view=board&big=1'));
        await page.waitForSelector('#board[data-big] .card');
        assert.equal(await onScreen(page), true);
        for (let i = 0; i < 60; i++) await hub.publish(`status/more-${i}`, 'ok');
        await waitHeadline(page, 'All 64 fine');
        await page.waitForFunction(
            () =>
                document.querySelectorAll('live-status').length === 1 &&
                document.querySelector('live-status').shadowRoot.querySelectorAll('.card')
                    .length === 64,
        );
        await page.waitForFunction(
            () =>
                document.querySelector('#board').scrollHeight <=
                document.querySelector('#board').clientHeight + 1,
        );
        await page.keyboard.press('Escape');
        await page.waitForSelector('#board:not([data-big])');
        assert.equal(await onScreen(page), false);
        await close(page);
    },
);

check('on a wall what fails is at the top, without groups, however many there are', async (s) => {
    const hub = await Hub.start(s);
    await Promise.all(
        Array.from({ length: 300 }, (_, i) => hub.publish(`status/team-${i % 20}/job-${i}`, 'ok')),
    );
    await hub.publish('status/team-9/job-9', 'CRITICAL - disk full');
    await hub.publish('status/zone', 'degraded');
    const page = await browser.open(hub.to('/?view=board&big=1'));
    await page.setViewportSize({ width: 1920, height: 1080 });
    await waitHeadline(page, '1 failingteam-9/job-9');
    await page.waitForFunction(
        () =>
            document.querySelector('live-status').shadowRoot.querySelectorAll('.card').length ===
            301,
    );
    assert.deepEqual((await shown(page)).slice(0, 2), ['status/team-9/job-9', 'status/zone']);
    assert.equal((await page.$$('#board .group')).length, 1);
    const top = await page.$eval(card('status/team-9/job-9'), (node) => {
        const { top, bottom } = node.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
    });
    assert.ok(top, 'it is on the screen');
    await page.keyboard.press('Escape');
    await page.waitForFunction(
        () =>
            document.querySelector('live-status').shadowRoot.querySelectorAll('.group').length ===
            21,
    );
    await close(page);
});

check('the browser tells what turns bad, when it was asked to', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('status/old', 'failed');
    for (const name of ['a', 'b', 'c']) await hub.publish(`status/${name}`, 'ok');
    const page = await browser.context.newPage();
    page.problems = [];
    await page.addInitScript(() => {
        window.told = [];
        window.asked = 0;
        window.Notification = class {
            static permission = 'default';
            static async requestPermission() {
                window.asked++;
                return (window.Notification.permission = 'granted');
            }
            constructor(title, options) {
                window.told.push({ title, ...options, click: () => this.onclick() });
            }
            close() {}
        };
    });
    await page.goto(hub.to('/?view=board'));
    await waitWord(page, 'status/c', 'ok');
    await hub.publish('status/a', 'failed: nobody asked');
    await waitWord(page, 'status/a', 'failed');
    assert.equal(await page.evaluate(() => window.asked), 0, 'permission is asked for by a button');
    await page.click('#board-notify');
    await page.waitForSelector('#board-notify[aria-pressed="true"]');
    await hub.publish('status/a', 'ok');
    await waitWord(page, 'status/a', 'ok');
    await hub.publish('status/a', 'failed: no disk');
    await page.waitForFunction(() => window.told.length === 1);
    const [told] = await page.evaluate(() => window.told);
    assert.deepEqual([told.title, told.body], ['a is failing', 'failed: no disk']);
    await page.evaluate(() => window.told[0].click());
    await page.waitForSelector(`${card('status/a')}[data-open]`);
    // What fails at once is told at once; told by the element, because two requests may be apart.
    await page.evaluate(() => {
        const statuses = ['b', 'c'].map((name) => ({
            topic: `status/${name}`,
            word: 'down',
            detail: '',
            id: 'e-1',
        }));
        document
            .querySelector('live-status')
            .dispatchEvent(new CustomEvent('live-failing', { detail: { statuses } }));
    });
    await page.waitForFunction(() => window.told.length === 2);
    const { title, body } = (await page.evaluate(() => window.told))[1];
    assert.deepEqual([title, body], ['2 are failing', 'b: down\nc: down']);
    await page.click('#board-notify');
    await page.waitForSelector('#board-notify[aria-pressed="false"]');
    await page.evaluate(() => localStorage.clear());
    assert.deepEqual(page.problems, []);
    await page.close();
});

check('its headings have an order, and names that contain what can be read', async (s) => {
    const hub = await Hub.start(s);
    for (const name of ['x/a', 'x/b', 'y/a', 'y/b']) await hub.publish(`status/${name}`, 'ok');
    const page = await browser.open(hub.to('/?view=board'));
    await waitHeadline(page, 'All 4 fine');
    await waitWord(page, 'status/y/b', 'ok');
    const levels = await page.$$eval('h1, h2, h3, h4', (nodes) =>
        nodes.filter((node) => node.checkVisibility()).map((node) => Number(node.localName[1])),
    );
    assert.equal(levels.filter((level) => level === 1).length, 1, 'one heading of the first level');
    assert.ok(
        levels.every((level, i) => i === 0 || level <= levels[i - 1] + 1),
        `${levels}`,
    );
    const unlike = await page.$$eval('#board button, #board input, #board select', (nodes) =>
        nodes
            .filter((node) => node.checkVisibility() && node.hasAttribute('aria-label'))
            .filter((node) => !node.getAttribute('aria-label').includes(node.innerText.trim()))
            .map((node) => node.outerHTML),
    );
    assert.deepEqual(unlike, []);
    await close(page);
});

check('a status has an address of its own, which opens its card', async (s) => {
    const hub = await Hub.start(s);
    for (let i = 0; i < 100; i++) await hub.publish(`status/n-${i}`, 'ok');
    const page = await browser.open(hub.to('/t/status/n-80'));
    await page.waitForSelector(`${card('status/n-80')}[data-open]`);
    const inView = await page.$eval(card('status/n-80'), (node) => {
        const { top, bottom } = node.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
    });
    assert.ok(inView);
    assert.equal((await shown(page)).length, 100, 'among the others');
    await close(page);
});

check('leaving the board ends its connection, and the page has its own title again', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('status/a', 'failed');
    await hub.publish('logs/x', 'a line');
    const page = await browser.open(hub.url);
    await waitTitle(page, '✖ 1 failing · tailrace');
    const watched = async () => (await hub.get('/topics?topic=status/**')).json()[0].subscribers;
    await until(async () => (await watched()) === 1, 'the board to be connected');
    await page.click('#tab-logs');
    await until(async () => (await watched()) === 0, 'the board to let go');
    assert.doesNotMatch(await page.title(), /failing/);
    assert.doesNotMatch(await favicon(page), /^data:/);
    await page.click('#tab-board');
    await waitTitle(page, '✖ 1 failing · tailrace');
    await close(page);
});

check('a narrow screen needs no sideways scrolling', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish(
        `status/${'long'.repeat(40)}/${'name'.repeat(40)}`,
        `failed: ${'x'.repeat(400)}`,
    );
    await hub.publish('status/a', 'a rather long status word that goes on and on');
    await hub.publish('status/v', `{"state":"ok","value":"${'9'.repeat(200)}"}`);
    const page = await browser.open(hub.to('/?view=board'));
    await page.setViewportSize({ width: 340, height: 640 });
    await page.waitForFunction(() => document.querySelector('live-status')?.summary?.total === 3);
    for (const layout of ['cards', 'list']) {
        await page.$eval(
            'live-status',
            (node, value) => node.setAttribute('layout', value),
            layout,
        );
        await page.click(`${card('status/a')} .name`);
        const [wide, width, board, room] = await page.evaluate(() => {
            const place = document.querySelector('#board');
            return [
                document.documentElement.scrollWidth,
                innerWidth,
                place.scrollWidth,
                place.clientWidth,
            ];
        });
        assert.ok(
            wide <= width && board <= room,
            `${layout}: ${wide} of ${width}, ${board} of ${room}`,
        );
    }
    await close(page);
});

check('pictures of the board', async (s) => {
    const dir = path.resolve(
        process.env.TAILRACE_SCREENSHOTS ?? path.join(root, 'build/screenshots'),
    );
    mkdirSync(dir, { recursive: true });
    const hub = await Hub.start(s);
    const plan = {
        build: ['passed', 'passed', 'failed', 'building', 'passed'],
        backup: ['running', 'done'],
        'prod/api': ['ok', 'ok', 'degraded', 'ok'],
        'prod/web': [
            '{"state":"ok","value":"39 ms"}',
            '{"state":"slow","value":"812 ms","message":"p95 over 500 ms"}',
        ],
        'prod/db': ['ok', 'ok', 'down: no route to host from 10.0.3.7'],
        'prod/search': [
            'ok',
            '{"state":"degraded","value":"2/3","message":"one of three replicas is away"}',
        ],
        'prod/queue': ['{"state":"ok","value":"17"}'],
        'staging/api': ['ok', 'deploying', 'ok'],
        'staging/web': ['ok'],
        'jobs/nightly-report': ['queued', 'running', 'done'],
        'jobs/thumbnails': ['queued', 'running'],
        'jobs/invoices': ['done', 'queued'],
        'jobs/certificates': ['{"state":"renewed","level":"ok","ttl":"1s"}'],
    };
    for (const [name, words] of Object.entries(plan)) {
        const lines = Array.from(
            { length: 17 },
            (_, i) => words[(i * 7 + name.length) % words.length],
        );
        await hub.publishLines(`status/${name}`, [...lines, words.at(-1)]);
    }
    const page = await browser.open(hub.to('/?view=board'));
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        for (const [device, width, height] of [
            ['desktop', 1280, 800],
            ['phone', 390, 844],
        ]) {
            await page.setViewportSize({ width, height });
            await page.waitForSelector(`${card('status/jobs/certificates')}[data-stale]`, {
                state: 'attached',
            });
            await page.screenshot({ path: path.join(dir, `board-${device}-${colorScheme}.png`) });
            await page.click(`${card('status/prod/db')} .name`);
            await page.waitForSelector(`${card('status/prod/db')}[data-open]`);
            await page.screenshot({
                path: path.join(dir, `board-open-${device}-${colorScheme}.png`),
            });
            await page.click(`${card('status/prod/db')} .name`);
        }
        await page.setViewportSize({ width: 1920, height: 1080 });
        await page.keyboard.press('b');
        await page.waitForSelector('#board[data-big]');
        await page.screenshot({ path: path.join(dir, `board-big-${colorScheme}.png`) });
        await page.keyboard.press('b');
        await page.waitForSelector('#board:not([data-big])');
    }
    await close(page);
});
