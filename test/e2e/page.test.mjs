// SPDX-License-Identifier: MIT
// The page at / in a real browser: both cards move, close, survive a restart; text stays text; nothing comes from outside.
import assert from 'node:assert/strict';
import { startBrowser } from './support/browser.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const browser = await startBrowser(file);
const check = (name, body) => scenario(name, { shared: file }, body);

const state = (page, card, wanted) =>
    page.waitForSelector(`${card} .badge[data-state="${wanted}"]`, { timeout: 60_000 });
const lines = (page) =>
    page.$$eval('.log-line', (nodes) => nodes.map((node) => node.textContent));
const waitLines = (page, count) =>
    page.waitForFunction((n) => document.querySelectorAll('.log-line').length >= n, count, { timeout: 60_000 });
const waitWord = (page, topic, word) =>
    page.waitForFunction(
        ([t, w]) =>
            [...document.querySelectorAll('.status-row')].some(
                (row) => row.dataset.topic === t && row.dataset.word === w,
            ),
        [topic, word],
        { timeout: 60_000 },
    );

async function assertClean(page, allowed = []) {
    const unexpected = page.problems.filter((text) => !allowed.some((pattern) => pattern.test(text)));
    assert.deepEqual(unexpected, []);
    assert.deepEqual(await page.evaluate(() => window.violations), []);
}

const subscribers = async (hub) =>
    (await hub.get('/topics')).json().reduce((sum, topic) => sum + topic.subscribers, 0);

check('both cards open, show what is there and move with what comes', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', numbered(10, 'line '));
    await hub.publish('status/build', 'queued');
    const page = await browser.open(hub.url);
    assert.equal(await page.isVisible('#log-card'), false);
    assert.equal(await subscribers(hub), 0, 'nothing is streamed before a card is opened');
    await page.click('#open-log');
    await page.click('#open-status');
    await state(page, '#log-card', 'live');
    await state(page, '#status-card', 'live');
    await waitLines(page, 10);
    await waitWord(page, 'status/build', 'queued');
    for (let i = 11; i <= 20; i++) {
        await hub.publish('logs/app', `line ${i}`);
        await waitLines(page, i);
        const word = i % 2 ? 'running' : 'done';
        await hub.publish('status/build', word);
        await waitWord(page, 'status/build', word);
    }
    assertSequence(await lines(page), numbered(20, 'line '));
    await assertClean(page);
    const outside = page.requests.filter((url) => !url.startsWith(hub.url) && !url.startsWith('data:'));
    assert.deepEqual(outside, [], 'everything comes from the hub');
    await page.close();
});

check('closing a card ends its connection, opening it again starts anew', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', numbered(3));
    await hub.publish('status/x', 'ok');
    const page = await browser.open(hub.url);
    await page.click('#open-log');
    await waitLines(page, 3);
    await until(async () => (await subscribers(hub)) === 1, 'the page to be counted');
    await page.click('#log-card .card-close');
    await page.waitForSelector('#log-card', { state: 'hidden' });
    assert.equal(await page.getAttribute('#open-log', 'aria-expanded'), 'false');
    await until(async () => (await subscribers(hub)) === 0, 'the connection to end');
    await hub.publish('logs/app', 'while closed');
    await page.click('#open-log');
    await waitLines(page, 4);
    assert.equal((await lines(page)).at(-1), 'while closed');
    await page.click('#open-log');
    await until(async () => (await subscribers(hub)) === 0, 'the icon to close as well');
    await assertClean(page);
    await page.close();
});

check('the page survives kill -9 and goes on exactly where it was', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('status/x', 'up');
    await hub.publishLines('logs/app', numbered(50));
    const page = await browser.open(hub.url);
    await page.click('#open-log');
    await page.click('#open-status');
    await waitLines(page, 50);
    for (let round = 1; round <= 2; round++) {
        await hub.kill9();
        await state(page, '#log-card', 'reconnecting');
        await hub.launch();
        await hub.publishLines('logs/app', numbered(50, '', round * 50 + 1));
        await waitLines(page, (round + 1) * 50);
        await state(page, '#log-card', 'live');
        await hub.publish('status/x', `again${round}`);
        await waitWord(page, 'status/x', `again${round}`);
        assertSequence(await lines(page), numbered((round + 1) * 50));
    }
    assert.equal(await page.$('.log-note'), null, 'no gap');
    await assertClean(page, [/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/]);
    await page.close();
});

check('text of a log never becomes HTML', async (s) => {
    const hub = await Hub.start(s);
    const evil = [
        '<img src=x onerror="window.pwned=1">',
        '<script>window.pwned=2</script>',
        '</div><b>bold</b>',
        '&lt;i&gt; &amp;',
        '"\' onmouseover=window.pwned=3 x="',
        'javascript:window.pwned=4',
        '\u202eright to left \u001b[31mansi',
    ];
    for (const text of evil) await hub.publish('logs/evil', text);
    await hub.publish(`logs/${encodeURIComponent('<img src=y onerror="window.pwned=5">')}`, 'topic');
    await hub.publish(`status/${encodeURIComponent('<img src=z onerror="window.pwned=6">')}`, '<u>word</u>');
    await hub.publish('status/evil', '<img src=x onerror="window.pwned=7">');
    const page = await browser.open(hub.to('/t/logs/evil'));
    await waitLines(page, evil.length);
    assertSequence(await lines(page), evil);
    await page.click('#open-status');
    await page.waitForFunction(() => document.querySelectorAll('.status-row').length >= 2);
    assert.equal(await page.$('.log-lines img, .log-lines script, .log-lines b, .status-rows img, .status-rows u'), null);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    await assertClean(page);
    await page.close();
});

check('the content security policy is strict', async (s) => {
    const hub = await Hub.start(s);
    const answer = await hub.get('/', { accept: 'text/html' });
    const policy = answer.headers['content-security-policy'];
    assert.ok(policy, 'there is one');
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*|https?:/);
    for (const directive of ['base-uri', 'frame-ancestors', 'form-action']) {
        assert.match(policy, new RegExp(`${directive} 'none'|${directive} 'self'`));
    }
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.match(answer.headers['referrer-policy'] ?? '', /no-referrer/);
    const page = await browser.open(hub.url);
    const refused = await page.evaluate(async () => {
        const script = document.createElement('script');
        script.textContent = 'window.inlined = true';
        document.head.append(script);
        return { inlined: window.inlined === true, violations: window.violations.length };
    });
    assert.equal(refused.inlined, false);
    await page.waitForFunction(() => window.violations.length > 0);
    await page.close();
});

check('the key in the address is passed on and leaves the address bar', async (s) => {
    const secret = 'page-secret-0123';
    const hub = await Hub.start(s, {
        config: { keys: [{ name: 'all', secret, publish: ['**'], subscribe: ['**'] }] },
    });
    await hub.publish('logs/app', 'hidden', '', { 'x-api-key': secret });
    for (const name of ['key', 'code']) {
        const page = await browser.open(hub.to(`/?${name}=${secret}`));
        await page.click('#open-log');
        await waitLines(page, 1);
        assert.ok(!page.url().includes(secret));
        await assertClean(page);
        await page.close();
    }
    const page = await browser.context.newPage();
    await page.goto(hub.to('/?key=wrong-secret-9999'));
    await page.click('#open-log');
    await state(page, '#log-card', 'refused');
    await page.fill('#log-card .key-form input', secret);
    await page.keyboard.press('Enter');
    await waitLines(page, 1);
    await page.close();
    assert.ok(!hub.stderr.includes(secret), 'the log does not show it');
});

check('the page works by keyboard, and Escape closes', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'x');
    const page = await browser.open(hub.url);
    await page.focus('#open-log');
    await page.keyboard.press('Enter');
    await waitLines(page, 1);
    assert.equal(await page.getAttribute('#open-log', 'aria-expanded'), 'true');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#log-card', { state: 'hidden' });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#status-card', { state: 'visible' });
    await page.close();
});

check('a narrow screen needs no sideways scrolling', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'x'.repeat(3000));
    await hub.publish(`status/${'long'.repeat(50)}`, 'a rather long status word that goes on');
    const page = await browser.open(hub.url);
    await page.setViewportSize({ width: 340, height: 640 });
    await page.click('#open-log');
    await page.click('#open-status');
    await waitLines(page, 1);
    await page.waitForSelector('.status-row');
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(widths[0] <= widths[1], `${widths}`);
    await page.close();
});

check('an end is shown as an end', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('builds/1', 'working');
    const page = await browser.open(hub.to('/t/builds/1'));
    await waitLines(page, 1);
    await hub.publish('builds/1', 'done', '?close=1');
    await state(page, '#log-card', 'ended');
    assertSequence(await lines(page), ['working', 'done']);
    await assertClean(page);
    await page.close();
});

check('tens of thousands of lines do not choke the page, and the newest is shown', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/flood', 'first');
    const page = await browser.open(hub.to('/t/logs/flood'));
    await waitLines(page, 1);
    for (let i = 0; i < 30; i++) await hub.publishLines('logs/flood', numbered(1000, 'line ', i * 1000 + 1));
    await page.waitForFunction(
        () => [...document.querySelectorAll('.log-line')].at(-1)?.textContent === 'line 30000',
        null,
        { timeout: 60_000 },
    );
    const shown = await lines(page);
    assert.ok(shown.length <= 5000, `${shown.length} rows`);
    assertSequence(shown, numbered(shown.length, 'line ', 30_001 - shown.length));
    await page.close();
});
