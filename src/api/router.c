// SPDX-License-Identifier: MIT
// From a request to its handler.
#include "api/router.h"

#include "api/api.h"
#include "api/resource.h"
#include "config/paths.h"

static const struct {
    struct str path;
    enum match match;
    const struct resource *resource;
} paths[] = {
#define X(path, match, name) {{path, sizeof(path) - 1}, match, &name##_resource},
    HUB_PATHS(X)
#undef X
};

// --- answers of the router itself ----------------------------------------------------------------

static void append_method(struct buf *out, const char *method) {
    if (out->len) buf_append_str(out, STR(", "));
    buf_append(out, method, strlen(method));
}

// What the resource allows; all methods there are for `OPTIONS *`.
static void list_methods(struct buf *out, const struct resource *resource) {
    buf_init(out, 100);
    if (!resource || resource->get) {
        append_method(out, "GET");
        append_method(out, "HEAD");
    }
    if (!resource || resource->post) append_method(out, "POST");
    if (!resource || resource->delete_) append_method(out, "DELETE");
    append_method(out, "OPTIONS");
}

// The fields that a page may send: those that it asks for. Clients that fetch streams have fields
// of their own (Mcp-Session-Id, HX-Request, Datastar-Request, traceparent), and what an allowed
// origin sends of them is no risk.
static struct str allowed_headers(const struct request *request) {
    struct str names = request_field(request, "Access-Control-Request-Headers");
    if (names.len && cors_are_names(names)) return names;
    return STR("Authorization, Cache-Control, Content-Type, If-None-Match, Last-Event-ID, "
               "X-Api-Key, X-Functions-Key");
}

// WHATWG Fetch, "CORS protocol"; WICG Private Network Access, for a hub in a private network.
static void answer_options(struct exchange *exchange) {
    const struct request *request = exchange_request(exchange);
    struct buf methods;
    list_methods(&methods, exchange->state);
    struct answer answer = {.status = 204};
    answer_field(&answer, "Allow", buf_str(&methods));
    answer_text(&answer, "Vary",
                "Access-Control-Request-Method, Access-Control-Request-Headers, "
                "Access-Control-Request-Private-Network");
    if (exchange->cors != CORS_NONE) {
        answer_field(&answer, "Access-Control-Allow-Methods", buf_str(&methods));
        answer_field(&answer, "Access-Control-Allow-Headers", allowed_headers(request));
        answer_text(&answer, "Access-Control-Max-Age", "86400");
        if (request_field(request, "Access-Control-Request-Private-Network").ptr)
            answer_text(&answer, "Access-Control-Allow-Private-Network", "true");
    }
    exchange_answer(exchange, &answer);
    buf_fini(&methods);
}

static void refuse_method(struct exchange *exchange) {
    struct buf methods;
    list_methods(&methods, exchange->state);
    exchange_problem(exchange, &(struct problem){
                                   .status = 405,
                                   .detail = "this path does not allow that method",
                                   .field = {STR("Allow"), buf_str(&methods)},
                               });
    buf_fini(&methods);
}

static void refuse_path(struct exchange *exchange) {
    exchange_refuse(exchange, 404, "there is nothing at this path");
}

static const struct handler options_handler = {.begin = answer_options};
static const struct handler method_handler = {.begin = refuse_method};
static const struct handler path_handler = {.begin = refuse_path};

// --- finding -------------------------------------------------------------------------------------

// A configured route stands for what it points to: /t/… or /events, with a query of its own.
static bool find_route(const struct site *site, struct request *request) {
    const struct config *config = site->config;
    for (size_t i = 0; i < config->routes_count; i++) {
        if (!str_equal(request->path, str_from(config->routes[i].path))) continue;
        request->preset = str_from(config->routes[i].target);
        struct str inner = str_cut(&request->preset, '?');
        struct str below = STR("/t/");
        if (str_starts(inner, below))
            request->rest = (struct str){inner.ptr + below.len, inner.len - below.len};
        return true;
    }
    return false;
}

static const struct resource *find_path(struct request *request) {
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct str path = paths[i].path;
        bool found = paths[i].match == EXACT ? str_equal(request->path, path)
                                             : str_starts(request->path, path);
        if (!found) continue;
        request->rest = (struct str){request->path.ptr + path.len, request->path.len - path.len};
        return paths[i].resource;
    }
    return NULL;
}

const struct handler *router_route(struct exchange *exchange) {
    // The router is the only one that writes into a request.
    struct request *request = (struct request *)exchange_request(exchange);
    const struct resource *resource = NULL;
    request->rest = request->preset = (struct str){NULL, 0};
    if (str_equal(request->path, STR("*"))) return &options_handler;
    resource = find_route(api_of(exchange)->site, request) ? &routed_resource : find_path(request);
    bool hidden = exchange->listener == HTTP_LISTENER_METRICS;
    if (!resource || (hidden && !resource->on_metrics_listener)) return &path_handler;
    const struct handler *handler = NULL;
    switch (request->method) {
        case METHOD_GET:
        case METHOD_HEAD: handler = resource->get; break;
        case METHOD_POST: handler = resource->post; break;
        case METHOD_DELETE: handler = resource->delete_; break;
        case METHOD_OPTIONS: handler = &options_handler; break;
        default: break;
    }
    if (!handler) handler = &method_handler;
    if (handler == &options_handler || handler == &method_handler)
        exchange->state = (void *)(uintptr_t)resource;
    return handler;
}
