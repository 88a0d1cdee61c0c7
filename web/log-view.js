// SPDX-License-Identifier: MIT
// The lines of a log: a bounded number of rows, written in one go for each frame, following the newest unless the reader
// has scrolled up.
//
// A row is <div class="log-line" data-id data-topic data-time>; its text content is exactly the line, so that copying gives the
// log and nothing else: time and topic are drawn by the style sheet. Text is only ever a text node.
import { el, setText } from './dom.js';
import { clockText, countText } from './format.js';

export const ROWS_MAX = 2000;
const LINE_CHARACTERS_MAX = 20_000; // of one line on the page; a browser lays out longer ones too slowly to scroll
const NEAR_END_PX = 8;

export class LogView {
    #root;
    #jump;
    #queue = [];
    #frame = 0;
    #follow = true;
    #unseen = 0;
    #showTopics = false;

    // `root` is the scrolling element, `jump` the button that leads back to the newest line.
    constructor({ root, jump }) {
        this.#root = root;
        this.#jump = jump;
        root.addEventListener('scroll', () => this.#scrolled(), { passive: true });
        // A scroll event comes a frame late; at high rates the next lines would pull the reader back before it.
        root.addEventListener('wheel', (event) => event.deltaY < 0 && this.#leaveEnd(), { passive: true });
        root.addEventListener('keydown', (event) => {
            if (['ArrowUp', 'PageUp', 'Home'].includes(event.key)) this.#leaveEnd();
        });
        jump.addEventListener('click', () => this.toEnd());
        new ResizeObserver(() => this.#follow && this.#scrollToEnd()).observe(root);
    }

    // Names the topic of each row, for streams of several.
    set showTopics(show) {
        this.#showTopics = show;
    }

    get empty() {
        return this.#root.childElementCount === 0 && this.#queue.length === 0;
    }

    // {id, topic, time: Date, text}
    append(line) {
        this.#push(line);
    }

    // A line of our own between those of the log: what is missing, what happened.
    note(text) {
        this.#push({ note: text });
    }

    clear() {
        this.#queue = [];
        this.#root.replaceChildren();
        this.#setFollow(true);
    }

    toEnd() {
        this.#setFollow(true);
        this.#scrollToEnd();
        this.#root.focus({ preventScroll: true });
    }

    #push(entry) {
        this.#queue.push(entry);
        // A hidden page gets no frames: what would be removed again at once is not kept.
        if (this.#queue.length > 2 * ROWS_MAX) this.#queue.splice(0, this.#queue.length - ROWS_MAX);
        this.#frame ||= requestAnimationFrame(() => this.#flush());
    }

    #flush() {
        this.#frame = 0;
        if (this.#queue.length === 0) return;
        const entries = this.#queue.slice(-ROWS_MAX);
        this.#queue = [];
        const anchor = this.#follow ? null : this.#place();
        this.#trim(this.#root.childElementCount + entries.length - ROWS_MAX);
        const rows = document.createDocumentFragment();
        for (const entry of entries) rows.append(entry.note === undefined ? this.#row(entry) : noteRow(entry.note));
        this.#root.append(rows);
        if (this.#follow) {
            this.#scrollToEnd();
        } else {
            this.#restore(anchor);
            this.#unseen += entries.length;
            this.#showJump();
        }
    }

    #trim(count) {
        if (count <= 0) return;
        const range = document.createRange();
        range.setStart(this.#root, 0);
        range.setEnd(this.#root, Math.min(count, this.#root.childNodes.length));
        range.deleteContents();
    }

    // The reader's lines stay where they are when older ones above them go: the newest row is the mark to measure by.
    #place() {
        const row = this.#root.lastElementChild;
        return { row, top: row?.offsetTop, scrollTop: this.#root.scrollTop };
    }

    #restore({ row, top, scrollTop }) {
        if (row?.isConnected && row.offsetTop !== top) this.#root.scrollTop = scrollTop + row.offsetTop - top;
    }

    #row({ id, topic, time, text }) {
        const cut = text.length - LINE_CHARACTERS_MAX;
        return el('div', {
            class: 'log-line',
            'data-id': id,
            'data-topic': topic,
            'data-tag': this.#showTopics ? topic : null,
            'data-time': clockText(time),
        }, text.slice(0, LINE_CHARACTERS_MAX), cut > 0 ? cutMark(cut) : null);
    }

    #scrolled() {
        const { scrollHeight, scrollTop, clientHeight } = this.#root;
        this.#setFollow(scrollHeight - scrollTop - clientHeight < NEAR_END_PX);
    }

    #leaveEnd() {
        if (this.#root.scrollHeight > this.#root.clientHeight && this.#root.scrollTop > 0) this.#setFollow(false);
    }

    #setFollow(follow) {
        if (follow) this.#unseen = 0;
        this.#follow = follow;
        this.#showJump();
    }

    #showJump() {
        this.#jump.hidden = this.#follow;
        setText(this.#jump, this.#unseen ? `↓ ${countText(this.#unseen, 'new line')}` : '↓ Newest lines');
    }

    #scrollToEnd() {
        this.#root.scrollTop = this.#root.scrollHeight;
    }
}

function noteRow(text) {
    return el('div', { class: 'log-note' }, text);
}

function cutMark(count) {
    return el('span', { class: 'log-cut' }, `… ${countText(count, 'more character')}`);
}
