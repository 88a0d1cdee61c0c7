// SPDX-License-Identifier: MIT
// A hub in Node on better-sse's channels: GET /sub/N subscribes, POST /pub/N broadcasts the body.
//
//   usage: better-sse.mjs PORT
import http from 'node:http';
import { createChannel, createSession } from 'better-sse';

const channels = new Map();

function channel(name) {
    if (!channels.has(name)) channels.set(name, createChannel());
    return channels.get(name);
}

const server = http.createServer(async (request, response) => {
    const [, verb, name] = request.url.split('/');
    if (verb === 'sub') {
        channel(name).register(await createSession(request, response));
        return;
    }
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
        channel(name).broadcast(body);
        response.writeHead(204).end();
    });
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
