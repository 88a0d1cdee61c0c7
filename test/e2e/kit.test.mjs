// SPDX-License-Identifier: MIT
// connect() in Chromium, each subscription with a connection of its own, against the real hub and
// proxies in front of it.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { startBrowser } from './support/browser.mjs';
import { Hub, assertRising, assertSequence, numbered } from './support/hub.mjs';
import { blank, subscribe, subscribeHere } from './support/kit.mjs';
import { HttpProxy } from './support/proxy.mjs';
import { scaled, scenario, shared } from './support/scope.mjs';
import { serveStatic } from './support/static.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const browser = await startBrowser(file);
const check = (name, body) => scenario(name, { shared: file }, body);
const pages = { '/': '<!doctype html><title>elsewhere</title><link rel="icon" href="data:,">' };
const elsewhere = await serveStatic(file, { pages, host: '127.0.0.2' });

const KEY = 'reads-only-this-01';
const ADMIN = { 'x-api-key': 'may-do-everything-1' };
const keys = [
    { name: 'page', secret: KEY, subscribe: ['logs/**'] },
    { name: 'admin', secret: ADMIN['x-api-key'], publish: ['**'], subscribe: ['**'] },
];

// A page on the hub, or on a proxy in front of it, with one subscription: {hub, proxy, page, sub}
async function begin(
    s,
    { config = {}, options = {}, times, single, proxied = false, before = async () => {} },
) {
    const hub = await Hub.start(s, { config });
    const proxy = proxied ? await HttpProxy.start(s, hub.port) : null;
    await before({ hub, proxy });
    const page = await blank(browser, proxy ?? hub);
    s.defer(() => page.close());
    const sub = await subscribe(
        page,
        { topics: 'a', last: 'all', shared: false, ...options },
        { times, single },
    );
    return { hub, proxy, page, sub };
}

check('what is stored comes first, then what is new, in order and whole', async (s) => {
    const texts = ['first', 'a\nb\r\nc\rd', '', ' 💧 ', '\u2028', '{"json":true}', '<b>'];
    const { hub, sub, page } = await begin(s, {
        options: { topics: ['a', 'b/**'] },
        before: async ({ hub }) => {
            for (const text of texts) await hub.publish('a', text, '?type=note');
        },
    });
    await sub.is('live');
    for (const text of texts) await hub.publish('b/c', text);
    await sub.count(texts.length * 2);
    assertSequence(await sub.data(), [...texts, ...texts]);
    const events = await sub.events();
    assertRising(events.map((event) => event.id));
    assert.deepEqual(Object.keys(events[0]).sort(), ['data', 'id', 'time', 'topic', 'type']);
    assert.deepEqual(Object.keys(events.at(-1)).sort(), ['data', 'id', 'time', 'topic', 'type']);
    assert.deepEqual([events[0].type, events[0].topic], ['note', 'a']);
    assert.deepEqual([events.at(-1).type, events.at(-1).topic], ['message', 'b/c']);
    assert.equal(await sub.id(), events.at(-1).id);
    const states = await sub.states();
    assert.deepEqual(
        states.map(({ state }) => state),
        ['connecting', 'live'],
    );
    assert.deepEqual(
        [states[1].transport, states[1].shared, states[1].reason],
        ['stream', false, undefined],
    );
    await sub.close();
    assert.equal(await sub.now(), 'closed');
    await until(
        async () => (await hub.get('/topics')).json().every((topic) => topic.subscribers === 0),
        'the connection to end',
    );
    assert.deepEqual(
        page.problems.filter((text) => !/404/.test(text)),
        [],
        'no icon is all that is missing',
    );
});

check(
    'last, since, filter and nothing at all begin where they say; onEvent gets them one by one',
    async (s) => {
        const { hub, sub, page } = await begin(s, {
            options: { last: 2 },
            single: true,
            before: ({ hub }) => hub.publishLines('a', numbered(12)),
        });
        await sub.count(2);
        const [{ id }] = (await hub.get('/t/a?last=3', { accept: 'application/json' })).json()
            .events;
        const since = await subscribe(page, { topics: 'a', since: id, shared: false });
        const filter = await subscribe(page, {
            topics: 'a',
            last: 'all',
            filter: '/^1/',
            shared: false,
        });
        const none = await subscribe(page, { topics: 'a', shared: false });
        for (const one of [sub, since, filter, none]) await one.is('live');
        await hub.publishLines('a', ['13', '24', '15']);
        await sub.count(5);
        await since.count(5);
        await filter.count(6);
        await none.count(3);
        assert.deepEqual(await sub.data(), ['11', '12', '13', '24', '15']);
        assert.deepEqual(await since.data(), ['11', '12', '13', '24', '15']);
        assert.deepEqual(await filter.data(), ['1', '10', '11', '12', '13', '15']);
        assert.deepEqual(await none.data(), ['13', '24', '15']);
        assert.equal(await sub.batches(), 0);
    },
);

check('a long history comes in pages, and a burst in batches', async (s) => {
    const { hub, sub } = await begin(s, {
        before: async ({ hub }) => {
            for (let i = 0; i < 12; i++)
                await hub.publishLines('a', numbered(1000, '', i * 1000 + 1));
        },
    });
    await sub.count(12_000);
    await sub.is('live');
    for (let i = 12; i < 16; i++) await hub.publishLines('a', numbered(1000, '', i * 1000 + 1));
    await sub.count(16_000);
    assertSequence(await sub.data(), numbered(16_000));
    assert.ok((await sub.batches()) < 1000, `${await sub.batches()} batches`);
});

check('kill -9 of the hub, three times: exactly once and in order', async (s) => {
    const { hub, sub } = await begin(s, {
        before: ({ hub }) => hub.publishLines('a', numbered(100)),
    });
    await sub.is('live');
    for (let round = 1; round <= 3; round++) {
        const told = (await sub.states()).length;
        await hub.publishLines('a', numbered(50, '', round * 100 + 1));
        await hub.kill9();
        const { reason, retryAt } = await sub.told('reconnecting', told);
        assert.ok(reason && retryAt);
        await hub.launch();
        await hub.publishLines('a', numbered(50, '', round * 100 + 51));
        await sub.told('live', told);
        await sub.count((round + 1) * 100);
    }
    assertSequence(await sub.data(), numbered(400));
    assert.deepEqual(await sub.gaps(), []);
});

check('cut again and again, it gets everything once', async (s) => {
    const { hub, proxy, sub } = await begin(s, { proxied: true });
    await sub.is('live');
    let sent = 0;
    for (let i = 0; i < 40; i++) {
        await hub.publishLines('a', numbered(50, 'zwölf ', sent + 1));
        sent += 50;
        proxy.cut();
    }
    await sub.count(sent);
    assertSequence(await sub.data(), numbered(sent, 'zwölf '));
});

check(
    '5xx, 425 and 429 are tried again, no sooner than the answer asks; other refusals are final',
    async (s) => {
        const statuses = [503, 429, 500, 425, 502];
        const { hub, proxy, sub } = await begin(s, {
            proxied: true,
            times: { retry: 50 },
            before: ({ proxy }) => {
                proxy.intercept = ({ url }) => {
                    const status = url.startsWith('/events') && statuses.shift();
                    return (
                        status && {
                            status,
                            headers: {
                                'content-type': 'application/problem+json',
                                ...(status === 429 && { 'retry-after': '1' }),
                            },
                            body: JSON.stringify({ title: 'No', detail: 'not now' }),
                        }
                    );
                };
            },
        });
        await sub.is('live');
        const states = (await sub.states()).filter(({ state }) => state === 'reconnecting');
        assert.deepEqual(
            states.map(({ status }) => status),
            [503, 429, 500, 425, 502],
        );
        assert.equal(states[0].reason, 'Not now.');
        const asked = states[1];
        assert.ok(
            asked.retryAt - asked.at >= 1000 && asked.retryAt - asked.at <= 1300,
            `${asked.retryAt - asked.at} ms`,
        );
        assert.ok(states[2].at >= asked.retryAt - 5, 'it waited');
        // The stream as well.
        statuses.push(503, 429);
        proxy.cut();
        await hub.publish('a', 'x');
        await sub.count(1);
        const told = (await sub.states()).length;
        statuses.push(400);
        proxy.cut();
        await sub.told('reconnecting', told);
        await sub.is('live');
        proxy.intercept = () => ({
            status: 404,
            headers: { 'content-type': 'text/plain' },
            body: 'nothing here',
        });
        proxy.cut();
        const { status, reason } = await sub.told('refused');
        assert.deepEqual([status, reason], [404, 'The answer was 404 Not Found.']);
    },
);

check('a hub without room says so and is asked again when it wishes', async (s) => {
    let full = 2;
    const { proxy, sub } = await begin(s, {
        proxied: true,
        before: ({ proxy }) => {
            proxy.intercept = ({ headers }) =>
                headers.accept === 'text/event-stream' &&
                full-- > 0 && {
                    status: 200,
                    headers: { 'content-type': 'text/event-stream' },
                    body: ': too many connections from your address\nretry: 300\n\n',
                };
        },
    });
    await sub.is('live');
    const [first] = (await sub.states()).filter(({ state }) => state === 'reconnecting');
    assert.equal(first.reason, 'The hub has no room now: too many connections from your address.');
    assert.ok(first.retryAt - first.at >= 290, `${first.retryAt - first.at} ms`);
    assert.equal(proxy.streams(), 3);
});

check(
    'a key is sent as a header; without it, with a wrong one, or with too little of one it is refused',
    async (s) => {
        const hub = await Hub.start(s, { config: { keys, origins: [elsewhere.origin] } });
        await hub.publish('logs/a', 'hidden', '', ADMIN);
        for (const [site, url] of [
            [await blank(browser, hub), hub.url],
            [await browser.open(elsewhere.to('/')), hub.url],
        ]) {
            s.defer(() => site.close());
            const start = (options) =>
                subscribe(
                    site,
                    { url, topics: 'logs/a', last: 1, shared: false, ...options },
                    { script: hub.to('/tailrace.js') },
                );
            const good = await start({ key: KEY });
            await good.is('live');
            await good.count(1);
            const alias = await start({ token: KEY });
            await alias.count(1);
            const rows = [
                [{}, 401, /key is needed/],
                [{ key: 'wrong-secret-9999' }, 401, /not the right one/],
                [{ key: 'schlüssel-☃' }, 401, /not the right one/],
                [{ key: KEY, topics: 'secret/a' }, 403, /may not subscribe/],
                [{ key: KEY, topics: '**/**/a\u0001' }, 400, /control character/],
                [{ key: KEY, topics: [] }, 400, /name at least one topic/i],
            ];
            for (const [options, status, reason] of rows) {
                const sub = await start(options);
                const said = await sub.told('refused');
                assert.equal(said.status, status);
                assert.match(said.reason, reason);
                assert.equal(said.retryAt, undefined);
            }
            assert.ok(site.requests.length > 5);
            assert.ok(
                !site.requests.some((address) => address.includes(KEY)),
                'the key is in no address',
            );
            await good.close();
            await alias.close();
        }
        assert.ok(!hub.stderr.includes(KEY));
    },
);

check('a key that loses its rights is refused, one that keeps some goes on', async (s) => {
    const hub = await Hub.start(s, { config: { keys } });
    const page = await blank(browser, hub);
    s.defer(() => page.close());
    const sub = await subscribe(page, { topics: 'logs/a', key: KEY });
    const wide = await subscribe(page, { topics: 'logs/b', key: KEY });
    await sub.is('live');
    await wide.is('live');
    await hub.reload({ keys: [{ ...keys[0], subscribe: ['logs/b'] }, keys[1]] });
    await hub.restart();
    assert.equal((await sub.told('refused')).status, 403);
    const told = (await wide.states()).length;
    await wide.is('live');
    await hub.publish('logs/b', 'x', '', ADMIN);
    await wide.count(1);
    assert.ok(told);
});

check('an end is an end: nothing is asked any more', async (s) => {
    const { hub, proxy, sub, page } = await begin(s, { proxied: true });
    await sub.is('live');
    await hub.publish('a', 'last words', '?close=1');
    await sub.is('ended');
    assert.deepEqual(await sub.data(), ['last words']);
    const late = await subscribe(page, { topics: 'a', last: 'all', shared: false });
    await late.is('ended');
    assert.deepEqual(await late.data(), ['last words']);
    const asked = proxy.requests.length;
    const other = await subscribe(page, { topics: 'b', shared: false });
    await other.is('live');
    assert.equal(proxy.requests.slice(asked).filter(({ url }) => /topic=a/.test(url)).length, 0);
    // 204 instead of a stream.
    proxy.intercept = ({ headers }) => headers.accept === 'text/event-stream' && { status: 204 };
    proxy.cut();
    await other.is('ended');
});

check('one of several topics that is finished ends those who wait for it alone', async (s) => {
    const hub = await Hub.start(s);
    const page = await blank(browser, hub);
    s.defer(() => page.close());
    const times = { closed: 200 };
    const all = await subscribe(page, { topics: ['a', 'b'] }, { times });
    await all.is('live');
    const one = await subscribe(page, { topics: 'a' }, { times });
    await one.is('live');
    await hub.publish('a', 'over', '?close=1');
    await one.is('ended');
    assert.deepEqual(await one.data(), ['over']);
    await hub.publish('b', 'goes on');
    await all.count(2);
    assert.equal(await all.now(), 'live');
});

check('a stream that has died silently is noticed within two heartbeats', async (s) => {
    const heartbeat = 1000;
    const { hub, proxy, sub } = await begin(s, {
        proxied: true,
        config: { stream: { heartbeat: '1s' } },
    });
    await sub.is('live');
    await hub.publish('a', 'one');
    await sub.count(1);
    const began = Date.now();
    proxy.silence();
    const { at, reason } = await sub.told('reconnecting');
    assert.match(reason, /nothing has been heard/i);
    process.stderr.write(`noticed after ${at - began} ms, heartbeat ${heartbeat} ms\n`);
    // And a second for a busy machine: timers of pages are late there.
    assert.ok(at - began <= scaled(2 * heartbeat + 1000), `${at - began} ms`);
    await hub.publish('a', 'two');
    proxy.silence(false);
    proxy.cut();
    await sub.count(2);
    assert.deepEqual(await sub.data(), ['one', 'two']);
});

check(
    'a page that is seen again, or a network that is back, does not sit out the wait',
    async (s) => {
        const { hub, proxy, page, sub } = await begin(s, {
            proxied: true,
            times: { retry: 600_000, most: 600_000 },
        });
        await sub.is('live');
        proxy.intercept = () => ({ status: 503, headers: {}, body: '' });
        proxy.cut();
        // The second wait is a long one: by chance it may be short, then there is a third.
        const long = async () => {
            for (let seen = 0; ;) {
                const states = await sub.states();
                const last = states.at(-1);
                if (last.state === 'reconnecting' && last.retryAt - last.at > 5000)
                    return states.length;
                await until(
                    async () => (await sub.states()).length > (seen = states.length),
                    'the next attempt',
                    60_000,
                );
                assert.ok(seen);
            }
        };
        for (const type of ['visibilitychange', 'online']) {
            const told = await long();
            proxy.intercept = () => null;
            await page.evaluate((name) => {
                (name === 'online' ? window : document).dispatchEvent(new Event(name));
            }, type);
            await sub.told('live', told);
            proxy.intercept = () => ({ status: 503, headers: {}, body: '' });
            proxy.cut();
        }
        proxy.intercept = () => null;
        await page.evaluate(() => {
            window.dispatchEvent(new Event('online'));
        });
        await hub.publish('a', 'x');
        await sub.count(1);
    },
);

check('without a network it is offline, and goes on when that is back', async (s) => {
    const { hub, page, sub } = await begin(s, { times: { retry: 50 } });
    await sub.is('live');
    await page.context().setOffline(true);
    s.defer(() => page.context().setOffline(false));
    const { reason, at } = await sub.told('offline');
    assert.match(reason, /offline/);
    assert.ok(at);
    await hub.publish('a', 'meanwhile');
    await page.context().setOffline(false);
    await sub.is('live');
    await sub.count(1);
});

for (const [mode, what] of [
    ['hold', 'holds whole answers back'],
    ['body', 'holds back what follows the head'],
]) {
    check(
        `a proxy that ${what}: long polling, and it says so; the stream is tried again`,
        async (s) => {
            const { hub, proxy, sub } = await begin(s, {
                proxied: true,
                times: { first: 400, again: 1500 },
                before: async ({ hub, proxy }) => {
                    await hub.publishLines('a', numbered(10));
                    proxy.mode = mode;
                },
            });
            await sub.is('live');
            const { transport, reason } = await sub.told('live');
            assert.equal(transport, 'poll');
            assert.match(reason, /holds live streams back/);
            for (let i = 11; i <= 30; i++) await hub.publish('a', `${i}`);
            await sub.count(30);
            // It finds out that nothing has changed without a word of complaint.
            const streams = proxy.streams();
            await until(() => proxy.streams() > streams, 'a stream to be tried');
            await hub.publish('a', '31');
            await sub.count(31);
            proxy.mode = 'pass';
            await until(
                async () => (await sub.states()).at(-1).transport === 'stream',
                'the stream to be used',
            );
            await hub.publish('a', '32');
            await sub.count(32);
            assertSequence(await sub.data(), numbered(32));
            assert.deepEqual(
                (await sub.states()).map(({ state }) => state),
                ['connecting', 'live', 'live'],
            );
        },
    );
}

check('polling survives a restart of the hub, and tells an end', async (s) => {
    const { hub, sub } = await begin(s, {
        proxied: true,
        times: { first: 300, retry: 50 },
        before: ({ proxy }) => {
            proxy.mode = 'hold';
        },
    });
    await sub.is('live');
    await hub.publish('a', '1');
    await sub.count(1);
    await hub.kill9();
    await sub.told('reconnecting');
    await hub.launch();
    await hub.publish('a', '2');
    await sub.count(2);
    await hub.publish('a', '3', '?close=1');
    await sub.is('ended');
    assertSequence(await sub.data(), numbered(3));
});

check('more than a hundred topics', async (s) => {
    const names = [...numbered(150, 'builds/').map((name) => `${name}/log`), 'other', 'status/**'];
    const { hub, sub } = await begin(s, {
        options: { topics: names, last: 1 },
        before: async ({ hub }) => {
            for (const name of names.slice(0, 151)) await hub.publish(name, `old ${name}`);
            await hub.publish('builds/7/else', 'not asked for');
        },
    });
    await sub.is('live');
    await hub.publish('builds/8/else', 'not asked for');
    for (const name of ['builds/150/log', 'other', 'status/x', 'builds/1/log'])
        await hub.publish(name, `new ${name}`);
    await sub.count(155);
    assertSequence(await sub.data(), [
        ...names.slice(0, 151).map((name) => `old ${name}`),
        'new builds/150/log',
        'new other',
        'new status/x',
        'new builds/1/log',
    ]);
});

check('another journal: a gap is told, and it begins there as it was asked to', async (s) => {
    const { hub, sub, page } = await begin(s, {
        options: { last: 2 },
        before: ({ hub }) => hub.publishLines('a', numbered(5, 'old ')),
    });
    const live = await subscribe(page, { topics: 'a', shared: false });
    await sub.is('live');
    await live.is('live');
    await hub.kill9();
    rmSync(hub.data, { recursive: true });
    await hub.launch();
    await hub.publishLines('a', numbered(4, 'new '));
    await sub.gap();
    await sub.count(4);
    await live.gap();
    await hub.publish('a', 'new 5');
    for (const one of [sub, live]) {
        await until(async () => (await one.data()).at(-1) === 'new 5', 'what comes now');
        assert.equal((await one.gaps()).length, 1);
        assert.match((await one.gaps())[0].reason, /unknown/);
    }
    const data = await sub.data();
    assert.deepEqual(data.slice(0, 2), ['old 4', 'old 5']);
    assertSequence(data.slice(2), numbered(5, 'new ').slice(5 - (data.length - 2)));
});

check('what retention has taken while it was away is told as a gap', async (s) => {
    const { hub, proxy, sub } = await begin(s, {
        proxied: true,
        config: { topics: [{ match: 'a', retention: { count: 10 } }] },
        before: ({ hub }) => hub.publishLines('a', numbered(5)),
    });
    await sub.is('live');
    proxy.intercept = () => ({ status: 503, headers: {}, body: '' });
    proxy.cut();
    await sub.told('reconnecting');
    await hub.publishLines('a', numbered(3000, '', 6));
    await until(
        async () => (await hub.get('/topics?topic=a')).json()[0].events <= 1000,
        'retention',
    );
    proxy.intercept = () => null;
    await sub.gap();
    await until(async () => (await sub.data()).at(-1) === '3005', 'the newest');
    const data = await sub.data();
    assertSequence(data.slice(5), numbered(data.length - 5, '', 3005 - (data.length - 5) + 1));
    assert.equal((await sub.gaps()).length, 1);
});

check('a page of another origin: let in, or told that it is not', async (s) => {
    const hub = await Hub.start(s, { config: { origins: [elsewhere.origin] } });
    const page = await browser.open(elsewhere.to('/'));
    s.defer(() => page.close());
    const sub = await subscribe(
        page,
        { topics: 'a', last: 'all' },
        { script: hub.to('/tailrace.js') },
    );
    await sub.is('live');
    assert.equal(
        (await sub.states()).at(-1).shared,
        true,
        'a secure context: one of the tabs has the connection',
    );
    await hub.publish('a', 'x');
    await sub.count(1);
    const closed = await Hub.start(s);
    const other = await subscribe(
        page,
        { url: closed.url, topics: 'a' },
        { script: hub.to('/tailrace.js') },
    );
    const { reason, retryAt } = await other.told('refused');
    assert.match(reason, /does not let in pages of http:\/\/127\.0\.0\.2.*origins/);
    assert.ok(retryAt > Date.now(), 'it is tried again');
    const nowhere = await subscribe(
        page,
        { url: 'http://127.0.0.1:9/', topics: 'a' },
        { script: hub.to('/tailrace.js') },
    );
    assert.match((await nowhere.told('reconnecting')).reason, /cannot be reached/);
    const none = await subscribe(
        page,
        { url: elsewhere.origin, topics: 'a' },
        { script: hub.to('/tailrace.js') },
    );
    assert.equal((await none.told('refused')).status, 404);
});

check(
    'one failed request of a page of another origin is an ordinary loss, before and after it was let in',
    async (s) => {
        const hub = await Hub.start(s, { config: { origins: [elsewhere.origin] } });
        const proxy = await HttpProxy.start(s, hub.port);
        const page = await browser.open(elsewhere.to('/'));
        s.defer(() => page.close());
        const failOnce = (address) =>
            page.route(address, (route) => route.abort('connectionreset'), { times: 1 });
        const ordinary = (told) => {
            for (const { state, reason, retryAt, at } of told) {
                assert.doesNotMatch(reason ?? '', /origins/);
                assert.notEqual(state, 'refused');
                if (retryAt) assert.ok(retryAt - at <= 5000, `${retryAt - at} ms`);
            }
            assert.ok(told.some(({ state }) => state === 'reconnecting'));
        };
        const script = hub.to('/tailrace.js');
        // The first request of all.
        await failOnce(/\/events\?/);
        const sub = await subscribe(page, { url: proxy.url, topics: 'a', last: 'all' }, { script });
        await sub.is('live');
        await hub.publish('a', '1');
        await sub.count(1);
        ordinary(await sub.states());
        // A stream, when lines have been shown.
        const told = (await sub.states()).length;
        await failOnce(/\/events\?.*format=envelope/);
        proxy.cut();
        await sub.told('reconnecting', told);
        await hub.publish('a', '2');
        await sub.count(2);
        assertSequence(await sub.data(), numbered(2));
        await until(async () => (await sub.now()) === 'live', 'it to be live again');
        ordinary((await sub.states()).slice(told));
    },
);

check('under a strict content security policy, and when that is in the way', async (s) => {
    const hub = await Hub.start(s, { config: { origins: ['*'] } });
    const policy = `default-src 'none'; script-src ${hub.origin}; connect-src ${hub.origin}; img-src data:`;
    const site = await serveStatic(s, {
        pages,
        host: '127.0.0.4',
        headers: { 'content-security-policy': policy },
    });
    const page = await browser.open(site.to('/'));
    s.defer(() => page.close());
    const sub = await subscribe(page, { topics: 'a' }, { script: hub.to('/tailrace.js') });
    await sub.is('live');
    await hub.publish('a', 'x');
    await sub.count(1);
    const blocked = await subscribe(
        page,
        { url: elsewhere.origin, topics: 'a' },
        { script: hub.to('/tailrace.js') },
    );
    assert.match((await blocked.told('refused')).reason, /security policy \(connect-src\)/);
    assert.deepEqual(
        page.problems.filter((text) => !/connect-src|127\.0\.0\.2/.test(text)),
        [],
    );
});

check('many different connections of one page leave room for requests', async (s) => {
    const hub = await Hub.start(s);
    const page = await blank(browser, hub);
    s.defer(() => page.close());
    const subs = [];
    for (let i = 0; i < 9; i++)
        subs.push(await subscribe(page, { topics: 'a', last: 'all', filter: `/^${i}/` }));
    for (const sub of subs) await sub.is('live');
    for (let i = 0; i < 9; i++) await hub.publish('a', `${i}`);
    for (const sub of subs) await sub.count(1);
    // Which of them have streams depends on which was answered first.
    const streams = async () => {
        const states = await Promise.all(subs.map(async (sub) => (await sub.states()).at(-1)));
        return subs.filter(
            (_, i) => states[i].state === 'live' && states[i].transport === 'stream',
        );
    };
    await until(async () => (await streams()).length === 4, 'four streams');
    for (const sub of await streams()) await sub.close();
    await until(async () => (await streams()).length === 4, 'room for streams');
});

check(
    'a page that goes into the back/forward cache leaves, and comes back where it was',
    async (s) => {
        const { hub, page, sub } = await begin(s, { options: { shared: true } });
        await sub.is('live');
        const go = (type) =>
            page.evaluate((name) => {
                window.dispatchEvent(new PageTransitionEvent(name, { persisted: true }));
            }, type);
        const subscribers = async () =>
            (await hub.get('/topics?topic=a')).json()[0]?.subscribers ?? 0;
        await hub.publish('a', '1');
        await sub.count(1);
        await until(async () => (await subscribers()) === 1, 'it to be counted');
        await go('pagehide');
        await until(async () => (await subscribers()) === 0, 'it to leave');
        await hub.publish('a', '2');
        await go('pageshow');
        await sub.count(2);
        assertSequence(await sub.data(), numbered(2));
    },
);

check('mistakes in the page stay its own; close() and a signal work from inside', async (s) => {
    const hub = await Hub.start(s);
    const page = await blank(browser, hub);
    s.defer(() => page.close());
    await page.evaluate(async () => {
        const { connect } = await import('/tailrace.js');
        const stop = new AbortController();
        window.got = { thrower: [], closer: [], aborted: [] };
        connect({
            topics: 'a',
            onEvent: ({ data }) => {
                window.got.thrower.push(data);
                throw new Error('a mistake');
            },
        });
        const closer = connect({
            topics: 'a',
            onEvent: ({ data }) => {
                window.got.closer.push(data);
                closer.close();
            },
        });
        window.aborted = connect({
            topics: 'a',
            signal: stop.signal,
            onEvent: ({ data }) => {
                window.got.aborted.push(data);
                stop.abort();
            },
        });
        window.never = connect({
            topics: 'a',
            signal: AbortSignal.abort(),
            onEvent: () => window.got.thrower.push('never'),
        });
        window.all = [closer, window.aborted];
    });
    await page.waitForFunction(() => window.all.every(({ state }) => state === 'live'));
    await hub.publishLines('a', numbered(3));
    await page.waitForFunction(() => window.got.thrower.length === 3);
    assert.deepEqual(await page.evaluate(() => window.got), {
        thrower: ['1', '2', '3'],
        closer: ['1'],
        aborted: ['1'],
    });
    assert.equal(await page.evaluate(() => window.aborted.state), 'closed');
    assert.equal(await page.evaluate(() => window.never.state), 'closed');
    await until(
        () => page.problems.filter((text) => /a mistake/.test(text)).length === 3,
        'the mistakes to be reported',
    );
});

check('it also works where there is no page', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('a', numbered(3));
    const sub = subscribeHere(s, { url: hub.url, topics: 'a', last: 2 });
    await sub.is('live');
    await hub.publish('a', '4');
    await sub.count(3);
    await hub.kill9();
    await sub.is('reconnecting');
    await hub.launch();
    await hub.publish('a', '5');
    await sub.count(4);
    assertSequence(sub.data, ['2', '3', '4', '5']);
});
