// SPDX-License-Identifier: MIT
// The viewer and time: moments as they are typed, the line of a moment, a range, the histogram.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { histogramOf } from '../../web/kit/log-histogram.js';
import { seekTime } from '../../web/kit/log-seek.js';
import { readMoment } from '../../web/moments.js';
import { startBrowser } from './support/browser.mjs';
import { Hub, numbered } from './support/hub.mjs';
import { scenario, shared } from './support/scope.mjs';
import { assertClean, lines, waitRow, waitShown } from './support/viewer.mjs';
import { until } from './support/wait.mjs';

const file = shared();
const browser = await startBrowser(file);
const check = (name, body) => scenario(name, { shared: file }, body);

const NOW = Date.parse('2026-11-27T12:00:00.000Z');
const moment = (text, utc = true) => {
    const ms = readMoment(text, { utc, now: NOW });
    return ms === null ? null : new Date(ms).toISOString();
};

test('a moment is a clock, a date, or so long ago', () => {
    const table = {
        '15m': '2026-11-27T11:45:00.000Z',
        '15 min': '2026-11-27T11:45:00.000Z',
        '2h ago': '2026-11-27T10:00:00.000Z',
        '1.5d': '2026-11-26T00:00:00.000Z',
        '03:12': '2026-11-27T03:12:00.000Z',
        '13:12': '2026-11-26T13:12:00.000Z',
        '3:12:05': '2026-11-27T03:12:05.000Z',
        '2026-11-20': '2026-11-20T00:00:00.000Z',
        ' 2026-11-20 03:12 ': '2026-11-20T03:12:00.000Z',
        '2026-11-20T03:12:07.5Z': '2026-11-20T03:12:07.000Z',
        '2026-11-20 03:12+02:00': '2026-11-20T01:12:00.000Z',
        '': null,
        yesterday: null,
        '25:00': null,
        '03:60': null,
        '2026-13-01': null,
        '15 parsecs': null,
    };
    for (const [text, time] of Object.entries(table)) assert.equal(moment(text), time, text);
});

test('the line of a moment is found in a few steps', async () => {
    const all = numbered(5000).map((n) => ({ id: `e-${7 * n}`, at: 1000 * n, own: n % 3 !== 0 }));
    let reads = 0;
    const seek = (time, some = all) =>
        seekTime(time, {
            first: some[0].id,
            last: some.at(-1).id,
            read: async (since, limit) => {
                reads++;
                const at = some.findIndex(({ id }) => Number(id.slice(2)) > Number(since.slice(2)));
                return at < 0 ? [] : some.slice(at, at + limit);
            },
        });
    const own = all.filter((one) => one.own);
    for (const time of [0, 1000, 1001, 2_500_000, 4_999_500])
        assert.equal((await seek(time)).id, own.find(({ at }) => at >= time).id, String(time));
    assert.equal(await seek(6_000_000), null);
    assert.ok(reads < 6 * 20, `${reads} reads`);
    assert.equal((await seek(0, all.slice(0, 1)))?.id, all[0].id, 'one line');
});

test('lines are counted over time in steps that people know', () => {
    const line = (seconds, level = '') => ({ at: NOW + 1000 * seconds, level, id: `e-${seconds}` });
    const { step, buckets } = histogramOf(
        [
            line(61, 'error'),
            line(0),
            line(59, 'warn'),
            line(60, 'fatal'),
            line(600),
            line(1, 'info'),
        ],
        60,
    );
    assert.equal(step, 15_000);
    assert.equal(buckets.length, 41);
    assert.deepEqual(buckets[0], { from: NOW, lines: 2, errors: 0, warnings: 0, id: 'e-0' });
    assert.deepEqual(
        buckets.filter((one) => one.lines).map((one) => [one.id, one.errors, one.warnings]),
        [
            ['e-0', 0, 0],
            ['e-59', 0, 1],
            ['e-60', 2, 0],
            ['e-600', 0, 0],
        ],
    );
    assert.deepEqual(histogramOf([], 60), { step: 0, buckets: [] });
    assert.deepEqual(histogramOf([{ at: NaN, level: '', id: 'e-1' }], 60).buckets, []);
    for (const seconds of [1, 59, 3599, 86_399, 10_000_000, 3_000_000_000]) {
        const { buckets: some } = histogramOf([line(0), line(seconds)], 60);
        assert.ok(some.length <= 60, `${seconds}: ${some.length}`);
        assert.equal(
            some.reduce((sum, one) => sum + one.lines, 0),
            2,
        );
    }
});

// The minute of a line, as people type it; the browser may be in any zone.
const typed = (line) => `${line.slice(0, 16).replace('T', ' ')}Z`;

// A line each minute of the last five hours, every tenth an error; the hub got all of them now.
async function start(s) {
    const hub = await Hub.start(s);
    const begin = Math.floor(Date.now() / 60_000) * 60_000 - 300 * 60_000;
    const all = numbered(301, '', 0).map((n) => {
        const clock = new Date(begin + n * 60_000).toISOString();
        return `${clock} ${n % 10 === 0 ? 'ERROR' : 'INFO'} minute ${n}`;
    });
    await hub.publishLines('logs/app', all);
    return { hub, all };
}

check('a range of time shows its lines, loads older ones, and is in the address', async (s) => {
    const { hub, all } = await start(s);
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, all.at(-1));
    await page.keyboard.press('r');
    await page.click('.popup >> text="last 15 min"');
    const recent = () =>
        all.filter((line) => Date.parse(line.slice(0, 24)) >= Date.now() - 15 * 60_000);
    await until(
        async () => (await lines(page, { shown: true })).length === recent().length,
        'the last 15 minutes',
    );
    await page.keyboard.press('Escape');
    assert.match(page.url(), /\?from=15m$/);
    await page.waitForSelector('#times.on:has-text("last 15 min")');
    await page.waitForSelector('.status-line:has-text("pass the filter")');
    await page.reload();
    await page.waitForSelector('#times.on:has-text("last 15 min")');
    // The first lines of this range are not among those that are loaded at the start.
    await page.keyboard.press('r');
    await page.fill('.popup [name=from]', typed(all[5]));
    await page.fill('.popup [name=to]', typed(all[9]));
    await page.click('.popup >> text="Show these"');
    await waitShown(page, 4);
    assert.deepEqual(await lines(page, { shown: true }), all.slice(5, 9));
    await page.fill('.popup [name=from]', 'soon');
    await page.click('.popup >> text="Show these"');
    await page.waitForSelector('.popup [name=from][aria-invalid="true"]');
    await page.click('.popup >> text="all times"');
    await page.waitForFunction(() => document.querySelector('live-log').shownCount > 100);
    await assertClean(page);
    await page.close();
});

check('going to a time finds the line by its own clock, wherever it is stored', async (s) => {
    const { hub, all } = await start(s);
    await hub.publishLines('logs/app', numbered(2000, `${new Date().toISOString()} INFO later `));
    const page = await browser.open(hub.to('/t/logs/app'));
    await page.waitForFunction(() => document.querySelector('live-log')?.lineCount >= 200);
    await page.keyboard.press('r');
    await page.fill('.popup [name=goal]', typed(all[42]));
    await page.click('#jump');
    await waitRow(page, all[42]);
    await page.waitForFunction(
        (data) => document.querySelector('live-log').selectedLine?.data === data,
        all[42],
    );
    await page.waitForSelector('.said:has-text("by its own clock")');
    await assertClean(page);
    await page.close();
});

check('the histogram counts the loaded lines and leads to them', async (s) => {
    const { hub, all } = await start(s);
    const page = await browser.open(hub.to('/t/logs/app'));
    await waitRow(page, all.at(-1));
    assert.ok(await page.isHidden('.histogram'));
    await page.keyboard.press('h');
    await page.waitForSelector('.histogram:has-text("200 loaded lines, 20 errors")');
    const bars = await page.$$eval('.histogram-bar', (nodes) =>
        nodes.map((node) => node.getAttribute('aria-label')),
    );
    assert.ok(bars.length > 20 && bars.length <= 60, String(bars.length));
    assert.match(bars[3], / to .*: \d+ lines?, \d errors?, 0 warnings/);
    await page.locator('.histogram-bar[data-id]').nth(2).click();
    await page.waitForFunction(() => document.querySelector('live-log').selectedLine);
    const id = await page.locator('.histogram-bar[data-id]').nth(2).getAttribute('data-id');
    assert.equal(await page.$eval('live-log', (log) => log.selectedLine.id), id);
    await page.reload();
    await page.waitForSelector('.histogram-bar');
    await page.keyboard.press('h');
    await page.waitForSelector('.histogram', { state: 'hidden' });
    await assertClean(page);
    await page.close();
});
