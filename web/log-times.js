// SPDX-License-Identifier: MIT
// The viewer's panel of times: which part of the time is shown, and going to a moment.
import { el } from '../kit/dom.js';
import { readMoment } from './moments.js';

/** @import { Range } from './address.js' */

/** @type {[from: string, word: string][]} */
const RANGES = [
    ['5m', 'last 5 min'],
    ['15m', 'last 15 min'],
    ['1h', 'last hour'],
    ['24h', 'last 24 hours'],
];
const EXAMPLES = '03:12, 2026-11-27 03:12, 15m';

/**
 * "last 15 min", "03:12 to 04:00", "from 03:12"; '' for all.
 * @param {Range} range
 */
export function rangeText({ from, to }) {
    const known = RANGES.find(([value]) => value === from);
    if (known && !to) return known[1];
    if (from && to) return `${from} to ${to}`;
    return from ? `from ${from}` : to && `until ${to}`;
}

/**
 * The range as moments; undefined where there is no end.
 * @param {Range} range
 * @param {boolean} utc
 */
export function rangeOf({ from, to }, utc) {
    const read = (/** @type {string} */ text) =>
        (text ? readMoment(text, { utc }) : null) ?? undefined;
    return { from: read(from), to: read(to) };
}

/**
 * Fills the panel.
 * @param {HTMLElement} panel
 * @param {object} options
 * @param {Range} options.range
 * @param {boolean} options.utc
 * @param {boolean} options.drawn whether the histogram is
 * @param {(range: Range) => void} options.choose
 * @param {(moment: number) => void} options.jump
 * @param {(drawn: boolean) => void} options.draw
 */
export function buildTimes(panel, { range, utc, drawn, choose, jump, draw }) {
    const field = (/** @type {string} */ name, /** @type {string} */ label, value = '') => {
        const input = el('input', {
            type: 'text',
            name,
            value,
            placeholder: EXAMPLES,
            autocomplete: 'off',
            spellcheck: 'false',
        });
        return { input, row: el('label', { class: 'moment' }, label, input) };
    };
    const read = (/** @type {HTMLInputElement} */ input) => {
        const moment = readMoment(input.value, { utc });
        input.setAttribute('aria-invalid', String(input.value.trim() !== '' && moment === null));
        return moment;
    };
    const from = field('from', 'From', range.from);
    const to = field('to', 'Until', range.to);
    const goal = field('goal', 'Time');
    const isGood = (/** @type {HTMLInputElement} */ input) =>
        read(input) !== null || input.value.trim() === '';
    const chosen = (/** @type {Range} */ next) => {
        from.input.value = next.from;
        to.input.value = next.to;
        choose(next);
    };
    const choice = (/** @type {string} */ word, /** @type {Range} */ next) =>
        el('button', { type: 'button', class: 'plain', onclick: () => chosen(next) }, word);
    const box = el('input', { type: 'checkbox', name: 'histogram' });
    box.checked = drawn;
    box.addEventListener('change', () => draw(box.checked));
    panel.append(
        el('h2', {}, 'Only lines of'),
        el(
            'div',
            { class: 'choices' },
            ...RANGES.map(([value, word]) => choice(word, { from: value, to: '' })),
            choice('all times', { from: '', to: '' }),
        ),
        el(
            'form',
            {
                onsubmit: (event) => {
                    event.preventDefault();
                    const isReady = [isGood(from.input), isGood(to.input)].every(Boolean);
                    if (isReady)
                        choose({ from: from.input.value.trim(), to: to.input.value.trim() });
                },
            },
            from.row,
            to.row,
            el('button', { type: 'submit', class: 'plain' }, 'Show these'),
        ),
        el('h2', {}, 'Go to'),
        el(
            'form',
            {
                onsubmit: (event) => {
                    event.preventDefault();
                    const moment = read(goal.input);
                    if (moment !== null) jump(moment);
                },
            },
            goal.row,
            el('button', { type: 'submit', class: 'plain', id: 'jump' }, 'Go to this time'),
        ),
        el('label', { class: 'choice' }, box, 'Lines and errors over time (h)'),
        el(
            'p',
            { class: 'quiet' },
            `Times are ${utc ? 'UTC' : 'local'} where nothing else is said, and those of the ` +
                'lines themselves where they have some. Older lines are loaded as far as memory ' +
                'allows.',
        ),
    );
}
