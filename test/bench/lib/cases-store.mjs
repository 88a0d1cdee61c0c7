// SPDX-License-Identifier: MIT
// Cases of the journal: durable publishing compared with LMDB's own append loop, and how costs
// change when topics, selectors and history grow.
import path from 'node:path';
import { rmSync } from 'node:fs';
import { run } from './process.mjs';
import { load, metric, withServer } from './load.mjs';
import { tempDir } from './servers.mjs';

const BYTES = 200;
// 64 pipelined connections.
const POSTS = { payload: BYTES, connections: 64, pipeline: 16, window: 1024, warm: 5, seconds: 2 };

async function append(context, events, batch) {
    const dir = tempDir(context);
    try {
        const command = [path.join(context.tools, 'append'), dir, events, BYTES, batch].map(String);
        return JSON.parse(await run(context.serverCore, command));
    } finally {
        rmSync(dir, { recursive: true, force: true });
    }
}

// Publishes, then lets LMDB append as many events in batches of the same size.
async function publishAndAppend(context, options) {
    return withServer(context, 'tailrace', {}, async (server) => {
        const events = await metric(server, 'events_total');
        const commits = await metric(server, 'journal_commit_seconds_count');
        const topic = `${server.base}/t/lines`;
        const lines = options.lines ? { subscribe: topic, lines: `${topic}?split=lines` } : {};
        const result = await load(context, server, { ...options, ...lines });
        const count = (await metric(server, 'events_total')) - events;
        const batch = Math.max(
            1,
            Math.round(count / ((await metric(server, 'journal_commit_seconds_count')) - commits)),
        );
        const lmdb = await append(context, Math.min(count, 2_000_000), batch);
        return {
            ...result,
            batch,
            lmdb_events_per_s: lmdb.events_per_s,
            lmdb_cpu_us: lmdb.cpu_us_per_event,
            share: result.events_per_s / lmdb.events_per_s,
        };
    });
}

const durable = {
    name: 'durable',
    number: 6,
    title: 'durable publishing, 200 bytes, over 64 pipelined connections',
    servers: ['tailrace'],
    columns: [
        ['events_per_s', 'published', '/s'],
        ['batch', 'events in a commit', ''],
        ['lmdb_events_per_s', "LMDB's append loop, same batch", '/s'],
        ['share', 'of that', '×'],
        ['cpu_us_per_event', 'CPU per event', 'µs'],
        ['many_cpu_us', 'CPU per event, 10,000 topics', 'µs'],
        ['answer_p50_us', 'answer p50, one at a time', 'µs'],
        ['sync_us', 'fdatasync', 'µs'],
        ['client_cpu_percent', 'client CPU', '%'],
    ],
    targets: [
        {
            text: 'CPU, 10,000 topics over one',
            most: 1.3,
            value: (runs) => runs.tailrace.many_cpu_us / runs.tailrace.cpu_us_per_event,
        },
        {
            text: 'answer p50 in fdatasyncs',
            most: 2.5,
            value: (runs) => runs.tailrace.answer_p50_us / runs.tailrace.sync_us,
        },
    ],
    async measure(context) {
        const one = await publishAndAppend(context, POSTS);
        const many = await withServer(context, 'tailrace', {}, async (server) => {
            const topics = { publish_topics: 10000, topics: 10000 };
            await load(context, server, { ...POSTS, ...topics, events: 10000, seconds: 20 });
            return load(context, server, { ...POSTS, ...topics });
        });
        const single = await withServer(context, 'tailrace', {}, (server) =>
            load(context, server, {
                payload: BYTES,
                connections: 1,
                window: 1,
                warm: 100,
                seconds: 1.5,
            }),
        );
        const { sync_us } = await append(context, 1, 1);
        return {
            ...one,
            faults: [one, many, single]
                .map((result) => result.faults)
                .filter(Boolean)
                .join('; '),
            many_cpu_us: many.cpu_us_per_event,
            answer_p50_us: single.answer_us.p50,
            sync_us,
        };
    },
};

const durableLines = {
    name: 'durable-lines',
    number: 6,
    title: 'durable publishing, 200 bytes, split=lines over one connection',
    servers: ['tailrace'],
    columns: durable.columns.filter(
        ([name]) => !['many_cpu_us', 'answer_p50_us', 'sync_us'].includes(name),
    ),
    targets: [
        { text: "rate over LMDB's append loop", least: 0.5, value: (runs) => runs.tailrace.share },
    ],
    // A line counts when a subscriber has it: while the request lasts, nothing else reports that it
    // is stored.
    measure: (context) =>
        publishAndAppend(context, {
            lines: true,
            subscribers: 1,
            payload: BYTES,
            window: 30000,
            warm: 5,
            seconds: 2,
        }),
};

export const DURABLE = [durable, durableLines];

// --- growth --------------------------------------------------------------------------------------

const PUBLISH = { connections: 8, pipeline: 8, window: 64, warm: 20, seconds: 1.2 };

// The CPU cost of a client that asks for the newest `count` events of a topic.
async function resumeCost(context, server, count, topics) {
    const subscribe = `${server.subscribe}?last=${count}`;
    const result = await load(context, server, {
        subscribers: 500,
        topics,
        subscribe,
        replay: count,
        settle: 0,
        quiet: true,
    });
    return (result.cpu_us_per_delivery * result.deliveries) / result.opened;
}

const growthTargets = (figures) =>
    figures.map(([name, text]) => ({
        text: `growth: ${text}`,
        most: 1.5,
        value: (runs) => runs.tailrace[name],
    }));

const ratio = (points, name) => points.at(-1)[name] / points[0][name];

const growthTopics = {
    name: 'growth-topics',
    number: 9,
    title: 'publishing to and resuming one of 1, 100, 10,000, 100,000 topics',
    servers: ['tailrace'],
    once: true,
    columns: [
        ['publish_us', 'CPU per publish', 'µs'],
        ['resume_us', 'CPU per resume of one event', 'µs'],
    ],
    targets: growthTargets([
        ['publish_growth', 'publish, 100,000 topics over 1'],
        ['resume_growth', 'resume, 100,000 topics over 1'],
    ]),
    async measure(context) {
        const points = [];
        const problems = [];
        for (const topics of [1, 100, 10_000, 100_000]) {
            await withServer(context, 'tailrace', {}, async (server) => {
                const options = { ...PUBLISH, topics, publish_topics: topics };
                const fill = {
                    ...options,
                    ...POSTS,
                    payload: 100,
                    events: topics,
                    warm: 0,
                    seconds: 60,
                };
                await load(context, server, fill);
                const published = await load(context, server, options);
                problems.push(published.faults);
                points.push({
                    at: topics,
                    publish_us: published.cpu_us_per_event,
                    resume_us: await resumeCost(context, server, 1, Math.min(topics, 500)),
                });
            });
        }
        return series(points, problems);
    },
};

const growthSelectors = {
    name: 'growth-selectors',
    number: 9,
    title: 'publishing to one subscriber beside 1, 100, 10,000 distinct patterns',
    servers: ['tailrace'],
    once: true,
    columns: [['publish_us', 'CPU per publish', 'µs']],
    targets: growthTargets([['publish_growth', 'publish, 10,000 patterns over 1']]),
    async measure(context) {
        const points = [];
        const problems = [];
        for (const selectors of [1, 100, 10_000]) {
            await withServer(context, 'tailrace', {}, async (server) => {
                const published = await load(context, server, {
                    ...PUBLISH,
                    subscribers: selectors,
                    topics: selectors,
                    publish_topics: 1,
                    subscribe: `${server.base}/t/s/%t/**`,
                    publish: `${server.base}/t/s/%t/x`,
                });
                problems.push(published.faults);
                points.push({ at: selectors, publish_us: published.cpu_us_per_event });
            });
        }
        return series(points, problems);
    },
};

const growthHistory = {
    name: 'growth-history',
    number: 9,
    title: 'publishing and resuming over 0, 100,000, 1,000,000, 10,000,000 stored events',
    servers: ['tailrace'],
    once: true,
    columns: growthTopics.columns,
    targets: growthTargets([
        ['publish_growth', 'publish, 10,000,000 events over none'],
        ['resume_growth', 'resume of 100 events, 10,000,000 over none'],
    ]),
    async measure(context) {
        const points = [];
        const problems = [];
        await withServer(context, 'tailrace', {}, async (server) => {
            let stored = 0;
            for (const events of [0, 100_000, 1_000_000, 10_000_000]) {
                if (events > stored) {
                    problems.push((await fill(context, server, events - stored)).faults);
                    stored = events;
                }
                const published = await load(context, server, PUBLISH);
                problems.push(published.faults);
                points.push({
                    at: events,
                    publish_us: published.cpu_us_per_event,
                    resume_us: await resumeCost(context, server, 100, 1),
                });
            }
        });
        return series(points, problems);
    },
};

const fill = (context, server, events) =>
    load(context, server, {
        subscribers: 1,
        subscribe: `${server.base}/t/b0`,
        lines: `${server.base}/t/b0?split=lines`,
        events,
        seconds: 120,
        payload: 40,
        window: 30000,
        warm: 0,
    });

function series(points, problems) {
    return {
        points,
        faults: problems.filter(Boolean).join('; '),
        publish_us: points.at(-1).publish_us,
        resume_us: points.at(-1).resume_us,
        publish_growth: ratio(points, 'publish_us'),
        resume_growth: ratio(points, 'resume_us'),
    };
}

export const GROWTH = [growthTopics, growthSelectors, growthHistory];
