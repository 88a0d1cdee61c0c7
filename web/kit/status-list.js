// SPDX-License-Identifier: MIT
// The cards of all statuses, in groups and in order.
//
// * Order. A card whose place has changed moves after a moment, when the reader's pointer rests:
// none ever jumps away from under it. What the reader asks for (another order, a search) is done at
// once.
// * Size. Thousands of cards are thousands of empty boxes of a known height; only those near the
// screen have content.
import { closest, el, setText } from './dom.js';
import { icon } from './status-icons.js';
import { StatusCard } from './status-card.js';
import { compareNames, read } from './status-store.js';
import { CLASSES, CLASS_TEXT } from './status-words.js';

/** @import { Class, StatusFilter } from './live-status.js' */
/** @import { Status, StatusStore } from './status-store.js' */

/**
 * roots: the fixed beginnings of the patterns, "status/" of "status/**". group: how many parts of
 * the topic name the group.
 * @typedef {object} ListOptions
 * @property {string} sort
 * @property {'auto' | 'none' | number} group
 * @property {number} historyMax
 * @property {string[]} roots
 */

/**
 * @typedef {object} Group
 * @property {HTMLElement} node
 * @property {HTMLElement} list
 * @property {HTMLElement} sum
 * @property {HTMLElement} button
 */

/** @typedef {[string, Status[]]} Ordered the key of a group, and its statuses in order */

// Up to so many cards all have content: the browser's own search finds it.
const ALWAYS_FILLED = 300;
const SETTLE_MS = 800; // order changes at most so often, and
const SETTLE_COSTS = 20; // not before so many times what the last change took
const POINTER_REST_MS = 2500; // a pointer that has not moved for so long is not about to press
const WAIT_MAX_MS = 15_000;
const MOVES_ANIMATED = 120;
const NEAR = '600px 0px';
const UNWELL = CLASSES.indexOf('stale') + 1; // as urgent as this, a group does not go by its name

/** @typedef {(a: Status, b: Status) => number} Order */

/** @type {Order} */
const byName = (a, b) => a.rank - b.rank;
/** @type {Record<string, Order>} */
const ORDERS = {
    worst: (a, b) => a.severity - b.severity || byName(a, b),
    name: byName,
    newest: (a, b) => b.since - a.since || byName(a, b),
};

export class StatusList {
    #root;
    #store;
    #link;
    /** @type {Map<string, StatusCard>} */
    #cards = new Map(); // by topic
    /** @type {Map<string, Group>} */
    #groups = new Map(); // by key
    /** @type {Set<string>} */
    #folded = new Set();
    /** @type {StatusCard[]} */
    #shown = []; // in order
    /** @type {ListOptions} */
    #options = { sort: 'worst', group: 'auto', historyMax: 20, roots: [] };
    /** @type {Required<StatusFilter>} */
    #filter = { text: '', kinds: null };
    #observer;
    #dueSince = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    #pointerAt = 0; // when the pointer last moved over the list; 0 when it is not there
    #keyAt = 0;
    /** @type {StatusCard | null} */
    #current = null; // the card that Tab leads to
    #arranged = false;
    #settleMs = SETTLE_MS;
    #nothing = el('p', { class: 'nothing', hidden: true });
    /** @type {(topic: string, open: boolean) => void} */
    onToggle = () => {};

    /**
     * @param {object} options
     * @param {HTMLElement} options.root
     * @param {StatusStore} options.store
     * @param {(topic: string) => string} options.link its own address
     */
    constructor({ root, store, link }) {
        this.#root = root;
        this.#store = store;
        this.#link = link;
        root.append(this.#nothing);
        this.#observer = new IntersectionObserver((entries) => this.#seen(entries), {
            rootMargin: NEAR,
            scrollMargin: NEAR,
        });
        root.addEventListener(
            'pointermove',
            () => {
                this.#pointerAt = performance.now();
            },
            { passive: true },
        );
        root.addEventListener(
            'pointerleave',
            () => {
                this.#pointerAt = 0;
            },
            { passive: true },
        );
        root.addEventListener('keydown', (event) => this.#key(event));
        root.addEventListener('focusin', (event) => this.#focused(event));
    }

    get shownCount() {
        return this.#shown.length;
    }

    /** @param {Partial<ListOptions>} options */
    configure(options) {
        this.#options = { ...this.#options, ...options };
        for (const card of this.#cards.values()) card.update();
        this.#arrange();
    }

    /** @param {Required<StatusFilter>} filter */
    set filter(filter) {
        this.#filter = filter;
        this.#arrange();
    }

    /**
     * Shows statuses that have changed.
     * @param {Iterable<Status>} changed
     * @param {Set<Status>} news those that deserve a flash
     */
    update(changed, news) {
        let added = false,
            moved = false;
        const { sort } = this.#options;
        for (const status of changed) {
            let card = this.#cards.get(status.topic);
            if (!card) {
                card = this.#add(status);
                added = true;
            } else {
                card.update();
                if (news.has(status)) card.flash();
                moved ||= sort !== 'name' || this.#isFiltered();
            }
        }
        if (added) this.#want(true);
        else if (moved) this.#want(false);
    }

    tick() {
        for (const card of this.#cards.values()) if (card.near) card.tick();
    }

    /**
     * Opens the card of a topic and brings it into view. False when there is none.
     * @param {string} topic
     */
    open(topic) {
        const card = this.#cards.get(topic);
        if (!card) return false;
        this.#arrange();
        if (!card.node.isConnected) return false;
        const [key] = [...this.#groups].find(([, group]) => group.list.contains(card.node)) ?? [];
        if (key !== undefined && this.#folded.has(key)) this.#fold(key);
        this.#setOpen(card, true);
        this.#setCurrent(card);
        card.node.scrollIntoView({ block: 'center' });
        return true;
    }

    clear() {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#dueSince = 0;
        this.#observer.disconnect();
        for (const { node } of this.#groups.values()) node.remove();
        this.#groups.clear();
        this.#cards.clear();
        this.#shown = [];
        this.#current = null;
        this.#arranged = false;
        this.#nothing.hidden = true;
    }

    /** @param {Status} status */
    #add(status) {
        const list = this;
        const card = new StatusCard(status, {
            link: this.#link,
            get historyMax() {
                return list.#options.historyMax;
            },
            now: () => this.#store.now(),
            toggle: (one) => {
                this.#setOpen(one, !one.isOpen);
                this.#setCurrent(one);
            },
        });
        card.node.addEventListener('animationend', () => card.node.classList.remove('changed'));
        this.#cards.set(status.topic, card);
        card.update();
        return card;
    }

    // When to put things in order.

    /** @param {boolean} added */
    #want(added) {
        this.#dueSince ||= performance.now();
        if (added && !this.#isBusy()) this.#arrange();
        else this.#timer ??= setTimeout(this.#try, this.#settleMs);
    }

    #try = () => {
        this.#timer = undefined;
        if (this.#isBusy() && performance.now() - this.#dueSince < WAIT_MAX_MS)
            this.#timer = setTimeout(this.#try, SETTLE_MS / 2);
        else this.#arrange();
    };

    #isBusy() {
        const now = performance.now();
        return (
            (this.#pointerAt > 0 && now - this.#pointerAt < POINTER_REST_MS) ||
            (this.#keyAt > 0 && now - this.#keyAt < POINTER_REST_MS)
        );
    }

    // The order.

    #isFiltered() {
        return this.#filter.text !== '' || this.#filter.kinds !== null;
    }

    #passes = (/** @type {Status} */ status) => {
        const { text, kinds } = this.#filter;
        if (kinds && (status.class === '' || !kinds.has(status.class))) return false;
        if (!text) return true;
        const { word, detail, value } = read(status.now);
        const said = `${status.topic}\n${word}\n${detail}\n${value}`.toLowerCase();
        return text
            .toLowerCase()
            .split(/\s+/)
            .every((part) => said.includes(part));
    };

    /**
     * The topic without what all of them have in common.
     * @param {string} topic
     */
    #short(topic) {
        let best = '';
        for (const root of this.#options.roots)
            if (topic.startsWith(root) && topic.length > root.length && root.length > best.length)
                best = root;
        return { root: best, rest: topic.slice(best.length) };
    }

    /**
     * The key of a status' group. Its trailing "/" tells a group from the rest, which is "".
     * @param {Status} status
     */
    #groupKey({ topic }) {
        const { group } = this.#options;
        if (group === 'none') return '';
        const { root, rest } = group === 'auto' ? this.#short(topic) : { root: '', rest: topic };
        const segments = rest.split('/');
        const depth = Math.min(group === 'auto' ? 1 : group, segments.length - 1);
        const key = depth > 0 ? `${root}${segments.slice(0, depth).join('/')}/` : '';
        return this.#short(topic).root.startsWith(key) ? '' : key;
    }

    /**
     * What should be shown. A group of one is none, unless a depth was asked for.
     * @returns {Ordered[]}
     */
    #order() {
        this.#store.rank();
        /** @type {Map<string, Status[]>} */
        const groups = new Map();
        for (const status of this.#store.statuses.values()) {
            if (!this.#cards.has(status.topic)) continue;
            const key = this.#groupKey(status);
            const group = groups.get(key);
            if (group) group.push(status);
            else groups.set(key, [status]);
        }
        if (this.#options.group === 'auto') {
            for (const [key, statuses] of groups) {
                if (key === '' || statuses.length > 1) continue;
                groups.delete(key);
                groups.set('', [...(groups.get('') ?? []), ...statuses]);
            }
        }
        const compare = ORDERS[this.#options.sort] ?? ORDERS.worst;
        /** @type {Ordered[]} */
        const found = [...groups].map(([key, statuses]) => [
            key,
            statuses.filter(this.#passes).sort(compare),
        ]);
        return found
            .filter(([, statuses]) => statuses.length)
            .sort((a, b) => this.#compareGroups(a, b));
    }

    /**
     * Those with the worst first; of those that are well the rest last.
     * @param {Ordered} a
     * @param {Ordered} b
     */
    #compareGroups([a, inA], [b, inB]) {
        const [[first], [second]] = [inA, inB];
        const { sort } = this.#options;
        if (sort === 'newest') return second.since - first.since;
        if (sort === 'worst' && Math.min(first.severity, second.severity) < UNWELL) {
            // Of two that fail the smaller one first: what fails in the other is not far below.
            const worse = first.severity - second.severity || inA.length - inB.length;
            if (worse) return worse;
        }
        return Number(a === '') - Number(b === '') || compareNames(a, b);
    }

    #arrange() {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#dueSince = 0;
        const begun = performance.now();
        const order = this.#order();
        const cards = order.flatMap(([, statuses]) => statuses.map((one) => this.#cardOf(one)));
        const before = this.#positions(cards);
        const root = /** @type {Document | ShadowRoot} */ (this.#root.getRootNode());
        const focused = root.activeElement;
        /** @type {HTMLElement} */
        let place = this.#nothing;
        const gone = new Set(this.#groups.keys());
        for (const [key, statuses] of order) {
            gone.delete(key);
            const group = this.#groups.get(key) ?? this.#addGroup(key);
            if (place.nextSibling !== group.node) place.after(group.node);
            place = group.node;
            this.#arrangeGroup(key, group, statuses);
        }
        for (const key of gone) {
            this.#groups.get(key)?.node.remove();
            this.#groups.delete(key);
        }
        this.#shown = cards;
        this.#root.toggleAttribute(
            'data-grouped',
            order.length > 1 || (order[0]?.[0] ?? '') !== '',
        );
        if (focused instanceof HTMLElement && focused !== root.activeElement && focused.isConnected)
            focused.focus({ preventScroll: true });
        this.#nothing.hidden = cards.length > 0 || !this.#isFiltered();
        if (!this.#nothing.hidden) setText(this.#nothing, 'No status matches.');
        this.#window();
        if (!this.#current?.node.isConnected) this.#setCurrent(cards[0] ?? null);
        this.#animate(before);
        this.#arranged = cards.length > 0;
        this.#settleMs = Math.max(SETTLE_MS, SETTLE_COSTS * (performance.now() - begun));
    }

    /**
     * The card of a status that has one.
     * @param {Status} status
     */
    #cardOf(status) {
        return this.#cards.get(status.topic) ?? this.#add(status);
    }

    /**
     * @param {string} key
     * @param {Group} group
     * @param {Status[]} statuses
     */
    #arrangeGroup(key, group, statuses) {
        const { list } = group;
        /** @type {ChildNode | null} */
        let at = list.firstChild;
        for (const status of statuses) {
            const card = this.#cardOf(status);
            this.#label(card, key);
            if (at === card.node) {
                at = at.nextSibling;
            } else if (at && at.nextSibling === card.node) {
                // It is the one that has moved: one step in place of moving all that follow.
                list.append(at);
                at = card.node.nextSibling;
            } else {
                list.insertBefore(card.node, at);
            }
            this.#observer.observe(card.node);
        }
        while (at) {
            /** @type {ChildNode | null} */
            const next = at.nextSibling;
            at.remove();
            at = next;
        }
        this.#summarize(key, group, statuses);
    }

    /**
     * @param {StatusCard} card
     * @param {string} key
     */
    #label(card, key) {
        const { topic } = card.status;
        const rest =
            key && topic.startsWith(key) ? topic.slice(key.length) : this.#short(topic).rest;
        const cut = rest.lastIndexOf('/') + 1;
        card.label(rest.slice(0, cut), rest.slice(cut) || rest);
    }

    // Groups.

    /**
     * @param {string} key
     * @returns {Group}
     */
    #addGroup(key) {
        const list = el('ul', { class: 'cards' });
        const sum = el('span', { class: 'group-sum' });
        const button = el(
            'button',
            {
                type: 'button',
                class: 'group-button',
                'aria-expanded': 'true',
                onclick: () => this.#fold(key),
            },
            icon('fold'),
            el('span', { class: 'group-name' }, this.#groupName(key)),
        );
        const node = el(
            'section',
            { class: 'group', part: 'group', 'data-group': key },
            el('h2', { class: 'group-head' }, button, sum),
            list,
        );
        const group = { node, list, sum, button };
        this.#groups.set(key, group);
        this.#showFold(key, group);
        return group;
    }

    /**
     * @param {string} key
     * @param {Group} group
     * @param {Status[]} statuses
     */
    #summarize(key, { list, sum }, statuses) {
        list.setAttribute('aria-label', this.#groupName(key));
        /** @type {Map<Class | '', number>} */
        const counts = new Map();
        for (const { class: name } of statuses) counts.set(name, (counts.get(name) ?? 0) + 1);
        const parts = CLASSES.filter((name) => counts.has(name)).map((name) =>
            el(
                'span',
                { class: 'group-count', 'data-kind': name },
                icon(name),
                `${counts.get(name)} ${CLASS_TEXT[name]}`,
            ),
        );
        sum.replaceChildren(...parts);
    }

    /** @param {string} key */
    #groupName(key) {
        return key ? (this.#short(key).rest || key).slice(0, -1) : 'Others';
    }

    /** @param {string} key */
    #fold(key) {
        if (!this.#folded.delete(key)) this.#folded.add(key);
        const group = this.#groups.get(key);
        if (group) this.#showFold(key, group);
    }

    /**
     * @param {string} key
     * @param {Group} group
     */
    #showFold(key, { node, button }) {
        const folded = this.#folded.has(key);
        node.toggleAttribute('data-folded', folded);
        button.setAttribute('aria-expanded', String(!folded));
    }

    // What has content.

    #window() {
        const all = this.#shown.length <= ALWAYS_FILLED;
        for (const card of this.#shown) {
            if (all || card.near) card.fill();
            else if (card !== this.#current) card.empty();
        }
    }

    /** @param {IntersectionObserverEntry[]} entries */
    #seen(entries) {
        const all = this.#shown.length <= ALWAYS_FILLED;
        for (const { target, isIntersecting } of entries) {
            const card = this.#cards.get(target.getAttribute('data-topic') ?? '');
            if (!card || card.node !== target) continue;
            card.near = isIntersecting;
            if (isIntersecting) {
                card.fill();
                card.tick();
            } else if (!all && card !== this.#current) {
                card.empty();
            }
        }
    }

    // Cards that found another place glide there.

    /** @param {StatusCard[]} cards */
    #positions(cards) {
        if (
            !this.#arranged ||
            cards.length > ALWAYS_FILLED ||
            matchMedia('(prefers-reduced-motion: reduce)').matches
        )
            return null;
        return new Map(
            cards
                .filter((card) => card.near && card.node.isConnected)
                .map((card) => [card, card.node.getBoundingClientRect()]),
        );
    }

    /** @param {Map<StatusCard, DOMRect> | null} before */
    #animate(before) {
        if (!before) return;
        /** @type {[StatusCard, number, number][]} */
        const moved = [];
        for (const [card, from] of before) {
            const to = card.node.getBoundingClientRect();
            const x = from.left - to.left,
                y = from.top - to.top;
            if (Math.abs(x) + Math.abs(y) > 1) moved.push([card, x, y]);
        }
        if (moved.length > MOVES_ANIMATED) return;
        for (const [card, x, y] of moved) {
            card.node.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }], {
                duration: 260,
                easing: 'ease-out',
            });
        }
    }

    // The keyboard: one card can be reached by Tab, arrows lead to the others, Enter opens, Escape
    // closes.

    /** @param {StatusCard | null} card */
    #setCurrent(card) {
        if (this.#current === card) return;
        const before = this.#current;
        before?.button?.setAttribute('tabindex', '-1');
        this.#current = card;
        card?.fill();
        card?.button?.setAttribute('tabindex', '0');
    }

    /**
     * @param {StatusCard} card
     * @param {boolean} open
     */
    #setOpen(card, open) {
        if (open === card.isOpen) return;
        card.setOpen(open);
        this.onToggle(card.status.topic, open);
    }

    /** @param {Event} event */
    #focused(event) {
        const card = this.#cardOfEvent(event);
        if (card) this.#setCurrent(card);
    }

    /** @param {Event} event */
    #cardOfEvent(event) {
        return this.#cards.get(closest(event, '.card')?.dataset.topic ?? '');
    }

    /** @param {StatusCard} card */
    #columns(card) {
        return getComputedStyle(card.node.parentElement ?? card.node).gridTemplateColumns.split(' ')
            .length;
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const { key, target } = event;
        const card = this.#cardOfEvent(event);
        if (!card || event.altKey || event.ctrlKey || event.metaKey) return;
        this.#keyAt = performance.now();
        if (key === 'Escape' && card.isOpen) {
            this.#setOpen(card, false);
            card.button?.focus();
        } else if (target === card.button) {
            const at = this.#shown.indexOf(card);
            const last = this.#shown.length - 1;
            const columns = this.#columns(card);
            /** @type {Record<string, number>} */
            const places = {
                Home: 0,
                End: last,
                ArrowRight: at + 1,
                ArrowLeft: at - 1,
                ArrowDown: at + columns,
                ArrowUp: at - columns,
            };
            if (!(key in places)) return;
            const next = Math.max(0, Math.min(last, places[key]));
            this.#setCurrent(this.#shown[next]);
            this.#shown[next].button?.focus();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }
}
