// SPDX-License-Identifier: MIT
// Reads an event stream, by HTML's "Interpreting an event stream". With format=meta an event has a
// topic and a time too.

/**
 * @typedef {object} StreamEvent
 * @property {string} id
 * @property {string} type
 * @property {string} data
 * @property {string} [topic]
 * @property {string} [time]
 */

/**
 * A function that takes the bytes of a stream, in pieces of any size.
 * @param {object} on
 * @param {(event: StreamEvent) => void} on.onEvent
 * @param {(text: string) => void} [on.onComment]
 * @param {(ms: number) => void} [on.onRetry]
 * @returns {(bytes: Uint8Array) => void}
 */
export function eventReader({ onEvent, onComment, onRetry }) {
    const decoder = new TextDecoder();
    let rest = '';
    let afterCr = false;
    let id = '';
    /** @type {Partial<StreamEvent>} */
    let event = {};

    /** @param {string} line */
    function read(line) {
        const colon = line.indexOf(':');
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
        if (!line) {
            const { data, type } = event;
            if (data !== undefined) onEvent({ ...event, data, type: type || 'message', id });
            event = {};
        } else if (!name) onComment?.(value);
        else if (name === 'data') {
            event.data = event.data === undefined ? value : `${event.data}\n${value}`;
        } else if (name === 'id') id = value.includes('\0') ? id : value;
        else if (name === 'event') event.type = value;
        else if (name === 'topic' || name === 'time') event[name] = value;
        else if (name === 'retry' && /^\d+$/.test(value)) onRetry?.(Number(value));
    }

    return (bytes) => {
        const text = decoder.decode(bytes, { stream: true });
        if (!text) return;
        const ending = /\r\n?|\n/g;
        let at = (ending.lastIndex = afterCr && text[0] === '\n' ? 1 : 0);
        for (let found; (found = ending.exec(text)); at = ending.lastIndex) {
            read(rest + text.slice(at, found.index));
            rest = '';
        }
        rest += text.slice(at);
        afterCr = text.endsWith('\r');
    };
}
