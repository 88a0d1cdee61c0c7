// SPDX-License-Identifier: MIT
// The store in memory answers as the real journal does, and the hub works over the journal itself.
#include "journal/store_reader.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support.h"

// --- a journal, used by one thread at a time -----------------------------------------------------

static char dir[64];
static sem_t published;
static struct batch *committed_batch; // of the last publish; read after `published`

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void committed(void *context, struct batch *batch) {
    (void)context;
    if (committed_batch) batch_put(committed_batch);
    committed_batch = batch;
}

static void done(struct publish *publish) {
    (void)publish;
    sem_post(&published);
}

static struct journal *open_journal(struct store_reader **reader) {
    static const struct journal_topic_rule rules[] = {{.pattern = "memory/*", .memory = true}};
    struct report report = {0};
    struct journal *journal;
    strcpy(dir, "/tmp/tailrace-test-XXXXXX");
    cr_assert(mkdtemp(dir));
    sem_init(&published, 0, 0);
    struct journal_config config = {.dir = dir,
                                    .policy = {.rules = rules, .rules_count = 1},
                                    .map_bytes = (size_t)1 << 30,
                                    .queue_events_max = 1000,
                                    .queue_bytes_max = 1 << 20,
                                    .topics_max = 1000};
    cr_assert_eq(journal_open(&journal, &config, &report), 0, "%s", report.text);
    cr_assert_eq(journal_reader_open(journal, reader), 0);
    struct journal_listener listener = {.committed = committed};
    cr_assert_eq(journal_start(journal, listener, &report), 0, "%s", report.text);
    return journal;
}

static void close_journal(struct journal *journal) {
    journal_close(journal);
    if (committed_batch) batch_put(committed_batch);
    committed_batch = NULL;
    sem_destroy(&published);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// Publishes, waits for the commit, and gives what was committed.
static struct batch *publish(struct journal *journal, const char *topic, const char *data,
                             enum publish_op op) {
    struct event *event = event_new(str_from(topic), STR(""), STR(""), str_from(data), 0);
    struct publish share = {.op = op, .count = 1, .events = &event, .done = done};
    cr_assert_eq(journal_publish(journal, &share), 0);
    while (sem_wait(&published)) continue;
    cr_assert_eq(share.result, 0, "%s", err_text(share.result));
    struct batch *batch = committed_batch;
    committed_batch = NULL;
    return batch;
}

// --- both answer alike ---------------------------------------------------------------------------

enum { EVENTS = 400, TOPICS = 4 };
static const char *const names[TOPICS] = {"a", "b", "memory/1", "c"};

static void expect_same_record(int err, const struct record *one, int other_err,
                               const struct record *other) {
    cr_assert_eq(err, other_err, "%s, %s", err_text(err), err_text(other_err));
    if (err) return;
    cr_assert_eq(one->seq, other->seq);
    cr_assert_eq(one->prev, other->prev);
    cr_assert_eq(one->ordinal, other->ordinal);
    cr_assert_eq(one->flags, other->flags);
    cr_assert(str_equal(one->data, other->data));
}

static void compare_records(struct store_reader *real, struct store_reader *fake, uint64_t seq) {
    struct record one, other;
    uint64_t before = seq, other_before = seq;
    int err = store_reader_read(real, seq, &one), other_err = store_reader_read(fake, seq, &other);
    expect_same_record(err, &one, other_err, &other);
    err = store_reader_next(real, seq, &one), other_err = store_reader_next(fake, seq, &other);
    expect_same_record(err, &one, other_err, &other);
    if (!seq) return;
    // A forgotten record may be stepped on, or be gone already.
    do err = store_reader_previous(real, &before, &one);
    while (err == ERR_NOT_FOUND && before);
    do other_err = store_reader_previous(fake, &other_before, &other);
    while (other_err == ERR_NOT_FOUND && other_before);
    expect_same_record(err, &one, other_err, &other);
}

static void compare_topics(struct store_reader *real, struct store_reader *fake, uint64_t tail,
                           uint64_t at) {
    uint64_t seqs[EVENTS], others[EVENTS], seq = 0, other = 0;
    size_t count, other_count, max = 1 + (size_t)random() % EVENTS;
    bool lost, other_lost;
    int err = store_reader_topic_after(real, tail, at, seqs, max, &count, &lost);
    cr_assert_eq(store_reader_topic_after(fake, tail, at, others, max, &other_count, &other_lost),
                 err);
    cr_assert_eq(count, other_count);
    cr_assert_eq(lost, other_lost, "after %d of %d", (int)at, (int)tail);
    cr_assert_eq(memcmp(seqs, others, count * sizeof *seqs), 0);
    err = store_reader_topic_at(real, tail, at, &seq);
    cr_assert_eq(store_reader_topic_at(fake, tail, at, &other), err);
    if (!err) cr_assert_eq(seq, other);
    err = store_reader_topic_before(real, tail, at, &seq);
    cr_assert_eq(store_reader_topic_before(fake, tail, at, &other), err);
    if (!err) cr_assert_eq(seq, other);
}

Test(store_reader, the_store_in_memory_answers_as_the_journal_does, .timeout = 60) {
    static const struct journal_topic_rule rules[] = {{.pattern = "memory/*", .memory = true}};
    const struct journal_policy policy = {.rules = rules, .rules_count = 1};
    struct store_reader *real, *fake;
    struct journal *journal = open_journal(&real);
    struct memory_store *memory = memory_store_new(&policy);
    fake = memory_store_reader(memory);
    uint64_t last[TOPICS] = {0};
    srandom(3);
    for (int i = 1; i <= EVENTS; i++) {
        char data[32];
        int topic = (int)random() % TOPICS;
        snprintf(data, sizeof data, "data %d", i);
        struct batch *batch = publish(journal, names[topic], data, PUBLISH_EVENTS);
        memory_store_set_time(memory, batch->events[0]->time_ms);
        last[topic] = batch->events[0]->seq;
        batch_put(batch);
        struct event *event =
            event_new(str_from(names[topic]), STR(""), STR(""), str_from(data), 0);
        batch_put(memory_store_publish(memory, &event, 1));
        cr_assert_eq(memory_store_last_seq(memory), last[topic], "no seq is left out");
        if (i != EVENTS / 2) continue;
        batch_put(publish(journal, "a", "", PUBLISH_FORGET));
        batch_put(memory_store_forget(memory, "a"));
    }
    cr_assert_eq(store_reader_begin(real), 0);
    cr_assert_eq(store_reader_begin(fake), 0);
    for (uint64_t seq = 0; seq <= EVENTS + 1; seq++) {
        compare_records(real, fake, seq);
        for (int topic = 0; topic < TOPICS; topic++) compare_topics(real, fake, last[topic], seq);
    }
    for (int i = 0; i < 50; i++) {
        struct record record;
        uint64_t seq, other;
        if (store_reader_read(fake, 1 + (uint64_t)random() % EVENTS, &record)) continue;
        cr_assert_eq(store_reader_seq_before_time(real, record.time_ms, &seq), 0);
        cr_assert_eq(store_reader_seq_before_time(fake, record.time_ms, &other), 0);
        // The journal may name one that has been forgotten: nothing is between it and the other.
        cr_assert_geq(seq, other);
        uint64_t between = other;
        int err = store_reader_next(fake, between, &record);
        cr_assert(err || record.seq > seq || seq == other);
    }
    store_reader_end(real);
    store_reader_end(fake);
    store_reader_close(real);
    store_reader_close(fake);
    memory_store_free(memory);
    close_journal(journal);
}

// --- the hub over the journal --------------------------------------------------------------------

Test(store_reader, the_hub_replays_from_the_journal_and_goes_on_live, .timeout = 60) {
    struct store_reader *reader;
    struct report report = {0};
    struct client client;
    struct journal *journal = open_journal(&reader);
    struct bench bench = {.now_ms = 1, .epoch = journal_epoch(journal)};
    struct hub_config config = {.epoch = bench.epoch,
                                .store = reader,
                                .ring_events = 2,
                                .ring_bytes = 1 << 20,
                                .heartbeat_ms = 1000};
    cr_assert_eq(hub_new(&bench.hub, &config, &report), 0, "%s", report.text);
    for (int i = 1; i <= 5; i++) {
        char data[32];
        snprintf(data, sizeof data, "x-%d", i);
        hub_apply(bench.hub, publish(journal, i == 3 ? "other" : "a", data, PUBLISH_EVENTS));
        hub_deliver(bench.hub, bench.now_ms);
    }
    struct hub_request request = client_request("a");
    request.start = HUB_START_LAST;
    request.count = 3;
    client_open(&bench, &client, &request);
    while (hub_continue(bench.hub, bench.now_ms)) continue;
    hub_apply(bench.hub, publish(journal, "a", "live", PUBLISH_EVENTS));
    hub_deliver(bench.hub, bench.now_ms);
    client_expect(&client, "id: %E-2\ndata: x-2\n\nid: %E-4\ndata: x-4\n\nid: %E-5\ndata: x-5\n\n"
                           "id: %E-6\ndata: live\n\n");
    client_close(&client);
    journal_stop(journal);
    hub_free(bench.hub);
    close_journal(journal);
}
