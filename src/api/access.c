// SPDX-License-Identifier: MIT
// Access to what is asked for; GET /access.
#include "api/access.h"

#include <stdio.h>

#include "api/api.h"
#include "api/resource.h"
#include "auth/credential.h"
#include "auth/hosts.h"
#include "base/json.h"
#include "base/topic.h"
#include "proto/url.h"

// When a client that was refused for want of room may come again.
#define REFUSED_RETRY_S 5

// --- who asks ------------------------------------------------------------------------------------

// Whether the Origin is the hub itself.
static bool is_same_origin(const struct request *request, struct str origin) {
    const char *slashes = memmem(origin.ptr, origin.len, "://", 3);
    if (!slashes) return false;
    struct str authority = {slashes + 3, (size_t)(origin.ptr + origin.len - slashes - 3)};
    return str_equal_nocase(authority, request->authority);
}

// A foreign page may make a browser send a POST, with the browser's cookie or from inside the
// network, without being able to read the answer. A request that presents a key itself is not
// affected. An origin that is in the configuration may write, but not one of "*".
static bool is_forged(const struct exchange *exchange, const struct request *request,
                      bool presents_key) {
    const struct config *config = api_of(exchange)->site->config;
    bool reads = request->method == METHOD_GET || request->method == METHOD_HEAD;
    struct str origin = request_field(request, "Origin");
    if (reads || presents_key || !origin.ptr || exchange->cors == CORS_ORIGIN) return false;
    return !is_same_origin(request, origin) &&
           !hosts_own(config->hosts, config->hosts_count, origin);
}

static void refuse_host(struct exchange *exchange, struct str host) {
    char detail[400];
    snprintf(detail, sizeof detail,
             "without a key the hub answers only to an address, localhost, or a name in `hosts`; "
             "this request is for %.*s: add that name to hosts in the configuration, or use a key",
             host.len < 200 ? (int)host.len : 200, host.ptr);
    exchange_refuse(exchange, 403, detail);
}

bool access_params(struct exchange *exchange, struct params *params) {
    const struct request *request = exchange_request(exchange);
    if (!params_init(params, request->query, request->preset)) return true;
    exchange_abort(exchange);
    return false;
}

// The grant of the first reading that is a key.
static int find_grant(const struct auth *auth, const struct credential *credential,
                      struct grant **out) {
    if (!credential->count) return auth_check(auth, (struct str){NULL, 0}, out);
    int err = ERR_DENIED;
    for (size_t i = 0; i < credential->count && err; i++)
        err = auth_check(auth, credential->readings[i], out);
    return err;
}

struct grant *access_check(struct exchange *exchange, struct params *params) {
    const struct site *site = api_of(exchange)->site;
    const struct request *request = exchange_request(exchange);
    struct credential credential;
    struct grant *grant;
    credential_read(&credential, request, params);
    if (find_grant(site->auth, &credential, &grant)) {
        exchange_problem(exchange,
                         &(struct problem){
                             .status = 401,
                             .detail = "the key is wrong",
                             .field = {STR("WWW-Authenticate"),
                                       STR("Bearer realm=\"tailrace\", error=\"invalid_token\"")},
                         });
        return NULL;
    }
    const struct config *config = site->config;
    bool permits = grant->publish_count + grant->subscribe_count > 0;
    if (!grant->is_key && permits &&
        !hosts_admit(config->hosts, config->hosts_count, request->authority)) {
        refuse_host(exchange, request->authority);
    } else if (is_forged(exchange, request, grant->is_key && !credential.by_browser)) {
        exchange_refuse(exchange, 403,
                        "a page of another origin may not write; name its origin in `origins`, or, "
                        "where a proxy changes the Host field, the hub's own name in `hosts`");
    } else {
        return grant;
    }
    grant_put(grant);
    return NULL;
}

void access_forbid(struct exchange *exchange, const struct grant *grant, const char *what) {
    char detail[200];
    if (grant->is_key) {
        snprintf(detail, sizeof detail, "this key may not %s", what);
        exchange_refuse(exchange, 403, detail);
        return;
    }
    snprintf(detail, sizeof detail,
             "a key is needed to %s: send it as `Authorization: Bearer KEY` or as ?key=KEY", what);
    exchange_problem(exchange,
                     &(struct problem){
                         .status = 401,
                         .detail = detail,
                         .field = {STR("WWW-Authenticate"), STR("Bearer realm=\"tailrace\"")},
                     });
}

// --- topics --------------------------------------------------------------------------------------

bool access_decode_topic(struct exchange *exchange, char memory[LIMIT_TOPIC_BYTES],
                         struct str *topic) {
    char detail[100];
    size_t len = 0;
    int err = url_decode(exchange_request(exchange)->rest, false, memory, LIMIT_TOPIC_BYTES, &len);
    *topic = (struct str){memory, len};
    if (!err) return true;
    if (err == ERR_TOO_LONG) {
        snprintf(detail, sizeof detail, "the topic is longer than %d bytes", LIMIT_TOPIC_BYTES);
    } else {
        snprintf(detail, sizeof detail, "the topic is not valid percent-encoding");
    }
    exchange_refuse(exchange, 400, detail);
    return false;
}

static bool may_write(struct exchange *exchange, const struct grant *grant, struct str topic) {
    struct report report = {0};
    bool deletes = exchange_request(exchange)->method == METHOD_DELETE;
    if (deletes ? topic_check(topic, &report) : topic_check_new(topic, &report)) {
        exchange_refuse(exchange, 400, report.text);
    } else if (topic_is_reserved(topic)) {
        exchange_refuse(exchange, 403, "topics under $sys/ belong to the hub");
    } else if (!grant_may_publish(grant, topic)) {
        access_forbid(exchange, grant, "publish to this topic");
    } else {
        return true;
    }
    return false;
}

static bool has_room(struct exchange *exchange) {
    struct problem problem = {.retry_after_s = REFUSED_RETRY_S};
    problem.detail = admission_problem((enum admission_answer)exchange->admission, &problem.status);
    if (!problem.detail) return true;
    exchange->http->counts.refused_total++;
    exchange_problem(exchange, &problem);
    return false;
}

bool access_check_write(struct exchange *exchange, struct params *params,
                        struct access_write *out) {
    struct grant *grant = access_check(exchange, params);
    bool may = grant && access_decode_topic(exchange, out->memory, &out->topic) &&
               may_write(exchange, grant, out->topic) && has_room(exchange);
    if (may) out->owner = grant_owner(grant);
    grant_put(grant);
    return may;
}

// --- GET /access ---------------------------------------------------------------------------------

static void list_patterns(struct json *json, const char *name, const struct pattern *patterns,
                          size_t count) {
    json_array(json, name);
    for (size_t i = 0; i < count; i++) json_str(json, NULL, patterns[i].text);
    json_end(json);
}

// What the caller may do, so that a page can leave out what it may not.
static void answer_access(struct exchange *exchange) {
    struct params params;
    struct buf body;
    if (!access_params(exchange, &params)) return;
    struct grant *grant = access_check(exchange, &params);
    if (grant) {
        buf_init(&body, LIMIT_TAIL_BYTES);
        struct json json = JSON(&body);
        json_object(&json, NULL);
        if (grant->is_key) {
            json_str(&json, "key", str_from(grant->name));
        } else {
            json_null(&json, "key");
        }
        list_patterns(&json, "publish", grant->publish, grant->publish_count);
        list_patterns(&json, "subscribe", grant->subscribe, grant->subscribe_count);
        json_end(&json);
        buf_append_char(&body, '\n');
        exchange_answer_now(exchange, "application/json", buf_str(&body));
        buf_fini(&body);
    }
    grant_put(grant);
    params_fini(&params);
}

static const struct handler access_handler = {.begin = answer_access};
const struct resource access_resource = {.get = &access_handler};
