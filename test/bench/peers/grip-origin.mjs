// SPDX-License-Identifier: MIT
// The origin behind Pushpin: every GET /sub/N is held open as a stream on channel tN.
//
//   usage: grip-origin.mjs PORT
import http from 'node:http';

const server = http.createServer((request, response) => {
    const [, , name] = request.url.split('/');
    response.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Grip-Hold': 'stream',
        'Grip-Channel': `t${name}`,
    });
    response.end();
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
