// SPDX-License-Identifier: MIT
// A TCP proxy that misbehaves on command: cuts connections, refuses new ones, stops reading.
import net from 'node:net';
import { Recorder } from './wait.mjs';

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
        await new Promise((resolve, reject) => {
            proxy.server.once('error', reject);
            proxy.server.listen(0, '127.0.0.1', resolve);
        });
        scope.defer(
            () =>
                new Promise((resolve) => {
                    proxy.server.close(resolve);
                    proxy.cut();
                }),
        );
        proxy.port = proxy.server.address().port;
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
                hub.write(chunk.subarray(0, room), () => this.#cutPair(pair));
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
                client.write(chunk.subarray(0, room), () => this.#cutPair(pair));
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

    // Stops reading from the hub (and from clients): the hub sees a peer that has stalled.
    stall() {
        for (const pair of this.pairs) {
            pair.hub.pause();
            pair.client.pause();
        }
    }

    flow() {
        for (const pair of this.pairs) {
            pair.hub.resume();
            pair.client.resume();
        }
    }

    to(pathAndQuery) {
        return `${this.origin}${pathAndQuery}`;
    }
}
