// SPDX-License-Identifier: MIT
// A small panel that opens under its button. Escape, the button, or a click elsewhere closes it.
import { el } from '../kit/dom.js';

const GAP_PX = 4;
const EDGE_PX = 8;
let count = 0;

export class Popup {
    #button;
    #panel;

    /**
     * @param {HTMLButtonElement} button
     * @param {object} options
     * @param {string} options.label its name for screen readers
     * @param {(panel: HTMLElement) => void} options.build fills it, each time it opens
     * @param {string} [options.className]
     */
    constructor(button, { label, build, className = '' }) {
        this.#button = button;
        this.#panel = el('div', {
            class: `popup ${className}`,
            id: `popup-${++count}`,
            popover: 'auto',
            role: 'dialog',
            'aria-label': label,
        });
        button.after(this.#panel);
        button.setAttribute('aria-haspopup', 'dialog');
        button.popoverTargetElement = this.#panel;
        this.#panel.addEventListener('beforetoggle', (event) => {
            if (event.newState !== 'open') return;
            delete this.#panel.dataset.placed;
            this.#panel.replaceChildren();
            build(this.#panel);
        });
        this.#panel.addEventListener('toggle', (event) => {
            button.setAttribute('aria-expanded', String(event.newState === 'open'));
            if (event.newState === 'open') this.#place();
        });
        // A key pressed in here is not one of the page's.
        this.#panel.addEventListener('keydown', (event) => event.stopPropagation());
    }

    get isOpen() {
        return this.#panel.matches(':popover-open');
    }

    open() {
        if (!this.isOpen) this.#panel.showPopover();
    }

    close() {
        if (this.isOpen) this.#panel.hidePopover();
    }

    #place() {
        const button = this.#button.getBoundingClientRect();
        const { offsetWidth: width, offsetHeight: height } = this.#panel;
        const left = Math.min(button.left, innerWidth - width - EDGE_PX);
        const below = button.bottom + GAP_PX;
        const above = button.top - GAP_PX - height;
        this.#panel.style.left = `${Math.max(EDGE_PX, left)}px`;
        const isTooLow = below + height > innerHeight - EDGE_PX && above > EDGE_PX;
        this.#panel.style.top = `${isTooLow ? above : below}px`;
        this.#panel.dataset.placed = '';
        /** @type {HTMLElement | null} */
        const first = this.#panel.querySelector('[autofocus], input, button, a, select');
        first?.focus({ preventScroll: true });
    }
}
