// SPDX-License-Identifier: MIT
// Virtual rows: of a long list only the entries near the viewport are in the page.
//
// Rows may have any height. A row that has not been in the page has an estimated one. When a row is
// measured, and when entries come or go above, the entry at the top of the viewport (the anchor)
// stays where it is, to the pixel. While following, the end stays in sight. All changes to the page
// happen once per frame; the list may change at any time in between, after a call of before().
//
// The reader's own scrolling is never undone: scrolling up (wheel, keys, touch, scroll bar, drawing
// a selection) stops the following at once, and only arriving at the end starts it again.
import { indexAt } from './log-window.js';

/** @import { Entry } from './log-window.js' */

/**
 * The entry at the top of the viewport: delta px of it were above when scrollTop was `at` (null:
 * the scroll position has been lost since).
 * @typedef {{ entry: Entry, pos: number, delta: number, at: number | null }} Anchor
 */

/** @typedef {'nearest' | 'middle'} Align nearest: no further than needed */

/**
 * Where an entry is to be put: delta px of it above the viewport, or aligned.
 * @typedef {{ entry: Entry, pos: number } & ({ delta: number, align?: undefined } | { align: Align
 *     })} Target
 */

/**
 * How close the reader is to the list's ends. asked: wants to go further up; fits: all of the list
 * is in sight.
 * @typedef {{ top?: boolean, end?: boolean, fits?: boolean, asked?: boolean }} Ends
 */

/**
 * @typedef {object} RowsListener
 * @property {() => Entry[]} list
 * @property {(entry: Entry) => HTMLElement} row makes the entry's node
 * @property {(entry: Entry) => void} dropped the entry's node has left the page
 * @property {(follow: boolean) => void} follow
 * @property {() => void} frame after each frame
 * @property {() => boolean} atEnd whether the list's end is the newest line
 * @property {(ends: Ends) => void} near
 */

const OVERSCAN = 0.6; // of a viewport, above and below
const OVERSCAN_ROWS = 6;
const END_PX = 6;
const PASSES_MAX = 4;
const HEAD_PX = 34; // room for the head note
const FOOT_PX = 10;
const FOLDED_ROWS = 3; // as log-style.js has it

export class LogRows {
    follow = true;
    folds = true; // long lines are folded to a few rows
    #scroller;
    #sizer;
    #block;
    #on;
    #list;
    #tops = new Float64Array(64);
    #frame = 0;
    /** @type {Anchor | null} */
    #anchor = null;
    /** @type {Map<Entry, HTMLElement>} */
    #nodes = new Map(); // those in the page
    /** @type {Entry[]} */
    #kept = []; // entries that stay in the page wherever they are: the ends of a selection
    #layout = 0; // number of the layout that heights belong to
    #rowPx = 20;
    #columns = 80; // characters of a line that fit, when wrapped
    #wrap = false;
    #viewPx = 0;
    #widthPx = 0;
    #contentPx = 0; // widest row so far, unwrapped
    #setTop = 0; // where we scrolled to
    #held = false; // the pointer or a finger has the scroll position
    #drawn = 0; // entries of the list that tops are known for
    /** @type {{ entries: Entry[], tops: number[] }} */
    #drawnRows = { entries: [], tops: [] };
    #range = { from: 0, to: 0 };
    /** @type {{ entry: Entry, align: Align } | null} */
    #wanted = null; // to be brought into view in the next frame

    /**
     * @param {{ scroller: HTMLElement, sizer: HTMLElement, block: HTMLElement, on: RowsListener }}
     *     parts
     */
    constructor({ scroller, sizer, block, on }) {
        this.#scroller = scroller;
        this.#sizer = sizer;
        this.#block = block;
        this.#on = on;
        this.#list = on.list;
        this.#listen();
    }

    get range() {
        return this.#range;
    }

    get nodes() {
        return this.#nodes;
    }

    get viewPx() {
        return this.#viewPx;
    }

    /**
     * Whether the entry is where the reader looks, or will be in the next frame.
     * @param {Entry} entry
     */
    isNear(entry) {
        const { entries } = this.#drawnRows;
        return (
            this.#wanted !== null ||
            (entries.length > 0 &&
                entry.pos >= entries[0].pos &&
                entry.pos <= entries[entries.length - 1].pos)
        );
    }

    /** @param {boolean} wrap */
    set wrap(wrap) {
        this.#wrap = wrap;
        this.relayout();
    }

    // Before the list changes in any way but at its end.
    before() {
        if (this.#anchor || this.follow) return;
        this.#anchor = this.#anchorNow();
    }

    // There is something to draw.
    schedule() {
        this.#frame ||= requestAnimationFrame(() => {
            this.#frame = 0;
            this.#draw();
        });
    }

    /**
     * What rows show has changed: they are replaced.
     * @param {Entry | null} [entry] without it all
     */
    refresh(entry = null) {
        this.before();
        if (entry) {
            const node = this.#nodes.get(entry);
            if (!node) return;
            entry.heightOf = -1;
            this.#remove(entry, node);
        } else {
            for (const [each, node] of this.#nodes) this.#remove(each, node);
        }
        this.schedule();
    }

    // Every height is uncertain: other width, other font, other wrapping.
    relayout() {
        this.before();
        this.#layout++;
        this.#contentPx = 0;
        this.#block.style.minWidth = '';
        this.schedule();
    }

    /** @param {boolean} follow */
    setFollow(follow) {
        if (follow === this.follow) return;
        if (!follow) this.#anchor = null;
        this.follow = follow;
        this.#on.follow(follow);
        if (follow) this.schedule();
    }

    toStart() {
        this.setFollow(false);
        this.#anchor = null;
        this.#scrollTo(0);
        this.schedule();
    }

    /**
     * @param {Entry} entry
     * @param {Align} [align]
     */
    show(entry, align = 'nearest') {
        this.setFollow(false);
        this.#wanted = { entry, align };
        this.schedule();
    }

    // The entry at the top of the viewport, and at its end.
    visible() {
        const list = this.#list();
        if (!list.length) return { first: null, last: null };
        this.#measureTops();
        const top = this.#scroller.scrollTop;
        const at = (/** @type {number} */ px) =>
            list[Math.min(list.length - 1, this.#indexAtPx(px))];
        return { first: at(top + 1), last: at(top + this.#viewPx - 1) };
    }

    /** @param {1 | -1} direction */
    page(direction) {
        if (direction < 0) this.setFollow(false);
        this.#scroller.scrollTop +=
            direction * Math.max(this.#rowPx, this.#viewPx - 2 * this.#rowPx);
    }

    /**
     * Entries that stay in the page although they are out of sight.
     * @param {Entry[]} entries
     */
    keep(entries) {
        this.#kept = entries;
    }

    /**
     * The size of the viewport or of a row may have changed.
     * @param {{ rowPx: number, columns: number }} size
     */
    resized({ rowPx, columns }) {
        const { clientHeight, clientWidth } = this.#scroller;
        if (clientHeight === 0) {
            this.#hidden();
            return;
        }
        const same =
            rowPx === this.#rowPx && clientWidth === this.#widthPx && columns === this.#columns;
        this.#viewPx = clientHeight;
        this.#widthPx = clientWidth;
        this.#rowPx = rowPx || 20;
        this.#columns = Math.max(8, columns);
        if (same) this.schedule();
        else this.relayout();
    }

    // The element is hidden at the moment, which may lose the scroll position: later the reader is
    // brought back to the same place.
    #hidden() {
        if (this.#viewPx === 0) return;
        this.#viewPx = 0;
        if (!this.follow) this.#anchor = this.#anchorAt(this.#setTop);
        if (this.#anchor) this.#anchor.at = null;
    }

    #listen() {
        const { style } = this.#scroller;
        style.overflowAnchor = 'none';
        const passive = { passive: true };
        this.#scroller.addEventListener('scroll', () => this.#scrolled(), passive);
        // A scroll event comes a frame late. At high rates the next lines would pull the reader
        // back before it.
        this.#scroller.addEventListener(
            'wheel',
            (event) => {
                if (event.deltaY < 0) this.#up();
            },
            passive,
        );
        let touchY = 0;
        this.#scroller.addEventListener(
            'touchstart',
            (event) => {
                touchY = event.touches[0].clientY;
            },
            passive,
        );
        this.#scroller.addEventListener(
            'touchmove',
            (event) => {
                const y = event.touches[0].clientY;
                if (y > touchY + 2) this.#up();
                touchY = y;
            },
            passive,
        );
        // On the scroll bar itself: nothing moves while the reader holds it.
        this.#scroller.addEventListener('pointerdown', (event) => {
            if (event.target !== this.#scroller || event.button !== 0) return;
            this.#held = true;
            const free = () => {
                this.#held = false;
                window.removeEventListener('pointerup', free, true);
                window.removeEventListener('pointercancel', free, true);
                this.#scrolled();
                this.schedule();
            };
            window.addEventListener('pointerup', free, true);
            window.addEventListener('pointercancel', free, true);
        });
    }

    #up() {
        if (
            this.follow &&
            this.#tops[this.#list().length] > this.#viewPx &&
            this.#scroller.scrollTop > 0
        )
            this.setFollow(false);
        if (this.#scroller.scrollTop <= this.#viewPx) this.#on.near({ top: true, asked: true });
    }

    #scrolled() {
        const { scrollTop } = this.#scroller;
        if (this.#viewPx === 0) return;
        const end = Math.max(0, this.#total() - this.#viewPx);
        if (this.follow) {
            if (scrollTop < this.#setTop - 2 && scrollTop < end - END_PX) this.setFollow(false);
        } else if (
            !this.#held &&
            scrollTop >= end - END_PX &&
            scrollTop >= this.#setTop - 1 &&
            this.#on.atEnd()
        ) {
            this.setFollow(true);
        }
        if (!this.follow) this.#setTop = scrollTop;
        this.schedule();
    }

    #total() {
        return this.#tops[this.#drawn] + FOOT_PX;
    }

    // By the rows that are in the page: the list may have lost entries above them since it was
    // drawn.
    #anchorNow() {
        return this.#anchorAt(this.#scroller.scrollTop);
    }

    /**
     * @param {number} scrollTop
     * @returns {Anchor | null}
     */
    #anchorAt(scrollTop) {
        const { entries, tops } = this.#drawnRows;
        let index = tops.findLastIndex((top) => top <= scrollTop);
        if (index >= 0 && index < entries.length - 1) {
            return {
                entry: entries[index],
                pos: entries[index].pos,
                delta: scrollTop - tops[index],
                at: scrollTop,
            };
        }
        const list = this.#list();
        if (this.#drawn === 0 || list.length === 0) return null;
        index = Math.min(this.#indexAtPx(scrollTop), list.length - 1, this.#drawn - 1);
        return {
            entry: list[index],
            pos: list[index].pos,
            delta: scrollTop - this.#tops[index],
            at: scrollTop,
        };
    }

    /**
     * First index whose row reaches below px.
     * @param {number} px
     */
    #indexAtPx(px) {
        let low = 0;
        let high = this.#drawn;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.#tops[middle + 1] <= px) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    #measureTops() {
        const list = this.#list();
        const count = list.length;
        if (this.#tops.length <= count) this.#tops = new Float64Array(2 * count + 64);
        const tops = this.#tops;
        let top = HEAD_PX;
        for (let i = 0; i < count; i++) {
            tops[i] = top;
            const entry = list[i];
            if (entry.heightOf !== this.#layout) this.#estimate(entry);
            top += entry.height;
        }
        tops[count] = top;
        this.#drawn = count;
    }

    /** @param {Entry} entry */
    #estimate(entry) {
        entry.heightOf = this.#layout;
        const { data } = entry;
        if (data === undefined) {
            entry.height = 1.8 * this.#rowPx;
            return;
        }
        let lines = 1;
        const most = this.folds && !entry.open ? FOLDED_ROWS : 500;
        if (this.#wrap && data.length > this.#columns)
            lines = Math.ceil(Math.min(data.length, 8000) / this.#columns);
        const end = data.length - 1;
        for (
            let at = data.indexOf('\n');
            at >= 0 && at < end && lines < most;
            at = data.indexOf('\n', at + 1)
        )
            lines++;
        entry.height = Math.min(lines, most) * this.#rowPx;
    }

    #draw() {
        if (this.#viewPx === 0) return;
        const target = this.#anchorTarget();
        for (let pass = 0; pass < PASSES_MAX; pass++) {
            this.#measureTops();
            this.#size();
            this.#place(target);
            this.#fill();
            if (!this.#measure()) break;
        }
        this.#anchor = null;
        this.#wanted = null;
        const { from, to } = this.#range;
        this.#drawnRows = {
            entries: this.#list().slice(from, to),
            tops: Array.from(this.#tops.subarray(from, to)),
        };
        this.#on.frame();
        this.#nearEnds();
    }

    /**
     * What is to be where: taken once, before anything moves.
     * @returns {Target | null}
     */
    #anchorTarget() {
        if (this.#wanted)
            return {
                entry: this.#wanted.entry,
                pos: this.#wanted.entry.pos,
                align: this.#wanted.align,
            };
        if (this.follow) return null;
        this.#anchor ??= this.#anchorNow();
        if (!this.#anchor) return null;
        const { entry, pos, delta, at } = this.#anchor;
        return { entry, pos, delta: at === null ? delta : delta + this.#scroller.scrollTop - at };
    }

    #size() {
        this.#sizer.style.height = `${this.#total()}px`;
    }

    /** @param {Target | null} target */
    #place(target) {
        if (this.#held) return;
        if (target) {
            const list = this.#list();
            if (!list.length) return;
            const index = Math.min(indexAt(list, target.pos), list.length - 1);
            const there = list[index] === target.entry;
            const top = this.#tops[index];
            if (target.align === undefined) {
                this.#scrollTo(top + (there ? target.delta : 0));
            } else {
                this.#scrollTo(this.#aligned(top, list[index].height, target.align));
            }
        } else if (this.follow) {
            this.#scrollTo(Math.max(0, this.#total() - this.#viewPx));
        }
    }

    /**
     * @param {number} top
     * @param {number} height
     * @param {Align} align
     */
    #aligned(top, height, align) {
        const { scrollTop } = this.#scroller;
        const margin = Math.min(2 * this.#rowPx, this.#viewPx / 4);
        const inside =
            top >= scrollTop + margin / 2 && top + height <= scrollTop + this.#viewPx - margin / 2;
        if (inside) return scrollTop;
        if (align === 'middle') return top - Math.max(margin, (this.#viewPx - height) / 3);
        return top < scrollTop + margin / 2
            ? top - margin
            : Math.min(top - margin, top + height + margin - this.#viewPx);
    }

    /** @param {number} px */
    #scrollTo(px) {
        const top = Math.max(0, px);
        if (Math.abs(this.#scroller.scrollTop - top) >= 0.5) this.#scroller.scrollTop = top;
        this.#setTop = this.#scroller.scrollTop;
    }

    // The nodes of the rows near the viewport, in order; those that are there already stay.
    #fill() {
        const list = this.#list();
        const top = (this.#setTop =
            this.#held || !this.follow ? this.#scroller.scrollTop : this.#setTop);
        const more = Math.max(OVERSCAN * this.#viewPx, OVERSCAN_ROWS * this.#rowPx);
        const from = Math.min(this.#indexAtPx(top - more), list.length);
        let to = Math.min(this.#indexAtPx(top + this.#viewPx + more) + 1, list.length);
        if (to < from) to = from;
        this.#range = { from, to };
        const wanted = new Set(this.#kept);
        for (let i = from; i < to; i++) wanted.add(list[i]);
        for (const [entry, node] of this.#nodes) if (!wanted.has(entry)) this.#remove(entry, node);
        this.#block.style.top = `${this.#tops[from]}px`;
        /** @type {ChildNode | null} */
        let cursor = this.#block.firstChild;
        const first = from < to ? list[from].pos : Infinity;
        const last = from < to ? list[to - 1].pos : -Infinity;
        const put = (/** @type {Entry} */ entry, /** @type {boolean} */ away) => {
            let node = this.#nodes.get(entry);
            if (!node) this.#nodes.set(entry, (node = this.#on.row(entry)));
            node.classList.toggle('kept', away);
            if (node === cursor) cursor = cursor.nextSibling;
            else this.#block.insertBefore(node, cursor);
        };
        const kept = this.#kept.toSorted((a, b) => a.pos - b.pos);
        for (const entry of kept) if (entry.pos < first) put(entry, true);
        for (let i = from; i < to; i++) put(list[i], false);
        for (const entry of kept) if (entry.pos > last && entry.pos >= first) put(entry, true);
    }

    /**
     * @param {Entry} entry
     * @param {Element} node
     */
    #remove(entry, node) {
        node.remove();
        this.#nodes.delete(entry);
        this.#on.dropped(entry);
    }

    // True when a row has another height than was thought.
    #measure() {
        const list = this.#list();
        let changed = false;
        for (let i = this.#range.from; i < this.#range.to; i++) {
            const entry = list[i];
            const height = this.#nodes.get(entry)?.getBoundingClientRect().height ?? entry.height;
            if (Math.abs(height - entry.height) < 0.01) continue;
            entry.height = height;
            changed = true;
        }
        if (!this.#wrap) this.#widen();
        return changed;
    }

    // The width only grows, so that the horizontal scroll bar keeps still while rows come and go.
    #widen() {
        const width = Math.max(this.#widthPx, this.#block.scrollWidth);
        if (width <= this.#contentPx) return;
        this.#contentPx = width;
        this.#block.style.minWidth = width > this.#widthPx ? `${width}px` : '';
    }

    #nearEnds() {
        if (this.#held) return;
        const top = this.#setTop;
        const far = this.#total() - top - this.#viewPx;
        this.#on.near({
            fits: this.#total() <= this.#viewPx + HEAD_PX,
            top: !this.follow && top < 1.5 * this.#viewPx,
            end: far < 1.5 * this.#viewPx,
        });
    }
}
