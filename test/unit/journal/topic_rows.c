// SPDX-License-Identifier: MIT
// Topics: finishing, forgetting, keys, links, and what reading them costs.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "journal/journal.h"
#include "journal/reader_priv.h"
#include "support.h"

Test(topic_rows, nothing_after_the_end) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "t", "", "last", EVENT_CLOSE, &to), 0);
    cr_assert_eq(support_put_full(journal, "t", "", "more", 0, &to), ERR_CLOSED);
    cr_assert_eq(support_forget(journal, "t"), 0);
    cr_assert_eq(support_put_full(journal, "t", "", "again", 0, &to), 0);
    journal_close(journal);
}

Test(topic_rows, end_survives_restart) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "t", "k", "last", EVENT_CLOSE, &to), 0);
    journal_close(journal);
    journal = support_open(&config);
    cr_assert_eq(support_put_full(journal, "t", "", "more", 0, &to), ERR_CLOSED);
    // The publisher who has not heard the answer and tries again.
    cr_assert_eq(support_put_full(journal, "t", "k", "last", EVENT_CLOSE, &to), 0);
    cr_assert_eq(to.publish.duplicates, 1);
    journal_close(journal);
}

Test(topic_rows, a_publish_is_all_or_nothing) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "closed", "", "x", EVENT_CLOSE, &to), 0);
    uint64_t before = support_put(journal, "open", "before");
    struct event *events[3] = {
        event_new(STR("open"), STR(""), STR("key"), STR("1"), 0),
        event_new(STR("new"), STR(""), STR(""), STR("2"), 0),
        event_new(STR("closed"), STR(""), STR(""), STR("3"), 0),
    };
    to = (struct support_publish){0};
    to.publish.source_name = STR("file");
    to.publish.source_position = STR("100");
    cr_assert_eq(support_publish(journal, &to, events, 3), ERR_CLOSED);
    cr_assert_eq(support_count(journal), 2);
    char position[LIMIT_SOURCE_POSITION_BYTES];
    size_t len;
    cr_assert_eq(journal_source_position(journal, STR("file"), position, &len), ERR_NOT_FOUND);
    // Neither number nor key nor ordinal were used up.
    cr_assert_eq(support_put_full(journal, "open", "key", "1", 0, &to), 0);
    cr_assert_eq(to.publish.first, before + 1);
    cr_assert_eq(to.publish.duplicates, 0);
    uint64_t seqs[4];
    bool lost;
    cr_assert_eq(support_after(journal, before + 1, 0, seqs, 4, &lost), 2);
    journal_close(journal);
}

Test(topic_rows, limit_is_kept_and_undone) {
    struct journal_config config = support_config(support_dir());
    config.topics_max = 2;
    struct journal *journal = support_open(&config);
    support_put(journal, "a", "1");
    struct event *events[2] = {
        event_new(STR("b"), STR(""), STR(""), STR("1"), 0),
        event_new(STR("c"), STR(""), STR(""), STR("1"), 0),
    };
    struct support_publish to = {0};
    cr_assert_eq(support_publish(journal, &to, events, 2), ERR_LIMIT);
    support_put(journal, "b", "1");
    cr_assert_eq(support_put_full(journal, "c", "", "", 0, &to), ERR_LIMIT);
    journal_close(journal);
}

static bool seen_gone(const struct support_seen *seen) { return seen->gone > 0; }

Test(topic_rows, empty_ones_make_room) {
    struct journal_config config = support_config(support_dir());
    config.topics_max = 3;
    struct journal *journal = support_open(&config);
    support_put(journal, "a", "1");
    support_put(journal, "b", "1");
    support_put(journal, "c", "1");
    cr_assert_eq(support_forget(journal, "b"), 0);
    while (support_put(journal, "a", "turn"), !seen_gone(&support_seen)) {
    }
    support_put(journal, "d", "1");
    journal_close(journal);
    journal = support_open(&config);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "b", "", "1", 0, &to), ERR_LIMIT);
    support_put(journal, "d", "1");
    journal_close(journal);
}

Test(topic_rows, same_key_is_the_same_event) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "a", "k", "1", 0, &to), 0);
    uint64_t first = to.publish.first;
    cr_assert_eq(support_put_full(journal, "b", "k", "1", 0, &to), 0);
    cr_assert_eq(to.publish.duplicates, 0);
    for (int restart = 0; restart < 2; restart++) {
        cr_assert_eq(support_put_full(journal, "a", "k", "other", 0, &to), 0);
        cr_assert_eq(to.publish.duplicates, 1);
        cr_assert_eq(to.publish.first, first);
        cr_assert_eq(to.publish.last, first);
        journal_close(journal);
        journal = support_open(&config);
    }
    struct event *twice[2] = {
        event_new(STR("a"), STR(""), STR("new"), STR("1"), 0),
        event_new(STR("a"), STR(""), STR("new"), STR("1"), 0),
    };
    to = (struct support_publish){0};
    cr_assert_eq(support_publish(journal, &to, twice, 2), 0);
    cr_assert_eq(to.publish.duplicates, 1);
    cr_assert_eq(to.publish.first, to.publish.last);
    cr_assert_eq(support_count(journal), 3);
    journal_close(journal);
}

Test(topic_rows, key_goes_with_its_event) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "a", "k", "1", 0, &to), 0);
    cr_assert_eq(support_forget(journal, "a"), 0);
    cr_assert_eq(support_put_full(journal, "a", "k", "2", 0, &to), 0);
    cr_assert_eq(to.publish.duplicates, 0);
    uint64_t second = to.publish.first;
    journal_close(journal); // writes the keys
    journal = support_open(&config);
    cr_assert_eq(support_put_full(journal, "a", "k", "3", 0, &to), 0);
    cr_assert_eq(to.publish.first, second);
    cr_assert_eq(support_forget(journal, "a"), 0);
    cr_assert_eq(support_put_full(journal, "a", "k", "4", 0, &to), 0);
    cr_assert_eq(to.publish.duplicates, 0);
    journal_close(journal);
}

Test(topic_rows, forgotten_is_not_shown) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    uint64_t last = 0, other = support_put(journal, "other", "stays");
    for (int i = 0; i < 300; i++) last = support_put(journal, "t", "x");
    cr_assert_eq(support_forget(journal, "t"), 0);
    cr_assert_eq(support_forget(journal, "t"), ERR_NOT_FOUND);
    cr_assert_eq(support_forget(journal, "unknown"), ERR_NOT_FOUND);
    cr_assert_eq(support_count(journal), 1);
    uint64_t seqs[8], next = support_put(journal, "t", "new");
    bool lost;
    cr_assert_eq(support_after(journal, next, 0, seqs, 8, &lost), 1);
    cr_assert_eq(seqs[0], next);
    cr_assert(lost);
    cr_assert_eq(support_after(journal, next, last, seqs, 8, &lost), 1);
    cr_assert(!lost);
    journal_close(journal);
    journal = support_open(&config);
    cr_assert_eq(support_count(journal), 2);
    cr_assert_eq(support_after(journal, other, 0, seqs, 8, &lost), 1);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    cr_assert_eq(stats.events, 2);
    journal_close(journal);
}

// Publishes `count` events round robin over `topics` topics, in large publishes.
static void fill(struct journal *journal, uint32_t topics, uint32_t count) {
    enum { MANY = 4096 };
    static struct event *events[MANY];
    for (uint32_t i = 0; i < count; i += MANY) {
        uint32_t many = count - i < MANY ? count - i : MANY;
        for (uint32_t k = 0; k < many; k++) {
            char name[32];
            snprintf(name, sizeof name, "topic/%u", (i + k) % topics);
            events[k] = event_new(str_from(name), STR(""), STR(""), STR("some data"), 0);
        }
        struct support_publish to = {0};
        cr_assert_eq(support_publish(journal, &to, events, many), 0);
    }
}

// A topic of which much was forgotten must not hold up who reads past it.
Test(topic_rows, reading_past_what_is_forgotten_is_done_in_pieces) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct store_reader *reader;
    struct record record = {0};
    int err, again = 0;
    fill(journal, 1, 40960);
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(support_forget(journal, "topic/0"), 0);
    uint64_t other = support_put(journal, "other", "stays");
    cr_assert_eq(store_reader_begin(reader), 0);
    for (;; again++) {
        uint64_t after = record.seq, before = reader_reads(reader);
        err = store_reader_next(reader, after, &record);
        cr_assert_leq(reader_reads(reader) - before, 1024);
        if (err != ERR_AGAIN) break;
        cr_assert_gt(record.seq, after);
        cr_assert_lt(record.seq, other);
    }
    cr_assert_eq(err, 0, "%s", err_text(err));
    cr_assert_eq(record.seq, other);
    cr_assert(again >= 3, "%d", again);
    cr_assert_eq(store_reader_next(reader, other, &record), ERR_NOT_FOUND);
    store_reader_end(reader);
    store_reader_close(reader);
    journal_close(journal);
}

// The model: topic t has seqs t + 1, t + 1 + topics, …
static void compare(struct store_reader *reader, uint32_t topics, uint64_t tail, uint64_t after,
                    size_t max, uint64_t reads_max) {
    static uint64_t seqs[4096];
    uint64_t expected = (tail - 1) % topics + 1, before = reader_reads(reader);
    if (after >= expected) expected += (after - expected) / topics * topics + topics;
    size_t count;
    bool lost;
    cr_assert_eq(store_reader_topic_after(reader, tail, after, seqs, max, &count, &lost), 0);
    cr_assert(!lost);
    size_t left = tail < expected ? 0 : (tail - expected) / topics + 1;
    cr_assert_eq(count, left < max ? left : max, "%zu of %zu", count, left);
    for (size_t i = 0; i < count; i++) cr_assert_eq(seqs[i], expected + i * topics);
    cr_assert_leq(reader_reads(reader) - before, count + reads_max);
}

// The last one below `before`, by the same model.
static void compare_before(struct store_reader *reader, uint32_t topics, uint64_t tail,
                           uint64_t before, uint64_t reads_max) {
    uint64_t first = (tail - 1) % topics + 1, seq, reads = reader_reads(reader);
    uint64_t expected = before > tail    ? tail
                        : before > first ? first + (before - 1 - first) / topics * topics
                                         : 0;
    int err = store_reader_topic_before(reader, tail, before, &seq);
    cr_assert_eq(err, expected ? 0 : ERR_NOT_FOUND);
    if (expected) cr_assert_eq(seq, expected);
    cr_assert_leq(reader_reads(reader) - reads, reads_max);
}

static void probe_topics(struct journal *journal, uint32_t topics, uint32_t count,
                         uint64_t reads_max) {
    struct store_reader *reader;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    srand(1);
    for (int i = 0; i < 2000; i++) {
        uint64_t tail = count - (uint32_t)rand() % topics;
        compare(reader, topics, tail, (uint64_t)rand() % count, 1 + (size_t)rand() % 300,
                reads_max);
        compare(reader, topics, tail, 0, 3, reads_max);
        compare(reader, topics, tail, tail - 1, 3, reads_max);
        compare_before(reader, topics, tail, (uint64_t)rand() % (count + 2), reads_max);
        compare_before(reader, topics, tail, tail, reads_max);
        uint64_t ordinal = (tail - 1) / topics + 1, want = 1 + (uint64_t)rand() % ordinal, seq;
        uint64_t before = reader_reads(reader);
        cr_assert_eq(store_reader_topic_at(reader, tail, want, &seq), 0);
        cr_assert_eq(seq, (tail - 1) % topics + 1 + (want - 1) * topics);
        cr_assert_leq(reader_reads(reader) - before, reads_max);
    }
    store_reader_end(reader);
    store_reader_close(reader);
}

Test(topic_rows, reading_costs_what_it_returns_in_many_topics, .timeout = 120) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    fill(journal, 10000, 1000000);
    // 100 events a topic: twice log2(100)^2 / 2 for the two searches, the tail, the topic.
    probe_topics(journal, 10000, 1000000, 50);
    journal_close(journal);
    journal = support_open(&config);
    cr_assert_eq(journal_last_seq(journal), 1000000);
    journal_close(journal);
}

Test(topic_rows, reading_costs_what_it_returns_in_a_long_topic, .timeout = 120) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    fill(journal, 1, 100000);
    journal_close(journal); // and the jumps go on after opening
    journal = support_open(&config);
    fill(journal, 1, 200000);
    probe_topics(journal, 1, 300000, 400);
    journal_close(journal);
}

// Steps back from `before` over all topics; how many there are, and the oldest.
static size_t walk_back(struct store_reader *reader, uint64_t before, uint64_t *oldest) {
    struct record record;
    size_t count = 0;
    uint64_t at = before;
    while (at) {
        uint64_t from = at;
        int err = store_reader_previous(reader, &at, &record);
        cr_assert(err == 0 || err == ERR_NOT_FOUND, "%s", err_text(err));
        cr_assert_lt(at, from);
        if (err) continue;
        cr_assert_eq(record.seq, at);
        *oldest = at;
        count++;
    }
    return count;
}

Test(topic_rows, all_are_read_backwards_without_what_is_forgotten) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct store_reader *reader;
    uint64_t oldest = 0, seq;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(walk_back(reader, UINT64_MAX, &oldest), 0);
    store_reader_end(reader);
    fill(journal, 3, 3000);
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(walk_back(reader, UINT64_MAX, &oldest), 3000);
    cr_assert_eq(walk_back(reader, 3001, &oldest), 3000);
    cr_assert_eq(walk_back(reader, 1000, &oldest), 999);
    cr_assert_eq(oldest, 1);
    cr_assert_eq(walk_back(reader, 1, &oldest), 0);
    store_reader_end(reader);
    cr_assert_eq(support_forget(journal, "topic/0"), 0);
    uint64_t again = support_put(journal, "topic/0", "anew");
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(walk_back(reader, UINT64_MAX, &oldest), 2001);
    cr_assert_eq(oldest, 2);
    cr_assert_eq(store_reader_topic_before(reader, again, again, &seq), ERR_NOT_FOUND);
    cr_assert_eq(store_reader_topic_before(reader, again, again + 1, &seq), 0);
    cr_assert_eq(seq, again);
    store_reader_end(reader);
    store_reader_close(reader);
    journal_close(journal);
}

Test(topic_rows, time_is_found) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct store_reader *reader;
    uint64_t seq;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(store_reader_seq_before_time(reader, UINT64_MAX, &seq), 0);
    cr_assert_eq(seq, 0);
    store_reader_end(reader);
    for (int i = 0; i < 500; i++) support_put(journal, i % 3 ? "a" : "b", "x");
    cr_assert_eq(store_reader_begin(reader), 0);
    struct record record;
    uint64_t time_ms = 0, last = 0;
    for (uint64_t at = 1; at <= 500; at++) {
        cr_assert_eq(store_reader_read(reader, at, &record), 0);
        cr_assert(record.time_ms >= time_ms);
        if (record.time_ms > time_ms) {
            cr_assert_eq(store_reader_seq_before_time(reader, record.time_ms, &seq), 0);
            cr_assert_eq(seq, last);
        }
        time_ms = record.time_ms;
        last = at;
    }
    cr_assert_eq(store_reader_seq_before_time(reader, time_ms + 1, &seq), 0);
    cr_assert_eq(seq, 500);
    store_reader_end(reader);
    store_reader_close(reader);
    journal_close(journal);
}

static int seq_of_id(struct journal *journal, const char *id, uint64_t *seq) {
    struct store_reader *reader;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    int err = journal_seq_of_id(reader, str_from(id), seq);
    store_reader_end(reader);
    store_reader_close(reader);
    return err;
}

// Ids of publishers: found at once, the first event with an id has it, until it is forgotten.
Test(topic_rows, an_id_of_the_publisher_is_found) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct support_publish to;
    uint64_t seq;
    cr_assert_eq(seq_of_id(journal, "urn:1", &seq), ERR_NOT_FOUND);
    support_put(journal, "other", "x");
    cr_assert_eq(support_put_full(journal, "a", "urn:1", "first", EVENT_WIRE_ID, &to), 0);
    cr_assert_eq(support_put_full(journal, "a", "urn:1", "again", EVENT_WIRE_ID, &to), 0);
    cr_assert_eq(to.publish.duplicates, 0);
    cr_assert_eq(to.publish.first, 3);
    cr_assert_eq(support_put_full(journal, "b", "urn:2", "p", EVENT_WIRE_ID | EVENT_PRIVATE, &to),
                 0);
    for (int round = 0; round < 2; round++) {
        cr_assert_eq(seq_of_id(journal, "urn:1", &seq), 0);
        cr_assert_eq(seq, 2);
        cr_assert_eq(seq_of_id(journal, "urn:2", &seq), 0);
        cr_assert_eq(seq, 4);
        journal_close(journal);
        journal = support_open(&config);
    }
    // An idempotency key of the same text is another thing.
    cr_assert_eq(support_put_full(journal, "a", "urn:1", "key", 0, &to), 0);
    cr_assert_eq(to.publish.duplicates, 0);
    cr_assert_eq(support_forget(journal, "a"), 0);
    cr_assert_eq(seq_of_id(journal, "urn:1", &seq), ERR_NOT_FOUND);
    cr_assert_eq(seq_of_id(journal, "urn:2", &seq), 0);
    cr_assert_eq(support_put_full(journal, "a", "urn:1", "new", EVENT_WIRE_ID, &to), 0);
    cr_assert_eq(seq_of_id(journal, "urn:1", &seq), 0);
    cr_assert_eq(seq, to.publish.first);
    journal_close(journal);
}
