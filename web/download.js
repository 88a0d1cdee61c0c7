// SPDX-License-Identifier: MIT
// Taking lines along: as a file of what is shown here, or of everything that the hub stores; as
// text on the clipboard. All of them have the same text of a line (kit/line-text.js).
import { el, setText } from '../kit/dom.js';
import { lineText } from '../kit/line-text.js';
import { countText, messageOf } from './format.js';
import { hubFilter } from './search-panel.js';

/** @import { ViewState } from './address.js' */
/** @import { Session } from './session.js' */

// After so much, what has come goes to the browser's own store, out of the page's memory.
const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * "logs/web" → "logs-web.log"
 * @param {string[]} topics
 */
function fileName(topics) {
    const name = topics.length === 1 ? topics[0] : `${topics[0]}-and-${topics.length - 1}-more`;
    return `${
        name
            .replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')
            .replaceAll(/^[-.]+|-+$/g, '')
            .slice(0, 100) || 'log'
    }.log`;
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
function save(blob, name) {
    const url = URL.createObjectURL(blob);
    const link = el('a', { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Fills a popup with what it offers.
 * @param {HTMLElement} panel
 * @param {object} options
 * @param {Session} options.session
 * @param {ViewState} options.state
 * @param {() => string} options.text what is shown now
 * @param {number} options.count its lines
 * @param {() => void} options.close
 */
export function downloadMenu(panel, { session, state, text, count, close }) {
    const name = fileName(state.topics);
    const progress = el('p', { class: 'quiet', role: 'status' });
    const stop = new AbortController();
    const cancel = el(
        'button',
        { type: 'button', class: 'plain', hidden: true, onclick: () => stop.abort() },
        'Stop',
    );
    /**
     * @param {string} id
     * @param {string} title
     * @param {string} what
     * @param {() => void} onclick
     */
    const choice = (id, title, what, onclick) =>
        el(
            'button',
            { type: 'button', class: 'offer', id, onclick },
            el('span', { class: 'offer-title' }, title),
            el('span', { class: 'quiet' }, what),
        );
    const fetchAll = async (/** @type {string | null} */ filter) => {
        /** @type {NodeListOf<HTMLButtonElement>} */
        const offers = panel.querySelectorAll('.offer');
        for (const button of offers) button.disabled = true;
        cancel.hidden = false;
        try {
            const blob = await fetchText(session, state.topics, filter, stop.signal, (bytes) =>
                setText(progress, `${sizeText(bytes)} have come …`),
            );
            save(blob, name);
            close();
        } catch (error) {
            const why = messageOf(error);
            setText(progress, stop.signal.aborted ? 'Stopped.' : `This did not work: ${why}`);
            cancel.hidden = true;
        }
    };
    const { filter } = state;
    const several = state.topics.length !== 1;
    panel.append(
        el('h2', {}, 'Download as text'),
        choice('download-shown', 'What is shown', countText(count, 'line'), () => {
            save(new Blob([text()], { type: 'text/plain' }), name);
            close();
        }),
        choice(
            'download-all',
            'Everything that is stored',
            `all lines of ${several ? `${state.topics.length} topics` : state.topics[0]}, from the hub`,
            () => fetchAll(null),
        ),
        ...(filter.text && !filter.invert
            ? [
                  choice(
                      'download-matching',
                      "Everything that has the filter's text",
                      `all stored lines with “${filter.text}”`,
                      () => fetchAll(hubFilter(filter)),
                  ),
              ]
            : []),
        progress,
        cancel,
    );
}

/**
 * The hub streams it; memory of the page stays small.
 * @param {Session} session
 * @param {string[]} topics
 * @param {string | null} filter
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} told how many have come
 */
async function fetchText(session, topics, filter, signal, told) {
    const response = await session.fetch(
        session.url('events', { topic: topics, last: 'all', filter }),
        {
            headers: { Accept: 'text/plain' },
            signal,
        },
    );
    if (!response.body) return new Blob([]);
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let whole = new Blob([], { type: 'text/plain' });
    /** @type {string[]} */
    let parts = [];
    let held = 0;
    let all = 0;
    let rest = ''; // of a line that is not all here
    for (;;) {
        const { done, value } = await reader.read();
        const lines = (rest + decoder.decode(value, { stream: !done })).split('\n');
        rest = done ? '' : (lines.pop() ?? '');
        if (lines.length) parts.push(lines.map(lineText).join('\n'), done ? '' : '\n');
        held += value?.length ?? 0;
        all += value?.length ?? 0;
        told(all);
        if (held > CHUNK_BYTES || done) {
            whole = new Blob([whole, ...parts], { type: 'text/plain' });
            parts = [];
            held = 0;
        }
        if (done) return whole;
    }
}

/** @param {number} bytes */
function sizeText(bytes) {
    return bytes < 1024 * 1024
        ? `${Math.ceil(bytes / 1024)} KB`
        : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/**
 * Throws when the browser does not let it.
 * @param {string} text
 */
export async function copyText(text) {
    if (navigator.clipboard) {
        await navigator.clipboard.writeText(text);
        return;
    }
    // Only pages over HTTPS or of this machine have a clipboard; the old way works everywhere.
    const field = el('textarea', { class: 'off-screen', readonly: true });
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    if (!copied) throw new Error('the browser does not let this page use the clipboard');
}
