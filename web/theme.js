// SPDX-License-Identifier: MIT
// Light, dark, or as the reader's system has it. Loaded before the page is drawn, so that no wrong one flashes up.
import { preference, setPreference } from './preferences.js';

export const THEMES = ['auto', 'light', 'dark'];

export function theme() {
    const chosen = preference('theme', 'auto');
    return THEMES.includes(chosen) ? chosen : 'auto';
}

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
