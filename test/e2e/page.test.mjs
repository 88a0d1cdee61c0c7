// SPDX-License-Identifier: MIT
// The page at / in a real browser: both views move, survive a restart, and hold a connection only
// while they are open; text stays text; nothing comes from outside; the key; the publish box; below
// a path of a proxy; without storage.
import assert from 'node:assert/strict';
import http from 'node:http';
import { startBrowser } from './support/browser.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { scenario, shared } from './support/scope.mjs';
import {
    assertClean,
    HUB_GONE,
    lines,
    pick,
    rows,
    state,
    waitLines,
    waitRow,
    waitWord,
} from './support/viewer.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const browser = await startBrowser(file);
const check = (name, body) => scenario(name, { shared: file }, body);

const subscribers = async (hub, topic = '**') =>
    (await hub.get(`/topics?topic=${topic}`)).json().reduce((sum, one) => sum + one.subscribers, 0);
const isShown = (page, view) => page.waitForSelector(`#${view}`, { state: 'visible' });

check('both views show what is there and move with what comes', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', numbered(10, 'line '));
    await hub.publish('status/build', 'queued');
    const page = await browser.open(hub.url);
    await isShown(page, 'board');
    await waitWord(page, 'status/build', 'queued');
    await state(page, 'live');
    assert.equal(await page.textContent('#tab-board .count'), '1');
    assert.equal(await page.textContent('#tab-logs .count'), '1');
    for (const word of ['running', 'done']) {
        await hub.publish('status/build', word);
        await waitWord(page, 'status/build', word);
    }
    await page.click('#tab-logs');
    await isShown(page, 'viewer');
    await waitLines(page, 10);
    await state(page, 'live');
    for (let i = 11; i <= 20; i++) {
        await hub.publish('logs/app', `line ${i}`);
        await waitRow(page, `line ${i}`);
    }
    assertSequence(await lines(page), numbered(20, 'line '));
    await assertClean(page);
    const outside = page.requests.filter(
        (url) => !url.startsWith(hub.url) && !url.startsWith('data:'),
    );
    assert.deepEqual(outside, [], 'everything comes from the hub');
    await page.close();
});

check(
    'a hub with only logs begins with the log that spoke last, an empty one says what to do',
    async (s) => {
        const hub = await Hub.start(s);
        const page = await browser.open(hub.url);
        await isShown(page, 'board');
        await page.waitForSelector('#board .curl');
        await page.click('#tab-logs');
        assert.match(
            await page.textContent('#viewer .blank .curl'),
            /curl -d hello 'http.*\/t\/logs\/hello'/,
        );
        await hub.publish('logs/first', 'one');
        await waitRow(page, 'one');
        await page.close();
        await hub.publish('logs/second', 'two');
        const again = await browser.open(hub.url);
        await isShown(again, 'viewer');
        await waitRow(again, 'two');
        assert.equal(new URL(again.url()).pathname, '/t/logs/second');
        await assertClean(again);
        await again.close();
    },
);

check('only the view that is open holds a connection', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'x');
    await hub.publish('status/x', 'ok');
    const page = await browser.open(hub.url);
    await until(async () => (await subscribers(hub, 'status/x')) === 1, 'the board to be counted');
    assert.equal(await subscribers(hub, 'logs/app'), 0);
    await page.click('#tab-logs');
    await until(async () => (await subscribers(hub, 'logs/app')) === 1, 'the log to be counted');
    await until(async () => (await subscribers(hub, 'status/x')) === 0, 'the board to let go');
    await hub.publish('status/x', 'failed');
    await page.click('#tab-board');
    await waitWord(page, 'status/x', 'failed');
    await until(async () => (await subscribers(hub, 'logs/app')) === 0, 'the log to let go');
    await assertClean(page);
    await page.close();
});

check('the page survives kill -9 and goes on exactly where it was', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('status/x', 'up');
    await hub.publishLines('logs/app', numbered(50));
    const page = await browser.open(hub.to('/t/logs/app'));
    const board = await browser.open(hub.to('/?view=board'));
    await waitLines(page, 50);
    await waitWord(board, 'status/x', 'up');
    for (let round = 1; round <= 2; round++) {
        await hub.kill9();
        await state(page, 'reconnecting');
        assert.match(await page.getAttribute('#connection', 'title'), /restored/);
        await hub.launch();
        await hub.publishLines('logs/app', numbered(50, '', round * 50 + 1));
        await waitLines(page, (round + 1) * 50);
        await state(page, 'live');
        await hub.publish('status/x', `again${round}`);
        await waitWord(board, 'status/x', `again${round}`);
        assertSequence(await lines(page), numbered((round + 1) * 50));
    }
    assert.equal(await page.$('.log-note:has-text("missing")'), null, 'no gap');
    for (const one of [page, board]) {
        await assertClean(one, [HUB_GONE]);
        await one.close();
    }
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
        '{"<img src=x onerror=\'window.pwned=9\'>": "<b>in JSON</b>"}',
    ];
    for (const text of evil) await hub.publish('logs/evil', text);
    await hub.publish('logs/evil', '\u202eright to left \u001b[31mansi\u001b[0m');
    const named = 'logs/<img src=y onerror="window.pwned=5">';
    await hub.publish(named.split('/').map(encodeURIComponent).join('/'), 'topic');
    await hub.publish(
        `status/${encodeURIComponent('<img src=z onerror="window.pwned=6">')}`,
        '<u>word</u>',
    );
    await hub.publish('status/evil', '<img src=x onerror="window.pwned=7">');
    const page = await browser.open(hub.to('/t/logs/evil'));
    await waitLines(page, evil.length + 1);
    for (const text of evil) await waitRow(page, text);
    assert.ok(
        (await rows(page)).includes('\u202eright to left ansi'),
        'colour codes are drawn, nothing else is lost',
    );
    await page.locator('.log-line:has-text("in JSON")').click();
    await page.keyboard.press('Enter');
    await page.fill('#find-text', '<img');
    await page.click('#search-all');
    await page.waitForSelector('.hit:has-text("pwned=1")');
    await page.locator('.topic', { hasText: 'pwned=5' }).locator('.topic-add').click();
    await page.waitForSelector('.chip:has-text("pwned=5")');
    const html = '#viewer :is(img, script, b, i, u)';
    assert.equal(await page.locator(html).count(), 0);
    await page.click('#tab-board');
    await page.waitForSelector('.card:nth-of-type(2)');
    assert.equal(await page.locator('#board :is(img, script, u)').count(), 0);
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

check(
    'the key in the address is passed on and leaves the address bar; a wrong one is asked for again',
    async (s) => {
        const secret = 'page-secret-0123';
        const hub = await Hub.start(s, {
            config: { keys: [{ name: 'all', secret, publish: ['**'], subscribe: ['**'] }] },
        });
        await hub.publish('logs/app', 'hidden', '', { 'x-api-key': secret });
        for (const name of ['key', 'code']) {
            const page = await browser.open(hub.to(`/?${name}=${secret}`));
            await waitRow(page, 'hidden');
            assert.ok(!page.url().includes(secret));
            assert.equal(
                await page.locator(`[key="${secret}"], [href*="${secret}"]`).count(),
                0,
                'nor is it in the page',
            );
            await assertClean(page);
            await page.close();
        }
        const page = await browser.context.newPage();
        await page.goto(hub.to('/t/logs/app?key=wrong-secret-9999'));
        await page.waitForSelector('.key-form');
        assert.equal(await page.isVisible('#viewer'), false);
        await page.fill('.key-form input', 'another-wrong-one');
        await page.keyboard.press('Enter');
        await page.waitForSelector('.key-form input:placeholder-shown');
        await page.fill('.key-form input', secret);
        await page.keyboard.press('Enter');
        await waitRow(page, 'hidden');
        assert.equal(
            new URL(page.url()).pathname,
            '/t/logs/app',
            'what the address asked for is opened',
        );
        await page.close();
        assert.ok(!hub.stderr.includes(secret), 'the log does not show it');
    },
);

check('a key that is withdrawn while the page is open is asked for', async (s) => {
    const keys = (secret) => ({
        keys: [{ name: 'all', secret, publish: ['**'], subscribe: ['**'] }],
    });
    const hub = await Hub.start(s, { config: keys('first-secret-0001') });
    await hub.publish('logs/app', 'one', '', { 'x-api-key': 'first-secret-0001' });
    const page = await browser.open(hub.to('/?key=first-secret-0001'));
    await waitRow(page, 'one');
    hub.configure(keys('second-secret-0002'));
    await hub.restart();
    await page.waitForSelector('.key-form', { timeout: 60_000 });
    await page.fill('.key-form input', 'second-secret-0002');
    await page.click('.key-form .primary');
    await waitRow(page, 'one');
    await page.close();
});

check(
    'the publish box is there for those whose key may publish, and only for what it may',
    async (s) => {
        const reader = 'may-only-read-0001';
        const writer = 'may-write-some-0001';
        const hub = await Hub.start(s, {
            config: {
                keys: [
                    { name: 'reader', secret: reader, subscribe: ['**'] },
                    { name: 'writer', secret: writer, publish: ['notes/**'], subscribe: ['**'] },
                ],
            },
        });
        await hub.publish('notes/day', 'morning', '', { 'x-api-key': writer });
        const seen = await browser.open(hub.to(`/?key=${reader}`));
        await waitRow(seen, 'morning');
        assert.equal(await seen.isVisible('#publish'), false);
        await seen.close();

        const page = await browser.open(hub.to(`/?key=${writer}`));
        await waitRow(page, 'morning');
        await page.click('#publish');
        assert.equal(
            await page.inputValue('#publish-topic'),
            'notes/day',
            'what is open is proposed',
        );
        await page.fill('#publish-text', 'noon\nafternoon');
        await page.click('dialog .primary');
        await waitRow(page, 'afternoon');
        assertSequence(await lines(page), ['morning', 'noon', 'afternoon']);
        await page.fill('#publish-topic', 'logs/app');
        assert.equal(await page.$eval('#publish-topic', (input) => input.checkValidity()), false);
        await page.fill('#publish-topic', 'notes/new');
        await page.fill('#publish-text', 'made');
        await page.keyboard.press('Control+Enter');
        await page.waitForSelector('.publish-answer[data-kind="ok"]');
        await page.keyboard.press('Escape');
        await pick(page, 'notes/new');
        await waitRow(page, 'made');
        await assertClean(page);
        await page.close();
    },
);

check('keys lead everywhere, "?" shows them, and typing is left alone', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'x');
    await hub.publish('status/x', 'ok');
    const page = await browser.open(hub.url);
    await waitWord(page, 'status/x', 'ok');
    await page.keyboard.press('2');
    await waitRow(page, 'x');
    await page.keyboard.press('?');
    await page.waitForSelector('dialog.help[open]');
    assert.ok((await page.locator('dialog.help kbd').count()) > 15);
    await page.keyboard.press('2');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.help', { state: 'hidden' });
    await page.keyboard.press('/');
    await page.keyboard.type('12?');
    assert.equal(await page.inputValue('#find-text'), '12?');
    await page.keyboard.press('Escape');
    await page.keyboard.press('1');
    await isShown(page, 'board');
    await page.goBack();
    await isShown(page, 'viewer');
    await waitRow(page, 'x');
    await assertClean(page);
    await page.close();
});

check('light, dark and automatic', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'x');
    const page = await browser.open(hub.url);
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const brightness = async () =>
        (await ground())
            .match(/\d+/g)
            .map(Number)
            .reduce((a, b) => a + b);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.ok((await brightness()) < 150, 'as the system has it');
    await page.emulateMedia({ colorScheme: 'light' });
    assert.ok((await brightness()) > 600);
    await page.click('#theme[data-theme="auto"]');
    await page.click('#theme[data-theme="light"]');
    await page.waitForSelector('#theme[data-theme="dark"]');
    assert.ok((await brightness()) < 150, 'the choice goes before the system');
    await page.reload();
    assert.ok((await brightness()) < 150, 'and is kept');
    await page.click('#theme[data-theme="dark"]');
    await page.close();
});

check(
    'a narrow screen needs no sideways scrolling, and has the list of topics as a drawer',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publish('logs/app', 'x'.repeat(3000));
        await hub.publish('logs/other', 'from the other');
        await hub.publish(`status/${'long'.repeat(50)}`, 'a rather long status word that goes on');
        const page = await browser.context.newPage();
        await page.setViewportSize({ width: 340, height: 640 });
        const fits = async () => {
            const [content, width] = await page.evaluate(() => [
                document.documentElement.scrollWidth,
                innerWidth,
            ]);
            assert.ok(content <= width, `${content} of ${width}`);
        };
        await page.goto(hub.url);
        await page.waitForSelector('.card');
        await fits();
        await page.goto(hub.to('/t/logs/app'));
        await waitLines(page, 1);
        await fits();
        await page.waitForSelector('#picker', { state: 'hidden' });
        await page.click('#side');
        await pick(page, 'logs/other');
        await page.waitForSelector('#picker', { state: 'hidden' });
        await waitRow(page, 'from the other');
        await fits();
        await page.close();
    },
);

check('an end is shown as an end', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('builds/1', 'working');
    const page = await browser.open(hub.to('/t/builds/1'));
    await waitLines(page, 1);
    await hub.publish('builds/1', 'done', '?close=1');
    await state(page, 'ended');
    await page.waitForSelector('.log-note');
    assertSequence(await lines(page), ['working', 'done']);
    await page.waitForSelector('.topic[data-topic="builds/1"] .topic-age:text-is("ended")');
    await assertClean(page);
    await page.close();
});

check('tens of thousands of lines do not choke the page, and the newest is shown', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/flood', 'first');
    const page = await browser.open(hub.to('/t/logs/flood'));
    await waitLines(page, 1);
    for (let i = 0; i < 30; i++)
        await hub.publishLines('logs/flood', numbered(1000, 'line ', i * 1000 + 1));
    await waitRow(page, 'line 30000');
    const loaded = await lines(page);
    assert.ok(loaded.length <= 20_000, `${loaded.length} lines`);
    assertSequence(loaded, numbered(loaded.length, 'line ', 30_001 - loaded.length));
    assert.ok(
        (await page.locator('.log-line').count()) < 500,
        'rows are only where they can be seen',
    );
    await page.close();
});

check('the page works below a path of a proxy that the hub knows nothing of', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('builds/42/log', 'behind');
    await hub.publish('status/x', 'ok');
    const proxy = http.createServer((incoming, outgoing) => {
        if (!incoming.url.startsWith('/below/here/')) {
            outgoing.writeHead(404).end();
            return;
        }
        const onward = http.request(
            {
                host: hub.host,
                port: hub.port,
                method: incoming.method,
                headers: incoming.headers,
                path: incoming.url.slice('/below/here'.length),
            },
            (answer) => {
                outgoing.writeHead(answer.statusCode, answer.headers);
                answer.pipe(outgoing);
            },
        );
        onward.on('error', () => outgoing.destroy());
        outgoing.on('close', () => onward.destroy());
        incoming.pipe(onward);
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    s.defer(() => {
        proxy.close();
        proxy.closeAllConnections();
    });
    const root = `http://127.0.0.1:${proxy.address().port}/below/here/`;
    const page = await browser.open(`${root}t/builds/42/log`);
    await waitRow(page, 'behind');
    await page.click('#tab-board');
    await waitWord(page, 'status/x', 'ok');
    assert.equal(page.url(), `${root}?view=board`);
    await page.click('#home');
    await waitWord(page, 'status/x', 'ok');
    assert.deepEqual(
        page.requests.filter((url) => !url.startsWith(root) && !url.startsWith('data:')),
        [],
    );
    await assertClean(page);
    await page.close();
});

check('the page works where the browser keeps nothing', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'x');
    const page = await browser.context.newPage();
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.addInitScript(() => {
        for (const name of ['localStorage', 'sessionStorage']) {
            Object.defineProperty(window, name, {
                get: () => {
                    throw new DOMException('no storage', 'SecurityError');
                },
            });
        }
    });
    await page.goto(hub.to('/?key=unused-key-000001'));
    await waitRow(page, 'x');
    await page.click('#theme');
    await page.keyboard.press('u');
    assert.deepEqual(problems, []);
    await page.close();
});
