// SPDX-License-Identifier: MIT
// Which files are found, under which topics, and what is said of those that are not followed.
import assert from 'node:assert/strict';
import {
    appendFileSync,
    chmodSync,
    mkdirSync,
    renameSync,
    symlinkSync,
    truncateSync,
    writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Hub } from './support/hub.mjs';
import { run, tailrace } from './support/process.mjs';
import { scenario } from './support/scope.mjs';
import { until } from './support/wait.mjs';

function files(dir, content) {
    for (const [name, text] of Object.entries(content)) {
        mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
        writeFileSync(path.join(dir, name), text);
    }
}

async function topics(hub) {
    return (await hub.get('/topics')).json().map((entry) => entry.topic);
}

const expectTopics = (hub, expected) =>
    until(
        async () => JSON.stringify((await topics(hub)).sort()) === JSON.stringify(expected),
        `the topics ${expected}`,
    );

async function stored(hub, topic) {
    const answer = await hub.get(`/t/${topic}?last=all`, { accept: 'application/json' });
    return answer.json().events.map((event) => event.data);
}

const expectStored = (hub, topic, expected) =>
    until(
        async () => JSON.stringify(await stored(hub, topic)) === JSON.stringify(expected),
        `${expected} in ${topic}`,
    );

const logged = (hub, pattern) => hub.stderr.split('\n').filter((line) => pattern.test(line));

const following = (file, more = {}) => ({ sources: [{ file, backfill: 'all', ...more }] });

// --- names ---

scenario('two logs of one name are two topics, told apart by their directories', async (s) => {
    const dir = s.tempDir();
    files(dir, { 'shop/access.log': 'shop\n', 'blog/access.log': 'blog\n', 'a.log': 'a\n' });
    const hub = await Hub.start(s, {
        args: ['shop/access.log', 'blog/access.log', 'a.log'].map((name) => path.join(dir, name)),
    });
    await expectTopics(hub, ['logs/a.log', 'logs/blog/access.log', 'logs/shop/access.log']);
    assert.deepEqual(await stored(hub, 'logs/shop/access.log'), ['shop']);
});

scenario('a topic keeps its name when another log of that name appears', async (s) => {
    const dir = s.tempDir();
    files(dir, { 'shop/access.log': 'shop 1\n' });
    const hub = await Hub.start(s, { config: following(path.join(dir, '*/access.log')) });
    await expectTopics(hub, ['logs/access.log']);
    files(dir, { 'blog/access.log': 'blog 1\n' });
    await expectTopics(hub, ['logs/access.log', 'logs/blog/access.log']);
    // Both are known now, in whatever order they are found.
    await hub.stop();
    appendFileSync(path.join(dir, 'shop/access.log'), 'shop 2\n');
    appendFileSync(path.join(dir, 'blog/access.log'), 'blog 2\n');
    await hub.launch();
    await expectStored(hub, 'logs/access.log', ['shop 1', 'shop 2']);
    await expectStored(hub, 'logs/blog/access.log', ['blog 1', 'blog 2']);
    await expectTopics(hub, ['logs/access.log', 'logs/blog/access.log']);
});

// --- patterns ---

scenario('a pattern that matches only links, or nothing, says so once', async (s) => {
    const dir = s.tempDir();
    files(dir, { 'pods/0.log': 'x\n' });
    mkdirSync(path.join(dir, 'containers'));
    symlinkSync('../pods/0.log', path.join(dir, 'containers/web.log'));
    const hub = await Hub.start(s, {
        config: {
            sources: [
                { file: path.join(dir, 'containers/*.log') },
                { file: path.join(dir, 'nothing/*.log') },
            ],
        },
    });
    // Changes in the directory make further scans.
    for (let i = 0; i < 3; i++) {
        const from = hub.process.stderr.items.length;
        files(dir, { [`containers/${i}.txt`]: 'x\n' });
        symlinkSync('../pods/0.log', path.join(dir, `containers/more${i}.log`));
        await hub.process.stderr.waitFor((lines) =>
            lines.slice(from).some((line) => line.includes(`more${i}.log`)),
        );
    }
    assert.equal(logged(hub, /symbolic links.*web\.log/).length, 1, hub.stderr);
    assert.equal(logged(hub, /matches no file.*containers/).length, 1, hub.stderr);
    assert.equal(logged(hub, /matches no file.*nothing/).length, 1, hub.stderr);
});

scenario('braces and ~ in a pattern stand for what they stand for in a shell', async (s) => {
    const dir = s.tempDir();
    files(dir, { 'l/nginx/n.log': 'n\n', 'l/apache/a.log': 'a\n', 'home/logs/h.log': 'h\n' });
    const config = {
        sources: [
            { file: path.join(dir, 'l/{nginx,{apache,lighttpd}}/*.log'), backfill: 'all' },
            { file: '~/logs/*.log', backfill: 'all' },
        ],
    };
    const env = { HOME: path.join(dir, 'home') };
    const hub = await Hub.start(s, { config, env });
    await expectTopics(hub, ['logs/a.log', 'logs/h.log', 'logs/n.log']);
    const check = await tailrace(s, ['check', '-c', hub.configFile], { env });
    assert.equal(check.code, 0, check.stderr);
});

scenario('each file that a pattern leaves out is named once', async (s) => {
    const dir = s.tempDir();
    files(dir, {
        'app.log': 'app\n',
        'app.log.1': 'old\n',
        'app.log.2.gz': gzipSync('older\n'),
        'disguised.log': gzipSync('x\n'),
        'system.journal': Buffer.from('LPKSHHRH\0\0\0\0\n', 'latin1'),
    });
    assert.equal((await run(s, 'mkfifo', [path.join(dir, 'pipe')])).code, 0);
    const hub = await Hub.start(s, { config: following(path.join(dir, '*')) });
    await expectTopics(hub, ['logs/app.log']);
    for (const name of ['app.log.1', 'app.log.2.gz', 'disguised.log', 'system.journal', 'pipe']) {
        const path = new RegExp(`level=warn.*left out.*/${name.replaceAll('.', '\\.')}\\b(?!\\.)`);
        assert.equal(logged(hub, path).length, 1, `${name}: ${hub.stderr}`);
    }
    const seen = hub.process.stderr.items.length;
    files(dir, { 'other.log': 'other\n' });
    await expectTopics(hub, ['logs/app.log', 'logs/other.log']);
    const later = hub.process.stderr.items.slice(seen).join('\n');
    assert.doesNotMatch(later, /left out/);
});

scenario('a pattern does not leave its directory through links of others', async (s) => {
    const dir = s.tempDir();
    files(dir, { 'secret/app.log': 'secret\n', 'home/alice/logs/alice.log': 'hello\n' });
    mkdirSync(path.join(dir, 'home/mallory'));
    symlinkSync(path.join(dir, 'secret'), path.join(dir, 'home/mallory/logs'));
    files(dir, { 'home/eve/logs/app.log': 'eve\n' });
    const hub = await Hub.start(s, { config: following(path.join(dir, 'home/*/logs/*.log')) });
    await expectTopics(hub, ['logs/alice.log', 'logs/app.log']);
    // A directory that was found becomes a link.
    renameSync(path.join(dir, 'home/eve/logs'), path.join(dir, 'home/eve/was'));
    symlinkSync(path.join(dir, 'secret'), path.join(dir, 'home/eve/logs'));
    files(dir, { 'home/alice/logs/next.log': 'next\n' });
    await expectTopics(hub, ['logs/alice.log', 'logs/app.log', 'logs/next.log']);
    await hub.restart();
    files(dir, { 'home/alice/logs/last.log': 'last\n' });
    await expectTopics(hub, ['logs/alice.log', 'logs/app.log', 'logs/last.log', 'logs/next.log']);
    const all = await hub.get('/events?topic=**&last=all', { accept: 'application/json' });
    assert.doesNotMatch(all.text, /secret\\?"|"data":"secret/);
    assert.match(hub.stderr, /symbolic links.*mallory\/logs/);
});

// --- the command line ---

const without = (s) => ({
    env: { TAILRACE_LISTEN: '127.0.0.1:0', TAILRACE_DATA: path.join(s.tempDir(), 'd') },
});

scenario("what a shell's pattern gives is followed as far as it can be", async (s) => {
    const dir = s.tempDir();
    files(dir, {
        'apache2/access.log': 'a\n',
        'app.log': 'app\n',
        'app.log.1.gz': gzipSync('x\n'),
        'private.log': 'secret\n',
    });
    chmodSync(dir, 0o755);
    chmodSync(path.join(dir, 'private.log'), 0);
    const names = ['apache2', 'app.log', 'app.log.1.gz', 'later.log', 'private.log'];
    const hub = await Hub.start(s, {
        unprivileged: true,
        args: names.map((name) => path.join(dir, name)),
    });
    await expectTopics(hub, ['logs/app.log']);
    assert.match(hub.stderr, /left out: .*apache2 is a directory/);
    assert.match(hub.stderr, /left out: .*app\.log\.1\.gz is compressed \(gzip\)/);
    assert.match(hub.stderr, /left out: .*private\.log: Permission denied/);
    assert.match(hub.stderr, /later\.log does not exist; waiting for it/);
    files(dir, { 'later.log': 'late\n' });
    await expectTopics(hub, ['logs/app.log', 'logs/later.log']);
});

scenario('files of which none can be followed are an error', async (s) => {
    const dir = s.tempDir();
    files(dir, { 'a.gz': gzipSync('x\n'), 'd/x': 'x\n' });
    const paths = ['a.gz', 'd', 'missing.log'].map((name) => path.join(dir, name));
    const all = await tailrace(s, paths, without(s));
    assert.equal(all.code, 69);
    assert.match(all.stderr, /none of these 3 files can be followed/);
    for (const [file, why] of [
        [paths[0], /a\.gz is compressed \(gzip\)/],
        [paths[1], /d is a directory/],
        [paths[2], /missing\.log: No such file/],
        ['/dev/null', /\/dev\/null is a character device/],
    ]) {
        const one = await tailrace(s, [file], without(s));
        assert.equal(one.code, 69, file);
        assert.match(one.stderr, why);
    }
});

scenario("a shell's <(command) is read until its end", async (s) => {
    const dir = s.tempDir();
    const hub = await Hub.start(s, {
        // The last two words are the hub's: the listen address and the data directory come before.
        through: ['bash', '-c', 'exec "$@" <(echo one; echo -n two)', 'bash'],
        cwd: dir,
    });
    await until(async () => (await topics(hub)).length === 1, 'a topic');
    await expectStored(hub, (await topics(hub))[0], ['one', 'two']);
});

scenario('a pipe that may not be read is told once, and read when it may be', async (s) => {
    const dir = s.tempDir();
    const pipe = path.join(dir, 'pipe');
    assert.equal((await run(s, 'mkfifo', ['-m', '000', pipe])).code, 0);
    chmodSync(dir, 0o755);
    const hub = await Hub.start(s, { unprivileged: true, config: following(pipe) });
    for (let i = 0; i < 5; i++) files(dir, { [`${i}`]: 'a change in the directory\n' });
    await hub.process.stderr.waitFor((lines) => lines.some((line) => /named pipe/.test(line)));
    chmodSync(pipe, 0o644);
    writeFileSync(pipe, 'one\n');
    await expectStored(hub, 'logs/pipe', ['one']);
    assert.equal(logged(hub, /named pipe/).length, 1, hub.stderr);
});

// --- descriptors ---

scenario('more files than descriptors leave some for clients, and all are followed', async (s) => {
    const dir = s.tempDir();
    const count = 400;
    for (let i = 0; i < count; i++) files(dir, { [`f${i}.log`]: `x ${i}\n` });
    const hub = await Hub.start(s, {
        config: following(path.join(dir, '*.log')),
        through: ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'],
    });
    assert.equal((await hub.get('/healthz')).status, 200);
    await until(async () => (await topics(hub)).length === count, 'all topics');
    for (let i = 0; i < count; i += 7) appendFileSync(path.join(dir, `f${i}.log`), 'more\n');
    for (let i = 0; i < count; i += 7)
        await expectStored(hub, `logs/f${i}.log`, [`x ${i}`, 'more']);
    const metrics = (await hub.get('/metrics')).text;
    assert.match(metrics, /tailrace_source_parked\{[^}]*\} 1\n/);
    assert.equal(logged(hub, /level=warn/).length, 1, hub.stderr);
    assert.match(hub.stderr, /more files than descriptors/);
});

// --- what the bytes are ---

scenario('a UTF-16 file is converted and named with its encoding', async (s) => {
    const dir = s.tempDir();
    const utf16 = (text) => Buffer.from(text, 'utf16le');
    const file = path.join(dir, 'win.log');
    writeFileSync(file, utf16('\uFEFFERROR größe \u{1F600}\r\nhalf'));
    writeFileSync(path.join(dir, 'bom.log'), '\uFEFF{"level":"error"}\n');
    const hub = await Hub.start(s, { config: following(path.join(dir, '*.log')) });
    await expectStored(hub, 'logs/win.log', ['ERROR größe \u{1F600}']);
    await expectStored(hub, 'logs/bom.log', ['{"level":"error"}']);
    await hub.restart();
    for (const byte of utf16(' line \u{1F600}\r\n')) appendFileSync(file, Buffer.from([byte]));
    await expectStored(hub, 'logs/win.log', ['ERROR größe \u{1F600}', 'half line \u{1F600}']);
    assert.equal(logged(hub, /level=warn.*win\.log.*UTF-16LE/).length, 1, hub.stderr);
    assert.equal(logged(hub, /bom\.log.*UTF-/).length, 0);
});

scenario('sparse files as large as a disk hold nothing up', async (s) => {
    const dir = s.tempDir();
    files(dir, { 'a.log': 'hello\n' });
    for (const name of ['lastlog', 'faillog', 'tallylog']) {
        files(dir, { [name]: '' });
        truncateSync(path.join(dir, name), 4 * 2 ** 40);
    }
    const hub = await Hub.start(s, { config: { sources: [{ file: path.join(dir, '*') }] } });
    await expectTopics(hub, ['logs/a.log']);
    const { stdout } = await run(s, 'ps', ['-o', 'cputimes=', '-p', String(hub.process.pid)]);
    assert.ok(Number(stdout) < 5, `${stdout} s of CPU`);
});

// --- reload ---

scenario('a reload whose new source cannot be opened leaves the old ones running', async (s) => {
    const dir = s.tempDir();
    files(dir, {
        'a.log': '1\n',
        large: 'x'
            .repeat(1023)
            .concat('\n')
            .repeat(20 * 1024),
    });
    const old = following(path.join(dir, 'a.log'));
    const hub = await Hub.start(s, { config: old });
    await expectStored(hub, 'logs/a.log', ['1']);
    await hub.reload(
        { sources: [{ simulate: { file: path.join(dir, 'large') }, topic: 'x' }] },
        { refused: true },
    );
    appendFileSync(path.join(dir, 'a.log'), '2\n');
    await expectStored(hub, 'logs/a.log', ['1', '2']);
});
