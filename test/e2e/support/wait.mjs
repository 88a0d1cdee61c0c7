// SPDX-License-Identifier: MIT
// Waiting for things to happen. Every wait has a limit and says what it waited for.
import { scaled } from './scope.mjs';

const LIMIT_MS = 30_000;

// What arrived so far, and promises for what is still to come.
export class Recorder {
    items = [];
    #waiting = new Set();
    #ended = null;

    push(item) {
        this.items.push(item);
        this.wake();
    }

    // Nothing more will come; waits that are not satisfied fail at once with `reason`.
    finish(reason) {
        this.#ended ??= reason;
        this.wake();
    }

    wake() {
        for (const waiter of [...this.#waiting]) waiter();
    }

    // Resolves with the predicate's result as soon as it is truthy. The predicate sees all items.
    waitFor(predicate, what = String(predicate), limit = LIMIT_MS) {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => fail(`not within ${scaled(limit)} ms`), scaled(limit));
            const done = () => {
                clearTimeout(timer);
                this.#waiting.delete(look);
            };
            const fail = (why) => {
                done();
                const tail = JSON.stringify(this.items.slice(-5)).slice(0, 1500);
                reject(
                    new Error(
                        `waited for ${what}: ${why}; ${this.items.length} so far, ending ${tail}`,
                    ),
                );
            };
            const look = () => {
                let found;
                try {
                    found = predicate(this.items);
                } catch (error) {
                    done();
                    reject(error);
                    return;
                }
                if (found) {
                    done();
                    resolve(found);
                } else if (this.#ended !== null) {
                    fail(this.#ended);
                }
            };
            this.#waiting.add(look);
            look();
        });
    }

    waitCount(count, what = `${count} items`, limit = LIMIT_MS) {
        return this.waitFor((items) => items.length >= count && items, what, limit);
    }
}

// For conditions that can only be asked about: asks again until the answer is truthy.
export async function until(condition, what, limit = LIMIT_MS) {
    const deadline = Date.now() + scaled(limit);
    let last;
    for (;;) {
        try {
            last = await condition();
            if (last) return last;
        } catch (error) {
            if (error.code === 'ERR_ASSERTION') throw error;
            last = error;
        }
        if (Date.now() > deadline) {
            throw new Error(`waited for ${what}, in vain; at the end: ${last}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

// The promise's result, or an error that says what did not happen.
export function within(promise, what, limit = LIMIT_MS) {
    let timer;
    const deadline = new Promise((_, reject) => {
        timer = setTimeout(
            () => reject(new Error(`waited for ${what}: not within ${scaled(limit)} ms`)),
            scaled(limit),
        );
    });
    return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}
