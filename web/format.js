// SPDX-License-Identifier: MIT
// Numbers as people read them. No page, no state. Times are in kit/status-time.js.

/**
 * "1 new line", "2,048 new lines".
 * @param {number} count
 * @param {string} one
 */
export function countText(count, one, many = `${one}s`) {
    return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
