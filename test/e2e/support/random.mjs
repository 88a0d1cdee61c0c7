// SPDX-License-Identifier: MIT
// Random numbers that their seed brings back. Each part of a test forks its own, so that what it
// decides does not depend on when the others are asked.
export class Random {
    #state = 0x811c9dc5;

    constructor(seed) {
        this.seed = String(seed);
        // FNV-1a
        for (const byte of Buffer.from(this.seed))
            this.#state = Math.imul(this.#state ^ byte, 0x01000193) >>> 0;
    }

    fork(name) {
        return new Random(`${this.seed}/${name}`);
    }

    // mulberry32: from 0 to below 1
    next() {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let x = this.#state;
        x = Math.imul(x ^ (x >>> 15), x | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
    }

    below(bound) {
        return Math.floor(this.next() * bound);
    }

    between(least, most) {
        return least + this.below(most - least + 1);
    }

    chance(share) {
        return this.next() < share;
    }

    pick(list) {
        return list[this.below(list.length)];
    }
}
