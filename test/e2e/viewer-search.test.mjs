// SPDX-License-Identifier: MIT
// The page's search over everything that is stored, and what it says about its connection: gaps,
// silence, a proxy that holds streams back.
import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import { startBrowser } from './support/browser.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { CuttingProxy } from './support/proxy.mjs';
import { scaled, scenario, shared } from './support/scope.mjs';
import {
    assertClean,
    HUB_GONE,
    lines,
    pick,
    rows,
    state,
    topicRow,
    waitLines,
    waitRow,
} from './support/viewer.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const browser = await startBrowser(file);
const check = (name, body) => scenario(name, { shared: file }, body);

const hits = (page) =>
    page.$$eval('#search .hit .hit-text', (nodes) => nodes.map((node) => node.textContent));
const searched = (page, wanted = 'done') =>
    page.waitForSelector(`#search[data-state="${wanted}"]`, { timeout: scaled(60_000) });

async function searchFor(page, text) {
    await page.fill('#find-text', text);
    await page.click('#search-all');
    await searched(page);
}

check(
    'it finds what is stored far back, newest first, and shows a hit in its context',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publishLines('logs/app', numbered(200, 'old ', 1));
        await hub.publish('logs/app', 'the NEEDLE, first');
        await hub.publishLines('logs/app', numbered(200, 'after it ', 1));
        for (let i = 0; i < 20; i++)
            await hub.publishLines('logs/app', numbered(1000, 'hay ', i * 1000 + 1));
        await hub.publish('logs/app', 'the needle, \u001b[31msecond\u001b[0m');
        const page = await browser.open(hub.to('/t/logs/app'));
        await waitRow(page, 'the needle, second');
        assert.ok(!(await lines(page)).includes('the NEEDLE, first'), 'not loaded');
        await page.keyboard.press('/');
        await page.keyboard.type('needle');
        await page.keyboard.press('Control+Enter');
        await searched(page);
        assertSequence(await hits(page), ['the needle, second', 'the NEEDLE, first']);
        assert.match(await page.textContent('.search-state'), /^2 hits in all 20,402 lines/);
        await page.waitForFunction(() => document.querySelectorAll('.hit mark').length === 2);
        await page.locator('.hit').nth(1).click();
        await waitRow(page, 'the NEEDLE, first');
        const around = await rows(page);
        assert.ok(around.includes('old 200') && around.includes('after it 1'), 'its context');
        assert.equal(new URL(page.url()).searchParams.get('line')?.split('-')[1], '201');
        await page.keyboard.press('ArrowUp');
        await page.keyboard.press('Enter');
        await waitRow(page, 'the needle, second');
        await page.keyboard.press('Escape');
        await page.waitForSelector('#search', { state: 'hidden' });
        await assertClean(page);
        await page.close();
    },
);

check(
    'capitals, regular expressions, signs that mean something elsewhere, and mistakes',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publishLines('logs/app', [
            'GET /a/b?x=1 (slow) [50%]',
            'get /A/B',
            'GET /api/orders/1042 500',
            'ünïcode Straße',
            'a\\b $^.*+',
        ]);
        const page = await browser.open(hub.to('/t/logs/app'));
        await waitLines(page, 5);
        for (const text of [
            '/a/b?x=1 (slow) [50%]',
            'a\\b $^.*+',
            'STRASSE'.replace('SS', 'ß'),
            '/A/B',
        ]) {
            await searchFor(page, text);
            assert.ok((await hits(page)).length >= 1, text);
        }
        assert.equal((await hits(page)).length, 2);
        await page.click('#find-case');
        await searchFor(page, '/A/B');
        assertSequence(await hits(page), ['get /A/B']);
        await page.click('#find-case');
        await page.click('#find-regex');
        await searchFor(page, 'orders/\\d+ 5\\d\\d$');
        assertSequence(await hits(page), ['GET /api/orders/1042 500']);
        await page.fill('#find-text', 'open(');
        await page.click('#search-all');
        await searched(page, 'failed');
        assert.match(await page.textContent('.search-state'), /cannot search for this/);
        await page.click('#find-regex');
        await searchFor(page, 'nowhere at all');
        assert.match(await page.textContent('.search-state'), /^0 hits in all 5 lines/);
        await page.fill('#find-text', 'x'.repeat(1100));
        await page.click('#search-all');
        await searched(page, 'failed');
        await page.close();
    },
);

check(
    'find, filter and the search of the hub give one answer for the lines of an event',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publish('logs/app', 'the first\nsecond of it');
        await hub.publishLines('logs/app', ['fetch 50%\rfetch 100%', 'no second']);
        const page = await browser.open(hub.to('/t/logs/app?find-regex=1&find=x'));
        await waitLines(page, 3);
        for (const [text, count] of [
            ['^second', 1],
            ['first$', 1],
            ['^fetch 50%$', 1],
            ['^fetch', 1],
            ['first.second', 0],
        ]) {
            await searchFor(page, text);
            assert.equal((await hits(page)).length, count, text);
            const found = await page.evaluate(async (wanted) => {
                const log = document.querySelector('live-log');
                log.filter = { text: wanted, regex: true };
                log.query = { text: wanted, regex: true };
                while (log.matches.busy || log.shownCount === 3)
                    await new Promise((resolve) => {
                        setTimeout(resolve, 10);
                    });
                return [log.shownCount, log.matches.count];
            }, text);
            assert.deepEqual(found, [count, count], text);
        }
        await page.close();
    },
);

check('many hits come in pages; a filter does not hide the context of a hit', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', numbered(1200, 'hit '));
    const page = await browser.open(hub.to('/t/logs/app?q=nothing-has-this'));
    await page.waitForSelector('.blank');
    await searchFor(page, 'hit');
    assert.equal((await hits(page)).length, 500);
    assert.match(await page.textContent('.search-state'), /^the newest 500 hits/);
    await page.click('#search-more');
    await page.waitForFunction(() => document.querySelectorAll('.hit').length === 1000);
    await searched(page);
    await page.click('#search-more');
    await page.waitForFunction(() => document.querySelectorAll('.hit').length === 1200);
    await page.waitForSelector('#search-more', { state: 'hidden' });
    assertSequence(await hits(page), numbered(1200, 'hit ').reverse());
    await page.locator('.hit').last().click();
    await waitRow(page, 'hit 1');
    assert.ok((await rows(page)).includes('hit 2'));
    assert.equal(await page.inputValue('#filter-text'), '');
    await page.close();
});

// A hub whose answers to searches are held back piece by piece.
async function slowSearches(s, hub) {
    const gate = { cut: 0, open: null };
    const proxy = http.createServer((incoming, outgoing) => {
        const onward = http.request(
            {
                host: hub.host,
                port: hub.port,
                method: incoming.method,
                headers: incoming.headers,
                path: incoming.url,
            },
            (answer) => {
                outgoing.writeHead(answer.statusCode, answer.headers);
                if (!incoming.url.includes('order=newest')) {
                    answer.pipe(outgoing);
                    return;
                }
                const got = [];
                answer.on('data', (bytes) => got.push(bytes));
                answer.on('end', () => {
                    const all = Buffer.concat(got)
                        .toString()
                        .split(/(?<=\n)/);
                    outgoing.write(
                        all
                            .slice(0, 3)
                            .join('')
                            .replace(/.*"tailrace.done".*\n/, ''),
                    );
                    outgoing.write(
                        '{"id":"x-1","topic":"","type":"tailrace.progress","time":"2026-01-01T12:00:00Z","data":"{\\"scanned\\":4711}"}\n',
                    );
                    gate.open = () => outgoing.end(all.slice(3).join(''));
                });
            },
        );
        onward.on('error', () => outgoing.destroy());
        outgoing.on('close', () => {
            if (incoming.url.includes('order=newest') && !outgoing.writableFinished) gate.cut++;
            onward.destroy();
        });
        incoming.pipe(onward);
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    s.defer(() => {
        proxy.close();
        proxy.closeAllConnections();
    });
    return { gate, to: (path) => `http://127.0.0.1:${proxy.address().port}${path}` };
}

check(
    'hits are shown as they are found, with how far it has come; it can be stopped',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publishLines('logs/app', numbered(20, 'hit '));
        const { gate, to } = await slowSearches(s, hub);
        const page = await browser.open(to('/t/logs/app'));
        await waitLines(page, 20);
        await page.fill('#find-text', 'hit');
        await page.click('#search-all');
        await page.waitForFunction(() => document.querySelectorAll('.hit').length === 3);
        await searched(page, 'running');
        await page.waitForSelector('.search-state:has-text("3 hits in 4,711 lines, back to")');
        gate.open();
        await searched(page);
        assert.equal((await hits(page)).length, 20);
        await page.click('#search-all');
        await page.waitForSelector('.search-state:has-text("4,711")');
        await page.click('#search-stop');
        await searched(page, 'stopped');
        assert.equal((await hits(page)).length, 3);
        await until(() => gate.cut === 1, 'the request to be taken back');
        await page.close();
    },
);

check(
    'a search goes over all topics that are shown, and names the topic of each hit',
    async (s) => {
        const hub = await Hub.start(s);
        for (const topic of ['a', 'b', 'c'])
            await hub.publish(`logs/${topic}`, `needle in ${topic}`);
        const page = await browser.open(hub.to('/?view=logs&log=logs/a&log=logs/b&split=1'));
        await waitLines(page, 1, { pane: 1 });
        await searchFor(page, 'needle');
        assertSequence(await hits(page), ['needle in b', 'needle in a']);
        assertSequence(
            await page.$$eval('.hit-topic', (nodes) => nodes.map((node) => node.textContent)),
            ['logs/b', 'logs/a'],
        );
        await page.locator('.hit').nth(1).click();
        await page.waitForFunction(
            () => document.querySelector('live-log').selectedLine?.data === 'needle in a',
        );
        await page.close();
    },
);

// --- the connection ---

check('where a followed file was rotated there is a line of its own', async (s) => {
    const log = new LogFile(path.join(s.tempDir(), 'app.log'));
    const hub = await Hub.start(s, { config: { sources: [{ file: log.path, backfill: 'all' }] } });
    const page = await browser.open(hub.to('/t/logs/app.log'));
    log.lines(numbered(5, 'old '));
    await waitLines(page, 5);
    log.rotate();
    log.lines(numbered(5, 'new '));
    await waitRow(page, 'new 5'); // all of them are drawn together
    const order = () => page.locator('.log-line .log-text, .log-note').allTextContents();
    const at = (await order()).findIndex((text) => /rotated/.test(text));
    assert.deepEqual(
        (await order()).slice(at - 1, at + 2).map((text) => (/rotated/.test(text) ? '' : text)),
        ['old 5', '', 'new 1'],
    );
    await page.reload();
    await waitRow(page, 'new 5');
    assert.equal(
        (await order()).filter((text) => /rotated/.test(text)).length,
        1,
        'and in what is stored',
    );
    await assertClean(page);
    await page.close();
});

check('what retention took while nobody was connected is told as a line of its own', async (s) => {
    const hub = await Hub.start(s, {
        config: { topics: [{ match: '**', retention: { count: 100 } }] },
    });
    await hub.publishLines('logs/app', numbered(50));
    const proxy = await CuttingProxy.start(s, hub.port);
    const page = await browser.open(`${proxy.origin}/t/logs/app`);
    await waitLines(page, 50);
    proxy.refusing = true;
    proxy.cut();
    await state(page, 'reconnecting');
    await hub.publishLines('logs/app', numbered(1000, '', 51));
    await until(
        async () => (await hub.get('/topics?topic=logs/app')).json()[0].events <= 100,
        'retention',
    );
    proxy.refusing = false;
    await waitRow(page, '1050');
    const got = (await lines(page)).map(Number);
    assertSequence(got, [...numbered(50), ...numbered(100, '', 951)].map(Number));
    await page.hover('live-log');
    await until(async () => {
        await page.mouse.wheel(0, -300);
        return (await rows(page)).includes('50');
    }, 'the last line before the gap');
    assert.match(
        (await page.locator('.log-note').allTextContents()).join(),
        /missing|not kept|gone/i,
    );
    await assertClean(page, [HUB_GONE]);
    await page.close();
});

check('a proxy that holds streams back is noticed, said, and got around', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'before');
    const proxy = http.createServer((incoming, outgoing) => {
        const onward = http.request(
            {
                host: hub.host,
                port: hub.port,
                method: incoming.method,
                headers: incoming.headers,
                path: incoming.url,
            },
            (answer) => {
                const parts = [];
                answer.on('data', (bytes) => parts.push(bytes));
                answer.on('end', () =>
                    outgoing.writeHead(answer.statusCode, answer.headers).end(Buffer.concat(parts)),
                );
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
    const page = await browser.open(`http://127.0.0.1:${proxy.address().port}/t/logs/app`);
    await waitRow(page, 'before');
    await page.waitForSelector('#connection[data-state="live"][data-transport="poll"]', {
        timeout: scaled(60_000),
    });
    await hub.publish('logs/app', 'after');
    await waitRow(page, 'after');
    await page.click('#connection');
    assert.match(await page.textContent('.connection-more'), /holds streams back/);
    await page.close();
});

check('the connection says why: refused, and shared between tabs', async (s) => {
    const hub = await Hub.start(s, {
        config: {
            keys: [
                { name: 'some', secret: 'sees-only-some-0001', subscribe: ['logs/mine'] },
                { name: 'all', secret: 'sees-everything-001', publish: ['**'], subscribe: ['**'] },
            ],
        },
    });
    const all = { 'x-api-key': 'sees-everything-001' };
    await hub.publish('logs/mine', 'mine', '', all);
    await hub.publish('logs/theirs', 'theirs', '', all);
    const page = await browser.open(hub.to('/t/logs/theirs?key=sees-only-some-0001'));
    await state(page, 'refused');
    await page.click('#connection');
    assert.match(await page.textContent('.connection-more'), /does not let/);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator(topicRow('logs/mine')).count(), 1);
    await pick(page, 'logs/mine');
    await waitRow(page, 'mine');
    await state(page, 'live');
    await page.click('#connection');
    assert.match(await page.textContent('.connection-more'), /share one connection/);
    assert.equal(await page.isVisible('#publish'), false);
    await page.close();
});

check('thousands of topics are listed without holding up the page', async (s) => {
    const hub = await Hub.start(s);
    for (let i = 0; i < 50; i++) {
        await Promise.all(numbered(40, `many/topic-${i}-`).map((topic) => hub.publish(topic, 'x')));
    }
    const page = await browser.open(hub.to('/t/many/topic-49-40'));
    await waitRow(page, 'x');
    await page.waitForSelector('.topics-hint:has-text("1,500 more")');
    assert.ok((await page.locator('#picker .topic').count()) <= 510);
    await page.fill('#topic-search', 'topic-7 -40');
    await page.waitForSelector(topicRow('many/topic-7-40'));
    assert.equal(await page.locator('#picker .topic:not(.group)').count(), 1);
    await page.close();
});
