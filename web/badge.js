// SPDX-License-Identifier: MIT
// The state of a connection, always visible: a word, an icon and a colour (data-state). See stream.js for the states.
import { setText } from './dom.js';
import { icon } from './icons.js';

const STATES = {
    connecting: ['dots', 'Connecting'],
    live: ['check', 'Live'],
    reconnecting: ['turn', 'Reconnecting'],
    ended: ['flag', 'Ended'],
    refused: ['lock', 'Refused'],
    closed: ['stop', 'Closed'],
};

export class Badge {
    #root;
    #label = document.createElement('span');
    #state = '';
    #retryAt = 0;

    // `root` should have role="status": a change of state is worth saying, the count-down is not and stays out of its name.
    constructor(root) {
        this.#root = root;
        this.set('closed');
    }

    set(state, { retryAt = 0, reason = '' } = {}) {
        this.#retryAt = retryAt;
        this.#root.title = reason;
        if (state !== this.#state) {
            this.#state = state;
            this.#root.dataset.state = state;
            this.#root.replaceChildren(icon(STATES[state][0]), this.#label);
            setText(this.#label, STATES[state][1]);
        }
        this.tick();
    }

    // The count-down; called once a second.
    tick() {
        const seconds = Math.ceil((this.#retryAt - Date.now()) / 1000);
        if (this.#retryAt && seconds > 0) this.#label.dataset.wait = ` in ${seconds} s`;
        else delete this.#label.dataset.wait;
    }
}
