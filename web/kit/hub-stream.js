// SPDX-License-Identifier: MIT
// One live stream: from the request to its end.
import { eventReader } from './hub-reader.js';
import { ask, Failure, GAP, LOST, parseObject } from './hub-requests.js';

/** @import { LiveEvent } from './tailrace.js' */

const LONG_MS = 10_000; // after so long a stream that ends well was ended by the hub's own rules
const WORKED_MS = 5000; // after so long a stream has worked, even when nothing came

/**
 * How a stream ended.
 * @typedef {object} Ending
 * @property {boolean} finished its topics are, and everything has been delivered
 * @property {boolean} rotated it ended well after a while, only to be asked for again
 * @property {boolean} worked it has been of use
 * @property {number} retry ms that the hub asked for; 0: it did not
 * @property {string} comment the first one: without room the hub says the reason there
 * @property {Failure} failure
 */

/**
 * Reads a stream until it ends. Throws a Failure when there is none, or the signal's reason.
 * @param {import('./hub-requests.js').Target} target
 * @param {{ topic: readonly string[], lastEventId: string }} parameters
 * @param {AbortSignal} signal
 * @param {object} on
 * @param {(hello: { heartbeat?: string }) => void} on.opened
 * @param {() => void} on.heard
 * @param {(events: LiveEvent[]) => void} on.events
 * @returns {Promise<Ending>}
 */
export async function readStream(target, parameters, signal, on) {
    const began = Date.now();
    const ending = { finished: false, rotated: false, worked: false, retry: 0, comment: '' };
    let reason = LOST;
    /** @type {LiveEvent[]} */
    let batch = [];
    const read = eventReader({
        onComment: (text) => {
            ending.comment ||= text.trim();
        },
        onRetry: (ms) => {
            ending.retry = ms;
        },
        onEvent: (event) => {
            const data = parseObject(event.data);
            if (event.type === 'message') batch.push({ ...data, id: event.id });
            if (event.type === GAP) batch.push({ topic: '', time: '', ...event });
            if (event.type === 'tailrace.hello') on.opened(data);
            if (event.type === 'tailrace.drain') reason = 'The hub is going down for a restart.';
            if (event.type === 'tailrace.end') ending.finished = true;
        },
    });
    const all = { ...parameters, format: 'envelope', control: 1 };
    const response = await ask(target, all, 'text/event-stream', signal);
    const reader = response?.body?.getReader();
    if (!reader) ending.finished = true;
    while (reader && !ending.finished) {
        const { done, value } = await reader
            .read()
            .catch(() => ({ done: false, value: undefined }));
        signal.throwIfAborted();
        ending.rotated = done && reason === LOST && Date.now() - began > LONG_MS;
        if (!value) break;
        on.heard();
        batch = [];
        read(value);
        if (batch.length) on.events(batch);
        ending.worked ||= batch.length > 0;
    }
    signal.throwIfAborted();
    ending.worked ||= Date.now() - began > WORKED_MS;
    return { ...ending, failure: new Failure(reason) };
}
