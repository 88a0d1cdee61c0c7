// SPDX-License-Identifier: MIT
// The table of web assets. scripts/embed.sh writes assets.inc (one ASSET line for each file) and
// the assembly that holds the bytes under the symbols named there; both belong to one run of the
// script.
#include "api/assets.h"

#define ASSET(name, type, etag, symbol, size) extern const unsigned char symbol[];
#include "assets.inc"
#undef ASSET

static const struct asset assets[] = {
#define ASSET(name, type, etag, symbol, size) {name, type, etag, symbol, size},
#include "assets.inc"
#undef ASSET
};

const struct asset *asset_find(struct str name) {
    for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {
        if (str_equal(name, str_from(assets[i].name))) return &assets[i];
    }
    return NULL;
}
