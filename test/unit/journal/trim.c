// SPDX-License-Identifier: MIT
// Applying a trim: what was planned counts only while the topic is what it was.
#include <criterion/criterion.h>

#include "journal/journal_priv.h"
#include "support.h"

static void done(struct publish *publish) { (void)publish; }

static struct journal *open_quiet(void) {
    struct journal_config config = support_config(support_dir());
    return support_open_quiet(&config);
}

static void put(struct journal *journal, const char *topic) {
    struct event *event = event_new(str_from(topic), STR(""), STR(""), STR("0123456789"), 0);
    struct publish publish = {.count = 1, .events = &event, .done = done};
    cr_assert_eq(journal_enqueue(journal, &publish), 0);
    (void)writer_turn(journal);
    cr_assert_eq(publish.result, 0);
}

static void raise(struct journal *journal, struct topic_row *topic, uint64_t from, uint64_t seq) {
    struct command command;
    command_init(&command, COMMAND_TRIM);
    cr_assert_eq(command_add_mark(&command, topic), 0);
    command.marks[0] = (struct command_mark){
        .topic = topic, .from = from, .seq = seq, .ordinal = seq, .bytes = (seq - from) * 10};
    cr_assert_eq(writer_do(journal, &command), 0);
    command_fini(&command);
}

// As two hubs that share a log do, one of which has seen more of the topic.
Test(trim, of_two_plans_for_the_same_floor_one_counts) {
    struct journal *journal = open_quiet();
    for (int i = 0; i < 10; i++) put(journal, "t");
    struct topic_row *topic = topic_rows_find(&journal->topics, STR("t"));
    raise(journal, topic, 0, 3);
    raise(journal, topic, 0, 5);
    cr_assert_eq(topic->now.trimmed_ordinal, 3);
    cr_assert_eq(topic->now.bytes, 70);
    raise(journal, topic, 3, 5);
    cr_assert_eq(topic->now.trimmed_ordinal, 5);
    cr_assert_eq(topic->now.gone_ordinal, 5, "and they are deleted");
    cr_assert_eq(topic->now.bytes, 50);
    journal_close(journal);
}

// A plan for a topic of before that had the same name.
Test(trim, a_plan_for_a_topic_of_before_does_not_count) {
    struct journal *journal = open_quiet();
    for (int i = 0; i < 5; i++) put(journal, "other");
    for (int i = 0; i < 5; i++) put(journal, "t");
    struct topic_row *topic = topic_rows_find(&journal->topics, STR("t"));
    cr_assert_eq(topic->now.first_seq, 6);
    raise(journal, topic, 0, 3);
    cr_assert_eq(topic->now.trimmed_ordinal, 0);
    cr_assert_eq(topic->now.bytes, 50);
    journal_close(journal);
}
