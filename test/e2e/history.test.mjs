// SPDX-License-Identifier: MIT
// Pages: back through the history (before, last), forward with a limit, and what a key may do
// (API.md sections 3 and 4).
import assert from 'node:assert/strict';
import path from 'node:path';
import { assertProblem } from './support/http.mjs';
import { Hub, assertRising, assertSequence, numbered, parseId } from './support/hub.mjs';
import { LogFile } from './support/logfile.mjs';
import { scenario, shared } from './support/scope.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const hub = await Hub.start(file);
const check = (name, body) => scenario(name, { shared: file }, body);

const JSON_FORM = { accept: 'application/json' };
const NDJSON = { accept: 'application/x-ndjson' };
const TEXT = { accept: 'text/plain' };
const SSE = { accept: 'text/event-stream' };

const dataOf = (page) => page.events.map((event) => event.data);
const idOf = (id, plus) => `${parseId(id).epoch}-${parseId(id).seq + BigInt(plus)}`;

async function get(from, pathAndQuery, headers = JSON_FORM) {
    const answer = await from.get(pathAndQuery, headers);
    assert.equal(answer.status, 200, `${pathAndQuery}: ${answer.text}`);
    return answer.json();
}

// All pages from `before` back to the beginning, put together; `each` runs between them.
async function pageBack(from, target, before, last, each = () => {}) {
    let events = [];
    let pages = 0;
    for (let previous = before; previous; pages++) {
        const page = await get(
            from,
            `${target}${target.includes('?') ? '&' : '?'}before=${previous}&last=${last}`,
        );
        assert.ok(page.events.length <= last);
        if (page.previous) assert.equal(page.events.length, last, 'only the oldest page is short');
        events = [...page.events, ...events];
        previous = page.previous;
        await each(pages);
    }
    assertRising(events.map(({ id }) => id));
    return { events, pages };
}

check(
    'paging back to the very beginning gives exactly the file, while it goes on growing',
    async (s) => {
        const log = new LogFile(path.join(s.tempDir(), 'app.log'));
        const lines = numbered(5000, 'line ').map((line, i) => `${line} ${'é'.repeat(i % 50)}`);
        log.lines(lines);
        const own = await Hub.start(s, {
            config: { sources: [{ file: log.path, topic: 'app', backfill: 'all' }] },
        });
        const newest = await until(async () => {
            const { events } = await get(own, '/t/app?last=1');
            return events[0]?.data === lines.at(-1) && events[0].id;
        }, 'the file to be read');
        const { events, pages } = await pageBack(
            own,
            '/t/app',
            idOf(newest, 1),
            613,
            async (page) => {
                log.lines([`later ${page}`]);
                await own.publish('other', `${page}`);
            },
        );
        assert.equal(pages, Math.ceil(5000 / 613));
        assertSequence(
            events.map(({ data }) => data),
            lines,
            'the file',
        );
    },
);

check('several topics are one history, newest before the id, oldest first', async () => {
    const all = [];
    for (let i = 0; i < 60; i++) all.push((await hub.publish(`many/${i % 7}`, `${i}`)).id);
    const page = await get(hub, `/t/many/**?before=${all[50]}&last=20`);
    assert.deepEqual(dataOf(page), numbered(20, '', 30));
    assert.deepEqual(
        page.events.map(({ id }) => id),
        all.slice(30, 50),
    );
    assert.equal(page.previous, all[30]);
    assert.equal(page.topics.length, 7);
    assert.ok(parseId(page.next).seq >= parseId(all[59]).seq);
    const two = await pageBack(hub, '/events?topic=many/1&topic=many/3', all[59], 4);
    assert.deepEqual(
        two.events.map(({ data }) => Number(data)),
        numbered(59)
            .map((n) => n - 1)
            .filter((n) => n % 7 === 1 || n % 7 === 3),
    );
});

check('without last= a page has 100; it is had as JSON lines and text too', async () => {
    const { last } = await hub.publishLines('forms', numbered(150));
    const query = `/t/forms?before=${idOf(last, 1)}`;
    assert.deepEqual(dataOf(await get(hub, query)), numbered(100, '', 51));
    assert.equal((await hub.get(`${query}&last=3`, TEXT)).text, '148\n149\n150\n');
    const lines = (await hub.get(`${query}&last=2`, NDJSON)).text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    assert.deepEqual(
        lines.map(({ topic, data }) => [topic, data]),
        [
            ['forms', '149'],
            ['forms', '150'],
        ],
    );
    const head = await hub.request(query, { method: 'HEAD', headers: JSON_FORM });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
});

check('a filter holds for pages', async () => {
    const { last } = await hub.publishLines('filtered', numbered(1000, 'line '));
    const wanted = numbered(1000, 'line ').filter((line) => line.endsWith('7'));
    const page = await get(
        hub,
        `/t/filtered?before=${last}&last=10&filter=${encodeURIComponent('/7$/')}`,
    );
    assert.deepEqual(dataOf(page), wanted.slice(-10));
    const { events } = await pageBack(
        hub,
        `/t/filtered?filter=${encodeURIComponent('/7$/')}`,
        last,
        20,
    );
    assert.deepEqual(
        events.map(({ data }) => data),
        wanted,
    );
});

check('a page has an ETag, and is answered 304 as long as nothing changes', async () => {
    const { last } = await hub.publishLines('tagged', numbered(10));
    const tag = (query) =>
        hub.get(`/t/tagged?${query}`, JSON_FORM).then(({ headers }) => headers.etag);
    const query = `before=${last}&last=3`;
    const first = await tag(query);
    assert.equal(
        (await hub.get(`/t/tagged?${query}`, { ...JSON_FORM, 'if-none-match': first })).status,
        304,
    );
    const others = [
        `before=${last}&last=4`,
        `before=${idOf(last, -1)}&last=3`,
        `before=${last}&last=3&order=newest`,
        'last=3',
        'last=3&limit=2',
    ];
    for (const other of others) assert.notEqual(await tag(other), first, other);
    await hub.publish('tagged', 'more');
    assert.equal(
        (await hub.get(`/t/tagged?${query}`, { ...JSON_FORM, 'if-none-match': first })).status,
        200,
    );
});

check('what retention has taken is the end of the history', async (s) => {
    const own = await Hub.start(s, {
        config: { topics: [{ match: 'short', retention: { count: 100 } }] },
    });
    const { last } = await own.publishLines('short', numbered(1000));
    await until(async () => (await get(own, '/topics?topic=short'))[0].events === 100, 'retention');
    const { events, pages } = await pageBack(own, '/t/short', idOf(last, 1), 30);
    assert.deepEqual(
        events.map(({ data }) => data),
        numbered(100, '', 901),
    );
    assert.equal(pages, 4);
    const none = await get(own, `/t/short?before=${idOf(last, -500)}`);
    assert.deepEqual([none.events, none.previous], [[], null]);
});

check('what is forgotten between two pages is the end of the history', async () => {
    const { last } = await hub.publishLines('gone', numbered(50));
    const page = await get(hub, `/t/gone?before=${last}&last=10`);
    assert.ok(page.previous);
    assert.equal((await hub.delete('/t/gone')).status, 204);
    const anew = await hub.publish('gone', 'anew');
    const older = await get(hub, `/t/gone?before=${page.previous}&last=10`);
    assert.deepEqual([older.events, older.previous], [[], null]);
    assert.deepEqual(dataOf(await get(hub, `/t/gone?before=${idOf(anew.id, 1)}`)), ['anew']);
});

check('events in memory only are part of it', async (s) => {
    const own = await Hub.start(s, {
        config: { topics: [{ match: 'memory/**', durability: 'memory' }] },
    });
    const ids = [];
    for (let i = 1; i <= 40; i++)
        ids.push((await own.publish(i % 2 ? 'memory/a' : 'disk', `${i}`)).id);
    const { events } = await pageBack(own, '/t/**', ids[39], 7);
    assert.deepEqual(
        events.map(({ data }) => data),
        numbered(39),
    );
});

check(
    'the newest of each of many topics, on disk and in memory, and then what follows',
    async (s) => {
        const own = await Hub.start(s, {
            config: { topics: [{ match: 'memory/**', durability: 'memory' }] },
        });
        const names = numbered(100).flatMap((n) => [`memory/${n}`, `disk/${n}`]);
        for (const part of ['old', 'older than new'])
            for (const name of names)
                await own.publishLines(name, [`${name} ${part}`, `${name} x`]);
        const target = '/events?topic=memory/*&topic=disk/*&last=3';
        const stream = await own.stream(target);
        await own.publish('disk/new', 'followed');
        const expected = [
            ...names.map((name) => `${name} x`),
            ...names.flatMap((name) => [`${name} older than new`, `${name} x`]),
        ];
        const page = await get(own, target);
        assertSequence(dataOf(page), [...expected, 'followed']);
        assertRising(page.events.map(({ id }) => id));
        assertSequence(await stream.waitData(expected.length + 1), [...expected, 'followed']);
    },
);

check('an id that has just been given out is good on every worker', async () => {
    for (let i = 0; i < 100; i++) {
        const { id } = await hub.publish('fresh', `${i}`);
        const page = await get(hub, `/t/fresh?before=${idOf(id, 1)}&last=1`);
        assert.deepEqual(
            page.events.map((event) => event.id),
            [id],
        );
    }
});

// --- a limit ---

check('limit= divides what follows an id, and next= goes on exactly', async () => {
    const { first } = await hub.publishLines('limited', numbered(2500));
    let since = idOf(first, -1);
    const got = [];
    const sizes = [];
    for (let more = true; more;) {
        const page = await get(hub, `/t/limited?since=${since}&limit=600`);
        got.push(...dataOf(page));
        sizes.push(page.events.length);
        assert.ok(page.more === undefined || page.more === true);
        since = page.next;
        more = page.more;
        if (sizes.length === 2) await hub.publishLines('limited', ['while at it']);
    }
    assertSequence(got, [...numbered(2500), 'while at it']);
    assert.deepEqual(sizes, [600, 600, 600, 600, 101]);
    assert.equal((await get(hub, '/t/limited?last=all&limit=2501')).more, undefined, 'just enough');
    assert.equal((await get(hub, '/t/limited?last=all&limit=2500')).more, true);
    assert.equal((await hub.get('/t/limited?last=all&limit=3', TEXT)).text, '1\n2\n3\n');
    const resumed = await hub.get('/t/limited?limit=2', { ...JSON_FORM, 'last-event-id': first });
    assert.deepEqual(dataOf(resumed.json()), ['2', '3']);
    const filtered = await get(
        hub,
        `/t/limited?since=${idOf(first, -1)}&limit=5&filter=${encodeURIComponent('/^1\\d{3}$/')}`,
    );
    assert.deepEqual([dataOf(filtered), filtered.more], [numbered(5, '', 1000), true]);
});

check('a long poll takes a limit', async () => {
    const { id } = await hub.publish('polled', 'x');
    const poll = hub.get(`/t/polled?since=${id}&wait=30s&limit=2`, JSON_FORM);
    await until(
        async () => (await get(hub, '/topics?topic=polled'))[0].subscribers === 1,
        'the poll',
    );
    await hub.publishLines('polled', numbered(5));
    const page = (await poll).json();
    assert.deepEqual([dataOf(page), page.more], [['1', '2'], true]);
    assert.deepEqual(dataOf(await get(hub, `/t/polled?since=${page.next}&limit=9`)), [
        '3',
        '4',
        '5',
    ]);
});

// --- refusals ---

check(
    'what does not go together, and what is out of bounds, is refused with the reason',
    async () => {
        const { id } = await hub.publish('refused', 'x');
        const before = `before=${id}`;
        const refusals = [
            ['before=', /event id/],
            ['before=17', /event id/],
            ['before=2h', /event id/],
            ['before=0000000000-1', /not given out/],
            [`before=${idOf(id, 100000)}`, /not given out/],
            [`${before}&last=0`, /from 1 to 10000/],
            [`${before}&last=10001`, /from 1 to 10000/],
            [`${before}&last=all`, /from 1 to 10000/],
            [`${before}&last=x`, /from 1 to 10000/],
            [`${before}&since=1h`, /`before`.*`since`/],
            [`${before}&lastEventId=${id}`, /`before`.*last event id/],
            [`${before}&limit=5`, /`before`.*`limit`/],
            [`${before}&wait=1s`, /`before`.*`wait`/],
            [`${before}&pace=1s`, /`before`.*`pace`/],
            [`${before}&follow=1`, /`before`.*`follow`/],
            ['order=up', /oldest or newest/],
            ['order=newest&last=0', /at least 1/],
            ['order=newest&last=-1', /at least 1/],
            ['order=newest&since=1h', /`order=newest`.*`since`/],
            ['order=newest&limit=5', /`order=newest`.*`limit`/],
            ['order=newest&wait=5s', /`order=newest`.*`wait`/],
            ['order=newest&pace=original', /`order=newest`.*`pace`/],
            ['order=newest&filter=', /empty/],
            ['order=newest&filter=/(/', /regular expression/],
            ['limit=0', /from 1 to 10000/],
            ['limit=10001', /from 1 to 10000/],
            ['limit=x', /from 1 to 10000/],
            ['last=5&limit=5&pace=1s', /`limit`.*`pace`/],
        ];
        for (const [query, reason] of refusals) {
            assertProblem(await hub.get(`/t/refused?${query}`, JSON_FORM), 400, reason);
        }
        for (const query of [before, 'order=newest', 'limit=5']) {
            assertProblem(await hub.get(`/t/refused?${query}`, SSE), 400, /not for a stream/);
        }
        assertProblem(
            await hub.get('/t/refused?order=newest&follow=1', TEXT),
            400,
            /`order=newest`.*`follow`/,
        );
        assertProblem(await hub.get('/t/refused?limit=5&follow=1', TEXT), 400, /not for a stream/);
        assertProblem(
            await hub.get(`/t/refused?${before}`, { ...JSON_FORM, 'last-event-id': id }),
            400,
            /last event id/,
        );
        for (const query of [
            'order=oldest',
            `before=${idOf(id, 1)}`,
            `before=${parseId(id).epoch}-0`,
        ])
            await get(hub, `/t/refused?${query}`);
    },
);

// --- keys ---

const KEYS = {
    keys: [
        { name: 'narrow', secret: 'narrow-secret-1', subscribe: ['logs/a'] },
        { name: 'anonymous', secret: 'all-the-secret', publish: ['**'], subscribe: ['**'] },
        { name: 'writer "<"', secret: 'writer-secret1', publish: ['in/*'] },
    ],
    anonymous: { subscribe: ['public/**'] },
};
const ALL = { 'x-api-key': 'all-the-secret' };
const NARROW = { 'x-api-key': 'narrow-secret-1' };

check("a key sees only its part of a pattern's history", async (s) => {
    const own = await Hub.start(s, { config: KEYS });
    let id;
    for (let i = 1; i <= 20; i++)
        ({ id } = await own.publish(i % 2 ? 'logs/a' : 'logs/b', `${i}`, '', ALL));
    const odd = numbered(20).filter((n) => n % 2);
    const page = await get(own, `/t/logs/**?before=${id}&last=50`, { ...JSON_FORM, ...NARROW });
    assert.deepEqual(dataOf(page), odd);
    assert.deepEqual(
        page.topics.map(({ topic }) => topic),
        ['logs/a'],
    );
    const found = (await own.get('/t/**?order=newest&filter=1', { ...TEXT, ...NARROW })).text;
    assert.equal(
        found,
        odd
            .filter((n) => n.includes('1'))
            .reverse()
            .map((n) => `${n}\n`)
            .join(''),
    );
    assertProblem(await own.get(`/t/logs/b?before=${id}`, { ...JSON_FORM, ...NARROW }), 403);
    assertProblem(await own.get(`/t/logs/b?before=${id}`, JSON_FORM), 401);
    assert.equal((await own.get(`/t/**?order=newest`, TEXT)).text, '', 'nothing of it is public');
});

check('/access says what the caller may do', async (s) => {
    assert.deepEqual(await get(hub, '/access'), { key: null, publish: ['**'], subscribe: ['**'] });
    const own = await Hub.start(s, { config: KEYS });
    const access = (headers) => get(own, '/access', headers);
    assert.deepEqual(await access({}), { key: null, publish: [], subscribe: ['public/**'] });
    assert.deepEqual(await access(NARROW), { key: 'narrow', publish: [], subscribe: ['logs/a'] });
    assert.deepEqual(await access(ALL), { key: 'anonymous', publish: ['**'], subscribe: ['**'] });
    assert.deepEqual(await access({ 'x-api-key': 'writer-secret1' }), {
        key: 'writer "<"',
        publish: ['in/*'],
        subscribe: [],
    });
    assertProblem(await own.get('/access', { 'x-api-key': 'a-wrong-secret' }), 401);
    assertProblem(await own.get('/access?key=a-wrong-secret'), 401);
    assertProblem(await own.post('/access', ''), 405);
    const answer = await own.get('/access', NARROW);
    assert.match(answer.headers['cache-control'], /no-store/);
    assert.match(answer.headers['content-type'], /^application\/json/);
    assert.ok(!answer.text.includes('secret'));
});
