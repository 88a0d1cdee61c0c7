// SPDX-License-Identifier: MIT
// The page and its files.
#include "api/page.h"

#include "api/assets.h"
#include "api/resource.h"
#include "base/buf.h"
#include "base/limits.h"

// The page may load nothing that did not come from here, and no inline script: a log line can never
// become one.
#define PAGE_CSP                                                                                   \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; "                    \
    "form-action 'none'; frame-ancestors 'none'"
// For the steps up in its addresses: three bytes for each segment of a topic, in a dozen of them.
#define PAGE_STEPS_BYTES_MAX (LIMIT_TOPIC_SEGMENTS * 3 * 12)

// `answer` holds what is different from file to file.
static void answer_file(struct exchange *exchange, const struct asset *asset,
                        struct answer *answer) {
    struct str known = request_field(exchange_request(exchange), "If-None-Match");
    bool same = known.ptr && memmem(known.ptr, known.len, asset->etag, strlen(asset->etag));
    answer->status = same ? 304 : 200;
    if (!same) answer->type = asset->type;
    answer_text(answer, "ETag", asset->etag);
    answer_text(answer, "Cache-Control", "no-cache");
    exchange_answer(exchange, answer);
}

static void answer_name(struct exchange *exchange, struct str name) {
    const struct asset *asset = asset_find(name);
    if (!asset) {
        exchange_refuse(exchange, 404, "there is no such file");
        return;
    }
    struct answer answer = {.body = {(const char *)asset->data, asset->size}};
    answer_file(exchange, asset, &answer);
}

// A file has one address: two would be two instances of one module in a browser.
static void answer_asset(struct exchange *exchange) {
    struct str name = exchange_request(exchange)->rest;
    answer_name(exchange, memchr(name.ptr, '/', name.len) ? STR("") : name);
}

static void answer_by_path(struct exchange *exchange) {
    struct str path = exchange_request(exchange)->path;
    answer_name(exchange, (struct str){path.ptr + 1, path.len - 1});
}

// A proxy may have put the page below a path that the hub does not know: its files are named
// relative to where it is, one step up for each segment of the path.
static bool write_page(struct buf *page, const struct asset *asset, size_t steps) {
    const struct str mark = STR("\"assets/");
    struct str rest = {(const char *)asset->data, asset->size};
    for (const char *at; (at = memmem(rest.ptr, rest.len, mark.ptr, mark.len));) {
        size_t before = (size_t)(at - rest.ptr) + 1;
        buf_append(page, rest.ptr, before);
        for (size_t i = 0; i < steps; i++) buf_append_str(page, STR("../"));
        rest = (struct str){rest.ptr + before, rest.len - before};
    }
    buf_append_str(page, rest);
    return !buf_failed(page);
}

void page_answer(struct exchange *exchange) {
    const struct asset *asset = asset_find(STR("index.html"));
    struct str path = exchange_request(exchange)->path;
    size_t steps = 0;
    for (size_t i = 1; i < path.len; i++) steps += path.ptr[i] == '/';
    if (steps > LIMIT_TOPIC_SEGMENTS) {
        exchange_refuse(exchange, 404, "no topic has so many segments");
        return;
    }
    struct buf page;
    buf_init(&page, asset->size + PAGE_STEPS_BYTES_MAX);
    if (write_page(&page, asset, steps)) {
        struct answer answer = {.body = buf_str(&page)};
        answer_text(&answer, "Content-Security-Policy", PAGE_CSP);
        answer_text(&answer, "Referrer-Policy", "no-referrer");
        answer_text(&answer, "Vary", "Accept");
        answer_file(exchange, asset, &answer);
    } else {
        exchange_refuse_no_memory(exchange);
    }
    buf_fini(&page);
}

static const struct handler page_handler = {.begin = page_answer};
static const struct handler asset_handler = {.begin = answer_asset};
static const struct handler file_handler = {.begin = answer_by_path};

const struct resource page_resource = {.get = &page_handler};
const struct resource asset_resource = {.get = &asset_handler};
const struct resource file_resource = {.get = &file_handler};
