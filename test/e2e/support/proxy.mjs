// SPDX-License-Identifier: MIT
// Proxies that misbehave on command: one of TCP that cuts connections, refuses new ones, stops
// reading; one of HTTP that holds answers back.
import http from 'node:http';
import net from 'node:net';
import { Recorder } from './wait.mjs';

// The port that the system has chosen.
async function listen(server) {
    await new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
    });
    return server.address().port;
}

export class CuttingProxy {
    pairs = new Set();
    refusing = false;
    connections = new Recorder(); // one item for each that was accepted
    upstreamBytes = 0; // client to hub
    downstreamBytes = 0; // hub to client
    // Every connection is cut after this many bytes in either direction.
    cutAfterUp = Infinity;
    cutAfterDown = Infinity;

    static async start(scope, port, host = '127.0.0.1') {
        const proxy = new CuttingProxy();
        proxy.target = { port, host };
        proxy.server = net.createServer((client) => proxy.#accept(client));
        proxy.port = await listen(proxy.server);
        scope.defer(
            () =>
                new Promise((resolve) => {
                    proxy.server.close(resolve);
                    proxy.cut();
                }),
        );
        proxy.origin = `http://127.0.0.1:${proxy.port}`;
        return proxy;
    }

    #accept(client) {
        client.on('error', () => {});
        if (this.refusing) {
            client.resetAndDestroy();
            return;
        }
        const hub = net.connect(this.target);
        const pair = { client, hub, up: 0, down: 0 };
        this.pairs.add(pair);
        this.connections.push(Date.now());
        const end = () => {
            client.destroy();
            hub.destroy();
            this.pairs.delete(pair);
        };
        hub.on('error', end);
        client.on('close', end);
        hub.on('close', () => {
            // What has been read from the hub is still delivered, then the client sees the end.
            client.end();
            this.pairs.delete(pair);
        });
        client.on('end', () => hub.end());
        client.on('data', (chunk) => {
            this.upstreamBytes += chunk.length;
            const room = this.cutAfterUp - pair.up;
            pair.up += chunk.length;
            if (chunk.length >= room) {
                // While the last bytes before the cut are written, none behind it may pass.
                client.pause();
                hub.write(chunk.subarray(0, Math.max(0, room)), () => this.#cutPair(pair));
                return;
            }
            if (!hub.write(chunk)) {
                client.pause();
                hub.once('drain', () => client.resume());
            }
        });
        hub.on('data', (chunk) => {
            this.downstreamBytes += chunk.length;
            const room = this.cutAfterDown - pair.down;
            pair.down += chunk.length;
            if (chunk.length >= room) {
                hub.pause();
                client.write(chunk.subarray(0, Math.max(0, room)), () => this.#cutPair(pair));
                return;
            }
            if (!client.write(chunk)) {
                hub.pause();
                client.once('drain', () => hub.resume());
            }
        });
    }

    #cutPair(pair) {
        this.pairs.delete(pair);
        pair.client.resetAndDestroy();
        pair.hub.resetAndDestroy();
    }

    // Breaks every open connection, both ways.
    cut() {
        for (const pair of [...this.pairs]) this.#cutPair(pair);
    }

    to(pathAndQuery) {
        return `${this.origin}${pathAndQuery}`;
    }
}

// A reverse proxy over HTTP, as they stand in front of a hub, with the faults that they have.
//
//   mode 'pass'     streams as it comes
//        'hold'     gives an answer only when it is whole
//        'body'     gives the head at once, the body only when it is whole
//   intercept(request) → {status, headers, body} answers in the hub's place
//   silence()       nothing comes through any more, on connections that stay open
export class HttpProxy {
    mode = 'pass';
    intercept = () => null;
    requests = []; // {method, url, headers}
    #silent = false;
    #open = new Set();

    static async start(scope, port) {
        const proxy = new HttpProxy();
        proxy.target = port;
        proxy.server = http.createServer((request, response) => proxy.#serve(request, response));
        proxy.origin = `http://127.0.0.1:${await listen(proxy.server)}`;
        scope.defer(
            () =>
                new Promise((resolve) => {
                    proxy.server.close(resolve);
                    proxy.server.closeAllConnections();
                    proxy.cut();
                }),
        );
        proxy.url = `${proxy.origin}/`;
        return proxy;
    }

    #serve(request, response) {
        const { method, url, headers } = request;
        this.requests.push({ method, url, headers });
        const own = this.intercept(request);
        if (own) {
            response.writeHead(own.status, own.headers);
            response.end(own.body);
            return;
        }
        const upstream = http.request({
            host: '127.0.0.1',
            port: this.target,
            method,
            path: url,
            headers,
            agent: false,
        });
        const end = () => {
            this.#open.delete(end);
            upstream.destroy();
            response.destroy();
        };
        this.#open.add(end);
        response.on('close', end);
        upstream.on('error', () => {
            if (response.headersSent) return end();
            response.writeHead(502, { 'content-type': 'text/plain' });
            return response.end('bad gateway\n');
        });
        upstream.on('response', (answer) => {
            const { mode } = this;
            const chunks = [];
            const head = () => response.writeHead(answer.statusCode, answer.headers);
            if (mode !== 'hold') {
                head();
                response.flushHeaders();
            }
            answer.on('error', end);
            answer.on('data', (chunk) => {
                if (this.#silent) return;
                if (mode === 'pass') response.write(chunk);
                else chunks.push(chunk);
            });
            answer.on('end', () => {
                if (this.#silent) return;
                if (mode === 'hold') head();
                response.end(Buffer.concat(chunks));
            });
        });
        request.pipe(upstream);
    }

    silence(on = true) {
        this.#silent = on;
    }

    // Breaks what is open.
    cut() {
        for (const end of [...this.#open]) end();
    }

    streams() {
        return this.requests.filter(({ headers }) => headers.accept === 'text/event-stream').length;
    }

    to(pathAndQuery) {
        return `${this.origin}${pathAndQuery}`;
    }
}
