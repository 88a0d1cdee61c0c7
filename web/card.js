// SPDX-License-Identifier: MIT
// A card behind an icon button: opening it starts its connection, closing it (the icon again, the card's own button, Escape)
// ends the connection. Shows the connection's state, what there is to say about it, and the field for a missing key.
import { Badge } from './badge.js';
import { el } from './dom.js';

export class Card {
    #section;
    #button;
    #badge;
    #note;
    #hint;
    #on;

    // `section` holds .badge, .card-close, .card-note (what is wrong) and .card-hint (what there is to know while it is empty).
    // open() and close() are called after the card has been shown and hidden.
    constructor({ section, button, open, close }) {
        this.#section = section;
        this.#button = button;
        this.#badge = new Badge(section.querySelector('.badge'));
        this.#note = section.querySelector('.card-note');
        this.#hint = section.querySelector('.card-hint');
        this.#on = { open, close };
        button.addEventListener('click', () => (this.isOpen ? this.close() : this.open()));
        section.querySelector('.card-close').addEventListener('click', () => this.close());
    }

    get isOpen() {
        return !this.#section.hidden;
    }

    // Whether the keyboard is in the card or on its button.
    get hasFocus() {
        return this.#section.contains(document.activeElement) || document.activeElement === this.#button;
    }

    open() {
        if (this.isOpen) return;
        this.#section.hidden = false;
        this.#button.setAttribute('aria-expanded', 'true');
        this.#on.open();
    }

    close() {
        if (!this.isOpen) return;
        const hadFocus = this.#section.contains(document.activeElement);
        this.#section.hidden = true;
        this.#button.setAttribute('aria-expanded', 'false');
        if (hadFocus) this.#button.focus();
        this.note();
        this.hint();
        this.#on.close();
    }

    // As Stream's onState: for a refused connection `onKey(key)` is offered when a key would help.
    setState(state, detail, onKey) {
        this.#badge.set(state, detail);
        if (state === 'refused' && detail.status === 401) this.#askForKey(detail.reason, onKey);
        else if (state === 'refused') this.note(`The hub refused: ${detail.reason}`);
        else if (state === 'ended') this.note('This topic has been closed by its publisher. Everything it had has arrived.');
        else this.note(detail.reason);
    }

    tick() {
        this.#badge.tick();
    }

    note(...content) {
        show(this.#note, content);
    }

    hint(...content) {
        show(this.#hint, content);
    }

    #askForKey(reason, onKey) {
        const field = el('input', {
            type: 'password', name: 'key', autocomplete: 'off', required: true, spellcheck: 'false', 'aria-label': 'Access key',
        });
        const form = el('form', { class: 'key-form', onsubmit: (event) => {
            event.preventDefault();
            onKey(field.value.trim());
        } }, field, el('button', { type: 'submit' }, 'Use this key'));
        this.note(
            el('p', {}, 'A key is needed to read this hub.'),
            reason ? el('p', { class: 'reason' }, reason) : null,
            form,
        );
    }
}

function show(place, content) {
    const given = content.filter((part) => part !== null && part !== undefined && part !== '');
    place.hidden = given.length === 0;
    place.replaceChildren(...given);
}
