// SPDX-License-Identifier: MIT
// HTTP/1.1 as it is really spoken: malformed, oversize, slow, pipelined, and every error status as
// problem+json.
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { RawSocket, assertProblem, request, slowRequest } from './support/http.mjs';
import { Hub, numbered } from './support/hub.mjs';
import { Process, binary, curl, tailrace } from './support/process.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until, within } from './support/wait.mjs';

const file = shared();
const hub = await Hub.start(file, {
    config: { limits: { header_bytes: '8KB', event_bytes: '256KB' } },
});
const check = (name, body) => scenario(name, { shared: file }, body);
const connect = (s, to = hub) => RawSocket.connect(s, to.port);

const TEXT = { accept: 'text/plain' };
const GET = (path, extra = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${extra}\r\n`;
const POST = (path, body, extra = '') =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${extra}\r\n${body}`;

async function assertAlive(to = hub) {
    assert.equal((await to.get('/healthz')).status, 200);
}

// Sends bytes, expects one answer with that status as problem+json and then the end of the
// connection.
async function assertRefused(s, bytes, status, what) {
    const raw = await connect(s);
    raw.write(bytes);
    const [answer] = await raw.waitResponses(1).catch((error) => {
        throw new Error(`${what}: ${error.message}`);
    });
    const statuses = [].concat(status);
    assert.ok(statuses.includes(answer.status), `${what}: ${answer.status} ${answer.text}`);
    assertProblem(answer, answer.status);
    assert.equal(answer.headers.connection, 'close', what);
    await within(raw.closed, `the end of the connection after ${what}`);
}

// --- malformed ---

const MALFORMED = {
    rubbish: '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n',
    'no method': ' / HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a space in the target': 'GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'no host': 'GET /healthz HTTP/1.1\r\n\r\n',
    'two hosts': 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'a fragment': 'GET /healthz#x HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'bare line feeds': 'GET /healthz HTTP/1.1\nHost: x\n\n',
    'a folded line': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\n\r\n',
    'a space before the colon': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A : 1\r\n\r\n',
    'a header without a colon': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nrubbish\r\n\r\n',
    'a NUL in a header': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n',
    'two lengths':
        'POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'a list of lengths': 'POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 1\r\n\r\na',
    'a negative length': 'POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
    'a length with a sign': 'POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: +1\r\n\r\na',
    'a length that is no number':
        'POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: ten\r\n\r\n',
    'a length beyond 64 bits': `POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${'9'.repeat(30)}\r\n\r\n`,
    'both length and chunked':
        'POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a bad chunk size':
        'POST /t/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n',
    'a chunk size beyond 64 bits':
        'POST /t/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n',
    'a chunk longer than it says':
        'POST /t/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n',
    'a path that is no percent-encoding': GET('/t/%zz'),
    'a NUL in the path': GET('/t/a%00b'),
};

for (const [what, bytes] of Object.entries(MALFORMED)) {
    check(`${what} is 400`, async (s) => {
        const raw = await connect(s);
        raw.write(Buffer.from(bytes, 'latin1'));
        const [answer] = await raw.waitResponses(1);
        assertProblem(answer, 400);
        await assertAlive();
    });
}

check(
    'what cannot be understood at all ends the connection, so that nothing is smuggled behind it',
    async (s) => {
        const smuggled = POST('/t/smuggled', 'x');
        await assertRefused(
            s,
            MALFORMED['both length and chunked'] + smuggled,
            400,
            'both lengths',
        );
        await assertRefused(s, MALFORMED['a bad chunk size'] + smuggled, 400, 'a bad chunk');
        await assertRefused(s, MALFORMED['two lengths'] + smuggled, 400, 'two lengths');
        await assertRefused(s, MALFORMED['bare line feeds'] + smuggled, 400, 'bare line feeds');
        const answer = await hub.get('/t/smuggled?last=all', { accept: 'text/plain' });
        assert.equal(answer.text, '');
    },
);

check('other versions, encodings and expectations are refused with their own status', async (s) => {
    await assertRefused(s, 'GET /\r\nHost: localhost\r\n\r\n', [400, 505], 'no version');
    await assertRefused(s, 'GET / HTTP/3.0\r\nHost: localhost\r\n\r\n', [400, 505], 'HTTP/3.0');
    await assertRefused(s, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505], 'the HTTP/2 preface');
    await assertRefused(
        s,
        'POST /t/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
        [400, 501],
        'a transfer coding',
    );
    await assertRefused(
        s,
        'CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
        [400, 405, 501],
        'CONNECT',
    );
    await assertRefused(s, POST('/t/x', 'x', 'Expect: miracles\r\n'), 417, 'an expectation');
});

check('an upgrade that is not spoken is an ordinary request', async (s) => {
    const raw = await connect(s);
    raw.write(GET('/healthz', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
    const [answer] = await raw.waitResponses(1);
    assert.equal(answer.status, 200);
});

// --- statuses ---

check('404 for what is not there', async () => {
    for (const path of [
        '/nothing',
        '/t',
        '/events/x',
        '/topics/',
        '/healthz/x',
        '//',
        '/index.php',
    ]) {
        assertProblem(await hub.get(path), 404);
    }
    assertProblem(await hub.post('/nothing', 'x'), 404);
});

check('405 names what is allowed', async () => {
    for (const [method, path, allowed] of [
        ['PUT', '/t/x', ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']],
        ['PATCH', '/t/x', ['GET', 'POST']],
        ['POST', '/events', ['GET', 'HEAD']],
        ['DELETE', '/topics', ['GET']],
        ['POST', '/healthz', ['GET']],
        ['POST', '/', ['GET']],
        ['TRACE', '/t/x', ['GET']],
    ]) {
        const answer = await hub.request(path, { method });
        assertProblem(answer, 405);
        const allow = (answer.headers.allow ?? '').split(/,\s*/);
        for (const name of allowed) assert.ok(allow.includes(name), `${method} ${path}: ${allow}`);
        assert.ok(!allow.includes(method));
    }
});

check('413 for a body over the bound, before it is sent where its length is told', async (s) => {
    const declared = await connect(s);
    declared.write('POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n');
    const [early] = await declared.waitResponses(1);
    assertProblem(early, 413, /256 ?KB|262144/);
    const expecting = await connect(s);
    expecting.write(
        'POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\nExpect: 100-continue\r\n\r\n',
    );
    const [instead] = await expecting.waitResponses(1);
    assertProblem(instead, 413);
    const chunked = await connect(s);
    chunked.write('POST /t/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(65536)}\r\n`;
    for (let i = 0; i < 6; i++) chunked.write(chunk);
    const [late] = await chunked.waitResponses(1);
    assertProblem(late, 413);
});

check('413 for a line over the bound where strict=1; lines before it are published', async () => {
    const answer = await hub.post(
        '/t/longline?split=lines&strict=1',
        `first\n${'x'.repeat(1200 * 1024)}\n`,
    );
    assertProblem(answer, 413, /line/i);
    const stored = await hub.get('/t/longline?last=all', { accept: 'text/plain' });
    assert.equal(stored.text, 'first\n');
});

check('a request of lines may be longer than the bound for bodies', async () => {
    const lines = numbered(40_000, 'a line ');
    const answer = await hub.publishLines('longer', lines);
    assert.equal(answer.count, lines.length);
});

check('414 for a target, 431 for headers over the bound', async (s) => {
    await assertRefused(s, GET(`/t/${'x'.repeat(20_000)}`), 414, 'a long target');
    await assertRefused(
        s,
        GET('/healthz', `X-Long: ${'x'.repeat(20_000)}\r\n`),
        431,
        'a long header',
    );
    const many = numbered(5000, 'X-')
        .map((name) => `${name}: y\r\n`)
        .join('');
    await assertRefused(s, GET('/healthz', many), 431, 'many headers');
    // Without an end in sight: the answer does not wait for one.
    await assertRefused(s, `GET /${'x'.repeat(100_000)}`, 414, 'an endless target');
    await assertRefused(s, `GET / HTTP/1.1\r\nX: ${'x'.repeat(100_000)}`, 431, 'an endless header');
});

check('415 for a body that is compressed', async () => {
    for (const encoding of ['gzip', 'br', 'deflate']) {
        const answer = await hub.post('/t/x', 'x', { 'content-encoding': encoding });
        assertProblem(answer, 415, /encoding|compress/i);
    }
    assert.equal((await hub.post('/t/x', 'x', { 'content-encoding': 'identity' })).status, 200);
});

check('a 4xx on a kept connection whose body was read leaves it usable', async (s) => {
    const raw = await connect(s);
    raw.write(POST('/t/*', 'body') + GET('/nothing') + GET('/healthz'));
    const answers = await raw.waitResponses(3);
    assert.deepEqual(
        answers.map((answer) => answer.status),
        [400, 404, 200],
    );
});

// --- slow ---

check(
    '408 for a head or a body that does not come; an idle connection is closed without a word',
    async (s) => {
        const own = await Hub.start(s, {
            config: {
                limits: { header_timeout: '500ms', body_timeout: '700ms', idle_timeout: '600ms' },
            },
        });
        const head = await RawSocket.connect(s, own.port);
        head.write('GET /healthz HTTP/1.1\r\nHost:');
        const [late] = await head.waitResponses(1);
        assertProblem(late, 408);
        await within(head.closed, 'the end of the slow connection');

        const body = await RawSocket.connect(s, own.port);
        body.write('POST /t/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc');
        const [missing] = await body.waitResponses(1);
        assertProblem(missing, 408);
        await within(body.closed, 'the end of the connection without a body');

        const idle = await RawSocket.connect(s, own.port);
        idle.write(GET('/healthz'));
        await idle.waitResponses(1);
        const length = idle.bytes.length;
        await within(idle.closed, 'the end of the idle connection');
        assert.equal(idle.bytes.length, length, 'nothing was sent at the end');

        const silent = await RawSocket.connect(s, own.port);
        await within(silent.closed, 'the end of a connection that never said a word');

        // A drop now and then does not keep a head open for ever.
        const drip = await RawSocket.connect(s, own.port);
        const timer = setInterval(() => drip.write('X-A: b\r\n'), 100);
        s.defer(() => clearInterval(timer));
        drip.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n');
        const [dripped] = await drip.waitResponses(1);
        assertProblem(dripped, 408);
    },
);

check('an endless request of lines is not too slow, as long as something comes', async (s) => {
    const own = await Hub.start(s, {
        config: { limits: { body_timeout: '2s', header_timeout: '1s' } },
    });
    const stream = await own.stream('/t/drip', {}, s);
    const upload = slowRequest(s, own.to('/t/drip?split=lines'));
    const began = Date.now();
    for (let i = 1; Date.now() - began < 3000; i++) {
        upload.write(`${i}\n`);
        await stream.waitData(i);
        // The slowness under test, far within the bounds.
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    upload.end();
    assert.equal((await within(upload.answer, 'the answer')).status, 200);
});

check('a stream whose client takes nothing is ended; others are not disturbed', async (s) => {
    const own = await Hub.start(s, { config: { limits: { write_timeout: '1s' } } });
    const stalled = net.connect({ port: own.port, host: '127.0.0.1' });
    s.defer(() => stalled.destroy());
    stalled.on('error', () => {});
    stalled.write(GET('/t/flood', 'Accept: text/event-stream\r\n'));
    const count = async () => {
        const entry = (await own.get('/topics?topic=flood')).json()[0];
        return entry?.subscribers ?? 0;
    };
    await own.publish('flood', 'first');
    await until(async () => (await count()) === 1, 'the subscriber to be counted');
    // How much the sockets between the two hold is the system's affair.
    const lines = Array(10).fill('x'.repeat(60_000));
    await until(async () => {
        await own.publishLines('flood', lines);
        return (await count()) === 0;
    }, 'the stalled subscriber to be given up');
    await assertAlive(own);
});

// --- connections ---

check('requests in one packet are answered in order', async (s) => {
    const raw = await connect(s);
    raw.write(
        POST('/t/pipe', 'one') +
            POST('/t/pipe', 'two') +
            GET('/t/pipe?last=all', 'Accept: text/plain\r\n') +
            GET('/nothing') +
            'HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
    );
    await raw.waitFor(() => (raw.text.match(/HTTP\/1\.1 /g) ?? []).length === 5, 'five answers');
    const [one, two, three, four] = await raw.waitResponses(4);
    assert.deepEqual([one.status, two.status, three.status, four.status], [200, 200, 200, 404]);
    assert.equal(three.text, 'one\ntwo\n');
});

check('a thousand requests in one packet are all answered', async (s) => {
    const raw = await connect(s);
    raw.write(GET('/healthz').repeat(1000));
    const answers = await raw.waitResponses(1000);
    assert.ok(answers.every((answer) => answer.status === 200));
});

check('a request that comes byte by byte is a request', async (s) => {
    const raw = await connect(s);
    const bytes = Buffer.from(POST('/t/bytewise', 'h\u00e9llo \u{1F600}'));
    for (const byte of bytes) {
        raw.write(Buffer.from([byte]));
        await new Promise(setImmediate);
    }
    const [answer] = await raw.waitResponses(1);
    assert.equal(answer.status, 200, answer.text);
    const stored = await hub.get('/t/bytewise?last=all', { accept: 'text/plain' });
    assert.equal(stored.text, 'h\u00e9llo \u{1F600}\n');
});

check('chunks, their extensions and trailers make one body', async (s) => {
    const raw = await connect(s);
    raw.write(
        'POST /t/chunks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n' +
            '3\r\nabc\r\n4;name=value\r\ndefg\r\n0\r\nX-Trailer: yes\r\n\r\n' +
            GET('/t/chunks?last=all', 'Accept: text/plain\r\n'),
    );
    const [posted, read] = await raw.waitResponses(2);
    assert.equal(posted.status, 200, posted.text);
    assert.equal(read.text, 'abcdefg\n');
});

check('Expect: 100-continue is answered before the body is sent', async (s) => {
    const raw = await connect(s);
    raw.write(
        'POST /t/expect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n',
    );
    const [go] = await raw.waitResponses(1);
    assert.equal(go.status, 100);
    raw.write('body');
    const [, answer] = await raw.waitResponses(2);
    assert.equal(answer.status, 200);
    const byCurl = await curl(s, ['-d', '@-', '-H', 'Expect: 100-continue', hub.to('/t/expect')], {
        input: 'x'.repeat(2000),
    });
    assert.match(byCurl.stdout, /"id"/);
});

check('a connection is kept for HTTP/1.1 and closed when asked', async (s) => {
    const kept = await connect(s);
    for (let i = 1; i <= 50; i++) {
        kept.write(GET('/healthz'));
        await kept.waitResponses(i);
    }
    kept.write(GET('/healthz', 'Connection: close\r\n'));
    const answers = await kept.waitResponses(51);
    assert.equal(answers[50].headers.connection, 'close');
    await within(kept.closed, 'the end of the connection');
    const old = await connect(s);
    old.write('GET /healthz HTTP/1.0\r\n\r\n');
    await within(old.closed, 'the end of the HTTP/1.0 connection');
    assert.match(old.text, /^HTTP\/1\.[01] 200 /);
});

check(
    'a snapshot on a kept connection leaves it usable, a stream ends with its last chunk',
    async (s) => {
        await hub.publish('kept', 'x');
        const raw = await connect(s);
        for (const accept of [
            'application/json',
            'text/plain',
            'application/x-ndjson',
            'text/html',
        ]) {
            raw.write(GET('/t/kept', `Accept: ${accept}\r\n`));
        }
        const answers = await raw.waitResponses(4);
        assert.ok(answers.every((answer) => answer.status === 200));
        await hub.publish('kept-ended', 'bye', '?close=1');
        raw.write(GET('/t/kept-ended?last=all', 'Accept: text/event-stream\r\n'));
        const [, , , , stream] = await raw.waitResponses(5);
        assert.match(stream.text, /data: bye\n/);
        assert.match(stream.text, /event: tailrace\.end\n/);
    },
);

check('the absolute form of a target is understood', async (s) => {
    const raw = await connect(s);
    raw.write(`GET http://localhost:${hub.port}/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const [answer] = await raw.waitResponses(1);
    assert.equal(answer.status, 200);
});

check(
    'without keys a name that anybody could point here is not answered (DNS rebinding)',
    async (s) => {
        for (const host of [
            'evil.example',
            'localhost.evil.example',
            '127.0.0.1.evil.example:80',
        ]) {
            const raw = await connect(s);
            raw.write(`GET /t/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
            const [answer] = await raw.waitResponses(1);
            assertProblem(answer, 403, /host/i);
        }
        for (const host of ['localhost', `localhost:${hub.port}`, '127.0.0.1', '[::1]:80']) {
            const raw = await connect(s);
            raw.write(`GET /t/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
            const [answer] = await raw.waitResponses(1);
            assert.equal(answer.status, 200, host);
        }
    },
);

check('a body on GET is read and ignored', async (s) => {
    const raw = await connect(s);
    raw.write(
        `GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello${GET('/healthz')}`,
    );
    const answers = await raw.waitResponses(2);
    assert.deepEqual(
        answers.map((answer) => answer.status),
        [200, 200],
    );
});

check('clients that vanish at any moment do no harm', async (s) => {
    const pieces = [
        '',
        'GET /t/x HT',
        GET('/t/vanish', 'Accept: text/event-stream\r\n'),
        GET('/t/vanish?last=all', 'Accept: application/json\r\n'),
        'POST /t/vanish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc',
        'POST /t/vanish?split=lines HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na\nb',
        POST('/t/vanish', 'whole'),
    ];
    for (let i = 0; i < 20; i++) {
        for (const piece of pieces) {
            const raw = await connect(s);
            raw.write(piece);
            if (i % 2) await new Promise(setImmediate);
            if (i % 3) raw.socket.resetAndDestroy();
            else raw.destroy();
        }
    }
    await assertAlive();
});

check(
    'connections in all are bounded: a newcomer is told to come later, a stream politely',
    async (s) => {
        const own = await Hub.start(s, {
            config: { limits: { connections: 40, connections_per_address: 5 } },
        });
        const held = [];
        for (let i = 0; i < 5; i++) held.push(await own.stream('/t/held', {}, s));
        const from = (address, bytes) =>
            RawSocket.connect(s, own.port, '127.0.0.1', { localAddress: address }).then((raw) =>
                raw.write(bytes).waitResponses(1),
            );
        const [refused] = await from('127.0.0.1', GET('/t/held', 'Accept: application/json\r\n'));
        const [unpublished] = await from('127.0.0.1', POST('/t/held', 'no room'));
        for (const answer of [refused, unpublished]) {
            assertProblem(answer, 429);
            assert.match(answer.text, /connections_per_address/);
            assert.ok(Number(answer.headers['retry-after']) > 0);
        }
        const [polite] = await from('127.0.0.1', GET('/t/held', 'Accept: text/event-stream\r\n'));
        assert.equal(polite.status, 200);
        assert.match(polite.headers['content-type'], /^text\/event-stream/);
        assert.match(polite.text, /^retry: ?\d+$/m);
        const [elsewhere] = await from('127.0.0.2', GET('/healthz'));
        assert.equal(elsewhere.status, 200, 'another address is not concerned');
        // Nobody who was there is thrown out.
        const [posted] = await from('127.0.0.3', POST('/t/held', 'still here'));
        assert.equal(posted.status, 200);
        for (const stream of held) assert.equal((await stream.waitData(1)).at(-1), 'still here');
        // And when one goes, there is room again.
        held[0].close();
        await until(async () => {
            const [answer] = await from('127.0.0.1', GET('/healthz', 'Connection: close\r\n'));
            return answer.status === 200;
        }, 'room for a newcomer');
    },
);

check('connections in all, from many addresses', async (s) => {
    const own = await Hub.start(s, { config: { limits: { connections: 8 } } });
    const raws = [];
    for (let i = 1; i <= 8; i++) {
        const raw = await RawSocket.connect(s, own.port, '127.0.0.1', {
            localAddress: `127.0.0.${i}`,
        });
        raw.write(GET('/healthz'));
        await raw.waitResponses(1);
        raws.push(raw);
    }
    const ninth = await RawSocket.connect(s, own.port, '127.0.0.1', { localAddress: '127.0.0.9' });
    ninth.write(GET('/t/x', 'Accept: application/json\r\n'));
    const [answer] = await ninth.waitResponses(1);
    assertProblem(answer, 503);
    assert.match(answer.text, /limits\.connections\b/);
    assert.ok(answer.headers['retry-after']);
    raws[0].write(GET('/healthz'));
    assert.equal((await raws[0].waitResponses(2))[1].status, 200);
});

check('a configured route answers like the subscription it stands for', async (s) => {
    const own = await Hub.start(s, {
        config: {
            routes: [
                { path: '/api/StreamLogs', to: '/t/logs/sample?last=all&pace=100ms' },
                { path: '/api/Both', to: '/events?topic=logs/*&topic=status&last=1' },
            ],
        },
    });
    await own.publishLines('logs/sample', numbered(5));
    await own.publish('status', 'fine');
    const stream = await own.stream('/api/StreamLogs', {}, s);
    assert.deepEqual(await stream.waitData(5), numbered(5));
    const both = await own.stream('/api/Both', {}, s);
    assert.deepEqual((await both.waitData(2)).sort(), ['5', 'fine']);
    // The client's own Last-Event-ID goes before the route's start.
    const id = stream.events.items[2].ownId;
    const resumed = await own.stream('/api/StreamLogs', { headers: { 'last-event-id': id } }, s);
    assert.deepEqual(await resumed.waitData(2), ['4', '5']);
    assertProblem(await own.post('/api/StreamLogs', 'x'), 405);
    assertProblem(await own.get('/api/Other'), 404);
    const text = await own.get('/api/Both', { accept: 'application/json' });
    assert.equal(text.json().events.length, 2);
});

check('a route that names topics fixes them: a request cannot add its own', async (s) => {
    const own = await Hub.start(s, {
        config: { routes: [{ path: '/api/Both', to: '/events?topic=logs/*&topic=status&last=1' }] },
    });
    for (const topic of ['logs/a', 'status', 'private']) await own.publish(topic, topic);
    const seen = async (target) =>
        (await own.get(target, { accept: 'application/json' })).json().events.map((e) => e.topic);
    assert.deepEqual(await seen('/api/Both?topic=private&topic=**'), ['logs/a', 'status']);
});

// --- descriptors ---

check(
    'silent connections leave descriptors for files, keys and journal, and the log',
    async (s) => {
        const dir = s.tempDir();
        writeFileSync(`${dir}/a.log`, 'first\n');
        writeFileSync(`${dir}/key`, 'the-first-secret\n', { mode: 0o600 });
        const config = {
            workers: 2,
            keys: [{ name: 'all', secret_file: `${dir}/key`, publish: ['**'], subscribe: ['**'] }],
            sources: [{ file: `${dir}/*.log`, backfill: 'all' }],
            log: { level: 'info' },
        };
        const own = await Hub.start(s, { config, through: ['prlimit', '--nofile=128:128'] });
        const key = { authorization: 'Bearer the-first-secret' };
        const all = async (path) =>
            (await own.get(`/t/${path}?last=all`, { ...TEXT, ...key })).text;
        await until(async () => (await all('logs/a.log')) === 'first\n', 'the first line');
        const silent = [];
        for (let i = 0; i < 150; i++) {
            const socket = net.connect(own.port, '127.0.0.1');
            s.defer(() => socket.destroy());
            socket.on('error', () => {});
            silent.push({ socket, closed: new Promise((resolve) => socket.on('close', resolve)) });
            await new Promise((resolve) => socket.once('connect', resolve));
        }
        // Some are refused, at once; none waits for a descriptor.
        await within(Promise.race(silent.map((one) => one.closed)), 'a connection to be refused');
        // A rotation, a new file, and a reload that reads the keys again.
        renameSync(`${dir}/a.log`, `${dir}/a.log.1`);
        writeFileSync(`${dir}/a.log`, 'second\n');
        writeFileSync(`${dir}/b.log`, 'new file\n');
        await own.reload(config);
        for (const { socket } of silent) socket.destroy();
        await until(
            async () => (await all('logs/a.log')) === 'first\nsecond\n',
            'the rotated file',
        );
        await until(async () => (await all('logs/b.log')) === 'new file\n', 'the new file');
        const said = own.process.stderr.items.filter((line) => line.includes('open files'));
        assert.ok(said.length >= 1 && said.length <= 2, said.join('\n'));
    },
);

// --- IPv6 ---

const noIPv6 = Object.values(networkInterfaces())
    .flat()
    .some((one) => one.address === '::1')
    ? false
    : 'no IPv6 here';

scenario('over IPv6 everything is as over IPv4', { skip: noIPv6 }, async (s) => {
    const own = await Hub.start(s, {
        listen: '[::1]:0',
        config: { limits: { connections_per_address: 3 } },
    });
    assert.equal(own.origin, `http://[::1]:${own.port}`);
    const wire = await own.stream('/t/six', {}, s);
    const client = own.client('/t/six');
    await client.opened();
    const args = ['pub', own.to('/t/six'), 'from pub'];
    assert.equal((await tailrace(s, args)).code, 0);
    for (const stream of [wire, client]) assert.deepEqual(await stream.waitData(1), ['from pub']);
    const tail = new Process(s, binary, ['tail', '-n', '1', own.to('/t/six')]);
    await tail.stdout.waitCount(1);
    assert.deepEqual(tail.stdout.items, ['from pub']);
    // An address is known by its network; one more than it may have is refused.
    const refused = await own.get('/t/six', { accept: 'application/json' });
    assertProblem(refused, 429);
    wire.close();
    await until(
        async () => (await own.get('/t/six', { accept: 'application/json' })).status === 200,
        'room again',
    );
    // Port and data stay over a restart.
    await own.restart();
    assert.equal(own.origin, `http://[::1]:${own.port}`);
});

scenario('all addresses are IPv6 and IPv4, which are told apart', { skip: noIPv6 }, async (s) => {
    const own = await Hub.start(s, { listen: ':0', args: ['--open'] });
    for (const host of ['127.0.0.1', '[::1]']) {
        const answer = await request(`http://${host}:${own.port}/t/both`, {
            method: 'POST',
            body: host,
        });
        assert.equal(answer.status, 200, answer.text);
    }
    const all = await own.get('/t/both?last=all', { accept: 'text/plain' });
    assert.equal(all.text, '127.0.0.1\n[::1]\n');
    for (const client of ['client=127.0.0.1', 'client=::/64']) {
        await own.process.stderr.waitFor(
            (lines) => lines.some((line) => line.split(' ').includes(client)),
            `${client} in the log`,
        );
    }
});
