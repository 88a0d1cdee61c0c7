// SPDX-License-Identifier: MIT
// Names of the hub.
#include "auth/hosts.h"

#include <arpa/inet.h>

// The host of an authority, without port, brackets and final dot.
static struct str host_of(struct str authority) {
    if (authority.len && authority.ptr[0] == '[') {
        const char *end = memchr(authority.ptr, ']', authority.len);
        return (struct str){authority.ptr + 1, end ? (size_t)(end - authority.ptr - 1) : 0};
    }
    struct str host = str_cut(&authority, ':');
    if (host.len > 1 && host.ptr[host.len - 1] == '.') host.len--;
    return host;
}

static bool is_address(struct str host) {
    char text[64];
    unsigned char bytes[16];
    if (host.len >= sizeof text) return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool ends_with(struct str host, struct str end) {
    return host.len > end.len &&
           str_equal_nocase((struct str){host.ptr + host.len - end.len, end.len}, end);
}

static bool is_name(struct str s) {
    bool label = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!good && !(c == '.' && label)) return false;
        label = good;
    }
    return label;
}

int hosts_check(struct str text, struct report *report) {
    struct str name = text;
    if (str_equal(text, STR("*"))) return 0;
    if (str_starts(text, STR("*."))) name = (struct str){text.ptr + 2, text.len - 2};
    if (is_name(name) && !is_address(name)) return 0;
    return report_set(report, ERR_INVALID,
                      "\"%.*s\" is not the name of a host; write for example logs.example.com, "
                      "*.example.com or \"*\", without scheme and port (addresses and localhost "
                      "are always answered)",
                      text.len < 200 ? (int)text.len : 200, text.ptr);
}

bool hosts_admit(const char *const *hosts, size_t count, struct str authority) {
    struct str host = host_of(authority);
    if (authority.len == 0) return true;
    if (is_address(host) || str_equal_nocase(host, STR("localhost"))) return true;
    if (ends_with(host, STR(".localhost"))) return true;
    for (size_t i = 0; i < count; i++) {
        struct str name = str_from(hosts[i]);
        if (str_equal(name, STR("*")) || str_equal_nocase(name, host)) return true;
        if (name.ptr[0] == '*' && ends_with(host, (struct str){name.ptr + 1, name.len - 1}))
            return true;
    }
    return false;
}

bool hosts_own(const char *const *hosts, size_t count, struct str origin) {
    const char *slashes = memmem(origin.ptr, origin.len, "://", 3);
    if (!slashes) return false;
    struct str host =
        host_of((struct str){slashes + 3, (size_t)(origin.ptr + origin.len - slashes - 3)});
    for (size_t i = 0; i < count; i++) {
        if (str_equal_nocase(str_from(hosts[i]), host)) return true;
    }
    return false;
}
