// SPDX-License-Identifier: MIT
// The log viewer of the page: picking topics, several at once, reading, looks, taking along, the
// address.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { startBrowser } from './support/browser.mjs';
import { Hub, assertSequence, numbered } from './support/hub.mjs';
import { scenario, shared } from './support/scope.mjs';
import {
    assertClean,
    clickRow,
    lines,
    pick,
    rows,
    state,
    topicRow,
    waitLines,
    waitRow,
    waitShown,
} from './support/viewer.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const browser = await startBrowser(file, { acceptDownloads: true });
await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
const check = (name, body) => scenario(name, { shared: file }, body);

const address = (page) => {
    const { pathname, searchParams } = new URL(page.url());
    return [pathname, ...[...searchParams].map(([name, value]) => `${name}=${value}`)].join(' ');
};
const waitAddress = (page, wanted) =>
    until(() => address(page) === wanted, `the address ${wanted}`);
const shown = (page) => lines(page, { shown: true });
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
const look = (page, name) => page.$eval('live-log', (log, wanted) => log[wanted], name);

async function close(page) {
    await assertClean(page);
    await page.close();
}

// --- topics ---

check(
    "a topic's own address opens the viewer on it; the list finds, opens, and counts what is new elsewhere",
    async (s) => {
        const hub = await Hub.start(s);
        for (const topic of ['builds/41/log', 'builds/42/log', 'logs/app'])
            await hub.publish(topic, `in ${topic}`);
        const page = await browser.open(hub.to('/t/builds/42/log'));
        await waitRow(page, 'in builds/42/log');
        await page.waitForSelector(`${topicRow('builds/42/log')}[aria-current]`);
        assert.equal(await page.title(), 'builds/42/log – tailrace');
        await hub.publishLines('logs/app', numbered(3, 'new '));
        await page.waitForSelector(`${topicRow('logs/app')} .unread:text-is("3")`);
        assert.equal(
            await page.isVisible(`${topicRow('builds/41/log')} .unread`),
            false,
            'what was there before is no news',
        );
        await hub.publish('logs/made-later', 'x');
        await page.waitForSelector(`${topicRow('logs/made-later')} .unread:text-is("1")`);
        await pick(page, 'logs/app');
        await waitRow(page, 'new 3');
        await page.waitForSelector(`${topicRow('logs/app')} .unread`, { state: 'hidden' });
        assert.equal(address(page), '/t/logs/app');

        await page.keyboard.press('o');
        await page.keyboard.type('41');
        await page.waitForSelector(topicRow('logs/app'), { state: 'detached' });
        await page.keyboard.press('Enter');
        await waitRow(page, 'in builds/41/log');
        await page.fill('#topic-search', '');
        await page.keyboard.press('Escape');
        await page.keyboard.press(']');
        await waitRow(page, 'in builds/42/log');
        await page.keyboard.press('[');
        await waitRow(page, 'in builds/41/log');
        await page.goBack();
        await waitRow(page, 'in builds/42/log');
        await close(page);
    },
);

check(
    'patterns: a typed one, a whole group, all; topics that come later join by themselves',
    async (s) => {
        const hub = await Hub.start(s);
        for (const topic of ['builds/1/log', 'builds/2/log', 'builds/2/notes', 'logs/app'])
            await hub.publish(topic, `in ${topic}`);
        const page = await browser.open(hub.to('/t/logs/app'));
        await waitRow(page, 'in logs/app');
        await page.fill('#topic-search', 'builds/*/log');
        await page.waitForSelector('.topic-typed .topic-why:has-text("2 now")');
        await page.keyboard.press('Enter');
        await waitRow(page, 'in builds/2/log');
        assertSequence(await lines(page), ['in builds/1/log', 'in builds/2/log']);
        await hub.publish('builds/3/log', 'joined');
        await waitRow(page, 'joined');
        assert.equal(address(page), '/ view=logs log=builds/*/log');
        await page.waitForSelector(`${topicRow('builds/*/log')}[aria-current]`);
        assert.equal(
            await page.locator(topicRow('builds/*/log')).count(),
            1,
            'the pattern is listed once',
        );
        await page.fill('#topic-search', '');
        await page.click('.topic.group .topic-open:has-text("builds/")');
        await waitRow(page, 'in builds/2/notes');
        await until(
            async () => (await page.locator('.topic.within').count()) === 4,
            'each that belongs to it to be marked',
        );
        await page.click('.topic.group .topic-open:has-text("All logs")');
        await waitRow(page, 'in logs/app');
        await close(page);
    },
);

check(
    'several topics: merged with colour tags in the order of writing, or side by side',
    async (s) => {
        const hub = await Hub.start(s);
        for (let i = 1; i <= 6; i++)
            await hub.publish(i % 2 ? 'logs/odd' : 'logs/even', `line ${i}`);
        const page = await browser.open(hub.to('/t/logs/odd'));
        await waitRow(page, 'line 5');
        await page.hover(topicRow('logs/even'));
        await page.click(`${topicRow('logs/even')} .topic-add`);
        await waitRow(page, 'line 6');
        assertSequence(await lines(page), numbered(6, 'line '));
        const tags = await page.$eval('live-log', (log) =>
            [...log.shadowRoot.querySelectorAll('.log-line')].map((node) => node.dataset.topic),
        );
        assert.deepEqual([...new Set(tags)].sort(), ['logs/even', 'logs/odd']);
        assert.equal(await page.locator('#shown .chip').count(), 2);
        await page.keyboard.press('m');
        await page.waitForSelector('.panes[data-count="2"]');
        await waitLines(page, 3, { pane: 0 });
        await waitLines(page, 3, { pane: 1 });
        assertSequence(await lines(page, { pane: 0 }), ['line 1', 'line 3', 'line 5']);
        assertSequence(await lines(page, { pane: 1 }), ['line 2', 'line 4', 'line 6']);
        assert.equal(address(page), '/ view=logs log=logs/odd log=logs/even split=1');
        const boxes = await Promise.all((await page.$$('.pane')).map((pane) => pane.boundingBox()));
        assert.ok(boxes[0].x + boxes[0].width <= boxes[1].x + 1, 'beside each other');
        await page.fill('#filter-text', '4');
        await page.waitForFunction(
            () =>
                [...document.querySelectorAll('live-log')].map((log) => log.shownCount).join() ===
                '0,1',
        );
        await page.fill('#filter-text', '');
        await waitAddress(page, '/ view=logs log=logs/odd log=logs/even split=1');
        await page.reload();
        await waitLines(page, 3, { pane: 1 });
        await page.click('.pane-head .tool >> nth=0');
        await page.waitForSelector('.panes[data-count="1"]');
        assert.equal(address(page), '/t/logs/even');
        await close(page);
    },
);

check('a topic that does not exist yet is waited for; one that is finished says so', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'x');
    const page = await browser.open(hub.to('/t/logs/later'));
    await state(page, 'live');
    await page.waitForSelector(`${topicRow('logs/later')} .topic-age:text-is("no lines yet")`);
    await hub.publish('logs/later', 'here it is');
    await waitRow(page, 'here it is');
    await hub.publish('logs/later', '', '?close=1');
    await state(page, 'ended');
    assert.match(await page.locator('.log-note').last().textContent(), /finished|closed|ended/i);
    await page.waitForSelector('.status-line:has-text("· ended")');
    await close(page);
});

// --- reading ---

check(
    'follow stops when the reader scrolls up, the chip brings it back; pause holds the lines still',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publishLines('logs/app', numbered(150, 'line '));
        const page = await browser.open(hub.to('/t/logs/app'));
        await waitRow(page, 'line 150');
        await page.waitForSelector('#follow[aria-pressed="true"]');
        await page.hover('live-log');
        await page.mouse.wheel(0, -600);
        await page.waitForSelector('#follow[aria-pressed="false"]');
        const before = await rows(page);
        await hub.publishLines('logs/app', numbered(20, 'later '));
        await page.waitForSelector('live-log :text("20 new lines")');
        assert.deepEqual(await rows(page), before, 'what is read stays where it is');
        await page.click('live-log :text("20 new lines")');
        await waitRow(page, 'later 20');
        await page.waitForSelector('#follow[aria-pressed="true"]');

        await page.keyboard.press('p');
        await page.waitForSelector('#pause[aria-pressed="true"]');
        await hub.publishLines('logs/app', numbered(5, 'while paused '));
        await page.waitForSelector('.status-line:has-text("paused, 5 waiting")');
        assert.ok(!(await rows(page)).includes('while paused 5'));
        await page.click('#pause');
        await waitRow(page, 'while paused 5');
        await close(page);
    },
);

check('older lines come on scrolling up, down to the very first', async (s) => {
    const hub = await Hub.start(s);
    for (let i = 0; i < 5; i++)
        await hub.publishLines('logs/app', numbered(1000, 'line ', i * 1000 + 1));
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'line 5000');
    const atFirst = await look(page, 'lineCount');
    assert.ok(atFirst < 1000, `${atFirst} at first`);
    await page.hover('live-log');
    for (let i = 0; i < 40 && (await look(page, 'lineCount')) === atFirst; i++)
        await page.mouse.wheel(0, -4000);
    await page.waitForFunction((n) => document.querySelector('live-log').lineCount > n, atFirst);
    await page.keyboard.press('g');
    await waitRow(page, 'line 1');
    await page.keyboard.press('Shift+G');
    await waitRow(page, 'line 5000');
    await page.waitForSelector('#follow[aria-pressed="true"]');
    await close(page);
});

// --- finding ---

check(
    'the filter: plain, capitals, regular expression, inverse; with levels; in the address',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publishLines('logs/app', [
            'INFO start',
            'ERROR disk full',
            'info again',
            'WARN slow disk',
            '{"level":"error","msg":"from JSON"}',
            'nothing special',
        ]);
        const page = await browser.open(hub.to('/t/logs/app'));
        await waitShown(page, 6);
        await page.keyboard.press('f');
        await page.keyboard.type('DISK');
        await waitShown(page, 2);
        assert.deepEqual(await shown(page), ['ERROR disk full', 'WARN slow disk']);
        assert.match(await page.textContent('.status-line'), /2 of 6 loaded lines pass the filter/);
        await page.click('#filter-case');
        await waitShown(page, 0);
        await page.waitForSelector('.blank:has-text("No loaded line passes the filter")');
        await page.click('#filter-case');
        await waitShown(page, 2);
        await page.click('#filter-invert');
        await waitShown(page, 4);
        await page.fill('#filter-text', '^(info|warn)');
        await page.click('#filter-regex');
        await page.click('#filter-invert');
        await waitShown(page, 3);
        await waitAddress(page, '/t/logs/app q=^(info|warn) regex=1');
        await hub.publishLines('logs/app', ['WARN of the new ones', 'not this']);
        await waitShown(page, 4);
        await page.reload();
        await waitShown(page, 4);
        assert.equal(await page.inputValue('#filter-text'), '^(info|warn)');
        await page.fill('#filter-text', '(');
        await page.waitForSelector('#filter.wrong');
        await page.waitForSelector(
            '.status-line[data-wrong]:has-text("The filter cannot be used: Unterminated group")',
        );
        await page.fill('#filter-text', '');
        await waitShown(page, 8);
        await page.waitForSelector('.status-line:not([data-wrong])');
        await page.keyboard.press('Escape');
        await page.keyboard.press('e');
        await waitShown(page, 4);
        assert.deepEqual(await shown(page), [
            'ERROR disk full',
            'WARN slow disk',
            '{"level":"error","msg":"from JSON"}',
            'WARN of the new ones',
        ]);
        await page.click('#levels');
        await page.uncheck('.choice[data-level="warn"] input');
        await waitShown(page, 2);
        await waitAddress(page, '/t/logs/app level=fatal,error');
        await page.click('.popup >> text="All"');
        await waitShown(page, 8);
        await close(page);
    },
);

check('find counts, leads to the next and the previous, and marks what it found', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', numbered(100, 'line '));
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'line 100');
    await page.keyboard.press('/');
    await page.keyboard.type('LINE 5');
    const counts = (text) => page.waitForSelector(`#find-count:text-is("${text}")`);
    await counts('–/11');
    await page.keyboard.press('Shift+Enter');
    await waitRow(page, 'line 59');
    await counts('11/11');
    await page.keyboard.press('Shift+Enter');
    await counts('10/11');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await counts('1/11');
    await waitRow(page, 'line 5');
    assert.equal(await page.textContent('live-log mark'), 'line 5');
    await page.keyboard.press('Escape');
    await page.keyboard.press('n');
    await counts('2/11');
    await page.keyboard.press('Shift+N');
    await counts('1/11');
    await page.click('#find-regex');
    await page.fill('#find-text', '^line \\d0$');
    await counts('–/9');
    await page.click('#find-next');
    await page.waitForSelector('#find-count:text-matches("^[1-9]/9$")');
    await page.fill('#find-text', '[');
    await page.waitForSelector('#find.wrong');
    await page.fill('#find-text', 'nowhere');
    await page.waitForSelector('#find.in-vain #find-count:text-is("none")');
    await close(page);
});

// --- looks ---

check(
    'times as a clock, as ages, not at all; UTC; wrapping; kept for the next visit',
    async (s) => {
        const hub = await Hub.start(s);
        await hub.publish('logs/app', 'x'.repeat(900));
        const page = await browser.open(hub.to('/t/logs/app'));
        await waitLines(page, 1);
        const height = () =>
            page.$eval('live-log', (log) => log.shadowRoot.querySelector('.log-line').offsetHeight);
        const gutter = () =>
            page.$eval('live-log', (log) =>
                log.shadowRoot.querySelector('.log-line').innerText.slice(0, 30),
            );
        assert.ok((await height()) > 60, 'wrapped at first');
        await until(async () => /\d\d:\d\d:\d\d\.\d{3}/.test(await gutter()), 'the clock');
        await page.keyboard.press('w');
        await page.waitForFunction(
            () =>
                document.querySelector('live-log').shadowRoot.querySelector('.log-line')
                    .offsetHeight < 40,
        );
        await page.click('#view-menu');
        await page.check('.popup input[value="relative"]');
        await until(async () => /now|ago/.test(await gutter()), 'ages');
        await page.check('.popup input[name="utc"]');
        await page.keyboard.press('Escape');
        await page.reload();
        await waitLines(page, 1);
        assert.deepEqual(
            [await look(page, 'timeMode'), await look(page, 'utc'), await look(page, 'wrap')],
            ['relative', true, false],
        );
        await page.keyboard.press('t');
        assert.equal(await look(page, 'timeMode'), 'arrival');
        await page.keyboard.press('t');
        assert.equal(await look(page, 'timeMode'), 'none');
        await until(async () => !/now|ago|:/.test(await gutter()), 'no times');
        for (const key of ['t', 'u', 'w']) await page.keyboard.press(key);
        assert.deepEqual(
            [await look(page, 'timeMode'), await look(page, 'utc'), await look(page, 'wrap')],
            ['absolute', false, true],
        );
        await close(page);
    },
);

check('JSON lines unfold, and their fields become columns', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', '{"level":"info","status":200,"user":{"name":"Ada"}}');
    await hub.publish('logs/app', 'plain');
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'plain');
    await page.click('#view-menu');
    await page.fill('#columns', 'status, user.name');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await waitAddress(page, '/t/logs/app columns=status,user.name');
    await page.waitForSelector('live-log :text-is("Ada")');
    await page.reload();
    await page.waitForSelector('live-log :text-is("Ada")');
    await page.locator('.log-line:has-text("status")').first().click();
    await page.keyboard.press('Enter');
    await page.waitForSelector('live-log .json-key:has-text("level")');
    await page.click('live-log .json-key:has-text("level")');
    await waitAddress(
        page,
        '/t/logs/app columns=status,user.name,level' + (await selectedPart(page)),
    );
    await close(page);
});

// The selected line is in the address as well.
async function selectedPart(page) {
    const id = await page.$eval('live-log', (log) => log.selectedLine?.id ?? null);
    return id ? ` line=${id}` : '';
}

check('colours of terminals can be read on light and on dark ground', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', '\u001b[31mred\u001b[0m and \u001b[33;1myellow\u001b[0m');
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'red and yellow');
    const contrasts = () =>
        page.$eval('live-log', (log) => {
            const parse = (text) =>
                text
                    .match(/[\d.]+/g)
                    .slice(0, 3)
                    .map(Number);
            const luminance = (rgb) => {
                const [r, g, b] = rgb.map((n) =>
                    n / 255 <= 0.04045 ? n / 255 / 12.92 : ((n / 255 + 0.055) / 1.055) ** 2.4,
                );
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const ground = luminance(
                parse(getComputedStyle(document.querySelector('.pane')).backgroundColor),
            );
            return [...log.shadowRoot.querySelectorAll('.log-text span')].map((span) => {
                const ink = luminance(parse(getComputedStyle(span).color));
                return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
            });
        });
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await until(
            async () => (await contrasts()).every((contrast) => contrast >= 4.5),
            `contrast on ${colorScheme}`,
        );
        assert.equal((await contrasts()).length, 2);
    }
    await close(page);
});

// --- taking along ---

check(
    'copy and download: what is shown, everything that is stored, and what matches',
    async (s) => {
        const hub = await Hub.start(s);
        const all = numbered(3000, 'line ');
        await hub.publishLines('logs/app', all);
        const page = await browser.open(hub.to('/t/logs/app?q=9'));
        await waitRow(page, 'line 2999');
        await page.waitForFunction(() => document.querySelector('live-log').shownCount < 200);
        const visible = await shown(page);
        await page.keyboard.press('y');
        await page.waitForSelector(`.said:has-text("${visible.length} lines copied")`);
        assert.equal(await clipboard(page), visible.map((line) => `${line}\n`).join(''));
        const download = async (choice) => {
            await page.keyboard.press('d');
            const [saved] = await Promise.all([page.waitForEvent('download'), page.click(choice)]);
            assert.equal(saved.suggestedFilename(), 'logs-app.log');
            return readFileSync(await saved.path(), 'utf8');
        };
        assert.equal(
            await download('#download-shown'),
            visible.map((line) => `${line}\n`).join(''),
        );
        assert.equal(await download('#download-all'), all.map((line) => `${line}\n`).join(''));
        const matching = all
            .filter((line) => line.includes('9'))
            .map((line) => `${line}\n`)
            .join('');
        assert.equal(await download('#download-matching'), matching);
        // A phone's tool bar has no room to copy: that is offered here too.
        await page.setViewportSize({ width: 390, height: 844 });
        await page.click('#download');
        await page.click('#copy-link');
        await until(async () => (await clipboard(page)) === page.url(), 'the link to be copied');
        await page.click('#download');
        await page.click('#copy-shown');
        await until(
            async () => (await clipboard(page)) === visible.map((line) => `${line}\n`).join(''),
            'the lines',
        );
        await close(page);
    },
);

check('copy and download have the text that is shown, without escape sequences', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', [
        '\x1b[01m\x1b[Kmain.c:3:5:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kexpected',
        'fetch 10%\rfetch 100%',
        'caf\u00e9 \u{1f600}',
    ]);
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'main.c:3:5: error: expected');
    const text = 'main.c:3:5: error: expected\nfetch 100%\ncaf\u00e9 \u{1f600}\n';
    await page.keyboard.press('y');
    await page.waitForSelector('.said:has-text("3 lines copied")');
    assert.equal(await clipboard(page), text);
    for (const choice of ['#download-shown', '#download-all']) {
        await page.keyboard.press('d');
        const [saved] = await Promise.all([page.waitForEvent('download'), page.click(choice)]);
        assert.equal(readFileSync(await saved.path(), 'utf8'), text, choice);
    }
    await page.fill('#find-text', 'C:3:5: ERROR: exp');
    await page.waitForSelector('#find-count:has-text("/1")');
    await close(page);
});

check('a line has an address; whoever opens it sees that line, also long after', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', numbered(100, 'before '));
    await hub.publish('logs/app', 'this one');
    await hub.publishLines('logs/app', numbered(100, 'after '));
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'after 100');
    await page.fill('#find-text', 'this one');
    await page.keyboard.press('Enter');
    await clickRow(page, 'this one');
    await page.keyboard.press('l');
    await page.waitForSelector('.said:has-text("Link to the selected line copied")');
    const link = await clipboard(page);
    assert.match(link, /\/t\/logs\/app\?find=this\+one&line=[0-9a-z]+-101$/);
    for (let i = 0; i < 10; i++) await hub.publishLines('logs/app', numbered(1000, 'much later '));
    const other = await browser.open(link);
    await waitRow(other, 'this one');
    assert.equal(await other.$eval('live-log', (log) => log.selectedLine?.data), 'this one');
    assert.ok((await rows(other)).includes('before 100'), 'in its context');
    await close(other);
    await close(page);
});

check('a link to a line that retention has taken says so', async (s) => {
    const hub = await Hub.start(s);
    await hub.publish('logs/app', 'old');
    const { id } = await hub.publish('logs/app', 'also old');
    await hub.delete('/t/logs/app');
    await hub.publish('logs/app', 'new');
    const page = await browser.open(hub.to(`/t/logs/app?line=${id}`));
    await waitRow(page, 'new');
    await page.waitForSelector('.said:has-text("not stored any more")');
    await close(page);
});

check('what is selected and copied by keyboard is the text of the lines alone', async (s) => {
    const hub = await Hub.start(s);
    await hub.publishLines('logs/app', [
        '  indented',
        '<b>as it is</b>',
        '\u001b[32mgreen\u001b[0m',
    ]);
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, 'green');
    await clickRow(page, 'green');
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Control+c');
    await until(
        async () => (await clipboard(page)).trimEnd() === '  indented\n<b>as it is</b>\ngreen',
        'the clipboard',
    );
    await close(page);
});
