// SPDX-License-Identifier: MIT
// <live-log>: a live log in a page; what it offers is in live-log.d.ts.
//
//   LogSource      the hub: newest lines, live ones, history   log-source.js, log-merge.js
//   LogWindow      the loaded lines, bounded                   log-window.js
//   Shown          which of them are shown, which match        log-shown.js, log-match.js
//   LogRows        the rows near the viewport                  log-rows.js, log-row.js, log-text.js
//   LogSelection   selecting and copying over all rows         log-select.js
//   listenToReader pointer and keys                            log-reader.js, log-keys.js
//   LogTags        colours of topics                           log-tags.js
//   LogAttributes  the attributes as properties                log-attributes.js
//   buildFrame, …  what is around the rows                     log-frame.js
//
// This file holds the other properties, and connects the parts.
import { joined, LogSelection } from './log-select.js';
import { isPattern } from './hub-topics.js';
import { listenToReader } from './log-reader.js';
import { LogRows } from './log-rows.js';
import { LogSource } from './log-source.js';
import { makeRow, rowLabel, writeTime } from './log-row.js';
import {
    buildFrame,
    drawChip,
    drawColumns,
    drawHead,
    drawState,
    markClamped,
    measure,
    watchScheme,
} from './log-frame.js';
import {
    elementOf,
    hubRootOf,
    levelsOf,
    LogAttributes,
    upgradeProperties,
} from './log-attributes.js';
import { LogFollow } from './log-follow.js';
import { histogramOf } from './log-histogram.js';
import { LogHistory } from './log-history.js';
import { LogMarks } from './log-marks.js';
import { Shown } from './log-shown.js';
import { logSheet } from './log-style.js';
import { LogTags } from './log-tags.js';
import { LogWindow, indexAt, isLine, reaches } from './log-window.js';

export { tagColor, tagIndex } from './log-time.js';
export { LEVELS } from './levels.js';

/** @import { LiveLog as Declared, LogFilter, LogLine } from './live-log.js' */
/** @import { View } from './log-row.js' */
/** @import { Align, Ends } from './log-rows.js' */
/** @import { Entry, Line, WindowChange } from './log-window.js' */
/** @import { LiveDetail, LiveState } from './tailrace.js' */

const PROPERTIES =
    'hub key last maxLines timeMode utc wrap whole topics columns filter query showTopics'.split(
        ' ',
    );

/** @implements {Declared} */
export class LiveLog extends LogAttributes {
    #parts;
    #window;
    #source;
    #shown;
    /** @type {LogRows} */
    #rows;
    #selection;
    /** @type {LogFollow} */
    #follow;
    #history;
    #marks;
    /** @type {AbortController | null} */
    #life = null; // while in the page
    /** @type {string | null} */
    #key = null;
    /** @type {'auto' | boolean} */
    #showTopics = 'auto';
    /** @type {string[]} */
    #columns = [];
    /** @type {LogFilter | null} */
    #filter = null;
    #added = 0; // since the last live-lines
    /** @type {Line | null} */
    #chosen = null; // the selected line
    #stopped = false; // disconnect() was called
    #startQueued = false;
    #dirty = { lines: false, match: false };
    #gutterKnown = false;
    /** @type {LogTags} */
    #tagged;
    #fits = 80; // characters of text in a row
    /** @type {Set<'filter' | 'query'>} */
    #refused = new Set(); // whose expression cannot be used

    constructor() {
        super();
        const root = this.attachShadow({ mode: 'open' });
        root.adoptedStyleSheets = [logSheet()];
        this.#parts = buildFrame(root);
        this.#tagged = new LogTags(this.#parts.frame);
        this.#window = new LogWindow({
            linesMax: this.maxLines,
            onBefore: () => this.#rows.before(),
            onChange: (change) => this.#windowChanged(change),
            onHeadLost: (lost) => this.#source.headLost(lost),
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
                dropped: (entry) => isLine(entry) && this.#dropped(entry),
                follow: () => this.#follow.rowsChanged(),
                frame: () => this.#drawn(),
                atEnd: () => this.#window.attached && !this.paused,
                near: (ends) => this.#near(ends),
            },
        });
        this.#follow = new LogFollow(this.#window, this.#rows, () => this.#tellFollow());
        this.#selection = new LogSelection(root, this.#parts.block, {
            entryOf: (node) => this.#entryOf(node),
            list: () => this.#shown.list,
            keep: (entries) => this.#rows.keep(entries),
            drawing: () => this.#rows.setFollow(false),
            chosen: () => this.#chosen,
        });
        this.#history = new LogHistory(this.#window, this.#source, () => {
            this.#drawHead();
            this.#rows.schedule();
        });
        this.#marks = new LogMarks(this.#shown, (line) => {
            if (!this.#rows.nodes.has(line)) return false;
            this.#rows.refresh(line);
            return true;
        });
        this.#listen();
    }

    // --- life ---

    connectedCallback() {
        upgradeProperties(this, PROPERTIES);
        this.#life = new AbortController();
        const { signal } = this.#life;
        this.#selection.listen(signal);
        watchScheme(elementOf(this), this.#parts.frame, signal);
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
        this.#tagged.begin([]);
    }

    /**
     * @param {string} name
     * @param {string | null} before
     * @param {string | null} value
     */
    attributeChangedCallback(name, before, value) {
        if (before === value) return;
        if (['hub', 'topic', 'key', 'last'].includes(name)) this.#queueStart();
        else if (name === 'max-lines') this.#window.linesMax = this.maxLines;
        else if (name === 'levels') this.#applyFilter();
        else if (name === 'wrap') this.#wrapChanged();
        else if (this.#parts) this.#restyle();
        this.#nameIt();
    }

    /** Focuses the lines, for the keyboard. @override */
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
        this.#tagged.begin(topics.filter((topic) => !isPattern(topic)));
        this.select(null);
        this.#history.emptied = false;
        this.#history.reset();
        this.#follow.resume();
        this.#window.linesMax = this.maxLines;
        this.#window.replace([], '', { attached: true });
        this.#rows.setFollow(true);
        this.#follow.seen();
        this.#restyle();
        this.#source.start({ hub: hubRootOf(this), key: this.key, topics, last: this.last });
    }

    // --- properties ---

    get key() {
        return this.#key ?? this.getAttribute('key');
    }
    set key(value) {
        if (this.#key === (value || null)) return;
        this.#key = value || null;
        this.#queueStart();
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
        return this.#follow.unseen;
    }
    get lineCount() {
        return this.#window.entries.reduce((sum, entry) => sum + (isLine(entry) ? 1 : 0), 0);
    }
    get shownCount() {
        return this.#shown.list.reduce((sum, entry) => sum + (isLine(entry) ? 1 : 0), 0);
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
        return this.#follow.following;
    }
    set follow(value) {
        if (value) this.toEnd();
        else this.#rows.setFollow(false);
    }
    get paused() {
        return this.#follow.paused;
    }
    set paused(value) {
        if (Boolean(value) === this.paused) return;
        if (value) this.#follow.pause();
        else if (this.#follow.resume()) this.toEnd();
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

    get #tags() {
        const { topics } = this;
        if (this.#showTopics !== 'auto') return this.#showTopics;
        return topics.length > 1 || topics.some(isPattern);
    }

    // --- going about ---

    next() {
        return this.#step(1);
    }
    previous() {
        return this.#step(-1);
    }

    /** @param {1 | -1} direction */
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

    /** @param {string | null} id */
    select(id) {
        const entry = id === null ? null : this.#find(id);
        if (id !== null && !entry) return false;
        this.#choose(entry, 'nearest');
        return true;
    }

    toEnd() {
        this.#follow.resume();
        if (!this.#window.jumpToEnd()) this.#source.restart();
        this.#follow.seen();
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
        this.#history.emptied = true;
        this.#follow.seen();
        this.#rows.setFollow(true);
    }

    /** @param {string} id */
    async goTo(id) {
        // A start that is queued comes first, with its lines: it would lead away again.
        await null;
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
                const lines = this.#window.entries.filter(isLine);
                const near = lines.find((line) => reaches(line.id, id)) ?? lines.at(-1);
                if (near) this.#choose(near, 'middle');
                return false;
            }
        }
        this.#choose(this.#find(id), 'middle');
        return true;
    }

    /**
     * @param {string} id
     * @param {boolean} [open]
     */
    unfold(id, open) {
        const entry = this.#find(id);
        if (!entry) return false;
        this.#unfold(entry, open ?? !entry.open);
        return true;
    }

    *lines({ shown = false } = {}) {
        for (const entry of [...(shown ? this.#shown.list : this.#window.entries)]) {
            if (isLine(entry)) yield publicLine(entry);
        }
    }

    histogram(most = 60) {
        return histogramOf(this.#shown.list.filter(isLine), most);
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
        return this.#history.loadOlder();
    }

    // --- what happens ---

    /**
     * Before the entries go into the window. True: when it is full, the oldest go.
     * @param {Entry[]} entries
     */
    #arrived(entries) {
        const lines = entries.filter(isLine).length;
        this.#added += lines;
        this.#dirty.lines = true;
        return this.#follow.arrived(lines);
    }

    /** @param {WindowChange} change */
    #windowChanged(change) {
        this.#shown.update(change);
        if (change.reset) this.#dropChosen();
        this.#dirty.lines = true;
        this.#rows.schedule();
    }

    #dropChosen() {
        if (this.#chosen && !this.#find(this.#chosen.id)) this.#choose(null);
    }

    /**
     * @param {LiveState} state
     * @param {Partial<LiveDetail>} detail
     */
    #stateChanged(state, detail) {
        drawState(this.#parts.state, state, detail.reason);
        this.#rows.schedule();
        this.#emit('live-state', { state, detail });
    }

    #tellFollow() {
        const { follow, unseen, paused } = this;
        const isHidden = follow || (this.#window.entries.length === 0 && !paused);
        drawChip(this.#parts.chip, { isHidden, isPaused: paused, unseen });
        this.#emit('live-follow', { follow, unseen, paused });
    }

    /** @param {Ends} ends */
    #near(ends) {
        const isFiltered = this.#shown.filtered;
        this.#history.near(ends, { isPaused: this.paused, isFiltered });
    }

    #applyFilter() {
        const levels = this.#filter?.levels ?? levelsOf(this);
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

    /**
     * @param {'filter' | 'query'} of
     * @param {string | null} error null: all is well again
     */
    #patternError(of, error) {
        if (error === null && !this.#refused.has(of)) return;
        if (error === null) this.#refused.delete(of);
        else this.#refused.add(of);
        this.#emit('live-pattern', { of, error });
        if (error !== null) this.#marksChanged();
    }

    /**
     * @param {Line | null} entry
     * @param {Align} [align]
     */
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

    /**
     * @param {Entry} entry
     * @param {boolean} open
     */
    #unfold(entry, open) {
        entry.open = open;
        this.#rows.setFollow(false);
        this.#rows.refresh(entry);
    }

    /**
     * @param {string} id
     * @returns {Line | null}
     */
    #find(id) {
        const { entries } = this.#window;
        const chosen = this.#chosen;
        if (chosen?.id === id && entries[indexAt(entries, chosen.pos)] === chosen) return chosen;
        const found = entries.findLast((entry) => isLine(entry) && entry.id === id);
        return found && isLine(found) ? found : null;
    }

    /** @param {Node} node */
    #entryOf(node) {
        for (const [entry, row] of this.#rows.nodes) if (row === node) return entry;
        return null;
    }

    // --- drawing ---

    /** @returns {View} */
    #view() {
        return {
            timeMode: this.timeMode,
            utc: this.utc,
            tags: this.#tags,
            columns: this.#columns,
            folds: !this.whole,
            fits: this.#fits,
            marked: (line) => this.#marks.of(line, !this.whole),
        };
    }

    /** @param {Line} line */
    #dropped(line) {
        this.#marks.drop(line);
        line.drawn = '';
    }

    /** @param {Entry} entry */
    #makeRow(entry) {
        if (entry.topic && this.#tags && this.#tagged.show(entry.topic)) this.#gutterKnown = false;
        const row = makeRow(entry, this.#view());
        row.classList.toggle('selected', entry === this.#chosen);
        return row;
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
        this.#rows.folds = !this.whole;
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
        const { frame, scroller } = this.#parts;
        frame.style.setProperty('--view-width', `${scroller.clientWidth}px`);
        const size = measure(this.#parts);
        this.#fits = size.columns;
        this.#rows.resized(size);
    }

    #drawn() {
        if (!this.#gutterKnown && this.#parts.block.querySelector('.log-text')) {
            this.#gutterKnown = true;
            this.#measured();
        }
        this.#drawHead();
        if (markClamped(this.#rows.nodes.values())) this.#rows.schedule();
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

    #drawHead() {
        drawHead(this.#parts, {
            isEmpty: this.#window.entries.length === 0 || !this.#window.endId,
            isBegin: this.#window.reachedBegin,
            isLoading: this.#history.isLoading,
            error: this.#history.error,
        });
    }

    /** @param {boolean} empty */
    #emptyText(empty) {
        if (!empty) return 'None of the loaded lines passes the filter.';
        if (!this.topics.length) return 'No topic is chosen.';
        if (['connecting', 'reconnecting', 'offline', 'refused'].includes(this.connection))
            return '';
        const names = this.topics.join(', ');
        if (this.#source.isKnown) return `Waiting for the first line of ${names} …`;
        return this.topics.length === 1 && !isPattern(names)
            ? `There is no topic ${names} (yet). Its first line will appear here.`
            : `No topic is ${names} (yet). The first line will appear here.`;
    }

    // Ages go on; nothing else moves by itself.
    #tick() {
        if (this.timeMode !== 'relative' || document.hidden) return;
        const view = this.#view();
        for (const [entry, row] of this.#rows.nodes) {
            /** @type {HTMLElement | null} */
            const node = row.querySelector('.log-time');
            if (node && isLine(entry)) writeTime(node, entry, view);
        }
    }

    // --- the reader ---

    #listen() {
        listenToReader(this.#parts, {
            toEnd: () => {
                this.toEnd();
                this.focus();
            },
            again: () => {
                this.#history.reset();
                this.#rows.setFollow(false);
                this.loadOlder();
            },
            pin: (field) => this.#pin(field),
            unfold: (line) => this.#unfold(line, !line.open),
            choose: (line) => this.#choose(line),
            entryOf: (row) => this.#entryOf(row),
            isSelecting: () => this.#selection.active,
            keys: () => ({
                log: this,
                rows: this.#rows,
                move: (step) => this.#move(step),
                open: () => this.#chosen && this.#unfold(this.#chosen, !this.#chosen.open),
                all: () => this.#selection.selectAll(),
            }),
        });
    }

    /** @param {string} name */
    #pin(name) {
        const columns = this.#columns.includes(name)
            ? this.#columns.filter((other) => other !== name)
            : [...this.#columns, name];
        this.columns = columns;
        this.#emit('live-columns', { columns });
    }

    /**
     * To the line above or below the selected one; to the first or last in sight without one.
     * @param {1 | -1} step
     */
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
        if (!entry || !isLine(entry)) return;
        this.#choose(entry, 'nearest');
        this.#say(rowLabel(entry, this.#view()));
    }

    /**
     * For screen readers: only what the reader has asked for. New lines are not announced.
     * @param {string} text
     */
    #say(text) {
        this.#parts.said.textContent = text;
    }

    /**
     * @param {string} type
     * @param {object} detail
     */
    #emit(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
    }
}

/**
 * @param {Line} line
 * @returns {LogLine}
 */
function publicLine({ id, topic, type, time, own, data, level }) {
    const written = own ? new Date(own.ms).toISOString() : null;
    return { id, topic, type, time, written, data, level };
}

if (globalThis.customElements && !customElements.get('live-log')) {
    const element = /** @type {unknown} */ (LiveLog);
    customElements.define('live-log', /** @type {CustomElementConstructor} */ (element));
}
