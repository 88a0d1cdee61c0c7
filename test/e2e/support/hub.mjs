// SPDX-License-Identifier: MIT
// The real hub: started on a free port with a data directory of its own, killed, restarted,
// reloaded.
import assert from 'node:assert/strict';
import { chownSync, copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { request } from './http.mjs';
import { Process, binary } from './process.mjs';
import { Client, WireStream } from './sse.mjs';
import { within } from './wait.mjs';

// Nobody, as whom a hub runs that root must not help: root may read everything.
const NOBODY = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : null;

const READY = /^listening on (http:\/\/(.+):(\d+)\/)$/;

// What tests want unless they say otherwise: quick reconnects, a quick end, talkative.
const DEFAULTS = {
    stream: { retry: '100ms', drain: '100ms' },
    log: { level: 'debug' },
};

function merge(base, extra) {
    const out = { ...base };
    for (const [key, value] of Object.entries(extra)) {
        const both = [base[key], value];
        out[key] = both.every((v) => v && typeof v === 'object' && !Array.isArray(v))
            ? merge(base[key], value)
            : value;
    }
    return out;
}

export class Hub {
    // options: config (object, or YAML text as it is), args, env, input (text, null: left open),
    // listen, data, cwd, unprivileged: as somebody whom permissions concern, through: a command
    // that runs it
    static async start(scope, options = {}) {
        const hub = new Hub(scope, options);
        await hub.launch();
        return hub;
    }

    constructor(scope, options) {
        this.scope = scope;
        this.options = options;
        this.dir = scope.tempDir();
        this.data = options.data ?? path.join(this.dir, 'data');
        this.configFile = path.join(this.dir, 'tailrace.yml');
        this.listen = options.listen ?? '127.0.0.1:0';
        this.binary = binary;
        if (options.unprivileged && NOBODY) {
            this.user = NOBODY;
            // Where the binary lies, nobody may have no business.
            this.binary = path.join(this.dir, 'tailrace');
            copyFileSync(binary, this.binary);
            chownSync(this.dir, NOBODY.uid, NOBODY.gid);
        }
        this.port = 0;
        this.configure(options.config ?? {});
        scope.defer(() => this.finish());
        scope.onFailure(() => this.process && `--- the hub (${this.url ?? 'never ready'})`);
    }

    // Writes the configuration file; a running hub takes it with reload().
    configure(config) {
        // JSON is YAML: no second syntax to keep right in tests.
        const text =
            typeof config === 'string' ? config : JSON.stringify(merge(DEFAULTS, config), null, 2);
        writeFileSync(this.configFile, `${text}\n`);
    }

    spawn() {
        const { args = [], env, input, cwd, through = [] } = this.options;
        const listen = this.port ? this.listen.replace(/:\d+$/, `:${this.port}`) : this.listen;
        const [file, ...rest] = [...through, this.binary, 'serve', '-c', this.configFile];
        this.process = new Process(
            this.scope,
            file,
            [...rest, '--listen', listen, '--data', this.data, ...args],
            { env, input: input === undefined ? '' : input, cwd: cwd ?? this.dir, user: this.user },
        );
        return this.process;
    }

    // Starts it and waits until it can serve.
    async launch() {
        const process = this.spawn();
        const match = await process.stderr.waitFor(
            (lines) => lines.map((line) => line.match(READY)).find(Boolean),
            'the readiness line',
        );
        this.origin = match[1].replace(/\/$/, '');
        this.host = match[2];
        this.port = Number(match[3]);
        return this;
    }

    get url() {
        return this.origin && `${this.origin}/`;
    }

    get stderr() {
        return this.process.stderrText;
    }

    to(pathAndQuery) {
        return `${this.origin}${pathAndQuery}`;
    }

    async kill9() {
        this.process.signal('SIGKILL');
        await this.process.exited;
        this.process.assertSane();
    }

    // Asks it to stop and expects a clean end.
    async stop(limit) {
        this.process.signal('SIGTERM');
        const { code, signal } = await within(
            this.process.exited,
            'the hub to stop on SIGTERM',
            limit,
        );
        this.process.assertSane();
        assert.deepEqual({ code, signal }, { code: 0, signal: null }, 'a clean exit on SIGTERM');
    }

    // On the same port and the same data.
    async restart() {
        if (this.process.running) await this.kill9();
        await this.launch();
    }

    // SIGHUP with a new configuration; waits until the hub says that it has it (or, with `refused`,
    // that it has not).
    async reload(config, { refused = false } = {}) {
        this.configure(config);
        const seen = this.process.stderr.items.length;
        this.process.signal('SIGHUP');
        return this.process.stderr.waitFor(
            (lines) =>
                lines
                    .slice(seen)
                    .find(
                        (line) =>
                            /reload/i.test(line) && /level=(warn|error)/.test(line) === refused,
                    ),
            refused ? 'the reload to be refused' : 'the reload to be reported',
        );
    }

    // At the end of a test: whoever is still running must end well.
    async finish() {
        if (!this.process) return;
        if (this.process.running) {
            await this.stop();
        } else {
            assert.ok(
                this.process.result?.code === 0 || this.process.result?.signal === 'SIGKILL',
                `the hub ended by itself: ${JSON.stringify(this.process.result)}`,
            );
        }
    }

    request(pathAndQuery, options) {
        return request(this.to(pathAndQuery), options);
    }

    get(pathAndQuery, headers = {}) {
        return this.request(pathAndQuery, { headers });
    }

    post(pathAndQuery, body = '', headers = {}) {
        return this.request(pathAndQuery, { method: 'POST', body, headers });
    }

    delete(pathAndQuery, headers = {}) {
        return this.request(pathAndQuery, { method: 'DELETE', headers });
    }

    // Publishes and expects it to work; the answer's JSON.
    async publish(topic, data, query = '', headers = {}) {
        const answer = await this.post(`/t/${topic}${query}`, data, headers);
        assert.equal(answer.status, 200, answer.text);
        return answer.json();
    }

    publishLines(topic, lines, query = '') {
        return this.publish(
            topic,
            lines.map((line) => `${line}\n`).join(''),
            `?split=lines${query}`,
        );
    }

    stream(pathAndQuery, options, scope = this.scope) {
        return WireStream.open(scope, this.to(pathAndQuery), options);
    }

    client(pathAndQuery, options, scope = this.scope) {
        return new Client(scope, this.to(pathAndQuery), options);
    }
}

// "1-1042" → {epoch, seq}. seq as BigInt.
export function parseId(id) {
    const match = String(id).match(/^([0-9a-z]+)-([0-9]+)$/);
    assert.ok(match, `an id: ${id}`);
    return { epoch: match[1], seq: BigInt(match[2]) };
}

// Strictly rising ids of one epoch.
export function assertRising(ids) {
    for (let i = 1; i < ids.length; i++) {
        const [a, b] = [parseId(ids[i - 1]), parseId(ids[i])];
        assert.equal(a.epoch, b.epoch);
        assert.ok(a.seq < b.seq, `${ids[i - 1]} before ${ids[i]}`);
    }
}

// Compares long sequences without printing all of them.
export function assertSequence(actual, expected, what = 'the sequence') {
    const length = Math.min(actual.length, expected.length);
    for (let i = 0; i < length; i++) {
        if (actual[i] !== expected[i]) {
            assert.fail(
                `${what} differs at ${i} of ${expected.length}: ` +
                    `got ${JSON.stringify(actual.slice(Math.max(0, i - 2), i + 4))}, ` +
                    `expected ${JSON.stringify(expected.slice(Math.max(0, i - 2), i + 4))}`,
            );
        }
    }
    assert.equal(actual.length, expected.length, `the length of ${what}`);
}

export function numbered(count, prefix = '', from = 1) {
    return Array.from({ length: count }, (_, i) => `${prefix}${from + i}`);
}
