// SPDX-License-Identifier: MIT
// Requests with nothing hidden: one connection each, any header, the answer as it came.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { scaled } from './scope.mjs';
import { Recorder } from './wait.mjs';

// One request. {status, headers, body (Buffer), text, json()}
export function request(url, { method = 'GET', headers = {}, body, limit = 30_000 } = {}) {
    return new Promise((resolve, reject) => {
        const call = http.request(url, { method, headers, agent: false }, (answer) => {
            const chunks = [];
            answer.on('data', (chunk) => chunks.push(chunk));
            answer.on('error', fail);
            answer.on('end', () => {
                clearTimeout(timer);
                const whole = Buffer.concat(chunks);
                resolve({
                    status: answer.statusCode,
                    headers: answer.headers,
                    body: whole,
                    text: whole.toString('utf8'),
                    json: () => JSON.parse(whole.toString('utf8')),
                });
            });
        });
        const fail = (error) => {
            clearTimeout(timer);
            reject(error);
        };
        const timer = setTimeout(() => {
            call.destroy(new Error(`${method} ${url}: no whole answer within ${scaled(limit)} ms`));
        }, scaled(limit));
        call.on('error', fail);
        call.end(body);
    });
}

// A request whose body is written bit by bit: {write, end, answer (promise)}.
export function slowRequest(scope, url, { method = 'POST', headers = {} } = {}) {
    const call = http.request(url, { method, headers, agent: false });
    call.flushHeaders();
    const answer = new Promise((resolve, reject) => {
        call.on('error', reject);
        call.on('response', (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
                const text = Buffer.concat(chunks).toString('utf8');
                resolve({
                    status: response.statusCode,
                    headers: response.headers,
                    text,
                    json: () => JSON.parse(text),
                });
            });
        });
    });
    answer.catch(() => {});
    scope.defer(() => call.destroy());
    return {
        write: (data) => call.write(data),
        end: (data) => call.end(data),
        destroy: () => call.destroy(),
        answer,
    };
}

// Checks that an answer is problem+json with this status and a text that matches.
export function assertProblem(answer, status, pattern = /./) {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
    const problem = JSON.parse(answer.text);
    assert.equal(problem.status, status);
    assert.ok(problem.title, 'a problem has a title');
    assert.match(`${problem.title} ${problem.detail}`, pattern);
    return problem;
}

// A TCP connection for bytes that no HTTP client would send. Records what comes back.
export class RawSocket extends Recorder {
    #chunks = [];
    closed; // resolves when the peer has ended or reset the connection

    static async connect(scope, port, host = '127.0.0.1', options = {}) {
        const raw = new RawSocket();
        raw.socket = net.connect({ port, host, allowHalfOpen: true, ...options });
        scope.defer(() => raw.socket.destroy());
        raw.closed = new Promise((resolve) => {
            raw.socket.once('end', () => resolve('end'));
            raw.socket.once('close', () => resolve('close'));
        });
        raw.closed.then(() => raw.finish('the connection ended'));
        raw.socket.on('error', () => {});
        raw.socket.on('data', (chunk) => {
            raw.#chunks.push(chunk);
            raw.push(chunk.length);
        });
        await new Promise((resolve, reject) => {
            raw.socket.once('connect', resolve);
            raw.socket.once('error', reject);
        });
        raw.socket.setNoDelay(true);
        return raw;
    }

    get bytes() {
        if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
        return this.#chunks[0] ?? Buffer.alloc(0);
    }

    get text() {
        return this.bytes.toString('utf8');
    }

    write(data) {
        this.socket.write(data);
        return this;
    }

    end(data) {
        this.socket.end(data);
        return this;
    }

    destroy() {
        this.socket.destroy();
    }

    // Waits for text in what came back.
    waitText(pattern, limit) {
        return this.waitFor(() => this.text.match(pattern), `${pattern} on the socket`, limit);
    }

    // Waits for `count` whole responses and returns all that are there.
    waitResponses(count = 1, limit) {
        return this.waitFor(
            () => {
                const responses = parseResponses(this.bytes);
                return responses.length >= count && responses;
            },
            `${count} responses on the socket (so far: ${JSON.stringify(this.text.slice(0, 300))})`,
            limit,
        );
    }
}

// The whole HTTP/1.1 responses at the beginning of `bytes`. 1xx ones are included, without a body.
export function parseResponses(bytes) {
    const found = [];
    let at = 0;
    for (;;) {
        const headEnd = bytes.indexOf('\r\n\r\n', at);
        if (headEnd < 0) return found;
        const [statusLine, ...headerLines] = bytes
            .subarray(at, headEnd)
            .toString('latin1')
            .split('\r\n');
        const match = statusLine.match(/^HTTP\/1\.[01] (\d{3}) ?(.*)$/);
        if (!match) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
        const headers = {};
        for (const line of headerLines) {
            const colon = line.indexOf(':');
            headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
        }
        const status = Number(match[1]);
        let next = headEnd + 4;
        let body = Buffer.alloc(0);
        if (status >= 200 && status !== 204 && status !== 304) {
            if (headers['transfer-encoding'] === 'chunked') {
                const chunks = [];
                for (;;) {
                    const lineEnd = bytes.indexOf('\r\n', next);
                    if (lineEnd < 0) return found;
                    const size = parseInt(bytes.subarray(next, lineEnd).toString('latin1'), 16);
                    next = lineEnd + 2;
                    if (bytes.length < next + size + 2) return found;
                    chunks.push(bytes.subarray(next, next + size));
                    next += size + 2;
                    if (size === 0) break;
                }
                body = Buffer.concat(chunks);
            } else if (headers['content-length'] !== undefined) {
                const length = Number(headers['content-length']);
                if (bytes.length < next + length) return found;
                body = bytes.subarray(next, next + length);
                next += length;
            }
        }
        found.push({ status, headers, body, text: body.toString('utf8') });
        at = next;
    }
}
