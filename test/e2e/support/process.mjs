// SPDX-License-Identifier: MIT
// A child process whose output is recorded by line.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { keepTrack } from './scope.mjs';
import { Recorder, within } from './wait.mjs';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
export const binary = process.env.TAILRACE_BIN
    ? path.resolve(process.env.TAILRACE_BIN)
    : path.join(root, 'build/release/tailrace');
if (!existsSync(binary))
    throw new Error(`no hub at ${binary}: build it with make, or set TAILRACE_BIN`);

// The environment without what would configure the hub behind the test's back.
export function cleanEnv(extra = {}) {
    const env = {};
    for (const [key, value] of Object.entries(process.env)) {
        if (key === 'PORT' || key.startsWith('NOTIFY_SOCKET')) continue;
        if (key.startsWith('TAILRACE_')) continue;
        if (/^(https?|all|no)_proxy$/i.test(key)) continue;
        env[key] = value;
    }
    return { ...env, ...extra };
}

// Builds test/fault/NAME.c; the value of LD_PRELOAD with which it is a part of the program.
export function preloaded(scope, name) {
    const library = path.join(scope.tempDir(), `${name}.so`);
    const source = path.join(root, `test/fault/${name}.c`);
    const flags = ['-shared', '-fPIC', '-O1', '-D_GNU_SOURCE'];
    execFileSync(process.env.CC ?? 'gcc', [...flags, '-o', library, source, '-ldl']);
    // A sanitizer's runtime wants to be the first library.
    const linked = execFileSync('ldd', [binary], { encoding: 'utf8' });
    const runtimes = [...linked.matchAll(/=> (\S*lib[atu]b?san\S*)/g)].map(([, lib]) => lib);
    return [...runtimes, library].join(' ');
}

const SANITIZER =
    /(ERROR|WARNING): (Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error: /;

export class Process {
    stdout = new Recorder(); // lines
    stderr = new Recorder();
    stdoutText = '';
    stderrText = '';
    result = null; // {code, signal} once it has ended

    // options: cwd, env (added to the clean environment), input (text for stdin; null leaves it
    // open), user ({uid, gid})
    constructor(scope, file, args = [], options = {}) {
        const { cwd, env = {}, input = '', user = {} } = options;
        this.name = [path.basename(file), ...args].join(' ').slice(0, 120);
        this.child = spawn(file, args, {
            cwd,
            env: cleanEnv(env),
            stdio: ['pipe', 'pipe', 'pipe'],
            ...user,
        });
        keepTrack(this.child);
        this.child.stdin.on('error', () => {});
        if (input !== null) this.child.stdin.end(input);
        this.#collect('stdout');
        this.#collect('stderr');
        this.exited = new Promise((resolve, reject) => {
            this.child.once('error', reject);
            this.child.once('close', (code, signal) => {
                this.result = { code, signal };
                this.stdout.finish(`${this.name} ended (${code ?? signal})`);
                this.stderr.finish(
                    `${this.name} ended (${code ?? signal}): ${this.stderrText.slice(-500)}`,
                );
                resolve(this.result);
            });
        });
        this.exited.catch(() => {});
        scope.defer(() => this.kill());
        scope.onFailure(() => `--- stderr of ${this.name}:\n${this.stderrText.slice(-8000)}`);
    }

    get pid() {
        return this.child.pid;
    }

    get running() {
        return this.child.exitCode === null && this.child.signalCode === null;
    }

    #collect(stream) {
        let rest = '';
        this.child[stream].setEncoding('utf8');
        this.child[stream].on('data', (text) => {
            this[`${stream}Text`] += text;
            const lines = (rest + text).split('\n');
            rest = lines.pop();
            for (const line of lines) this[stream].push(line);
        });
        this.child[stream].on('end', () => {
            if (rest !== '') this[stream].push(rest);
        });
    }

    signal(name) {
        this.child.kill(name);
    }

    // Waits for the end; {code, signal, stdout, stderr}.
    async wait(limit = 30_000) {
        const result = await within(this.exited, `the end of ${this.name}`, limit);
        return { ...result, stdout: this.stdoutText, stderr: this.stderrText };
    }

    async kill() {
        if (this.running) this.child.kill('SIGKILL');
        await this.exited.catch(() => {});
        this.assertSane();
    }

    // Sanitizers report on stderr; nothing they say may pass unnoticed.
    assertSane() {
        if (SANITIZER.test(this.stderrText)) {
            throw new Error(`sanitizer report from ${this.name}:\n${this.stderrText.slice(-6000)}`);
        }
    }
}

// Runs a program to its end.
export async function run(scope, file, args = [], options = {}) {
    return new Process(scope, file, args, options).wait(options.limit);
}

// Runs tailrace to its end: a command line that is expected to end by itself.
export function tailrace(scope, args, options = {}) {
    return run(scope, binary, args, options);
}

export function curl(scope, args, options = {}) {
    return run(scope, 'curl', ['--silent', '--show-error', '--max-time', '60', ...args], options);
}
