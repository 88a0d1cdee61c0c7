// SPDX-License-Identifier: MIT
// Who may do what: keys in every form, anonymous access, CORS, and secrets that stay secret (API.md
// section 5).
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { assertProblem, request } from './support/http.mjs';
import { Hub } from './support/hub.mjs';
import { tailrace } from './support/process.mjs';
import { scenario, shared } from './support/scope.mjs';
import { CuttingProxy } from './support/proxy.mjs';

const SECRETS = {
    reader: 'reader-secret-4711',
    // As `openssl rand -base64 24` makes them.
    base64: '+kbZ/8Jq+X3/0aPvQx1m+w==',
    writer: 'writer-secret-0815',
    narrow: 'narrow-secret-1234',
    admin: 'admin-secret-+/=&x',
};
const APP = 'https://app.example.com';

const CONFIG = {
    keys: [
        { name: 'reader', secret: SECRETS.reader, subscribe: ['**'] },
        { name: 'base64', secret: SECRETS.base64, subscribe: ['**'] },
        { name: 'writer', secret: SECRETS.writer, publish: ['logs/**'] },
        { name: 'narrow', secret: SECRETS.narrow, subscribe: ['logs/a/*', 'status'] },
        { name: 'admin', secret: SECRETS.admin, publish: ['**'], subscribe: ['**'] },
    ],
    anonymous: { subscribe: ['public/**'] },
    origins: [APP, 'https://*.example.org'],
};

const file = shared();
const hub = await Hub.start(file, { config: CONFIG });
const check = (name, body) => scenario(name, { shared: file }, body);

const bearer = (secret) => ({ authorization: `Bearer ${secret}` });
const admin = bearer(SECRETS.admin);
const publish = (topic, data, query = '') => hub.publish(topic, data, query, admin);
const jsonWith = (headers) => ({ accept: 'application/json', ...headers });

// Every way in which a credential may come, as (secret) → {query, headers}.
const FORMS = {
    bearer: (secret) => ({ headers: bearer(secret) }),
    'bearer in lower case': (secret) => ({ headers: { authorization: `bearer ${secret}` } }),
    'x-api-key': (secret) => ({ headers: { 'x-api-key': secret } }),
    'x-functions-key': (secret) => ({ headers: { 'x-functions-key': secret } }),
    code: (secret) => ({ query: `code=${encodeURIComponent(secret)}` }),
    key: (secret) => ({ query: `key=${encodeURIComponent(secret)}` }),
    access_token: (secret) => ({ query: `access_token=${encodeURIComponent(secret)}` }),
    cookie: (secret) => ({ headers: { cookie: `other=1; tailrace=${secret}; more=2` } }),
    'key with raw plus signs': (secret) => ({ query: `key=${secret}` }),
    'cookie, encoded': (secret) => ({
        headers: { cookie: `tailrace=${encodeURIComponent(secret)}` },
    }),
    'cookie, quoted': (secret) => ({ headers: { cookie: `tailrace="${secret}"` } }),
};

for (const [name, form] of Object.entries(FORMS)) {
    check(`a key as ${name} is accepted, a wrong one is 401 and never anonymous`, async (s) => {
        const base64 = form(SECRETS.base64);
        const known = base64.query ? `?${base64.query}` : '';
        const access = (await hub.get(`/access${known}`, base64.headers)).json();
        assert.equal(access.key, 'base64');
        const right = form(SECRETS.reader);
        const path = (topic, { query }) => `/t/${topic}${query ? `?${query}` : ''}`;
        const good = await hub.get(path('logs/x', right), jsonWith(right.headers));
        assert.equal(good.status, 200, good.text);
        const stream = await hub.stream(path('logs/x', right), { headers: right.headers ?? {} }, s);
        assert.equal(stream.status, 200);
        for (const secret of ['wrong-secret-9999', 'reader-secret-471', `${SECRETS.reader}1`]) {
            const wrong = form(secret);
            for (const topic of ['logs/x', 'public/x']) {
                const bad = await hub.get(path(topic, wrong), jsonWith(wrong.headers));
                assertProblem(bad, 401);
                assert.ok(!bad.text.includes(secret), 'the error does not repeat the secret');
            }
        }
    });
}

check('the first credential found wins, in the order of the documentation', async () => {
    const wrong = 'wrong-secret-9999';
    const mixed = await hub.get(`/t/x?key=${wrong}`, jsonWith(bearer(SECRETS.reader)));
    assert.equal(mixed.status, 200);
    const other = await hub.get(`/t/x?key=${SECRETS.reader}`, jsonWith(bearer(wrong)));
    assertProblem(other, 401);
    const api = await hub.get(
        '/t/x',
        jsonWith({ 'x-api-key': wrong, 'x-functions-key': SECRETS.reader }),
    );
    assertProblem(api, 401);
    const cookie = await hub.get(
        `/t/x?code=${SECRETS.reader}`,
        jsonWith({ cookie: `tailrace=${wrong}` }),
    );
    assert.equal(cookie.status, 200);
});

check('no key sees only what anonymous may see', async () => {
    assert.equal((await hub.get('/t/public/x', jsonWith())).status, 200);
    const closed = await hub.get('/t/logs/x', jsonWith());
    assertProblem(closed, 401);
    assert.match(closed.headers['www-authenticate'] ?? '', /^Bearer/);
    assertProblem(await hub.post('/t/public/x', 'x'), 401);
    assertProblem(await hub.delete('/t/public/x'), 401);
});

check('another authentication scheme or an empty key is no key that fits', async () => {
    for (const headers of [
        { authorization: 'Basic dXNlcjpwYXNz' },
        { authorization: 'Bearer' },
        { authorization: 'Bearer ' },
        { 'x-api-key': '' },
    ]) {
        const answer = await hub.get('/t/logs/x', jsonWith(headers));
        assertProblem(answer, 401);
    }
    assertProblem(await hub.get('/t/logs/x?key=', jsonWith()), 401);
});

check('a key may do only what it was given', async () => {
    assert.equal((await hub.post('/t/logs/a/1', 'x', bearer(SECRETS.writer))).status, 200);
    assertProblem(await hub.post('/t/status', 'x', bearer(SECRETS.writer)), 403);
    assertProblem(await hub.delete('/t/status', bearer(SECRETS.writer)), 403);
    assertProblem(await hub.post('/t/logs/a/1', 'x', bearer(SECRETS.reader)), 403);
    assertProblem(await hub.get('/t/logs/a/1', jsonWith(bearer(SECRETS.writer))), 403);
    assertProblem(await hub.get('/t/logs/b/1', jsonWith(bearer(SECRETS.narrow))), 403);
    assert.equal((await hub.get('/t/logs/a/1', jsonWith(bearer(SECRETS.narrow)))).status, 200);
});

check(
    'a pattern wider than the grant is narrowed to it, an exact topic outside is 403',
    async (s) => {
        const stream = await hub.stream(
            '/events?topic=**&format=meta',
            { headers: bearer(SECRETS.narrow) },
            s,
        );
        for (const topic of [
            'logs/b/1',
            'logs/a/1',
            'secret',
            'logs/a/1/2',
            'status',
            'logs/a/9',
        ]) {
            await publish(topic, topic);
        }
        assert.deepEqual(await stream.waitData(3), ['logs/a/1', 'status', 'logs/a/9']);
        const stored = await hub.get(
            '/events?topic=logs/**&last=all',
            jsonWith(bearer(SECRETS.narrow)),
        );
        const topics = new Set(stored.json().events.map((event) => event.topic));
        assert.deepEqual([...topics].sort(), ['logs/a/1', 'logs/a/9']);
        assertProblem(
            await hub.get('/events?topic=status&topic=secret', jsonWith(bearer(SECRETS.narrow))),
            403,
        );
    },
);

check('/topics shows only what the caller may subscribe to', async () => {
    for (const topic of ['logs/a/1', 'public/news', 'secret']) await publish(topic, 'x');
    const names = async (headers) =>
        (await hub.get('/topics', headers)).json().map((entry) => entry.topic);
    assert.ok((await names(admin)).includes('secret'));
    const narrow = await names(bearer(SECRETS.narrow));
    assert.ok(narrow.includes('logs/a/1'));
    assert.ok(!narrow.includes('secret') && !narrow.includes('public/news'));
    assert.deepEqual(await names({}), ['public/news']);
    assertProblem(await hub.get('/topics', bearer('wrong-secret-9999')), 401);
});

check(
    'a key that comes in the query is not taken for a parameter of the subscription',
    async () => {
        const answer = await hub.get(
            `/t/logs/x?last=1&code=${encodeURIComponent(SECRETS.admin)}`,
            jsonWith(),
        );
        assert.equal(answer.status, 200);
    },
);

check('an allowed origin may load the kit, others may not read it', async () => {
    for (const name of ['/kit/tailrace.js', '/tailrace.js']) {
        assert.equal(
            (await hub.get(name, { origin: APP })).headers['access-control-allow-origin'],
            APP,
            name,
        );
        const other = await hub.get(name, { origin: 'https://evil.example' });
        assert.equal(other.headers['access-control-allow-origin'], undefined, name);
    }
});

check('an allowed origin is echoed, others get nothing', async () => {
    for (const origin of [APP, 'https://a.example.org', 'https://b.a.example.org']) {
        const answer = await hub.get('/t/public/x', jsonWith({ origin }));
        if (origin.includes('b.a.')) continue; // one label or several is for doc/ to say
        assert.equal(answer.headers['access-control-allow-origin'], origin);
        assert.match(answer.headers.vary ?? '', /origin/i);
    }
    for (const origin of [
        'https://evil.example',
        'http://app.example.com',
        'https://app.example.com:8443',
        'https://app.example.com.evil.example',
        'https://example.org',
        'https://evilexample.org',
        'null',
    ]) {
        const answer = await hub.get('/t/public/x', jsonWith({ origin }));
        assert.equal(answer.headers['access-control-allow-origin'], undefined, origin);
        assert.match(answer.headers.vary ?? '', /origin/i, 'caches must not mix the two');
    }
    assert.match((await hub.get('/t/public/x', jsonWith())).headers.vary ?? '', /origin/i);
});

check('a preflight is answered without a key, for an allowed origin only', async () => {
    const ask = (origin, headers = {}) =>
        hub.request('/t/logs/x', {
            method: 'OPTIONS',
            headers: {
                origin,
                'access-control-request-method': 'POST',
                'access-control-request-headers':
                    'authorization, content-type, last-event-id, x-api-key',
                ...headers,
            },
        });
    const answer = await ask(APP);
    assert.ok([200, 204].includes(answer.status));
    assert.equal(answer.headers['access-control-allow-origin'], APP);
    assert.match(answer.headers['access-control-allow-methods'], /POST/);
    assert.match(answer.headers['access-control-allow-methods'], /DELETE/);
    for (const header of ['authorization', 'content-type', 'last-event-id', 'x-api-key']) {
        assert.match(
            answer.headers['access-control-allow-headers'],
            new RegExp(`\\b${header}\\b`, 'i'),
        );
    }
    assert.ok(Number(answer.headers['access-control-max-age']) > 0);
    const evil = await ask('https://evil.example');
    assert.equal(evil.headers['access-control-allow-origin'], undefined);
    const star = await hub.request('/', { method: 'OPTIONS', headers: { origin: APP } });
    assert.ok([200, 204].includes(star.status));
});

check('a preflight allows the fields that a client asks for, bounded and checked', async () => {
    const ask = (names, more = {}) =>
        hub.request('/t/logs/x', {
            method: 'OPTIONS',
            headers: {
                origin: APP,
                'access-control-request-method': 'GET',
                'access-control-request-headers': names,
                ...more,
            },
        });
    // As htmx 4, Datastar, MCP, Durable Streams and tracing libraries ask.
    for (const names of [
        'hx-current-url,hx-request,hx-request-type,hx-source,hx-target',
        'datastar-request',
        'authorization,content-type,last-event-id,mcp-protocol-version,mcp-session-id',
        'producer-epoch,producer-id,producer-seq,stream-closed,stream-seq',
        'baggage,sentry-trace,traceparent,tracestate,x-datadog-trace-id,x-requested-with',
    ]) {
        const answer = await ask(names);
        assert.equal(answer.status, 204);
        assert.equal(answer.headers['access-control-allow-headers'], names);
        assert.equal(answer.headers['access-control-allow-origin'], APP);
        assert.match(answer.headers.vary, /access-control-request-headers/i);
        assert.equal(answer.headers['access-control-allow-private-network'], undefined);
    }
    for (const names of ['a b', 'a,,b', 'a;b', `x${'-x'.repeat(2000)}`]) {
        const answer = await ask(names);
        assert.ok(!answer.headers['access-control-allow-headers'].includes(names), names);
        assert.match(answer.headers['access-control-allow-headers'], /Last-Event-ID/);
    }
    const inside = await ask('traceparent', { 'access-control-request-private-network': 'true' });
    assert.equal(inside.headers['access-control-allow-private-network'], 'true');
    const evil = await ask('traceparent', {
        origin: 'https://evil.example',
        'access-control-request-private-network': 'true',
    });
    for (const name of Object.keys(evil.headers)) assert.doesNotMatch(name, /^access-control/);
});

check('errors carry CORS headers too, so that a page can read them', async () => {
    const cases = [
        [401, hub.get('/t/logs/x', jsonWith({ origin: APP }))],
        [401, hub.get('/t/logs/x', jsonWith({ origin: APP, ...bearer('wrong-secret-9999') }))],
        [403, hub.post('/t/x', 'x', { origin: APP, ...bearer(SECRETS.reader) })],
        [404, hub.get('/nothing/here', jsonWith({ origin: APP, ...admin }))],
        [400, hub.get('/t/public/x?last=many', jsonWith({ origin: APP }))],
        [405, hub.request('/t/public/x', { method: 'PATCH', headers: { origin: APP, ...admin } })],
        [406, hub.get('/t/public/x', { accept: 'image/png', origin: APP })],
    ];
    for (const [status, asked] of cases) {
        const answer = await asked;
        assertProblem(answer, status);
        assert.equal(answer.headers['access-control-allow-origin'], APP, `on ${status}`);
    }
});

check('a stream for another origin carries the headers from the first byte', async (s) => {
    const stream = await hub.stream('/t/public/x', { headers: { origin: APP } }, s);
    assert.equal(stream.headers['access-control-allow-origin'], APP);
});

check('an origin * is without credentials', async (s) => {
    const own = await Hub.start(s, { config: { origins: ['*'] } });
    const answer = await own.get('/t/x', jsonWith({ origin: 'https://anyone.example' }));
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
});

check('without origins no origin is let in', async (s) => {
    const own = await Hub.start(s);
    const answer = await own.get('/t/x', jsonWith({ origin: APP }));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
});

check('secrets never reach the log, an error, a metric or a page', async (s) => {
    const own = await Hub.start(s, { config: { ...CONFIG, log: { level: 'debug' } } });
    const encoded = encodeURIComponent(SECRETS.admin);
    const wrong = 'leak-me-not-12345';
    const texts = [];
    for (const path of [
        `/t/a?code=${encoded}`,
        `/t/a?key=${wrong}`,
        `/t/a?%6bey=${wrong}`,
        `/t/a?x=1&access_token=${wrong}&last=5`,
        `/t/a/../b?code=${wrong}`,
        `/nowhere?code=${wrong}`,
        `/events?code=${wrong}`,
        `/topics?KEY=${wrong}&key=${wrong}`,
        `/?key=${encoded}`,
    ]) {
        const answer = await own.get(path, jsonWith({}));
        texts.push(answer.text, JSON.stringify(answer.headers));
    }
    for (const headers of [
        bearer(wrong),
        { 'x-api-key': wrong },
        { cookie: `tailrace=${wrong}` },
        { authorization: `Basic ${wrong}` },
    ]) {
        texts.push((await own.get('/t/a', jsonWith(headers))).text);
    }
    // Malformed requests are logged too.
    const proxy = await CuttingProxy.start(s, own.port);
    await request(proxy.to(`/t/%zz?code=${wrong}`), {}).then((answer) => texts.push(answer.text));
    texts.push((await own.get('/metrics', admin)).text);
    await own.stop();
    texts.push(own.stderr, own.process.stdoutText);
    for (const text of texts) {
        for (const secret of [wrong, encoded, ...Object.values(SECRETS)]) {
            assert.ok(!text.includes(secret), `${secret} in: ${text.slice(0, 2000)}`);
        }
    }
});

check('keys come from a file or the environment as well', async (s) => {
    const dir = s.tempDir();
    writeFileSync(`${dir}/secret`, 'from-a-file-1234\n', { mode: 0o600 });
    const own = await Hub.start(s, {
        env: { TEST_HUB_KEY: 'from-the-env-1234' },
        config: {
            keys: [
                { name: 'file', secret_file: `${dir}/secret`, subscribe: ['**'] },
                { name: 'env', secret_env: 'TEST_HUB_KEY', subscribe: ['**'] },
            ],
        },
    });
    assertProblem(await own.get('/t/x', jsonWith()), 401);
    for (const secret of ['from-a-file-1234', 'from-the-env-1234']) {
        assert.equal((await own.get('/t/x', jsonWith(bearer(secret)))).status, 200, secret);
    }
});

check('without keys the hub refuses to listen beyond loopback, unless told', async (s) => {
    for (const address of ['0.0.0.0:0', ':0', '[::]:0']) {
        const result = await tailrace(s, [
            'serve',
            '--listen',
            address,
            '--data',
            `${s.tempDir()}/data`,
        ]);
        assert.notEqual(result.code, 0);
        assert.match(result.stderr, /key|--open/);
    }
    const open = await Hub.start(s, { listen: '0.0.0.0:0', args: ['--open'] });
    assert.equal((await request(`http://127.0.0.1:${open.port}/healthz`)).status, 200);
    const keyed = await Hub.start(s, { listen: '0.0.0.0:0', config: CONFIG });
    assert.equal((await request(`http://127.0.0.1:${keyed.port}/healthz`)).status, 200);
});

const JSON_FORM = { accept: 'application/json' };

check('what needs no key is given under known names only', async (s) => {
    const rebound = { ...JSON_FORM, host: 'evil.example' };
    const open = await Hub.start(s, { listen: '0.0.0.0:0', args: ['--open'] });
    const anyone = await Hub.start(s, {
        config: {
            anonymous: { publish: ['in/**'], subscribe: ['**'] },
            hosts: ['Logs.example.com'],
        },
    });
    for (const own of [open, anyone]) {
        const to = (path, options) => request(`http://127.0.0.1:${own.port}${path}`, options);
        assertProblem(await to('/t/in/x', { headers: rebound }), 403, /evil\.example.*hosts/);
        assertProblem(await to('/topics', { headers: rebound }), 403, /hosts/);
        assertProblem(await to('/access', { headers: rebound }), 403, /hosts/);
        assertProblem(
            await to('/t/in/x', { method: 'POST', body: 'x', headers: rebound }),
            403,
            /hosts/,
        );
        assert.equal((await to('/healthz', { headers: rebound })).status, 200);
        for (const host of [
            'localhost',
            'localhost.:80',
            `127.0.0.1:${own.port}`,
            '[::1]',
            'a.localhost',
        ])
            assert.equal(
                (await to('/t/in/x', { headers: { ...JSON_FORM, host } })).status,
                200,
                host,
            );
    }
    assert.match(open.stderr, /hosts is empty/);
    const named = { ...JSON_FORM, host: 'logs.example.com:8443' };
    assert.equal((await anyone.get('/t/in/x', named)).status, 200);
    // A key is its own proof, and without one it is asked for.
    const keyed = { host: 'evil.example', accept: 'application/json' };
    assert.equal((await hub.get('/t/logs/x', { ...keyed, ...admin })).status, 200);
    const closed = await Hub.start(s, { config: { keys: CONFIG.keys } });
    assertProblem(await closed.get('/t/logs/x', keyed), 401);
    assert.equal((await closed.get('/access', keyed)).status, 200);
});

check('no page of an origin that is not named writes without a key of its own', async (s) => {
    const own = await Hub.start(s, {
        config: { origins: ['*', 'null', APP], hosts: ['hub.example'] },
    });
    const write = (origin, query = '') => own.post(`/t/x${query}`, 'x', { origin });
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1']) {
        assertProblem(await write(origin), 403, /origins/);
        // Without keys any text would do as one.
        assertProblem(await write(origin, '?key=anything-at-all'), 403, /origins/);
        assertProblem(await own.delete('/t/x', { origin }), 403, /origins/);
        assert.equal(
            (await own.get('/t/x', { origin })).headers['access-control-allow-origin'],
            '*',
        );
    }
    assert.equal((await write(APP)).status, 200);
    assert.equal((await write(own.origin)).status, 200);
    // Behind a proxy that changes the Host field.
    assert.equal((await write('https://hub.example')).status, 200);
    const cookie = { cookie: `tailrace=${SECRETS.admin}` };
    const star = await Hub.start(s, { config: { keys: CONFIG.keys, origins: ['*'] } });
    const evil = { origin: 'https://evil.example' };
    assertProblem(await star.post('/t/x', 'x', { ...evil, ...cookie }), 403, /origins/);
    assert.equal((await star.post('/t/x', 'x', { ...evil, ...admin })).status, 200);
});

check('health, readiness and version need no key', async () => {
    for (const path of ['/healthz', '/readyz', '/version']) {
        assert.equal((await hub.get(path)).status, 200, path);
    }
    assert.equal((await hub.get('/metrics', admin)).status, 200);
});

check('one key makes no more topics than it may, and takes no room from others', async (s) => {
    const small = await Hub.start(s, {
        config: {
            keys: [
                { name: 'a', secret: SECRETS.writer, publish: ['**'] },
                { name: 'b', secret: SECRETS.admin, publish: ['**'] },
            ],
            limits: { topics: 10, topics_per_key: 2 },
        },
    });
    const post = (topic, secret) => small.post(`/t/${topic}`, 'x', bearer(secret));
    assert.equal((await post('one', SECRETS.writer)).status, 200);
    assert.equal((await post('two', SECRETS.writer)).status, 200);
    const refused = await post('three', SECRETS.writer);
    assertProblem(refused, 503);
    assert.match(refused.json().detail, /limits\.topics_per_key/);
    assert.equal((await post('one', SECRETS.writer)).status, 200);
    assert.equal((await post('three', SECRETS.admin)).status, 200);
});
