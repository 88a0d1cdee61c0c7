// SPDX-License-Identifier: MIT
// Programs on chosen cores: starting, waiting, ending them by their id.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';

const END_MS = 10_000;

// Running programs: none may outlive this one, however it ends.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

function track(child) {
    running.add(child);
    child.once('close', () => running.delete(child));
    return child;
}

// The cores that this process may use. The server gets the last, the client the first. So they
// share one only if there is only one.
export function cores() {
    const line = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
    return line.split(',').flatMap((part) => {
        const [from, to = from] = part.split('-').map(Number);
        return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
}

// Runs a program to its end and returns its output. Throws when the program fails.
export async function run(core, command, { limit = 180_000 } = {}) {
    const child = track(
        spawn('taskset', ['-c', String(core), ...command], { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    const out = [];
    let errors = '';
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), limit);
    const [code, signal] = await once(child, 'close');
    clearTimeout(timer);
    if (code !== 0) throw new Error(`${command[0]} ended with ${signal ?? code}: ${errors.trim()}`);
    return Buffer.concat(out).toString('utf8');
}

// A program that keeps running, with a given number of descriptors or as many as permitted. {pid,
// line(pattern), stop()}
export function start(core, command, { descriptors, ...options } = {}) {
    const wanted = descriptors ? `ulimit -n ${Number(descriptors)} 2>/dev/null || ` : '';
    const script = `${wanted}ulimit -n "$(ulimit -Hn)"; exec taskset -c "$0" "$@"`;
    const child = track(
        spawn('sh', ['-c', script, String(core), ...command], {
            stdio: ['ignore', 'ignore', 'pipe'],
            ...options,
        }),
    );
    let errors = '';
    const waiting = new Set();
    const check = () => waiting.forEach((look) => look());
    child.stderr.on('data', (chunk) => {
        errors = (errors + chunk).slice(-100_000);
        check();
    });
    let ended = false;
    const closed = once(child, 'close').then(() => {
        ended = true;
        check();
    });
    return {
        pid: child.pid,
        // The first match in its stderr.
        line(pattern, limit = 15_000) {
            return new Promise((resolve, reject) => {
                const finish = (settle, value) => {
                    clearTimeout(timer);
                    waiting.delete(look);
                    settle(value);
                };
                const look = () => {
                    const match = pattern.exec(errors);
                    if (match) finish(resolve, match);
                    else if (ended)
                        finish(reject, new Error(`${command[0]} ended: ${errors.trim()}`));
                };
                const timer = setTimeout(
                    () =>
                        finish(
                            reject,
                            new Error(`${command[0]} did not get ready: ${errors.trim()}`),
                        ),
                    limit,
                );
                waiting.add(look);
                look();
            });
        },
        ended: () => ended,
        async stop(signal = 'SIGTERM') {
            if (ended) return;
            child.kill(signal);
            const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
            await closed;
            clearTimeout(timer);
        },
    };
}

export function freePort() {
    return new Promise((resolve, reject) => {
        const server = net.createServer().on('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

// Waits until a program listens on the port.
export async function listening(port, limit = 15_000) {
    const end = Date.now() + limit;
    for (;;) {
        const socket = net.connect(port, '127.0.0.1');
        const open = await new Promise((resolve) => {
            socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
        });
        socket.destroy();
        if (open) return;
        if (Date.now() > end) throw new Error(`nobody listens on port ${port}`);
        await pause(50);
    }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
