// SPDX-License-Identifier: MIT
// Journals that were damaged, restored or lost: what the commands say of them, and what clients are
// told. Backups of a running hub.
import assert from 'node:assert/strict';
import {
    chmodSync,
    chownSync,
    copyFileSync,
    existsSync,
    mkdirSync,
    readFileSync,
    readdirSync,
    symlinkSync,
    unlinkSync,
    writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { RawSocket, assertProblem } from './support/http.mjs';
import { Hub, assertSequence, numbered, parseId } from './support/hub.mjs';
import { tailrace } from './support/process.mjs';
import { scenario } from './support/scope.mjs';
import { until } from './support/wait.mjs';

async function publishLines(hub, topic, lines) {
    const answer = await hub.post(
        `/t/${topic}?split=lines`,
        lines.map((line) => `${line}\n`).join(''),
    );
    assert.equal(answer.status, 200, answer.text);
}

async function stored(hub, topic) {
    const answer = await hub.get(`/t/${topic}?last=all`, { accept: 'application/json' });
    assert.equal(answer.status, 200, answer.text);
    return answer.json().events;
}

scenario(
    'a whole journal is said to be whole, a damaged one is not served as truth, and is recovered',
    async (s) => {
        const hub = await Hub.start(s);
        const lines = numbered(2000, 'a line of the log ');
        await publishLines(hub, 'log', lines);
        await hub.publish('status', 'fine');
        const used = await tailrace(s, ['check', '--data', hub.data]);
        assert.notEqual(used.code, 0);
        assert.match(used.stderr, /in use/);
        await hub.stop();

        const whole = await tailrace(s, ['check', '--data', hub.data]);
        assert.equal(whole.code, 0, whole.stderr);
        assert.match(whole.stdout, /2001 events/);

        const file = path.join(hub.data, 'data.mdb');
        const bytes = readFileSync(file);
        // Every copy: an old page may have one too.
        for (let at = 0; (at = bytes.indexOf('a line of the log 1000', at + 1)) > 0;)
            bytes[at] ^= 1;
        writeFileSync(file, bytes);
        const damaged = await tailrace(s, ['check', '--data', hub.data]);
        assert.equal(damaged.code, 1);
        assert.match(damaged.stderr, /event 1000 is damaged/);
        assert.match(damaged.stdout, /2000 events/);

        const data = path.join(s.tempDir(), 'recovered');
        const recovered = await tailrace(s, ['recover', '--data', hub.data, '--out', data]);
        assert.equal(recovered.code, 0, recovered.stderr);
        const again = await Hub.start(s, { data });
        assertSequence(
            (await stored(again, 'log')).map((event) => event.data),
            lines.filter((_, i) => i !== 999),
        );
        assert.equal((await stored(again, 'status'))[0].data, 'fine');
    },
);

// Flips a bit `before` bytes before the beginning of an event's data (0: in them, 20: in its
// header), in every copy: an old page may have one too.
function damage(hub, text, before) {
    const file = path.join(hub.data, 'data.mdb');
    const bytes = readFileSync(file);
    let copies = 0;
    for (let at = 0; (at = bytes.indexOf(text, at + 1)) > 0; copies++) bytes[at - before] ^= 1;
    assert.ok(copies > 0, text);
    writeFileSync(file, bytes);
}

scenario(
    'who reads across damaged events is told a gap for each, and gets everything else, then live',
    async (s) => {
        const hub = await Hub.start(s);
        const lines = numbered(2000, 'a line of the log ');
        await publishLines(hub, 'log', lines);
        const ids = (await stored(hub, 'log')).map((event) => event.id);
        await hub.stop();
        damage(hub, 'a line of the log 1000', 0);
        damage(hub, 'a line of the log 1500', 20);
        damage(hub, 'a line of the log 1998', 20);
        await hub.launch();

        // What is to come of the lines from this one on (from 0), as `shown` has it.
        const expected = (from, to = lines.length) =>
            lines.slice(from, to).map((line, i) => {
                const at = from + i;
                if (![999, 1499, 1997].includes(at)) return line;
                return JSON.stringify({ from: ids[at - 1], to: ids[at], reason: 'damage' });
            });
        const shown = (events) => events.map((event) => event.data);
        // A stream up to a line that is published when all that is stored has come.
        const read = async (query, headers, live) => {
            const client = await hub.stream(`/t/log${query}`, { headers });
            const last = (data) => (all) => all.some((event) => event.data === data) && [...all];
            await client.events.waitFor(last(lines.at(-1)), 'the last line');
            await hub.publish('log', live);
            const events = await client.events.waitFor(last(live), 'the live line');
            client.close();
            return events;
        };

        const all = await read('?last=all', {}, 'live');
        assertSequence(shown(all), [...expected(0), 'live']);
        assert.equal(all[1499].type, 'tailrace.gap');
        assert.equal(all[1499].ownId, ids[1499], 'a client that comes back is told it once');
        lines.push('live');
        const resumed = await read('', { 'last-event-id': ids[990] }, 'again');
        assertSequence(shown(resumed), [...expected(991), 'again']);
        lines.push('again');
        const behind = await read('', { 'last-event-id': ids[1499] }, 'more');
        assertSequence(shown(behind), [...expected(1500), 'more']);
        lines.push('more');
        const newest = await read('?last=7', {}, 'the end');
        assertSequence(shown(newest), [...expected(lines.length - 7), 'the end']);

        const pages = [];
        for (let before = ids[1999]; before;) {
            const query = `?before=${before}&last=300`;
            const answer = await hub.get(`/t/log${query}`, { accept: 'application/json' });
            assert.equal(answer.status, 200, answer.text);
            const page = answer.json();
            pages.unshift(...page.events);
            before = page.previous;
        }
        assertSequence(shown(pages), expected(0, 1999));
        const text = await hub.get('/t/log?last=all', { accept: 'text/plain' });
        const whole = [...lines, 'the end'].filter((_, i) => ![999, 1499, 1997].includes(i));
        assert.equal(text.text, whole.map((line) => `${line}\n`).join(''));
        const rows = await hub.get('/t/log?last=all', { accept: 'application/x-ndjson' });
        assertSequence(
            rows.text
                .trimEnd()
                .split('\n')
                .map((row) => JSON.parse(row).data),
            [...expected(0), 'the end'],
        );
        const search = await hub.get('/t/log?order=newest&filter=log+1&last=all', {
            accept: 'application/json',
        });
        assert.equal(search.status, 200, search.text);
        assert.equal(search.json().events.filter((e) => e.type === 'tailrace.gap').length, 3);
        const since = await hub.get('/t/log?since=1h', { accept: 'application/json' });
        assertSequence(shown(since.json().events), [...expected(0), 'the end']);
        assert.match((await hub.get('/metrics')).text, /^tailrace_damaged_total [1-9]/m);
    },
);

scenario(
    'a restored backup: a client that was further is told a gap, and gets everything new',
    async (s) => {
        const hub = await Hub.start(s);
        await publishLines(hub, 'log', numbered(50));
        const file = path.join(hub.data, 'data.mdb');
        const backup = path.join(s.tempDir(), 'backup.mdb');
        const made = await tailrace(s, ['backup', '--data', hub.data, backup]);
        assert.equal(made.code, 0, made.stderr);
        assert.notEqual(
            (await tailrace(s, ['backup', '--data', hub.data, backup])).code,
            0,
            'nothing is overwritten',
        );
        await publishLines(hub, 'log', numbered(50, 'lost '));
        const last = (await stored(hub, 'log')).at(-1).id;
        await hub.stop();
        copyFileSync(backup, file);
        await hub.launch();
        assert.match(hub.stderr, /restored backup/);
        await publishLines(hub, 'log', numbered(60, 'new '));
        const client = await hub.stream('/t/log', { headers: { 'last-event-id': last } });
        const events = await client.events.waitFor(
            (all) => all.some((event) => event.data === 'new 60') && [...all],
            'the last new event',
        );
        assert.ok(
            events.some((event) => event.type === 'tailrace.gap'),
            'a gap is told',
        );
        const data = events.map((event) => event.data);
        for (const line of numbered(60, 'new ')) assert.ok(data.includes(line), line);
    },
);

scenario('a journal whose data file is gone is an error, not an empty journal', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('log', 'x');
    await hub.stop();
    unlinkSync(path.join(hub.data, 'data.mdb'));
    const result = await tailrace(s, ['serve', '--listen', '127.0.0.1:0', '--data', hub.data]);
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /data\.mdb is missing/);
});

// --- GET /backup ---------------------------------------------------------------------------------

const OPS = { authorization: 'Bearer ops-secret' };
const READER = { authorization: 'Bearer reader-secret' };
const KEYS = {
    keys: [
        { name: 'ops', secret: 'ops-secret', publish: ['**'], subscribe: ['**'], backup: true },
        { name: 'reader', secret: 'reader-secret', publish: ['**'], subscribe: ['**'] },
    ],
};

// More than the kernel keeps for a client that reads nothing.
async function fill(hub) {
    const megabyte = 'x'.repeat(1_000_000);
    for (let i = 0; i < 40; i++) await hub.publish('large', megabyte, '', OPS);
}

// A client that has got the beginning of a backup, and reads no further.
async function begin(s, hub) {
    const client = await RawSocket.connect(s, hub.port, hub.host);
    client.write(
        `GET /backup HTTP/1.1\r\nHost: hub\r\nAuthorization: ${OPS.authorization}\r\n\r\n`,
    );
    await client.waitText(/^HTTP\/1\.1 200 /);
    client.socket.pause();
    return client;
}

// As soon as no other one is under way.
async function backup(hub) {
    for (;;) {
        const answer = await hub.get('/backup', OPS);
        if (answer.status !== 503) return answer;
        assert.ok(Number(answer.headers['retry-after']) > 0);
    }
}

scenario(
    'a backup taken under load is a journal of exactly the first events, under a new epoch',
    async (s) => {
        const hub = await Hub.start(s, { config: KEYS });
        const lines = numbered(20_000, 'a line of the log ');
        const post = (some) =>
            hub.publish('log', some.map((line) => `${line}\n`).join(''), '?split=lines', OPS);
        await post(lines);
        let over = false;
        const writing = (async () => {
            while (!over) {
                const more = numbered(100, 'another line ', lines.length + 1);
                lines.push(...more);
                await post(more);
            }
        })();
        const answer = await backup(hub);
        over = true;
        await writing;
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['content-type'], 'application/octet-stream');
        assert.match(answer.headers['content-disposition'], /attachment; filename="data\.mdb"/);
        assert.equal(answer.headers['cache-control'], 'no-store');

        const data = path.join(s.tempDir(), 'restored');
        mkdirSync(data, { mode: 0o700 });
        writeFileSync(path.join(data, 'data.mdb'), answer.body, { mode: 0o600 });
        const checked = await tailrace(s, ['check', '--data', data]);
        assert.equal(checked.code, 0, checked.stderr);
        const again = await Hub.start(s, { data });
        const got = await stored(again, 'log');
        assert.ok(got.length >= 20_000, `${got.length} events`);
        assertSequence(
            got.map((event) => event.data),
            lines.slice(0, got.length),
        );
        const [first] = (
            await hub.get('/t/log?last=1', { ...OPS, accept: 'application/json' })
        ).json().events;
        assert.notEqual(parseId(got[0].id).epoch, parseId(first.id).epoch);
    },
);

scenario('a backup needs a key that has the right by itself', async (s) => {
    const hub = await Hub.start(s, { config: { ...KEYS, anonymous: { subscribe: ['**'] } } });
    assertProblem(await hub.get('/backup'), 401, /key is needed to take a backup/);
    assertProblem(await hub.get('/backup', { authorization: 'Bearer wrong-secret' }), 401);
    assertProblem(await hub.get('/backup', READER), 403, /may not take a backup/);
    const head = await hub.request('/backup', { method: 'HEAD', headers: OPS });
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-type'], 'application/octet-stream');
    assert.equal(head.body.length, 0);
    assert.equal((await hub.request('/backup', { method: 'HEAD', headers: READER })).status, 403);
    const posted = await hub.post('/backup', '', OPS);
    assert.equal(posted.status, 405);
    assert.match(posted.headers.allow, /GET/);
    assert.equal((await backup(hub)).status, 200);

    const open = await Hub.start(s);
    assertProblem(await open.get('/backup'), 401);
});

scenario(
    'a client that reads its backup slowly stops nobody, and is cut off in the end',
    async (s) => {
        const hub = await Hub.start(s, { config: { ...KEYS, limits: { write_timeout: '3s' } } });
        await fill(hub);
        const slow = await begin(s, hub);
        const second = await hub.get('/backup', OPS);
        assertProblem(second, 503, /another backup/);
        assert.ok(Number(second.headers['retry-after']) > 0);
        for (let i = 0; i < 100; i++) await hub.publish('log', `${i}`, '', OPS);
        assert.equal((await backup(hub)).status, 200);
        slow.socket.resume();
        await slow.closed;
        assert.ok(!slow.bytes.subarray(-5).equals(Buffer.from('0\r\n\r\n')), 'it is not whole');
    },
);

scenario('a client that goes away leaves nothing behind', async (s) => {
    const hub = await Hub.start(s, { config: KEYS });
    const count = (what) => readdirSync(`/proc/${hub.process.pid}/${what}`).length;
    await fill(hub);
    // What a backup that has ended keeps until the next one is there from here on.
    assert.equal((await backup(hub)).status, 200);
    const before = [count('fd'), count('task')];
    for (let i = 0; i < 5; i++) {
        const client = await begin(s, hub);
        client.destroy();
        // Begins when the one before has ended.
        assert.equal((await backup(hub)).status, 200);
    }
    // The end of the last one is a moment later than its last byte.
    await until(
        () => count('fd') <= before[0] && count('task') <= before[1],
        'its descriptors and threads to be gone',
    );
    assert.deepEqual(readdirSync(hub.data).sort(), ['data.mdb', 'lock', 'lock.mdb']);
});

scenario('a hub that stops does not wait for a backup', async (s) => {
    const hub = await Hub.start(s, { config: { ...KEYS, stream: { drain: '5m' } } });
    await fill(hub);
    const client = await begin(s, hub);
    await hub.stop();
    client.socket.resume();
    await client.closed;
});

scenario('a directory that others have prepared is looked at before it is used', async (s) => {
    const start = (data) => tailrace(s, ['serve', '--listen', '127.0.0.1:0', '--data', data]);
    const open = s.tempDir();
    chmodSync(open, 0o1777);
    const refused = await start(open);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /everybody on this machine.*chmod o-w/);
    for (const name of ['lock', 'lock.mdb']) {
        const [trap, elsewhere] = [s.tempDir(), path.join(s.tempDir(), 'made')];
        symlinkSync(elsewhere, path.join(trap, name));
        const linked = await start(trap);
        assert.notEqual(linked.code, 0, name);
        assert.ok(!existsSync(elsewhere), `${name} makes no file elsewhere`);
    }
    if (process.getuid() !== 0) return;
    const foreign = s.tempDir();
    chownSync(foreign, 65534, 65534);
    const hub = await Hub.start(s, { data: foreign });
    assert.match(hub.stderr, /belongs to another user.*uid=65534/);
});
