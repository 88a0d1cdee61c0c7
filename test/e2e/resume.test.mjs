// SPDX-License-Identifier: MIT
// Exact resume: connections cut, hub killed in the middle of thousands of events; every sequence is
// compared whole.
import assert from 'node:assert/strict';
import { Hub, assertRising, assertSequence, numbered } from './support/hub.mjs';
import { request } from './support/http.mjs';
import { CuttingProxy } from './support/proxy.mjs';
import { scenario } from './support/scope.mjs';
import { Client } from './support/sse.mjs';
import { until } from './support/wait.mjs';

// Publishes numbered lines in pieces until `count`, each piece with a key, retried until it is
// acknowledged: a publisher as it should be. Returns when all are acknowledged.
async function publishAll(hub, topic, count, piece = 100, prefix = '') {
    for (let from = 1; from <= count; from += piece) {
        const body = numbered(Math.min(piece, count - from + 1), prefix, from)
            .map((line) => `${line}\n`)
            .join('');
        await until(async () => {
            const answer = await request(
                hub.to(`/t/${topic}?split=lines&id=${prefix}from-${from}`),
                {
                    method: 'POST',
                    body,
                },
            );
            return answer.status === 200;
        }, `the acknowledgement of ${topic} from ${from}`);
    }
}

scenario('a connection that is cut again and again loses and doubles nothing', async (s) => {
    const hub = await Hub.start(s);
    const proxy = await CuttingProxy.start(s, hub.port);
    const client = new Client(s, proxy.to('/t/cut?last=all'));
    await client.opened();
    const total = 10_000;
    const publishing = publishAll(hub, 'cut', total, 250);
    for (let cuts = 1; cuts <= 10; cuts++) {
        await client.waitData(cuts * 600);
        proxy.cut();
        await client.opened(cuts + 1);
    }
    await publishing;
    assertSequence(await client.waitData(total), numbered(total));
    assert.equal(client.data.length, total);
    assertRising(client.events.map((event) => event.id));
});

scenario('a connection that breaks inside an event, at every odd place', async (s) => {
    const hub = await Hub.start(s);
    const total = 2000;
    await publishAll(hub, 'torn', total, 500, 'a line of some length that will be cut somewhere ');
    const proxy = await CuttingProxy.start(s, hub.port);
    proxy.cutAfterDown = 7919;
    const client = new Client(s, proxy.to('/t/torn?last=all'));
    await client.waitData(total / 2);
    proxy.cutAfterDown = 30011;
    await client.waitData(total);
    assertSequence(
        client.data,
        numbered(total, 'a line of some length that will be cut somewhere '),
    );
    assert.ok(client.opens.items.length > 5, 'it was cut many times');
});

scenario('an answer cut within its head is asked for again', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('head-cut', numbered(10));
    const proxy = await CuttingProxy.start(s, hub.port);
    proxy.cutAfterDown = 20;
    const client = new Client(s, proxy.to('/t/head-cut?last=all'));
    // This client waits three seconds each time: no answer has told it otherwise.
    await proxy.connections.waitCount(2);
    proxy.cutAfterDown = Infinity;
    assertSequence(await client.waitData(10), numbered(10));
});

scenario(
    'a hub killed with -9 in the middle of the stream goes on exactly where it was',
    async (s) => {
        const hub = await Hub.start(s, { config: { stream: { retry: '50ms' } } });
        const total = 12_000;
        const clients = [
            hub.client('/t/killed?last=all'),
            hub.client('/t/killed?last=all'),
            hub.client('/events?topic=killed/**&last=all'),
        ];
        await Promise.all(clients.map((client) => client.opened()));
        const publishing = publishAll(hub, 'killed', total, 100);
        for (let kills = 1; kills <= 4; kills++) {
            await clients[0].waitData(kills * 2000);
            await hub.kill9();
            await hub.launch();
        }
        await publishing;
        for (const [i, client] of clients.entries()) {
            assertSequence(await client.waitData(total), numbered(total), `what client ${i} got`);
            assert.equal(client.data.length, total);
            assert.ok(
                !client.items.some((item) => item.type === 'tailrace.gap'),
                'no gap was told',
            );
        }
    },
);

scenario('nobody was shown an event that the crash took back', async (s) => {
    const hub = await Hub.start(s, { config: { stream: { retry: '50ms' } } });
    const client = hub.client('/t/shown?last=all');
    await client.opened();
    // Publishers that do not retry: what was not acknowledged may be lost, but never after somebody
    // has seen it.
    for (let round = 1; round <= 5; round++) {
        const flood = Array.from({ length: 40 }, (_, i) =>
            request(hub.to(`/t/shown?split=lines`), {
                method: 'POST',
                body: numbered(50, `r${round}p${i}n`)
                    .map((line) => `${line}\n`)
                    .join(''),
            }).then(
                (answer) => answer.status === 200 && answer.json(),
                () => null,
            ),
        );
        const before = client.data.length;
        await client.waitData(before + 200);
        await hub.kill9();
        const seen = client.events.map((event) => event.id);
        const acknowledged = (await Promise.all(flood)).filter(Boolean);
        await hub.launch();
        const answer = await hub.get('/t/shown?last=all', { accept: 'application/json' });
        const stored = new Set(answer.json().events.map((event) => event.id));
        const vanished = seen.filter((id) => !stored.has(id));
        assert.deepEqual(vanished, [], 'seen, then gone');
        for (const { first, last } of acknowledged) {
            assert.ok(
                stored.has(first) && stored.has(last),
                `acknowledged, then gone: ${first}..${last}`,
            );
        }
        await client.opened(round + 1);
    }
    const { events } = (await hub.get('/t/shown?last=all', { accept: 'application/json' })).json();
    assertSequence(
        await client.waitData(events.length),
        events.map((event) => event.data),
    );
});

scenario(
    'a resume far behind reads from the journal and then goes live without a seam',
    async (s) => {
        const hub = await Hub.start(s, {
            // A ring so small that a replay cannot be served from it.
            config: { stream: { ring_events: 64, ring_bytes: '1MB' } },
        });
        const total = 20_000;
        await publishAll(hub, 'deep', total / 2, 1000);
        const publishing = publishAll(hub, 'deep2', 1000, 100);
        const clients = Array.from({ length: 8 }, () => hub.client('/t/deep?last=all'));
        const lines = numbered(total / 2, '', total / 2 + 1);
        for (let at = 0; at < lines.length; at += 500) {
            await hub.publishLines('deep', lines.slice(at, at + 500));
        }
        for (const client of clients) assertSequence(await client.waitData(total), numbered(total));
        await publishing;
    },
);

scenario('a hub started on a new data directory tells a client of the gap', async (s) => {
    const first = await Hub.start(s);
    const client = first.client('/t/lost?last=all');
    await client.opened();
    await first.publishLines('lost', numbered(20));
    await client.waitData(20);
    await first.kill9();
    // The same address, another journal with more events than the old one had.
    const second = new Hub(s, {});
    second.port = first.port;
    await second.launch();
    await second.publishLines('lost', numbered(30, 'new '));
    await client.waitType('tailrace.gap');
    assertSequence((await client.waitData(50)).slice(20), numbered(30, 'new '));
});

// Connections are with different workers, each of which has its own view of what was committed.
scenario('what one connection has delivered is in the answers to all others', async (s) => {
    const hub = await Hub.start(s, { config: { workers: 4 } });
    const clients = Array.from({ length: 4 }, () => new Client(s, hub.to('/t/seen')));
    await Promise.all(clients.map((client) => client.opened()));
    for (let round = 1; round <= 400; round++) {
        const published = hub.publish('seen', `event ${round}`);
        // Whoever is first asks at once, over a new connection.
        const answers = clients.map(async (client) => {
            await client.waitData(round);
            const { events } = (
                await request(hub.to('/t/seen?last=1'), { headers: { Accept: 'application/json' } })
            ).json();
            return events[0].data;
        });
        assert.deepEqual(await Promise.all(answers), Array(4).fill(`event ${round}`));
        await published;
    }
});
