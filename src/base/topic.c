// SPDX-License-Identifier: MIT
// Topic names.
#include "base/topic.h"

#include "base/limits.h"
#include "base/utf8.h"

int topic_check_text(struct str name, const char *what, struct report *report) {
    if (name.len == 0) return report_set(report, ERR_INVALID, "the %s is empty", what);
    if (name.len > LIMIT_TOPIC_BYTES) {
        return report_set(report, ERR_INVALID, "the %s has %zu bytes, at most %d are allowed", what,
                          name.len, LIMIT_TOPIC_BYTES);
    }
    size_t good = utf8_valid_prefix(name);
    if (good < name.len) {
        return report_set(report, ERR_INVALID, "the %s is not valid UTF-8 at byte %zu", what, good);
    }
    size_t segments = 1;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        // C1 controls are U+0080..U+009F, in UTF-8 0xC2 0x80..0x9F.
        bool c1 = c == 0xC2 && (unsigned char)name.ptr[i + 1] < 0xA0;
        if (c < 0x20 || c == 0x7F || c1) {
            return report_set(report, ERR_INVALID, "the %s has a control character at byte %zu",
                              what, i);
        }
        if (c == '/') segments++;
    }
    if (segments > LIMIT_TOPIC_SEGMENTS) {
        return report_set(report, ERR_INVALID, "the %s has %zu segments, at most %d are allowed",
                          what, segments, LIMIT_TOPIC_SEGMENTS);
    }
    return 0;
}

int topic_check(struct str name, struct report *report) {
    int err = topic_check_text(name, "topic", report);
    struct str rest = name;
    while (!err && rest.ptr) {
        struct str segment = str_cut(&rest, '/');
        if (str_equal(segment, STR("*")) || str_equal(segment, STR("**"))) {
            err = report_set(report, ERR_INVALID,
                             "a topic's segment may not be * or **; only patterns have those");
        }
    }
    return err;
}

int topic_check_new(struct str name, struct report *report) {
    int err = topic_check(name, report);
    struct str rest = name;
    while (!err && rest.ptr) {
        struct str segment = str_cut(&rest, '/');
        if (str_equal(segment, STR(".")) || str_equal(segment, STR(".."))) {
            err = report_set(report, ERR_INVALID,
                             "a topic's segment may not be . or ..: browsers leave them out of "
                             "addresses, so that nobody could open it");
        }
    }
    return err;
}

bool topic_is_reserved(struct str name) {
    return str_equal(name, STR("$sys")) || str_starts(name, STR("$sys/"));
}
