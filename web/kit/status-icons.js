// SPDX-License-Identifier: MIT
// Signs for the classes of statuses, drawn on a 16 × 16 grid with the colour of the text around
// them. Each has a shape of its own, so that none is told from another by colour alone.
import { svg } from './dom.js';

const DISC = 'M8 1.2a6.8 6.8 0 1 1 0 13.6a6.8 6.8 0 1 1 0-13.6z';
const HOURGLASS = 'M4 1.8h8M4 14.2h8M4.8 1.8v2.4L8 8l3.2-3.8V1.8M4.8 14.2v-2.4L8 8l3.2 3.8v2.4';

// A status that needs attention is a filled shape with the sign cut out; the rest are outlines.
// [path, whether it is filled]
/** @satisfies {Record<string, [string, boolean]>} */
const PATHS = {
    good: [`${DISC}M5 8.3l2.1 2.1L11 6.1`, false],
    busy: [`${DISC}M6.5 5.2v5.6L11 8z`, false],
    wait: [`${DISC}M8 4.6V8l2.3 1.6`, false],
    other: [`${DISC}M8 7.2a.8.8 0 1 1 0 1.6a.8.8 0 1 1 0-1.6z`, false],
    stale: [HOURGLASS, false],
    warn: [
        'M8 .9a1.2 1.2 0 0 1 1.05.6l6.1 11.3a1.2 1.2 0 0 1-1.05 1.8H1.9a1.2 1.2 0 0 1-1.05-1.8' +
            'L6.95 1.5A1.2 1.2 0 0 1 8 .9z' +
            'M7.1 5.4l.25 4.4h1.3l.25-4.4zM8 11a1 1 0 1 0 0 2a1 1 0 1 0 0-2z',
        true,
    ],
    bad: [
        `${DISC}M5.9 4.7L4.7 5.9L6.8 8l-2.1 2.1l1.2 1.2L8 9.2l2.1 2.1l1.2-1.2L9.2 8l2.1-2.1l-1.2-1.2L8 6.8z`,
        true,
    ],
    link: [
        'M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7l-.8.8' +
            'M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.2 9.1a2.6 2.6 0 0 0 3.7 3.7l.8-.8',
        false,
    ],
    fold: ['M4.5 6.2L8 9.8l3.5-3.6', false],
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * @param {IconName} name
 * @param {string} [className]
 */
export function icon(name, className = 'icon') {
    const [d, filled] = PATHS[name];
    return svg(
        'svg',
        { class: className, viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
        svg(
            'path',
            filled
                ? { d, fill: 'currentColor', 'fill-rule': 'evenodd' }
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

/**
 * The same sign as the address of a picture, in a colour: for a favicon, readable at 16 pixels.
 * @param {IconName} name
 * @param {string} colour
 */
export function iconAddress(name, colour) {
    const [d, filled] = PATHS[name];
    const paint = filled
        ? `fill="${colour}" fill-rule="evenodd"`
        : `fill="none" stroke="${colour}" stroke-width="1.9" ` +
          'stroke-linecap="round" stroke-linejoin="round"';
    const picture =
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">' +
        `<path d="${d}" ${paint}/></svg>`;
    return `data:image/svg+xml,${encodeURIComponent(picture)}`;
}
