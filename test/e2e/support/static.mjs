// SPDX-License-Identifier: MIT
// A file server on an origin of its own: where a page lives that is not the hub's.
import { createReadStream, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const TYPES = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.mjs': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.svg': 'image/svg+xml',
};

// Serves the files under `dir`, and `pages` (path → HTML text), with `headers` on the pages.
// Returns {origin, to(path)}.
export async function serveStatic(scope, { dir, pages = {}, host = '127.0.0.1', headers = {} }) {
    const server = http.createServer((request, response) => {
        const name = decodeURIComponent(new URL(request.url, 'http://x/').pathname);
        if (name in pages) {
            response.writeHead(200, { 'content-type': TYPES['.html'], ...headers });
            response.end(pages[name]);
            return;
        }
        const file =
            dir &&
            path.join(dir, path.normalize(`/${name.endsWith('/') ? `${name}index.html` : name}`));
        let found = false;
        try {
            found = Boolean(file) && statSync(file).isFile();
        } catch {
            found = false;
        }
        if (!found) {
            response.writeHead(404, { 'content-type': 'text/plain' });
            response.end('not found\n');
            return;
        }
        response.writeHead(200, {
            'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream',
        });
        createReadStream(file).pipe(response);
    });
    await new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, host, resolve);
    });
    scope.defer(
        () =>
            new Promise((resolve) => {
                server.close(resolve);
                server.closeAllConnections();
            }),
    );
    const origin = `http://${host}:${server.address().port}`;
    return { origin, to: (name) => `${origin}${name}` };
}
