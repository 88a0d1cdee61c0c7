// SPDX-License-Identifier: MIT
// Cases of streams other than fan-out: replay, from a file to a subscriber, slow readers, two
// workers.
import path from 'node:path';
import { load, withServer } from './load.mjs';
import { pause } from './process.mjs';

// --- replay --------------------------------------------------------------------------------------

const EVENTS = 2000;
const EVENT_BYTES = 1024;
const CLIENTS = 1000;

// Live subscribers beside the replays. Their client has priority over the replays' client, which
// shares its core.
const LIVE = {
    subscribers: 100,
    rate: 200,
    window: 1000,
    warm: 20,
    settle: 0.1,
    urgent: true,
    connections: 1,
};

async function fillReplay(context, server) {
    const url = `${server.base}/t/replay`;
    const filled = await load(context, server, {
        publish: url,
        events: EVENTS,
        seconds: 30,
        payload: EVENT_BYTES,
        connections: 1,
        pipeline: 16,
        window: 16,
        warm: 0,
    });
    const answer = await fetch(`${url}?last=1`, { headers: { Accept: 'application/json' } });
    const [{ id }] = (await answer.json()).events;
    return { filled, from: `${id.slice(0, id.lastIndexOf('-'))}-0` };
}

async function replayTailrace(context) {
    return withServer(context, 'tailrace', {}, async (server) => {
        const { filled, from } = await fillReplay(context, server);
        const live = {
            ...LIVE,
            subscribe: `${server.base}/t/live`,
            publish: `${server.base}/t/live`,
        };
        const options = {
            subscribers: CLIENTS,
            replay: EVENTS,
            subscribe: `${server.base}/t/replay`,
            header: `Last-Event-ID: ${from}`,
        };
        const quiet = await load(context, server, { ...live, seconds: 1.5 });
        const alone = await load(context, server, options);
        const again = load(context, server, options);
        await pause(150);
        const seconds = Math.max(0.5, alone.wall_s * 0.7);
        const meanwhile = await load(context, server, { ...live, seconds });
        const second = await again;
        return {
            ...alone,
            faults: [filled, quiet, alone, meanwhile, second]
                .map((r) => r.faults)
                .filter(Boolean)
                .join('; '),
            // The peak of the second time: the first time makes the working set.
            memory_growth_bytes: second.rss_peak_bytes - alone.rss_after_bytes,
            live_p99_us: quiet.delivery_us.p99,
            live_p99_replay_us: meanwhile.delivery_us.p99,
        };
    });
}

const replayRaw = (context) =>
    withServer(context, 'raw-replay', { extra: [String(EVENTS), String(EVENT_BYTES)] }, (server) =>
        load(context, server, {
            subscribers: CLIENTS,
            replay: EVENTS,
            subscribe: `${server.base}/replay0`,
        }),
    );

export const REPLAY = {
    name: 'replay',
    number: 7,
    title: '1,000 clients resume over 2,000 events of 1 KB each',
    servers: ['tailrace', 'raw-replay'],
    columns: [
        ['bytes_per_s', 'bytes', '/s'],
        ['wall_s', 'time for all', 's'],
        ['memory_growth_bytes', 'memory more than before', 'bytes'],
        ['live_p99_us', 'live p99 without', 'µs'],
        ['live_p99_replay_us', 'live p99 meanwhile', 'µs'],
        ['server_cpu_percent', 'server CPU', '%'],
        ['client_cpu_percent', 'client CPU', '%'],
    ],
    targets: [
        {
            text: 'bytes per second over sending from memory',
            least: 0.6,
            value: (runs) => runs.tailrace.bytes_per_s / runs['raw-replay'].bytes_per_s,
        },
        {
            text: 'memory more than before, MB',
            most: 16,
            value: (runs) => runs.tailrace.memory_growth_bytes / 1e6,
        },
        {
            text: "live subscribers' p99 meanwhile over without",
            most: 1.5,
            value: (runs) => runs.tailrace.live_p99_replay_us / runs.tailrace.live_p99_us,
        },
    ],
    measure: (context, name) =>
        name === 'tailrace' ? replayTailrace(context) : replayRaw(context),
};

// --- files ---------------------------------------------------------------------------------------

async function follow(context, name, options) {
    const file = path.join(context.tmp, `followed-${process.pid}-${context.serial++}.log`);
    const settings = { sources: [{ file, topic: 'file' }], extra: [file] };
    return withServer(context, name, settings, async (server) => {
        const subscribe = `${server.base}/t/file`;
        return load(context, server, { subscribers: 1, subscribe, file, ...options });
    });
}

const fileRate = {
    name: 'file-rate',
    number: 8,
    title: 'one file followed, lines of 100 bytes, to one subscriber',
    servers: ['tailrace', 'raw-follow'],
    columns: [
        ['events_per_s', 'lines', '/s'],
        ['cpu_us_per_event', 'CPU per line', 'µs'],
        ['server_cpu_percent', 'server CPU', '%'],
        ['client_cpu_percent', 'client CPU', '%'],
    ],
    targets: [
        { text: 'lines per second', least: 500000, value: (runs) => runs.tailrace.events_per_s },
    ],
    measure: (context, name) => follow(context, name, { window: 60000, seconds: 3, warm: 20 }),
};

const fileDelay = {
    name: 'file-delay',
    number: 8,
    title: 'one file followed, 200 lines a second: from write() to delivery',
    servers: ['tailrace', 'raw-follow'],
    columns: [
        ['delay_p50_us', 'delay p50', 'µs'],
        ['delay_p99_us', 'p99', 'µs'],
    ],
    targets: [
        {
            text: 'median delay over inotify, read, send, in ms',
            most: 2,
            value: (runs) => (runs.tailrace.delay_p50_us - runs['raw-follow'].delay_p50_us) / 1000,
        },
    ],
    async measure(context, name) {
        const result = await follow(context, name, {
            window: 1000,
            rate: 200,
            seconds: 2,
            warm: 20,
        });
        return {
            ...result,
            delay_p50_us: result.delivery_us.p50,
            delay_p99_us: result.delivery_us.p99,
        };
    },
};

export const FILE = [fileRate, fileDelay];

// --- slow readers --------------------------------------------------------------------------------

const READERS = 1000;

export const SLOW = {
    name: 'slow',
    number: 10,
    title: '1,000 readers, without and with a tenth more who never read; 1 KB, 8 in flight',
    servers: ['tailrace'],
    columns: [
        ['p99_us', 'p99 without', 'µs'],
        ['p99_slow_us', 'p99 with', 'µs'],
        ['memory_slow_bytes', 'memory more with', 'bytes'],
        ['client_cpu_percent', 'client CPU', '%'],
    ],
    targets: [
        {
            text: "the others' p99 with over without",
            most: 1.2,
            value: (runs) => runs.tailrace.growth,
        },
    ],
    async measure(context) {
        const options = { window: 8, payload: 1000, seconds: 4 };
        const slow = (subscribers, stuck) =>
            withServer(context, 'tailrace', {}, (server) =>
                load(context, server, { ...options, subscribers, ...(stuck ? { stuck } : {}) }),
            );
        const without = await slow(READERS, 0);
        const beside = await slow(Math.ceil(READERS / 0.9), 10);
        return {
            ...without,
            faults: [without.faults, beside.faults].filter(Boolean).join('; '),
            p99_us: without.delivery_us.p99,
            p99_slow_us: beside.delivery_us.p99,
            growth: beside.delivery_us.p99 / without.delivery_us.p99,
            memory_slow_bytes: beside.rss_peak_bytes - without.rss_peak_bytes,
        };
    },
};

// --- workers -------------------------------------------------------------------------------------

export const WORKERS = {
    name: 'workers',
    number: 11,
    title: '10,000 subscribers, 8 in flight, one worker and two',
    servers: ['tailrace'],
    columns: [
        ['cpu_us_per_delivery', 'CPU per delivery, one', 'µs'],
        ['cpu_us_two', 'two', 'µs'],
        ['deliveries_per_s', 'deliveries, one', '/s'],
        ['deliveries_two', 'two', '/s'],
        ['client_cpu_percent', 'client CPU, one', '%'],
        ['client_two', 'two', '%'],
    ],
    targets: [
        {
            text: 'deliveries of two workers over one, as far as CPU per delivery allows',
            least: 1.7,
            value: (runs) => runs.tailrace.allowed,
        },
    ],
    // Two workers and two clients need four cores. With fewer they share cores, and only the CPU
    // per delivery is meaningful: at the same cost, two cores deliver twice as much.
    async measure(context) {
        const options = { subscribers: 10000, window: 8, warm: 5, seconds: 3, processes: 2 };
        const run = (workers, cores, clients) =>
            withServer(context, 'tailrace', { workers, cores }, (server) =>
                load(context, server, options, clients),
            );
        const all = context.cores;
        const enough = all.length >= 4;
        const clients = enough ? all.slice(0, -2).join() : all.join();
        const one = await run(1, String(all.at(-1)), enough ? clients : context.clientCore);
        const two = await run(2, enough ? all.slice(-2).join() : all.join(), clients);
        return {
            ...one,
            faults: [one.faults, two.faults].filter(Boolean).join('; '),
            cpu_us_two: two.cpu_us_per_delivery,
            deliveries_two: two.deliveries_per_s,
            client_two: two.client_cpu_percent,
            shared_cores: !enough,
            allowed: enough
                ? two.deliveries_per_s / one.deliveries_per_s
                : (2 * one.cpu_us_per_delivery) / two.cpu_us_per_delivery,
        };
    },
};
