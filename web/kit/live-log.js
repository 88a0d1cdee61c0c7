// SPDX-License-Identifier: MIT
// <live-log>: a live log in a page; what it offers is in live-log.d.ts.
//
//   LogSource   the hub: the newest lines, live ones, pages of history          log-source.js
//   LogWindow   the loaded lines, bounded                                       log-window.js
//   Shown       which of them are shown and which match                        log-shown.js
//   LogRows     the rows near the viewport                                     log-rows.js, log-row.js, log-text.js
//   Selection   selecting and copying over rows that are not in the page       log-select.js
//
// This file holds the element's attributes and properties, and leads between those.
import { joined, Selection } from './log-select.js';
import { handleKey } from './log-keys.js';
import { LogRows } from './log-rows.js';
import { LogSource } from './log-source.js';
import { makeRow, rowLabel, shownData, writeTime } from './log-row.js';
import { buildFrame, drawColumns, schemeOf } from './log-frame.js';
import { Shown } from './log-shown.js';
import { logSheet } from './log-style.js';
import { stripAnsi } from './ansi.js';
import { LogWindow, indexAt, reaches } from './log-window.js';

export { tagColor, tagIndex } from './log-time.js';
export { LEVELS } from './levels.js';

const LAST = 200;
const MAX_LINES = 20_000;
const CHIP_MS = 200; // the chip's number does not change more often
const TAG_MAX = 24;
const OLDER_AGAIN_MS = 3000; // after a page of history could not be had

const BaseElement = globalThis.HTMLElement ?? class {};

export class LiveLog extends BaseElement {
    static observedAttributes = [
        'hub',
        'topic',
        'key',
        'last',
        'time',
        'utc',
        'wrap',
        'levels',
        'max-lines',
        'label',
    ];

    #parts;
    #window;
    #source;
    #shown;
    #rows;
    #selection;
    #life = null; // AbortController while in the page
    #key = null;
    #showTopics = 'auto';
    #columns = [];
    #filter = null;
    #paused = false;
    #followed = true; // when it was paused
    #unseen = 0;
    #added = 0; // since the last live-lines
    #chosen = null; // the selected entry
    #marks = new Map(); // of rows in the page: entry -> ranges
    #loading = { older: null, newer: null };
    #older = { error: null, until: 0 };
    #stopped = false; // disconnect() was called
    #startQueued = false;
    #emptied = false; // by clear(): the history comes only when the reader asks
    #dirty = { lines: false, match: false };
    #chipTimer = 0;
    #gutterKnown = false;
    #tagWidth = 0; // characters
    #dark = false;
    #patternErrors = {};

    constructor() {
        super();
        const root = this.attachShadow({ mode: 'open' });
        root.adoptedStyleSheets = [logSheet()];
        this.#parts = buildFrame(root);
        this.#window = new LogWindow({
            linesMax: MAX_LINES,
            onBefore: () => this.#rows.before(),
            onChange: (change) => this.#windowChanged(change),
        });
        this.#source = new LogSource(this.#window, {
            state: (state, detail) => this.#stateChanged(state, detail),
            arrival: (entries) => this.#arrived(entries),
            gap: (gap) => this.#emit('live-gap', gap),
        });
        this.#shown = new Shown(this.#window, {
            before: () => this.#rows.before(),
            list: () => this.#listReplaced(),
            grown: () => this.#rows.schedule(),
            matches: () => this.#matchesChanged(),
            error: (of, error) => this.#patternError(of, error),
        });
        this.#rows = new LogRows({
            ...this.#parts,
            on: {
                list: () => this.#shown.list,
                row: (entry) => this.#makeRow(entry),
                dropped: (entry) => this.#marks.delete(entry),
                follow: () => this.#followChanged(),
                frame: () => this.#drawn(),
                atEnd: () => this.#window.attached && !this.#paused,
                near: (ends) => this.#near(ends),
            },
        });
        this.#selection = new Selection(root, this.#parts.block, {
            entryOf: (node) => this.#entryOf(node),
            list: () => this.#shown.list,
            keep: (entries) => this.#rows.keep(entries),
            drawing: () => this.#rows.setFollow(false),
            chosen: () => this.#chosen,
        });
        this.#listen();
    }

    // --- life ---

    connectedCallback() {
        for (const name of [
            'hub',
            'key',
            'last',
            'maxLines',
            'timeMode',
            'utc',
            'wrap',
            'topics',
            'columns',
            'filter',
            'query',
            'showTopics',
        ]) {
            this.#upgrade(name);
        }
        this.#life = new AbortController();
        const { signal } = this.#life;
        this.#selection.listen(signal);
        this.#watchScheme(signal);
        const sizes = new ResizeObserver(() => this.#measured());
        sizes.observe(this.#parts.scroller);
        sizes.observe(this.#parts.probe);
        signal.addEventListener('abort', () => sizes.disconnect());
        const ticking = setInterval(() => this.#tick(), 1000);
        signal.addEventListener('abort', () => clearInterval(ticking));
        this.#measured();
        this.#queueStart();
    }

    disconnectedCallback() {
        this.#life?.abort();
        this.#life = null;
        this.#source.close();
    }

    attributeChangedCallback(name, before, value) {
        if (before === value) return;
        if (['hub', 'topic', 'key', 'last'].includes(name)) this.#queueStart();
        else if (name === 'max-lines') this.#window.linesMax = this.maxLines;
        else if (name === 'levels') this.#applyFilter();
        else if (name === 'wrap') this.#wrapChanged();
        else if (this.#parts) this.#restyle();
        this.#nameIt();
    }

    // The lines, for the keyboard.
    focus(options = { preventScroll: true }) {
        this.#parts.scroller.focus(options);
    }

    connect() {
        this.#stopped = false;
        this.#queueStart();
    }

    disconnect() {
        this.#stopped = true;
        this.#source.close();
    }

    // Properties that were set before the element was defined.
    #upgrade(name) {
        if (!Object.hasOwn(this, name)) return;
        const value = this[name];
        delete this[name];
        this[name] = value;
    }

    // Several attributes are often set one after the other: one start for all.
    #queueStart() {
        if (this.#startQueued || !this.#life || this.#stopped) return;
        this.#startQueued = true;
        queueMicrotask(() => {
            this.#startQueued = false;
            if (this.#life && !this.#stopped) this.#start();
        });
    }

    #start() {
        const { topics } = this;
        if (!topics.length) {
            this.#source.close();
            return;
        }
        this.select(null);
        this.#emptied = false;
        this.#older = { error: null, until: 0 };
        this.#setPaused(false);
        this.#window.linesMax = this.maxLines;
        this.#window.replace([], '', { attached: true });
        this.#rows.setFollow(true);
        this.#setUnseen(0);
        this.#restyle();
        this.#source.start({ hub: this.#hubRoot(), key: this.key, topics, last: this.last });
    }

    #hubRoot() {
        const root = this.hub
            ? new URL(this.hub, document.baseURI)
            : new URL('..', import.meta.url);
        if (!root.pathname.endsWith('/')) root.pathname += '/';
        return root;
    }

    // --- attributes and properties ---

    get hub() {
        return this.getAttribute('hub') ?? '';
    }
    set hub(value) {
        this.#reflect('hub', value);
    }
    get topics() {
        return (this.getAttribute('topic') ?? '')
            .split('\n')
            .map((topic) => topic.trim())
            .filter(Boolean);
    }
    set topics(value) {
        this.#reflect('topic', [...value].join('\n'));
    }
    get key() {
        return this.#key ?? this.getAttribute('key');
    }
    set key(value) {
        if (this.#key === (value || null)) return;
        this.#key = value || null;
        this.#queueStart();
    }
    get last() {
        return positive(this.getAttribute('last'), LAST, 10_000);
    }
    set last(value) {
        this.#reflect('last', value);
    }
    get maxLines() {
        return positive(this.getAttribute('max-lines'), MAX_LINES, 1_000_000);
    }
    set maxLines(value) {
        this.#reflect('max-lines', value);
    }
    get timeMode() {
        const value = this.getAttribute('time');
        return ['absolute', 'relative', 'none'].includes(value) ? value : 'absolute';
    }
    set timeMode(value) {
        this.#reflect('time', value);
    }
    get utc() {
        return this.hasAttribute('utc');
    }
    set utc(value) {
        this.toggleAttribute('utc', Boolean(value));
    }
    get wrap() {
        return this.hasAttribute('wrap');
    }
    set wrap(value) {
        this.toggleAttribute('wrap', Boolean(value));
    }
    get showTopics() {
        return this.#showTopics;
    }
    set showTopics(value) {
        this.#showTopics = value === 'auto' ? 'auto' : Boolean(value);
        this.#restyle();
    }
    get columns() {
        return [...this.#columns];
    }
    set columns(value) {
        const columns = [...new Set(value ?? [])].map(String);
        if (columns.join('\n') === this.#columns.join('\n')) return;
        this.#columns = columns;
        this.#restyle();
    }

    get connection() {
        return this.#source.state;
    }
    get connectionDetail() {
        return this.#source.detail;
    }
    get unseen() {
        return this.#unseen;
    }
    get lineCount() {
        return this.#window.entries.reduce(
            (sum, entry) => sum + (entry.data === undefined ? 0 : 1),
            0,
        );
    }
    get shownCount() {
        return this.#shown.list.reduce((sum, entry) => sum + (entry.data === undefined ? 0 : 1), 0);
    }
    get firstId() {
        return this.#window.firstLine?.id ?? null;
    }
    get lastId() {
        return this.#window.lastLine?.id ?? null;
    }
    get loadedAll() {
        return this.#window.reachedBegin && this.#window.attached;
    }

    get follow() {
        return this.#rows.follow && !this.#paused;
    }
    set follow(value) {
        if (value) this.toEnd();
        else this.#rows.setFollow(false);
    }
    get paused() {
        return this.#paused;
    }
    set paused(value) {
        if (Boolean(value) === this.#paused) return;
        if (value) this.#followed = this.#rows.follow;
        this.#setPaused(Boolean(value));
        if (!value && this.#followed) this.toEnd();
        this.#say(value ? 'Paused' : 'Going on');
    }

    get filter() {
        return this.#filter;
    }
    set filter(value) {
        this.#filter = value ?? null;
        this.#applyFilter();
    }
    get query() {
        return this.#shown.querySpec;
    }
    set query(value) {
        this.#shown.setQuery(value?.text ? { ...value } : null);
        this.#marksChanged();
    }
    get matches() {
        const found = this.#shown.matches;
        const at = this.#chosen ? indexAt(found, this.#chosen.pos) : -1;
        return {
            count: found.length,
            index: found[at] === this.#chosen && this.#chosen ? at : -1,
            busy: this.#shown.counting,
        };
    }
    get selectedLine() {
        return this.#chosen ? publicLine(this.#chosen) : null;
    }

    #reflect(name, value) {
        if (value === null || value === undefined || value === '') this.removeAttribute(name);
        else this.setAttribute(name, String(value));
    }

    get #tags() {
        const { topics } = this;
        if (this.#showTopics !== 'auto') return this.#showTopics;
        return topics.length > 1 || topics.some((topic) => /(^|\/)\*\*?(\/|$)/.test(topic));
    }

    // --- going about ---

    next() {
        return this.#step(1);
    }
    previous() {
        return this.#step(-1);
    }

    #step(direction) {
        const found = this.#shown.matches;
        if (!found.length) return false;
        const { first, last } = this.#rows.visible();
        let index;
        if (this.#chosen && this.#rows.isNear(this.#chosen)) {
            const at = indexAt(found, this.#chosen.pos);
            const there = found[at] === this.#chosen;
            index = direction > 0 ? at + (there ? 1 : 0) : at - 1;
        } else {
            index =
                direction > 0
                    ? indexAt(found, first?.pos ?? 0)
                    : indexAt(found, (last?.pos ?? 0) + 1) - 1;
        }
        index = (index + found.length) % found.length;
        this.#choose(found[index], 'middle');
        this.#say(`Match ${index + 1} of ${found.length}. ${rowLabel(found[index], this.#view())}`);
        this.#rows.schedule();
        return true;
    }

    select(id) {
        const entry = id === null ? null : this.#find(id);
        if (id !== null && !entry) return false;
        this.#choose(entry, 'nearest');
        return true;
    }

    toEnd() {
        if (this.#paused) this.#setPaused(false);
        if (!this.#window.jumpToEnd()) this.#source.restart();
        this.#setUnseen(0);
        this.#rows.setFollow(true);
        this.#rows.schedule();
    }

    // The oldest loaded line; what is older then loads as ever.
    toStart() {
        this.#rows.toStart();
        this.#near({ top: true, asked: true });
    }

    clear() {
        this.select(null);
        this.#window.clear();
        this.#emptied = true;
        this.#setUnseen(0);
        this.#rows.setFollow(true);
    }

    async goTo(id) {
        await null; // a start that is queued comes first, and its lines too: it would lead away again
        await this.#source.begun;
        if (!this.#find(id)) {
            this.#rows.setFollow(false);
            let found;
            try {
                found = await this.#source.loadAround(id);
            } catch {
                return false;
            }
            if (!found) {
                const near =
                    this.#window.entries.find(
                        (entry) => entry.data !== undefined && reaches(entry.id, id),
                    ) ?? this.#window.lastLine;
                if (near) this.#choose(near, 'middle');
                return false;
            }
        }
        this.#choose(this.#find(id), 'middle');
        return true;
    }

    unfold(id, open) {
        const entry = this.#find(id);
        if (!entry) return false;
        this.#unfold(entry, open ?? !entry.open);
        return true;
    }

    *lines({ shown = false } = {}) {
        for (const entry of [...(shown ? this.#shown.list : this.#window.entries)]) {
            if (entry.data !== undefined) yield publicLine(entry);
        }
    }

    shownText() {
        const text = joined(this.#shown.list);
        return text && `${text}\n`;
    }

    async copyShown() {
        const count = this.shownCount;
        await navigator.clipboard.writeText(this.shownText());
        this.#say(`${count} lines copied`);
        return count;
    }

    loadOlder() {
        if (this.#window.reachedBegin) return Promise.resolve(false);
        this.#loading.older ??= this.#load('older', () => this.#source.loadOlder());
        return this.#loading.older;
    }

    async #load(which, job) {
        this.#drawHead(true);
        try {
            const more = await job();
            this.#older = { error: null, until: 0 };
            return more;
        } catch (error) {
            if (which === 'older')
                this.#older = { error: error.message, until: Date.now() + OLDER_AGAIN_MS };
            else
                await new Promise((resolve) => {
                    setTimeout(resolve, OLDER_AGAIN_MS);
                });
            return false;
        } finally {
            this.#loading[which] = null;
            this.#rows.schedule();
        }
    }

    // --- what happens ---

    // Before the entries go into the window. True: the oldest go when it is full.
    #arrived(entries) {
        const lines = entries.reduce((sum, entry) => sum + (entry.data === undefined ? 0 : 1), 0);
        this.#added += lines;
        this.#dirty.lines = true;
        if (!this.#rows.follow || this.#paused) this.#setUnseen(this.#unseen + lines);
        return this.#rows.follow && !this.#paused;
    }

    #windowChanged(change) {
        this.#shown.update(change);
        if (change.reset) this.#dropChosen();
        this.#dirty.lines = true;
        this.#rows.schedule();
    }

    #dropChosen() {
        if (this.#chosen && !this.#find(this.#chosen.id)) this.#choose(null);
    }

    #stateChanged(state, detail) {
        this.#drawState(state, detail);
        this.#rows.schedule();
        this.#emit('live-state', { state, detail });
    }

    #followChanged() {
        if (this.#rows.follow) {
            this.#unseen = 0;
            if (this.#paused) this.#setPaused(false);
        }
        this.#tellFollow();
    }

    #setPaused(paused) {
        if (paused === this.#paused) return;
        this.#paused = paused;
        if (paused) this.#window.freeze();
        else this.#window.thaw();
        if (paused) this.#rows.setFollow(false);
        this.#tellFollow();
    }

    #setUnseen(unseen) {
        if (unseen === this.#unseen) return;
        this.#unseen = unseen;
        this.#chipTimer ||= setTimeout(() => this.#tellFollow(), CHIP_MS);
    }

    #tellFollow() {
        clearTimeout(this.#chipTimer);
        this.#chipTimer = 0;
        this.#drawChip();
        this.#emit('live-follow', {
            follow: this.follow,
            unseen: this.#unseen,
            paused: this.#paused,
        });
    }

    #near({ top, end, fits, asked }) {
        if (this.connection === 'closed' && !this.#window.endId) return;
        if (end && !this.#window.attached && !this.#paused) {
            this.#loading.newer ??= this.#load('newer', () => this.#source.loadNewer());
        }
        const filtered = this.#shown.filtered;
        const wanted = asked ? top : (top || fits) && !filtered && !this.#emptied;
        if (
            wanted &&
            !this.#window.reachedBegin &&
            Date.now() >= this.#older.until &&
            this.#window.endId
        ) {
            this.#emptied = false;
            this.loadOlder();
        }
    }

    #applyFilter() {
        const levels =
            this.#filter?.levels ??
            this.getAttribute('levels')
                ?.split(/[\s,]+/)
                .filter(Boolean) ??
            null;
        if (!this.#filter && !levels) this.#shown.setFilter(null);
        else this.#shown.setFilter({ text: '', ...this.#filter, levels });
        this.#marksChanged();
    }

    #listReplaced() {
        this.#dirty.lines = true;
        this.#rows.schedule();
    }

    #matchesChanged() {
        this.#dirty.match = true;
        this.#rows.schedule();
    }

    #patternError(of, error) {
        if (error === null && this.#patternErrors[of] === undefined) return;
        if (error === null) delete this.#patternErrors[of];
        else this.#patternErrors[of] = error;
        this.#emit('live-pattern', { of, error });
        if (error !== null) this.#marksChanged();
    }

    #choose(entry, align) {
        const before = this.#chosen;
        this.#chosen = entry;
        this.#dirty.match = true;
        if (before) this.#rows.nodes.get(before)?.classList.remove('selected');
        if (entry) {
            this.#rows.nodes.get(entry)?.classList.add('selected');
            if (align) this.#rows.show(entry, align);
        }
        if (before !== entry)
            this.#emit('live-select', { id: entry?.id ?? null, topic: entry?.topic ?? null });
    }

    #unfold(entry, open) {
        entry.open = open;
        this.#rows.setFollow(false);
        this.#rows.refresh(entry);
    }

    #find(id) {
        if (
            this.#chosen?.id === id &&
            this.#window.entries[indexAt(this.#window.entries, this.#chosen.pos)] === this.#chosen
        )
            return this.#chosen;
        return (
            this.#window.entries.findLast((entry) => entry.id === id && entry.data !== undefined) ??
            null
        );
    }

    #entryOf(node) {
        for (const [entry, row] of this.#rows.nodes) if (row === node) return entry;
        return null;
    }

    // --- drawing ---

    #view() {
        return {
            timeMode: this.timeMode,
            utc: this.utc,
            tags: this.#tags,
            columns: this.#columns,
            marks: (entry) => this.#marksOf(entry),
        };
    }

    #makeRow(entry) {
        this.#widenTags(entry);
        const row = makeRow(entry, this.#view());
        row.classList.toggle('selected', entry === this.#chosen);
        return row;
    }

    // The tags' column is as wide as the longest topic so far, within reason.
    #widenTags({ topic }) {
        const width = Math.min(TAG_MAX, topic?.length ?? 0);
        if (!this.#tags || width <= this.#tagWidth) return;
        this.#tagWidth = width;
        this.#parts.frame.style.setProperty('--tag-width', `${width}ch`);
        this.#gutterKnown = false;
    }

    // Found at once for plain text; for expressions the row is made anew when they have been found.
    #marksOf(entry) {
        const matcher = this.#shown.marker;
        if (!matcher) return null;
        if (this.#marks.has(entry)) return this.#marks.get(entry);
        const text = stripAnsi(shownData(entry));
        const answer = matcher.find([text]);
        if (!(answer instanceof Promise)) return answer[0];
        answer.then(([ranges]) => {
            if (!ranges || matcher !== this.#shown.marker || !this.#rows.nodes.has(entry)) return;
            this.#rows.refresh(entry);
            this.#marks.set(entry, ranges);
        });
        return null;
    }

    #marksChanged() {
        this.#marks.clear();
        this.#rows.refresh();
    }

    // What rows show beside the text has changed.
    #restyle() {
        this.#gutterKnown = false;
        const { frame, columns } = this.#parts;
        frame.classList.toggle('relative', this.timeMode === 'relative');
        drawColumns(columns, { columns: this.#columns, tags: this.#tags, timeMode: this.timeMode });
        this.#nameIt();
        this.#rows.refresh();
        this.#rows.relayout();
    }

    #wrapChanged() {
        this.#parts.frame.classList.toggle('wrap', this.wrap);
        this.#gutterKnown = false;
        this.#rows.wrap = this.wrap;
    }

    #nameIt() {
        this.#parts.scroller.setAttribute(
            'aria-label',
            this.getAttribute('label') ?? `Log ${this.topics.join(', ')}`,
        );
    }

    #measured() {
        const { scroller, probe, frame } = this.#parts;
        const { height, width } = probe.getBoundingClientRect();
        frame.style.setProperty('--view-width', `${scroller.clientWidth}px`);
        const text = this.#parts.block.querySelector('.log-text');
        const gutter = text
            ? text.getBoundingClientRect().left - this.#parts.block.getBoundingClientRect().left
            : 120;
        this.#rows.resized({
            rowPx: height,
            columns: Math.floor((scroller.clientWidth - gutter - 12) / (width / 10 || 8)),
        });
    }

    #drawn() {
        if (!this.#gutterKnown && this.#parts.block.querySelector('.log-text')) {
            this.#gutterKnown = true;
            this.#measured();
        }
        this.#drawHead();
        const empty = this.#window.entries.length === 0;
        const { none } = this.#parts;
        none.hidden = !empty && this.#shown.list.length > 0;
        if (!none.hidden) none.textContent = this.#emptyText(empty);
        if (this.#dirty.lines) {
            this.#dirty.lines = false;
            this.#emit('live-lines', {
                added: this.#added,
                total: this.lineCount,
                shown: this.shownCount,
                lastId: this.lastId ?? '',
            });
            this.#added = 0;
        }
        if (this.#dirty.match) {
            this.#dirty.match = false;
            this.#emit('live-match', this.matches);
        }
    }

    #emptyText(empty) {
        if (!empty) return 'None of the loaded lines passes the filter.';
        if (!this.topics.length) return 'No topic is chosen.';
        if (['connecting', 'reconnecting', 'offline', 'refused'].includes(this.connection))
            return '';
        return `Waiting for the first line of ${this.topics.join(', ')} …`;
    }

    #drawHead(loading = Boolean(this.#loading.older)) {
        const { headText, again } = this.#parts;
        let text = '';
        let button = '';
        if (this.#window.entries.length === 0 || !this.#window.endId) text = '';
        else if (this.#window.reachedBegin) text = 'The beginning: nothing older is kept.';
        else if (loading) text = 'Loading older lines …';
        else if (this.#older.error)
            [text, button] = [`Older lines could not be loaded: ${this.#older.error}`, 'Try again'];
        else button = 'Load older lines';
        if (headText.textContent !== text) headText.textContent = text;
        again.hidden = !button;
        if (again.textContent !== button) again.textContent = button;
    }

    #drawChip() {
        const { chip } = this.#parts;
        chip.hidden = this.follow || (this.#window.entries.length === 0 && !this.#paused);
        const count = this.#unseen.toLocaleString('en');
        const lines = this.#unseen === 1 ? '1 new line' : `${count} new lines`;
        let text = this.#unseen ? `↓ ${lines}` : '↓ Newest lines';
        if (this.#paused) text = this.#unseen ? `▶ Paused · ${lines}` : '▶ Paused';
        chip.classList.toggle('quiet', !this.#unseen);
        if (chip.textContent !== text) chip.textContent = text;
    }

    #drawState(state, { reason }) {
        const { state: node } = this.#parts;
        const words = {
            connecting: 'Connecting …',
            reconnecting: 'Reconnecting …',
            offline: 'Offline',
            refused: 'Refused',
        };
        const text = words[state] ? [words[state], reason].filter(Boolean).join(' ') : '';
        node.hidden = !text || (state === 'connecting' && !reason);
        node.classList.toggle('bad', state === 'refused');
        if (node.textContent !== text) node.textContent = text;
    }

    // Ages go on; nothing else moves by itself.
    #tick() {
        if (this.timeMode !== 'relative' || document.hidden) return;
        const view = this.#view();
        for (const [entry, row] of this.#rows.nodes) {
            const node = row.querySelector('.log-time');
            if (node) writeTime(node, entry, view);
        }
    }

    #watchScheme(signal) {
        const look = () => {
            const dark = schemeOf(this);
            if (
                dark !== this.#dark ||
                !this.#parts.frame.classList.contains(dark ? 'dark' : 'light')
            ) {
                this.#dark = dark;
                this.#parts.frame.classList.toggle('dark', dark);
                this.#parts.frame.classList.toggle('light', !dark);
            }
        };
        look();
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', look, { signal });
        const changes = new MutationObserver(look);
        changes.observe(document.documentElement, {
            attributes: true,
            attributeFilter: ['class', 'style', 'data-theme'],
        });
        changes.observe(this, {
            attributes: true,
            attributeFilter: ['class', 'style', 'data-theme'],
        });
        window.addEventListener('load', look, { signal });
        signal.addEventListener('abort', () => changes.disconnect());
    }

    // --- the reader ---

    #listen() {
        const { scroller, block, chip, again, columns } = this.#parts;
        chip.addEventListener('click', () => {
            this.toEnd();
            scroller.focus({ preventScroll: true });
        });
        again.addEventListener('click', () => {
            this.#older = { error: null, until: 0 };
            this.#rows.setFollow(false);
            this.loadOlder();
        });
        block.addEventListener('click', (event) => this.#clicked(event));
        columns.addEventListener('click', (event) => {
            const button = event.target.closest('.unpin');
            if (button) this.#pin(button.dataset.field);
        });
        scroller.addEventListener(
            'scroll',
            () => {
                columns.scrollLeft = scroller.scrollLeft;
            },
            { passive: true },
        );
        scroller.addEventListener('keydown', (event) =>
            handleKey(event, {
                log: this,
                rows: this.#rows,
                move: (step) => this.#move(step),
                open: () => this.#chosen && this.#unfold(this.#chosen, !this.#chosen.open),
                all: () => this.#selection.selectAll(),
            }),
        );
    }

    #clicked(event) {
        const pin = event.target.closest('.json-key');
        if (pin) {
            this.#pin(pin.dataset.field);
            return;
        }
        let row = event.target;
        while (row && row.parentNode !== this.#parts.block) row = row.parentNode;
        const entry = row && this.#entryOf(row);
        if (!entry || entry.data === undefined) return;
        if (event.target.closest('.log-fold, .log-more')) this.#unfold(entry, !entry.open);
        else if (!this.#selection.active) this.#choose(entry);
    }

    #pin(name) {
        const columns = this.#columns.includes(name)
            ? this.#columns.filter((other) => other !== name)
            : [...this.#columns, name];
        this.columns = columns;
        this.#emit('live-columns', { columns });
    }

    // The line above or below the selected one; the first or last in sight when there is none.
    #move(step) {
        const list = this.#shown.list;
        const { first, last } = this.#rows.visible();
        let index = this.#chosen
            ? indexAt(list, this.#chosen.pos) + step
            : indexAt(list, (step > 0 ? first : last)?.pos ?? 0);
        while (index > 0 && index < list.length - 1 && list[index].data === undefined)
            index += step;
        index = Math.min(index, list.length - 1);
        if (index < 0) this.#near({ top: true, asked: true });
        const entry = list[Math.max(0, index)];
        if (!entry || entry.data === undefined) return;
        this.#choose(entry, 'nearest');
        this.#say(rowLabel(entry, this.#view()));
    }

    // For screen readers: only what the reader has asked for. The log itself says nothing by itself.
    #say(text) {
        this.#parts.said.textContent = text;
    }

    #emit(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
    }
}

function positive(text, otherwise, most) {
    const n = Number(text);
    return text !== null && Number.isInteger(n) && n > 0 ? Math.min(n, most) : otherwise;
}

function publicLine({ id, topic, type, time, data, level }) {
    return { id, topic, type, time, data, level };
}

if (globalThis.customElements && !customElements.get('live-log'))
    customElements.define('live-log', LiveLog);
