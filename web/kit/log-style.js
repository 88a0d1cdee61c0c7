// SPDX-License-Identifier: MIT
// How <live-log> looks: one sheet for all elements of a page. Its colours come from --live-…, from
// the page's own --ground, --ink …, or from defaults for the scheme: .frame has the class light or
// dark, by the brightness of the ground.
import { tagColors } from './log-time.js';

const css = String.raw; // the formatter knows CSS by this name

const color = (/** @type {string} */ selector, /** @type {string} */ value) =>
    `${selector} { color: ${value}; }\n`;

const TAGS = tagColors()
    .map(([light, dark], i) => color(`.light .tag-${i}`, light) + color(`.dark .tag-${i}`, dark))
    .join('');

// The theme's own sixteen: readable (4.5 to 1 and more) as text on its ground.
const ANSI = {
    light: [
        '#24292f',
        '#c02020',
        '#11703a',
        '#8a5a00',
        '#1458c8',
        '#8b2fa8',
        '#0b6d7c',
        '#5b6370',
        '#6a7280',
        '#d32f2f',
        '#167d3f',
        '#946200',
        '#2166dd',
        '#9c3cbb',
        '#0b7487',
        '#3c434d',
    ],
    dark: [
        '#8b93a1',
        '#ff8080',
        '#7bd88f',
        '#e5c07b',
        '#82aaff',
        '#d6a0f0',
        '#6fd3e0',
        '#d7dae0',
        '#a2aab8',
        '#ff9b9b',
        '#98e6aa',
        '#f2d58f',
        '#a3c1ff',
        '#e5bcf7',
        '#96e4ee',
        '#ffffff',
    ],
};
const COLOURS = Object.entries(ANSI)
    .flatMap(([scheme, colours]) =>
        colours.map((own, i) => color(`.${scheme} .fg-${i}`, `var(--live-ansi-${i}, ${own})`)),
    )
    .join('');

const TEXT = css`
    :host {
        --_ground: var(--live-ground, var(--ground, Canvas));
        display: block;
        height: 20rem;
        min-height: 0;
        contain: content;
        background: var(--_ground);
        border-radius: var(--live-radius, 0);
    }
    :host([hidden]) {
        display: none;
    }
    .frame {
        --_size: var(--live-font-size, 13px);
        position: relative;
        display: flex;
        flex-direction: column;
        box-sizing: border-box;
        height: 100%;
        overflow: hidden;
        color: var(--_ink);
        border-radius: inherit;
        font: var(--_size)/var(--live-row-height, 1.54)
            var(
                --live-font,
                var(
                    --mono,
                    ui-monospace,
                    'Cascadia Mono',
                    'DejaVu Sans Mono',
                    Menlo,
                    Consolas,
                    monospace
                )
            );
        font-variant-ligatures: none;
        tab-size: 4;
        container-type: inline-size;
    }
    .light {
        color-scheme: light;
        --_ink: var(--live-ink, var(--ink, #1f2328));
        --_muted: var(--live-muted, var(--muted, #626b78));
        --_line: var(--live-line, var(--line, #d9dde3));
        --_accent: var(--live-accent, var(--accent, #2458d3));
        --_surface: var(--live-surface, var(--surface, #f3f5f8));
        --_bad: var(--live-bad, var(--bad, #c02020));
        --_warn: var(--live-warn, var(--warn, #9a6700));
        --_ok: var(--live-ok, var(--ok, #11703a));
        --_mark: var(--live-mark, #ffe58a);
        --_mark-ink: var(--live-mark-ink, #1f2328);
        --_current: #ffb84d;
        --_hover: rgb(20 30 60 / 5%);
    }
    .dark {
        color-scheme: dark;
        --_ink: var(--live-ink, var(--ink, #dfe3ea));
        --_muted: var(--live-muted, var(--muted, #949dad));
        --_line: var(--live-line, var(--line, #343a46));
        --_accent: var(--live-accent, var(--accent, #86aeff));
        --_surface: var(--live-surface, var(--surface, #22262e));
        --_bad: var(--live-bad, var(--bad, #ff8080));
        --_warn: var(--live-warn, var(--warn, #e5b95c));
        --_ok: var(--live-ok, var(--ok, #7bd88f));
        --_mark: var(--live-mark, #6b5710);
        --_mark-ink: var(--live-mark-ink, #fff6d6);
        --_current: #b3670b;
        --_hover: rgb(255 255 255 / 5%);
    }
    .scroller {
        position: relative;
        flex: 1;
        min-height: 0;
        overflow: auto;
        overscroll-behavior: contain;
        outline: none;
    }
    .frame:has(.scroller:focus-visible)::after {
        content: '';
        position: absolute;
        inset: 0;
        border: 2px solid var(--_accent);
        border-radius: inherit;
        pointer-events: none;
        z-index: 3;
    }
    .sizer {
        position: relative;
        min-width: 100%;
    }
    .rows {
        position: absolute;
        left: 0;
        min-width: 100%;
        width: max-content;
    }
    .wrap .rows {
        width: 100%;
    }
    .log-line,
    .log-note {
        box-sizing: border-box;
        border-left: 3px solid transparent;
        padding: 0 12px 0 9px;
    }
    .log-main {
        display: flex;
        column-gap: 1.5ch;
        align-items: flex-start;
        min-height: 1lh;
    }
    .log-line:hover {
        background: var(--_hover);
    }
    .log-time,
    .log-tag,
    .log-cell,
    .log-fold {
        flex: none;
        user-select: none;
        -webkit-user-select: none;
    }
    .log-time {
        min-width: 12ch;
        color: var(--_muted);
        white-space: pre;
        font-variant-numeric: tabular-nums;
    }
    .log-time.arrival {
        font-style: italic;
    }
    .relative .log-time {
        min-width: 10ch;
        text-align: right;
    }
    .log-tag {
        width: var(--tag-width, 8ch);
        overflow: hidden;
        direction: rtl;
        text-align: left;
        text-overflow: ellipsis;
        white-space: pre;
    }
    .log-tag-name {
        direction: ltr;
        unicode-bidi: isolate;
    }
    .log-cell {
        width: var(--live-column-width, 18ch);
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: pre;
    }
    .log-fold {
        width: 1.6ch;
        height: 1lh;
        margin-inline: -1ch -0.9ch;
        padding: 0;
        border: 0;
        background: none;
        color: var(--_muted);
        font: inherit;
    }
    .log-fold {
        cursor: pointer;
    }
    .log-line:not(.clamped, .open) .log-fold.idle {
        visibility: hidden;
    }
    .log-main .log-fold::before {
        content: '';
        display: inline-block;
        border: 4px solid transparent;
        border-left: 6px solid currentcolor;
        border-right: 0;
    }
    .open .log-fold::before {
        border: 4px solid transparent;
        border-top: 6px solid currentcolor;
        border-bottom: 0;
    }
    .log-text {
        white-space: pre;
        unicode-bidi: isolate;
        min-width: 0;
    }
    .wrap .log-text,
    .open .log-text {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        flex: 1;
    }
    .log-level {
        flex: none;
        min-width: 5ch;
        color: var(--_muted);
        user-select: none;
        -webkit-user-select: none;
    }
    [data-level='fatal'] .log-level,
    [data-level='error'] .log-level {
        color: var(--_bad);
        font-weight: 700;
    }
    [data-level='warn'] .log-level {
        color: var(--_warn);
    }
    .folded .log-text {
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 3;
        line-clamp: 3;
        overflow: hidden;
    }
    .clamped .log-main {
        border-bottom: 1px dotted var(--_muted);
    }
    .log-cut {
        display: flex;
        flex-direction: column;
        align-items: flex-start;
        min-width: 0;
    }
    .wrap .log-cut,
    .open .log-cut {
        flex: 1;
    }
    .log-more,
    .again {
        margin: 2px 0;
        padding: 1px 10px;
        border: 1px solid var(--_line);
        border-radius: 99px;
        background: var(--_surface);
        color: var(--_accent);
        font: inherit;
        font-size: 0.92em;
        cursor: pointer;
        user-select: none;
        -webkit-user-select: none;
    }
    .log-cut .log-more {
        position: sticky;
        left: 12px;
    }
    .open {
        width: var(--view-width);
        background: var(--_hover);
    }
    .probe {
        position: absolute;
        visibility: hidden;
        pointer-events: none;
    }
    .kept {
        position: absolute;
        height: 0;
        overflow: hidden;
        opacity: 0;
        pointer-events: none;
    }

    .log-line[data-level='fatal'],
    .log-line[data-level='error'] {
        border-left-color: var(--_bad);
    }
    .log-line[data-level='fatal'] {
        background: color-mix(in srgb, var(--_bad) 18%, transparent);
    }
    .log-line[data-level='error'] {
        background: color-mix(in srgb, var(--_bad) 9%, transparent);
    }
    .log-line[data-level='warn'] {
        border-left-color: var(--_warn);
        background: color-mix(in srgb, var(--_warn) 8%, transparent);
    }
    .log-line[data-level='info'] {
        border-left-color: color-mix(in srgb, var(--_ok) 60%, transparent);
    }
    .log-line[data-level='debug'] .log-text,
    .log-line[data-level='trace'] .log-text {
        color: var(--_muted);
    }
    .log-line.selected {
        background: color-mix(in srgb, var(--_accent) 20%, transparent);
        box-shadow: inset 3px 0 var(--_accent);
    }

    .log-note {
        margin: 0;
        padding-block: 4px;
        color: var(--_muted);
        font-style: italic;
        position: sticky;
        left: 0;
        max-width: var(--view-width);
        white-space: pre-wrap;
        border-block: 1px dashed var(--_line);
    }
    .log-note-gap {
        color: var(--_warn);
        border-block-color: currentcolor;
    }
    .log-note-gap::before {
        content: '⚠ ';
        font-style: normal;
    }
    .log-note-closed::before {
        content: '■ ';
        font-style: normal;
    }

    .head-note {
        position: absolute;
        left: 0;
        top: 0;
        width: var(--view-width);
        height: 34px;
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 1ch;
        color: var(--_muted);
        font-size: 0.92em;
        user-select: none;
        -webkit-user-select: none;
    }
    .columns {
        display: flex;
        column-gap: 1.5ch;
        flex: none;
        padding: 3px 12px;
        border-bottom: 1px solid var(--_line);
        background: var(--_surface);
        color: var(--_muted);
        overflow: hidden;
        white-space: pre;
        font-size: var(--_size);
    }
    .columns[hidden] {
        display: none;
    }
    .columns .log-cell {
        display: flex;
        justify-content: space-between;
        color: var(--_ink);
        font-weight: 600;
    }
    .columns .log-cell span {
        overflow: hidden;
        text-overflow: ellipsis;
    }
    .columns .log-tag {
        direction: ltr;
    }
    .unpin {
        border: 0;
        background: none;
        color: var(--_muted);
        font: inherit;
        line-height: 1;
        cursor: pointer;
        padding: 0 4px;
        border-radius: 4px;
    }
    .unpin:hover,
    .json-key:hover {
        color: var(--_accent);
    }

    .log-json {
        margin: 2px 0 6px 1ch;
        padding: 4px 10px;
        border-left: 2px solid var(--_line);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
        max-width: calc(var(--view-width) - 5ch);
        box-sizing: border-box;
    }
    .json-row {
        min-height: 1lh;
        unicode-bidi: isolate;
    }
    .json-key {
        border: 0;
        padding: 0;
        margin: 0;
        background: none;
        color: var(--_accent);
        font: inherit;
        cursor: pointer;
        user-select: text;
        -webkit-user-select: text;
        text-decoration: underline dotted transparent;
        text-underline-offset: 3px;
        text-align: start;
    }
    .json-key:hover {
        text-decoration-color: currentcolor;
    }
    .json-key[aria-pressed='true'] {
        font-weight: 700;
        text-decoration-color: currentcolor;
    }
    .json-colon,
    .json-index,
    .json-empty {
        color: var(--_muted);
    }
    .json-string {
        color: var(--_ok);
    }
    .json-number,
    .json-boolean,
    .json-null {
        color: var(--_warn);
    }

    .bold {
        font-weight: 700;
    }
    .dim {
        opacity: 0.72;
    }
    .italic {
        font-style: italic;
    }
    .underline {
        text-decoration: underline;
    }
    .strike {
        text-decoration: line-through;
    }
    .underline.strike {
        text-decoration: underline line-through;
    }
    .log-text a {
        color: inherit;
        text-decoration: underline;
        text-underline-offset: 2px;
    }
    .log-text a:focus-visible {
        outline: 2px solid var(--_accent);
    }
    .inverse {
        background: var(--_ink);
        color: var(--_ground);
    }
    .light .fg-other {
        color: var(--fg-light);
    }
    .dark .fg-other {
        color: var(--fg-dark);
    }
    .boxed {
        color: var(--fg);
        background: var(--bg);
    }
    mark {
        background: var(--_mark);
        color: var(--_mark-ink);
        border-radius: 2px;
    }
    .selected mark {
        background: var(--_current);
    }
    .log-control {
        font-size: 0;
        unicode-bidi: isolate;
    }
    .log-control::before {
        content: attr(data-picture);
        font-size: calc(var(--_size) * 0.77);
        line-height: 0;
        color: var(--_warn);
        vertical-align: 0.5px;
        background: var(--_hover);
        border-radius: 3px;
        padding: 1px 2px;
        margin: 0 1px;
        user-select: none;
        -webkit-user-select: none;
    }

    .chip,
    .state {
        position: absolute;
        z-index: 2;
        padding: 5px 14px;
        border-radius: 99px;
        font: 600 13px/1.4 var(--live-chip-font, system-ui, sans-serif);
        box-shadow: 0 2px 10px rgb(0 0 0 / 22%);
        max-width: calc(100% - 24px);
        box-sizing: border-box;
    }
    .chip {
        bottom: 14px;
        left: 50%;
        transform: translateX(-50%);
        border: 0;
        background: var(--_accent);
        color: var(--_ground);
        cursor: pointer;
        white-space: nowrap;
    }
    .chip:hover {
        filter: brightness(1.08);
    }
    .chip:focus-visible,
    .log-more:focus-visible,
    .json-key:focus-visible,
    .unpin:focus-visible,
    .again:focus-visible {
        outline: 2px solid var(--_accent);
        outline-offset: 2px;
    }
    .chip.quiet {
        background: var(--_surface);
        color: var(--_ink);
        border: 1px solid var(--_line);
    }
    .state {
        top: 10px;
        right: 16px;
        background: var(--_surface);
        color: var(--_ink);
        border: 1px solid var(--_line);
        font-weight: 400;
    }
    .state.bad {
        border-color: var(--_bad);
        color: var(--_bad);
    }
    .chip[hidden],
    .state[hidden],
    .empty[hidden] {
        display: none;
    }
    .empty {
        position: absolute;
        inset: 0;
        display: grid;
        place-content: center;
        padding: 2rem;
        text-align: center;
        color: var(--_muted);
        pointer-events: none;
        font: 14px/1.5 var(--live-chip-font, system-ui, sans-serif);
        overflow-wrap: anywhere;
    }
    .said {
        position: absolute;
        width: 1px;
        height: 1px;
        overflow: hidden;
        clip-path: inset(50%);
        white-space: pre;
    }

    @container (max-width: 560px) {
        .log-ms {
            display: none;
        }
        .log-time,
        .relative .log-time {
            min-width: 8ch;
        }
        .log-tag {
            max-width: 8ch;
        }
        .log-cell {
            width: var(--live-column-width, 11ch);
        }
        .log-main,
        .columns {
            column-gap: 1ch;
        }
        .wrap .log-main {
            display: block;
            position: relative;
        }
        .wrap .log-time,
        .wrap .log-tag,
        .wrap .log-cell,
        .wrap .log-level,
        .wrap .log-fold {
            display: inline-block;
            vertical-align: top;
            margin: 0 1ch 0 0;
        }
        .wrap .log-time {
            min-width: 0;
        }
        .wrap .log-fold {
            margin-inline-start: 0;
        }
        .wrap .log-fold.idle {
            display: none;
        }
        .wrap :is(.clamped, .open) .log-fold.idle {
            display: block;
            position: absolute;
            right: 0;
            top: calc(2lh);
            margin: 0;
            background: var(--_ground);
        }
        .wrap .folded .log-text {
            display: inline;
        }
        .wrap .folded .log-main:not(:has(.log-cut)) {
            display: -webkit-box;
            -webkit-box-orient: vertical;
            -webkit-line-clamp: 3;
            line-clamp: 3;
            overflow: hidden;
        }
        .wrap .log-cut {
            display: block;
        }
        .wrap .rows .log-cell {
            width: auto;
            max-width: 24ch;
        }
        .wrap .rows .log-cell:empty,
        .wrap .columns > :not(.log-cell) {
            display: none;
        }
        .wrap .columns .log-cell {
            width: auto;
        }
        .wrap .log-more {
            display: block;
        }
        .log-line,
        .log-note {
            padding-inline: 5px 6px;
        }
        .state {
            top: auto;
            bottom: 52px;
            right: 50%;
            transform: translateX(50%);
            width: max-content;
        }
    }
    @media (pointer: coarse) {
        .chip {
            padding: 10px 18px;
        }
        .log-fold {
            width: 3ch;
        }
    }
    @media (forced-colors: active) {
        .log-line.selected {
            outline: 2px solid Highlight;
            outline-offset: -2px;
        }
        mark {
            background: Mark;
            color: MarkText;
        }
    }
`;

/** @type {CSSStyleSheet | null} */
let sheet = null;

export function logSheet() {
    if (!sheet) {
        sheet = new CSSStyleSheet();
        sheet.replaceSync(TEXT + COLOURS + TAGS);
    }
    return sheet;
}
