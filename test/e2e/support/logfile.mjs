// SPDX-License-Identifier: MIT
// A program that writes a log, and what rotates it.
import {
    appendFileSync,
    copyFileSync,
    existsSync,
    renameSync,
    truncateSync,
    unlinkSync,
    writeFileSync,
} from 'node:fs';

export class LogFile {
    // keep: how many rotated files stay
    constructor(path, { create = true, keep = Infinity } = {}) {
        this.path = path;
        this.keep = keep;
        this.generations = 0;
        if (create) writeFileSync(path, '');
    }

    append(data) {
        appendFileSync(this.path, data);
    }

    lines(lines) {
        this.append(lines.map((line) => `${line}\n`).join(''));
    }

    // log.1 → log.2 …
    #shift() {
        if (this.generations === this.keep) unlinkSync(`${this.path}.${this.generations--}`);
        for (let i = this.generations; i >= 1; i--) {
            if (existsSync(`${this.path}.${i}`))
                renameSync(`${this.path}.${i}`, `${this.path}.${i + 1}`);
        }
        this.generations++;
    }

    // log → log.1 → log.2 …, as logrotate does. The new file appears at once, unless told
    // otherwise.
    rotate({ create = true } = {}) {
        this.#shift();
        renameSync(this.path, `${this.path}.1`);
        if (create) writeFileSync(this.path, '');
    }

    // The copytruncate way: what was read is copied, the file itself starts again.
    copyTruncate() {
        this.#shift();
        copyFileSync(this.path, `${this.path}.1`);
        truncateSync(this.path, 0);
    }

    remove() {
        unlinkSync(this.path);
    }

    create(data = '') {
        writeFileSync(this.path, data);
    }
}
