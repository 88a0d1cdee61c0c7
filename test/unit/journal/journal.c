// SPDX-License-Identifier: MIT
// Publishing and reading back, across restarts.
#include "journal/journal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

Test(journal, gives_back_what_was_published) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    uint64_t first = support_put(journal, "a", "one");
    uint64_t second = support_put(journal, "b", "two");
    uint64_t third = support_put(journal, "a", "three");
    cr_assert(first < second && second < third);
    cr_assert_eq(journal_last_seq(journal), third);

    struct store_reader *reader;
    struct record record;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(store_reader_read(reader, third, &record), 0);
    cr_assert_eq(record.prev, first);
    cr_assert_eq(record.ordinal, 2);
    cr_assert(str_equal(record.data, STR("three")));
    cr_assert_eq(store_reader_next(reader, first, &record), 0);
    cr_assert_eq(record.seq, second);
    cr_assert_eq(store_reader_read(reader, third + 1, &record), ERR_NOT_FOUND);
    store_reader_end(reader);
    store_reader_close(reader);
    journal_close(journal);
}

struct known {
    size_t topics;
    struct topic_state last;
};

static void know(void *context, const struct topic_state *topic) {
    struct known *known = context;
    known->topics++;
    known->last = *topic;
}

Test(journal, continues_after_restart) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    char epoch[32];
    strcpy(epoch, journal_epoch(journal));
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++) last = support_put(journal, "log", "line");
    journal_close(journal);

    struct report report = {0};
    struct known known = {0};
    cr_assert_eq(journal_open(&journal, &config, &report), 0, "%s", report.text);
    cr_assert_str_eq(journal_epoch(journal), epoch);
    cr_assert_eq(journal_last_seq(journal), last);
    journal_topics(journal, know, &known);
    cr_assert_eq(known.topics, 1);
    cr_assert_eq(known.last.last_ordinal, 1000);
    cr_assert_eq(known.last.bytes, 4000);
    journal_close(journal);

    journal = support_open(&config);
    uint64_t next = support_put(journal, "log", "line");
    cr_assert_eq(next, last + 1);
    uint64_t seqs[2000];
    bool lost;
    size_t count = support_after(journal, next, 0, seqs, 2000, &lost);
    cr_assert_eq(count, 1001);
    cr_assert(!lost);
    for (size_t i = 0; i < count; i++) cr_assert_eq(seqs[i], i + 1);
    journal_close(journal);
}
