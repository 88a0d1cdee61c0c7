// SPDX-License-Identifier: MIT
// The command line: every command, exit codes by class, and bad input of every kind, which gets a
// clear error and never a hang.
import assert from 'node:assert/strict';
import {
    chmodSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    statSync,
    truncateSync,
    writeFileSync,
    openSync,
    writeSync,
    closeSync,
} from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { request } from './support/http.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { Process, binary, root, tailrace } from './support/process.mjs';
import { CuttingProxy } from './support/proxy.mjs';
import { scenario } from './support/scope.mjs';
import { WireStream } from './support/sse.mjs';
import { until, within } from './support/wait.mjs';

const USAGE = 64;
const VERSION = readFileSync(path.join(root, 'VERSION'), 'utf8').trim();

// An ordinary error: a text on stderr that matches, an exit code of ours, no signal, no hang.
function assertFails(result, pattern, codes) {
    assert.equal(result.signal, null, `killed by ${result.signal}: ${result.stderr}`);
    assert.notEqual(result.code, 0, result.stdout + result.stderr);
    assert.match(result.stderr, pattern);
    if (codes)
        assert.ok(
            [].concat(codes).includes(result.code),
            `exit code ${result.code}: ${result.stderr}`,
        );
}

const locksOf = (pid) =>
    readFileSync('/proc/locks', 'utf8')
        .split('\n')
        .filter((line) => line.split(/\s+/).includes(`${pid}`))
        .join('\n');

// Paths of the files that a process has open.
function opened(pid) {
    const dir = `/proc/${pid}/fd`;
    return readdirSync(dir).flatMap((fd) => {
        try {
            return [readlinkSync(path.join(dir, fd))];
        } catch {
            return []; // closed meanwhile
        }
    });
}

// Starts without the harness's own configuration: {process, origin}.
async function bare(s, args, { env = {}, ...options } = {}) {
    const process = new Process(s, binary, args, {
        env: {
            TAILRACE_LISTEN: '127.0.0.1:0',
            TAILRACE_DATA: path.join(s.tempDir(), 'data'),
            ...env,
        },
        ...options,
    });
    const [, origin] = await process.stderr.waitFor(
        (lines) =>
            lines.map((line) => line.match(/^listening on (http:\/\/.+:\d+)\/$/)).find(Boolean),
        'the readiness line',
    );
    return { process, origin };
}

async function stopped({ process }) {
    process.signal('SIGTERM');
    const result = await process.wait();
    assert.deepEqual([result.code, result.signal], [0, null], result.stderr);
    return result;
}

scenario('help and version', async (s) => {
    for (const args of [['--help'], ['-h'], ['help']]) {
        const result = await tailrace(s, args);
        assert.equal(result.code, 0);
        for (const command of ['serve', 'demo', 'tail', 'pub', 'check', 'version']) {
            assert.match(result.stdout, new RegExp(`\\b${command}\\b`));
        }
        assert.equal(result.stderr, '');
    }
    for (const command of ['serve', 'demo', 'tail', 'pub', 'check', 'version']) {
        const result = await tailrace(s, [command, '--help']);
        assert.equal(result.code, 0, command);
        assert.match(result.stdout, new RegExp(`tailrace ${command}`));
    }
    for (const args of [['version'], ['--version']]) {
        const result = await tailrace(s, args);
        assert.equal(result.code, 0);
        assert.ok(result.stdout.includes(VERSION), result.stdout);
    }
});

scenario('a wrong command line is a usage error that names what is wrong', async (s) => {
    for (const [args, pattern] of [
        [['serve', '--nonsense'], /unknown option --nonsense$/m],
        [['serve', '--nonsense=secret'], /unknown option --nonsense$/m],
        [['pub', '-x'], /unknown option -x$/m],
        [['serve', '--listen'], /option --listen needs a value/],
        [['tail', '-n'], /option -n needs a value/],
        [['tail', '--json=yes'], /option --json takes no value/],
        [['tail'], /URL/i],
        [['pub'], /URL/i],
        [['check', 'a', 'b', 'c'], /unexpected argument "a"/],
        [['tail', '-n', 'many', 'http://127.0.0.1:1/t/x'], /-n|many/],
        [['tail', 'not a url'], /not a url|URL/i],
        [['tail', 'ftp://127.0.0.1/t/x'], /ftp|http/i],
        [['pub', 'nonsense', 'x'], /nonsense|URL/i],
        [['version', 'please'], /please|argument/],
    ]) {
        assertFails(await tailrace(s, args), pattern, USAGE);
    }
});

scenario('values that make no sense are refused by name', async (s) => {
    for (const [args, pattern] of [
        [['serve', '--listen', 'nowhere'], /nowhere/],
        [['serve', '--listen', '127.0.0.1:99999'], /99999/],
        [['serve', '--listen', '127.0.0.1:port'], /port/],
        [['serve', '--listen', '999.0.0.1:0'], /999\.0\.0\.1/],
        [['serve', '-c', '/no/such/file.yml'], /\/no\/such\/file\.yml/],
    ]) {
        assertFails(await tailrace(s, [...args, '--data', path.join(s.tempDir(), 'd')]), pattern);
    }
    for (const [name, value, pattern] of [
        ['TAILRACE_STREAM_HEARTBEAT', 'often', /TAILRACE_STREAM_HEARTBEAT/],
        ['PORT', 'eighty', /PORT/],
        ['TAILRACE_LISTEN', ':::', /TAILRACE_LISTEN|:::/],
    ]) {
        const result = await tailrace(s, ['serve', '--data', path.join(s.tempDir(), 'd')], {
            env: { [name]: value },
        });
        assertFails(result, pattern);
    }
});

scenario('check says what is wrong with a configuration, and where', async (s) => {
    const dir = s.tempDir();
    const file = path.join(dir, 'c.yml');
    const checked = (text) => {
        writeFileSync(file, text);
        return tailrace(s, ['check', '-c', file]);
    };
    assert.equal((await checked('listen: 127.0.0.1:0\nstream:\n  heartbeat: 5s\n')).code, 0);
    assert.equal((await checked('')).code, 0);
    // Nothing to check is another thing than something wrong in it.
    const missing = await tailrace(s, ['check', '-c', path.join(dir, 'not-there.yml')]);
    assertFails(missing, /^tailrace check: cannot open .*not-there\.yml/, 69);
    const example = await tailrace(s, ['check', '-c', path.join(root, 'packaging/tailrace.yml')]);
    assert.equal(example.code, 0, example.stderr);
    for (const [text, pattern] of [
        ['listen: 127.0.0.1:0\nno_such_key: 1\n', /c\.yml:2.*no_such_key/s],
        ['\n\nstream:\n  heartbeat: soon\n', /c\.yml:4.*heartbeat/s],
        ['stream:\n  heartbeat: 15\n', /c\.yml:2/],
        ['limits:\n  event_bytes: -1\n', /c\.yml:2.*event_bytes/s],
        ['workers: 1\nkeys: [\n', /c\.yml:[23]/],
        ['log:\n  level: loud\n', /c\.yml:2.*(error|debug)/s],
        ['keys:\n  - name: a\n    subscribe: [x]\n    secret: short\n', /c\.yml:[23].*secret/s],
        ['keys:\n  - {name: a, subscribe: [x]}\n', /c\.yml:2.*secret/s],
        ['keys:\n  - {name: a, secret: long-enough-1}\n', /c\.yml:2.*(publish|subscribe)/s],
        ['keys:\n  - {name: a, secret: long-enough-1, subscribe: ["a/**b\\0"]}\n', /c\.yml:2/],
        ['origins: [example.com]\n', /c\.yml:1.*origin/is],
        ['origins: ["https://a.example/path"]\n', /c\.yml:1/],
        ['routes:\n  - {path: nothing, to: /t/x}\n', /c\.yml:2/],
        ['routes:\n  - {path: /x, to: /nowhere}\n', /c\.yml:2/],
        ['topics:\n  - {match: "a/\\x01"}\n', /c\.yml:2/],
        ['sources:\n  - {topic: x}\n', /c\.yml:2/],
        ['sources:\n  - {file: "/var/log/*.log", topic: all}\n', /c\.yml:2|name/],
        ['a: 1\na: 2\n', /c\.yml:[12]/],
        ['listen: a\nlisten: b\n', /c\.yml:2.*listen/s],
        ['\tlisten: x\n', /c\.yml:1/],
        ['just text', /c\.yml:1/],
        [`${'['.repeat(5000)}`, /c\.yml/],
        ['x: &a [*a]\n', /c\.yml/],
    ]) {
        const result = await checked(text);
        assertFails(result, pattern);
        const served = await tailrace(s, [
            'serve',
            '-c',
            file,
            '--listen',
            '127.0.0.1:0',
            '--data',
            path.join(dir, 'd'),
        ]);
        assertFails(served, pattern);
    }
    writeFileSync(file, Buffer.from([0x6c, 0xff, 0xfe, 0x00]));
    assertFails(await tailrace(s, ['check', '-c', file]), /c\.yml/);
    assertFails(await tailrace(s, ['check', '-c', path.join(dir, 'missing.yml')]), /missing\.yml/);
    assertFails(await tailrace(s, ['check', '-c', dir]), /./);
    assert.deepEqual(
        readdirSync(dir).includes('d'),
        false,
        'check and a refused start make nothing',
    );
});

scenario('secrets in a configuration are not repeated in its errors', async (s) => {
    const file = path.join(s.tempDir(), 'c.yml');
    const secret = 'do-not-show-me-123';
    writeFileSync(
        file,
        `keys:\n  - {name: a, secret: ${secret}, subscribe: ["\\x01"]}\n  - {name: a, secret: ${secret}}\n`,
    );
    const result = await tailrace(s, ['check', '-c', file]);
    assert.notEqual(result.code, 0);
    assert.ok(!(result.stderr + result.stdout).includes(secret), result.stderr);
});

// --- where it cannot serve ---

scenario('a start waits for one that is still dying', async (s) => {
    const hub = await Hub.start(s);
    await hub.stop();
    const lock = path.join(hub.data, 'lock');
    // Holds the lock as long as its input is open.
    const dying = new Process(s, 'flock', ['-x', lock, 'cat'], { input: null });
    await until(() => /^\d+: FLOCK .*:\d+ 0 EOF$/m.test(locksOf(dying.pid)), 'the lock');
    const again = hub.spawn();
    await until(() => opened(again.pid).includes(lock), 'the second to look at the lock');
    dying.child.stdin.end();
    await again.stderr.waitFor((lines) => lines.find((line) => /^listening on/.test(line)));
});

scenario('a port in use is said, by hubs and by others', async (s) => {
    const hub = await Hub.start(s);
    const again = await tailrace(s, [
        'serve',
        '--listen',
        `127.0.0.1:${hub.port}`,
        '--data',
        path.join(s.tempDir(), 'd'),
    ]);
    assertFails(again, new RegExp(`${hub.port}`), [69, 75]);
    assert.match(again.stderr, /in use/i);
    const other = net.createServer();
    await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
    s.defer(() => other.close());
    const { port } = other.address();
    const second = await tailrace(s, [
        'serve',
        '--listen',
        `127.0.0.1:${port}`,
        '--data',
        path.join(s.tempDir(), 'd'),
    ]);
    assertFails(second, /in use/i, [69, 75]);
    assert.equal((await hub.get('/healthz')).status, 200);
});

scenario('an address that is not of this machine is said', async (s) => {
    const file = path.join(s.tempDir(), 'c.yml');
    writeFileSync(file, 'open: true\n');
    const result = await tailrace(s, [
        'serve',
        '-c',
        file,
        '--listen',
        '192.0.2.1:0',
        '--data',
        path.join(s.tempDir(), 'd'),
    ]);
    assertFails(result, /192\.0\.2\.1/);
});

scenario('two hubs on one data directory: the second one is turned away', async (s) => {
    const hub = await Hub.start(s);
    const result = await tailrace(s, ['serve', '--listen', '127.0.0.1:0', '--data', hub.data]);
    assertFails(result, /in use|another/i, [69, 75]);
    assert.ok(result.stderr.includes(hub.data), 'the directory is named');
    await hub.publish('x', 'still working');
});

scenario('a data directory that cannot be used is refused and left alone', async (s) => {
    const dir = s.tempDir();
    const serve = (data) => tailrace(s, ['serve', '--listen', '127.0.0.1:0', '--data', data]);
    // A file in its place.
    writeFileSync(path.join(dir, 'file'), 'mine');
    assertFails(await serve(path.join(dir, 'file')), /file/);
    assertFails(await serve(path.join(dir, 'file', 'below')), /file/);
    assert.equal(readFileSync(path.join(dir, 'file'), 'utf8'), 'mine');
    // Nowhere to make it.
    assertFails(await serve(path.join(dir, 'not', 'there', 'yet')), /not/);
    // A file system that takes nothing, also from root.
    assertFails(await serve('/proc/tailrace'), /\/proc\/tailrace/);
    // Somebody else's data.
    const foreign = path.join(dir, 'foreign');
    mkdirSync(foreign);
    writeFileSync(path.join(foreign, 'data.mdb'), 'this is not a journal\n'.repeat(2000));
    assertFails(await serve(foreign), /foreign/);
    assert.match(readFileSync(path.join(foreign, 'data.mdb'), 'utf8'), /^this is not a journal\n/);
    if (process.getuid() !== 0) {
        const closed = path.join(dir, 'closed');
        mkdirSync(closed);
        chmodSync(closed, 0o500);
        assertFails(await serve(closed), /closed/);
    }
});

scenario('the data directory is for its owner only', async (s) => {
    const hub = await Hub.start(s);
    assert.equal(statSync(hub.data).mode & 0o077, 0);
});

scenario('a corrupt journal is said to be corrupt', async (s) => {
    const hub = await Hub.start(s);
    for (let i = 0; i < 20; i++)
        await hub.publishLines('logs/x', numbered(500, 'some line of text '));
    await hub.stop();
    const files = readdirSync(hub.data).filter((name) => !/lock/.test(name));
    const largest = files
        .map((name) => path.join(hub.data, name))
        .sort((a, b) => statSync(b).size - statSync(a).size)[0];
    const good = readFileSync(largest);
    const damaged = async (damage) => {
        writeFileSync(largest, good);
        damage();
        const started = new Process(
            s,
            binary,
            ['serve', '--listen', '127.0.0.1:0', '--data', hub.data],
            { input: '' },
        );
        const ready = started.stderr.waitFor(
            (lines) => lines.some((line) => line.startsWith('listening')),
            'readiness',
        );
        const how = await Promise.race([
            ready.then(
                () => 'ready',
                () => 'ended',
            ),
            started.exited.then(() => 'ended'),
        ]);
        if (how === 'ready') return { started };
        return { result: await started.wait() };
    };
    const overwrite = (at, length) => () => {
        const fd = openSync(largest, 'r+');
        writeSync(fd, Buffer.alloc(length, 0xa5), 0, length, at);
        closeSync(fd);
    };
    // Its head: nothing can be made of it.
    const head = await damaged(overwrite(0, 8192));
    assert.ok(head.result, 'it does not start');
    assertFails(head.result, /corrupt|damaged|not a|journal/i);
    assert.ok(head.result.stderr.includes(hub.data), 'the directory is named');
    // The format mark of an empty or of a cut file.
    const empty = await damaged(() => truncateSync(largest, 0));
    if (empty.result) assertFails(empty.result, /journal|corrupt|damaged/i);
    else await stopped({ process: empty.started });
    const cut = await damaged(() => truncateSync(largest, 8192));
    assert.ok(cut.result, 'a journal whose pages are cut off does not start');
    assertFails(cut.result, /corrupt|damaged|journal/i);
    // Its inside: whether it notices at once or when reading, it must not die of it.
    for (
        let at = 8192;
        at < good.length - 4096;
        at += Math.max(4096, Math.floor(good.length / 12 / 4096) * 4096)
    ) {
        const inside = await damaged(overwrite(at, 4096));
        if (inside.result) {
            assertFails(inside.result, /corrupt|damaged|journal/i);
            continue;
        }
        const line = inside.started.stderr.items.find((text) => text.startsWith('listening'));
        const origin = line.replace(/^listening on (.*)\/$/, '$1');
        await request(`${origin}/t/logs/x?last=all`, { headers: { accept: 'text/plain' } }).catch(
            (error) => {
                assert.notEqual(error.code, 'ECONNREFUSED');
            },
        );
        await request(`${origin}/t/logs/x`, { method: 'POST', body: 'x' }).catch(() => {});
        assert.ok(
            inside.started.running,
            `it died of a damaged page at ${at}: ${inside.started.stderrText}`,
        );
        inside.started.signal('SIGTERM');
        const end = await inside.started.wait();
        assert.equal(end.signal, null);
    }
});

// --- with no configuration ---

scenario('`tailrace FILE` follows the file and says where to look', async (s) => {
    const log = new LogFile(path.join(s.tempDir(), 'app.log'));
    log.lines(['one', 'two']);
    const hub = await bare(s, [log.path]);
    const stream = await WireStream.open(s, `${hub.origin}/t/logs/app.log?last=all`);
    assert.deepEqual(await stream.waitData(2), ['one', 'two']);
    log.lines(['three']);
    await stream.waitData(3);
    const { stderr, stdout } = await stopped(hub);
    assert.equal(stdout, '');
    assert.ok(stderr.trim().split('\n').length <= 3, `quiet by default: ${stderr}`);
});

scenario('`tailrace serve FILE FILE` follows several', async (s) => {
    const dir = s.tempDir();
    for (const name of ['a.log', 'b.log']) new LogFile(path.join(dir, name)).lines([name]);
    const hub = await bare(s, ['serve', 'a.log', path.join(dir, 'b.log')], { cwd: dir });
    const stream = await WireStream.open(s, `${hub.origin}/events?topic=logs/*&last=all`);
    assert.deepEqual((await stream.waitData(2)).sort(), ['a.log', 'b.log']);
    await stopped(hub);
});

scenario(
    'a missing log file or a directory on the command line is an error that names it',
    async (s) => {
        const env = { TAILRACE_LISTEN: '127.0.0.1:0', TAILRACE_DATA: path.join(s.tempDir(), 'd') };
        assertFails(await tailrace(s, ['/no/such/app.log'], { env }), /\/no\/such\/app\.log/);
        const dir = s.tempDir();
        assertFails(await tailrace(s, [dir], { env }), /directory/i);
        assertFails(await tailrace(s, ['serv'], { env }), /serv/);
    },
);

scenario('`cmd | tailrace` is the topic logs/stdin', async (s) => {
    const hub = await bare(s, [], { input: null });
    const stream = await WireStream.open(s, `${hub.origin}/t/logs/stdin?last=all`);
    hub.process.child.stdin.write('one\ntw');
    await stream.waitData(1);
    hub.process.child.stdin.write('o\r\n  three\n');
    await stream.waitData(3);
    hub.process.child.stdin.end('the last, without a newline');
    assert.deepEqual(await stream.waitData(4), [
        'one',
        'two',
        '  three',
        'the last, without a newline',
    ]);
    // What was read stays to be seen.
    const later = await request(`${hub.origin}/t/logs/stdin`);
    assert.match(later.text, /^one\n/);
    await stopped(hub);
});

scenario('flags go over environment, environment over file, file over defaults', async (s) => {
    const dir = s.tempDir();
    const file = path.join(dir, 'c.yml');
    writeFileSync(file, 'listen: 127.0.0.2:0\nlog: {level: error}\n');
    const env = { TAILRACE_LISTEN: undefined, TAILRACE_CONFIG: file };
    const byFile = await bare(s, ['serve'], { env });
    assert.match(byFile.origin, /127\.0\.0\.2/);
    const byEnv = await bare(s, ['serve', '-c', file], { env: { TAILRACE_LISTEN: '127.0.0.3:0' } });
    assert.match(byEnv.origin, /127\.0\.0\.3/);
    const byFlag = await bare(s, ['serve', '-c', file, '--listen', '127.0.0.4:0'], {
        env: { TAILRACE_LISTEN: '127.0.0.3:0' },
    });
    assert.match(byFlag.origin, /127\.0\.0\.4/);
    const byPort = await bare(s, ['serve'], { env: { TAILRACE_LISTEN: undefined, PORT: '0' } });
    assert.match(byPort.origin, /:\d+$/);
    assert.doesNotMatch(byPort.origin, /:8080$/);
});

scenario('the log is logfmt or JSON on stderr', async (s) => {
    for (const format of ['logfmt', 'json']) {
        const hub = await Hub.start(s, { config: { log: { level: 'debug', format } } });
        await hub.get('/t/x?last=many');
        await hub.stop();
        const lines = hub.process.stderr.items.filter(
            (line) => line !== '' && !line.startsWith('listening on'),
        );
        assert.ok(lines.length > 0);
        for (const line of lines) {
            if (format === 'json') assert.ok(JSON.parse(line).level, line);
            else assert.match(line, /(^|\s)level=\w+\s/);
        }
    }
});

// --- tail ---

scenario('tail prints lines as they come and goes on over a restart of the hub', async (s) => {
    const hub = await Hub.start(s, { config: { stream: { retry: '50ms' } } });
    await hub.publishLines('x', numbered(20));
    const tail = new Process(s, binary, ['tail', '-n', '5', hub.to('/t/x')]);
    assertSequence((await tail.stdout.waitCount(5)).slice(0, 5), numbered(5, '', 16));
    for (let round = 1; round <= 3; round++) {
        await hub.publish('x', `round ${round}`);
        await tail.stdout.waitCount(4 + round * 2);
        await hub.restart();
        await hub.publish('x', `after ${round}`);
        await tail.stdout.waitCount(5 + round * 2);
    }
    assert.deepEqual(tail.stdout.items.slice(5), [
        'round 1',
        'after 1',
        'round 2',
        'after 2',
        'round 3',
        'after 3',
    ]);
    tail.signal('SIGINT');
    const { signal, code } = await tail.wait();
    assert.ok(signal === 'SIGINT' || [0, 130].includes(code), `${signal} ${code}`);
});

scenario('tail --json prints an object a line', async (s) => {
    const hub = await Hub.start(s);
    const { id } = await hub.publish('x', 'two\nlines', '?type=t');
    const tail = new Process(s, binary, ['tail', '--json', '-n', '1', hub.to('/t/x')]);
    const [line] = await tail.stdout.waitCount(1);
    const event = JSON.parse(line);
    assert.deepEqual(
        { ...event, time: '' },
        { id, topic: 'x', type: 't', time: '', data: 'two\nlines' },
    );
});

scenario('tail ends with the topic, and with a clear error when it is refused', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('x', 'a');
    await hub.publish('x', 'b', '?close=1');
    const ended = await tailrace(s, ['tail', hub.to('/t/x?last=all')]);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stdout, 'a\nb\n');
    const keyed = await Hub.start(s, {
        config: {
            keys: [{ name: 'k', secret: 'tail-secret-0001', publish: ['**'], subscribe: ['**'] }],
        },
    });
    assertFails(await tailrace(s, ['tail', keyed.to('/t/x')]), /401|key|credential/i);
    const wrong = await tailrace(s, ['tail', keyed.to('/t/x?key=wrong-secret-0009')]);
    assertFails(wrong, /401|key|credential/i);
    assert.ok(!wrong.stderr.includes('wrong-secret-0009'));
    assertFails(await tailrace(s, ['tail', hub.to('/nothing')]), /404|not found/i);
    assertFails(await tailrace(s, ['tail', hub.to('/t/x?last=many')]), /last/);
});

scenario('tail is cut again and again and prints every line once', async (s) => {
    const hub = await Hub.start(s, { config: { stream: { retry: '20ms' } } });
    const total = 4000;
    await hub.publishLines('x', numbered(total, 'line number '));
    const proxy = await CuttingProxy.start(s, hub.port);
    proxy.cutAfterDown = 12_345;
    const tail = new Process(s, binary, ['tail', proxy.to('/t/x?last=all')]);
    await tail.stdout.waitCount(total, 'all lines', 60_000);
    assertSequence(tail.stdout.items, numbered(total, 'line number '));
    assert.ok(proxy.connections.items.length > 5);
});

scenario('tail whose reader goes away ends', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('x', numbered(10));
    const tail = new Process(s, binary, ['tail', hub.to('/t/x?last=all')]);
    await tail.stdout.waitCount(10);
    tail.child.stdout.destroy();
    for (let i = 0; i < 50 && tail.running; i++) {
        await hub.publish('x', String(i));
        await within(new Promise((resolve) => setImmediate(resolve)), 'a turn');
    }
    const { code, signal } = await tail.wait();
    assert.ok(signal === 'SIGPIPE' || code !== null);
});

// --- pub ---

const stored = async (hub, topic) => {
    const answer = await hub.get(`/t/${topic}?last=all`, { accept: 'application/json' });
    return answer.json().events.map((event) => event.data);
};

scenario('pub publishes an argument, or standard input by lines', async (s) => {
    const hub = await Hub.start(s);
    const one = await tailrace(s, ['pub', hub.to('/t/x'), 'hello world']);
    assert.equal(one.code, 0, one.stderr);
    const lines = await tailrace(s, ['pub', hub.to('/t/x'), '-'], { input: 'a\n\n  b\nlast' });
    assert.equal(lines.code, 0, lines.stderr);
    assert.deepEqual(await stored(hub, 'x'), ['hello world', 'a', '', '  b', 'last']);
    const typed = await tailrace(s, ['pub', hub.to('/t/y?type=t'), 'z']);
    assert.equal(typed.code, 0, typed.stderr);
});

scenario('pub delivers lines while its input is still open', async (s) => {
    const hub = await Hub.start(s);
    const stream = await hub.stream('/t/x');
    const pub = new Process(s, binary, ['pub', hub.to('/t/x'), '-'], { input: null });
    for (let i = 1; i <= 5; i++) {
        pub.child.stdin.write(`${i}\n`);
        await stream.waitData(i);
    }
    pub.child.stdin.end();
    assert.equal((await pub.wait()).code, 0);
});

scenario('pub through connections that break loses and doubles nothing', async (s) => {
    const hub = await Hub.start(s);
    const proxy = await CuttingProxy.start(s, hub.port);
    proxy.cutAfterUp = 20_011;
    const total = 6000;
    const lines = numbered(total, 'a line to be published ');
    const pub = new Process(s, binary, ['pub', proxy.to('/t/x'), '-'], {
        input: lines.map((line) => `${line}\n`).join(''),
    });
    // After some cuts the way is free, in case a single piece is longer than what passes.
    await proxy.connections.waitCount(3);
    proxy.cutAfterUp = Infinity;
    proxy.cutAfterDown = 30; // now the answers are lost
    await proxy.connections.waitCount(6);
    proxy.cutAfterDown = Infinity;
    proxy.cut();
    const result = await pub.wait(60_000);
    assert.equal(result.code, 0, result.stderr);
    assertSequence(await stored(hub, 'x'), lines);
});

scenario('pub waits for a hub that is restarted', async (s) => {
    const hub = await Hub.start(s);
    const pub = new Process(s, binary, ['pub', hub.to('/t/x'), '-'], { input: null });
    const stream = await hub.stream('/t/x');
    pub.child.stdin.write('one\n');
    await stream.waitData(1);
    await hub.kill9();
    pub.child.stdin.write('two\n');
    await hub.launch();
    pub.child.stdin.end('three\n');
    assert.equal((await pub.wait()).code, 0);
    assert.deepEqual(await stored(hub, 'x'), ['one', 'two', 'three']);
});

scenario('pub stores every line, whatever its bytes, and its writer lives', async (s) => {
    const hub = await Hub.start(s, { config: { limits: { event_bytes: '64KB' } } });
    const stream = await hub.stream('/t/x', {}, s);
    const pub = new Process(s, binary, ['pub', hub.to('/t/x'), '-'], { input: null });
    const parts = [
        [Buffer.from('caf\xe9\n', 'latin1'), 'caf\ufffd'],
        [`${'y'.repeat(70_000)}\n`, `${'y'.repeat(65_536)} \u2026[cut, 70000 bytes]`],
        ['\0\0hole\n', 'hole'],
        ['10%\r50%\r\r\n', '10%\n50%\n'],
        ['\n', ''],
        [Buffer.from('last \xff', 'latin1'), 'last \ufffd'],
    ];
    for (const [bytes] of parts) pub.child.stdin.write(bytes);
    pub.child.stdin.end();
    assert.equal((await pub.wait()).code, 0);
    assert.deepEqual(
        await stream.waitData(parts.length),
        parts.map(([, data]) => data),
    );
    // Longer than any event may be.
    const huge = await tailrace(s, ['pub', hub.to('/t/huge'), '-'], {
        input: `a\n${'z'.repeat(17 * 1024 * 1024)}\nb\n`,
    });
    assert.equal(huge.code, 0, huge.stderr);
    const { text } = await hub.get('/t/huge?last=all', { accept: 'text/plain' });
    assert.match(text, /^a\nz{65536} \u2026\[cut, \d+ bytes\]\nb\n$/);
});

// As nginx does with a body of more than 1 MB.
scenario('pub cuts what something on the way does not let through', async (s) => {
    const bodies = [];
    const server = http.createServer((request, response) => {
        const chunks = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
            const body = Buffer.concat(chunks).toString();
            if (body.length <= 1024 * 1024) bodies.push(body);
            response.writeHead(body.length <= 1024 * 1024 ? 200 : 413).end('{}');
        });
    });
    s.defer(() => server.close());
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${server.address().port}/t/x`;
    const done = await tailrace(s, ['pub', url, '-'], {
        input: `one\n${'x'.repeat(3_000_000)}\nthree\n`,
    });
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stderr, /lines are cut at 750000 bytes/);
    assert.match(bodies.join(''), /^one\nx{750000} \u2026\[cut, 3000000 bytes\]\nthree\n$/);
});

scenario('pub that is refused names the lines of its input', async (s) => {
    const hub = await Hub.start(s);
    const stream = await hub.stream('/t/x', {}, s);
    const pub = new Process(s, binary, ['pub', hub.to('/t/x'), '-'], { input: null });
    pub.child.stdin.write('one\ntwo\n');
    await stream.waitData(2);
    await hub.publish('x', '', '?close=1');
    pub.child.stdin.write('three\nfour\n');
    assertFails(await pub.wait(), /lines 3 to [34] of standard input/);
});

scenario('pub that is refused says why', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('done', 'x', '?close=1');
    assertFails(await tailrace(s, ['pub', hub.to('/t/done'), 'more']), /closed|409|finished/i);
    assertFails(await tailrace(s, ['pub', hub.to('/t/a/*'), 'more']), /\*/);
    const keyed = await Hub.start(s, {
        config: {
            keys: [{ name: 'k', secret: 'pub-secret-00001', publish: ['a'], subscribe: ['**'] }],
        },
    });
    assertFails(await tailrace(s, ['pub', keyed.to('/t/a'), 'x']), /401|key|credential/i);
    assertFails(
        await tailrace(s, ['pub', keyed.to('/t/b?key=pub-secret-00001'), 'x']),
        /403|permitted/i,
    );
    assert.equal((await tailrace(s, ['pub', keyed.to('/t/a?key=pub-secret-00001'), 'x'])).code, 0);
});

// --- demo ---

scenario('demo serves the two endpoints behind a key and says what to open', async (s) => {
    const temporary = s.tempDir();
    const demo = await bare(s, ['demo'], { env: { TMPDIR: temporary } });
    const [, page, key] = await until(
        () =>
            (demo.process.stderrText + demo.process.stdoutText).match(
                /(http:\/\/[^\s?']*\/\?(?:code|key)=([^\s&#']+))/,
            ),
        'the address of the page, with the key',
    );
    assert.ok(page.startsWith(demo.origin));
    assert.equal((await request(page, { headers: { accept: 'text/html' } })).status, 200);
    const denied = await request(`${demo.origin}/api/StreamLogs`, {
        headers: { accept: 'text/event-stream' },
    });
    assert.equal(denied.status, 401);
    const wrong = await request(`${demo.origin}/api/StreamLogs?code=wrong-key-9999`);
    assert.equal(wrong.status, 401);
    // The pace is that of stored events: the hub has to have read the log.
    await until(async () => {
        const stored = await request(`${demo.origin}/t/logs/sample?last=3&key=${key}`, {
            headers: { accept: 'text/plain' },
        });
        return stored.text.trim().split('\n').length === 3;
    }, 'the sample log in its topic');
    const began = Date.now();
    const log = await WireStream.open(s, `${demo.origin}/api/StreamLogs?code=${key}`);
    const status = await WireStream.open(s, `${demo.origin}/api/HttpTrigger1?code=${key}`);
    assert.equal(log.status, 200);
    assert.equal(status.status, 200);
    const first = await log.waitData(3);
    assert.ok(Date.now() - began >= 3000, 'a line every two seconds');
    assert.equal(new Set(first).size, 3);
    const again = await WireStream.open(s, `${demo.origin}/api/StreamLogs?code=${key}`);
    assert.equal((await again.waitData(1))[0], first[0], 'each visitor sees it from its start');
    await status.waitData(1, 40_000);
    await stopped(demo);
    assert.deepEqual(readdirSync(temporary), [], 'nothing is kept');
});

scenario('PORT does not open the demo to other machines, and what is bound is said', async (s) => {
    const quiet = { TMPDIR: s.tempDir(), PORT: '0', TAILRACE_LISTEN: undefined };
    const demo = await bare(s, ['demo'], { env: quiet });
    assert.match(demo.origin, /^http:\/\/127\.0\.0\.1:\d+$/);
    const bound = (origin) => {
        const port = Number(origin.replace(/.*:/, '')).toString(16).toUpperCase().padStart(4, '0');
        const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((file) =>
            readFileSync(file, 'utf8'),
        );
        return tables
            .join('')
            .split('\n')
            .map((line) => line.trim().split(/\s+/))
            .filter(([, local, , state]) => state === '0A' && local.endsWith(`:${port}`))
            .map(([, local]) => local.split(':')[0]);
    };
    assert.deepEqual(new Set(bound(demo.origin)), new Set(['0100007F']));
    // A hub with a key may; then the line says so.
    const far = await bare(s, ['serve'], {
        env: { ...quiet, TAILRACE_ADMIN_KEY: 'a-key-of-the-test' },
    });
    assert.match(far.origin, /^http:\/\/(\[::\]|0\.0\.0\.0):\d+$/);
    assert.ok(bound(far.origin).every((address) => /^0+$/.test(address)));
});
