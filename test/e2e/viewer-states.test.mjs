// SPDX-License-Identifier: MIT
// What the viewer says where there is nothing to see, or where what is seen may be out of date:
// no logs, no such topic, no key, no hub; and which field the next Enter is for.
import assert from 'node:assert/strict';
import { startBrowser } from './support/browser.mjs';
import { Hub, numbered } from './support/hub.mjs';
import { scenario, shared } from './support/scope.mjs';
import { assertClean, state, topicRow, waitRow } from './support/viewer.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const browser = await startBrowser(file);
const check = (name, body) => scenario(name, { shared: file }, body);
const word = (page) => page.textContent('.connection-word');

async function close(page) {
    await assertClean(page);
    await page.close();
}

check('a hub without logs is connected, says how to begin, and offers no tools', async (s) => {
    const hub = await Hub.start(s);
    const page = await browser.open(hub.to('/?view=logs'));
    await page.waitForSelector('.blank:has-text("No logs yet")');
    await state(page, 'idle');
    assert.equal(await word(page), 'Connected');
    for (const tool of ['#find-text', '#filter-text', '#pause', '#copy', '#download', '#levels'])
        assert.ok(await page.isDisabled(tool), tool);
    await hub.publish('logs/first', 'hello');
    await waitRow(page, 'hello');
    await state(page, 'live');
    assert.ok(await page.isEnabled('#find-text'));
    await close(page);
});

check('a topic that is not there is not waited for as if it were', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'here');
    const page = await browser.open(hub.to('/t/logs/ap'));
    await page.waitForSelector('live-log .empty:has-text("There is no topic logs/ap (yet)")');
    await hub.publish('logs/ap', 'now there is');
    await waitRow(page, 'now there is');
    const pattern = await browser.open(hub.to('/?view=logs&log=nothing/**'));
    await pattern.waitForSelector('live-log .empty:has-text("No topic is nothing/** (yet)")');
    await close(page);
    await close(pattern);
});

check('who needs a key is told so in words for people, once', async (s) => {
    const key = 'only-secret-00001';
    const hub = await Hub.start(s, {
        config: { keys: [{ name: 'all', secret: key, publish: ['**'], subscribe: ['**'] }] },
    });
    const page = await browser.context.newPage();
    await page.goto(hub.to('/'));
    await page.waitForSelector('.key-form');
    await state(page, 'asked');
    const text = () => page.textContent('.key-form');
    assert.doesNotMatch(await text(), /Authorization|Bearer|\?key=/);
    await page.fill('.key-form input', 'a-wrong-one');
    await page.click('.key-form .primary');
    await page.waitForSelector('.key-form:has-text("not one of this hub")');
    assert.equal((await text()).match(/key/gi).length, 2, await text());
    await page.close();
});

check('without the hub the lines, the footer and the tab say that they may be old', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', numbered(5, 'line '));
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'line 5');
    await state(page, 'live');
    await hub.kill9();
    await page.waitForSelector('live-log[data-old]');
    await until(
        async () => (await page.title()) === '? Not connected · logs/app – tailrace',
        'the title',
    );
    await page.waitForSelector(
        '.status-line:has-text("not connected: newer lines may be missing")',
    );
    const opacity = () =>
        page.$eval('live-log', (log) =>
            Number(getComputedStyle(log.shadowRoot.querySelector('.scroller')).opacity),
        );
    assert.ok((await opacity()) < 0.8);
    await hub.launch();
    await state(page, 'live');
    await until(async () => (await page.title()) === 'logs/app – tailrace', 'the title');
    await page.waitForSelector('.status-line:has-text("following")');
    assert.equal(await opacity(), 1);
    await page.close();
});

check('the button that searches everything makes the field the one for that', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', ['needle of old', ...numbered(2000, 'line ')]);
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'line 2000');
    await page.click('#search-all');
    assert.equal(await page.getAttribute('#search-all', 'aria-pressed'), 'true');
    assert.equal(await page.getAttribute('#find-text', 'placeholder'), 'Search all stored lines');
    assert.ok(await page.$eval('#find-text', (field) => field === document.activeElement));
    await page.keyboard.type('needle');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.hit:has-text("needle of old")');
    await page.click('#search-close');
    assert.equal(await page.getAttribute('#find-text', 'placeholder'), 'Find in these lines');
    await close(page);
});

check('a word about what was done does not lie over the newest lines', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', numbered(200, 'line '));
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'line 200');
    await page.hover('live-log');
    await page.mouse.wheel(0, -900);
    await page.waitForSelector('live-log .chip:not([hidden])');
    await page.keyboard.press('t');
    const said = await page.locator('.said[role=status]:not([hidden])').first().boundingBox();
    const chip = await page.locator('live-log .chip').boundingBox();
    assert.ok(said.y + said.height <= chip.y, JSON.stringify([said, chip]));
    await close(page);
});

check('logs that are shown together have different colours, everywhere the same', async (s) => {
    const hub = await Hub.start(s);
    const topics = ['logs/gcc', 'logs/json', 'shop/a', 'shop/b', 'logs/app'];
    for (const topic of topics) await hub.publish(topic, `in ${topic}`);
    const page = await browser.open(hub.to(`/?${topics.map((one) => `log=${one}`).join('&')}`));
    await waitRow(page, 'in logs/app');
    const colours = () =>
        page.$eval('live-log', (log) =>
            Object.fromEntries(
                [...log.shadowRoot.querySelectorAll('.log-line')].map((row) => [
                    row.dataset.topic,
                    getComputedStyle(row.querySelector('.log-tag')).color,
                ]),
            ),
        );
    await until(async () => Object.keys(await colours()).length === topics.length, 'all rows');
    const drawn = await colours();
    assert.equal(new Set(Object.values(drawn)).size, topics.length, JSON.stringify(drawn));
    for (const topic of topics) {
        const dots = await page.$$eval(
            `.chip[data-topic="${topic}"] .topic-dot, ${topicRow(topic)} .topic-dot`,
            (all) => all.map((dot) => getComputedStyle(dot).backgroundColor),
        );
        assert.deepEqual(dots, [drawn[topic], drawn[topic]], topic);
    }
    await page.click('#split');
    await page.waitForSelector('.pane:nth-child(2)');
    const heads = await page.$$eval('.pane .topic-dot', (all) =>
        all.map((dot) => getComputedStyle(dot).backgroundColor),
    );
    assert.deepEqual(
        heads,
        topics.map((topic) => drawn[topic]),
    );
    await close(page);
});

check('the name of each control has the text that is seen on it', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', ['{"level":"error","msg":"x"}', 'WARN y']);
    await hub.publish('logs/other', 'z');
    const page = await browser.open(
        hub.to('/?view=logs&log=logs/app&log=logs/other&level=error,warn&from=15m'),
    );
    await waitRow(page, 'x');
    await page.keyboard.press('h');
    const wrong = await page.$$eval('button, a, input', (all) =>
        all
            .filter((node) => node.checkVisibility() && node.hasAttribute('aria-label'))
            .map((node) => [node.getAttribute('aria-label'), node.innerText ?? ''])
            .filter(([name, text]) => !name.toLowerCase().includes(text.trim().toLowerCase())),
    );
    assert.deepEqual(wrong, []);
    await close(page);
});
