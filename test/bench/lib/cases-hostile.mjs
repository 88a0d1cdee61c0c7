// SPDX-License-Identifier: MIT
// What one visitor can make a worker do: how long each request takes on the wall, how long others
// wait meanwhile, and the longest turn of the loop.
import { withServer } from './load.mjs';

const EVIL = encodeURIComponent('/(?:.|.){12}[\\x{10FFFD}\\x{10FFFE}]/');
const RANGES = encodeURIComponent(`/${'[ -\u{10ffff}]'.repeat(100)}/i`);
const TOPICS = 2000;
const LINES = 50_000;

const REQUESTS = [
    ['filter_ms', `/t/lines?last=all&filter=${EVIL}`, 'a costly filter'],
    ['compile_ms', `/t/lines?filter=${RANGES}`, 'a filter long in the making'],
    ['newest_ms', '/events?topic=memory/*&last=1', 'the newest of 2,000 topics in memory'],
    ['below_ms', `/t/lines?last=${LINES - 1}`, 'the newest 49,999 of 50,000'],
    ['topics_ms', '/topics', 'a list of 2,000 topics'],
];

// Wall time in milliseconds.
async function timed(url, options) {
    const began = performance.now();
    await (await fetch(url, options)).arrayBuffer();
    return performance.now() - began;
}

const post = (base, topic, body, query = '') =>
    timed(`${base}/t/${topic}${query}`, { method: 'POST', body });

export const HOSTILE = {
    name: 'hostile',
    number: 12,
    title: 'requests that are meant to stop a worker, and what others notice',
    servers: ['tailrace'],
    columns: [
        ...REQUESTS.map(([name, , text]) => [name, text, 'ms']),
        ['wait_ms', 'the longest /healthz meanwhile', 'ms'],
        ['turn_ms', 'longest turn, CPU', 'ms'],
    ],
    targets: [
        {
            text: 'milliseconds of CPU in the longest turn',
            most: 50,
            value: (runs) => runs.tailrace.turn_ms,
        },
    ],
    measure: async (context, name) =>
        withServer(context, name, {}, async ({ base }) => {
            const line = 'an ordinary line of a log, of about one hundred and twenty bytes';
            const lines = Array.from(
                { length: LINES },
                (_, i) => `${line.padEnd(110, '.')} ${i}\n`,
            );
            await post(base, 'lines', lines.join(''), '?split=lines');
            for (let i = 0; i < TOPICS; i++) await post(base, `memory/${i}`, 'x');
            await post(base, 'memory/0', lines.join(''), '?split=lines');
            const result = { wait_ms: 0 };
            let over = false;
            const other = (async () => {
                while (!over)
                    result.wait_ms = Math.max(result.wait_ms, await timed(`${base}/healthz`));
            })();
            for (const [column, path] of REQUESTS) {
                const headers = { accept: 'application/x-ndjson' };
                result[column] = await timed(base + path, { headers });
            }
            over = true;
            await other;
            const metrics = await (await fetch(`${base}/metrics`)).text();
            const [, seconds] = metrics.match(/^tailrace_turn_cpu_seconds_max (\S+)$/m);
            result.turn_ms = Number(seconds) * 1000;
            return result;
        }),
};
