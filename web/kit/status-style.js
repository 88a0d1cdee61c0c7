// SPDX-License-Identifier: MIT
// How <live-status> looks. Sizes are in em: the element's font-size scales all of it. Colours and
// fonts come from --live-… properties.

const css = String.raw; // the formatter knows CSS by this name

export const sheet = new CSSStyleSheet();

sheet.replaceSync(css`
    :host {
        --_surface: var(--live-surface, #fff);
        --_ink: var(--live-ink, #1d1f26);
        --_muted: var(--live-muted, #62656f);
        --_line: var(--live-line, #dfe1e7);
        --_accent: var(--live-accent, #3b5bdb);
        --_ok: var(--live-ok, #187a48);
        --_warn: var(--live-warn, #8f5f00);
        --_bad: var(--live-bad, #c2213a);
        --_busy: var(--live-busy, #1a62d0);
        --_radius: var(--live-radius, 0.6em);
        --_font: var(
            --live-font,
            system-ui,
            'Segoe UI',
            Roboto,
            'Helvetica Neue',
            'DejaVu Sans',
            sans-serif
        );
        --_mono: var(
            --live-mono,
            ui-monospace,
            'SF Mono',
            'Cascadia Mono',
            Menlo,
            Consolas,
            'DejaVu Sans Mono',
            monospace
        );
        display: block;
        color: var(--_ink);
        font-size: 0.9375rem;
        font-family: var(--_font);
        line-height: 1.35;
        text-align: start;
    }

    @media (prefers-color-scheme: dark) {
        :host(:not([theme='light'])) {
            --_surface: var(--live-surface, #1a1c22);
            --_ink: var(--live-ink, #e7e8ec);
            --_muted: var(--live-muted, #9a9da8);
            --_line: var(--live-line, #2e313a);
            --_accent: var(--live-accent, #8ea6ff);
            --_ok: var(--live-ok, #4cc38a);
            --_warn: var(--live-warn, #e5b340);
            --_bad: var(--live-bad, #ff7a86);
            --_busy: var(--live-busy, #6cb0ff);
        }
    }

    :host([theme='dark']) {
        --_surface: var(--live-surface, #1a1c22);
        --_ink: var(--live-ink, #e7e8ec);
        --_muted: var(--live-muted, #9a9da8);
        --_line: var(--live-line, #2e313a);
        --_accent: var(--live-accent, #8ea6ff);
        --_ok: var(--live-ok, #4cc38a);
        --_warn: var(--live-warn, #e5b340);
        --_bad: var(--live-bad, #ff7a86);
        --_busy: var(--live-busy, #6cb0ff);
    }

    :host([hidden]),
    [hidden] {
        display: none !important;
    }
    *,
    ::before,
    ::after {
        box-sizing: border-box;
    }
    p,
    ul,
    ol,
    h2,
    pre {
        margin: 0;
        padding: 0;
    }
    ul,
    ol {
        list-style: none;
    }
    button {
        padding: 0;
        border: 0;
        background: none;
        color: inherit;
        font: inherit;
        text-align: start;
        cursor: pointer;
    }
    .icon {
        flex: none;
        width: 1em;
        height: 1em;
        vertical-align: -0.125em;
    }

    :focus-visible {
        outline: 2px solid var(--_accent);
        outline-offset: 2px;
    }

    [data-kind='good'] {
        --k: var(--_ok);
    }
    [data-kind='busy'] {
        --k: var(--_busy);
    }
    [data-kind='wait'],
    [data-kind='other'],
    [data-kind='stale'] {
        --k: var(--_muted);
    }
    [data-kind='warn'] {
        --k: var(--_warn);
    }
    [data-kind='bad'] {
        --k: var(--_bad);
    }

    /* What is wrong, and what there is to know while there is nothing. */

    .note {
        margin-bottom: 1em;
        padding: 0.6em 0.9em;
        border: 1px solid color-mix(in srgb, var(--_warn) 45%, var(--_line));
        border-radius: var(--_radius);
        background: color-mix(in srgb, var(--_warn) 10%, var(--_surface));
    }

    .hint {
        max-width: 46em;
        margin: 8vh auto;
        padding: 0 1em;
        color: var(--_muted);
        line-height: 1.5;
    }
    .hint-title {
        margin-bottom: 0.3em;
        color: var(--_ink);
        font-weight: 650;
        font-size: 1.35em;
    }
    .hint-more {
        font-size: 0.9em;
    }

    .curl {
        margin: 0.9em 0;
        padding: 0.8em 1em;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_surface);
        color: var(--_ink);
        font: 0.95em/1.5 var(--_mono);
        overflow-wrap: anywhere;
        white-space: pre-wrap;
        user-select: all;
    }

    code {
        font-family: var(--_mono);
        font-size: 0.95em;
        color: var(--_ink);
    }
    .nothing {
        padding: 3em 1em;
        color: var(--_muted);
        text-align: center;
    }

    /* Groups */

    .rows {
        container-type: inline-size;
    }
    .rows[data-old] {
        opacity: 0.6;
    }
    .group + .group {
        margin-top: 1.5em;
    }

    .group-head {
        display: none;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0.2em 0.9em;
        margin-bottom: 0.55em;
        font-weight: 400;
        font-size: 1em;
    }

    [data-grouped] .group-head {
        display: flex;
    }

    .group-button {
        display: inline-flex;
        align-items: center;
        gap: 0.35em;
        font-weight: 650;
        overflow-wrap: anywhere;
    }
    .group-button .icon {
        color: var(--_muted);
        transition: rotate 0.15s;
    }
    [data-folded] .group-button .icon {
        rotate: -90deg;
    }
    [data-folded] .cards {
        display: none;
    }
    .group-sum {
        display: inline-flex;
        flex-wrap: wrap;
        gap: 0 0.8em;
        color: var(--_muted);
        font-size: 0.85em;
    }
    .group-count {
        display: inline-flex;
        align-items: center;
        gap: 0.3em;
        white-space: nowrap;
    }
    .group-count .icon {
        color: var(--k);
    }
    .group-count[data-kind='bad'],
    .group-count[data-kind='warn'] {
        color: var(--k);
        font-weight: 600;
    }

    /* Cards */

    .cards {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(17em, 100%), 1fr));
        grid-auto-rows: 6.9em;
        gap: 0.7em;
    }

    .card {
        position: relative;
        display: grid;
        grid-template:
            'sign name ago' auto 'now now now' minmax(0, 1fr) 'strip strip strip' 1.05em
            / auto minmax(0, 1fr) auto;
        column-gap: 0.5em;
        padding: 0.65em 0.8em 0.7em;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_surface);
        contain: strict;
    }

    .card:hover {
        border-color: color-mix(in srgb, var(--_ink) 28%, var(--_line));
    }

    .card[data-kind='bad'],
    .card[data-kind='warn'] {
        border-color: color-mix(in srgb, var(--k) 50%, var(--_line));
        background: color-mix(in srgb, var(--k) 9%, var(--_surface));
    }

    .sign {
        grid-area: sign;
        display: flex;
        align-items: center;
        color: var(--k);
        font-size: 1.2em;
    }

    .card[data-kind='warn'] .sign {
        color: color-mix(in srgb, var(--_warn), #ffb000 40%);
    }

    .name {
        grid-area: name;
        overflow: hidden;
        font-weight: 620;
        text-overflow: ellipsis;
        white-space: nowrap;
        outline: none;
    }

    /* All of the card presses it. */
    .name::after {
        content: '';
        position: absolute;
        inset: 0;
        border-radius: calc(var(--_radius) - 1px);
    }
    .name:focus-visible::after {
        outline: 2px solid var(--_accent);
        outline-offset: -2px;
    }
    .prefix {
        color: var(--_muted);
        font-weight: 400;
    }

    .ago {
        grid-area: ago;
        justify-self: end;
        display: inline-flex;
        align-items: center;
        gap: 0.3em;
        color: var(--_muted);
        font-size: 0.82em;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
    }

    .now {
        grid-area: now;
        align-self: center;
        display: flex;
        align-items: baseline;
        gap: 0.6em;
        min-width: 0;
    }
    .says {
        flex: 1;
        display: -webkit-box;
        min-width: 0;
        overflow: hidden;
        line-height: 1.25;
        overflow-wrap: anywhere;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
    }
    .word {
        color: var(--k);
        font-weight: 620;
        font-size: 1.12em;
    }
    .detail {
        color: var(--_muted);
        font-size: 0.9em;
    }

    .value {
        flex: none;
        max-width: 60%;
        overflow: hidden;
        font-weight: 620;
        font-size: 1.3em;
        font-variant-numeric: tabular-nums;
        letter-spacing: -0.01em;
        text-overflow: ellipsis;
        white-space: nowrap;
    }

    .strip {
        grid-area: strip;
        display: block;
        width: 100%;
        height: 100%;
        shape-rendering: crispEdges;
    }
    .strip path {
        fill: color-mix(in srgb, var(--_muted) 45%, transparent);
    }
    .strip .bar-good {
        fill: color-mix(in srgb, var(--_ok) 55%, transparent);
    }
    .strip .bar-busy {
        fill: color-mix(in srgb, var(--_busy) 60%, transparent);
    }
    .strip .bar-warn {
        fill: color-mix(in srgb, var(--_warn), #ffb000 40%);
    }
    .strip .bar-bad {
        fill: var(--_bad);
    }

    /* Not heard from for too long: what it says may no longer be so. */

    .card[data-stale] {
        border-style: dashed;
        border-color: color-mix(in srgb, var(--_muted) 55%, var(--_line));
        background: transparent;
    }
    .card[data-stale] :is(.sign, .word, .value) {
        opacity: 0.8;
        filter: saturate(0.4);
    }
    .card[data-stale] .strip {
        opacity: 0.55;
        filter: saturate(0.5);
    }
    .card[data-stale] .ago {
        color: var(--_ink);
    }
    .card[data-stale]:is([data-kind='bad'], [data-kind='warn']) {
        border-color: var(--k);
    }
    .card[data-stale]:is([data-kind='bad'], [data-kind='warn']) :is(.sign, .word) {
        opacity: 1;
        filter: none;
    }

    .card.changed {
        animation: changed 1.6s ease-out;
    }
    @keyframes changed {
        from {
            box-shadow: inset 0 0 0 20em color-mix(in srgb, var(--k) 24%, transparent);
        }
        to {
            box-shadow: inset 0 0 0 20em transparent;
        }
    }

    /* A card that is open shows its history. */

    .card[data-open] {
        grid-template:
            'sign name ago' auto
            'now now now' auto
            'strip strip strip' 1.05em
            'more more more' 1fr
            / auto minmax(0, 1fr) auto;
        row-gap: 0.4em;
        contain: layout paint style;
        outline: 2px solid var(--_accent);
        outline-offset: -2px;
    }

    .card[data-open] :is(.sign, .ago) {
        align-self: start;
    }
    .card[data-open] .name {
        overflow-wrap: anywhere;
        white-space: normal;
    }
    .card[data-open] .says {
        display: block;
        max-height: 14em;
        overflow-y: auto;
        white-space: pre-line;
    }
    .more {
        grid-area: more;
        position: relative;
        display: flex;
        flex-direction: column;
        min-height: 0;
        border-top: 1px solid var(--_line);
    }
    .facts {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 0 1em;
        padding: 0.45em 0;
        color: var(--_muted);
        font-size: 0.85em;
    }
    .link {
        display: inline-flex;
        align-items: center;
        gap: 0.3em;
        min-width: 0;
        color: var(--_accent);
        overflow-wrap: anywhere;
        text-decoration: none;
    }
    .link:hover {
        text-decoration: underline;
    }
    .past {
        flex: 1;
        min-height: 0;
        overflow-y: auto;
        scrollbar-width: thin;
        font-size: 0.87em;
    }
    .card[data-fitting] {
        align-self: start;
    }
    .card[data-fitting] .past {
        flex: none;
        max-height: 12.5em;
    }
    .past:focus-visible {
        outline-offset: -2px;
    }

    .past li {
        display: flex;
        align-items: baseline;
        gap: 0.5em;
        min-height: 1.75em;
    }
    .past time {
        flex: none;
        color: var(--_muted);
        font-variant-numeric: tabular-nums;
    }
    .past .icon {
        color: var(--k);
    }
    .past-word {
        max-width: 60%;
        overflow-wrap: anywhere;
    }
    .times,
    .past-rest {
        color: var(--_muted);
    }
    .past-rest {
        flex: 1;
        min-width: 0;
        overflow-wrap: anywhere;
    }

    /* As a list */

    :host([layout='list']) .cards {
        grid-template-columns: minmax(0, 1fr);
        grid-auto-rows: 2.45em;
        gap: 0;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        overflow: hidden;
        background: var(--_surface);
    }

    :host([layout='list']) .card {
        grid-template:
            'sign name says value strip ago' 2.45em / auto minmax(7em, 3fr) minmax(9em, 5fr)
            6.5em 9em 7.5em;
        align-items: center;
        column-gap: 0.8em;
        padding: 0 0.9em;
        border: 0;
        border-radius: 0;
    }

    :host([layout='list']) .card + .card::before {
        content: '';
        position: absolute;
        inset: 0 0 auto;
        border-top: 1px solid var(--_line);
    }
    :host([layout='list']) .card:hover {
        background: color-mix(in srgb, var(--_ink) 5%, var(--_surface));
    }
    :host([layout='list']) .card:is([data-kind='bad'], [data-kind='warn']) {
        background: color-mix(in srgb, var(--k) 9%, var(--_surface));
    }
    :host([layout='list']) .card[data-stale] {
        background: transparent;
    }
    :host([layout='list']) :is(.word, .value) {
        font-size: 1em;
    }
    :host([layout='list']) .value {
        grid-area: value;
        max-width: none;
        text-align: end;
    }
    :host([layout='list']) .now {
        display: contents;
    }
    :host([layout='list']) .says {
        grid-area: says;
    }
    :host([layout='list']) .strip {
        height: 1.1em;
    }
    :host([layout='list']) .ago {
        justify-self: end;
    }

    :host([layout='list']) .card[data-open] {
        grid-template:
            'sign name says value strip ago' minmax(2.45em, auto)
            'more more more more more more' 1fr
            / auto minmax(7em, 3fr) minmax(9em, 5fr) 6.5em 9em 7.5em;
        row-gap: 0;
    }

    :host([layout='list']) .more {
        align-self: stretch;
    }
    :host([layout='list']) .card:not([data-open]) .says {
        display: block;
        text-overflow: ellipsis;
        white-space: nowrap;
    }

    @container (max-width: 46em) {
        :host([layout='list']) .card {
            grid-template: 'sign name says ago' 2.45em / auto minmax(0, 3fr) minmax(0, 3fr) auto;
        }
        :host([layout='list']) .card[data-open] {
            grid-template:
                'sign name says ago' minmax(2.45em, auto) 'more more more more' 1fr
                / auto minmax(0, 3fr) minmax(0, 3fr) auto;
        }
        :host([layout='list']) :is(.strip, .value) {
            display: none;
        }
    }

    @media (prefers-reduced-motion: reduce) {
        *,
        ::before,
        ::after {
            animation: none !important;
            transition: none !important;
        }
    }

    @media (forced-colors: active) {
        .card {
            border: 1px solid;
        }
        .strip path {
            fill: CanvasText;
        }
    }
`);
