// SPDX-License-Identifier: MIT
// What is around the rows: the elements that are always there.
import { luminance } from './ansi.js';
import { el, setText } from './dom.js';

/** @typedef {ReturnType<typeof buildFrame>} Parts */

const PROBE = 'xxxxxxxxxx'; // its size is measured
const GUTTER_PX = 120; // before the text, as long as there is no row
const PADDING_PX = 12;

/** @param {ShadowRoot} root */
export function buildFrame(root) {
    const headText = el('span', {});
    const again = el('button', { type: 'button', class: 'again', hidden: true });
    const probe = el('span', { class: 'probe', 'aria-hidden': 'true' }, PROBE);
    const block = el('div', { class: 'rows', role: 'list' });
    const sizer = el(
        'div',
        { class: 'sizer' },
        el('div', { class: 'head-note' }, headText, again),
        block,
    );
    const scroller = el(
        'div',
        { class: 'scroller', part: 'scroller', role: 'log', 'aria-live': 'off', tabindex: '0' },
        sizer,
    );
    const columns = el('div', { class: 'columns', part: 'head', hidden: true });
    const chip = el('button', { type: 'button', class: 'chip', part: 'chip', hidden: true });
    const state = el('div', { class: 'state', part: 'state', hidden: true });
    const none = el('div', { class: 'empty', part: 'empty', hidden: true });
    const said = el('div', { class: 'said', role: 'status' });
    const frame = el(
        'div',
        { class: 'frame light', part: 'frame' },
        columns,
        scroller,
        probe,
        none,
        state,
        chip,
        said,
    );
    root.append(frame);
    return {
        frame,
        columns,
        scroller,
        sizer,
        block,
        probe,
        chip,
        state,
        none,
        said,
        headText,
        again,
    };
}

/**
 * The names of the pinned fields, over their cells.
 * @param {HTMLElement} node
 * @param {{ columns: readonly string[], tags: boolean, timeMode: string }} view
 */
export function drawColumns(node, { columns, tags, timeMode }) {
    node.hidden = columns.length === 0;
    node.replaceChildren();
    if (node.hidden) return;
    const cells = columns.map((name) => {
        const unpin = el(
            'button',
            {
                type: 'button',
                class: 'unpin',
                'data-field': name,
                'aria-label': `Unpin ${name}`,
                title: `Unpin ${name}`,
            },
            '✕',
        );
        return el('span', { class: 'log-cell', title: name }, el('span', {}, name), unpin);
    });
    /** @type {HTMLElement[]} */
    const before = [];
    if (timeMode !== 'none') before.push(el('span', { class: 'log-time' }, 'time'));
    if (tags) before.push(el('span', { class: 'log-tag' }, 'topic'));
    node.replaceChildren(
        ...before,
        ...cells,
        el('span', { class: 'log-fold' }),
        el('span', {}, 'line'),
    );
}

/** @type {CanvasRenderingContext2D | null | undefined} */
let pixel; // the one of a canvas of that size

/**
 * Whether the ground behind the text is dark.
 * @param {Element} node
 */
function isDark(node) {
    if (pixel === undefined) {
        const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
        pixel = canvas.getContext('2d', { willReadFrequently: true });
    }
    if (!pixel) return false;
    pixel.fillStyle = '#fff';
    pixel.fillStyle = getComputedStyle(node).backgroundColor;
    pixel.fillRect(0, 0, 1, 1);
    return luminance([...pixel.getImageData(0, 0, 1, 1).data]) < 0.18;
}

/**
 * Gives the frame the class dark or light, as the ground is, until the signal.
 * @param {Element} element
 * @param {Element} frame
 * @param {AbortSignal} signal
 */
export function watchScheme(element, frame, signal) {
    const look = () => {
        const dark = isDark(element);
        frame.classList.toggle('dark', dark);
        frame.classList.toggle('light', !dark);
    };
    look();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', look, { signal });
    const changes = new MutationObserver(look);
    const options = { attributes: true, attributeFilter: ['class', 'style', 'data-theme'] };
    changes.observe(document.documentElement, options);
    changes.observe(element, options);
    window.addEventListener('load', look, { signal });
    signal.addEventListener('abort', () => changes.disconnect());
}

/**
 * What is above the first line: that it is the first of all, or how older ones come.
 * @param {Parts} parts
 * @param {{ isEmpty: boolean, isBegin: boolean, isLoading: boolean, error: string | null }} window
 */
export function drawHead({ headText, again }, { isEmpty, isBegin, isLoading, error }) {
    let text = '';
    let button = '';
    if (isEmpty) text = '';
    else if (isBegin) text = 'The beginning: nothing older is kept.';
    else if (isLoading) text = 'Loading older lines …';
    else if (error) [text, button] = [`Older lines could not be loaded: ${error}`, 'Try again'];
    else button = 'Load older lines';
    setText(headText, text);
    again.hidden = !button;
    setText(again, button);
}

/**
 * The button that leads to the newest lines.
 * @param {HTMLElement} chip
 * @param {{ isHidden: boolean, isPaused: boolean, unseen: number }} state
 */
export function drawChip(chip, { isHidden, isPaused, unseen }) {
    chip.hidden = isHidden;
    const lines = unseen === 1 ? '1 new line' : `${unseen.toLocaleString('en')} new lines`;
    let text = unseen ? `↓ ${lines}` : '↓ Newest lines';
    if (isPaused) text = unseen ? `▶ Paused · ${lines}` : '▶ Paused';
    chip.classList.toggle('quiet', !unseen);
    setText(chip, text);
}

/** @type {Record<string, string>} */
const TROUBLES = {
    connecting: 'Connecting …',
    reconnecting: 'Reconnecting …',
    offline: 'Offline',
    refused: 'Refused',
};

/**
 * The connection, while it is not well.
 * @param {HTMLElement} node
 * @param {string} state
 * @param {string} [reason]
 */
export function drawState(node, state, reason) {
    const text = TROUBLES[state] ? [TROUBLES[state], reason].filter(Boolean).join(' ') : '';
    node.hidden = !text || (state === 'connecting' && !reason);
    node.classList.toggle('bad', state === 'refused');
    setText(node, text);
}

/**
 * The height of a row of one line, and how many characters fit in a line of text.
 * @param {Parts} parts
 */
export function measure({ scroller, probe, block }) {
    const { height, width } = probe.getBoundingClientRect();
    const text = block.querySelector('.log-text');
    const gutter = text
        ? text.getBoundingClientRect().left - block.getBoundingClientRect().left
        : GUTTER_PX;
    const columns = (scroller.clientWidth - gutter - PADDING_PX) / (width / PROBE.length || 8);
    return { rowPx: height, columns: Math.floor(columns) };
}

/**
 * Rows whose text goes on below what is shown of it get the class clamped. Whether any has changed,
 * and with it its height.
 * @param {Iterable<HTMLElement>} rows
 */
export function markClamped(rows) {
    let changed = false;
    for (const row of rows) {
        const folded = row.classList.contains('folded');
        const text = folded ? row.querySelector('.log-text') : null;
        const main = folded ? row.querySelector('.log-main') : null;
        const clamped = isClamped(text) || isClamped(main);
        if (clamped === row.classList.contains('clamped')) continue;
        row.classList.toggle('clamped', clamped);
        changed = true;
    }
    return changed;
}

/** @param {Element | null} node */
function isClamped(node) {
    return node !== null && node.clientHeight > 0 && node.scrollHeight > node.clientHeight + 2;
}
