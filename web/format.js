// SPDX-License-Identifier: MIT
// Numbers and errors as people read them. No page, no state. Times are in kit/status-time.js.

/**
 * "1 new line", "2,048 new lines".
 * @param {number} count
 * @param {string} one
 */
export function countText(count, one, many = `${one}s`) {
    return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** @param {unknown} error */
export function messageOf(error) {
    return error instanceof Error ? error.message : String(error);
}
