// SPDX-License-Identifier: MIT
// The search over all stored lines: the hub looks through its journal from the newest line back,
// and its hits are shown as it finds them.
//
//   #search [data-state = running | done | stopped | failed]   .search-state
//   .hit [data-id] [data-topic]
import { parseAnsi } from '../kit/ansi.js';
import { lastState, lineText } from '../kit/line-text.js';
import { lineTime } from '../kit/line-time.js';
import { Matcher } from '../kit/log-match.js';
import { shortened, writeText } from '../kit/log-text.js';
import { absoluteTime, lineTimes, tagColor } from '../kit/log-time.js';
import { closest, el, setText } from '../kit/dom.js';
import { countText, messageOf } from './format.js';
import { icon } from './icons.js';
import { HubError } from './session.js';

/** @import { Parsed } from '../kit/line-text.js' */
/** @import { Find } from './address.js' */
/** @import { Session } from './session.js' */

/** @typedef {{ id: string, topic: string, type: string, time: string, data: string }} Hit */

/**
 * @typedef {object} SearchListener
 * @property {(hit: { id: string, topic: string }) => void} hit show it in its context
 * @property {() => void} close
 */

const PAGE = 500; // hits; more are asked for
const TEXT_MAX = 2000; // characters of a hit
const FILTER_BYTES_MAX = 1024;
const FAR_INSIDE = 120; // characters
const LEAD = 40;

// As in the page's own expressions ^ and $ are at each line of an event, however it ends.
const LINES = '(*ANYCRLF)(?m)';

/**
 * The hub's filter for what the reader typed; it takes TEXT, /REGEX/ and /REGEX/i.
 * @param {Find} query
 */
export function hubFilter({ text, regex, caseSensitive }) {
    if (regex) return `/${LINES}${text}/${caseSensitive ? '' : 'i'}`;
    if (caseSensitive && !text.startsWith('/')) return text;
    return `/${text.replace(/[^\p{L}\p{N}\s_]/gu, '\\$&')}/${caseSensitive ? '' : 'i'}`;
}

/**
 * A hit far inside a long line is shown with only a little of the text before it.
 * @param {Element} place
 * @param {Parsed} parsed
 * @param {number[] | null} marks
 */
function writeHit(place, parsed, marks) {
    const cut = marks && marks[0] > FAR_INSIDE ? marks[0] - LEAD : 0;
    if (cut === 0) {
        writeText(place, parsed, marks);
        return;
    }
    place.append('… ');
    writeText(
        place,
        parseAnsi(parsed.plain.slice(cut)),
        (marks ?? []).map((at) => at - cut),
    );
}

export class SearchPanel {
    #root;
    #session;
    #on;
    /** @type {Find} */
    #query = { text: '', regex: false, caseSensitive: false };
    /** @type {string[]} */
    #topics = [];
    /** @type {AbortController | null} */
    #running = null;
    #hits = 0;
    /** @type {string | null} */
    #last = null; // id of the oldest hit
    #scanned = 0;
    #scannedBefore = 0; // by the requests before this one
    #complete = true; // down to the oldest line
    #why = ''; // it failed or stopped
    #back = ''; // how far back it has come, as a time
    /** @type {Hit[]} */
    #waiting = []; // not shown yet
    #frame = 0;
    #utc = false;
    /** @type {Matcher | null} */
    #matcher = null;
    #state = el('span', { class: 'search-state', 'aria-live': 'off' });
    #title = el('h2', {});
    #stop = el(
        'button',
        { type: 'button', class: 'plain', id: 'search-stop', onclick: () => this.stop() },
        'Stop',
    );
    #more = el(
        'button',
        {
            type: 'button',
            class: 'plain',
            id: 'search-more',
            hidden: true,
            onclick: () => this.#go(this.#last),
        },
        'Older hits',
    );
    #list = el('ol', { class: 'hits', 'aria-label': 'Hits, newest first' });

    /** @param {{ root: HTMLElement, session: Session, on: SearchListener }} options */
    constructor({ root, session, on }) {
        this.#root = root;
        this.#session = session;
        this.#on = on;
        root.append(
            el(
                'header',
                { class: 'search-head' },
                icon('stored'),
                this.#title,
                this.#state,
                el('span', { class: 'spring' }),
                this.#more,
                this.#stop,
                el(
                    'button',
                    {
                        type: 'button',
                        class: 'tool',
                        id: 'search-close',
                        title: 'Close the search (Esc)',
                        'aria-label': 'Close the search',
                        onclick: () => this.close(),
                    },
                    icon('close'),
                ),
            ),
            this.#list,
        );
        this.#list.addEventListener('keydown', (event) => this.#key(event));
        this.#list.addEventListener('click', (event) => {
            const hit = closest(event, '.hit');
            if (hit) this.#show(hit);
        });
    }

    get isOpen() {
        return !this.#root.hidden;
    }

    /** @param {boolean} utc */
    set utc(utc) {
        this.#utc = utc;
    }

    /**
     * @param {string[]} topics
     * @param {Find} query
     */
    search(topics, query) {
        this.stop();
        this.#root.hidden = false;
        this.#topics = topics;
        this.#query = query;
        this.#hits = 0;
        this.#scanned = 0;
        this.#back = '';
        this.#last = null;
        this.#waiting = [];
        this.#list.replaceChildren();
        this.#matcher?.close();
        this.#matcher = null;
        setText(this.#title, query.regex ? `/${query.text}/` : `“${query.text}”`);
        this.#title.title = `in ${topics.join(', ')}`;
        if (new TextEncoder().encode(hubFilter(query)).length > FILTER_BYTES_MAX) {
            this.#become(
                'failed',
                'This is too long to search for: a thousand characters are the most.',
            );
            return;
        }
        try {
            this.#matcher = new Matcher(query, () => {});
        } catch {
            // The hub's own words for what is wrong are shown. What only the hub understands is not
            // marked.
        }
        this.#go(null);
    }

    stop() {
        if (!this.#running) return;
        this.#running.abort();
        this.#running = null;
        this.#become('stopped');
    }

    close() {
        this.stop();
        this.#root.hidden = true;
        this.#list.replaceChildren();
        this.#on.close();
    }

    /**
     * To the next hit further back (or forward). Null when there is none.
     * @param {number} by
     */
    step(by) {
        const all = /** @type {HTMLElement[]} */ ([...this.#list.children]);
        const at = all.findIndex((hit) => hit.getAttribute('aria-current'));
        const hit = all[at < 0 ? 0 : at + by];
        if (hit) this.#show(hit);
        return hit ?? null;
    }

    /** @param {string | null} before */
    async #go(before) {
        const running = (this.#running = new AbortController());
        const { signal } = running;
        this.#scannedBefore = before ? this.#scanned : 0;
        this.#become('running');
        try {
            const response = await this.#session.fetch(
                this.#session.url('events', {
                    topic: this.#topics,
                    order: 'newest',
                    filter: hubFilter(this.#query),
                    last: PAGE,
                    before,
                    control: 1,
                }),
                { headers: { Accept: 'application/x-ndjson' }, signal },
            );
            if (response.body) await this.#read(response.body, signal);
        } catch (error) {
            if (signal.aborted) return;
            this.#running = null;
            const text = messageOf(error);
            const isRefused = error instanceof HubError && error.status === 400;
            this.#become(
                'failed',
                isRefused
                    ? `The hub cannot search for this: ${text}`
                    : text || 'The connection was lost.',
            );
        }
    }

    /**
     * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
     * @param {AbortSignal} signal
     */
    async #read(body, signal) {
        const reader = body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = '';
        for (;;) {
            const { done, value } = await reader.read();
            if (signal.aborted) return;
            const lines = (rest + (value ?? '')).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) if (line) this.#take(JSON.parse(line));
            if (done) break;
        }
        if (this.#running?.signal !== signal) return;
        this.#running = null;
        this.#become('stopped', 'the connection ended early');
    }

    /** @param {Hit} event */
    #take(event) {
        if (event.type === 'tailrace.progress' || event.type === 'tailrace.done') {
            const { scanned = 0, hits = 0, complete = true } = JSON.parse(event.data);
            this.#scanned = this.#scannedBefore + scanned;
            this.#back = event.time ?? '';
            if (event.type === 'tailrace.done') {
                this.#running = null;
                this.#complete = complete && hits < PAGE;
                this.#become('done');
            } else {
                this.#showState();
            }
            return;
        }
        if (event.type === 'tailrace.gap') {
            // Lines that cannot be read are no hits; the search goes on before them.
            this.#last = event.id;
            return;
        }
        this.#hits++;
        this.#last = event.id;
        this.#waiting.push(event);
        this.#frame ||= requestAnimationFrame(() => this.#flush());
    }

    async #flush() {
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
        const events = this.#waiting;
        this.#waiting = [];
        if (events.length === 0) return;
        const whole = events.map(({ data }) => parseAnsi(shortened(data, TEXT_MAX)));
        const last = whole.map(lastState);
        const rows = events.map((event) => this.#row(event));
        this.#list.append(...rows);
        this.#showState();
        const texts = [...last, ...whole].map(({ plain }) => plain);
        const ranges = this.#matcher ? await this.#matcher.find(texts) : [];
        rows.forEach((row, i) => {
            const place = row.querySelector('.hit-text');
            const inWhole = ranges[i + rows.length] ?? null;
            place?.replaceChildren();
            // What was found in a state that the line has written over is shown with it.
            if (place && !ranges[i] && inWhole) writeHit(place, whole[i], inWhole);
            else if (place) writeHit(place, last[i], ranges[i] ?? null);
        });
    }

    /** @param {Hit} hit */
    #row({ id, topic, time, data }) {
        const shown = lineText(shortened(data, TEXT_MAX));
        const own = lineTime(shown, Date.parse(time));
        const times = lineTimes({ own, time }, { timeMode: 'absolute', utc: this.#utc });
        const several = this.#topics.length > 1 || this.#topics[0].includes('*');
        const tag = several ? el('span', { class: 'hit-topic', title: topic }, topic) : null;
        tag?.style.setProperty('--tag-light', tagColor(topic, false));
        tag?.style.setProperty('--tag-dark', tagColor(topic, true));
        return el(
            'li',
            {
                class: 'hit',
                'data-id': id,
                'data-topic': topic,
                tabindex: this.#list.childElementCount ? '-1' : '0',
                title: 'Show it in its context',
            },
            el(
                'time',
                { datetime: time, title: times.title, class: own ? null : 'arrival' },
                times.text,
            ),
            tag,
            el('span', { class: 'hit-text' }, shown),
        );
    }

    /** @param {HTMLElement} hit */
    #show(hit) {
        for (const other of this.#list.querySelectorAll('[aria-current]'))
            other.removeAttribute('aria-current');
        /** @type {NodeListOf<HTMLElement>} */
        const focusable = this.#list.querySelectorAll('[tabindex="0"]');
        for (const other of focusable) other.tabIndex = -1;
        hit.setAttribute('aria-current', 'true');
        hit.tabIndex = 0;
        hit.scrollIntoView({ block: 'nearest' });
        const { id = '', topic = '' } = hit.dataset;
        this.#on.hit({ id, topic });
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const hit = closest(event, '.hit');
        if (!hit) return;
        const focus = (/** @type {Element | null} */ other) =>
            other instanceof HTMLElement && other.focus();
        if (event.key === 'Enter' || event.key === ' ') this.#show(hit);
        else if (event.key === 'ArrowDown') focus(hit.nextElementSibling);
        else if (event.key === 'ArrowUp') focus(hit.previousElementSibling);
        else return;
        event.preventDefault();
        event.stopPropagation();
    }

    /**
     * @param {string} state
     * @param {string} [why]
     */
    #become(state, why = '') {
        // All hits are there when it says that it is over.
        if (state !== 'running') this.#flush();
        this.#root.dataset.state = state;
        // What is read out is how it ended, not every hit.
        this.#state.setAttribute('aria-live', state === 'running' ? 'off' : 'polite');
        this.#why = why;
        this.#stop.hidden = state !== 'running';
        this.#more.hidden = !(
            this.#last &&
            (state === 'stopped' || (state === 'done' && !this.#complete))
        );
        this.#showState();
    }

    #showState() {
        const { state = '' } = this.#root.dataset;
        const hits = countText(this.#hits, 'hit');
        const looked = countText(this.#scanned, 'line');
        const ms = Date.parse(this.#back);
        const back = Number.isNaN(ms) ? '' : `, back to ${absoluteTime(ms, this.#utc)}`;
        const why = this.#why ? ` (${this.#why})` : '';
        /** @type {Record<string, string>} */
        const texts = {
            running: this.#scanned ? `${hits} in ${looked}${back} …` : `searching … ${hits}`,
            done: this.#complete
                ? `${hits} in all ${looked} that are stored`
                : `the newest ${hits}, in ${looked}${back}`,
            stopped: `stopped: ${hits} in ${looked}${back}${why}`,
            failed: this.#why,
        };
        setText(this.#state, texts[state] ?? '');
    }
}
