// SPDX-License-Identifier: MIT
// The web assets: the files of web/ and of its folder kit/ as they were when the binary was built.
#ifndef TAILRACE_API_ASSETS_H
#define TAILRACE_API_ASSETS_H

#include "base/str.h"

// Everything is static and never changes; any thread may read it.
struct asset {
    // The path below web/: "app.js", "kit/live-log.js". The page at / is "index.html".
    const char *name;
    const char *type; // Content-Type, with charset for text
    // A strong entity tag (RFC 9110, 8.8.3) with its quotes, of the content alone.
    const char *etag;
    const unsigned char *data;
    size_t size; // bytes
};

// The asset of exactly this name, NULL when there is none: path tricks find nothing.
const struct asset *asset_find(struct str name);

#endif
