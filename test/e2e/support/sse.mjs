// SPDX-License-Identifier: MIT
// Two readers of a stream: the npm `eventsource` client, as a program would use it, and one that
// shows everything on the wire: comments, retry, fields that EventSource drops, how the response
// ended.
import http from 'node:http';
import { EventSource } from 'eventsource';
import { Recorder, within } from './wait.mjs';

export const CONTROL_TYPES = [
    'tailrace.hello',
    'tailrace.ping',
    'tailrace.gap',
    'tailrace.end',
    'tailrace.drain',
];

// Bytes in, events out, by the rules of the HTML standard ("Interpreting an event stream").
export class SseParser {
    #decoder = new TextDecoder('utf-8');
    #rest = '';
    #event = null;
    #skipLf = false;

    constructor(handlers) {
        this.handlers = handlers;
        this.lastId = '';
    }

    write(bytes) {
        let text = this.#rest + this.#decoder.decode(bytes, { stream: true });
        if (this.#skipLf && text.startsWith('\n')) text = text.slice(1);
        if (text !== '') this.#skipLf = false;
        let at = 0;
        const ending = /\r\n|\n|\r/g;
        for (;;) {
            ending.lastIndex = at;
            const match = ending.exec(text);
            if (!match) break;
            if (match[0] === '\r' && ending.lastIndex === text.length) this.#skipLf = true;
            this.#line(text.slice(at, match.index));
            at = ending.lastIndex;
        }
        this.#rest = text.slice(at);
    }

    #line(line) {
        if (line === '') {
            const event = this.#event;
            this.#event = null;
            if (!event) return;
            if (event.id !== undefined) this.lastId = event.id;
            if (event.data === undefined) return;
            this.handlers.event({
                type: event.type || 'message',
                data: event.data.join('\n'),
                id: this.lastId,
                ownId: event.id,
                fields: event.fields,
            });
            return;
        }
        if (line.startsWith(':')) {
            this.handlers.comment?.(line.slice(1));
            return;
        }
        const colon = line.indexOf(':');
        const name = colon < 0 ? line : line.slice(0, colon);
        let value = colon < 0 ? '' : line.slice(colon + 1);
        if (value.startsWith(' ')) value = value.slice(1);
        if (name === 'retry') {
            this.handlers.retry?.(Number(value));
            return;
        }
        this.#event ??= { fields: {} };
        if (name === 'data') (this.#event.data ??= []).push(value);
        else if (name === 'event') this.#event.type = value;
        else if (name === 'id') this.#event.id = value;
        else this.#event.fields[name] = value;
    }
}

// One response read to its end, without reconnecting. `events` records {type, data, id, ownId,
// fields}.
export class WireStream {
    events = new Recorder();
    comments = new Recorder();
    retries = [];
    raw = [];

    // Resolves when the response's head has arrived. options: headers, method
    static async open(scope, url, { headers = {}, keepRaw = true } = {}) {
        const stream = new WireStream();
        const parser = new SseParser({
            event: (event) => stream.events.push(event),
            comment: (text) => stream.comments.push(text),
            retry: (ms) => stream.retries.push(ms),
        });
        const call = http.get(url, {
            agent: false,
            headers: { accept: 'text/event-stream', ...headers },
        });
        scope.defer(() => call.destroy());
        stream.close = () => call.destroy();
        const response = await within(
            new Promise((resolve, reject) => {
                call.on('response', resolve);
                call.on('error', reject);
            }),
            `the head of the answer to ${url}`,
        );
        stream.status = response.statusCode;
        stream.headers = response.headers;
        stream.response = response;
        response.on('data', (chunk) => {
            if (keepRaw) stream.raw.push(chunk);
            parser.write(chunk);
        });
        // 'end': the last chunk came; 'cut': the connection broke before it.
        stream.ended = new Promise((resolve) => {
            response.on('end', () => resolve('end'));
            response.on('error', () => resolve('cut'));
            response.on('close', () => resolve(response.complete ? 'end' : 'cut'));
        });
        stream.ended.then((how) => {
            stream.events.finish(`the stream ended (${how})`);
            stream.comments.finish(`the stream ended (${how})`);
        });
        return stream;
    }

    get text() {
        return Buffer.concat(this.raw).toString('utf8');
    }

    get data() {
        return this.events.items.map((event) => event.data);
    }

    waitData(count, limit) {
        return this.events
            .waitCount(count, `${count} events`, limit)
            .then((items) => items.slice(0, count).map((event) => event.data));
    }

    waitType(type, limit) {
        return this.events.waitFor(
            (items) => items.find((event) => event.type === type),
            `an event of type ${type}`,
            limit,
        );
    }

    waitEnd(limit) {
        return within(this.ended, 'the end of the stream', limit);
    }
}

// The npm client, recording. Events of the given types, control events and 'message' are kept.
export class Client extends Recorder {
    opens = new Recorder();
    errors = new Recorder(); // {code, message, state}

    constructor(scope, url, { types = [], headers, control = true } = {}) {
        super();
        const options = {};
        if (headers) {
            options.fetch = (input, init) =>
                fetch(input, { ...init, headers: { ...init.headers, ...headers } });
        }
        this.source = new EventSource(String(url), options);
        scope.defer(() => this.source.close());
        this.source.addEventListener('open', () => this.opens.push(Date.now()));
        this.source.addEventListener('error', (error) => {
            this.errors.push({
                code: error.code,
                message: error.message,
                state: this.source.readyState,
            });
        });
        for (const type of ['message', ...types, ...(control ? CONTROL_TYPES : [])]) {
            this.source.addEventListener(type, (event) => {
                this.push({ type, data: event.data, id: event.lastEventId });
            });
        }
    }

    // Without the hub's own events.
    get events() {
        return this.items.filter((item) => !item.type.startsWith('tailrace.'));
    }

    get data() {
        return this.events.map((item) => item.data);
    }

    opened(count = 1) {
        return this.opens.waitCount(count, `connection number ${count}`);
    }

    waitData(count, limit) {
        return this.waitFor(
            (items) =>
                items.length >= count && this.events.length >= count && this.data.slice(0, count),
            `${count} events`,
            limit,
        );
    }

    waitType(type, limit) {
        return this.waitFor(
            (items) => items.find((item) => item.type === type),
            `an event of type ${type}`,
            limit,
        );
    }

    // Closed for good, as after 204.
    waitClosed(limit) {
        return this.errors.waitFor(
            (items) => items.find((error) => error.state === EventSource.CLOSED),
            'the client to give up for good',
            limit,
        );
    }

    close() {
        this.source.close();
    }
}
