// SPDX-License-Identifier: MIT
// The help: what the page is, and every key.
import { el } from '../kit/dom.js';
import { KEYS, keyName } from './keys.js';

export class Help {
    /** @type {HTMLDialogElement | undefined} */
    #dialog;

    show() {
        this.#dialog ??= this.#build();
        if (!this.#dialog.open) this.#dialog.showModal();
    }

    #build() {
        /** @type {HTMLDialogElement} */
        const dialog = el(
            'dialog',
            {
                class: 'help',
                'aria-labelledby': 'help-title',
                onclick: (event) => event.target === dialog && dialog.close(),
            },
            el(
                'div',
                { class: 'help-body' },
                el(
                    'header',
                    {},
                    el('h2', { id: 'help-title' }, 'Keys'),
                    el(
                        'form',
                        { method: 'dialog' },
                        el('button', { class: 'tool', autofocus: true }, 'Close'),
                    ),
                ),
                el(
                    'div',
                    { class: 'help-keys' },
                    ...KEYS.map(([group, keys]) =>
                        el(
                            'section',
                            {},
                            el('h3', {}, group),
                            el(
                                'dl',
                                {},
                                ...keys.flatMap(([key, , text]) => [
                                    el('dt', {}, el('kbd', {}, keyName(key))),
                                    el('dd', {}, text),
                                ]),
                            ),
                        ),
                    ),
                ),
                el(
                    'p',
                    { class: 'quiet' },
                    'Among the lines the arrow keys, Page Up and Page Down, Home and End move as ' +
                        'everywhere. A click on a line selects it; the address bar then leads to ' +
                        'that line, and to the filter: copy it to share what you see.',
                ),
                el(
                    'p',
                    { class: 'quiet' },
                    "The time before a line is the line's own, where it has one, and else, in " +
                        'italics, when the hub got it; point at it for both. A time without a ' +
                        'zone is shown as it was written. The history of several logs is in ' +
                        'the order of these times, new lines come as they come. ' +
                        'JSON lines show their level and message, progress bars their last state, ' +
                        'long lines three rows; the triangle or Enter unfolds one, and what is ' +
                        'found in a folded part is shown. Colour codes of terminals are drawn, ' +
                        'and are no part of the text for find, filter, search and download.',
                ),
            ),
        );
        document.body.append(dialog);
        return dialog;
    }
}
