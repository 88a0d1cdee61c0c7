// SPDX-License-Identifier: MIT
// Rows that are whole, and still nothing that the hub would have written.
#include "journal/record.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static int check_event(struct str type) {
    struct event *event = event_new(STR("a"), type, STR("key"), STR("data\n"), 0);
    struct record_view view;
    event->seq = 1;
    event->ordinal = 1;
    size_t size = record_size(event);
    char *row = malloc(size);
    record_encode(row, event, 0, 7);
    int err = record_decode((struct str){row, size}, 1, 7, &view);
    if (!err) err = record_check_body(&view, 7);
    free(row);
    event_free(event);
    return err;
}

static int check_topic(struct str name) {
    struct topic_now now = {0}, again;
    struct str found;
    char *row = malloc(record_topic_size(name));
    record_encode_topic(row, 3, &now, name, 7);
    int err = record_decode_topic((struct str){row, record_topic_size(name)}, 3, 7, &again, &found);
    free(row);
    return err;
}

// They would stand in fields of a stream, where a line end makes another field of the rest.
Test(damage, types_and_topics_are_one_line_each) {
    static const struct str several[] = {STR("a\nb"), STR("\r"), STR("a\0b"), STR("ab\n")};
    cr_assert_eq(check_event(STR("")), 0);
    cr_assert_eq(check_event(STR("type")), 0);
    cr_assert_eq(check_topic(STR("a/b")), 0);
    for (size_t i = 0; i < sizeof several / sizeof *several; i++) {
        cr_expect_eq(check_event(several[i]), ERR_CORRUPT, "%zu", i);
        cr_expect_eq(check_topic(several[i]), ERR_CORRUPT, "%zu", i);
    }
}
