// SPDX-License-Identifier: MIT
// The cases. Each: {name, number (of the requirement), title, servers, once, measure(context,
// server name) → figures by name, columns (figures to print, with their units), targets}.
//
// The value of a target comes from one run of each server, so that it is a ratio within one round:
// value(runs), with runs by server name.
import path from 'node:path';
import { HOSTILE } from './cases-hostile.mjs';
import { DURABLE, GROWTH } from './cases-store.mjs';
import { FILE, REPLAY, SLOW, WORKERS } from './cases-stream.mjs';
import { domain } from './domain.mjs';
import { load, withServer } from './load.mjs';

const PEERS = ['nchan', 'pushpin', 'better-sse'];
const LIMITS = ['raw-send', 'raw-coalesce'];

const CPU = ['cpu_us_per_delivery', 'CPU per delivery', 'µs'];
const RATE = ['deliveries_per_s', 'deliveries', '/s'];
const SHARES = [
    ['server_cpu_percent', 'server CPU', '%'],
    ['client_cpu_percent', 'client CPU', '%'],
];
const COMPLETE = [
    ['complete_p50_us', 'to the last delivery p50', 'µs'],
    ['complete_p99_us', 'p99', 'µs'],
];

const flat = (result) => ({
    ...result,
    complete_p50_us: result.complete_us.p50,
    complete_p99_us: result.complete_us.p99,
});

const fanOut = (options) => async (context, name) =>
    withServer(context, name, {}, async (server) => flat(await load(context, server, options)));

const cpu = (runs, name) => runs[name].cpu_us_per_delivery;

function fanOutCase(subscribers, window, extra) {
    return {
        name: `fanout-${subscribers === 10000 ? '' : `${subscribers}-`}w${window}`,
        title: `${subscribers.toLocaleString('en')} subscribers, ${window} in flight`,
        servers: ['tailrace', ...LIMITS, ...PEERS],
        columns: [CPU, RATE, ...COMPLETE, ...SHARES],
        targets: [],
        measure: fanOut({
            subscribers,
            window,
            connections: Math.max(window, 8),
            seconds: 3,
            warm: subscribers > 1000 ? 5 : 20,
        }),
        ...extra,
    };
}

const FANOUT = [
    fanOutCase(10000, 8, {
        number: 1,
        targets: [
            {
                text: 'CPU per delivery over raw send()',
                most: 0.3,
                value: (runs) => cpu(runs, 'tailrace') / cpu(runs, 'raw-send'),
            },
        ],
    }),
    fanOutCase(10000, 64, {
        number: 1,
        servers: ['tailrace', ...LIMITS],
        targets: [
            {
                text: 'CPU per delivery over raw send()',
                most: 0.12,
                value: (runs) => cpu(runs, 'tailrace') / cpu(runs, 'raw-send'),
            },
        ],
    }),
    fanOutCase(10000, 1, {
        number: 2,
        // Enough events for a p99 in the cases that compare it.
        measure: async (context, name) => {
            const peer = context.servers.get(name).peer;
            const options = { subscribers: 10000, window: 1, warm: 5, seconds: peer ? 3 : 8 };
            return fanOut(options)(context, name);
        },
        servers: ['tailrace', 'raw-send', ...PEERS],
        targets: [
            {
                text: 'CPU per delivery over raw send()',
                most: 1.05,
                value: (runs) => cpu(runs, 'tailrace') / cpu(runs, 'raw-send'),
            },
            {
                text: 'p99 to the last delivery over raw send()',
                most: 1.1,
                value: (runs) => runs.tailrace.complete_p99_us / runs['raw-send'].complete_p99_us,
            },
        ],
    }),
    // For the plot.
    fanOutCase(100, 8, { measure: fanOut({ subscribers: 100, window: 8, seconds: 1.5 }) }),
    fanOutCase(1000, 8, { measure: fanOut({ subscribers: 1000, window: 8, seconds: 1.5 }) }),
];

const TOPICS = {
    name: 'topics',
    number: 3,
    title: '10,000 topics, one subscriber each, 8 in flight (publish and delivery)',
    servers: ['tailrace-memory', 'tailrace', 'raw-send', ...PEERS],
    columns: [CPU, RATE, ...COMPLETE, ...SHARES],
    targets: [
        {
            text: 'CPU with durability: memory over raw send()',
            most: 1.1,
            value: (runs) => cpu(runs, 'tailrace-memory') / cpu(runs, 'raw-send'),
        },
    ],
    // Each topic has had an event before: creating 10,000 topics is not measured here.
    measure: fanOut({ subscribers: 10000, topics: 10000, window: 8, warm: 10000, seconds: 3 }),
};

// Some other hubs fail near the descriptor limit. Fewer subscribers are enough to measure memory.
const PEER_IDLE = 10_000;

const IDLE = {
    name: 'idle',
    number: 4,
    title: 'idle subscribers, as many as the descriptor limit allows',
    servers: ['tailrace', ...PEERS],
    columns: [
        ['opened', 'subscribers', ''],
        ['subscriber_rss_bytes', 'user-space memory each', 'bytes'],
        ['subscriber_slab_bytes', 'kernel slab each, both ends', 'bytes'],
        ['idle_cpu_percent', 'CPU while idle', '%'],
        ['connect_s', 'connecting', 's'],
    ],
    targets: [
        {
            text: 'bytes of user-space memory for each subscriber',
            most: 512,
            value: (runs) => runs.tailrace.subscriber_rss_bytes,
        },
        { text: 'subscribers', least: 15000, value: (runs) => runs.tailrace.opened },
    ],
    measure: async (context, name) =>
        withServer(context, name, {}, async (server) => {
            const most = context.servers.get(name).peer ? PEER_IDLE : 100_000;
            const subscribers = Math.min(most, context.descriptors - 1100);
            return load(context, server, { subscribers, quiet: true, settle: 1, idle: 1 });
        }),
};

const DOMAIN = {
    name: 'domain',
    number: 5,
    title: "the hub's own code with up to 1,000,000 subscribers, a sink that costs nothing",
    servers: ['domain'],
    once: true,
    columns: [
        ['delivery_ns_1000', 'delivery, 1,000', 'ns'],
        ['delivery_ns_1000000', 'delivery, 1,000,000', 'ns'],
        ['event_ms_1000000', 'one event to 1,000,000', 'ms'],
        ['heartbeat_ns_1000', 'heartbeat, 1,000', 'ns'],
        ['heartbeat_ns_1000000', 'heartbeat, 1,000,000', 'ns'],
        ['walk_ns_1000', 'an empty loop over the same memory, 1,000', 'ns'],
        ['walk_ns_1000000', 'an empty loop over the same memory, 1,000,000', 'ns'],
        ['leave_ns_1000', 'leaving, 1,000', 'ns'],
        ['leave_ns_1000000', 'leaving, 1,000,000', 'ns'],
        ['miss_ns_1000', 'one access to memory, 1,000', 'ns'],
        ['miss_ns_1000000', 'one access to memory, 1,000,000', 'ns'],
        ['leave_ms_1000000', '100,000 leave', 'ms'],
        ['bytes_each', 'memory each', 'bytes'],
    ],
    targets: [
        ['delivery', ''],
        ['heartbeat', ', less what memory charges'],
        ['leave', ', less what memory charges'],
        ['bytes', ''],
    ].map(([what, how]) => ({
        text: `growth from 1,000 to 1,000,000: ${what}${how}`,
        most: 2,
        value: (runs) => runs.domain[`growth_${what}`],
    })),
    measure: async (context) => domain(path.join(context.tools, 'domain'), context.serverCore),
};

export const cases = [
    ...FANOUT,
    TOPICS,
    IDLE,
    DOMAIN,
    ...DURABLE,
    REPLAY,
    ...FILE,
    ...GROWTH,
    SLOW,
    WORKERS,
    HOSTILE,
];
