// SPDX-License-Identifier: MIT
// Selecting and copying over rows of which most are not in the page.
//
// The two ends of a selection are remembered as an entry and an offset in its text. Their rows stay
// in the page, so that the browser's own selection survives while the reader scrolls. What is
// copied comes from the entries themselves: exactly the lines, without times and tags. Of a line
// that is selected in part it is what its row shows.
import { lineText } from './line-text.js';
import { isLine } from './log-window.js';

/** @import { Entry, Line } from './log-window.js' */

/** @typedef {{ entry: Entry, offset: number | null }} End offset null: not in the text itself */
/** @typedef {{ anchor: End, focus: End }} Ends */

/**
 * @typedef {object} SelectionOwner
 * @property {(row: Node) => Entry | null} entryOf
 * @property {() => Entry[]} list
 * @property {(entries: Entry[]) => void} keep their rows stay in the page
 * @property {() => void} drawing the reader has begun to select
 * @property {() => Entry | null} chosen the selected line
 */

/**
 * A shadow root has a selection of its own in Chromium; elsewhere the document's is asked for it.
 * @typedef {ShadowRoot & { getSelection?: () => Selection | null }} Root
 */

const textOf = (/** @type {Line} */ { data }) => lineText(data);

export class LogSelection {
    #root;
    #block;
    #on;
    /** @type {Ends | null} */
    #ends = null;
    #all = false;
    #allSince = 0;

    /**
     * @param {Root} root
     * @param {HTMLElement} block
     * @param {SelectionOwner} on
     */
    constructor(root, block, on) {
        this.#root = root;
        this.#block = block;
        this.#on = on;
    }

    /** @param {AbortSignal} signal */
    listen(signal) {
        document.addEventListener('selectionchange', () => this.#changed(), { signal });
        this.#root.addEventListener(
            'copy',
            (event) => this.#copy(/** @type {ClipboardEvent} */ (event)),
            {
                signal,
            },
        );
    }

    get active() {
        return this.#ends !== null || this.#all;
    }

    // All shown lines, also those that are not in the page.
    selectAll() {
        const selection = this.#native();
        if (!selection || !this.#block.firstChild) return;
        this.#all = true;
        this.#on.drawing();
        selection.setBaseAndExtent(this.#block, 0, this.#block, this.#block.childNodes.length);
        this.#allSince = performance.now();
    }

    // The selected text, or null.
    text() {
        const list = this.#on.list();
        if (this.#all) return joined(list);
        if (!this.#ends) return null;
        const [a, b] = ordered(this.#ends);
        if (a.entry === b.entry)
            return a.offset === null || !isLine(a.entry)
                ? null
                : between(a.entry, a.offset, b.offset);
        return list
            .filter(isLine)
            .filter(({ pos }) => pos >= a.entry.pos && pos <= b.entry.pos)
            .map((entry) => {
                if (entry === a.entry) return a.offset === null ? '' : between(entry, a.offset);
                return entry === b.entry ? between(entry, 0, b.offset) : textOf(entry);
            })
            .join('\n');
    }

    #native() {
        return this.#root.getSelection?.() ?? document.getSelection();
    }

    // {anchorNode, anchorOffset, focusNode, focusOffset} inside the element's shadow tree, or null.
    #range() {
        const selection = this.#native();
        if (!selection || (selection.isCollapsed && !this.#root.getSelection)) return null;
        if (this.#root.getSelection || !selection.getComposedRanges)
            return selection.rangeCount ? selection : null;
        const [range] = selection.getComposedRanges({ shadowRoots: [this.#root] });
        if (!range || range.collapsed) return null;
        return {
            anchorNode: range.startContainer,
            anchorOffset: range.startOffset,
            focusNode: range.endContainer,
            focusOffset: range.endOffset,
        };
    }

    #changed() {
        const found = this.#range();
        if (this.#all && performance.now() - this.#allSince > 100) this.#all = false;
        const anchor = found && this.#end(found.anchorNode, found.anchorOffset);
        const focus = found && this.#end(found.focusNode, found.focusOffset);
        const empty =
            !anchor ||
            !focus ||
            (found.anchorNode === found.focusNode && found.anchorOffset === found.focusOffset);
        if (empty) {
            if (this.#ends) this.#on.keep([]);
            this.#ends = null;
            return;
        }
        if (!this.#ends) this.#on.drawing();
        this.#ends = { anchor, focus };
        this.#on.keep([...new Set([anchor.entry, focus.entry])]);
    }

    /**
     * The entry, and the offset in its text, of a point in the page.
     * @param {Node | null} node
     * @param {number} offset
     * @returns {End | null}
     */
    #end(node, offset) {
        if (!node || !this.#block.contains(node)) return null;
        if (node === this.#block) {
            const row = node.childNodes[offset] ?? node.lastChild;
            const entry = row && this.#on.entryOf(row);
            return entry
                ? { entry, offset: node.childNodes[offset] ? 0 : textLength(entry) }
                : null;
        }
        let row = node;
        while (row.parentNode && row.parentNode !== this.#block) row = row.parentNode;
        const entry = this.#on.entryOf(row);
        if (!entry) return null;
        if (!(row instanceof Element)) return { entry, offset: 0 };
        const text = row.querySelector('.log-text');
        if (!text || entry.data === undefined) return { entry, offset: 0 };
        const tree = row.querySelector('.log-json');
        if (tree?.contains(node)) return { entry, offset: null };
        const range = document.createRange();
        range.selectNodeContents(text);
        const where = range.comparePoint(node, offset);
        if (where < 0) return { entry, offset: 0 };
        if (where > 0) return { entry, offset: textLength(entry) };
        range.setEnd(node, offset);
        return { entry, offset: range.toString().length };
    }

    /** @param {ClipboardEvent} event */
    #copy(event) {
        const chosen = this.#on.chosen();
        const text = this.active ? this.text() : chosen && isLine(chosen) ? textOf(chosen) : null;
        if (text === null || !event.clipboardData) return;
        event.clipboardData.setData('text/plain', text);
        event.preventDefault();
    }
}

/**
 * The part of what the row shows between two offsets; the line itself when that is all.
 * @param {Line} line
 * @param {number} from
 * @param {number | null} [to]
 */
function between(line, from, to = null) {
    const shown = line.drawn.replace(/\n$/, '');
    return from === 0 && (to === null || to >= shown.length)
        ? textOf(line)
        : shown.slice(from, to ?? undefined);
}

/** @param {Entry} entry */
function textLength(entry) {
    return isLine(entry) ? entry.drawn.length : 0;
}

/**
 * @param {Ends} ends
 * @returns {[End, End]}
 */
function ordered({ anchor, focus }) {
    const before = anchor.entry.pos - focus.entry.pos || (anchor.offset ?? 0) - (focus.offset ?? 0);
    return before <= 0 ? [anchor, focus] : [focus, anchor];
}

/**
 * All lines of the list as text.
 * @param {readonly Entry[]} list
 */
export function joined(list) {
    return list.filter(isLine).map(textOf).join('\n');
}
