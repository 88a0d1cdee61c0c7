// SPDX-License-Identifier: MIT
// From a request to who answers it.
#include "api/router.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/assets.h"
#include "api/metrics.h"
#include "api/publish.h"
#include "api/stream.h"
#include "api/topics.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/topic.h"
#include "http/params.h"
#include "proto/url.h"
#include "server/server_priv.h"
#include "sys/clock.h"

// The page may load nothing that did not come from here, and no inline script: a log line can never become one.
#define PAGE_CSP                                                                                   \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "     \
    "'self'; "                                                                                     \
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors " \
    "'none'"
#define PAGE_FIELDS                                                                                \
    "Content-Security-Policy: " PAGE_CSP "\r\nReferrer-Policy: no-referrer\r\nVary: Accept\r\n"
// For the steps up in its addresses: three bytes for each segment of a topic, in a dozen of them.
#define PAGE_STEPS_BYTES_MAX (LIMIT_TOPIC_SEGMENTS * 3 * 12)

enum target_kind {
    TARGET_NONE,
    TARGET_PAGE,
    TARGET_ASSET,
    TARGET_TOPIC,
    TARGET_EVENTS,
    TARGET_TOPICS,
    TARGET_ACCESS,
    TARGET_HEALTH,
    TARGET_READY,
    TARGET_VERSION,
    TARGET_METRICS,
    TARGET_ANY, // OPTIONS *
};

struct target {
    enum target_kind kind;
    struct str rest;   // raw: what follows /t/; an asset's name
    struct str preset; // query of a configured route
    bool routed;
};

static struct target find(const struct conn *conn, struct str path) {
    static const struct {
        const char *path;
        enum target_kind kind;
    } fixed[] = {
        {"/", TARGET_PAGE},         {"/index.html", TARGET_PAGE}, {"/events", TARGET_EVENTS},
        {"/topics", TARGET_TOPICS}, {"/healthz", TARGET_HEALTH},  {"/livez", TARGET_HEALTH},
        {"/readyz", TARGET_READY},  {"/version", TARGET_VERSION}, {"/metrics", TARGET_METRICS},
        {"*", TARGET_ANY},          {"/access", TARGET_ACCESS},
    };
    const struct config *config = conn->worker->site->config;
    for (size_t i = 0; i < config->routes_count; i++) {
        if (!str_equal(path, str_from(config->routes[i].path))) continue;
        struct str preset = str_from(config->routes[i].target);
        struct str inner = str_cut(&preset, '?');
        // Routes cannot point at routes: what is configured begins with /t/ or /events.
        struct target target = {.preset = preset, .routed = true};
        if (str_starts(inner, STR("/t/"))) {
            target.kind = TARGET_TOPIC;
            target.rest = (struct str){inner.ptr + 3, inner.len - 3};
        } else {
            target.kind = TARGET_EVENTS;
        }
        return target;
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (str_equal(path, str_from(fixed[i].path))) return (struct target){.kind = fixed[i].kind};
    }
    if (str_starts(path, STR("/t/"))) {
        return (struct target){.kind = TARGET_TOPIC, .rest = {path.ptr + 3, path.len - 3}};
    }
    // A file has one address: two would be two instances of one module in a browser.
    if (str_starts(path, STR("/assets/")) && !memchr(path.ptr + 8, '/', path.len - 8)) {
        return (struct target){.kind = TARGET_ASSET, .rest = {path.ptr + 8, path.len - 8}};
    }
    if (str_starts(path, STR("/kit/")) || str_equal(path, STR("/tailrace.js")) ||
        str_equal(path, STR("/favicon.ico"))) {
        return (struct target){.kind = TARGET_ASSET, .rest = {path.ptr + 1, path.len - 1}};
    }
    return (struct target){.kind = TARGET_NONE};
}

static const char *allowed_methods(const struct target *target) {
    switch (target->kind) {
        case TARGET_TOPIC:
            return target->routed ? "GET, HEAD, OPTIONS" : "GET, HEAD, POST, DELETE, OPTIONS";
        case TARGET_ANY: return "GET, HEAD, POST, DELETE, OPTIONS";
        default: return "GET, HEAD, OPTIONS";
    }
}

static bool is_publish(const struct http1_request *request, const struct target *target) {
    return request->method == HTTP1_POST && target->kind == TARGET_TOPIC && !target->routed;
}

// --- answers --------------------------------------------------------------------------------------------------------

static void problem(struct conn *conn, const struct http1_request *request, int status,
                    const char *detail, unsigned retry_after_s, struct str extra) {
    struct worker *worker = conn->worker;
    struct reply reply;
    struct buf out;
    if (reply_init(&reply, worker, request)) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    buf_init(&out, 32768);
    reply_problem(&out, worker, &reply, status, detail, retry_after_s, extra);
    conn_answer(conn, &out, !reply.keep_alive);
    buf_fini(&out);
    reply_fini(&reply);
}

void router_problem(struct conn *conn, const struct http1_request *request, int status,
                    const char *detail, unsigned retry_after_s) {
    problem(conn, request, status, detail, retry_after_s, STR(""));
}

static void answer(struct conn *conn, const struct http1_request *request, int status,
                   const char *type, struct str extra, struct str body) {
    struct worker *worker = conn->worker;
    struct reply reply;
    struct buf out;
    if (reply_init(&reply, worker, request)) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    buf_init(&out, LIMIT_TAIL_BYTES);
    if (status == 204 || status == 304) {
        reply_empty(&out, worker, &reply, status, extra);
    } else {
        reply_body(&out, worker, &reply, status, type, extra, body);
    }
    conn_answer(conn, &out, !reply.keep_alive);
    buf_fini(&out);
    reply_fini(&reply);
}

void router_forbidden(struct conn *conn, const struct http1_request *request,
                      const struct grant *grant, const char *what) {
    char detail[200];
    if (grant && grant->is_key) {
        snprintf(detail, sizeof detail, "this key may not %s", what);
        router_problem(conn, request, 403, detail, 0);
        return;
    }
    snprintf(detail, sizeof detail,
             "a key is needed to %s: send it as `Authorization: Bearer KEY` or as ?key=KEY", what);
    problem(conn, request, 401, detail, 0, STR("WWW-Authenticate: Bearer realm=\"tailrace\"\r\n"));
}

// --- access ---------------------------------------------------------------------------------------------------------

// The cookie `tailrace`, ptr NULL when there is none.
static struct str cookie(const struct http1_request *request) {
    size_t index = 0;
    struct str list;
    while (http1_header_next(request, "Cookie", &index, &list)) {
        while (list.ptr) {
            struct str value = str_trim(str_cut(&list, ';'));
            struct str name = str_cut(&value, '=');
            if (str_equal(name, STR("tailrace"))) return value.ptr ? value : STR("");
        }
    }
    return (struct str){NULL, 0};
}

static struct str from_headers(const struct http1_request *request) {
    struct str value = http1_header(request, "Authorization");
    if (value.ptr) {
        struct str rest = value;
        struct str scheme = str_cut(&rest, ' ');
        // Another scheme (a proxy's Basic, say) is not for us.
        if (str_equal_nocase(scheme, STR("Bearer"))) return rest.ptr ? str_trim(rest) : STR("");
    }
    value = http1_header(request, "X-Api-Key");
    if (value.ptr) return value;
    return http1_header(request, "X-Functions-Key");
}

// In the order of API.md, section 5. `memory` holds a decoded value.
static struct str credential(const struct http1_request *request, struct params *params,
                             bool *from_cookie) {
    static const char *const names[] = {"code", "key", "access_token"};
    *from_cookie = false;
    struct str value = from_headers(request);
    for (size_t i = 0; !value.ptr && i < sizeof names / sizeof names[0]; i++) {
        int err = params_get(params, names[i], &value);
        if (err == ERR_NOT_FOUND) value.ptr = NULL;
        // Badly encoded is presented and wrong.
        if (err && err != ERR_NOT_FOUND) value = STR("");
    }
    if (value.ptr) return value;
    *from_cookie = true;
    return cookie(request);
}

// Without keys, loopback is the only fence: a name that a foreign page made to point here must not get through it
// (DNS rebinding). Addresses and localhost are what people type.
static bool host_is_local(struct str host) {
    char text[64];
    struct in_addr four;
    struct in6_addr six;
    if (host.len && host.ptr[0] == '[') {
        const char *end = memchr(host.ptr, ']', host.len);
        host = (struct str){host.ptr + 1, end ? (size_t)(end - host.ptr - 1) : 0};
    } else {
        host = str_cut(&host, ':');
    }
    if (host.len == 0) return true; // HTTP/1.0
    if (host.len >= sizeof text) return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1) return true;
    struct str end = STR(".localhost");
    return str_equal_nocase(host, STR("localhost")) ||
           (host.len > end.len &&
            str_equal_nocase((struct str){host.ptr + host.len - end.len, end.len}, end));
}

// Whether the Origin is the hub itself.
static bool same_origin(const struct http1_request *request, struct str origin) {
    const char *slashes = memmem(origin.ptr, origin.len, "://", 3);
    if (!slashes) return false;
    struct str authority = {slashes + 3, (size_t)(origin.ptr + origin.len - slashes - 3)};
    return str_equal_nocase(authority, request->host);
}

// A foreign page may make a browser send a POST, with the browser's cookie or from inside the network, without being able to read
// the answer. Who presents a key in the request itself is not affected.
static bool is_forged(struct conn *conn, const struct http1_request *request, bool presented,
                      bool from_cookie) {
    if (request->method == HTTP1_GET || request->method == HTTP1_HEAD ||
        (presented && !from_cookie))
        return false;
    struct str origin = http1_header(request, "Origin");
    if (!origin.ptr || same_origin(request, origin)) return false;
    return cors_check(conn->worker->site->cors, origin) == CORS_NONE;
}

static int check_access(struct conn *conn, const struct http1_request *request,
                        struct params *params, const struct grant **grant) {
    const struct site *site = conn->worker->site;
    bool from_cookie;
    struct str secret = credential(request, params, &from_cookie);
    if (site->config->auth.open && !site->config->open && !host_is_local(request->host)) {
        router_problem(conn, request, 403,
                       "without keys the hub answers only to an address or localhost in the Host "
                       "field; configure keys, "
                       "or say --open",
                       0);
        return ERR_DENIED;
    }
    if (auth_check(site->auth, secret, grant)) {
        problem(conn, request, 401, "the key is wrong", 0,
                STR("WWW-Authenticate: Bearer realm=\"tailrace\", error=\"invalid_token\"\r\n"));
        return ERR_DENIED;
    }
    if (is_forged(conn, request, secret.ptr != NULL, from_cookie)) {
        router_problem(conn, request, 403, "the page's origin is not among those allowed (origins)",
                       0);
        return ERR_DENIED;
    }
    return 0;
}

// --- pages and states -----------------------------------------------------------------------------------------------

static void answer_file(struct conn *conn, const struct http1_request *request,
                        const struct asset *asset, struct str fields_more, struct str body) {
    struct buf fields;
    buf_init(&fields, 2048);
    http1_field_text(&fields, "ETag", asset->etag);
    http1_field_text(&fields, "Cache-Control", "no-cache");
    buf_append_str(&fields, fields_more);
    struct str known = http1_header(request, "If-None-Match");
    bool same = known.ptr && memmem(known.ptr, known.len, asset->etag, strlen(asset->etag));
    answer(conn, request, same ? 304 : 200, asset->type, buf_str(&fields), body);
    buf_fini(&fields);
}

static void answer_asset(struct conn *conn, const struct http1_request *request, struct str name) {
    const struct asset *asset = asset_find(name);
    if (asset)
        answer_file(conn, request, asset, STR(""),
                    (struct str){(const char *)asset->data, asset->size});
    else
        router_problem(conn, request, 404, "there is no such file", 0);
}

// The page is served at many addresses, and a proxy may have put it below a path that the hub does not know: its files are named
// relative to where it is, one step up for each segment of the path.
static void answer_page(struct conn *conn, const struct http1_request *request) {
    const struct str mark = STR("\"assets/");
    const struct asset *asset = asset_find(STR("index.html"));
    struct str rest = {(const char *)asset->data, asset->size};
    size_t steps = 0;
    for (size_t i = 1; i < request->path.len; i++) steps += request->path.ptr[i] == '/';
    if (steps > LIMIT_TOPIC_SEGMENTS) {
        router_problem(conn, request, 404, "no topic has so many segments", 0);
        return;
    }
    struct buf page;
    buf_init(&page, asset->size + PAGE_STEPS_BYTES_MAX);
    for (const char *at; (at = memmem(rest.ptr, rest.len, mark.ptr, mark.len));) {
        size_t before = (size_t)(at - rest.ptr) + 1;
        buf_append(&page, rest.ptr, before);
        for (size_t i = 0; i < steps; i++) buf_append_str(&page, STR("../"));
        rest = (struct str){rest.ptr + before, rest.len - before};
    }
    buf_append_str(&page, rest);
    if (buf_failed(&page))
        router_problem(conn, request, 503, "out of memory", 1);
    else
        answer_file(conn, request, asset, STR(PAGE_FIELDS), buf_str(&page));
    buf_fini(&page);
}

static void answer_text(struct conn *conn, const struct http1_request *request, int status,
                        const char *type, struct str body) {
    answer(conn, request, status, type, STR("Cache-Control: no-store\r\n"), body);
}

static void answer_ready(struct conn *conn, const struct http1_request *request) {
    struct server *server = conn->worker->server;
    struct journal_stats stats;
    journal_stats(server->journal, &stats);
    char detail[400];
    if (atomic_load(&server->draining)) {
        router_problem(conn, request, 503, "the hub is shutting down", 1);
    } else if (stats.failed) {
        snprintf(detail, sizeof detail, "the journal cannot write: %s", stats.failure);
        router_problem(conn, request, 503, detail, 1);
    } else if (!atomic_load(&server->attached)) {
        router_problem(conn, request, 503, "the sources are not attached yet", 1);
    } else {
        answer_text(conn, request, 200, "text/plain; charset=utf-8", STR("ready\n"));
    }
}

static void answer_version(struct conn *conn, const struct http1_request *request) {
    answer_text(conn, request, 200, "application/json",
                STR("{\"name\":\"tailrace\",\"version\":\"" TAILRACE_VERSION "\"}\n"));
}

static void answer_options(struct conn *conn, const struct http1_request *request,
                           const struct target *target) {
    struct buf fields;
    buf_init(&fields, 2048);
    http1_field_text(&fields, "Allow", allowed_methods(target));
    if (cors_check(conn->worker->site->cors, http1_header(request, "Origin")) != CORS_NONE) {
        http1_field_text(&fields, "Access-Control-Allow-Methods", allowed_methods(target));
        http1_field_text(&fields, "Access-Control-Allow-Headers",
                         "Authorization, Cache-Control, Content-Type, If-None-Match, "
                         "Last-Event-ID, X-Api-Key, X-Functions-Key");
        http1_field_text(&fields, "Access-Control-Max-Age", "86400");
    }
    answer(conn, request, 204, NULL, buf_str(&fields), STR(""));
    buf_fini(&fields);
}

// --- topics ---------------------------------------------------------------------------------------------------------

// The topic of /t/…, decoded into `out`. False: answered.
static bool read_topic(struct conn *conn, const struct http1_request *request, struct str raw,
                       bool pattern, char out[LIMIT_TOPIC_BYTES], struct str *topic) {
    struct report report = {0};
    size_t len = 0;
    int err = url_decode(raw, false, out, LIMIT_TOPIC_BYTES, &len);
    *topic = (struct str){out, len};
    if (err == ERR_TOO_LONG) {
        report_set(&report, err, "the topic is longer than %d bytes", LIMIT_TOPIC_BYTES);
    } else if (err) {
        report_set(&report, err, "the topic is not well percent-encoded");
    } else {
        struct pattern read;
        err = pattern ? pattern_read(&read, *topic, &report) : topic_check(*topic, &report);
    }
    if (err) router_problem(conn, request, 400, report.text, 0);
    return !err;
}

// What publishing and forgetting share: the topic and the right to it.
static bool may_write(struct conn *conn, const struct http1_request *request,
                      const struct target *target, struct params *params,
                      char memory[LIMIT_TOPIC_BYTES], struct str *topic) {
    const struct grant *grant;
    if (check_access(conn, request, params, &grant)) return false;
    if (!read_topic(conn, request, target->rest, false, memory, topic)) return false;
    if (topic_is_reserved(*topic)) {
        router_problem(conn, request, 403, "topics under $sys/ belong to the hub", 0);
        return false;
    }
    if (!grant_may_publish(grant, *topic)) {
        router_forbidden(conn, request, grant, "publish to this topic");
        return false;
    }
    int status = 503;
    const char *why = admission_problem(conn->admission, &status);
    if (why) {
        conn->worker->counts.refused_total++;
        router_problem(conn, request, status, why, 5);
    }
    return !why;
}

static void subscribe(struct conn *conn, const struct http1_request *request,
                      const struct target *target, struct params *params) {
    char memory[LIMIT_TOPIC_BYTES];
    struct str topic = {NULL, 0};
    const struct grant *grant;
    bool one = target->kind == TARGET_TOPIC;
    if (!target->routed && stream_wants_page(request, one)) {
        answer_page(conn, request);
        return;
    }
    if (one && !read_topic(conn, request, target->rest, true, memory, &topic)) return;
    if (check_access(conn, request, params, &grant)) return;
    stream_start(conn, request, params, topic, grant);
}

static void answer_metrics(struct conn *conn, const struct http1_request *request,
                           struct params *params) {
    const struct grant *grant;
    bool own = conn->worker->site->config->metrics_listen[0] != '\0';
    if (own && !(conn->flags & CONN_METRICS)) {
        router_problem(conn, request, 404, "metrics have a listener of their own (metrics.listen)",
                       0);
        return;
    }
    if (!own) {
        if (check_access(conn, request, params, &grant)) return;
        if (!grant_subscribes_some(grant)) {
            router_forbidden(conn, request, grant, "see metrics");
            return;
        }
    }
    metrics_answer(conn, request);
}

static void json_patterns(struct buf *out, bool *first, const char *name,
                          const struct pattern *patterns, size_t count) {
    json_key(out, first, name);
    for (size_t i = 0; i < count; i++) {
        buf_append_char(out, i ? ',' : '[');
        json_string(out, patterns[i].text);
    }
    buf_append_str(out, count ? STR("]") : STR("[]"));
}

// What the caller may do, so that a page can leave out what it may not.
static void answer_access(struct conn *conn, const struct http1_request *request,
                          struct params *params) {
    const struct grant *grant;
    struct buf body;
    bool first = true;
    if (check_access(conn, request, params, &grant)) return;
    buf_init(&body, LIMIT_TAIL_BYTES);
    buf_append_char(&body, '{');
    if (grant->is_key) {
        json_pair_str(&body, &first, "key", str_from(grant->name));
    } else {
        json_key(&body, &first, "key");
        buf_append_str(&body, STR("null"));
    }
    json_patterns(&body, &first, "publish", grant->publish, grant->publish_count);
    json_patterns(&body, &first, "subscribe", grant->subscribe, grant->subscribe_count);
    buf_append_str(&body, STR("}\n"));
    answer_text(conn, request, 200, "application/json", buf_str(&body));
    buf_fini(&body);
}

// --- the ways in ----------------------------------------------------------------------------------------------------

bool router_waits(const struct http1_request *request) {
    // Publishes go through the journal side by side; whatever else answers at once, and must not overtake them.
    return request->method != HTTP1_POST || request->expect_continue;
}

static void log_request(const struct conn *conn, const struct http1_request *request) {
    if (!log_enabled(LOG_DEBUG)) return;
    char address[64];
    struct buf target;
    buf_init(&target, 65536);
    url_redact(&target, request->target);
    log_write(LOG_DEBUG, "request", LOG_TEXT("client", net_format_address(&conn->address, address)),
              LOG_STR("method", request->method_text), LOG_STR("target", buf_str(&target)));
    buf_fini(&target);
}

void router_head(struct conn *conn, const struct http1_request *request) {
    struct target target = find(conn, request->path);
    struct params params;
    char memory[LIMIT_TOPIC_BYTES];
    struct str topic;
    log_request(conn, request);
    if (!is_publish(request, &target) || conn->flags & CONN_METRICS) return;
    if (params_init(&params, request->query, target.preset)) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    if (may_write(conn, request, &target, &params, memory, &topic)) {
        publish_begin(conn, request, &params, topic, &conn->publishing);
        if (conn->publishing && request->expect_continue && !publish_failed(conn->publishing))
            conn_interim(conn, STR(HTTP1_CONTINUE));
    } else {
        // The answer has gone; the body has not come.
        conn->flags |= CONN_ANSWERED;
    }
    params_fini(&params);
}

void router_request(struct conn *conn, const struct http1_request *request) {
    struct target target = find(conn, request->path);
    struct params params;
    char memory[LIMIT_TOPIC_BYTES];
    struct str topic;
    bool reads = request->method == HTTP1_GET || request->method == HTTP1_HEAD;
    if (conn->flags & CONN_METRICS && target.kind != TARGET_METRICS &&
        target.kind != TARGET_HEALTH && target.kind != TARGET_READY) {
        target.kind = TARGET_NONE;
    }
    if (target.kind == TARGET_NONE) {
        router_problem(conn, request, 404, "there is nothing at this path", 0);
        return;
    }
    if (request->method == HTTP1_OPTIONS) {
        answer_options(conn, request, &target);
        return;
    }
    bool forgets = request->method == HTTP1_DELETE && target.kind == TARGET_TOPIC && !target.routed;
    if (!reads && !forgets) {
        struct buf fields;
        buf_init(&fields, 256);
        http1_field_text(&fields, "Allow", allowed_methods(&target));
        problem(conn, request, 405, "this path does not take that method", 0, buf_str(&fields));
        buf_fini(&fields);
        return;
    }
    if (params_init(&params, request->query, target.preset)) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    const struct grant *grant;
    switch (target.kind) {
        case TARGET_PAGE: answer_page(conn, request); break;
        case TARGET_ASSET: answer_asset(conn, request, target.rest); break;
        case TARGET_HEALTH:
            answer_text(conn, request, 200, "text/plain; charset=utf-8", STR("ok\n"));
            break;
        case TARGET_READY: answer_ready(conn, request); break;
        case TARGET_VERSION: answer_version(conn, request); break;
        case TARGET_METRICS: answer_metrics(conn, request, &params); break;
        case TARGET_TOPICS:
            if (!check_access(conn, request, &params, &grant))
                topics_answer(conn, request, &params, grant);
            break;
        case TARGET_ACCESS: answer_access(conn, request, &params); break;
        case TARGET_TOPIC:
        case TARGET_EVENTS:
            if (!forgets) {
                subscribe(conn, request, &target, &params);
            } else if (may_write(conn, request, &target, &params, memory, &topic)) {
                publish_forget(conn, request, topic);
            }
            break;
        case TARGET_NONE:
        case TARGET_ANY:
            router_problem(conn, request, 404, "there is nothing at this path", 0);
            break;
    }
    params_fini(&params);
}
