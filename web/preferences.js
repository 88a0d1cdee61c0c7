// SPDX-License-Identifier: MIT
// How this reader likes things: kept by the browser where it is allowed to, else for as long as the
// page lives.

const PREFIX = 'tailrace.';
/** @type {Map<string, string>} */
const here = new Map();

/**
 * @param {string} name
 * @param {string} otherwise
 */
export function preference(name, otherwise) {
    const known = here.get(name);
    if (known !== undefined) return known;
    try {
        return localStorage.getItem(PREFIX + name) ?? otherwise;
    } catch {
        return otherwise; // storage is switched off
    }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function setPreference(name, value) {
    here.set(name, value);
    try {
        localStorage.setItem(PREFIX + name, value);
    } catch {
        // Storage is switched off or full.
    }
}
