// SPDX-License-Identifier: MIT
// What one visitor asks for stops no worker: while each of these runs, no turn of a worker's loop
// takes more than 50 ms of its thread's processor time, and others publish. Processor time, because
// on a busy machine the time on the wall says how many others there are.
import assert from 'node:assert/strict';
import { RawSocket } from './support/http.mjs';
import { Hub, numbered } from './support/hub.mjs';
import { scaled, scenario } from './support/scope.mjs';
import { until, within } from './support/wait.mjs';

const LONG_TURN_S = scaled(50) / 1000;
// A publisher who waits for this long has been stopped.
const STOPPED_MS = 10_000;
const EVIL = encodeURIComponent('/(?:.|.){12}[\\x{10FFFD}\\x{10FFFE}]/');
const NDJSON = { accept: 'application/x-ndjson' };
const JSON_FORM = { accept: 'application/json' };

async function turns(hub) {
    const { text } = await hub.get('/metrics');
    const metric = (name) => Number(text.match(new RegExp(`^tailrace_${name} (\\S+)$`, 'm'))[1]);
    return { longest: metric('turn_cpu_seconds_max'), long: metric('long_turns_total') };
}

// The hub, made ready, then asked by somebody hostile while somebody else publishes.
function hostile(name, config, { ready = async () => {}, ask }) {
    scenario(name, { limit: 240_000 }, async (s) => {
        const hub = await Hub.start(s, {
            config: { workers: 2, log: { level: 'warn' }, ...config },
        });
        await ready(hub, s);
        // What made it ready is no visitor's request.
        const before = await turns(hub);
        let over = false;
        const publisher = (async () => {
            let count = 0;
            for (; !over; count++)
                await within(hub.publish('alive', `${count}`), 'a publish', STOPPED_MS);
            return count;
        })();
        publisher.catch(() => {});
        await ask(hub, s);
        over = true;
        assert.ok((await publisher) > 0, 'others published meanwhile');
        const after = await turns(hub);
        const ms = (after.longest * 1000).toFixed(1);
        console.log(`${name}: the longest turn took ${ms} ms`);
        if (scaled(1) === 1) assert.equal(after.long, before.long, `a turn took up to ${ms} ms`);
        assert.ok(
            after.longest <= Math.max(before.longest, LONG_TURN_S),
            `a turn took ${ms} ms of processor time`,
        );
    });
}

// Publishes an event to each of many topics, over a few connections.
async function fill(hub, s, topics, data = 'x') {
    const each = Math.ceil(topics.length / 8);
    await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
            const mine = topics.slice(i * each, (i + 1) * each);
            const raw = await RawSocket.connect(s, hub.port);
            let count = 0;
            raw.write(
                mine
                    .map(
                        (topic) =>
                            `POST /t/${topic} HTTP/1.1\r\nHost: ${hub.host}\r\n` +
                            `Content-Length: ${data.length}\r\n\r\n${data}`,
                    )
                    .join(''),
            );
            await raw.waitFor(
                () => {
                    count = raw.text.split('HTTP/1.1 200').length - 1;
                    return count === mine.length;
                },
                'all to be published',
                120_000,
            );
            raw.destroy();
        }),
    );
}

// A GET whose answer nobody reads.
async function unread(hub, s, path, headers = {}) {
    const raw = await RawSocket.connect(s, hub.port);
    raw.socket.pause();
    const lines = Object.entries({ host: hub.host, ...headers }).map(([k, v]) => `${k}: ${v}\r\n`);
    raw.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    return raw;
}

const LINE =
    '2026-11-27T21:18:18Z INFO http request method=GET path=/api/v1/items status=200 user=alice '.padEnd(
        120,
        '.',
    );

// --- filters -------------------------------------------------------------------------------------

hostile(
    'a costly filter over old events',
    {},
    {
        ready: async (hub) => {
            await hub.publishLines('log', numbered(5000, LINE));
            for (const bytes of [100, 400, 1600, 3200, 1_000_000])
                await hub.publish('sizes', 'a'.repeat(bytes));
        },
        ask: async (hub) => {
            await Promise.all(
                ['log', 'sizes'].flatMap((topic) => [
                    hub.get(`/t/${topic}?last=all&filter=${EVIL}`, NDJSON),
                    hub.get(`/t/${topic}?order=newest&last=all&filter=${EVIL}`, NDJSON),
                    hub.get(`/t/${topic}?last=all&filter=${EVIL}`, JSON_FORM),
                    hub.get(
                        `/t/${topic}?last=all&filter=${encodeURIComponent('/[^\\x{100}]*+[\\x{200}\\x{201}]/')}`,
                        NDJSON,
                    ),
                ]),
            );
        },
    },
);

hostile(
    'costly filters over live events',
    {},
    {
        ask: async (hub, s) => {
            const streams = [];
            for (let i = 0; i < 20; i++)
                streams.push(
                    await hub.stream(
                        `/t/log?filter=${encodeURIComponent(`/(?:.|.){12}[\\x{10FFF${i % 10}}\\x{10FFFE}]|${i}/`)}`,
                        {},
                        s,
                    ),
                );
            for (let i = 0; i < 20; i++) await hub.publish('log', `${'a'.repeat(16_384)}`);
            for (const stream of streams) {
                const gap = await stream.waitType('tailrace.gap');
                assert.equal(JSON.parse(gap.data).reason, 'filter');
                assert.equal(await stream.waitEnd(), 'end', 'a clean one');
            }
        },
    },
);

hostile(
    'filters that are long in the making',
    {},
    {
        ask: async (hub) => {
            const ranges = '[ -\u{10ffff}]'.repeat(100);
            const patterns = [
                `/${ranges}/i`,
                `/(?i)${ranges}/`,
                `/${ranges}/`,
                '/(a{1,1000}){1,1000}/',
                '/(((a{1,30}){1,30}){1,30})*/',
                `/${'('.repeat(240)}a${')*'.repeat(240)}/`,
            ];
            const answers = await Promise.all(
                Array.from({ length: 200 }, (_, i) =>
                    hub.get(
                        `/t/log?filter=${encodeURIComponent(patterns[i % patterns.length])}`,
                        JSON_FORM,
                    ),
                ),
            );
            for (const { status } of answers) assert.ok(status === 200 || status === 400);
        },
    },
);

// --- publishing ----------------------------------------------------------------------------------

hostile(
    'an upload of line ends',
    {},
    {
        ask: async (hub) => {
            const topic = Array.from({ length: 8 }, (_, i) => `${i}`.repeat(120)).join('/');
            const query = `?split=lines&type=${'t'.repeat(255)}&id=${'k'.repeat(200)}`;
            await Promise.all(
                Array.from({ length: 6 }, (_, i) =>
                    hub.post(`/t/${i}${topic}${query}`, '\n'.repeat(63_000)),
                ),
            );
        },
    },
);

hostile(
    'bodies and lines that are begun',
    {},
    {
        ask: async (hub, s) => {
            const begun = [];
            for (let i = 0; i < 40; i++) {
                const raw = await RawSocket.connect(s, hub.port);
                const query = i % 2 ? '' : '?split=lines';
                raw.write(
                    `POST /t/begun${query} HTTP/1.1\r\nHost: ${hub.host}\r\n` +
                        `Content-Length: 1048000\r\n\r\n${'x'.repeat(1_000_000)}`,
                );
                begun.push(raw);
            }
            await until(
                async () =>
                    begun.every((raw) => raw.socket.writableLength === 0 || raw.bytes.length),
                'all of them to be taken, or turned away',
            );
            for (const raw of begun) raw.destroy();
        },
    },
);

// --- starts --------------------------------------------------------------------------------------

hostile(
    'the newest of each of many topics in memory',
    {
        topics: [{ match: 'cursor/**', durability: 'memory' }],
    },
    {
        ready: (hub, s) =>
            fill(hub, s, numbered(8000, 'cursor/')).then(async () => {
                for (let i = 1; i <= 14; i++) await hub.publishLines(`cursor/${i}`, numbered(4000));
            }),
        ask: async (hub) => {
            await hub.get('/events?topic=cursor/*&last=1', JSON_FORM);
            await hub.get('/events?topic=cursor/*&last=3', NDJSON);
        },
    },
);

hostile(
    'the newest N just below what is kept',
    {},
    {
        ready: async (hub) => {
            const lines = numbered(50_000);
            for (let i = 0; i < 8; i++) await hub.publishLines('long', lines);
        },
        ask: async (hub, s) => {
            for (let i = 0; i < 20; i++) await hub.stream('/t/long?last=399999&pace=1h', {}, s);
            await hub.get('/t/long?last=399999', NDJSON);
        },
    },
);

hostile(
    'a replay of one dense topic and many others',
    {},
    {
        ready: async (hub, s) => {
            await fill(hub, s, numbered(63, 'group/'));
            await hub.publishLines('group/dense', numbered(50_000));
        },
        ask: async (hub) => {
            await Promise.all(
                Array.from({ length: 10 }, () => hub.get('/events?topic=group/*&last=all', NDJSON)),
            );
        },
    },
);

hostile(
    'a replay behind a topic that was forgotten',
    {},
    {
        ready: async (hub, s) => {
            await fill(hub, s, numbered(70, 'wide/'));
            const lines = numbered(50_000);
            for (let i = 0; i < 4; i++) await hub.publishLines('wide/long', lines);
            await hub.publish('wide/after', 'z');
        },
        ask: async (hub) => {
            await hub.delete('/t/wide/long');
            const { text } = await hub.get('/events?topic=wide/*&last=all', NDJSON);
            assert.match(text, /"data":"z"/);
        },
    },
);

// --- topics --------------------------------------------------------------------------------------

const many = (extra) => ({
    limits: { topics: 30_000, ...extra },
    topics: [{ match: 'builds/**', durability: 'memory' }],
});
const MANY = numbered(20_000, 'builds/').map((name) => `${name}/log`);
const hundred = (form) =>
    numbered(100, 'topic=')
        .map((text) => form(text))
        .join('&');

hostile('lists of many topics', many(), {
    ready: (hub, s) => fill(hub, s, MANY),
    ask: async (hub, s) => {
        assert.equal((await hub.get('/topics')).json().length >= 20_000, true);
        await hub.get('/t/**', JSON_FORM);
        await hub.get(`/topics?${hundred((text) => text.replace('=', '=builds/*/log') + '*')}`);
        for (let i = 0; i < 10; i++) {
            await unread(hub, s, '/topics');
            await unread(hub, s, '/t/**', JSON_FORM);
        }
        assert.equal((await hub.get('/healthz')).status, 200);
    },
});

hostile('subscriptions to many topics', many(), {
    ready: (hub, s) => fill(hub, s, MANY),
    ask: async (hub, s) => {
        await hub.stream(
            `/events?${hundred((text) => text.replace('=', '=builds/*') + '/**')}`,
            {},
            s,
        );
        await hub.stream(`/events?${hundred((text) => text.replace('=', '=none/'))}`, {}, s);
        const own = [];
        for (let i = 0; i < 100; i++) own.push(await hub.stream(`/t/**?filter=own${i}`, {}, s));
        // They leave together.
        for (const stream of own) stream.close();
        await until(
            async () =>
                Number((await hub.get('/metrics')).text.match(/^tailrace_subscribers (\d+)/m)[1]) <=
                2,
            'them to be gone',
        );
    },
});

hostile('patterns that are hard to match', many(), {
    ready: (hub, s) => fill(hub, s, numbered(1000, `builds/${'a/'.repeat(119)}`)),
    ask: async (hub, s) => {
        const pattern = `**/*/${'**/*/'.repeat(20)}z`;
        const query = numbered(90, `topic=${pattern}`).join('&');
        await hub.get(`/topics?${query}`);
        await hub.stream(`/events?${query}`, {}, s);
    },
});
