// SPDX-License-Identifier: MIT
// What is around the rows: the elements that are always there.
import { luminance } from './ansi.js';

function make(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
}

export function buildFrame(root) {
    const headText = make('span', {});
    const again = make('button', { type: 'button', class: 'again', hidden: '' });
    const probe = make('span', { class: 'probe', 'aria-hidden': 'true' }, 'xxxxxxxxxx');
    const block = make('div', { class: 'rows', role: 'list' });
    const sizer = make(
        'div',
        { class: 'sizer' },
        make('div', { class: 'head-note' }, headText, again),
        block,
    );
    const scroller = make(
        'div',
        { class: 'scroller', part: 'scroller', role: 'log', 'aria-live': 'off', tabindex: '0' },
        sizer,
    );
    const columns = make('div', { class: 'columns', part: 'head', hidden: '' });
    const chip = make('button', { type: 'button', class: 'chip', part: 'chip', hidden: '' });
    const state = make('div', { class: 'state', part: 'state', hidden: '' });
    const none = make('div', { class: 'empty', part: 'empty', hidden: '' });
    const said = make('div', { class: 'said', role: 'status' });
    const frame = make(
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

// The names of the pinned fields, over their cells.
export function drawColumns(node, { columns, tags, timeMode }) {
    node.hidden = columns.length === 0;
    node.replaceChildren();
    if (node.hidden) return;
    const cells = columns.map((name) => {
        const unpin = make(
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
        return make('span', { class: 'log-cell', title: name }, make('span', {}, name), unpin);
    });
    const before = [];
    if (timeMode !== 'none') before.push(make('span', { class: 'log-time' }, 'time'));
    if (tags) before.push(make('span', { class: 'log-tag' }, 'topic'));
    node.replaceChildren(
        ...before,
        ...cells,
        make('span', { class: 'log-fold' }),
        make('span', {}, 'line'),
    );
}

// True when what is behind the text is dark.
export function schemeOf(node) {
    const canvas = (schemeOf.canvas ??= Object.assign(document.createElement('canvas'), {
        width: 1,
        height: 1,
    }));
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.fillStyle = '#fff';
    context.fillStyle = getComputedStyle(node).backgroundColor;
    context.fillRect(0, 0, 1, 1);
    return luminance([...context.getImageData(0, 0, 1, 1).data]) < 0.18;
}
