// SPDX-License-Identifier: MIT
// The servers that can be measured. Each start gives a fresh one: {pid, subscribe, publish (URLs
// with %t for the topic's number), load (more options of the load generator), stop()}. `missing()`
// says what is not installed, null when everything is.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort, listening, pause, start } from './process.mjs';

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));

const installed = (program) => spawnSync('which', [program], { stdio: 'ignore' }).status === 0;

function template(name, values) {
    const text = readFileSync(path.join(PEERS, name), 'utf8');
    return text.replace(/@([A-Z_]+)@/g, (_, key) => values[key]);
}

export function tempDir(context) {
    return mkdtempSync(path.join(context.tmp, 'run-'));
}

const remove = (dir) => rmSync(dir, { recursive: true, force: true });

// --- the hub -------------------------------------------------------------------------------------

const CONFIG = `limits:
  connections: 1000000
  connections_per_address: 1000000
  topics: 200000
retention: {bytes: 64GB, count: 0}
topics:
  - {match: memory/**, durability: memory}
`;

// durable: events are on the disk before they are answered. Otherwise the topics keep their events
// in memory.
function tailrace({ durable = true } = {}) {
    return {
        missing: () => null,
        async start(
            context,
            { workers = 1, cores = context.serverCore, sources = [], descriptors } = {},
        ) {
            const dir = tempDir(context);
            const lists = sources
                .map(({ file, topic }) => `  - {file: ${file}, topic: ${topic}}\n`)
                .join('');
            const text = `workers: ${workers}\n${CONFIG}${lists && `sources:\n${lists}`}`;
            writeFileSync(path.join(dir, 'tailrace.yml'), text);
            const command = [context.hub, 'serve', '-c', path.join(dir, 'tailrace.yml')];
            command.push('--listen', '127.0.0.1:0', '--data', path.join(dir, 'data'));
            const hub = start(cores, command, { descriptors });
            const [, base] = await hub.line(/listening on (http:\/\/[0-9.:]+)\//);
            const topic = durable ? 'b' : 'memory/b';
            return {
                pid: hub.pid,
                base,
                dir,
                subscribe: `${base}/t/${topic}%t`,
                publish: `${base}/t/${topic}%t`,
                load: [],
                async stop() {
                    // SIGKILL: draining all streams for a clean end is not measured.
                    await hub.stop('SIGKILL');
                    remove(dir);
                },
            };
        },
    };
}

// --- the machine's limits ------------------------------------------------------------------------

function raw(tool, ...args) {
    return {
        missing: () => null,
        async start(context, { extra = [] } = {}) {
            const server = start(context.serverCore, [
                path.join(context.tools, tool),
                ...args,
                '0',
                ...extra,
            ]);
            const [, base] = await server.line(/listening on (http:\/\/[0-9.:]+)\//);
            return {
                pid: server.pid,
                base,
                subscribe: `${base}/t/b%t`,
                publish: `${base}/t/b%t`,
                load: [],
                stop: () => server.stop(),
            };
        },
    };
}

// --- other hubs ----------------------------------------------------------------------------------

const NCHAN_MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';

const nchan = {
    missing: () =>
        installed('nginx') && existsSync(NCHAN_MODULE)
            ? null
            : 'nginx-light and libnginx-mod-nchan',
    async start(context) {
        const dir = tempDir(context);
        const port = await freePort();
        mkdirSync(path.join(dir, 'tmp'));
        const values = { PORT: port, MODULE: NCHAN_MODULE, CONNECTIONS: context.descriptors - 100 };
        writeFileSync(path.join(dir, 'nginx.conf'), template('nchan.conf.in', values));
        const server = start(context.serverCore, [
            'nginx',
            '-p',
            dir,
            '-c',
            path.join(dir, 'nginx.conf'),
        ]);
        await listening(port);
        return {
            pid: server.pid,
            subscribe: `http://127.0.0.1:${port}/sub/%t`,
            publish: `http://127.0.0.1:${port}/pub/%t`,
            load: [],
            async stop() {
                await server.stop();
                remove(dir);
            },
        };
    },
};

const PUSHPIN_BODY =
    '{"items":[{"channel":"t%t","formats":{"http-stream":{"content":"data: %p\\u000a\\u000a"}}}]}';

// Pushpin publishes through a port of its own. A small origin behind it holds every subscriber.
const pushpin = {
    missing: () => (installed('pushpin') && installed('zurl') ? null : 'pushpin and zurl'),
    async start(context) {
        const dir = tempDir(context);
        const values = { DIR: dir };
        for (const name of ['HTTP', 'PULL', 'PUBLISH', 'SUB', 'COMMAND', 'ORIGIN'])
            values[name] = await freePort();
        values.CONNECTIONS = context.descriptors - 1000;
        writeFileSync(path.join(dir, 'pushpin.conf'), template('pushpin.conf.in', values));
        writeFileSync(path.join(dir, 'zurl.conf'), template('zurl.conf.in', values));
        writeFileSync(path.join(dir, 'routes'), `* 127.0.0.1:${values.ORIGIN}\n`);
        mkdirSync('/var/run/zurl', { recursive: true });
        const programs = [
            start(context.clientCore, [
                'node',
                path.join(PEERS, 'grip-origin.mjs'),
                String(values.ORIGIN),
            ]),
            start(context.clientCore, ['zurl', `--config=${dir}/zurl.conf`, '--loglevel=1']),
        ];
        await listening(values.ORIGIN);
        const server = start(context.serverCore, ['pushpin', `--config=${dir}/pushpin.conf`]);
        await listening(values.HTTP);
        await listening(values.PUBLISH);
        await pause(1500); // its parts find each other and do not report when they have
        return {
            pid: server.pid,
            subscribe: `http://127.0.0.1:${values.HTTP}/sub/%t`,
            publish: `http://127.0.0.1:${values.PUBLISH}/publish/`,
            load: [
                '--content-type',
                'application/json',
                '--body',
                PUSHPIN_BODY,
                '--connecting',
                '64',
            ],
            async stop() {
                await server.stop();
                for (const program of programs) await program.stop();
                remove(dir);
            },
        };
    },
};

const betterSse = {
    missing: () =>
        existsSync(path.join(PEERS, 'node_modules/better-sse'))
            ? null
            : 'better-sse (npm, in test/bench/peers)',
    async start(context) {
        const port = await freePort();
        const server = start(context.serverCore, [
            'node',
            path.join(PEERS, 'better-sse.mjs'),
            String(port),
        ]);
        await listening(port);
        return {
            pid: server.pid,
            subscribe: `http://127.0.0.1:${port}/sub/%t`,
            publish: `http://127.0.0.1:${port}/pub/%t`,
            load: [],
            stop: () => server.stop(),
        };
    },
};

// A server that runs already, named on the command line: NAME,publish-url,subscribe-url,pid.
export function external(text) {
    const [name, publish, subscribe, pid] = text.split(',');
    if (
        !name ||
        !/^http:\/\//.test(publish ?? '') ||
        !/^http:\/\//.test(subscribe ?? '') ||
        !(Number(pid) > 0)
    ) {
        throw new Error(`--peer ${text}: must be NAME,publish-url,subscribe-url,pid`);
    }
    const instance = { pid: Number(pid), publish, subscribe, load: [], stop: async () => {} };
    return [name, { missing: () => null, start: async () => instance, peer: true }];
}

export function servers() {
    return new Map([
        ['tailrace', tailrace()],
        ['tailrace-memory', tailrace({ durable: false })],
        ['raw-send', raw('raw', 'send')],
        ['raw-coalesce', raw('raw', 'coalesce')],
        ['raw-replay', raw('raw', 'replay')],
        ['raw-follow', raw('follow')],
        ['nchan', { ...nchan, peer: true }],
        ['pushpin', { ...pushpin, peer: true, mayLose: true }],
        ['better-sse', { ...betterSse, peer: true }],
    ]);
}
