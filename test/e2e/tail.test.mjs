// SPDX-License-Identifier: MIT
// What `tail` prints and where it starts, and what both it and `pub` do about a server that they
// cannot reach or cannot trust.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { Hub, numbered } from './support/hub.mjs';
import { Process, binary, run, tailrace } from './support/process.mjs';
import { scenario } from './support/scope.mjs';

const UNAVAILABLE = 69;
// The machine that runs the tests may have its own.
const NO_TRUST = { CURL_CA_BUNDLE: undefined, SSL_CERT_DIR: undefined, SSL_CERT_FILE: undefined };

scenario('tail says which topic a line is of where there are several', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/a', 'one', '?close=1');
    await hub.publish('logs/b', 'two', '?close=1');
    const many = hub.to('/events?topic=logs/a&topic=logs/b');
    const tail = (...args) => tailrace(s, ['tail', ...args]);
    const plain = await tail(many);
    assert.equal(plain.stdout, 'logs/a | one\nlogs/b | two\n', plain.stderr);
    assert.equal((await tail('--no-topic', many)).stdout, 'one\ntwo\n');
    assert.equal((await tail(hub.to('/t/logs/a'))).stdout, 'one\n');
    assert.equal((await tail('--with-topic', hub.to('/t/logs/a'))).stdout, 'logs/a | one\n');
    const both = await tail('--with-topic', '--no-topic', many);
    assert.equal(both.code, 64);
    assert.match(both.stderr, /--with-topic and --no-topic/);
});

scenario('tail starts where --since says, and prints what --filter lets through', async (s) => {
    const hub = await Hub.start(s);
    const ids = [];
    for (const text of ['ERROR a+b & c', 'fine', 'error too', 'ERROR last'])
        ids.push((await hub.publish('x', text)).id);
    await hub.publish('x', 'ERROR the end', '?close=1');
    const tail = (...args) => tailrace(s, ['tail', ...args, hub.to('/t/x')]);
    assert.equal((await tail('--since', ids[2])).stdout, 'ERROR last\nERROR the end\n');
    assert.equal((await tail('--since', '1h', '-f', 'a+b & c')).stdout, 'ERROR a+b & c\n');
    assert.equal(
        (await tail('-n', 'all', '--filter', '/^error (too|last)/i')).stdout,
        'error too\nERROR last\n',
    );
    const both = await tail('-n', '1', '--since', '1h');
    assert.equal(both.code, 64);
    assert.match(both.stderr, /--last and --since/);
    const wrong = await tail('--since', 'yesterday');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /since/);
});

scenario(
    '--since counts once: what came before a cut connection is not printed again',
    async (s) => {
        const hub = await Hub.start(s, { config: { stream: { retry: '20ms' } } });
        await hub.publishLines('x', numbered(3));
        const tail = new Process(s, binary, ['tail', '--since', '1h', hub.to('/t/x')]);
        await tail.stdout.waitCount(3);
        await hub.restart();
        await hub.publish('x', 'after');
        await tail.stdout.waitCount(4);
        assert.deepEqual(tail.stdout.items, [...numbered(3), 'after']);
    },
);

scenario('tail waits for a hub that is not there yet only when it is told to', async (s) => {
    const hub = await Hub.start(s);
    const url = hub.to('/t/x');
    await hub.stop();
    const atOnce = await tailrace(s, ['tail', url]);
    assert.equal(atOnce.code, UNAVAILABLE, atOnce.stderr);
    const tail = new Process(s, binary, ['tail', '--retry-for', '1m', '-c', '1', url]);
    await hub.launch();
    await hub.publish('x', 'here');
    const { code, stdout, stderr } = await tail.wait();
    assert.deepEqual([code, stdout], [0, 'here\n'], stderr);
});

// A server with a certificate that no authority of the system has signed: {url, certificate file}.
async function unknownServer(s, answer) {
    const dir = s.tempDir();
    const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
    const made = await run(s, 'openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'],
        ...['-days', '2', '-keyout', key, '-out', cert],
    ]);
    assert.equal(made.code, 0, made.stderr);
    const options = { key: readFileSync(key), cert: readFileSync(cert) };
    const server = https.createServer(options, answer);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    s.defer(() => server.close());
    return { url: `https://127.0.0.1:${server.address().port}/t/x`, cert };
}

scenario('a certificate that is not trusted ends pub and tail at once', async (s) => {
    const { url, cert } = await unknownServer(s, (request, response) => {
        request.resume();
        request.on('end', () => {
            if (request.method === 'GET') response.writeHead(204);
            response.end(request.method === 'GET' ? undefined : '{"id":"a-1"}\n');
        });
    });
    for (const args of [
        ['pub', url, 'x'],
        ['tail', '--retry-for', '1m', url],
    ]) {
        const refused = await tailrace(s, args);
        assert.equal(refused.code, UNAVAILABLE, refused.stderr);
        assert.match(refused.stderr, /certificate/);
        assert.doesNotMatch(refused.stderr, /again/);
        const named = await tailrace(s, [...args, '--cacert', cert]);
        assert.equal(named.code, 0, named.stderr);
        for (const name of ['SSL_CERT_FILE', 'CURL_CA_BUNDLE']) {
            const found = await tailrace(s, args, { env: { ...NO_TRUST, [name]: cert } });
            assert.equal(found.code, 0, `${name}: ${found.stderr}`);
        }
        const missing = await tailrace(s, [...args, '--cacert', `${cert}.not`]);
        assert.equal(missing.code, UNAVAILABLE, missing.stderr);
    }
});
