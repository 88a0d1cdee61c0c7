// SPDX-License-Identifier: MIT
// Cross-origin access.
//
// Origins are compared byte by byte, as browsers serialise them (scheme and host in lower case, no
// default port); the configuration is refused where it could never match.
#include "http/cors.h"

#include <stdlib.h>

struct allowed {
    struct str scheme; // with "://"; everything when `wild` is false
    struct str rest;   // ".example.com:8443" after the open label
    bool wild;
    char *memory;
};

struct cors {
    bool any;
    size_t count;
    struct allowed allowed[];
};

static bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// Digits, 1 to 65535.
static bool is_port(struct str s) {
    uint64_t port;
    return str_to_u64(s, 65535, &port) && port > 0 && s.ptr[0] != '0';
}

// "[::1]": what is between the brackets is compared, not understood.
static bool is_ipv6(struct str host) {
    if (host.len < 4 || host.ptr[0] != '[' || host.ptr[host.len - 1] != ']') return false;
    for (size_t i = 1; i + 1 < host.len; i++) {
        char c = host.ptr[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!hex && c != ':' && c != '.') return false;
    }
    return true;
}

static bool is_host(struct str host) {
    if (host.len == 0) return false;
    if (host.ptr[0] == '[') return is_ipv6(host);
    bool label = false;
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_char(host.ptr[i])) return false;
        if (host.ptr[i] == '.' && !label) return false;
        label = host.ptr[i] != '.';
    }
    return label;
}

// Why the origin is refused, NULL when it is fine. Finds where scheme and host are.
static const char *parse(struct str origin, struct allowed *out) {
    *out = (struct allowed){.rest = origin};
    if (str_equal(origin, STR("null"))) return NULL;
    const char *end = memmem(origin.ptr, origin.len, "://", 3);
    if (!end || end == origin.ptr) return "it has no scheme";
    size_t scheme = (size_t)(end - origin.ptr) + 3;
    for (size_t i = 0; i + 3 < scheme; i++) {
        char c = origin.ptr[i];
        bool mark = i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.');
        if (!(c >= 'a' && c <= 'z') && !mark) return "its scheme is not in lower case";
    }
    struct str authority = {origin.ptr + scheme, origin.len - scheme};
    if (authority.len && memchr(authority.ptr, '/', authority.len)) return "it has a path";
    if (str_starts(authority, STR("*."))) {
        out->wild = true;
        out->scheme = (struct str){origin.ptr, scheme};
        out->rest = (struct str){authority.ptr + 1, authority.len - 1};
        authority = (struct str){authority.ptr + 2, authority.len - 2};
    }
    const char *colon = authority.len ? memrchr(authority.ptr, ':', authority.len) : NULL;
    const char *bracket = authority.len ? memrchr(authority.ptr, ']', authority.len) : NULL;
    struct str host = authority;
    if (colon && (!bracket || colon > bracket)) {
        host.len = (size_t)(colon - authority.ptr);
        struct str port = {colon + 1, authority.len - host.len - 1};
        if (!is_port(port)) return "its port is not a number from 1 to 65535";
        if ((str_starts(origin, STR("https:")) && str_equal(port, STR("443"))) ||
            (str_starts(origin, STR("http:")) && str_equal(port, STR("80")))) {
            return "browsers leave out the default port; leave it out here too";
        }
    }
    if (!is_host(host)) return "its host is not a name in lower case or an address";
    return NULL;
}

int cors_new(struct cors **out, const char *const *origins, size_t count, struct report *report) {
    struct cors *cors = calloc(1, sizeof *cors + count * sizeof cors->allowed[0]);
    if (!cors) return report_set(report, ERR_NOMEM, "no memory for the origins");
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(origins[i], "*")) {
            cors->any = true;
            continue;
        }
        struct allowed *allowed = &cors->allowed[cors->count];
        char *memory = str_dup(str_from(origins[i]));
        if (!memory) {
            cors_free(cors);
            return report_set(report, ERR_NOMEM, "no memory for the origins");
        }
        const char *why = parse(str_from(memory), allowed);
        allowed->memory = memory;
        cors->count++;
        if (!why) continue;
        cors_free(cors);
        return report_set(report, ERR_INVALID,
                          "origin \"%.200s\": %s; write for example https://app.example.com, "
                          "https://*.example.com, null or *",
                          origins[i], why);
    }
    *out = cors;
    return 0;
}

void cors_free(struct cors *cors) {
    if (!cors) return;
    for (size_t i = 0; i < cors->count; i++) free(cors->allowed[i].memory);
    free(cors);
}

static bool allows(const struct allowed *allowed, struct str origin) {
    if (!allowed->wild) return str_equal(allowed->rest, origin);
    if (!str_starts(origin, allowed->scheme)) return false;
    origin = (struct str){origin.ptr + allowed->scheme.len, origin.len - allowed->scheme.len};
    if (origin.len <= allowed->rest.len) return false;
    struct str label = {origin.ptr, origin.len - allowed->rest.len};
    if (!str_equal((struct str){origin.ptr + label.len, allowed->rest.len}, allowed->rest)) {
        return false;
    }
    // One label, and nothing that a sloppy client could read as another host.
    for (size_t i = 0; i < label.len; i++) {
        if (!is_host_char(label.ptr[i]) || label.ptr[i] == '.') return false;
    }
    return true;
}

enum cors_answer cors_check(const struct cors *cors, struct str origin) {
    if (!origin.ptr || origin.len == 0) return CORS_NONE;
    for (size_t i = 0; i < cors->count; i++) {
        if (!allows(&cors->allowed[i], origin)) continue;
        return str_equal(origin, STR("null")) ? CORS_ANY : CORS_ORIGIN;
    }
    return cors->any ? CORS_ANY : CORS_NONE;
}

bool cors_varies(const struct cors *cors) { return cors->count > 0; }

bool cors_are_names(struct str list) {
    if (list.len > CORS_NAMES_BYTES_MAX) return false;
    while (list.ptr) {
        if (!str_is_token(str_trim(str_cut(&list, ',')))) return false;
    }
    return true;
}
