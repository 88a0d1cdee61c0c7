// SPDX-License-Identifier: MIT
// How this reader likes things: kept by the browser where it may, else for as long as the page lives.

const PREFIX = 'tailrace.';
const here = new Map();

export function preference(name, otherwise) {
    if (here.has(name)) return here.get(name);
    try {
        return localStorage.getItem(PREFIX + name) ?? otherwise;
    } catch {
        return otherwise; // storage is switched off
    }
}

export function setPreference(name, value) {
    here.set(name, value);
    try {
        localStorage.setItem(PREFIX + name, value);
    } catch {
        // Storage is switched off or full.
    }
}
