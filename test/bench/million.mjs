// SPDX-License-Identifier: MIT
// A million subscribers, shown in two ways: over real sockets, as many as the descriptors and the
// memory of this machine permit, and in the hub's own code over a sink that costs nothing.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { domainLines } from './lib/domain.mjs';
import { load, metric, withServer } from './lib/load.mjs';
import { cores, pause } from './lib/process.mjs';
import { servers } from './lib/servers.mjs';
import { aligned } from './lib/table.mjs';

// Descriptors of the hub, and of one client process, that are not subscribers.
const SPARE = 300;
const PROCESSES_MAX = 64;
// Both ends of a connection in the kernel, and the hub's own memory for it.
const BYTES_EACH = 11_000;

function options() {
    const string = { type: 'string' };
    const { values } = parseArgs({
        options: {
            tools: string,
            hub: string,
            subscribers: { type: 'string', default: '1000000' },
            tmp: { type: 'string', default: process.env.TMPDIR ?? '/var/tmp' },
        },
    });
    const subscribers = Number(values.subscribers);
    if (!values.tools || !values.hub || !(subscribers >= 1000)) {
        throw new Error(
            'usage: million.mjs --tools DIR --hub PROGRAM [--subscribers N, at least 1000] [--tmp DIR]',
        );
    }
    return { ...values, subscribers };
}

const limitOf = (pid) =>
    Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))[1]);

function cpuSeconds(pid) {
    return readdirSync(`/proc/${pid}/task`)
        .map((task) =>
            Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
        )
        .reduce((sum, ns) => sum + ns / 1e9, 0);
}

function available() {
    return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))[1]) * 1024;
}

// How many subscribers are possible: {subscribers, why}.
function reach(wanted, descriptors) {
    const nrOpen = readFileSync('/proc/sys/fs/nr_open', 'utf8').trim();
    const bounds = [
        [wanted, ''],
        [
            descriptors - SPARE,
            `the hub may have ${descriptors} descriptors; raise the hard limit (ulimit -Hn, LimitNOFILE=, the kernel's fs.nr_open is ${nrOpen})`,
        ],
        [
            (descriptors - SPARE) * PROCESSES_MAX,
            `${PROCESSES_MAX} client processes may have ${descriptors} descriptors each`,
        ],
        [Math.floor((available() * 0.9) / BYTES_EACH), 'memory that is available'],
    ];
    return bounds.reduce(
        (best, [subscribers, why]) =>
            subscribers < best.subscribers ? { subscribers, why } : best,
        { subscribers: Infinity, why: '' },
    );
}

async function untilNoneIsLeft(server) {
    for (const end = Date.now() + 60_000; Date.now() < end;) {
        if ((await metric(server, 'subscribers')) === 0) return;
        await pause(20);
    }
    throw new Error('subscribers are still there a minute after all have left');
}

async function sockets(context, subscribers, descriptors) {
    return withServer(context, 'tailrace', { descriptors: context.wanted }, async (server) => {
        const processes = Math.min(
            PROCESSES_MAX,
            Math.max(1, Math.ceil(subscribers / (descriptors - SPARE))),
        );
        const result = await load(context, server, {
            subscribers,
            processes,
            window: 1,
            warm: 2,
            events: 20,
            seconds: 60,
            settle: 2,
            idle: 16, // a round of heartbeats
        });
        await untilNoneIsLeft(server);
        return { ...result, leave_s: cpuSeconds(server.pid) - result.server_cpu_end_s };
    });
}

const SOCKET_COLUMNS = [
    ['subscribers', (r) => r.opened.toLocaleString('en')],
    ['client processes', (r) => String(r.processes)],
    ['memory each, bytes', (r) => r.subscriber_rss_bytes.toFixed(0)],
    ['kernel slab each, both ends', (r) => r.subscriber_slab_bytes.toFixed(0)],
    ['connecting, s', (r) => r.connect_s.toFixed(2)],
    ['heartbeats, CPU %', (r) => r.idle_cpu_percent.toFixed(2)],
    ['CPU per delivery, µs', (r) => r.cpu_us_per_delivery.toFixed(2)],
    ['one event to all, ms', (r) => (r.complete_us.p50 / 1000).toFixed(1)],
    ['faults', (r) => r.faults || 'none'],
];

const DOMAIN_COLUMNS = [
    ['shape', (r) => r.shape],
    ['subscribers', (r) => r.subscribers.toLocaleString('en')],
    ['bytes each', (r) => r.bytes_each.toFixed(0)],
    ['join, ns', (r) => r.join_ns.toFixed(0)],
    ['one event, ms', (r) => (r.event_us / 1000).toFixed(3)],
    ['a delivery, ns', (r) => r.delivery_ns.toFixed(1)],
    ['of 8 together, ns', (r) => r.delivery_of_8_ns.toFixed(2)],
    ['heartbeat round, ms', (r) => (r.heartbeat_round_us / 1000).toFixed(2)],
    ['a heartbeat, ns', (r) => r.heartbeat_ns.toFixed(1)],
    ['a tenth leave, ms', (r) => (r.leave_us / 1000).toFixed(2)],
    ['each, ns', (r) => r.leave_ns.toFixed(1)],
    ['touching memory, ns', (r) => r.walk_ns.toFixed(1)],
];

function print(columns, results) {
    const rows = results.map((result) => columns.map(([, text]) => text(result)));
    for (const line of aligned([columns.map(([name]) => name), ...rows])) console.log(line);
}

async function main() {
    const values = options();
    const usable = cores();
    const context = {
        tools: path.resolve(values.tools),
        hub: path.resolve(values.hub),
        tmp: mkdtempSync(path.join(values.tmp, 'tailrace-bench-')),
        cores: usable,
        serverCore: usable.at(-1),
        clientCore: usable.length > 1 ? usable.slice(0, -1).join() : usable[0],
        servers: servers(),
        wanted: values.subscribers + SPARE,
    };
    process.on('exit', () => rmSync(context.tmp, { recursive: true, force: true }));
    const descriptors = await withServer(
        context,
        'tailrace',
        { descriptors: context.wanted },
        async (server) => limitOf(server.pid),
    );
    const { subscribers, why } = reach(values.subscribers, descriptors);
    console.log(`${os.cpus()[0].model}, ${usable.length} cores\n`);
    console.log(
        `**Over sockets**: ${values.subscribers.toLocaleString('en')} asked for, ${subscribers.toLocaleString('en')} measured${why && `: ${why}`}\n`,
    );
    const results = [];
    for (const count of [Math.ceil(subscribers / 10), subscribers])
        results.push(await sockets(context, count, descriptors));
    print(SOCKET_COLUMNS, results);
    console.log(
        `\nAll leave at once: ${results.map((r) => `${(r.leave_s * 1000).toFixed(0)} ms of CPU for ${r.opened.toLocaleString('en')}`).join(', ')}`,
    );
    console.log(`\n**The hub's own code, a sink that costs nothing**\n`);
    const lines = await domainLines(
        path.join(context.tools, 'domain'),
        context.serverCore,
        Math.max(1_000_000, values.subscribers),
    );
    print(DOMAIN_COLUMNS, lines);
    process.exitCode = results.some((result) => result.faults) ? 1 : 0;
}

main().catch((error) => {
    console.error(error.message);
    process.exitCode = 64;
});
