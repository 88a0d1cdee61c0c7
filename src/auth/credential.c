// SPDX-License-Identifier: MIT
// Credentials of requests.
#include "auth/credential.h"

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

struct credential credential_read(const struct request *request, struct params *params) {
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        const char *name = sources[i].name;
        struct str secret = none;
        switch (sources[i].source) {
            case BEARER: secret = read_bearer(request_field(request, name)); break;
            case HEADER: secret = request_field(request, name); break;
            case PARAMETER: secret = read_parameter(params, name); break;
            case COOKIE: secret = read_cookie(request, name); break;
        }
        if (secret.ptr) return (struct credential){secret, sources[i].source == COOKIE};
    }
    return (struct credential){none, false};
}
