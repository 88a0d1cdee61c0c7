// SPDX-License-Identifier: MIT
// The small signs for states and words, drawn on a 16 × 16 grid with the colour of the text around them.
// Each has a shape of its own: none is told from another by colour alone.
import { svg } from './dom.js';

const DISC = 'M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13z';

// name: [path, filled]
const PATHS = {
    check: [`${DISC}M5 8.3l2.1 2.1L11 6.3`, false],
    cross: [`${DISC}M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6`, false],
    warn: ['M8 2L1.7 13.5h12.6zM8 6.3v3.2M8 11.4v.3', false],
    clock: [`${DISC}M8 4.6V8l2.4 1.6`, false],
    play: ['M4.5 2.5v11L13 8z', true],
    dash: [`${DISC}M5 8h6`, false],
    dot: ['M8 4.5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 1 1 0-7z', true],
    turn: ['M13.3 6.2A5.8 5.8 0 0 0 2.6 6M2.7 9.8A5.8 5.8 0 0 0 13.4 10M13.6 2.6v3.7H9.9M2.4 13.4V9.7h3.7', false],
    dots: ['M3 7a1 1 0 1 1 0 2a1 1 0 1 1 0-2zM8 7a1 1 0 1 1 0 2a1 1 0 1 1 0-2zM13 7a1 1 0 1 1 0 2a1 1 0 1 1 0-2z', true],
    flag: ['M3.5 14.5v-13M3.5 2.5h9l-2 3l2 3h-9', false],
    lock: ['M3.5 7.5h9v6.5h-9zM5.3 7.5V5a2.7 2.7 0 0 1 5.4 0v2.5', false],
    stop: ['M3.5 3.5h9v9h-9z', true],
};

export function icon(name) {
    const [d, filled] = PATHS[name];
    return svg('svg', { class: `icon icon-${name}`, viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
        svg('path', filled ? { d, fill: 'currentColor' } : {
            d, fill: 'none', stroke: 'currentColor', 'stroke-width': '1.7', 'stroke-linecap': 'round', 'stroke-linejoin': 'round',
        }));
}
