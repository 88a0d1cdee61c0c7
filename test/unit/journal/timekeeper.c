// SPDX-License-Identifier: MIT
// A wall clock that leaps.
#include "journal/timekeeper.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "journal/journal.h"
#include "support.h"

#define MINUTE ((uint64_t)60 * 1000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define T0 ((uint64_t)1800000000000) // the time at the start
#define BOOT (5 * DAY)               // the other clock then

static struct timekeeper keeper;
static char said[300];

static uint64_t at(uint64_t passed, int64_t wrong) {
    uint64_t now = timekeeper_now(&keeper, T0 + passed + (uint64_t)wrong, BOOT + passed);
    timekeeper_say(&keeper, BOOT + passed, said, sizeof said);
    return now;
}

static bool trusted(uint64_t passed) { return timekeeper_trusts_ages(&keeper, BOOT + passed); }

static void begin(void) { timekeeper_init(&keeper, T0 - MINUTE, T0, BOOT); }

Test(timekeeper, follows_a_clock_that_is_corrected) {
    begin();
    cr_assert_eq(at(MINUTE, 0), T0 + MINUTE);
    cr_assert_eq(at(2 * MINUTE, 30000), T0 + 2 * MINUTE + 30000);
    cr_assert_eq(at(3 * MINUTE, -400), T0 + 3 * MINUTE - 400);
    cr_assert(trusted(3 * MINUTE));
    cr_assert_eq(said[0], '\0');
}

Test(timekeeper, a_wrong_minute_moves_nothing) {
    begin();
    cr_assert_eq(at(MINUTE, (int64_t)(40 * DAY)), T0 + MINUTE);
    cr_assert_not(trusted(MINUTE));
    cr_assert(strstr(said, "forward by 57600 minutes"), "%s", said);
    cr_assert_eq(at(2 * MINUTE, (int64_t)(40 * DAY)), T0 + 2 * MINUTE);
    cr_assert_eq(at(3 * MINUTE, 0), T0 + 3 * MINUTE);
    cr_assert(trusted(3 * MINUTE));
    cr_assert_eq(said[0], '\0');
    cr_assert_eq(at(4 * MINUTE, -(int64_t)DAY), T0 + 4 * MINUTE);
    cr_assert(strstr(said, "back by"), "%s", said);
    cr_assert_eq(at(5 * MINUTE, 1), T0 + 5 * MINUTE + 1);
}

Test(timekeeper, a_leap_that_lasts_is_followed_and_ages_wait) {
    begin();
    (void)at(MINUTE, (int64_t)DAY);
    cr_assert_eq(at(10 * MINUTE, (int64_t)DAY), T0 + 10 * MINUTE);
    cr_assert_eq(at(11 * MINUTE, (int64_t)DAY), T0 + 11 * MINUTE + DAY);
    cr_assert_not(trusted(11 * MINUTE));
    cr_assert(strstr(said, "stayed there"), "%s", said);
    cr_assert_not(trusted(11 * MINUTE + DAY - 1));
    cr_assert(trusted(11 * MINUTE + DAY));
}

Test(timekeeper, a_clock_that_jumps_about_is_not_followed) {
    begin();
    for (uint64_t i = 1; i < 100; i++)
        cr_assert_eq(at(i * MINUTE, (int64_t)(i % 2 ? DAY : 10 * DAY)), T0 + i * MINUTE);
}

// Sleep is time that passed.
Test(timekeeper, a_suspended_machine_does_not_leap) {
    begin();
    cr_assert_eq(at(9 * DAY, 0), T0 + 9 * DAY);
    cr_assert(trusted(9 * DAY));
}

Test(timekeeper, a_start_long_after_the_last_event) {
    timekeeper_init(&keeper, T0 - 10 * DAY, T0, BOOT);
    cr_assert_eq(at(1, 0), T0 + 1);
    cr_assert_not(trusted(1));
    // The machine's clock is set only now.
    cr_assert_eq(at(MINUTE, -(int64_t)(9 * DAY)), T0 + MINUTE - 9 * DAY);
    cr_assert(trusted(10 * MINUTE));
}

Test(timekeeper, a_clock_behind_the_journal_goes_on_from_it) {
    timekeeper_init(&keeper, T0 + DAY, T0, BOOT);
    cr_assert_eq(at(MINUTE, 0), T0 + DAY + MINUTE);
}

static int told;
static char told_text[300];

static void tell(void *context, const char *wrong) {
    (void)context;
    told++;
    snprintf(told_text, sizeof told_text, "%s", wrong);
}

static void drop_batch(void *context, struct batch *batch) {
    (void)context;
    batch_put(batch);
}

static uint64_t wall_ms;

static uint64_t wall(void) { return wall_ms; }

// The finding: 40 days ahead, one publish, and back.
Test(timekeeper, a_wrong_clock_deletes_no_history) {
    struct journal_config config = support_config(support_dir());
    const struct journal_topic_rule rule = {.pattern = "old", .retention = {.age_max_ms = HOUR}};
    config.policy = (struct journal_policy){
        .retention = {.age_max_ms = 30 * DAY}, .rules = &rule, .rules_count = 1};
    config.unix_ms = wall;
    wall_ms = T0;
    struct journal *journal;
    struct report report = {0};
    const struct journal_listener listener = {.committed = drop_batch, .trouble = tell};
    cr_assert_eq(journal_open(&journal, &config, &report), 0);
    cr_assert_eq(journal_start(journal, listener, &report), 0);
    struct journal_stats stats;
    for (int i = 0; i < 5; i++) support_put(journal, i % 2 ? "t" : "old", "x");
    wall_ms = T0 + 40 * DAY;
    support_put(journal, "t", "in the future");
    journal_stats(journal, &stats);
    cr_assert(strstr(stats.trouble, "went forward"), "%s", stats.trouble);
    cr_assert_eq(stats.ages_suspended, 1);
    support_put(journal, "t", "x");
    wall_ms = T0 + MINUTE;
    support_put(journal, "t", "back");
    support_put(journal, "t", "back");
    journal_stats(journal, &stats);
    cr_assert_eq(stats.events, 9);
    cr_assert_eq(stats.trouble[0], '\0');
    cr_assert_eq(stats.ages_suspended, 0);
    cr_assert_eq(told, 2);
    cr_assert_eq(told_text[0], '\0');
    struct store_reader *reader;
    struct record record = {0};
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    while (!store_reader_next(reader, record.seq, &record))
        cr_assert(record.time_ms >= T0 && record.time_ms <= T0 + 2 * MINUTE);
    store_reader_end(reader);
    store_reader_close(reader);
    journal_close(journal);
}

static uint64_t passed_ms;

static uint64_t mono(void) { return BOOT + passed_ms; }

// To restart is what one does with a hub whose clock was wrong.
Test(timekeeper, a_restart_does_not_forget_that_the_clock_leapt) {
    struct journal_config config = support_config(support_dir());
    config.policy = (struct journal_policy){.retention = {.age_max_ms = 30 * DAY}};
    config.unix_ms = wall;
    config.mono_ms = mono;
    wall_ms = T0;
    struct journal *journal = support_open(&config);
    struct journal_stats stats;
    for (int i = 0; i < 5; i++) support_put(journal, "t", "x");
    wall_ms = T0 + 40 * DAY;
    support_put(journal, "t", "in the future");
    // It stays there, and is believed.
    wall_ms += 11 * MINUTE;
    passed_ms += 11 * MINUTE;
    support_put(journal, "t", "x");
    for (int round = 0; round < 2; round++) {
        support_put(journal, "t", "x");
        journal_stats(journal, &stats);
        cr_assert_eq(stats.ages_suspended, 1);
        cr_assert_eq(stats.events, (uint64_t)8 + round);
        journal_close(journal);
        journal = support_open(&config);
    }
    journal_close(journal);
}
