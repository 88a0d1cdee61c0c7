// SPDX-License-Identifier: MIT
// A scope owns everything a test starts: processes, sockets, directories. Whatever happens in the
// test, it is taken down in reverse order when the scope closes; if the whole test process ends
// early, its children are killed by their ids and its directories removed.
//
// `scenario(name, body)` is a test with a scope of its own; `shared()` is a scope for a whole file.
import { after, test } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// Sanitizer builds and busy machines: every time limit is multiplied by this.
const timeScale = Number(process.env.TAILRACE_TIME_SCALE ?? 1);
export const scaled = (ms) => ms * timeScale;

const living = new Set();
const dirs = new Set();
process.on('exit', () => {
    for (const child of living) child.kill('SIGKILL');
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => process.exit(1));
}

// Child processes that must not outlive this one.
export function keepTrack(child) {
    living.add(child);
    child.once('exit', () => living.delete(child));
    child.once('error', () => living.delete(child));
}

export class Scope {
    #cleanups = [];
    #reporters = [];

    // Runs when the scope closes, last registered first. May throw: the test then fails.
    defer(cleanup) {
        this.#cleanups.push(cleanup);
    }

    // A function that returns text worth reading when the test has failed.
    onFailure(reporter) {
        this.#reporters.push(reporter);
    }

    tempDir(prefix = 'tailrace-e2e-') {
        const dir = mkdtempSync(path.join(tmpdir(), prefix));
        dirs.add(dir);
        this.defer(() => {
            rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
            dirs.delete(dir);
        });
        return dir;
    }

    report() {
        for (const reporter of this.#reporters) {
            const text = reporter();
            if (text) process.stderr.write(`${text}\n`);
        }
    }

    async close() {
        const errors = [];
        while (this.#cleanups.length > 0) {
            try {
                await this.#cleanups.pop()();
            } catch (error) {
                errors.push(error);
            }
        }
        if (errors.length > 0) throw errors[0];
    }
}

// A test: body(scope, testContext). options.limit is the time it may take, in ms.
export function scenario(name, options, body) {
    if (typeof options === 'function') return scenario(name, {}, options);
    const { limit = 120_000, shared: fileScope, ...rest } = options;
    return test(name, { timeout: scaled(limit), ...rest }, async (t) => {
        const scope = new Scope();
        try {
            await body(scope, t);
            await scope.close();
        } catch (error) {
            fileScope?.report();
            scope.report();
            await scope.close().catch((second) => {
                process.stderr.write(`while cleaning up: ${second.stack}\n`);
            });
            throw error;
        }
    });
}

// A scope that lives as long as the test file.
export function shared() {
    const scope = new Scope();
    after(async () => {
        await scope.close();
    });
    return scope;
}
