// SPDX-License-Identifier: MIT
// What is let in: bounds of topics; and events that stand in several topics.
#include <criterion/criterion.h>
#include <stdio.h>

#include "journal/journal_priv.h"
#include "support.h"

static int put_owned(struct journal *journal, const char *topic, uint32_t owner) {
    struct event *event = event_new(str_from(topic), STR(""), STR(""), STR("x"), 0);
    struct support_publish to = {.publish = {.owner = owner}};
    return support_publish(journal, &to, &event, 1);
}

Test(door, an_owner_makes_no_more_topics_than_it_may) {
    struct journal_config config = support_config(support_dir());
    config.topics_max = 10;
    config.owner_topics_max = 3;
    struct journal *journal = support_open(&config);
    cr_assert_eq(put_owned(journal, "a/1", 7), 0);
    cr_assert_eq(put_owned(journal, "a/2", 7), 0);
    cr_assert_eq(put_owned(journal, "a/3", 7), 0);
    cr_assert_eq(put_owned(journal, "a/4", 7), ERR_LIMIT);
    cr_assert_eq(put_owned(journal, "a/1", 7), 0, "a topic that exists is no new one");
    cr_assert_eq(put_owned(journal, "b/1", 8), 0);
    // Nobody in particular is bounded by the number of topics alone.
    for (int i = 0; i < 4; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "c/%d", i);
        cr_assert_eq(put_owned(journal, topic, 0), 0);
    }
    // It is remembered.
    journal_close(journal);
    journal = support_open(&config);
    cr_assert_eq(put_owned(journal, "a/4", 7), ERR_LIMIT);
    cr_assert_eq(put_owned(journal, "b/2", 8), 0);
    journal_close(journal);
}

Test(door, new_topics_of_one_publish_count_together) {
    struct journal_config config = support_config(support_dir());
    config.topics_max = 4;
    struct journal *journal = support_open(&config);
    struct event *events[5];
    static const char *const names[] = {"a", "b", "a", "c", "b"};
    struct support_publish to = {0};
    for (int i = 0; i < 5; i++)
        events[i] = event_new(str_from(names[i]), STR(""), STR(""), STR("x"), 0);
    cr_assert_eq(support_publish(journal, &to, events, 5), 0);
    for (int i = 0; i < 2; i++)
        events[i] = event_new(str_from(i ? "e" : "d"), STR(""), STR(""), STR("x"), 0);
    cr_assert_eq(support_publish(journal, &to, events, 2), ERR_LIMIT);
    cr_assert_eq(put_owned(journal, "d", 0), 0, "nothing of what was refused is left");
    journal_close(journal);
}

static void over(struct publish *publish) { (void)publish; }

// Both wait for the same turn. What the first would have made counts for nothing.
Test(door, a_publish_that_is_not_let_in_leaves_nothing_behind) {
    struct journal_config config = support_config(support_dir());
    config.topics_max = 2;
    config.owner_topics_max = 2;
    struct journal *journal = support_open_quiet(&config);
    struct event *many[3], *two[2];
    static const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++)
        many[i] = event_new(str_from(names[i]), STR(""), STR(""), STR("x"), 0);
    for (int i = 0; i < 2; i++)
        two[i] = event_new(str_from(names[i + 1]), STR(""), STR(""), STR("x"), 0);
    struct publish first = {.count = 3, .events = many, .done = over, .owner = 7};
    struct publish second = {.count = 2, .events = two, .done = over, .owner = 7};
    cr_assert_eq(journal_enqueue(journal, &first), 0);
    cr_assert_eq(journal_enqueue(journal, &second), 0);
    (void)writer_turn(journal);
    cr_assert_eq(first.result, ERR_LIMIT);
    cr_assert_eq(second.result, 0, "%s", err_text(second.result));
    journal_close(journal);
}

// --- aliases -------------------------------------------------------------------------------------

static int put_in_three(struct journal *journal, const char *key, struct support_publish *to) {
    struct event *events[] = {event_new(STR("first"), STR(""), str_from(key), STR("data"), 0),
                              event_new_alias(STR("second")), event_new_alias(STR("third"))};
    *to = (struct support_publish){0};
    return support_publish(journal, to, events, 3);
}

static void read_one(struct journal *journal, uint64_t seq, struct record *out, uint64_t *target) {
    struct store_reader *reader;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(store_reader_read(reader, seq, out), 0);
    *target = event_target(out->data);
    store_reader_end(reader);
    store_reader_close(reader);
}

Test(door, an_event_stands_in_several_topics) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    support_put(journal, "second", "before");
    struct support_publish to;
    cr_assert_eq(put_in_three(journal, "k", &to), 0);
    cr_assert_eq(to.publish.first, 2);
    cr_assert_eq(to.publish.last, 2, "an alias is no event of its own");
    for (int round = 0; round < 2; round++) {
        struct record record;
        uint64_t target;
        read_one(journal, 3, &record, &target);
        cr_assert(record.flags & EVENT_ALIAS);
        cr_assert_eq(target, 2);
        cr_assert_eq(record.prev, 1, "it is in the chain of its topic");
        read_one(journal, 4, &record, &target);
        cr_assert_eq(target, 2);
        cr_assert_eq(record.ordinal, 1);
        journal_close(journal);
        journal = support_open(&config);
    }
    // A repetition makes neither the event nor its aliases again.
    cr_assert_eq(put_in_three(journal, "k", &to), 0);
    cr_assert_eq(to.publish.duplicates, 1);
    cr_assert_eq(to.publish.last, 2);
    cr_assert_eq(journal_last_seq(journal), 4);
    // In a topic that is finished it cannot stand, and then it is nowhere.
    cr_assert_eq(support_put_full(journal, "third", "", "", EVENT_CLOSE | EVENT_MARKER, &to), 0);
    cr_assert_eq(put_in_three(journal, "l", &to), ERR_CLOSED);
    cr_assert_eq(journal_last_seq(journal), 5);
    journal_close(journal);
}
