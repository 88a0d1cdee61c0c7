// SPDX-License-Identifier: MIT
// The publish box: sends an event to a topic, for those whose key may.
import { el, setText } from '../kit/dom.js';
import { HubError, matches } from './session.js';

/** @import { Session } from './session.js' */

export class PublishBox {
    #session;
    #patterns;
    /** @type {HTMLDialogElement} */
    #dialog;
    #topic = el('input', {
        id: 'publish-topic',
        name: 'topic',
        required: true,
        autocomplete: 'off',
        spellcheck: 'false',
        list: 'publish-topics',
        placeholder: 'status/build',
    });
    #topics = el('datalist', { id: 'publish-topics' });
    #text = el('textarea', {
        id: 'publish-text',
        name: 'text',
        rows: '4',
        spellcheck: 'false',
        placeholder: 'One line is one event; several lines are several.',
    });
    #answer = el('p', { class: 'publish-answer', role: 'status' });
    #send = el('button', { class: 'primary', type: 'submit' }, 'Publish');

    /**
     * @param {object} options
     * @param {Session} options.session
     * @param {string[]} options.patterns what the key may publish to
     */
    constructor({ session, patterns }) {
        this.#session = session;
        this.#patterns = patterns;
        this.#dialog = el(
            'dialog',
            { class: 'publish', 'aria-labelledby': 'publish-title' },
            el(
                'form',
                { onsubmit: (event) => void this.#submit(event) },
                el(
                    'header',
                    {},
                    el('h2', { id: 'publish-title' }, 'Publish an event'),
                    el(
                        'button',
                        { class: 'tool', type: 'button', onclick: () => this.#dialog.close() },
                        'Close',
                    ),
                ),
                el('label', { for: 'publish-topic' }, 'Topic'),
                this.#topic,
                this.#topics,
                el(
                    'p',
                    { class: 'quiet' },
                    patterns.includes('**')
                        ? 'Any name. One that does not exist yet is made; ' +
                              'status/… appears on the board.'
                        : `This key may publish to ${patterns.join(', ')}.`,
                ),
                el('label', { for: 'publish-text' }, 'Text'),
                this.#text,
                el('footer', {}, this.#answer, this.#send),
            ),
        );
        this.#topic.addEventListener('input', () => this.#check());
        this.#text.addEventListener('keydown', (event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
                this.#dialog.querySelector('form')?.requestSubmit();
        });
        this.#dialog.addEventListener(
            'keydown',
            (event) => event.key !== 'Escape' && event.stopPropagation(),
        );
        document.body.append(this.#dialog);
    }

    remove() {
        this.#dialog.remove();
    }

    /**
     * Opens the box, with `topic` when the key may publish to it.
     * @param {string} [topic]
     */
    show(topic) {
        const known = this.#session.topics
            .map((one) => one.topic)
            .filter((name) => this.#may(name) && !name.startsWith('$sys/'));
        this.#topics.replaceChildren(
            ...known.slice(0, 500).map((name) => el('option', { value: name })),
        );
        if (topic && this.#may(topic)) this.#topic.value = topic;
        else if (!this.#topic.value)
            this.#topic.value = this.#patterns.find((pattern) => !pattern.includes('*')) ?? '';
        setText(this.#answer, '');
        this.#check();
        this.#dialog.showModal();
        (this.#topic.value ? this.#text : this.#topic).focus();
    }

    /** @param {string} topic */
    #may(topic) {
        return this.#patterns.some((pattern) => matches(pattern, topic));
    }

    #check() {
        const topic = this.#topic.value.trim();
        this.#topic.setCustomValidity(
            topic && !this.#may(topic)
                ? `This key may publish to ${this.#patterns.join(', ')}, not to this topic.`
                : '',
        );
    }

    /** @param {Event} event */
    async #submit(event) {
        event.preventDefault();
        const topic = this.#topic.value.trim();
        const text = this.#text.value;
        const url = this.#session.topicUrl(topic);
        if (text.includes('\n')) url.searchParams.set('split', 'lines');
        this.#send.disabled = true;
        try {
            await this.#session.fetch(url, {
                method: 'POST',
                body: text,
                headers: { 'Content-Type': 'text/plain' },
            });
            this.#answered('ok', `Published to ${topic}.`);
            this.#text.value = '';
            this.#session.refreshTopics();
        } catch (error) {
            this.#answered('bad', error instanceof HubError ? error.message : String(error));
        }
        this.#send.disabled = false;
        this.#text.focus();
    }

    /**
     * @param {string} kind
     * @param {string} text
     */
    #answered(kind, text) {
        this.#answer.dataset.kind = kind;
        setText(this.#answer, text);
    }
}
