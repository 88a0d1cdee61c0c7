// SPDX-License-Identifier: MIT
// Runs of the load generator and their results.
import path from 'node:path';
import { run } from './process.mjs';

// Results that make a run worthless: an event that was published did not come, came twice, or came
// in another order than at other subscribers.
const FAULTS = [
    'missing',
    'doubled',
    'disordered',
    'foreign',
    'abandoned',
    'closed',
    'failed',
    'publish_refused',
];

export function faults(result) {
    const found = FAULTS.filter((name) => result[name] > 0).map(
        (name) => `${name} ${result[name]}`,
    );
    const why = [result.problem, result.publish_problem].filter(Boolean).join('; ');
    return found.length ? `${found.join(', ')}${why && ` (${why})`}` : '';
}

// Options: {subscribers: 10, urgent: true} becomes --subscribers 10 --urgent; underscores become
// dashes.
export async function load(context, server, options, cores = context.clientCore) {
    const named = {
        ...(options.subscribers ? { subscribe: server.subscribe } : {}),
        ...(options.replay || options.file || options.lines || options.quiet
            ? {}
            : { publish: server.publish }),
        server: server.pid,
        ...options,
    };
    delete named.quiet;
    const args = Object.entries(named)
        .filter(([, value]) => value !== undefined && value !== false)
        .flatMap(([name, value]) => [
            `--${name.replaceAll('_', '-')}`,
            ...(value === true ? [] : [String(value)]),
        ]);
    const command = [path.join(context.tools, 'load'), ...args, ...server.load];
    const result = JSON.parse(await run(cores, command));
    result.faults = faults(result);
    return result;
}

// A fresh server for the duration of `use`.
export async function withServer(context, name, settings, use) {
    const server = await context.servers.get(name).start(context, settings);
    try {
        return await use(server);
    } finally {
        await server.stop();
    }
}

// One figure of the hub's /metrics.
export async function metric(server, name) {
    const text = await (await fetch(`${server.base}/metrics`)).text();
    const match = new RegExp(`^tailrace_${name} (\\d+)$`, 'm').exec(text);
    if (!match) throw new Error(`/metrics has no tailrace_${name}`);
    return Number(match[1]);
}
