// SPDX-License-Identifier: MIT
// Small disks for a data directory: a file system of its own where the machine allows mounting one,
// in a mount namespace that ends with the test; and a limit to the size of files, which works
// everywhere.
import assert from 'node:assert/strict';
import {
    closeSync,
    fstatSync,
    fsyncSync,
    ftruncateSync,
    openSync,
    statSync,
    truncateSync,
    writeSync,
} from 'node:fs';
import path from 'node:path';
import { Process, binary, run } from './process.mjs';

const MB = 1024 * 1024;
const SIZE = 12 * MB;
const ROOM = 4 * MB;

// How to mount a file system of SIZE at $0; `image` is a file for one. The first that is allowed is
// taken.
const MOUNTS = [
    {
        what: 'ext4 in a file',
        unshare: ['-m'],
        enter: ['-m'],
        script: (image) =>
            `truncate -s ${SIZE} ${image} && mkfs.ext4 -q -b 4096 -m 0 ${image} && mount -o loop ${image} $0`,
    },
    {
        what: 'tmpfs',
        unshare: ['-m'],
        enter: ['-m'],
        script: () => `mount -t tmpfs -o size=${SIZE} none $0`,
    },
    {
        what: 'tmpfs of an unprivileged user',
        unshare: ['-Urm'],
        enter: ['-U', '-m', '--preserve-credentials'],
        script: () => `mount -t tmpfs -o size=${SIZE} none $0`,
    },
];

// Its free space is what a ballast file leaves.
class MountedDisk {
    // null: the machine does not allow it.
    static async open(scope, mount) {
        const place = scope.tempDir();
        const script = mount.script(path.join(scope.tempDir(), 'image'));
        // It ends when nobody holds its input any more, and the namespace with it.
        const holder = new Process(
            scope,
            'unshare',
            [...mount.unshare, 'sh', '-c', `${script} && echo mounted && exec cat`, place],
            { input: null },
        );
        const mounted = await holder.stdout.waitCount(1).catch(() => null);
        return mounted && new MountedDisk(mount, place, holder.pid);
    }

    constructor(mount, place, pid) {
        this.place = place;
        this.through = ['nsenter', '-t', String(pid), ...mount.enter];
        // As the test sees it.
        this.ballast = path.join(`/proc/${pid}/root${place}`, 'ballast');
    }

    leave(bytes) {
        const fd = openSync(this.ballast, 'a');
        // What a file system has set aside for blocks that are not placed yet is free after a sync.
        for (const length of [64 * 1024, 4096, 4096]) {
            try {
                for (;;) writeSync(fd, Buffer.alloc(length));
            } catch (error) {
                assert.equal(error.code, 'ENOSPC');
            }
            fsyncSync(fd);
        }
        ftruncateSync(fd, fstatSync(fd).size - bytes);
        fsyncSync(fd);
        closeSync(fd);
    }

    enlarge() {
        truncateSync(this.ballast, Math.max(statSync(this.ballast).size - ROOM, 0));
    }
}

// The hub may write no file that is larger.
class LimitedDisk {
    through = [];

    constructor(scope) {
        this.scope = scope;
        this.place = scope.tempDir();
    }

    leave(bytes) {
        this.through = ['prlimit', `--fsize=${bytes}:unlimited`];
    }

    async enlarge(hub) {
        this.through = [];
        if (!hub.process.running) return;
        const pid = String(hub.process.pid);
        const { code } = await run(this.scope, 'prlimit', ['--pid', pid, '--fsize=unlimited']);
        assert.equal(code, 0);
    }
}

// The kinds of disks that there are here: {what, open(scope)}. A disk has a `place` for data
// directories and the command `through` which a hub runs; leave(bytes) is that much room for it,
// enlarge(hub) gives it some MB more.
export async function diskKinds(scope) {
    const limited = { what: 'a limit to the size of files', open: (s) => new LimitedDisk(s) };
    for (const mount of MOUNTS) {
        if (await MountedDisk.open(scope, mount))
            return [{ what: mount.what, open: (s) => MountedDisk.open(s, mount) }, limited];
    }
    return [limited];
}

// Runs tailrace where the disk is.
export function tailraceOn(scope, disk, args) {
    const [file, ...before] = [...disk.through, binary];
    return run(scope, file, [...before, ...args]);
}
