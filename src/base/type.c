// SPDX-License-Identifier: MIT
// Types of events.
#include "base/type.h"

#include "base/limits.h"
#include "base/utf8.h"

static bool has_controls(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) return true;
    }
    return false;
}

int type_check(struct str type, struct report *report) {
    if (type.len > LIMIT_TYPE_BYTES || has_controls(type) || !utf8_valid(type)) {
        return report_set(report, ERR_INVALID,
                          "an event type is one line of at most %d bytes, in UTF-8 and without "
                          "control characters",
                          LIMIT_TYPE_BYTES);
    }
    if (str_starts(type, STR("tailrace."))) {
        return report_set(report, ERR_INVALID,
                          "event types that begin with tailrace. are reserved for the hub");
    }
    if (!str_equal(type, STR("error")) && !str_equal(type, STR("open"))) return 0;
    return report_set(report, ERR_INVALID,
                      "the event type \"%.*s\" is one of EventSource itself: pages would take the "
                      "event for a %s; choose another name",
                      STR_ARG(type), type.ptr[0] == 'e' ? "failed connection" : "new connection");
}
