// SPDX-License-Identifier: MIT
// The small signs of the page, drawn on a 16 × 16 grid with the colour of the text around them.
// Each has a shape of its own: none is told from another by colour alone.
import { svg } from '../kit/dom.js';

const DISC = 'M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13z';

/**
 * By name: the path, and whether it is filled.
 * @satisfies {Record<string, [string, boolean?]>}
 */
const PATHS = {
    // connections
    check: [`${DISC}M5 8.3l2.1 2.1L11 6.3`],
    cross: [`${DISC}M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6`],
    turn: [
        'M13.3 6.2A5.8 5.8 0 0 0 2.6 6M2.7 9.8A5.8 5.8 0 0 0 13.4 10M13.6 2.6v3.7H9.9M2.4 13.4V9.7h3.7',
    ],
    dots: [
        'M3 7a1 1 0 1 1 0 2a1 1 0 1 1 0-2zM8 7a1 1 0 1 1 0 2a1 1 0 1 1 0-2zM13 7a1 1 0 1 1 0 2a1 1 0 1 1 0-2z',
        true,
    ],
    flag: ['M3.5 14.5v-13M3.5 2.5h9l-2 3l2 3h-9'],
    lock: ['M3.5 7.5h9v6.5h-9zM5.3 7.5V5a2.7 2.7 0 0 1 5.4 0v2.5'],
    stop: ['M3.5 3.5h9v9h-9z'],
    // the page
    sun: [
        'M8 5a3 3 0 1 1 0 6a3 3 0 1 1 0-6zM8 1v1.4M8 13.6V15M1 8h1.4M13.6 8H15M3.1 3.1l1 1M11.9 11.9l1 1M12.9 3.1l-1 1M4.1 11.9l-1 1',
    ],
    moon: ['M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1z'],
    auto: [`${DISC}M8 1.5v13M8 4h4.8M8 6.7h6.3M8 9.4h6.3M8 12h4.8`],
    keys: [`${DISC}M6.2 6.3a1.8 1.8 0 1 1 2.7 1.6c-.6.3-.9.7-.9 1.3M8 11.4v.1`],
    send: ['M8 13.5v-11M3.7 6.6L8 2.3l4.3 4.3'],
    side: ['M2 3h12v10H2zM6.3 3v10'],
    screen: ['M2 3h12v8.5H2zM5.5 14h5'],
    bell: ['M3 11.5c1-1 1.3-2 1.3-4.3a3.7 3.7 0 0 1 7.4 0c0 2.3.3 3.3 1.3 4.3zM6.5 13.9h3M8 3.5V2'],
    // the viewer
    search: ['M7 2.2a4.8 4.8 0 1 1 0 9.6a4.8 4.8 0 1 1 0-9.6zM10.6 10.6L14 14'],
    stored: [
        'M3 4c0-1.1 2.2-2 5-2s5 .9 5 2s-2.2 2-5 2s-5-.9-5-2zM3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2',
    ],
    filter: ['M2 3.5h12M4.5 8h7M6.8 12.5h2.4'],
    up: ['M3.5 10L8 5.5l4.5 4.5'],
    down: ['M3.5 6L8 10.5L12.5 6'],
    end: ['M3.8 3.2L8 7.4l4.2-4.2M3.8 8.4L8 12.6l4.2-4.2'],
    pause: ['M4.2 2.8h2.6v10.4H4.2zM9.2 2.8h2.6v10.4H9.2z', true],
    play: ['M4.5 2.5v11L13 8z', true],
    close: ['M4 4l8 8M12 4l-8 8'],
    plus: ['M8 3v10M3 8h10'],
    tick: ['M3 8.5l3.4 3.4L13 4.8'],
    sliders: ['M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6M10 2.8v3.4M6 9.8v3.4'],
    clock: ['M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13zM8 4.5V8l2.5 1.8'],
    levels: ['M2.5 12.5h2M7 12.5v-5h2v5zM11.5 12.5v-9h2v9z'],
    copy: ['M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3'],
    link: [
        'M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2.4-2.4a2.6 2.6 0 0 0-3.7-3.7l-.8.8M9.3 6.7a2.6 2.6 0 0 0-3.7 0L3.2 9.1a2.6 2.6 0 0 0 3.7 3.7l.8-.8',
    ],
    download: ['M8 2v8M4.5 6.7L8 10.2l3.5-3.5M2.5 13.5h11'],
    merge: ['M2.5 3.5h11M2.5 6.5h11M2.5 9.5h11M2.5 12.5h11'],
    split: ['M2 3h5v10H2zM9 3h5v10H9z'],
};

/** @typedef {keyof typeof PATHS} IconName */

/** @param {IconName} name */
export function icon(name) {
    /** @type {[string, boolean?]} */
    const [d, filled] = PATHS[name];
    return svg(
        'svg',
        {
            class: `icon icon-${name}`,
            viewBox: '0 0 16 16',
            'aria-hidden': 'true',
            focusable: 'false',
        },
        svg(
            'path',
            filled
                ? { d, fill: 'currentColor' }
                : {
                      d,
                      fill: 'none',
                      stroke: 'currentColor',
                      'stroke-width': '1.5',
                      'stroke-linecap': 'round',
                      'stroke-linejoin': 'round',
                  },
        ),
    );
}
