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
    constructor(path, { create = true } = {}) {
        this.path = path;
        this.generations = 0;
        if (create) writeFileSync(path, '');
    }

    append(data) {
        appendFileSync(this.path, data);
    }

    lines(lines) {
        this.append(lines.map((line) => `${line}\n`).join(''));
    }

    // log → log.1 → log.2 …, as logrotate does; older ones are kept. The new file appears at once,
    // unless told otherwise.
    rotate({ create = true } = {}) {
        for (let i = this.generations; i >= 1; i--) {
            renameSync(`${this.path}.${i}`, `${this.path}.${i + 1}`);
        }
        renameSync(this.path, `${this.path}.1`);
        this.generations++;
        if (create) writeFileSync(this.path, '');
    }

    // The copytruncate way: what was read is copied, the file itself starts again.
    copyTruncate() {
        for (let i = this.generations; i >= 1; i--) {
            if (existsSync(`${this.path}.${i}`))
                renameSync(`${this.path}.${i}`, `${this.path}.${i + 1}`);
        }
        copyFileSync(this.path, `${this.path}.1`);
        truncateSync(this.path, 0);
        this.generations++;
    }

    remove() {
        unlinkSync(this.path);
    }

    create(data = '') {
        writeFileSync(this.path, data);
    }
}
