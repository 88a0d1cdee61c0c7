// SPDX-License-Identifier: MIT
// Credentials of requests.
#include "auth/credential.h"

#include "proto/url.h"

enum source { BEARER, HEADER, PARAMETER, COOKIE };

// In the order in which they are looked for.
static const struct {
    enum source source;
    const char *name;
} sources[] = {
    {BEARER, "Authorization"},   // RFC 6750, 2.1
    {HEADER, "X-Api-Key"},       // widely used
    {HEADER, "X-Functions-Key"}, // Azure Functions
    {PARAMETER, "code"},         // Azure Functions
    {PARAMETER, "key"},          // the hub's own
    {PARAMETER, "access_token"}, // RFC 6750, 2.3
    {COOKIE, "tailrace"},        // the hub's own
};

static const struct str none = {NULL, 0};

// Another scheme (a proxy's Basic, say) is not for the hub.
static struct str read_bearer(struct str value) {
    struct str rest = value;
    if (!value.ptr || !str_equal_nocase(str_cut(&rest, ' '), STR("Bearer"))) return none;
    return rest.ptr ? str_trim(rest) : STR("");
}

static struct str read_parameter(struct params *params, const char *name) {
    struct str value;
    int err = params_get(params, name, &value);
    if (err == ERR_NOT_FOUND) return none;
    return err ? STR("") : value;
}

static struct str read_cookie(const struct request *request, const char *wanted) {
    size_t index = 0;
    struct str list;
    while (request_field_next(request, "Cookie", &index, &list)) {
        while (list.ptr) {
            struct str value = str_trim(str_cut(&list, ';'));
            struct str name = str_cut(&value, '=');
            if (str_equal(name, str_from(wanted))) return value.ptr ? value : STR("");
        }
    }
    return none;
}

// Further readings have at most LIMIT_SECRET_BYTES: no secret is longer.

static void add_cookie_decoded(struct credential *out, struct str value) {
    char *memory = out->memory;
    size_t len;
    if (value.len > 1 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = (struct str){value.ptr + 1, value.len - 2};
    if (!url_decode(value, false, memory, LIMIT_SECRET_BYTES, &len))
        out->readings[out->count++] = (struct str){memory, len};
}

static void add_with_plus(struct credential *out, struct str value) {
    char *memory = out->memory + LIMIT_SECRET_BYTES;
    if (value.len > LIMIT_SECRET_BYTES || !value.len || !memchr(value.ptr, ' ', value.len)) return;
    for (size_t i = 0; i < value.len; i++) memory[i] = value.ptr[i] == ' ' ? '+' : value.ptr[i];
    out->readings[out->count++] = (struct str){memory, value.len};
}

void credential_read(struct credential *out, const struct request *request, struct params *params) {
    out->count = 0;
    out->by_browser = false;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        const char *name = sources[i].name;
        struct str secret = none;
        switch (sources[i].source) {
            case BEARER: secret = read_bearer(request_field(request, name)); break;
            case HEADER: secret = request_field(request, name); break;
            case PARAMETER: secret = read_parameter(params, name); break;
            case COOKIE: secret = read_cookie(request, name); break;
        }
        if (!secret.ptr) continue;
        out->readings[out->count++] = secret;
        out->by_browser = sources[i].source == COOKIE;
        if (out->by_browser) add_cookie_decoded(out, secret);
        add_with_plus(out, secret);
        return;
    }
}
