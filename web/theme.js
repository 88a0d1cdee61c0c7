// SPDX-License-Identifier: MIT
// Light, dark, or as the reader's system has it. Loaded before the page is drawn, so that no wrong
// colours flash up.
import { preference, setPreference } from './preferences.js';

/** @typedef {'auto' | 'light' | 'dark'} Theme */

/** @type {Theme[]} */
export const THEMES = ['auto', 'light', 'dark'];

/** @returns {Theme} */
export function theme() {
    const chosen = preference('theme', 'auto');
    return THEMES.find((name) => name === chosen) ?? 'auto';
}

/** @param {string} chosen */
export function setTheme(chosen) {
    setPreference('theme', chosen);
    apply();
}

function apply() {
    const chosen = theme();
    if (chosen === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
}

apply();
