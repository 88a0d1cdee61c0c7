// SPDX-License-Identifier: MIT
// Which file is which, with a real hub: links, copies, compressed files, several writers, power
// cuts, files of days.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
    appendFileSync,
    copyFileSync,
    mkdirSync,
    readFileSync,
    renameSync,
    statSync,
    symlinkSync,
    truncateSync,
    writeFileSync,
} from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { scenario } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const FIRST = 'a first line that makes the content known';

const open = (hub, topic) => hub.stream(`/t/${topic}?last=all`, { keepRaw: false });

async function standStill(s, hub) {
    hub.process.signal('SIGSTOP');
    s.defer(() => hub.process.signal('SIGCONT'));
    await until(
        () => /^State:\s+T/m.test(readFileSync(`/proc/${hub.process.pid}/status`, 'utf8')),
        'the hub to stand still',
    );
}

// A hub that follows `file`, which has its first line, and a stream of its topic, which has it too.
async function following(s, dir, file, source = {}) {
    const hub = await Hub.start(s, {
        config: { sources: [{ file: path.join(dir, file), backfill: 'all', ...source }] },
    });
    return hub;
}

// What gzip does: the text, and the time of its last change.
function gzip(file) {
    execFileSync('gzip', [file]);
}

// --- links ---------------------------------------------------------------------------------------

scenario(
    'containers: a link to a log that is rotated and compressed while the hub is down',
    async (s) => {
        const dir = s.tempDir();
        for (const name of ['containers', 'pods']) mkdirSync(path.join(dir, name));
        const real = path.join(dir, 'pods', '0.log');
        writeFileSync(real, `${FIRST}\n`);
        symlinkSync(real, path.join(dir, 'containers', 'web_default_app-0a1b.log'));
        const hub = await following(s, dir, 'containers/*.log', { follow_symlinks: true });
        const topic = 'logs/web_default_app-0a1b.log';
        await (await open(hub, topic)).waitData(1);
        await hub.kill9();
        appendFileSync(real, '1\n');
        renameSync(real, `${real}.20261127-101010`);
        gzip(`${real}.20261127-101010`);
        writeFileSync(real, '2\n');
        renameSync(real, `${real}.20261127-111111`);
        writeFileSync(real, '3\n');
        await hub.launch();
        const stream = await open(hub, topic);
        assert.deepEqual(await stream.waitData(4), [FIRST, '1', '2', '3']);
        appendFileSync(real, '4\n');
        assert.equal((await stream.waitData(5)).at(-1), '4');
    },
);

scenario(
    'a link that is pointed on while the hub stands still, its old target rotated',
    async (s) => {
        const dir = s.tempDir();
        writeFileSync(path.join(dir, 'a.log'), `${FIRST}\n`);
        symlinkSync('a.log', path.join(dir, 'current'));
        const hub = await following(s, dir, 'current');
        const stream = await open(hub, 'logs/current');
        await stream.waitData(1);
        await standStill(s, hub);
        appendFileSync(path.join(dir, 'a.log'), '1\n');
        renameSync(path.join(dir, 'a.log'), path.join(dir, 'a.log.1'));
        writeFileSync(path.join(dir, 'a.log'), '2\n');
        writeFileSync(path.join(dir, 'b.log'), '3\n');
        symlinkSync('b.log', path.join(dir, 'next'));
        renameSync(path.join(dir, 'next'), path.join(dir, 'current'));
        hub.process.signal('SIGCONT');
        assert.deepEqual(await stream.waitData(4), [FIRST, '1', '2', '3']);
    },
);

// --- replaced ------------------------------------------------------------------------------------

scenario('sed -i, a copy that is renamed over the file, and a file saved in place', async (s) => {
    const dir = s.tempDir();
    const file = path.join(dir, 'app.log');
    writeFileSync(file, `${FIRST}\n`);
    const hub = await following(s, dir, 'app.log');
    const stream = await open(hub, 'logs/app.log');
    await stream.waitData(1);
    execFileSync('sed', ['-i', '$a 1', file]);
    await stream.waitData(2);
    copyFileSync(file, `${file}.tmp`);
    appendFileSync(`${file}.tmp`, '2\n');
    renameSync(`${file}.tmp`, file);
    await stream.waitData(3);
    writeFileSync(file, `${readFileSync(file, 'utf8')}3\n`);
    await stream.waitData(4);
    execFileSync('sed', ['-i.bak', '$a 4', file]);
    await stream.waitData(5);
    await hub.kill9();
    execFileSync('sed', ['-i', '$a 5', file]);
    execFileSync('sed', ['-i', '$a 6', file]);
    await hub.launch();
    const after = await open(hub, 'logs/app.log');
    assert.deepEqual(await after.waitData(7), [FIRST, '1', '2', '3', '4', '5', '6']);
    appendFileSync(file, '7\n');
    assert.equal((await after.waitData(8)).at(-1), '7');
    const metrics = await hub.get('/metrics');
    assert.doesNotMatch(metrics.body.toString(), /rotations_total\{[^\n]*\} [1-9]/);
});

scenario('lines that only the replaced file got are not lost', async (s) => {
    const dir = s.tempDir();
    const file = path.join(dir, 'app.log');
    writeFileSync(file, `${FIRST}\n`);
    const hub = await following(s, dir, 'app.log');
    const stream = await open(hub, 'logs/app.log');
    await stream.waitData(1);
    await standStill(s, hub);
    copyFileSync(file, `${file}.tmp`);
    appendFileSync(`${file}.tmp`, '2\n');
    appendFileSync(file, '1\n');
    renameSync(`${file}.tmp`, file);
    hub.process.signal('SIGCONT');
    assert.deepEqual(await stream.waitData(3), [FIRST, '1', '2']);
});

scenario('a log that is deleted and written anew with the same lines is shown again', async (s) => {
    const dir = s.tempDir();
    const log = new LogFile(path.join(dir, 'app.log'));
    const hub = await following(s, dir, 'app.log');
    const stream = await open(hub, 'logs/app.log');
    log.lines(numbered(20, 'the same '));
    await stream.waitData(20);
    log.remove();
    // The clock that stamps files has ticks. One passes between the two.
    const clock = () => {
        writeFileSync(path.join(dir, 'clock'), '.');
        return statSync(path.join(dir, 'clock'), { bigint: true }).mtimeNs;
    };
    const removed = clock();
    await until(() => clock() > removed + 10_000_000n, 'the clock of the file system to go on');
    log.create(
        numbered(20, 'the same ')
            .map((line) => `${line}\n`)
            .join(''),
    );
    assert.deepEqual(await stream.waitData(40), [
        ...numbered(20, 'the same '),
        ...numbered(20, 'the same '),
    ]);
});

// --- several writers -----------------------------------------------------------------------------

scenario('numbered logs of other writers appear, and what is left out is named once', async (s) => {
    const dir = s.tempDir();
    const write = (name, text) => appendFileSync(path.join(dir, name), text);
    write('worker.log', 'base\n');
    write('worker.1.log', 'one\n');
    write('worker.8080.log', 'port\n');
    write('worker.log.7', 'old\n');
    const hub = await following(s, dir, 'worker*');
    assert.deepEqual(await (await open(hub, 'logs/worker.8080.log')).waitData(1), ['port']);
    await hub.process.stderr.waitFor(
        (lines) => lines.some((line) => line.includes('worker.1.log') && /left out/.test(line)),
        'the file that is left out to be named',
    );
    const one = await open(hub, 'logs/worker.1.log');
    write('worker.1.log', 'two\n');
    assert.deepEqual(await one.waitData(2), ['one', 'two']);
    assert.match(hub.stderr, /a log of its own, not a rotated part[^\n]*worker\.1\.log/);
    const topics = (await hub.get('/topics', { accept: 'application/json' })).body.toString();
    assert.doesNotMatch(topics, /worker\.log\.7/);
    assert.equal(hub.stderr.match(/worker\.log\.7/g).length, 1, 'named once');
});

// --- power cut -----------------------------------------------------------------------------------

scenario('after a power cut a log goes on near its end', async (s) => {
    const dir = s.tempDir();
    const file = path.join(dir, 'app.log');
    writeFileSync(
        file,
        numbered(5000, 'line ')
            .map((line) => `${line}\n`)
            .join(''),
    );
    const hub = await following(s, dir, 'app.log');
    await (await open(hub, 'logs/app.log')).waitData(5000);
    await hub.kill9();
    const size = statSync(file).size;
    // The last lines were not on the disk, and of some of them only the length was.
    truncateSync(file, size - 3000);
    truncateSync(file, size - 1000);
    appendFileSync(file, '\nafter the cut\n');
    await hub.launch();
    const stream = await open(hub, 'logs/app.log');
    const data = await stream.events.waitFor(
        (items) => items.some((event) => event.data === 'after the cut') && stream.data,
        'the line after the cut',
    );
    assertSequence(data.slice(0, 5000), numbered(5000, 'line '));
    assert.ok(data.length < 5000 + 12_000 / 10 + 100, `${data.length - 5000} lines came twice`);
    assert.match(hub.stderr, /lost its end/);
});

// --- compressed ----------------------------------------------------------------------------------

scenario(
    'kill -9 while a compressed part is being read: no line is lost or repeated',
    async (s) => {
        const dir = s.tempDir();
        const log = new LogFile(path.join(dir, 'app.log'));
        log.lines(numbered(1000, 'line '));
        const hub = await following(s, dir, 'app.log');
        await (await open(hub, 'logs/app.log')).waitData(1000);
        await hub.kill9();
        const total = 400_000;
        writeFileSync(
            log.path,
            numbered(total, 'line ')
                .map((line) => `${line}\n`)
                .join(''),
        );
        renameSync(log.path, `${log.path}.1`);
        gzip(`${log.path}.1`);
        log.create('the end\n');
        await hub.launch();
        for (let round = 0; round < 3; round++) {
            const stream = await hub.stream('/t/logs/app.log?last=1', { keepRaw: false });
            const seen = (items) => items.some((event) => /[0-9]{5}$|the end/.test(event.data));
            await stream.events.waitFor(seen, 'some of the compressed part');
            await hub.kill9();
            await hub.launch();
        }
        const stream = await open(hub, 'logs/app.log');
        const data = await stream.waitData(total + 1);
        assertSequence(data.slice(0, total), numbered(total, 'line '));
        assert.equal(data[total], 'the end');
    },
);

scenario('a compressed part that would fill the memory costs none of it', async (s) => {
    const dir = s.tempDir();
    const log = new LogFile(path.join(dir, 'app.log'));
    log.lines([FIRST]);
    const hub = await following(s, dir, 'app.log', { line_bytes: '64KB' });
    await (await open(hub, 'logs/app.log')).waitData(1);
    await hub.kill9();
    const member = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024, 'x'), { level: 9 });
    const bomb = [zlib.gzipSync(`${FIRST}\n`), ...Array(16).fill(member)];
    writeFileSync(`${log.path}.1.gz`, Buffer.concat(bomb));
    log.create('after it\n');
    await hub.launch();
    const stream = await open(hub, 'logs/app.log');
    await stream.events.waitFor(
        (items) => items.some((event) => event.data === 'after it'),
        'the line after the bomb',
    );
    const status = readFileSync(`/proc/${hub.process.pid}/status`, 'utf8');
    const peak = Number(status.match(/^VmHWM:\s+(\d+)/m)[1]) / 1024;
    assert.ok(peak < 200, `${peak} MB at most`);
});

// --- files of days -------------------------------------------------------------------------------

scenario('files of days are one log under one topic, also after kill -9', async (s) => {
    const dir = s.tempDir();
    const day = (number) => path.join(dir, `log-202611${number}.txt`);
    writeFileSync(day(26), `${FIRST}\n`);
    const hub = await following(s, dir, 'log-*.txt', { topic: 'logs/app' });
    const stream = await open(hub, 'logs/app');
    await stream.waitData(1);
    appendFileSync(day(26), '1\n');
    writeFileSync(day(27), '2\n');
    assert.deepEqual(await stream.waitData(3), [FIRST, '1', '2']);
    await hub.kill9();
    appendFileSync(day(27), '3\n');
    writeFileSync(day(28), '4\n');
    writeFileSync(day(29), '5\n');
    await hub.launch();
    const after = await open(hub, 'logs/app');
    assert.deepEqual(await after.waitData(6), [FIRST, '1', '2', '3', '4', '5']);
    appendFileSync(day(29), '6\n');
    assert.equal((await after.waitData(7)).at(-1), '6');
});

// --- counted -------------------------------------------------------------------------------------

scenario('each rotation is counted once, whatever its kind', async (s) => {
    const dir = s.tempDir();
    const log = new LogFile(path.join(dir, 'app.log'));
    const hub = await following(s, dir, 'app.log');
    const stream = await open(hub, 'logs/app.log');
    let at = 0;
    for (const rotate of ['copyTruncate', 'rotate', 'copyTruncate', 'copyTruncate', 'rotate']) {
        log.lines(numbered(10, 'line ', at + 1));
        await stream.waitData((at += 10));
        await standStill(s, hub);
        // Of these only the copy tells, when it was one.
        log.lines(numbered(10, 'line ', at + 1));
        log[rotate]();
        log.lines(numbered(10, 'line ', at + 11));
        hub.process.signal('SIGCONT');
        await stream.waitData((at += 20));
    }
    assertSequence(stream.data, numbered(at, 'line '));
    const metrics = (await hub.get('/metrics')).body.toString();
    assert.match(metrics, /tailrace_source_rotations_total\{[^\n]*\} 5\n/);
});
