// SPDX-License-Identifier: MIT
// One worker's HTTP.
#include "http/http.h"

#include <stdlib.h>
#include <sys/random.h>

#include "proto/http1.h"
#include "sys/clock.h"

int http_init(struct http *http) {
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) < 0) seed = clock_mono_us();
    random_seed(&http->random, seed);
    http->read_buffer = malloc(HTTP_READ_BYTES);
    return http->read_buffer ? 0 : ERR_NOMEM;
}

void http_fini(struct http *http) {
    ASSERT(!http->conns && !http->deferred);
    http1_parser_free(http->spare_parser);
    free(http->read_buffer);
}

uint64_t http_jitter(struct http *http, uint64_t ms) {
    uint64_t quarter = ms / 4;
    return ms - quarter + random_below(&http->random, quarter * 2 + 1);
}

struct str http_date(struct http *http) {
    uint64_t now = clock_unix_ms();
    if (now / 1000 != http->date_s) {
        http->date_s = now / 1000;
        http1_date(now, http->date);
    }
    return str_from(http->date);
}
