// SPDX-License-Identifier: MIT
// Sources: files that are followed through everything that happens to log files, and simulated
// ones.
import assert from 'node:assert/strict';
import {
    chmodSync,
    closeSync,
    mkdirSync,
    openSync,
    readFileSync,
    renameSync,
    symlinkSync,
    unlinkSync,
    writeFileSync,
    writeSync,
} from 'node:fs';
import path from 'node:path';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { tailrace } from './support/process.mjs';
import { scenario } from './support/scope.mjs';
import { until } from './support/wait.mjs';

// A hub that follows one file: {hub, log, dir, stream}.
async function following(s, { create = true, source = {}, config = {}, before = () => {} } = {}) {
    const dir = s.tempDir();
    const log = new LogFile(path.join(dir, 'app.log'), { create });
    before(log, dir);
    const hub = await Hub.start(s, {
        config: { ...config, sources: [{ file: log.path, backfill: 'all', ...source }] },
    });
    return { hub, log, dir };
}

const open = (hub, topic = 'logs/app.log') =>
    hub.stream(`/t/${topic}?last=all`, { keepRaw: false });

async function stored(hub, query = '/t/logs/app.log?last=all') {
    const answer = await hub.get(query, { accept: 'application/json' });
    return answer.json().events.map((event) => event.data);
}

scenario(
    'lines of a file are delivered as they are written, under the topic logs/NAME',
    async (s) => {
        const { hub, log } = await following(s);
        const stream = await open(hub);
        for (let i = 1; i <= 50; i++) {
            log.lines([`line ${i}`]);
            assert.equal((await stream.waitData(i)).at(-1), `line ${i}`);
        }
    },
);

scenario('a new file starts with its newest `backfill` lines, or with all', async (s) => {
    const dir = s.tempDir();
    for (const name of ['some', 'all', 'none']) {
        new LogFile(path.join(dir, name)).lines(numbered(5000));
    }
    const hub = await Hub.start(s, {
        config: {
            sources: [
                { file: path.join(dir, 'some'), backfill: 10 },
                { file: path.join(dir, 'all'), backfill: 'all' },
                { file: path.join(dir, 'none'), backfill: 0 },
            ],
        },
    });
    const streams = {};
    for (const name of ['some', 'all', 'none']) {
        streams[name] = await open(hub, `logs/${name}`);
        new LogFile(path.join(dir, name), { create: false }).lines(['new']);
    }
    assertSequence(await streams.some.waitData(11), [...numbered(10, '', 4991), 'new']);
    assertSequence(await streams.all.waitData(5001), [...numbered(5000), 'new']);
    assertSequence(await streams.none.waitData(1), ['new']);
});

scenario('the topic comes from a template', async (s) => {
    const dir = s.tempDir();
    const logs = ['web.access.log', 'db.log'].map((name) => new LogFile(path.join(dir, name)));
    for (const log of logs) log.lines(['x']);
    const hub = await Hub.start(s, {
        config: {
            sources: [
                { file: logs[0].path, topic: 'a/{name}', backfill: 'all' },
                { file: logs[1].path, topic: 'b/{stem}/log', backfill: 'all', type: 'line' },
            ],
        },
    });
    assert.deepEqual(await (await open(hub, 'a/web.access.log')).waitData(1), ['x']);
    const typed = await open(hub, 'b/db/log');
    await typed.waitData(1);
    assert.equal(typed.events.items[0].type, 'line');
});

scenario('a last line without a newline waits for its end', async (s) => {
    const { hub, log } = await following(s);
    const stream = await open(hub);
    log.append('whole\nhalf a ');
    await stream.waitData(1);
    log.append('line');
    log.append(' and more');
    await hub.publish('logs/app.log', 'published in between');
    assert.deepEqual(await stream.waitData(2), ['whole', 'published in between']);
    log.append('\nnext\n');
    assert.deepEqual((await stream.waitData(4)).slice(2), ['half a line and more', 'next']);
});

scenario('bytes of every kind do no harm', async (s) => {
    const { hub, log } = await following(s, { config: { limits: { event_bytes: '1MB' } } });
    const stream = await open(hub);
    const emoji = Buffer.from('caf\u00e9 \u{1F600}\n');
    for (const byte of emoji) log.append(Buffer.from([byte]));
    log.append('dos\r\n\r\n  leading\t\n');
    log.append(Buffer.from([0x61, 0xff, 0x62, 0xc3, 0x0a]));
    log.append(Buffer.from([0x6e, 0x00, 0x75, 0x6c, 0x0a]));
    log.append('\u0001\u001b[31mred\u001b[0m\n');
    const binary = Buffer.alloc(4096, 0);
    for (let i = 0; i < binary.length; i++) binary[i] = (i * 7919) % 251;
    log.append(binary);
    log.append('\nend\n');
    await stream.events.waitFor(
        (items) => items.some((event) => event.data === 'end'),
        'the line after binary rubbish',
    );
    const all = await stored(hub);
    assert.deepEqual(all.slice(0, 6), [
        'caf\u00e9 \u{1F600}',
        'dos',
        '',
        '  leading\t',
        'a\ufffdb\ufffd',
        all[5],
    ]);
    assert.match(all[5], /^n[\u0000\ufffd\u2400]ul$/);
    assert.equal(all[6], '\u0001\u001b[31mred\u001b[0m');
});

scenario(
    'a line that is too long is cut at the bound and marked, the next one is whole',
    async (s) => {
        const { hub, log } = await following(s, { source: { line_bytes: '1KB' } });
        const stream = await open(hub);
        log.append('x'.repeat(700));
        log.append('x'.repeat(700));
        log.append('x'.repeat(100_000));
        log.append('\nshort\n');
        // The bound falls into the middle of a character.
        log.append(`${'\u{1F600}'.repeat(1000)}\nend\n`);
        await stream.events.waitFor(
            (items) => items.some((event) => event.data === 'end'),
            'the end',
        );
        const lines = stream.data;
        assert.equal(lines.length, 4);
        assert.match(lines[0], /^x{900,1024}[^x]/);
        assert.ok(Buffer.byteLength(lines[0]) <= 1024 + 200, 'cut');
        assert.equal(lines[1], 'short');
        assert.match(lines[2], /^\u{1F600}{200,256}[^\u{1F600}\ufffd]/u);
        assert.equal(lines[3], 'end');
    },
);

scenario(
    'a file that does not exist yet, in a directory that does not either, is followed once it does',
    async (s) => {
        const dir = s.tempDir();
        const nested = path.join(dir, 'not', 'yet', 'app.log');
        const hub = await Hub.start(s, {
            config: { sources: [{ file: nested, topic: 'later' }] },
        });
        const stream = await open(hub, 'later');
        mkdirSync(path.dirname(nested), { recursive: true });
        const log = new LogFile(nested);
        log.lines(['first', 'second']);
        assert.deepEqual(await stream.waitData(2), ['first', 'second']);
        log.lines(['third']);
        await stream.waitData(3);
    },
);

// --- rotation ---

scenario('rename and create: the old file is read to its end, then the new one', async (s) => {
    const { hub, log } = await following(s);
    const stream = await open(hub);
    const total = 50;
    for (let i = 0; i < total; i++) {
        log.lines(numbered(20, '', i * 40 + 1));
        // Half of the lines go to the old file after it was renamed, as a program does that has not
        // reopened it yet.
        const writer = openSync(log.path, 'a');
        log.rotate();
        writeSync(
            writer,
            numbered(20, '', i * 40 + 21)
                .map((line) => `${line}\n`)
                .join(''),
        );
        closeSync(writer);
        await stream.waitData((i + 1) * 40);
    }
    assertSequence(stream.data, numbered(total * 40));
});

scenario('rename, and the new file comes only later', async (s) => {
    const { hub, log } = await following(s);
    const stream = await open(hub);
    let at = 0;
    const more = (count) => {
        log.lines(numbered(count, '', at + 1));
        at += count;
    };
    for (let i = 0; i < 10; i++) {
        more(10);
        log.rotate({ create: false });
        await stream.waitData(at);
        log.create();
        more(10);
        await stream.waitData(at);
    }
    assertSequence(stream.data, numbered(at));
});

scenario('a program that goes on writing to the renamed file loses nothing', async (s) => {
    const { hub, log } = await following(s);
    const stream = await open(hub);
    log.lines(['1']);
    await stream.waitData(1);
    const writer = openSync(log.path, 'a');
    log.rotate({ create: false });
    for (let i = 2; i <= 20; i++) {
        writeSync(writer, `${i}\n`);
        await stream.waitData(i);
    }
    closeSync(writer);
    log.create();
    log.lines(['21']);
    assertSequence(await stream.waitData(21), numbered(21));
});

scenario('copytruncate: the file starts again from its beginning', async (s) => {
    const { hub, log } = await following(s);
    const stream = await open(hub);
    let at = 0;
    for (const count of [50, 10, 1, 300, 300, 5, 1000]) {
        log.lines(numbered(count, 'line ', at + 1));
        at += count;
        await stream.waitData(at);
        log.copyTruncate();
    }
    log.lines([`line ${at + 1}`]);
    await stream.waitData(at + 1);
    assertSequence(stream.data, numbered(at + 1, 'line '));
});

scenario(
    'copytruncate, and the new content is longer than the old before anybody looks',
    async (s) => {
        const { hub, log } = await following(s);
        const stream = await open(hub);
        let at = 0;
        for (const count of [10, 40, 160, 640]) {
            log.copyTruncate();
            log.lines(numbered(count, 'line ', at + 1));
            at += count;
            await stream.waitData(at);
        }
        assertSequence(stream.data, numbered(at, 'line '));
    },
);

scenario('delete and create again', async (s) => {
    const { hub, log } = await following(s);
    const stream = await open(hub);
    let at = 0;
    for (let i = 0; i < 20; i++) {
        log.lines(numbered(10, '', at + 1));
        at += 10;
        await stream.waitData(at);
        log.remove();
        log.create();
    }
    assertSequence(stream.data, numbered(at));
});

scenario('replaced by a rename of another file onto it', async (s) => {
    const { hub, log, dir } = await following(s);
    const stream = await open(hub);
    log.lines(['1', '2']);
    await stream.waitData(2);
    writeFileSync(path.join(dir, 'new'), '3\n4\n');
    renameSync(path.join(dir, 'new'), log.path);
    log.lines(['5']);
    assert.deepEqual(await stream.waitData(5), numbered(5));
});

scenario('rotation while lines are written fast: each line once and in order', async (s) => {
    const { hub, log } = await following(s);
    const stream = await open(hub);
    const total = 60_000;
    let at = 0;
    let rotatedAt = 0;
    for (let i = 1; at < total; i++) {
        const count = Math.min(137 + ((i * 31) % 400), total - at);
        const text = numbered(count, 'request number ', at + 1)
            .map((line) => `${line}\n`)
            .join('');
        // In two writes, cut in the middle of a line.
        log.append(text.slice(0, text.length - 7));
        log.append(text.slice(text.length - 7));
        at += count;
        if (i % 8 === 0) {
            log.rotate();
            // The hub has seen each file at least once before there is another.
            await stream.waitData(rotatedAt + 1);
            rotatedAt = at;
        }
    }
    assertSequence(await stream.waitData(total), numbered(total, 'request number '));
});

scenario(
    'several rotations before the hub has looked: every generation is read, in order',
    async (s) => {
        const { hub, log } = await following(s);
        const stream = await open(hub);
        let at = 0;
        for (let round = 0; round < 10; round++) {
            for (let i = 0; i < 5; i++) {
                log.lines(numbered(100, '', at + 1));
                at += 100;
                log.rotate();
            }
            await stream.waitData(at);
        }
        assertSequence(stream.data, numbered(at));
    },
);

scenario(
    'a file that may not be read is told of, disturbs no other, and is read when it may be',
    async (s) => {
        const dir = s.tempDir();
        chmodSync(dir, 0o755);
        const [secret, app] = ['secret', 'app'].map((name) => new LogFile(path.join(dir, name)));
        secret.lines(['1', '2']);
        chmodSync(secret.path, 0);
        app.lines(['1']);
        const hub = await Hub.start(s, {
            unprivileged: true,
            config: { sources: [secret, app].map((log) => ({ file: log.path, backfill: 'all' })) },
        });
        const told = (log, count) =>
            hub.process.stderr.waitFor(
                (lines) =>
                    lines.filter((line) => line.includes(`${log.path}: Permission denied`))
                        .length >= count,
                `the ${count}. word about ${log.path}`,
            );
        const streams = {
            secret: await open(hub, 'logs/secret'),
            app: await open(hub, 'logs/app'),
        };
        await told(secret, 1);
        assert.deepEqual(await streams.app.waitData(1), ['1']);
        assert.equal(streams.secret.data.length, 0);
        chmodSync(secret.path, 0o644);
        assert.deepEqual(await streams.secret.waitData(2), ['1', '2']);

        // What is open stays open; what takes its place is another matter.
        const writer = openSync(app.path, 'a');
        chmodSync(app.path, 0);
        writeSync(writer, '2\n');
        closeSync(writer);
        assert.deepEqual(await streams.app.waitData(2), ['1', '2']);
        app.rotate({ create: false });
        writeFileSync(app.path, '3\n', { mode: 0 });
        await told(app, 1);
        chmodSync(app.path, 0o644);
        app.lines(['4']);
        assert.deepEqual(await streams.app.waitData(4), numbered(4));
    },
);

// Until SIGCONT.
async function standStill(s, hub) {
    hub.process.signal('SIGSTOP');
    s.defer(() => hub.process.signal('SIGCONT'));
    await until(
        () => /^State:\s+T/m.test(readFileSync(`/proc/${hub.process.pid}/status`, 'utf8')),
        'the hub to stand still',
    );
}

scenario('copytruncate and a rename between two looks', async (s) => {
    const { hub, log } = await following(s);
    const stream = await open(hub);
    let at = 0;
    const more = () => {
        log.lines(numbered(10, 'line ', at + 1));
        at += 10;
    };
    for (let round = 0; round < 3; round++) {
        more();
        await stream.waitData(at);
        await standStill(s, hub);
        more();
        log.copyTruncate();
        more();
        log.rotate();
        more();
        hub.process.signal('SIGCONT');
        await stream.waitData(at);
    }
    assertSequence(stream.data, numbered(at, 'line '));
});

scenario('more changes than inotify can tell of lose nothing', async (s, t) => {
    const queued = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
    if (queued > 200_000) return t.skip(`a queue of ${queued} events takes too long to fill`);
    const { hub, log, dir } = await following(s);
    const stream = await open(hub);
    log.lines(['1']);
    await stream.waitData(1);
    await standStill(s, hub);
    const noise = path.join(dir, 'noise');
    for (let i = 0; i < queued; i++) {
        writeFileSync(noise, '');
        unlinkSync(noise);
    }
    // Of these nothing is told.
    log.lines(['2']);
    log.rotate();
    log.lines(['3']);
    hub.process.signal('SIGCONT');
    await hub.process.stderr.waitFor(
        (lines) => lines.some((line) => line.includes('inotify has lost events')),
        'the overflow',
    );
    assert.deepEqual(await stream.waitData(3), numbered(3));
});

// --- restarts ---

scenario('after kill -9 and restart no line is lost or repeated', async (s) => {
    const { hub, log } = await following(s);
    let at = 0;
    for (let i = 0; i < 8; i++) {
        log.lines(numbered(3000, '', at + 1));
        log.append('half a');
        const stream = await open(hub);
        // Killed at a moment when it is in the middle of reading.
        await stream.waitData(at + 1 + i * 50);
        await hub.kill9();
        at += 3000;
        log.append(` line ${i}\n`);
        at += 1;
        await hub.launch();
    }
    const expected = [];
    for (let i = 0; i < 8; i++) {
        expected.push(...numbered(3000, '', i * 3001 + 1), `half a line ${i}`);
    }
    const stream = await open(hub);
    assertSequence(await stream.waitData(expected.length), expected);
    assertSequence(await stored(hub), expected);
});

for (const [how, rotate] of [
    [
        'once',
        (log, lines) => {
            log.lines(lines(10));
            log.rotate();
            log.lines(lines(10));
        },
    ],
    [
        'three times',
        (log, lines) => {
            for (let i = 0; i < 3; i++) {
                log.lines(lines(10));
                log.rotate();
            }
            log.lines(lines(10));
        },
    ],
    [
        'and no new file has been made',
        (log, lines) => {
            log.lines(lines(10));
            log.rotate({ create: false });
        },
    ],
    [
        'by copytruncate, and has grown beyond where it was',
        (log, lines) => {
            log.copyTruncate();
            log.lines(lines(500));
        },
    ],
    [
        'by copytruncate, and then renamed',
        (log, lines) => {
            log.lines(lines(10));
            log.copyTruncate();
            log.lines(lines(10));
            log.rotate();
            log.lines(lines(10));
        },
    ],
    [
        'by copytruncate twice, and then renamed twice',
        (log, lines) => {
            for (const rotate of ['copyTruncate', 'copyTruncate', 'rotate', 'rotate']) {
                log.lines(lines(10));
                log[rotate]();
            }
            log.lines(lines(10));
        },
    ],
    [
        'by delete and create',
        (log, lines) => {
            log.remove();
            log.create();
            log.lines(lines(30));
        },
    ],
]) {
    scenario(`rotated ${how} while the hub was down`, async (s) => {
        const { hub, log } = await following(s);
        let at = 0;
        const lines = (count) => {
            at += count;
            return numbered(count, 'line ', at - count + 1);
        };
        log.lines(lines(100));
        await (await open(hub)).waitData(100);
        await hub.kill9();
        rotate(log, lines);
        await hub.launch();
        const stream = await open(hub);
        assertSequence(await stream.waitData(at), numbered(at, 'line '));
        if (how.includes('no new file')) log.create();
        log.lines(lines(5));
        assertSequence(await stream.waitData(at), numbered(at, 'line '));
        assertSequence(await stored(hub), numbered(at, 'line '));
    });
}

scenario('a clean restart neither repeats nor loses', async (s) => {
    const { hub, log } = await following(s);
    log.lines(numbered(1000));
    await (await open(hub)).waitData(1000);
    await hub.stop();
    log.lines(numbered(500, '', 1001));
    await hub.launch();
    assertSequence(await (await open(hub)).waitData(1500), numbered(1500));
});

// --- globs, links, directories ---

scenario('a glob takes new files while the hub runs, each with a topic of its own', async (s) => {
    const dir = s.tempDir();
    new LogFile(path.join(dir, 'one.log')).lines(['1']);
    new LogFile(path.join(dir, 'not.txt')).lines(['no']);
    const hub = await Hub.start(s, {
        config: {
            sources: [{ file: path.join(dir, '*.log'), topic: 'glob/{stem}', backfill: 'all' }],
        },
    });
    const stream = await hub.stream('/events?topic=glob/*&last=all&format=meta');
    await stream.waitData(1);
    for (let i = 2; i <= 20; i++) {
        new LogFile(path.join(dir, `n${i}.log`)).lines([String(i)]);
        new LogFile(path.join(dir, `n${i}.tmp`)).lines(['no']);
        await stream.waitData(i);
    }
    // A file that gets its name by a rename is a new one as well.
    writeFileSync(path.join(dir, 'hidden.part'), '21\n');
    renameSync(path.join(dir, 'hidden.part'), path.join(dir, 'arrived.log'));
    await stream.waitData(21);
    assertSequence(stream.data, numbered(21));
    assert.equal(stream.events.items[20].fields.topic, 'glob/arrived');
    const { events } = (
        await hub.get('/events?topic=glob/*&last=all', { accept: 'application/json' })
    ).json();
    assert.equal(events.length, 21);
});

scenario('a glob that matches rotated files does not read them twice', async (s) => {
    const dir = s.tempDir();
    const log = new LogFile(path.join(dir, 'app.log'));
    log.lines(numbered(10));
    const hub = await Hub.start(s, {
        config: { sources: [{ file: path.join(dir, 'app.log*'), backfill: 'all' }] },
    });
    const stream = await hub.stream('/events?topic=logs/*&last=all');
    await stream.waitData(10);
    for (let i = 1; i <= 5; i++) {
        log.rotate();
        log.lines(numbered(10, '', i * 10 + 1));
        await stream.waitData((i + 1) * 10);
    }
    await hub.restart();
    log.lines(['61']);
    const all = await hub.stream('/events?topic=logs/*&last=all');
    await all.waitData(61);
    assertSequence(
        [...all.data].sort((a, b) => a - b),
        numbered(61),
    );
});

scenario('a glob over directories', async (s) => {
    const dir = s.tempDir();
    for (const name of ['a', 'b']) {
        mkdirSync(path.join(dir, name));
        new LogFile(path.join(dir, name, 'out.log')).lines([name]);
    }
    const hub = await Hub.start(s, {
        config: {
            sources: [{ file: path.join(dir, '*', 'out.log'), topic: 'x/{path}', backfill: 'all' }],
        },
    });
    const stream = await hub.stream('/events?topic=x/**&last=all&format=meta');
    await stream.waitData(2);
    mkdirSync(path.join(dir, 'c'));
    new LogFile(path.join(dir, 'c', 'out.log')).lines(['c']);
    await stream.waitData(3);
    assert.deepEqual([...stream.data].sort(), ['a', 'b', 'c']);
    for (const event of stream.events.items) {
        assert.equal(event.fields.topic, `x${dir}/${event.data}/out.log`);
    }
});

scenario(
    'links that a glob finds are followed only when told, one that is named always',
    async (s) => {
        const dir = s.tempDir();
        new LogFile(path.join(dir, 'real.txt')).lines(['x']);
        symlinkSync(path.join(dir, 'real.txt'), path.join(dir, 'link.log'));
        symlinkSync('/etc/passwd', path.join(dir, 'evil.log'));
        new LogFile(path.join(dir, 'plain.log')).lines(['y']);
        const glob = (follow) => ({
            config: {
                sources: [
                    { file: path.join(dir, '*.log'), backfill: 'all', follow_symlinks: follow },
                ],
            },
        });
        const no = await Hub.start(s, glob(false));
        assert.deepEqual(await (await open(no, 'logs/plain.log')).waitData(1), ['y']);
        const names = (await no.get('/topics')).json().map((entry) => entry.topic);
        assert.deepEqual(names, ['logs/plain.log']);
        const yes = await Hub.start(s, glob(true));
        assert.deepEqual(await (await open(yes, 'logs/link.log')).waitData(1), ['x']);
        const named = await Hub.start(s, {
            config: {
                sources: [{ file: path.join(dir, 'link.log'), topic: 'link', backfill: 'all' }],
            },
        });
        assert.deepEqual(await (await open(named, 'link')).waitData(1), ['x']);
    },
);

scenario(
    'a directory in place of a file, or a glob without a placeholder, is refused at the start',
    async (s) => {
        const dir = s.tempDir();
        for (const source of [{ file: dir }, { file: `${dir}/*.log`, topic: 'all-in-one' }]) {
            const config = path.join(s.tempDir(), 'c.yml');
            writeFileSync(config, JSON.stringify({ sources: [source] }));
            const result = await tailrace(s, [
                'serve',
                '-c',
                config,
                '--listen',
                '127.0.0.1:0',
                '--data',
                path.join(s.tempDir(), 'data'),
            ]);
            assert.notEqual(result.code, 0);
            assert.match(result.stderr, /directory|\{name\}|placeholder/i);
        }
    },
);

// --- simulated ---

scenario('simulated words come at random intervals within the range', async (s) => {
    const words = ['queued', 'running', 'done'];
    const hub = await Hub.start(s, {
        config: {
            sources: [
                {
                    simulate: { words, interval: '20ms..120ms' },
                    topic: 'sim/status',
                    type: 'status',
                },
                { simulate: { words, interval: '10ms', order: 'shuffle' }, topic: 'sim/shuffled' },
                { simulate: { words, interval: '10ms', repeat: false }, topic: 'sim/once' },
            ],
        },
    });
    const stream = await hub.stream('/t/sim/status?last=all&format=meta');
    const data = await stream.waitData(20);
    assertSequence(
        data,
        Array.from({ length: 20 }, (_, i) => words[i % 3]),
    );
    assert.equal(stream.events.items[0].type, 'status');
    const times = stream.events.items.slice(0, 20).map((event) => Date.parse(event.fields.time));
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    assert.ok(gaps.reduce((sum, gap) => sum + gap) >= 19 * 20 * 0.9, String(gaps));
    assert.ok(new Set(gaps).size > 2, 'they differ');
    const shuffled = await (await open(hub, 'sim/shuffled')).waitData(60);
    assert.deepEqual(new Set(shuffled), new Set(words));
    assert.notDeepEqual(
        shuffled,
        Array.from({ length: 60 }, (_, i) => words[i % 3]),
    );
    await until(
        async () => (await stored(hub, '/t/sim/once?last=all')).length >= 3,
        'the three words',
    );
    assert.deepEqual(await stored(hub, '/t/sim/once?last=all'), words);
});

scenario('simulated lines come from a file', async (s) => {
    const dir = s.tempDir();
    writeFileSync(path.join(dir, 'lines.txt'), 'one\ntwo\r\nthree');
    const hub = await Hub.start(s, {
        config: {
            sources: [
                {
                    simulate: { file: path.join(dir, 'lines.txt'), interval: '5ms' },
                    topic: 'sim/lines',
                },
            ],
        },
    });
    assert.deepEqual(await (await open(hub, 'sim/lines')).waitData(6), [
        'one',
        'two',
        'three',
        'one',
        'two',
        'three',
    ]);
});

// Readers of JSON see where a new file begins; the lines are the same for everybody.
for (const [how, rotate] of [
    ['renamed', (log) => log.rotate()],
    ['copied and truncated', (log) => log.copyTruncate()],
    [
        'deleted and made anew',
        (log) => {
            log.remove();
            log.create();
        },
    ],
]) {
    scenario(
        `the first line of a new file says so: ${how}, live, stored and after a restart`,
        async (s) => {
            const { hub, log } = await following(s);
            const stream = await open(hub);
            const envelopes = await hub.stream('/events?topic=logs/**&last=all&format=envelope');
            log.lines(numbered(3, 'first '));
            await stream.waitData(3);
            rotate(log);
            log.lines(numbered(3, 'second '));
            // Both: what one of them has had may not have reached the other when the hub is killed.
            await stream.waitData(6);
            await envelopes.waitData(6);
            await hub.kill9();
            rotate(log);
            log.lines(numbered(3, 'third '));
            await hub.launch();
            const again = await open(hub);
            assertSequence(
                await again.waitData(9),
                ['first', 'second', 'third'].flatMap((word) => numbered(3, `${word} `)),
            );
            const live = envelopes.data.map((data) => JSON.parse(data));
            const { events } = (
                await hub.get('/t/logs/app.log?last=all', { accept: 'application/json' })
            ).json();
            const fresh = (all) => all.filter(({ rotated }) => rotated).map(({ data }) => data);
            assert.deepEqual(fresh(live), ['second 1']);
            assert.deepEqual(fresh(events), ['second 1', 'third 1']);
        },
    );
}
