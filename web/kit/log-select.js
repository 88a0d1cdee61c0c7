// SPDX-License-Identifier: MIT
// Selecting and copying over rows of which most are not in the page.
//
// The two ends of a selection are remembered as (entry, offset in its text); their rows stay in the page, so the browser's own selection
// lives on while the reader scrolls. What is copied comes from the entries themselves: exactly the lines, without times and tags.
import { stripAnsi } from './ansi.js';

const textOf = (entry) => stripAnsi(entry.data).replace(/\n$/, '');

export class Selection {
    #root;
    #block;
    #on;
    #ends = null; // {anchor, focus}: {entry, offset}, offset null: not in the text itself
    #all = false;
    #allSince = 0;

    // on: entryOf(node) the entry of a row; list(); keep(entries); drawing(): the reader is selecting; chosen() the selected line or null
    constructor(root, block, on) {
        this.#root = root;
        this.#block = block;
        this.#on = on;
    }

    listen(signal) {
        document.addEventListener('selectionchange', () => this.#changed(), { signal });
        this.#root.addEventListener('copy', (event) => this.#copy(event), { signal });
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
            return a.offset === null ? null : textOf(a.entry).slice(a.offset, b.offset);
        const lines = list.filter(
            (entry) =>
                entry.data !== undefined && entry.pos >= a.entry.pos && entry.pos <= b.entry.pos,
        );
        return lines
            .map((entry) => {
                const text = textOf(entry);
                if (entry === a.entry) return a.offset === null ? '' : text.slice(a.offset);
                return entry === b.entry ? text.slice(0, b.offset ?? undefined) : text;
            })
            .join('\n');
    }

    #native() {
        return this.#root.getSelection?.() ?? document.getSelection();
    }

    // {anchorNode, anchorOffset, focusNode, focusOffset} inside our shadow tree, or null.
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

    // The entry and the offset in its text that a point of the page stands for.
    #end(node, offset) {
        if (!this.#block.contains(node)) return null;
        if (node === this.#block) {
            const row = node.childNodes[offset] ?? node.lastChild;
            const entry = row && this.#on.entryOf(row);
            return entry
                ? { entry, offset: node.childNodes[offset] ? 0 : textLength(entry) }
                : null;
        }
        let row = node;
        while (row.parentNode !== this.#block) row = row.parentNode;
        const entry = this.#on.entryOf(row);
        if (!entry) return null;
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

    #copy(event) {
        const chosen = this.#on.chosen();
        const text = this.active ? this.text() : chosen && textOf(chosen);
        if (text === null || text === undefined) return;
        event.clipboardData.setData('text/plain', text);
        event.preventDefault();
    }
}

function textLength(entry) {
    return entry.data === undefined ? 0 : textOf(entry).length;
}

function ordered({ anchor, focus }) {
    const before = anchor.entry.pos - focus.entry.pos || (anchor.offset ?? 0) - (focus.offset ?? 0);
    return before <= 0 ? [anchor, focus] : [focus, anchor];
}

// All lines of the list as text.
export function joined(list) {
    return list
        .filter((entry) => entry.data !== undefined)
        .map(textOf)
        .join('\n');
}
