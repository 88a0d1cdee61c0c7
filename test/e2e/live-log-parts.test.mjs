// SPDX-License-Identifier: MIT
// The parts of <live-log> that need no page: colours, levels, JSON fields, times, the window of
// loaded lines, the search.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import {
    appearance,
    contrast,
    parseAnsi,
    readableOn,
    stripAnsi,
    toRgb,
} from '../../web/kit/ansi.js';
import { cellText, field, looksLikeJson, parseJson } from '../../web/kit/json-lines.js';
import { detectLevel } from '../../web/kit/levels.js';
import { lastState, lineText, plainText } from '../../web/kit/line-text.js';
import { lineTime } from '../../web/kit/line-time.js';
import { LogMerge } from '../../web/kit/log-merge.js';
import { messageOf } from '../../web/kit/log-message.js';
import { Matcher, mayExplode, rangesIn } from '../../web/kit/log-match.js';
import { Scan, Shown } from '../../web/kit/log-shown.js';
import { shortened } from '../../web/kit/log-text.js';
import { absoluteTime, lineTimes, relativeTime, tagIndex } from '../../web/kit/log-time.js';
import { CHARACTERS_MAX, Line, LogWindow, Note, reaches } from '../../web/kit/log-window.js';
import { numbered } from './support/hub.mjs';
import { until } from './support/wait.mjs';

const ESC = '\x1b';

test('SGR codes become runs over the text without them', () => {
    const { plain, runs } = parseAnsi(
        `a${ESC}[31mred${ESC}[0m ${ESC}[1;4;38;5;208mbold${ESC}[22;39mrest`,
    );
    assert.equal(plain, 'ared boldrest');
    assert.deepEqual(
        runs.map(({ start, end }) => plain.slice(start, end)),
        ['red', 'bold', 'rest'],
    );
    assert.equal(runs[0].style.fg, 1);
    assert.deepEqual(
        [runs[1].style.fg, runs[1].style.bold, runs[1].style.underline],
        [208, true, true],
    );
    assert.deepEqual(
        [runs[2].style.fg, runs[2].style.bold, runs[2].style.underline],
        [null, false, true],
    );
    assert.equal(stripAnsi(`${ESC}[mx${ESC}[1;31my`), 'xy');
});

test('true colours in both notations, and nonsense, are understood', () => {
    const style = (codes) => parseAnsi(`${ESC}[${codes}mx`).runs[0]?.style;
    assert.deepEqual(style('38;2;1;2;3').fg, [1, 2, 3]);
    assert.deepEqual(style('48:2::1:2:3').bg, [1, 2, 3]);
    assert.deepEqual(style('38:2:9:8:7').fg, [9, 8, 7]);
    assert.equal(style('38;5;999'), undefined);
    assert.equal(style('38;2;1'), undefined);
    assert.equal(style('38'), undefined);
    assert.equal(style('97').fg, 15);
    assert.equal(style('58;5;9;31').fg, 1, 'the colour of an underline is left out');
    assert.equal(style('>4;2'), undefined, 'what is private to a terminal is no colour');
});

// test/data/escapes.json: [raw, plain]. Lines of gcc, grep, ls, tput, git, cargo, pytest, npm,
// terraform, node, systemctl, pip as they write them to a terminal; of yarn, docker, shells and
// tmux; then every form of a sequence, cut and broken ones.
const table = async (name) =>
    JSON.parse(await readFile(new URL(`../data/${name}`, import.meta.url), 'utf8'));
const escapes = await table('escapes.json');

test('no escape sequence is part of the text, whoever wrote it', () => {
    for (const [raw, plain] of escapes) {
        assert.equal(stripAnsi(raw), plain, JSON.stringify(raw));
        assert.equal(parseAnsi(raw).plain, plain, JSON.stringify(raw));
    }
});

test('a link of a terminal leads somewhere only by http', () => {
    const link = (address) => parseAnsi(`a${ESC}]8;id=1;${address}\x07b${ESC}]8;;\x07c`).runs;
    for (const good of ['https://ci.example.com/42', 'http://h/x;y?z#1'])
        assert.deepEqual(
            link(good).map((run) => [run.start, run.end, run.link]),
            [[1, 2, good]],
        );
    for (const bad of [
        'javascript:alert(1)',
        'file:///etc/passwd',
        'data:text/html,x',
        ' https://h/',
        'https://h/ x',
        'https://h/\u202e',
        `https://h/${'x'.repeat(3000)}`,
        '',
    ])
        assert.deepEqual(link(bad), [], bad);
});

test('long runs of sequences take the time of their length', () => {
    const before = process.cpuUsage();
    for (const part of ['[', ']', 'P', '(', '[1;', ']8;;http://', '[31mx', ' ', '[m', ''])
        for (const first of ['', `${ESC}[`, `${ESC}]`]) {
            const text = first + `${ESC}${part}`.repeat(200_000 / (part.length + 1));
            assert.equal(stripAnsi(text), parseAnsi(text).plain);
        }
    assert.ok(process.cpuUsage(before).user < 10_000_000);
});

test('every colour can be read on its ground', () => {
    for (let n = 0; n < 256; n++) {
        for (const ground of [
            [255, 255, 255],
            [30, 32, 38],
            [18, 18, 18],
        ]) {
            assert.ok(
                contrast(readableOn(toRgb(n), ground), ground) >= 4.5,
                `colour ${n} on ${ground}`,
            );
        }
        const { properties } = appearance({ ...parseAnsi(`${ESC}[48;5;${n}mx`).runs[0].style });
        const rgb = (text) => text.match(/\d+/g).map(Number);
        assert.ok(contrast(rgb(properties['--fg']), rgb(properties['--bg'])) >= 4.5, `on ${n}`);
        assert.match(
            properties['--fg'],
            /^rgb\((0 0 0|255 255 255)\)$/,
            'text without a colour is as clear as can be',
        );
    }
    assert.deepEqual(appearance({ fg: 1, bg: null, bold: true }).classes, ['bold', 'fg-1']);
});

test('levels are what programs write as levels', () => {
    const table = {
        '2026-11-22 12:00:00 ERROR main failed': 'error',
        '2026-11-22T12:00:00Z [warn] low disk': 'warn',
        'time=2026 level=debug msg="an ERROR in words"': 'debug',
        '{"time":1,"level":"fatal","msg":"INFO"}': 'fatal',
        '{"level":30,"msg":"pino"}': 'info',
        '{"severity":"WARNING"}': 'warn',
        '{"msg":"level"}': '',
        '<3>kernel: bad': 'error',
        'W1122 12:00:00.000000 1 file.go:1] klog': 'warn',
        'src/main.c:12:3: error: expected ;': 'error',
        'src/main.c:12:3: warning: unused': 'warn',
        'INFO:root:python': 'info',
        'npm ERR! code': 'error',
        'java.lang.IllegalStateException: no': 'error',
        'panic: runtime error': 'fatal',
        'there was no error at all': '',
        'the information desk': '',
        'constructor: [constructor] toString:': '',
        [`${ESC}[32minfo${ESC}[0m: winston`]: 'info',
        '': '',
    };
    for (const [line, level] of Object.entries(table)) assert.equal(detectLevel(line), level, line);
    assert.equal(
        detectLevel('\tat com.example.Main', 'error'),
        'error',
        'a stack belongs to its error',
    );
    assert.equal(detectLevel('at home', 'error'), 'error');
    const long = `${'a '.repeat(500_000)}ERROR`;
    // Of this process, whoever else has the processor in between.
    const before = process.cpuUsage();
    detectLevel(long);
    assert.ok(process.cpuUsage(before).user < 50_000);
});

test('fields of JSON lines are found by their path', () => {
    const value = parseJson('{"a":{"b":[1,{"c":2}]},"x.y":3,"n":null}');
    assert.equal(field(value, 'a.b.1.c'), 2);
    assert.equal(field(value, 'x.y'), 3);
    assert.equal(field(value, 'a.nothing'), undefined);
    assert.equal(field(value, '__proto__'), undefined);
    assert.equal(cellText(field(value, 'n')), 'null');
    assert.equal(parseJson('{broken'), null);
    assert.equal(parseJson('42'), null);
    assert.ok(looksLikeJson('{"a":1}\n'));
    assert.ok(!looksLikeJson('{not'));
});

test('numbers, keys and their order are those of the line', () => {
    for (const number of [
        '12345678901234567890',
        '9007199254740993',
        '-9223372036854775808',
        '1.10',
        '1e5',
        '1E400',
        '-0',
        '0.1e-7',
        '0.1',
        '42',
        '123456789012345678.123456789',
    ]) {
        const text = `{"a":{"n":${number}},"l":[${number},0]}`;
        const value = parseJson(text);
        assert.equal(cellText(field(value, 'a.n')), number);
        assert.equal(cellText(field(value, 'l.0')), number);
        assert.equal(cellText(field(value, 'a')), `{"n":${number}}`);
        assert.equal(cellText(value), text);
    }
    assert.equal(field(parseJson('{"n":42}'), 'n'), 42, 'what a double holds is a number');
    assert.equal(field(parseJson('{"n":1.10}'), 'n.text'), undefined);
    const odd = '{"b":1,"10":2,"2":3,"b":4,"__proto__":{"x":5}}';
    assert.equal(cellText(parseJson(odd)), odd, 'keys that come twice, or in another order');
    assert.equal(field(parseJson(odd), 'b'), 4);
    assert.equal(field(parseJson(odd), '__proto__.x'), 5);
});

test('what is JSON is decided as everywhere', () => {
    for (const text of [
        ...['{"a":1,}', '{"a" 1}', '[1,]', '[01]', '{"a":tru}', '[1]x', '["\\x"]', '{"a":-}'],
        ...['[1e]', '{', '[', '{"a', '["a\\"]', '[nul]', '[+1]', '[.5]', '[NaN]', '["\t"]'],
        ...['[{}]', '[[]]', '{"":0}', '[1,2 , 3 ]\n', '{"a":"\\ud83d\\u00e9\\n"}', '["\\\\\\""]'],
    ]) {
        let other = null;
        try {
            other = JSON.parse(text);
        } catch {
            // Neither.
        }
        assert.deepEqual(parseJson(text), other, text);
    }
    assert.equal(parseJson('['.repeat(1_000_000)), null, 'and no stack runs over');
});

test('the message is found where each logger writes it', async () => {
    for (const [line, message] of await table('messages.json'))
        assert.equal(messageOf(line), message, line);
});

test('of a line that wrote over itself the last state is what it says', () => {
    const states = {
        'fetch 10%\rfetch 50%\rfetch 100%': 'fetch 100%',
        '10%\r50%\r': '50%',
        'DOS\r': 'DOS',
        'DOS\r\n': 'DOS',
        'long text\rshort': 'short',
        'one\rtwo\nthree\rfour\r\nfive': 'two\nfour\nfive',
        '\r\r': '',
        'text\r   \r': 'text',
        [`⠙${ESC}[1G${ESC}[0K⠹${ESC}[1G${ESC}[0K`]: '⠹',
        [`${ESC}[2K${ESC}[1G[1/4] Resolving${ESC}[2K${ESC}[1G[2/4] Fetching`]: '[2/4] Fetching',
        'plain\n': 'plain',
    };
    for (const [line, state] of Object.entries(states))
        assert.equal(lineText(line), state, JSON.stringify(line));
    const coloured = parseAnsi(`${ESC}[31m10%\r20${ESC}[1m%${ESC}[m`);
    const { plain, runs } = lastState(coloured);
    assert.equal(plain, '20%');
    assert.deepEqual(
        runs.map(({ start, end, style }) => [start, end, style.fg, style.bold]),
        [
            [0, 2, 1, false],
            [2, 3, 1, true],
        ],
        'a colour goes on over the return',
    );
    assert.equal(plainText('10%\r20%'), '10%\r20%', 'all of it is looked at by filters');
});

// test/data/line-times.json: [line, its time, whether that was written without a zone]; the hub
// read them at the time below.
const READ = Date.parse('2026-11-27T21:41:00.000Z');
const iso = (time) => time && new Date(time.ms).toISOString();

test('the time of a line is read where loggers and servers write it', async () => {
    process.env.TZ = 'UTC';
    for (const [line, time, zoneless] of await table('line-times.json')) {
        const found = lineTime(line, READ);
        assert.equal(iso(found), time, line);
        if (found) assert.equal(found.wall !== null, zoneless, line);
    }
    const before = process.cpuUsage();
    for (const part of ['a', '[', '0', '{"time":', '<1>', 'aa| ', ' ', '2026-11-27 ', '"ts":"'])
        for (const first of ['', '{', '[', '1.1.1.1 ['])
            lineTime(first + part.repeat(20_000), READ);
    assert.ok(process.cpuUsage(before).user < 2_000_000);
});

test('a clock without a zone is the reader’s, unless UTC fits better; it is shown as written', () => {
    process.env.TZ = 'America/New_York';
    try {
        const read = Date.parse('2026-11-27T21:39:16.000Z');
        const at = (clock) => iso(lineTime(`${clock} INFO x`, read));
        assert.equal(at('2026-11-27 16:39:15'), '2026-11-27T21:39:15.000Z', 'live, local');
        assert.equal(at('2026-11-27 21:39:15'), '2026-11-27T21:39:15.000Z', 'live, UTC');
        assert.equal(at('2026-11-27 10:00:00'), '2026-11-27T15:00:00.000Z', 'old: local');
        assert.equal(at('2026-11-27 20:00:00'), '2026-11-27T20:00:00.000Z', 'not read before it');
        assert.equal(at('2026-11-28 03:09:15'), '2026-11-27T21:39:15.000Z', 'further east');
        assert.equal(at('16:39:14.5'), '2026-11-27T21:39:14.500Z', 'the clock alone');
        const own = lineTime('2026-11-27 10:00:00,123 INFO x', read);
        const shown = lineTimes(
            { own, time: '2026-11-27T21:39:16.000Z' },
            { timeMode: 'absolute', utc: true },
        );
        assert.match(shown.full, /^2026-11-27 10:00:00\.123 \(no zone\)$/);
        assert.match(
            shown.title,
            /as the line says\n2026-11-27 21:39:16\.000 UTC, when the hub got/,
        );
        const text = (ms) =>
            lineTimes({ own: { ms, wall: null }, time: '' }, { timeMode: 'absolute', utc: true })
                .text;
        const now = Math.floor(Date.now() / 1000) * 1000;
        assert.match(text(now), /^\d\d:\d\d:\d\d$/, 'no digits that the line does not have');
        assert.match(text(now + 7), /\.007$/);
        const none = lineTimes({ own: null, time: '2026-11-27T21:39:16.000Z' }, { utc: true });
        assert.match(none.title, /when the hub got it: the line itself has no time/);
        assert.equal(none.isOwn, false);
    } finally {
        process.env.TZ = 'UTC';
    }
});

test('times are short today and dated otherwise', () => {
    const now = Date.parse('2026-11-22T12:00:00.000Z');
    assert.equal(absoluteTime(now - 877, true, now), '11:59:59.123');
    assert.equal(absoluteTime(now - 86_400_000, true, now), '11-21 12:00:00');
    assert.equal(relativeTime(now - 61_000, now), '1 min ago');
    assert.equal(relativeTime(now + 5, now), 'now');
    assert.ok(tagIndex('logs/app') >= 0 && tagIndex('logs/app') < 12);
});

test('a long line is shortened between characters and escape codes', () => {
    assert.equal(shortened('abc', 3), 'abc');
    assert.equal(shortened('ab😀', 3), 'ab');
    assert.equal(shortened(`abcd${ESC}[38;5;208mx`, 10), 'abcd');
});

// --- the window ---

const EPOCH = 'e';
let ids = 0;
const line = (n, data = `line ${n}`) =>
    new Line({ id: `${EPOCH}-${n}`, topic: 't', type: 'message', time: '', data }, '');
const lines = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => line(from + i));
const numbersOf = (window) =>
    window.entries.filter((e) => e.data !== undefined).map((e) => Number(e.id.slice(2)));
const range = (from, to) => numbered(to - from + 1, '', from).map(Number);
function makeWindow(linesMax) {
    ids++;
    return new LogWindow({ linesMax, onBefore: () => {}, onChange: () => {} });
}

test('ids are compared by their number within a journal', () => {
    assert.ok(reaches('e-10', 'e-9'));
    assert.ok(reaches('e-9', 'e-9'));
    assert.ok(!reaches('e-9', 'e-10'));
    assert.ok(!reaches('f-10', 'e-9'));
});

test('a window that follows lets go of the oldest', () => {
    const window = makeWindow(10);
    window.replace(lines(1, 5), 'e-5', { attached: true, begin: true });
    assert.equal(window.reachedBegin, true);
    window.receive(lines(6, 14), true);
    assert.deepEqual(numbersOf(window), range(5, 14));
    assert.equal(window.reachedBegin, false);
    assert.equal(window.attached, true);
});

test('a window whose reader is up keeps what he reads, and the newest lead back', () => {
    const window = makeWindow(10);
    window.replace(lines(1, 8), 'e-8', { attached: true });
    window.receive(lines(9, 12), false);
    assert.deepEqual(numbersOf(window), range(1, 10));
    assert.equal(window.attached, false);
    assert.equal(window.endId, 'e-10');
    window.receive(lines(13, 15), false);
    assert.deepEqual(numbersOf(window), range(1, 10));
    assert.equal(window.jumpToEnd(), true);
    assert.deepEqual(numbersOf(window), range(6, 15), 'nothing is missing between');
    window.receive(lines(16, 16), true);
    assert.deepEqual(numbersOf(window), range(7, 16));
});

test('after many lines the end is still there at once, without a hole', () => {
    const window = makeWindow(100);
    window.replace(lines(1, 100), 'e-100', { attached: true });
    for (let n = 101; n <= 20_000; n += 100) window.receive(lines(n, n + 99), false);
    assert.deepEqual(numbersOf(window), range(1, 100));
    assert.equal(window.join(), false, 'what lies between is not here');
    window.extend(lines(101, 150), 'e-150');
    assert.deepEqual(numbersOf(window), range(51, 150));
    assert.equal(window.attached, false);
    assert.ok(window.jumpToEnd());
    assert.deepEqual(numbersOf(window), range(19_901, 20_000));
});

test('history that is loaded pushes the newest out, reading on brings them back', () => {
    const window = makeWindow(20);
    window.replace(lines(101, 120), 'e-120', { attached: true });
    window.prepend(lines(91, 100), false);
    assert.deepEqual(numbersOf(window), range(91, 110));
    assert.equal(window.attached, false);
    window.receive(lines(121, 125), false);
    window.extend(lines(111, 115), 'e-115');
    assert.equal(window.attached, false, 'what the reader looks at is not pushed out');
    assert.deepEqual(numbersOf(window), range(96, 115));
    assert.equal(window.join(5), true, 'the tail went on from 111');
    assert.deepEqual(numbersOf(window), range(101, 120));
    assert.equal(window.join(5), true);
    assert.equal(window.attached, true);
    assert.deepEqual(numbersOf(window), range(106, 125));
});

test('a frozen window stands still, and goes on where it was', () => {
    const window = makeWindow(10);
    window.replace(lines(1, 3), 'e-3', { attached: true });
    window.freeze();
    window.receive(lines(4, 6), false);
    assert.deepEqual(numbersOf(window), range(1, 3));
    window.thaw();
    assert.deepEqual(numbersOf(window), range(1, 6));
    assert.equal(window.attached, true);
});

test('surroundings of a line elsewhere, and back to the end', () => {
    const window = makeWindow(50);
    window.replace(lines(1000, 1020), 'e-1020', { attached: true });
    window.replace(lines(1, 20), 'e-20', { begin: true });
    assert.equal(window.attached, false);
    window.receive(lines(1021, 1022), false);
    assert.ok(window.jumpToEnd());
    assert.deepEqual(numbersOf(window), range(1001, 1022));
});

test('clearing forgets, and goes on', () => {
    const window = makeWindow(10);
    window.replace(lines(1, 5), 'e-5', { attached: true });
    window.clear();
    assert.equal(window.endId, 'e-5');
    window.receive(lines(6, 7), true);
    assert.deepEqual(numbersOf(window), [6, 7]);
});

test('the characters of the window are bounded, whatever the lines', () => {
    const window = makeWindow(1000);
    window.replace([], '', { attached: true });
    for (let n = 1; n <= 40; n++) window.receive([line(n, 'x'.repeat(1_000_000))], true);
    assert.ok(window.characters <= CHARACTERS_MAX);
    assert.equal(numbersOf(window).at(-1), 40);
    const counted = window.entries.reduce((sum, e) => sum + e.data.length, 0);
    assert.ok(
        counted <= window.characters && window.characters - counted <= 100 * window.entries.length,
    );
    for (let n = 41; n <= 100; n++) window.receive([line(n, 'x'.repeat(1_000_000))], false);
    assert.ok(window.characters <= CHARACTERS_MAX);
    window.jumpToEnd();
    assert.equal(numbersOf(window).at(-1), 100);
});

// --- several topics ---

const timed = (n, topic, data) =>
    new Line(
        { id: `${EPOCH}-${n}`, topic, type: 'message', time: new Date(READ).toISOString(), data },
        '',
    );
const texts = (entries) => entries.map((entry) => entry.data ?? entry.note);

test('lines of several topics come by time; a topic keeps its own order', () => {
    const merge = new LogMerge();
    merge.add(
        'a',
        [
            timed(1, 'a', '10:00:01 is no date'),
            timed(2, 'a', '2026-11-27T10:00:02Z a2'),
            timed(3, 'a', '\tat its.Stack'),
            timed(4, 'a', '2026-11-27T09:00:00Z a clock that went back'),
            timed(5, 'a', '2099-01-01T00:00:00Z a clock that is wrong'),
        ],
        true,
    );
    merge.add(
        'b',
        [
            timed(6, 'b', '2026-11-27T10:00:00Z b6'),
            new Note('rotated', 'rotated'),
            timed(7, 'b', '2026-11-27T10:00:03Z b7'),
        ],
        true,
    );
    assert.deepEqual(texts(merge.take(100)), [
        '2026-11-27T10:00:00Z b6',
        '10:00:01 is no date',
        '2026-11-27T10:00:02Z a2',
        '\tat its.Stack',
        '2026-11-27T09:00:00Z a clock that went back',
        'rotated',
        '2026-11-27T10:00:03Z b7',
        '2099-01-01T00:00:00Z a clock that is wrong',
    ]);
    assert.ok(merge.isDone);
    assert.equal(merge.rest, '');
});

test('nothing is taken that a topic could still have something newer than', () => {
    const at = (n, topic, minute) => timed(n, topic, `2026-11-27T10:0${minute}:00Z ${n}`);
    const merge = new LogMerge();
    merge.await('a', 'e-100');
    merge.await('b', 'e-100');
    assert.deepEqual(
        merge.wanted.map(({ topic }) => topic),
        ['a', 'b'],
    );
    merge.add('a', [at(3, 'a', 1), at(4, 'a', 3)], false);
    merge.add('b', [at(8, 'b', 2), at(9, 'b', 4)], false);
    const ids = (entries) => entries.map(({ id }) => id);
    assert.deepEqual(ids(merge.take(100)), ['e-8', 'e-4', 'e-9'], 'not what is older than 10:02');
    assert.equal(merge.rest, 'e-7', 'of b nothing older is known');
    assert.deepEqual(merge.wanted, [{ topic: 'b', before: 'e-8' }]);
    merge.add('b', [at(7, 'b', 0)], true);
    assert.deepEqual(ids(merge.take(1)), ['e-3']);
    merge.drop([at(3, 'a', 1), at(8, 'b', 2)]);
    assert.deepEqual(merge.wanted, [
        { topic: 'a', before: 'e-4' },
        { topic: 'b', before: 'e-9' },
    ]);
});

// --- looking for ---

test('plain text is found as it is, without regard to case unless asked', async () => {
    const plain = new Matcher({ text: 'a.b[' });
    assert.deepEqual(plain.find(['xA.B[a.b[', 'aXb[']), [[1, 5, 5, 9], null]);
    assert.deepEqual(new Matcher({ text: 'A', caseSensitive: true }).test(['a', 'A']), [
        false,
        true,
    ]);
    assert.throws(() => new Matcher({ text: '(', regex: true }), SyntaxError);
    assert.deepEqual(rangesIn(/x*/g, 'axxa', 10), [1, 3]);
});

test('what can explode is known where no worker can be had', async () => {
    assert.ok(mayExplode('(a+)+$'));
    assert.ok(mayExplode('(a|aa)*$'));
    assert.ok(mayExplode('(x)\\1'));
    assert.ok(!mayExplode('^\\d+ ERROR .*timeout'));
    const refused = await new Promise((resolve) => {
        new Matcher({ text: '(a+)+$', regex: true }, resolve).test(['a']);
    });
    assert.match(refused, /nested/);
    const allowed = new Matcher({ text: '^a+b', regex: true });
    assert.deepEqual(await allowed.test(['aab', 'c']), [true, false]);
});

test('a scan follows an input that grows and shrinks at both ends', async () => {
    const window = makeWindow(5000);
    let scan = null;
    const looked = new LogWindow({
        linesMax: 5000,
        onBefore: () => {},
        onChange: () => scan?.kick(),
    });
    scan = new Scan({
        input: () => looked.entries,
        evaluate: (entries) => entries.map((e) => Number(e.id.slice(2)) % 10 === 0),
        onProgress: () => {},
    });
    const settled = async () => {
        while (scan.busy)
            await new Promise((resolve) => {
                setTimeout(resolve, 1);
            });
        return scan.output.map((e) => Number(e.id.slice(2)));
    };
    const tens = (from, to) => range(from, to).filter((n) => n % 10 === 0);
    looked.replace(lines(5001, 9000), 'e-9000', { attached: true });
    assert.deepEqual(await settled(), tens(5001, 9000));
    looked.receive(lines(9001, 11_000), true);
    assert.deepEqual(await settled(), tens(6001, 11_000));
    looked.prepend(lines(5001, 6000), false);
    assert.deepEqual(await settled(), tens(5001, 10_000));
    looked.jumpToEnd();
    assert.deepEqual(
        await settled(),
        numbersOf(looked).filter((n) => n % 10 === 0),
    );
    assert.equal(window.entries.length, 0);
});

test('a filter hides lines but never notes', async () => {
    let shown = null;
    const window = new LogWindow({
        linesMax: 100,
        onBefore: () => {},
        onChange: (change) => shown?.update(change),
    });
    shown = new Shown(window, { before() {}, list() {}, grown() {}, matches() {}, error() {} });
    window.replace(
        [
            line(1, 'apple'),
            new Note('gap', 'Lines are missing'),
            line(2, 'pear'),
            line(3, 'APPLE pie'),
        ],
        'e-3',
        { attached: true },
    );
    // It works in slices of a few ms, which a busy machine uses up.
    const shows = (...wanted) =>
        until(
            () =>
                isDeepStrictEqual(
                    shown.list.map((e) => e.data ?? e.note),
                    wanted,
                ),
            `the lines ${wanted}`,
        );
    const matches = (count) => until(() => shown.matches.length === count, `${count} matches`);
    shown.setFilter({ text: 'apple' });
    await shows('apple', 'Lines are missing', 'APPLE pie');
    window.receive([line(4, 'an apple'), line(5, 'plum')], true);
    await shows('apple', 'Lines are missing', 'APPLE pie', 'an apple');
    shown.setQuery({ text: 'pie' });
    await matches(1);
    shown.setFilter({ text: 'apple', invert: true });
    await shows('Lines are missing', 'pear', 'plum');
    await matches(0);
    shown.setFilter({ text: '', levels: ['error'] });
    await shows('Lines are missing');
    shown.setFilter(null);
    assert.equal(shown.list.length, 6);
});
