// SPDX-License-Identifier: MIT
// connect() in many tabs of one origin: one connection for all of them, whatever happens to the tab
// or the process that has it.
import assert from 'node:assert/strict';
import { startBrowser } from './support/browser.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { blank, subscribe } from './support/kit.mjs';
import { HttpProxy } from './support/proxy.mjs';
import { scaled, scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const TABS = 8;
const HANDOVER_MS = 10_000; // what is asserted; what is measured is printed

const file = shared();
const metric = async (hub) => {
    const { text } = await hub.get('/metrics');
    return Number(/^tailrace_subscribers(?:\{[^}]*\})? (\d+)$/m.exec(text)?.[1]);
};
const subscribers = async (hub, topic) =>
    (await hub.get(`/topics?topic=${topic}`)).json()[0]?.subscribers ?? 0;

// How the tabs of a browser come together: what is missing in it, whether that is one connection,
// whether the end of a tab that says nothing remains unseen.
const WAYS = {
    'a SharedWorker': { missing: '', one: true },
    'Web Locks and a BroadcastChannel': { missing: 'delete window.SharedWorker;', one: true },
    'a SharedWorker without Web Locks (plain http)': {
        missing: "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });",
        one: true,
        unseen: true,
    },
    nothing: {
        missing:
            "delete window.SharedWorker; Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });",
        one: false,
    },
};
for (const way of Object.values(WAYS)) {
    way.browser = await startBrowser(file);
    if (way.missing) await way.browser.context.addInitScript(way.missing);
}

async function openTabs(s, browser, hub, count, options = {}) {
    const tabs = [];
    for (let i = 0; i < count; i++) {
        const page = await blank(browser, hub);
        const tab = { page, sub: await subscribe(page, { topics: 'a', last: 'all', ...options }) };
        s.defer(() => page.close().catch(() => {}));
        tabs.push(tab);
    }
    for (const { sub } of tabs) await sub.is('live');
    return tabs;
}

// Its process ends on the spot.
async function crash({ page }) {
    const session = await page.context().newCDPSession(page);
    session.send('Page.crash').catch(() => {});
}

// Publishes numbered lines without a pause until it is told to stop: {sent()}, stop() → how many
// there are
function publisher(s, hub, topic = 'a') {
    let count = 0,
        over = false;
    const run = (async () => {
        while (!over) {
            await hub.publishLines(topic, numbered(20, '', count + 1));
            count += 20;
        }
    })();
    s.defer(() => {
        over = true;
        return run.catch(() => {});
    });
    return {
        sent: () => count,
        stop: async () => {
            over = true;
            await run;
            return count;
        },
    };
}

for (const [name, { browser, one, unseen }] of Object.entries(WAYS)) {
    const check = (what, body) => scenario(`${name}: ${what}`, { shared: file }, body);

    check(`eight tabs have ${one ? 'one connection' : 'one each, no more'}`, async (s) => {
        const hub = await Hub.start(s);
        await hub.publishLines('a', numbered(100));
        // A browser has six connections to a host: without sharing the seventh tab would wait for
        // ever.
        const tabs = await openTabs(s, browser, hub, one ? TABS : 4);
        const wanted = one ? 1 : 4;
        await until(
            async () => (await subscribers(hub, 'a')) === wanted,
            'the subscribers of the topic',
        );
        await until(async () => (await metric(hub)) === wanted, `/metrics to show ${wanted}`);
        for (const { sub } of tabs) assert.equal((await sub.states()).at(-1).shared, one);
        await hub.publishLines('a', numbered(100, '', 101));
        for (const { sub } of tabs) {
            await sub.count(200);
            assertSequence(await sub.data(), numbered(200));
        }
    });

    check('tabs of other topics come and go, and nobody notices', async (s) => {
        const hub = await Hub.start(s);
        const busy = publisher(s, hub);
        const [first, second] = await openTabs(s, browser, hub, 2);
        const told = [(await first.sub.states()).length, (await second.sub.states()).length];
        for (let round = 0; round < 3; round++) {
            const [other] = await openTabs(s, browser, hub, 1, { topics: [`b/${round}`, 'c/**'] });
            await hub.publish(`b/${round}`, 'for the third');
            await other.sub.count(1);
            await other.page.close();
        }
        await until(
            async () => (await subscribers(hub, 'b/0')) === 0,
            'what they had asked for to be left out',
        );
        const sent = await busy.stop();
        for (const [i, { sub }] of [first, second].entries()) {
            await sub.count(sent);
            assertSequence(await sub.data(), numbered(sent));
            assert.deepEqual((await sub.states()).slice(told[i]), [], 'nothing was told');
        }
    });

    check('who joins while much is coming misses nothing and doubles nothing', async (s) => {
        const hub = await Hub.start(s);
        const busy = publisher(s, hub);
        const tabs = await openTabs(s, browser, hub, 1);
        const page = tabs[0].page;
        for (let i = 0; i < 12; i++)
            tabs.push({
                page,
                sub: await subscribe(page, { topics: i % 2 ? 'a' : '*', last: 'all' }),
            });
        for (const { sub } of tabs) await sub.is('live');
        const sent = await busy.stop();
        for (const { sub } of tabs) {
            await sub.count(sent);
            assertSequence(await sub.data(), numbered(sent));
        }
    });

    if (!unseen)
        check('what a tab that crashes had asked for is asked for no more', async (s) => {
            const hub = await Hub.start(s);
            const [first] = await openTabs(s, browser, hub, 1);
            const [other] = await openTabs(s, browser, hub, 1, { topics: 'b' });
            await hub.publish('b', 'x');
            await other.sub.count(1);
            await crash(other);
            await until(
                async () => (await subscribers(hub, 'b')) === 0,
                'nobody to ask for its topic',
            );
            await hub.publish('a', '1');
            await first.sub.count(1);
            assert.deepEqual(await first.sub.data(), ['1']);
        });

    check('the hub is killed and comes back: exact in every tab', async (s) => {
        const hub = await Hub.start(s);
        const tabs = await openTabs(s, browser, hub, 3);
        for (let round = 0; round < 2; round++) {
            await hub.publishLines('a', numbered(50, '', round * 100 + 1));
            await hub.kill9();
            for (const { sub } of tabs) await sub.is('reconnecting');
            await hub.launch();
            await hub.publishLines('a', numbered(50, '', round * 100 + 51));
            for (const { sub } of tabs) await sub.count((round + 1) * 100);
        }
        for (const { sub } of tabs) assertSequence(await sub.data(), numbered(200));
    });

    check('other keys, filters and hubs are other connections', async (s) => {
        const config = {
            keys: ['one', 'two'].map((key) => ({
                name: key,
                secret: `secret-of-${key}-01`,
                publish: ['**'],
                subscribe: [`${key}/**`],
            })),
        };
        const hub = await Hub.start(s, { config });
        const headers = (key) => ({ 'x-api-key': `secret-of-${key}-01` });
        for (const key of ['one', 'two']) await hub.publish(`${key}/a`, key, '', headers(key));
        const page = await blank(browser, hub);
        s.defer(() => page.close());
        const subs = {};
        for (const key of ['one', 'two'])
            subs[key] = await subscribe(page, {
                topics: '**',
                last: 'all',
                key: `secret-of-${key}-01`,
            });
        const filtered = await subscribe(page, {
            topics: '**',
            last: 'all',
            key: 'secret-of-one-01',
            filter: 'x',
        });
        const wrong = await subscribe(page, { topics: '**', last: 'all', key: 'secret-of-none-1' });
        assert.equal((await wrong.told('refused')).status, 401);
        for (const key of ['one', 'two'])
            await hub.publish(`${key}/a`, `${key} x`, '', headers(key));
        for (const key of ['one', 'two']) {
            await subs[key].count(2);
            assert.deepEqual(await subs[key].data(), [key, `${key} x`]);
        }
        await filtered.count(1);
        assert.deepEqual(await filtered.data(), ['one x']);
    });

    if (!one) continue;

    // The tab that was opened first leads, and its process is where a SharedWorker lives.
    for (const [how, kill] of [
        ['is closed', ({ page }) => page.close({ runBeforeUnload: false })],
        ['crashes', crash],
    ]) {
        check(
            `the first tab ${how}: another takes over, and nothing is lost or doubled`,
            async (s) => {
                const hub = await Hub.start(s);
                const tabs = await openTabs(s, browser, hub, 4);
                const busy = publisher(s, hub);
                for (let rounds = 0; rounds < 2; rounds++) {
                    await tabs[0].sub.count(busy.sent() + 200);
                    await kill(tabs.shift());
                    const [from, began] = [busy.sent(), Date.now()];
                    for (const { sub } of tabs) await sub.count(from + 40);
                    const ms = Date.now() - began;
                    process.stderr.write(
                        `${name}, the first tab ${how}: ${ms} ms until all others had what came after it\n`,
                    );
                    assert.ok(ms < scaled(HANDOVER_MS), `${ms} ms`);
                }
                const sent = await busy.stop();
                for (const { sub } of tabs) {
                    await sub.count(sent);
                    assertSequence(await sub.data(), numbered(sent));
                }
                await until(
                    async () => (await subscribers(hub, 'a')) === 1,
                    'one connection again',
                );
            },
        );
    }
}

scenario('a tab that leads and does not answer is relieved', { shared: file }, async (s) => {
    const { browser } = WAYS['Web Locks and a BroadcastChannel'];
    const hub = await Hub.start(s);
    const [leader, other] = await openTabs(s, browser, hub, 2);
    let blocked = true;
    const block = leader.page
        .evaluate(() => {
            const end = Date.now() + 8000;
            while (Date.now() < end);
        })
        .then(() => {
            blocked = false;
        });
    await hub.publish('a', '1');
    await other.page.evaluate(() => {
        document.dispatchEvent(new Event('visibilitychange'));
    });
    const began = Date.now();
    await other.sub.count(1);
    assert.ok(blocked, 'it came before the leader was itself again');
    process.stderr.write(`relieved after ${Date.now() - began} ms\n`);
    await block;
    await hub.publish('a', '2');
    for (const { sub } of [leader, other]) {
        await sub.count(2);
        assertSequence(await sub.data(), numbered(2));
    }
    await until(async () => (await subscribers(hub, 'a')) === 1, 'one connection');
});

scenario(
    'eight tabs behind a proxy that holds streams back poll together',
    { shared: file },
    async (s) => {
        const { browser } = WAYS['a SharedWorker'];
        const hub = await Hub.start(s);
        const proxy = await HttpProxy.start(s, hub.port);
        proxy.mode = 'hold';
        const tabs = await openTabs(s, browser, proxy, TABS);
        for (let i = 1; i <= 10; i++) await hub.publish('a', `${i}`);
        for (const { sub } of tabs) {
            await sub.count(10);
            assertSequence(await sub.data(), numbered(10));
            const { transport, shared: together } = (await sub.states()).at(-1);
            assert.deepEqual([transport, together], ['poll', true]);
        }
    },
);
