// SPDX-License-Identifier: MIT
// <live-log> in Chromium against the real hub, on a page of another origin: what is shown is
// exactly the log, the reader is never disturbed, history in both directions, search, selection,
// keys.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { stripAnsi } from '../../web/kit/ansi.js';
import { startBrowser } from './support/browser.mjs';
import { assertSequence, numbered } from './support/hub.mjs';
import {
    frames,
    inSight,
    loaded,
    logSite,
    notes,
    rows,
    run,
    shown,
    until,
    wheel,
} from './support/live-log.mjs';
import { scaled, scenario, shared } from './support/scope.mjs';

const file = shared();
const browser = await startBrowser(file);
const place = await logSite(file);
const check = (name, body) => scenario(name, { shared: file }, body);

const live = (page) =>
    until(
        page,
        `log.connection === 'live' && log.lineCount > 0 && log.shadowRoot.querySelector('.log-line')`,
    );
const clean = (page) => assert.deepEqual(page.problems, []);
const chip = (page) =>
    run(
        page,
        `const node = log.shadowRoot.querySelector('.chip'); return node.hidden ? null : node.textContent`,
    );
const open = (hub, attributes, options) => place.open(browser, hub, attributes, options);
// The file as it is on disk: lines of every length, some with what pages get wrong.
function mixed(count, from = 1) {
    return Array.from({ length: count }, (_, i) => {
        const n = from + i;
        const odd = [
            '<b>&amp;</b>',
            '\ttab  two spaces',
            'žluťoučký 漢字 😀',
            '{"n":' + n + ',"level":"warn"}',
            '',
        ][n % 5];
        return n % 7 === 3 ? `${n} ${'word '.repeat(n % 90)}${odd}` : `${n} ${odd}`;
    });
}

check('shows the newest lines, follows, and loses nothing', async (s) => {
    const hub = await place.start(s);
    const expected = mixed(500);
    await hub.publishLines('logs/app', expected);
    const page = await open(hub, { topic: 'logs/app', last: 100 });
    await live(page);
    assertSequence((await loaded(page)).slice(-100), expected.slice(-100));
    assert.equal(await run(page, 'return log.follow'), true);
    assert.equal((await rows(page)).at(-1), expected.at(-1));
    const more = mixed(300, 501);
    for (let i = 0; i < 300; i += 30) await hub.publishLines('logs/app', more.slice(i, i + 30));
    await until(page, 'log.lineCount >= 400');
    assertSequence((await loaded(page)).slice(-400), [...expected, ...more].slice(-400));
    await frames(page);
    assert.equal((await inSight(page)).at(-1).text, more.at(-1), 'the newest is in sight');
    assert.equal(await chip(page), null);
    clean(page);
});

for (const wrap of [false, true]) {
    check(
        `scrolling up reads the whole file, line by line${wrap ? ', wrapped' : ''}`,
        async (s) => {
            const hub = await place.start(s);
            const expected = mixed(1000);
            await hub.publishLines('logs/app', expected);
            const page = await open(
                hub,
                { topic: 'logs/app', 'max-lines': 400, ...(wrap ? { wrap: '' } : {}) },
                { size: { width: 700, height: 500 } },
            );
            await live(page);
            const read = new Map();
            let before = null;
            for (let i = 0; i < 2000; i++) {
                const seen = await inSight(page);
                for (const row of seen) read.set(Number(row.id.split('-')[1]), row.text);
                for (const [index, row] of seen.entries()) {
                    if (index)
                        assert.ok(
                            Math.abs(row.top - seen[index - 1].bottom) < 0.6,
                            'rows follow each other',
                        );
                }
                // One step up shows the next rows above, never others: nothing jumps.
                if (before)
                    assert.ok(
                        seen.some((row) => row.id === before),
                        `row ${before} is still in sight after one step`,
                    );
                if (seen[0].text === expected[0] && seen[0].top >= 0) break;
                before = seen[Math.min(1, seen.length - 1)].id;
                await wheel(page, -350);
            }
            const numbers = [...read.keys()].sort((a, b) => a - b);
            assertSequence(
                numbers.map((n) => read.get(n)),
                expected,
                'the page',
            );
            assert.ok(await run(page, 'return log.lineCount <= 400'));
            assert.match(
                await run(page, `return log.shadowRoot.querySelector('.head-note').textContent`),
                /beginning/,
            );
            // And down again, through what had been let go, to the end.
            await page.focus('live-log .scroller');
            const down = [];
            for (let i = 0; i < 2000; i++) {
                const seen = await inSight(page);
                for (const row of seen) if (!down.includes(row.text)) down.push(row.text);
                if (seen.at(-1).text === expected.at(-1) && (await run(page, 'return log.follow')))
                    break;
                await wheel(page, 350);
            }
            assertSequence(down, [...new Set(expected)], 'the page on the way down');
            await hub.publish('logs/app', 'after all');
            await until(page, `[...log.lines()].at(-1).data === 'after all'`);
            clean(page);
        },
    );
}

check('what the reader looks at never moves; the chip counts and leads back', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', numbered(2000, 'line '));
    const page = await open(hub, { topic: 'logs/app', last: 1000, 'max-lines': 1200, wrap: '' });
    await live(page);
    await wheel(page, -4000);
    const before = await inSight(page);
    assert.equal(await run(page, 'return log.follow'), false);
    for (let i = 0; i < 20; i++)
        await hub.publishLines('logs/app', numbered(100, 'new '.repeat(60), 1 + 100 * i));
    await until(page, 'log.unseen === 2000');
    await frames(page, 3);
    assert.deepEqual(await inSight(page), before, 'to the pixel');
    assert.ok(await run(page, 'return log.lineCount <= 1200'));
    await until(page, `/2,000 new lines/.test(log.shadowRoot.querySelector('.chip').textContent)`);
    await page.click('live-log .chip');
    await frames(page, 3);
    assert.match((await inSight(page)).at(-1).text, /new 2000$/);
    assert.equal(await chip(page), null);
    assert.equal(await run(page, 'return log.follow'), true);
    await hub.publish('logs/app', 'and on');
    await until(
        page,
        `[...log.shadowRoot.querySelectorAll('.log-text')].at(-1).textContent === 'and on'`,
    );
    clean(page);
});

check('pausing stands still and goes on without a hole', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', numbered(50));
    const page = await open(hub, { topic: 'logs/app' });
    await live(page);
    await run(page, 'log.paused = true');
    await hub.publishLines('logs/app', numbered(3000, '', 51));
    await until(page, 'log.unseen === 3000');
    assert.equal(await run(page, 'return log.lineCount'), 50);
    assert.match(await chip(page), /Paused/);
    await run(page, 'log.paused = false');
    await until(page, 'log.follow && log.lineCount >= 2000');
    assert.equal((await loaded(page)).at(-1), '3050');
    assertSequence(
        await loaded(page),
        numbered(
            await run(page, 'return log.lineCount'),
            '',
            3051 - (await run(page, 'return log.lineCount')),
        ),
    );
    clean(page);
});

check('goes to a line that is not loaded, and says when it is gone', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/other', numbered(5));
    const { first } = await hub.publishLines('logs/app', numbered(3000, 'line '));
    const page = await open(hub, { topic: 'logs/app' });
    await live(page);
    const [epoch, number] = first.split('-');
    const id = `${epoch}-${Number(number) + 1233}`;
    assert.equal(await run(page, 'return log.goTo(argument)', id), true);
    await frames(page, 3);
    const seen = await inSight(page);
    assert.ok(
        seen.some((row) => row.text === 'line 1234'),
        'in sight',
    );
    assert.equal(await run(page, 'return log.selectedLine.data'), 'line 1234');
    assert.equal(
        await run(page, `return log.shadowRoot.querySelector('.selected').dataset.id`),
        id,
    );
    const around = await loaded(page);
    assertSequence(around, numbered(around.length, 'line ', Number(around[0].slice(5))));
    assert.equal(
        await run(page, 'return log.goTo(argument)', `${epoch}-1`),
        false,
        'another topic’s',
    );
    assert.equal(
        await run(page, 'return log.selectedLine.data'),
        'line 1',
        'the next one is shown',
    );
    await run(page, 'log.toEnd()');
    await until(page, `log.follow && [...log.lines()].at(-1).data === 'line 3000'`);
    // At once after another topic and back: it waits until the lines are there.
    assert.equal(
        await run(
            page,
            `
        log.topics = ['logs/other'];
        await null;
        log.topics = ['logs/app'];
        return log.goTo(argument)`,
            id,
        ),
        true,
    );
    await until(page, `log.connection === 'live'`);
    await frames(page, 3);
    assert.ok(
        (await inSight(page)).some((row) => row.text === 'line 1234'),
        'in sight after a new start',
    );
    clean(page);
});

check('merges topics without holes and tags them', async (s) => {
    const hub = await place.start(s);
    for (let i = 0; i < 40; i++) {
        await hub.publishLines('logs/a', numbered(20, 'a', i * 20 + 1));
        if (i % 10 === 0) await hub.publish('logs/b', `b${i}`);
    }
    const all = (await hub.get('/events?topic=logs/**&last=all', { accept: 'application/json' }))
        .json()
        .events.map((event) => event.data);
    const page = await open(hub, { topic: 'logs/a\nlogs/b', last: 50 });
    await live(page);
    await until(page, 'log.lineCount >= 50');
    const now = await loaded(page);
    assertSequence(now, all.slice(-now.length), 'the newest of all together');
    while (await run(page, 'return log.loadOlder()'));
    assertSequence(await loaded(page), all);
    const tags = await run(
        page,
        `return [...log.shadowRoot.querySelectorAll('.rows .log-tag')].map((node) => node.textContent)`,
    );
    assert.ok(tags.length && tags.every((tag) => /^logs\/[ab]$/.test(tag)));
    clean(page);
});

// Two files with history, of which the hub has read one after the other; their times alternate.
const clockOf = (n) => new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + n * 1000).toISOString();
const written = (name, from, to) =>
    numbered(to - from + 1, '', from).map((n) => `${clockOf(2 * n + (name === 'b'))} ${name} ${n}`);
const merged = (from, to) =>
    numbered(to - from + 1, '', from).flatMap((n) => [
        ...written('a', +n, +n),
        ...written('b', +n, +n),
    ]);

for (const { topic, max } of [
    { topic: 'two/a\ntwo/b', max: 20_000 },
    { topic: 'two/*', max: 20_000 },
    { topic: 'two/a\ntwo/b', max: 700 },
])
    check(
        `history of several logs is in the order of time: ${topic.replace('\n', ', ')}, ${max} lines in memory`,
        async (s) => {
            const hub = await place.start(s);
            await hub.publishLines('two/a', written('a', 1, 1000));
            await hub.publishLines('two/b', written('b', 1, 1000));
            const all = merged(1, 1000);
            const page = await open(hub, { topic, last: 100, 'max-lines': max });
            await live(page);
            assertSequence(await loaded(page), all.slice(-100));
            await hub.publishLines('two/a', ['now a', 'now again a']);
            await hub.publishLines('two/b', ['now b']);
            await until(page, 'log.lineCount === 103');
            const end = ['now a', 'now again a', 'now b'];
            assertSequence(await loaded(page), [...all.slice(-100), ...end]);
            // Back to the beginning, and forward again: nothing missing, nothing twice.
            const seen = new Set();
            const look = async (isInOrder) => {
                const lines = await loaded(page);
                for (const one of lines) seen.add(one);
                assert.equal(new Set(lines).size, lines.length, 'no line twice');
                if (!isInOrder) return;
                const history = lines.filter((one) => !end.includes(one));
                const at = all.indexOf(history[0]);
                assertSequence(history, all.slice(at, at + history.length));
            };
            const box = `log.shadowRoot.querySelector('.scroller')`;
            const begun = `/beginning/.test(log.shadowRoot.querySelector('.head-note').textContent)`;
            const scroll = async (top, isThere, isInOrder) => {
                for (;;) {
                    await run(page, `${box}.scrollTop = ${top}`);
                    await frames(page, 3);
                    await look(isInOrder);
                    if (await run(page, `return ${isThere}`)) break;
                }
            };
            await scroll('0', begun, true);
            assert.equal((await loaded(page))[0], all[0]);
            // What had to go at the end comes back in the hub's order.
            await scroll(`${box}.scrollHeight`, 'log.follow', max > 2000);
            assertSequence([...seen].sort(), [...all, ...end].sort());
            await run(page, 'log.toEnd()');
            await hub.publish('two/b', 'the last');
            await until(page, `[...log.lines()].at(-1).data === 'the last'`);
            // A line that is not loaded, with what is around it; then back from there.
            const events = (
                await hub.get('/events?topic=two/*&last=all', { accept: 'application/json' })
            ).json().events;
            const wanted = events.find(({ data }) => data === all[400]);
            assert.equal(await run(page, 'return log.goTo(argument)', wanted.id), true);
            assert.ok((await loaded(page)).includes(all[400]));
            clean(page);
        },
    );

check('filters and finds, plain, regex, inverse, by level', async (s) => {
    const hub = await place.start(s);
    const lines = numbered(1500).map(
        (n) => `${['INFO', 'WARN', 'ERROR'][n % 3]} item ${n} ${n % 2 ? 'Odd' : 'even'}`,
    );
    await hub.publishLines('logs/app', lines);
    const page = await open(hub, { topic: 'logs/app', last: 1500 });
    await live(page);
    await until(page, 'log.lineCount === 1500');
    const expectShown = async (filter, wanted) => {
        await run(page, 'log.filter = argument', filter);
        await until(page, `log.shownCount === argument`, lines.filter(wanted).length);
        assertSequence(await shown(page), lines.filter(wanted), JSON.stringify(filter));
    };
    await expectShown({ text: 'odd' }, (line) => line.includes('Odd'));
    await expectShown({ text: 'odd', caseSensitive: true }, () => false);
    await expectShown({ text: 'item 1\\d\\d ', regex: true }, (line) => /item 1\d\d /.test(line));
    await expectShown(
        { text: 'item 1\\d\\d ', regex: true, invert: true },
        (line) => !/item 1\d\d /.test(line),
    );
    await expectShown(
        { text: 'even', levels: ['error', 'warn'] },
        (line) => /even/.test(line) && /ERROR|WARN/.test(line),
    );
    await hub.publishLines('logs/app', ['ERROR item 1501 even', 'INFO item 1502 even']);
    await until(
        page,
        'log.shownCount === argument',
        lines.filter((line) => /even/.test(line) && /ERROR|WARN/.test(line)).length + 1,
    );
    await run(page, 'log.filter = null; log.query = { text: "ITEM 7\\\\d+ odd", regex: true }');
    const hits = [...lines.keys()].filter((i) => /item 7\d+ odd/i.test(lines[i]));
    await until(page, 'log.matches.count === argument', hits.length);
    const visited = [];
    for (let i = 0; i < hits.length; i++) {
        assert.equal(await run(page, 'return log.previous()'), true);
        visited.unshift(await run(page, 'return log.selectedLine.data'));
        assert.equal(await run(page, 'return log.matches.index'), hits.length - 1 - i);
    }
    assertSequence(
        visited,
        hits.map((i) => lines[i]),
        'all matches from the end',
    );
    await frames(page, 3);
    await until(page, `log.shadowRoot.querySelector('.selected mark')`);
    assert.match(
        await run(page, `return log.shadowRoot.querySelector('.selected mark').textContent`),
        /^item 7\d* odd$/i,
    );
    await run(page, 'log.previous()');
    assert.equal(await run(page, 'return log.matches.index'), hits.length - 1, 'around the end');
    clean(page);
});

check('an expression that explodes or is invalid stops nothing', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', [...numbered(100), `${'a'.repeat(60)}!`]);
    for (const where of ['another origin', 'the hub’s own']) {
        let page;
        if (where === 'another origin') {
            page = await open(hub, { topic: 'logs/app' });
        } else {
            page = await browser.open(hub.to('/version'));
            await page.addScriptTag({ type: 'module', url: '/kit/live-log.js' });
            await page.evaluate(() => {
                document.body.replaceChildren(document.createElement('live-log'));
                document.querySelector('live-log').setAttribute('topic', 'logs/app');
            });
        }
        await live(page);
        await run(
            page,
            `
            window.told = [];
            window.worst = 0;
            log.addEventListener('live-pattern', (event) => told.push(event.detail));
            let last = performance.now();
            const frame = () => { worst = Math.max(worst, performance.now() - last); last = performance.now(); requestAnimationFrame(frame); };
            frame();
            log.filter = { text: '(a+)+$', regex: true };
            log.query = { text: '(a|aa)+$', regex: true };`,
        );
        await until(
            page,
            `told.some((one) => one.of === 'filter' && /too long/.test(one.error)) && told.some((one) => one.of === 'query' && one.error)`,
        );
        await until(page, 'log.shownCount === 101');
        assert.ok(
            (await page.evaluate(() => window.worst)) < scaled(3000),
            `the page went on (${where})`,
        );
        await run(page, 'log.filter = { text: "(", regex: true }');
        await until(
            page,
            `told.at(-1).of === 'filter' && /group|parenthes/i.test(told.at(-1).error)`,
        );
        assert.equal(await run(page, 'return log.shownCount'), 101);
        await run(page, 'log.filter = { text: "^\\\\d$", regex: true }');
        await until(page, 'log.shownCount === 9');
        assert.equal(await page.evaluate(() => window.told.at(-1).error), null);
        if (where === 'another origin') clean(page);
        await page.close();
    }
});

check('text is only text: colours, control characters, HTML', async (s) => {
    const hub = await place.start(s);
    const lines = [
        '\x1b[31mred\x1b[0m <img src=x onerror="window.pwned=1"> \x1b[48;5;20;38;2;250;250;0mboxed\x1b[0m',
        'bell \x07 erase \x1b[2Ktitle \x1b]0;pwned\x07end \x1b(B',
        'see \x1b]8;;https://ci.example.com/42\x1b\\job \x1b[1m42\x1b[m\x1b]8;;\x1b\\ \x1b]8;;javascript:pwned=3\x07not this\x1b]8;;\x07',
        'a \u202eright to left\u202c b \u200b c \ufeff',
        '</div><script>window.pwned=2</script>',
    ];
    await hub.publishLines('logs/evil', lines);
    const page = await open(hub, { topic: 'logs/evil' });
    await live(page);
    await frames(page);
    assertSequence(await rows(page), lines.map(stripAnsi));
    assertSequence(await loaded(page), lines);
    const drawn = await run(
        page,
        `
        const root = log.shadowRoot;
        return {
            made: root.querySelectorAll('.log-text img, .log-text script').length,
            red: getComputedStyle(root.querySelector('.fg-1')).color,
            boxed: getComputedStyle(root.querySelector('.boxed')).backgroundColor,
            links: [...root.querySelectorAll('.log-text a')].map((node) => [node.href, node.textContent, node.rel]),
            pictures: [...root.querySelectorAll('.log-control')].map((node) => node.dataset.picture),
        }`,
    );
    assert.equal(drawn.made, 0);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(drawn.red, 'rgb(192, 32, 32)');
    assert.equal(drawn.boxed, 'rgb(0, 0, 215)');
    assert.deepEqual(drawn.links, [['https://ci.example.com/42', 'job 42', 'noopener noreferrer']]);
    assert.deepEqual(drawn.pictures, ['BEL', 'RLO', 'PDF', 'ZWSP', 'BOM']);
    clean(page);
});

check('JSON unfolds, fields become columns', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines(
        'logs/json',
        numbered(30).map((n) =>
            JSON.stringify({ level: 'info', msg: `<i>${n}</i>`, user: { id: Number(n) } }),
        ),
    );
    const page = await open(hub, { topic: 'logs/json' });
    await live(page);
    await run(
        page,
        `window.pinned = []; log.addEventListener('live-columns', (event) => pinned.push(event.detail.columns));`,
    );
    await page.click('live-log .log-line:last-child .log-fold');
    await page.waitForSelector('live-log .log-line:last-child .log-json');
    assert.match(
        await run(page, `return log.shadowRoot.querySelector('.log-json').textContent`),
        /msg: <i>30<\/i>/,
    );
    await page.click('live-log .json-key[data-field="user.id"]');
    await until(page, `log.shadowRoot.querySelector('.log-cell[data-column="user.id"]')`);
    assert.deepEqual(await page.evaluate(() => window.pinned), [['user.id']]);
    const cells = await run(
        page,
        `return [...log.shadowRoot.querySelectorAll('.rows .log-cell')].map((node) => node.textContent)`,
    );
    assertSequence(cells, numbered(30).slice(-cells.length));
    await page.click('live-log .columns .unpin');
    await until(page, `!log.shadowRoot.querySelector('.log-cell')`);
    await page.focus('live-log .scroller');
    await page.keyboard.press('Escape');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await until(page, `log.shadowRoot.querySelectorAll('.log-json').length === 2`);
    clean(page);
});

check(
    'a line that wrote over itself shows its last state, the others when it is unfolded',
    async (s) => {
        const hub = await place.start(s);
        await hub.publishLines('logs/bar', [
            'fetch 10%\rfetch 50%\r\x1b[32mfetch 100%\x1b[0m',
            'from Windows\r',
            'plain',
        ]);
        const page = await open(hub, { topic: 'logs/bar' });
        await live(page);
        await until(page, 'log.lineCount === 3');
        await frames(page);
        assert.deepEqual(await rows(page), ['fetch 100%', 'from Windows', 'plain']);
        const pictures = `return log.shadowRoot.querySelectorAll('.log-control').length`;
        assert.equal(await run(page, pictures), 0);
        assert.equal(
            await run(page, 'return log.shownText()'),
            'fetch 100%\nfrom Windows\nplain\n',
        );
        // One question, one answer: what the hub's filter finds is found here, and can be seen.
        await run(page, `log.query = { text: '50%' }`);
        await until(page, `log.matches.count === 1 && log.shadowRoot.querySelector('mark')`);
        assert.equal((await rows(page))[0], 'fetch 10%\rfetch 50%\rfetch 100%');
        await run(page, `log.query = { text: '^FETCH 1', regex: true }`);
        await until(page, `log.shadowRoot.querySelector('mark')?.textContent === 'fetch 1'`);
        assert.equal((await rows(page))[0], 'fetch 100%', 'found in what is shown');
        await run(page, `log.query = null`);
        await until(page, `!log.shadowRoot.querySelector('mark')`);
        await page.click('live-log .log-fold:not(.idle)');
        await until(page, `log.shadowRoot.querySelector('.open')`);
        const [unfolded] = await inSight(page);
        assert.ok(unfolded.bottom - unfolded.top > 45, 'each state has a row');
        clean(page);
    },
);

check('JSON lines show level and message, and are found by what is folded away', async (s) => {
    const hub = await place.start(s);
    const lines = [
        '{"level":"error","msg":"cannot \\u001b[31mconnect\\u001b[0m","host":"db-7","id":9007199254740993}',
        '{"log":"inside\\n","stream":"stdout","time":"2026-11-22T12:00:00Z"}',
        '{"status":200}',
    ];
    await hub.publishLines('logs/json', lines);
    const page = await open(hub, { topic: 'logs/json' });
    await live(page);
    await until(page, 'log.lineCount === 3');
    await frames(page);
    assert.deepEqual(await rows(page), ['cannot connect', 'inside', '{"status":200}']);
    const level = `return log.shadowRoot.querySelector('.log-line .log-level')?.textContent`;
    assert.equal(await run(page, level), 'error');
    assert.equal(
        await run(page, 'return log.shownText()'),
        lines.map((one) => `${one}\n`).join(''),
    );
    await run(page, `log.query = { text: 'db-7' }`);
    await until(page, `log.shadowRoot.querySelector('mark')?.textContent === 'db-7'`);
    assert.equal((await rows(page))[0], lines[0]);
    await run(page, `log.query = { text: 'connect' }`);
    await until(page, `log.shadowRoot.querySelector('mark')?.textContent === 'connect'`);
    assert.equal((await rows(page))[0], 'cannot connect');
    await run(page, `log.query = null`);
    await page.click('live-log .log-line:first-child .log-fold');
    await page.waitForSelector('live-log .log-json');
    assert.match(
        await run(page, `return log.shadowRoot.querySelector('.log-json').textContent`),
        /msg: cannot connect.*id: 9007199254740993$/,
    );
    await run(page, `log.whole = true`);
    await until(page, `log.shadowRoot.querySelectorAll('.log-level').length === 0`);
    await frames(page);
    assert.deepEqual((await rows(page)).slice(1), lines.slice(1));
    clean(page);
});

check('a long line takes three rows until it is unfolded, or found further down', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/long', ['short', `${'word '.repeat(600)}the end`]);
    const page = await open(
        hub,
        { topic: 'logs/long', wrap: '' },
        { size: { width: 800, height: 600 } },
    );
    await live(page);
    const heights = async () =>
        (await inSight(page)).map(({ top, bottom }) => Math.round((bottom - top) / 20));
    await until(page, `log.shadowRoot.querySelector('.clamped')`);
    assert.deepEqual(await heights(), [1, 3]);
    assert.equal((await rows(page))[1].length, 3007, 'the text is all there, for selections');
    const folds = await run(
        page,
        `return [...log.shadowRoot.querySelectorAll('.rows .log-fold')].map((node) => getComputedStyle(node).visibility)`,
    );
    assert.deepEqual(folds, ['hidden', 'visible']);
    await run(page, `log.query = { text: 'the end' }`);
    const isTall = `log.shadowRoot.querySelector('.log-line:last-child')?.getBoundingClientRect().height > 200`;
    await until(page, isTall);
    await run(page, `log.query = null`);
    await until(page, `log.shadowRoot.querySelector('.clamped')`);
    await page.click('live-log .clamped .log-fold');
    await until(page, isTall);
    clean(page);
});

check('times: absolute, relative, none, UTC', async (s) => {
    const hub = await place.start(s);
    await hub.publish('logs/app', 'one');
    const page = await open(hub, { topic: 'logs/app', utc: '' });
    await live(page);
    const time = () =>
        run(page, `return log.shadowRoot.querySelector('.rows .log-time')?.textContent`);
    const stamp = await run(page, 'return [...log.lines()][0].time');
    assert.equal(await time(), stamp.slice(11, 23));
    await run(page, `log.timeMode = 'relative'`);
    await until(
        page,
        `/^(now|\\d+ s ago)$/.test(log.shadowRoot.querySelector('.rows .log-time')?.textContent)`,
    );
    await until(
        page,
        `/^[2-9] s ago$/.test(log.shadowRoot.querySelector('.rows .log-time')?.textContent)`,
    );
    await run(page, `log.timeMode = 'none'`);
    await until(page, `!log.shadowRoot.querySelector('.rows .log-time')`);
    clean(page);
});

check('a reader may want the times at which the hub got the lines', async (s) => {
    const hub = await place.start(s);
    await hub.publish('logs/app', '2020-01-02T03:04:05.678Z INFO long ago');
    const page = await open(hub, { topic: 'logs/app', utc: '', time: 'arrival' });
    await live(page);
    const cell = (what) =>
        run(page, `return log.shadowRoot.querySelector('.rows .log-time')?.${what}`);
    const stamp = await run(page, 'return [...log.lines()][0].time');
    assert.equal(await cell('textContent'), stamp.slice(11, 23));
    assert.match(await cell('title'), /when the hub got it$/);
    await run(page, `log.timeMode = 'absolute'`);
    await until(
        page,
        `/03:04:05/.test(log.shadowRoot.querySelector('.rows .log-time')?.textContent)`,
    );
    clean(page);
});

check('the time is the line’s own, and says whose it is', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', [
        '2020-01-02T03:04:05.678+01:00 INFO with a zone',
        'no time',
        '{"time":1577934245678,"msg":"in JSON"}',
    ]);
    const page = await open(hub, { topic: 'logs/app', utc: '' });
    await live(page);
    await until(page, 'log.lineCount === 3');
    await frames(page);
    const times = await run(
        page,
        `return [...log.shadowRoot.querySelectorAll('.rows .log-time')].map((node) => [node.textContent, node.classList.contains('arrival'), node.title])`,
    );
    assert.deepEqual([times[0][0], times[0][1]], ['01-02 02:04:05', false]);
    assert.match(
        times[0][2],
        /^2020-01-02 02:04:05.678 UTC, as the line says\n.*, when the hub got it$/,
    );
    assert.equal(times[1][1], true);
    assert.equal(times[2][0], '01-02 03:04:05');
    const written = await run(page, 'return [...log.lines()].map((line) => line.written)');
    assert.deepEqual(written, ['2020-01-02T02:04:05.678Z', null, '2020-01-02T03:04:05.678Z']);
    clean(page);
});

check('a finished topic, a gap and the beginning say so', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', numbered(3));
    const page = await open(hub, { topic: 'logs/app' });
    await live(page);
    await frames(page);
    assert.match(
        await run(page, `return log.shadowRoot.querySelector('.head-note').textContent`),
        /beginning/,
    );
    await hub.publish('logs/app', 'last', '?close=1');
    await until(
        page,
        `log.connection === 'ended' && log.shadowRoot.querySelector('.log-note-closed')`,
    );
    assert.deepEqual(await notes(page), ['logs/app is finished: nothing more will come.']);
    assert.deepEqual(await rows(page), ['1', '2', '3', 'last']);
    const again = await open(hub, { topic: 'logs/app' });
    await until(again, `log.shadowRoot.querySelector('.log-note-closed')`);
    assert.equal((await notes(again)).length, 1);
    clean(page);
});

check('lines that the hub has lost are noted where they are missing', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', numbered(5));
    const page = await open(hub, { topic: 'logs/app' });
    await live(page);
    await run(
        page,
        `window.gaps = []; log.addEventListener('live-gap', (event) => gaps.push(event.detail))`,
    );
    await hub.kill9();
    rmSync(hub.data, { recursive: true });
    await hub.launch();
    await hub.publishLines('logs/app', numbered(3, 'new '));
    await until(page, `[...log.lines()].at(-1).data === 'new 3'`);
    await frames(page);
    assertSequence(await loaded(page), [...numbered(5), ...numbered(3, 'new ')]);
    const texts = await run(
        page,
        `return [...log.shadowRoot.querySelectorAll('.rows > *')].map((row) => row.querySelector('.log-text')?.textContent ?? row.className)`,
    );
    assert.deepEqual(texts, [...numbered(5), 'log-note log-note-gap', ...numbered(3, 'new ')]);
    assert.match((await notes(page))[0], /Lines are missing here: the hub has begun a new journal/);
    assert.equal(await page.evaluate(() => window.gaps.length), 1);
});

check('hidden and shown again, it is where it was', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', numbered(1000));
    const page = await open(hub, { topic: 'logs/app', last: 1000 });
    await live(page);
    for (const up of [false, true]) {
        if (up) await wheel(page, -3000);
        await frames(page, 3);
        const before = await inSight(page);
        await run(page, `log.style.display = 'none'`);
        await frames(page, 3);
        await run(page, `log.style.display = ''`);
        await frames(page, 4);
        assert.deepEqual(await inSight(page), before, up ? 'up' : 'at the end');
        assert.equal(await run(page, 'return log.follow'), !up);
    }
    await run(page, `log.style.display = 'none'`);
    await run(page, 'log.toEnd()');
    await hub.publish('logs/app', 'meanwhile');
    await until(page, `log.lineCount === 1001`);
    await run(page, `log.style.display = ''`);
    await frames(page, 4);
    assert.equal((await inSight(page)).at(-1).text, 'meanwhile');
    clean(page);
});

check('survives kill -9 of the hub, and one that is not there yet', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', numbered(20));
    await hub.kill9();
    const page = await open(hub, { topic: 'logs/app' });
    await until(page, `log.connection === 'reconnecting'`);
    await hub.launch();
    await live(page);
    assertSequence(await loaded(page), numbered(20));
    for (let round = 1; round <= 2; round++) {
        await hub.kill9();
        await until(page, `log.connection !== 'live'`);
        await hub.launch();
        await hub.publishLines('logs/app', numbered(20, '', round * 20 + 1));
        await until(page, 'log.lineCount >= argument', (round + 1) * 20);
        assertSequence(await loaded(page), numbered((round + 1) * 20));
    }
    assert.deepEqual(await notes(page), []);
});

check('refused says why', async (s) => {
    const hub = await place.start(s, {
        keys: [
            {
                name: 'reader',
                secret: 'only-for-reading-01',
                subscribe: ['logs/**'],
                publish: ['logs/**'],
            },
        ],
    });
    await hub.publish('logs/app', 'secret', '', { 'x-api-key': 'only-for-reading-01' });
    const page = await open(hub, { topic: 'logs/app' });
    await until(page, `log.connection === 'refused'`);
    await frames(page);
    assert.match(
        await run(page, `return log.shadowRoot.querySelector('.state').textContent`),
        /Refused/,
    );
    await run(page, `log.key = 'only-for-reading-01'`);
    await live(page);
    assert.deepEqual(await rows(page), ['secret']);
});

check('copying gives exactly the lines, also those that are not in the page', async (s) => {
    const hub = await place.start(s);
    const expected = mixed(1000);
    await hub.publishLines('logs/app', expected);
    const page = await open(hub, { topic: 'logs/app', last: 1000 });
    await live(page);
    await page.evaluate(() =>
        document.addEventListener('copy', (event) => {
            window.copied = event.clipboardData.getData('text/plain');
        }),
    );
    const copied = async () => {
        await page.evaluate(() => {
            window.copied = null;
        });
        await page.keyboard.press('Control+c');
        return page.evaluate(() => window.copied);
    };
    await page.focus('live-log .scroller');
    await page.keyboard.press('Control+a');
    assertSequence((await copied()).split('\n'), expected, 'all');
    assert.equal(
        await run(page, 'return log.shownText()'),
        expected.map((line) => `${line}\n`).join(''),
    );
    await page.keyboard.press('Escape');
    await page.evaluate(() => getSelection().empty());
    // Drawn with the pointer from one row, while the wheel turns, to another one far above.
    const seen = await inSight(page);
    const from = seen.findLast((row) => row.text.length > 3);
    const left = await run(
        page,
        `return log.shadowRoot.querySelector('.log-text').getBoundingClientRect().left`,
    );
    await page.mouse.move(left + 1, (from.top + from.bottom) / 2);
    await page.mouse.down();
    await page.mouse.move(left + 1, from.top - 100, { steps: 4 });
    for (let i = 0; i < 30; i++) {
        await page.mouse.wheel(0, -300);
        await frames(page, 2);
    }
    await page.mouse.move(left + 1, 300, { steps: 3 });
    await frames(page, 3);
    const target = (await inSight(page)).find((row) => row.top <= 300 && row.bottom > 300);
    await page.mouse.up();
    const [a, b] = [expected.indexOf(target.text), expected.indexOf(from.text)];
    assert.ok(b - a > 200, `far: ${a} to ${b}`);
    assertSequence(
        (await copied()).split('\n'),
        [...expected.slice(a, b), ''],
        'what was drawn over',
    );
    await run(page, 'log.follow = true');
    await frames(page, 3);
    assertSequence(
        (await copied()).split('\n'),
        [...expected.slice(a, b), ''],
        'after scrolling away',
    );
    clean(page);
});

check('keys do everything', async (s) => {
    const hub = await place.start(s);
    await hub.publishLines('logs/app', numbered(3000, 'line '));
    const page = await open(hub, { topic: 'logs/app', last: 500 });
    await live(page);
    await page.focus('live-log .scroller');
    const key = async (name) => {
        await page.keyboard.press(name);
        await frames(page, 3);
    };
    await key('ArrowUp');
    assert.equal(await run(page, 'return log.selectedLine.data'), 'line 3000');
    await key('k');
    assert.equal(await run(page, 'return log.selectedLine.data'), 'line 2999');
    await key('ArrowDown');
    assert.equal(await run(page, 'return log.selectedLine.data'), 'line 3000');
    assert.match(
        await run(page, `return log.shadowRoot.querySelector('.said').textContent`),
        /line 3000/,
    );
    await key('Escape');
    assert.equal(await run(page, 'return log.selectedLine'), null);
    await key('PageUp');
    await key('Shift+Space');
    assert.equal(await run(page, 'return log.follow'), false);
    const top = (await inSight(page))[0].text;
    await key('PageDown');
    assert.ok(Number((await inSight(page))[0].text.slice(5)) > Number(top.slice(5)));
    await key('Home');
    await until(page, 'log.lineCount > 500');
    await key('End');
    assert.equal(await run(page, 'return log.follow'), true);
    assert.equal((await inSight(page)).at(-1).text, 'line 3000');
    await key('p');
    assert.equal(await run(page, 'return log.paused'), true);
    await key('p');
    assert.equal(await run(page, 'return log.paused'), false);
    await run(page, `log.query = { text: 'line 29' }`);
    await until(page, 'log.matches.count > 0 && !log.matches.busy');
    await key('N');
    assert.equal(await run(page, 'return log.selectedLine.data'), 'line 2999');
    await key('N');
    await key('n');
    assert.equal(await run(page, 'return log.selectedLine.data'), 'line 2999');
    const roles = await run(
        page,
        `
        const scroller = log.shadowRoot.querySelector('.scroller');
        const row = log.shadowRoot.querySelector('.log-line');
        return [scroller.getAttribute('role'), scroller.getAttribute('aria-live'), scroller.getAttribute('aria-label'), row.getAttribute('aria-label')]`,
    );
    assert.deepEqual(roles.slice(0, 3), ['log', 'off', 'Log logs/app']);
    assert.match(roles[3], /line \d+$/);
    clean(page);
});

check('lines of a megabyte are shortened, and whole on demand', async (s) => {
    const hub = await place.start(s);
    const big = Array.from({ length: 20 }, (_, i) => `${i} ${'abcdefghij'.repeat(99_000)} end`);
    for (const line of big) await hub.publish('logs/big', line);
    const page = await open(hub, { topic: 'logs/big', wrap: '' });
    await live(page);
    await until(page, 'log.lineCount > 3');
    const now = await loaded(page);
    assert.ok(now.length < 20, 'the characters in memory are bounded');
    assertSequence(now, big.slice(-now.length));
    const before = await run(
        page,
        `return log.shadowRoot.querySelector('.log-line:last-child .log-text').textContent.length`,
    );
    assert.ok(before <= 8000);
    await page.click('live-log .log-line:last-child .log-more');
    await until(
        page,
        `[...log.shadowRoot.querySelectorAll('.log-text')].some((node) => node.textContent.length > 900_000)`,
    );
    await run(page, `log.filter = { text: '9 abc' }`);
    await until(page, 'log.shownCount >= 1');
    clean(page);
});

check('colours follow the page’s theme', async (s) => {
    const hub = await place.start(s);
    await hub.publish('logs/app', 'x');
    const style =
        ':root { --ground: #fff } :root[data-theme=dark] { --ground: #101216; color-scheme: dark }';
    const page = await open(hub, { topic: 'logs/app' }, { style });
    await live(page);
    const scheme = () =>
        run(page, `return log.shadowRoot.querySelector('.frame').classList.contains('dark')`);
    assert.equal(await scheme(), false);
    await page.evaluate(() => {
        document.documentElement.dataset.theme = 'dark';
    });
    await until(page, `log.shadowRoot.querySelector('.frame').classList.contains('dark')`);
    await page.evaluate(() => {
        document.documentElement.dataset.theme = 'light';
    });
    await until(page, `log.shadowRoot.querySelector('.frame').classList.contains('light')`);
    clean(page);
});
