// SPDX-License-Identifier: MIT
// Journals that were damaged, restored or lost: what the commands say of them, and what clients are
// told.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { tailrace } from './support/process.mjs';
import { scenario } from './support/scope.mjs';

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
