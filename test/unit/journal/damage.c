// SPDX-License-Identifier: MIT
// Damaged data files: whatever is in them, an error or the right events, never a crash and never
// anything else.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/random.h"
#include "journal/audit.h"
#include "journal/journal.h"
#include "journal/lmdb_check.h"
#include "support.h"

#define PAGE 4096u

static const char *in(const char *dir, const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

// Topics that are trimmed, forgotten and whole, keys, large events, a source, free pages.
static void make_sample(const char *dir) {
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    struct support_publish to;
    char large[20001], key[16];
    memset(large, 'x', 20000);
    large[20000] = '\0';
    for (int i = 0; i < 900; i++) {
        snprintf(key, sizeof key, "%d", i);
        cr_assert_eq(
            support_put_full(journal, i % 3 ? "a/long/name" : "b", key, "some data", 0, &to), 0);
        if (i % 300 == 7) support_put(journal, "large", large);
    }
    cr_assert_eq(support_forget(journal, "b"), 0);
    support_put(journal, "c", "last");
    support_position(journal, "file:/var/log/x", "12345");
    journal_close(journal);
}

static size_t load_file(const char *path, char **out) {
    struct stat status;
    int fd = open(path, O_RDONLY);
    cr_assert_eq(fstat(fd, &status), 0);
    *out = malloc((size_t)status.st_size);
    cr_assert_eq(read(fd, *out, (size_t)status.st_size), status.st_size);
    close(fd);
    return (size_t)status.st_size;
}

static void save_file(const char *path, const char *data, size_t len) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

static void add(XXH3_state_t *hash, const void *bytes, size_t len) {
    XXH3_64bits_update(hash, bytes, len);
}

static void add_topic(void *context, const struct topic_state *topic) {
    uint64_t *sum = context;
    XXH3_state_t *hash = XXH3_createState();
    XXH3_64bits_reset(hash);
    const uint64_t numbers[] = {topic->topic_no,    topic->closed,          topic->marker,
                                topic->last_seq,    topic->last_ordinal,    topic->last_time_ms,
                                topic->trimmed_seq, topic->trimmed_ordinal, topic->bytes};
    add(hash, numbers, sizeof numbers);
    add(hash, topic->name.ptr, topic->name.len);
    *sum += XXH3_64bits_digest(hash);
    XXH3_freeState(hash);
}

static void add_events(struct journal *journal, XXH3_state_t *hash, int *err) {
    struct store_reader *reader;
    struct record record = {0};
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    *err = store_reader_begin(reader);
    if (!*err) {
        while (!(*err = store_reader_next(reader, record.seq, &record))) {
            const uint64_t numbers[] = {record.seq,     record.prev,  record.ordinal,
                                        record.time_ms, record.flags, record.topic_no};
            uint64_t seqs[8];
            size_t count;
            bool lost;
            add(hash, numbers, sizeof numbers);
            add(hash, record.type.ptr, record.type.len);
            add(hash, record.key.ptr, record.key.len);
            add(hash, record.data.ptr, record.data.len);
            (void)!store_reader_topic_after(reader, record.seq, 0, seqs, 8, &count, &lost);
        }
        if (*err == ERR_NOT_FOUND) *err = 0;
        store_reader_end(reader);
    }
    store_reader_close(reader);
}

// Everything that a journal says of itself. An error when something could not be read.
static int digest(const char *dir, uint64_t *out) {
    struct journal_config config = support_config(dir);
    struct journal *journal;
    struct report report = {0};
    int err = journal_open(&journal, &config, &report);
    if (err) {
        cr_assert(report.text[0]);
        return err;
    }
    XXH3_state_t *hash = XXH3_createState();
    XXH3_64bits_reset(hash);
    uint64_t topics = 0;
    journal_topics(journal, add_topic, &topics);
    add(hash, &topics, sizeof topics);
    add_events(journal, hash, &err);
    char position[512];
    size_t len;
    int found = journal_source_position(journal, STR("file:/var/log/x"), position, &len);
    if (!found) add(hash, position, len);
    if (found && !err) err = found;
    *out = XXH3_64bits_digest(hash);
    XXH3_freeState(hash);
    journal_close(journal);
    return err;
}

// Writes after reading: damage that shows only then must not crash either.
static void append(const char *dir) {
    struct journal_config config = support_config(dir);
    struct journal *journal;
    struct report report = {0};
    if (journal_open(&journal, &config, &report)) return;
    cr_assert_eq(journal_start(journal, (struct journal_listener){0}, &report), 0);
    struct support_publish to;
    for (int i = 0; i < 20; i++) {
        (void)!support_put_full(journal, "a/long/name", "new", "data", 0, &to);
        (void)!support_put_full(journal, "c", "1", "data", 0, &to);
    }
    journal_close(journal);
}

struct page {
    uint64_t number;
    uint16_t pad, flags, lower, upper;
};

// Flips one bit of the sample again and again: every bit that is read is checked, whether it is
// structure, index or content.
Test(damage, a_flipped_bit_is_seen, .timeout = 120) {
    const char *dir = support_dir();
    char path[4096], *data;
    uint64_t right, now;
    make_sample(dir);
    strcpy(path, in(dir, "data.mdb"));
    cr_assert_eq(digest(dir, &right), 0);
    size_t size = load_file(path, &data), seen = 0;
    struct random random;
    random_seed(&random, 5);
    for (int i = 0; i < 2000; i++) {
        size_t at = random_below(&random, size), page = at / PAGE * PAGE;
        char bit = (char)(1u << random_below(&random, 8));
        // Every second in the first bytes of a page, where its structure is.
        if (i & 1) at = page + at % 64;
        char damaged = (char)(data[at] ^ bit);
        int fd = open(path, O_WRONLY);
        cr_assert_eq(pwrite(fd, &damaged, 1, (off_t)at), 1);
        int err = digest(dir, &now);
        cr_assert(err || now == right, "byte %zu of page %zu, bit %d: other events, and no error",
                  at - page, page / PAGE, bit);
        seen += err != 0;
        if (!err) append(dir);
        if (!err) save_file(path, data, size);
        cr_assert_eq(pwrite(fd, data + at, 1, (off_t)at), 1);
        close(fd);
    }
    cr_assert_gt(seen, 500, "%zu", seen);
    free(data);
}

static int count_record(void *context, struct str table, struct str key, struct str data) {
    (void)key, (void)data;
    if (str_equal(table, STR("events"))) ++*(uint64_t *)context;
    return 0;
}

static char damage_text[4000];

static void note_damage(void *context, struct str table, const char *what) {
    (void)context;
    snprintf(damage_text, sizeof damage_text, "%.*s: %s", (int)table.len, table.ptr, what);
}

// A walk goes on past a damaged page.
Test(damage, the_rest_of_a_damaged_file_is_visited) {
    const char *dir = support_dir();
    char path[4096], *data;
    make_sample(dir);
    strcpy(path, in(dir, "data.mdb"));
    size_t size = load_file(path, &data);
    uint64_t all = 0, rest = 0;
    int fd = open(path, O_RDWR);
    struct report report = {0};
    cr_assert_eq(
        lmdb_check_walk(fd, &(struct lmdb_visitor){&all, count_record, note_damage}, &report), 0,
        "%s", damage_text);
    cr_assert_gt(all, 600);
    // The first leaf with large keys and records of events: not the first of the file.
    for (size_t page = 2; page < size / PAGE; page++) {
        struct page header;
        memcpy(&header, data + page * PAGE, sizeof header);
        if (header.flags != 2 || header.lower < 40) continue;
        memset(data + page * PAGE, 0, PAGE);
        cr_assert_eq(pwrite(fd, data + page * PAGE, PAGE, (off_t)(page * PAGE)), PAGE);
        rest = 0;
        int err =
            lmdb_check_walk(fd, &(struct lmdb_visitor){&rest, count_record, note_damage}, &report);
        if (err && strncmp(damage_text, "events: ", 8) == 0) break;
    }
    cr_assert(strstr(damage_text, "is not what its tree says"), "%s", damage_text);
    cr_assert(rest > all / 2 && rest < all, "%llu of %llu", (unsigned long long)rest,
              (unsigned long long)all);
    close(fd);
    free(data);
}

static void keep_line(void *context, const char *text) {
    (void)context;
    size_t len = strlen(damage_text);
    if (!strstr(damage_text, text))
        snprintf(damage_text + len, sizeof damage_text - len, "%s\n", text);
}

static int audit(const char *dir, struct audit *out) {
    struct report report = {0};
    *out = (struct audit){.say = keep_line};
    damage_text[0] = '\0';
    int err = audit_check(out, dir, &report);
    if (err) cr_assert(report.text[0]);
    return err;
}

Test(damage, an_audit_of_a_whole_journal_finds_nothing) {
    const char *dir = support_dir();
    struct audit all;
    make_sample(dir);
    cr_assert_eq(audit(dir, &all), 0, "%s", damage_text);
    cr_assert_gt(all.events, 600);
    cr_assert_eq(all.topics, 4);
    cr_assert_eq(all.sources, 1);
    // Killed, with events and keys after the checkpoint.
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "new", "key", "x", 0, &to), 0);
    cr_assert_eq(support_put_full(journal, "new", "id", "x", EVENT_WIRE_ID, &to), 0);
    struct report report = {0};
    cr_assert_eq(audit_check(&all, dir, &report), ERR_LOCKED);
    cr_assert_eq(unlink(in(dir, "lock")), 0);
    cr_assert_eq(audit(dir, &all), 0, "%s", damage_text);
    cr_assert_eq(all.topics, 5);
    journal_close(journal);
}

// The content of one record, of one topic and of one position; an event that is gone.
Test(damage, an_audit_says_what_is_damaged) {
    const char *dir = support_dir();
    struct audit all;
    char *data;
    make_sample(dir);
    char path[4096];
    strcpy(path, in(dir, "data.mdb"));
    size_t size = load_file(path, &data);
    const struct {
        const char *text, *said;
    } cases[] = {
        {"some data", "is damaged"},
        {"a/long/name", "the row of topic"},
        {"12345", "the position of file:/var/log/x is damaged"},
        {"file:/var/log", "the position of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        // All copies: old pages have some.
        size_t len = strlen(cases[i].text), found = 0;
        char *copy = malloc(size);
        memcpy(copy, data, size);
        for (size_t at = 0; at + len <= size; at++)
            if (memcmp(copy + at, cases[i].text, len) == 0 && ++found) copy[at] ^= 1;
        save_file(path, copy, size);
        cr_assert_eq(audit(dir, &all), ERR_CORRUPT, "%s", cases[i].text);
        cr_assert(strstr(damage_text, cases[i].said), "%s: %s", cases[i].text, damage_text);
        free(copy);
    }
    free(data);
}

// A page of events is lost: the rest is copied, with seqs, topics, positions, and can be gone on
// with.
Test(damage, what_is_whole_is_recovered) {
    const char *dir = support_dir();
    char path[4096], out[4096], *data, epoch[32];
    struct audit before, copied;
    struct report report = {0};
    make_sample(dir);
    strcpy(path, in(dir, "data.mdb"));
    strcpy(out, in(dir, "new"));
    cr_assert_eq(audit(dir, &before), 0);
    size_t size = load_file(path, &data);
    for (size_t page = 2; page < size / PAGE; page++) {
        if (!memmem(data + page * PAGE, PAGE, "some data", 9)) continue;
        char zeros[PAGE] = {0};
        save_file(path, data, size);
        int fd = open(path, O_WRONLY);
        cr_assert_eq(pwrite(fd, zeros, PAGE, (off_t)(page * PAGE)), PAGE);
        close(fd);
        struct audit now;
        if (audit(dir, &now) == ERR_CORRUPT && now.events < before.events) break;
    }
    copied = (struct audit){.say = keep_line};
    cr_assert_eq(audit_recover(&copied, dir, out, &report), 0, "%s", report.text);
    cr_assert_gt(copied.damages, 0);
    cr_assert(copied.events < before.events && copied.events > before.events / 2);
    cr_assert_eq(copied.sources, 1);
    cr_assert_eq(audit_recover(&copied, dir, out, &report), ERR_EXISTS);
    struct audit now;
    cr_assert_eq(audit(out, &now), 0, "%s", damage_text);

    struct journal_config config = support_config(out);
    struct journal *journal = support_open(&config);
    struct store_reader *reader;
    struct record record;
    char position[512];
    size_t len;
    snprintf(epoch, sizeof epoch, "%s", journal_epoch(journal));
    cr_assert_eq(journal_last_seq(journal), 904);
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(store_reader_read(reader, 904, &record), 0);
    cr_assert(str_equal(record.data, STR("last")));
    store_reader_end(reader);
    store_reader_close(reader);
    cr_assert_eq(journal_source_position(journal, STR("file:/var/log/x"), position, &len), 0);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "a/long/name", "899", "again", 0, &to), 0);
    cr_assert_eq(to.publish.duplicates, 1);
    cr_assert_eq(support_put(journal, "c", "next"), 905);
    journal_close(journal);
    free(data);
}

static bool has_trimmed(const struct support_seen *seen) {
    return seen->changes > 0 && seen->last_change.trimmed_seq > 500;
}

// Damaged records at the head, and in a topic that is over its bounds.
Test(damage, retention_goes_past_damaged_events) {
    const char *dir = support_dir();
    char path[4096], *data;
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 600; i++) support_put(journal, i % 2 ? "a" : "b", "some data");
    journal_close(journal);
    strcpy(path, in(dir, "data.mdb"));
    size_t size = load_file(path, &data), found = 0;
    for (size_t at = 0; at + 9 <= size; at++)
        if (memcmp(data + at, "some data", 9) == 0 && ++found % 7 == 1) data[at] ^= 1;
    save_file(path, data, size);
    free(data);
    const struct journal_topic_rule rule = {.pattern = "a", .retention = {.count_max = 5}};
    config.policy =
        (struct journal_policy){.retention = {.count_max = 10}, .rules = &rule, .rules_count = 1};
    journal = support_open(&config);
    for (int i = 0; i < 30; i++) support_put(journal, "b", "new");
    support_wait(has_trimmed);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    cr_assert_eq(stats.failures_total, 0, "%s", stats.failure);
    journal_close(journal);
    struct audit all;
    cr_assert_eq(audit(dir, &all), 0, "%s", damage_text);
}

// --- retention and links that are cut ------------------------------------------------------------

// Flips a bit in the header of an event's record, as LMDB would write it.
static void flip_header(const char *dir, uint64_t seq) {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi events;
    MDB_val key = {sizeof seq, &seq}, data;
    char bytes[512];
    cr_assert_eq(mdb_env_create(&env), 0);
    cr_assert_eq(mdb_env_set_maxdbs(env, 8), 0);
    cr_assert_eq(mdb_env_open(env, dir, 0, 0600), 0);
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "events", 0, &events), 0);
    cr_assert_eq(mdb_get(txn, events, &key, &data), 0);
    memcpy(bytes, data.mv_data, data.mv_size);
    bytes[20] ^= 1;
    data.mv_data = bytes;
    cr_assert_eq(mdb_put(txn, events, &key, &data, 0), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static bool is_gone(struct journal *journal, uint64_t seq) {
    struct store_reader *reader;
    struct record record;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    int err = store_reader_read(reader, seq, &record);
    store_reader_end(reader);
    store_reader_close(reader);
    return err == ERR_NOT_FOUND;
}

// Nothing is announced when what is below a floor is deleted.
static void wait_until_gone(struct journal *journal, uint64_t seq) {
    while (!is_gone(journal, seq)) sched_yield();
}

// Its links lead through the damaged event, whichever way.
Test(damage, a_rule_is_kept_past_a_damaged_event) {
    const struct journal_topic_rule rule = {.pattern = "a", .retention.count_max = 5};
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 20; i++) support_put(journal, "a", "x");
    journal_close(journal);
    flip_header(config.dir, 16);
    config.policy = (struct journal_policy){.rules = &rule, .rules_count = 1};
    journal = support_open(&config);
    uint64_t last = 0;
    for (int i = 0; i < 3; i++) last = support_put(journal, "a", "x");
    wait_until_gone(journal, last - 5);
    for (uint64_t seq = 1; seq < last - 5; seq++) {
        if (seq != 16) wait_until_gone(journal, seq);
    }
    journal_close(journal);
}

// What the damaged event had hidden must not outlive its topic, whose number may be used again.
Test(damage, kept_events_go_although_the_newest_was_damaged) {
    const struct journal_topic_rule rule = {.pattern = "s", .keep = 5};
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 5; i++) support_put(journal, "s", "x");
    journal_close(journal);
    flip_header(config.dir, 5);
    config.policy =
        (struct journal_policy){.retention.count_max = 100, .rules = &rule, .rules_count = 1};
    journal = support_open(&config);
    for (int i = 0; i < 300; i++) support_put(journal, "log", "x");
    wait_until_gone(journal, 5);
    for (int i = 0; i < 5; i++) support_put(journal, "s", "y");
    for (int i = 0; i < 300; i++) support_put(journal, "log", "x");
    for (uint64_t seq = 1; seq < 5; seq++) wait_until_gone(journal, seq);
    journal_close(journal);
}

// --- the two first pages -------------------------------------------------------------------------

// As if killed after the last event: what the older one of the two first pages leads to has it not.
static void make_killed(const char *dir, const char *to) {
    char bytes[65536], path[4096];
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    support_position(journal, "file:/var/log/x", "12345");
    for (int i = 0; i < 5; i++) support_put(journal, "t", "some data");
    const char *names[] = {"data.mdb", "lock"};
    cr_assert_eq(mkdir(to, 0700), 0);
    for (int i = 0; i < 2; i++) {
        int from_fd = open(in(dir, names[i]), O_RDONLY);
        snprintf(path, sizeof path, "%s/%s", to, names[i]);
        int to_fd = open(path, O_WRONLY | O_CREAT, 0600);
        for (ssize_t got; (got = read(from_fd, bytes, sizeof bytes)) > 0;)
            cr_assert_eq(write(to_fd, bytes, (size_t)got), got);
        close(from_fd);
        close(to_fd);
    }
    journal_close(journal);
}

// Each bit: an error, or the right events. The state of the commit before is not right.
Test(damage, each_bit_of_the_first_pages_is_seen, .timeout = 120) {
    char killed[4096], path[4096], *data;
    uint64_t right, now;
    const char *dir = support_dir();
    strcpy(killed, in(dir, "killed"));
    strcpy(path, in(dir, "whole"));
    make_killed(path, killed);
    strcpy(path, in(killed, "data.mdb"));
    size_t size = load_file(path, &data);
    cr_assert_eq(digest(killed, &right), 0);
    for (size_t bit = 0; bit < 2 * 160 * 8; bit++) {
        size_t at = bit / 8 % 160 + (bit >= 160 * 8 ? PAGE : 0);
        data[at] ^= (char)(1u << (bit % 8));
        save_file(path, data, size);
        data[at] ^= (char)(1u << (bit % 8));
        int err = digest(killed, &now);
        cr_assert(err || now == right, "bit %zu of byte %zu: other events, and no error", bit % 8,
                  at);
    }
    free(data);
}

// The first page of the last commit is lost: the state of the commit before is still there.
Test(damage, without_the_last_first_page_the_state_before_is_recovered) {
    char killed[4096], path[4096], out[4096], *data;
    uint64_t txn_ids[2];
    struct report report = {0};
    const char *dir = support_dir();
    strcpy(killed, in(dir, "killed"));
    strcpy(out, in(dir, "out"));
    strcpy(path, in(dir, "whole"));
    make_killed(path, killed);
    strcpy(path, in(killed, "data.mdb"));
    size_t size = load_file(path, &data);
    memcpy(&txn_ids[0], data + 144, 8);
    memcpy(&txn_ids[1], data + PAGE + 144, 8);
    memset(data + (txn_ids[1] > txn_ids[0] ? PAGE : 0), 0, PAGE);
    save_file(path, data, size);
    struct audit all;
    cr_assert_eq(audit(killed, &all), ERR_CORRUPT);
    cr_assert(strstr(damage_text, "first pages are damaged"), "%s", damage_text);
    cr_assert_eq(all.events, 4);
    struct audit copied = {0};
    cr_assert_eq(audit_recover(&copied, killed, out, &report), 0, "%s", report.text);
    cr_assert_eq(copied.events, 4);
    free(data);
}

// --- a large file, which is not checked whole ----------------------------------------------------

// LMDB writes to free pages without a look: the list of them is always checked whole.
Test(damage, the_list_of_free_pages_is_checked_however_large_the_file) {
    static const char *const tables[] = {"meta", "events", "topics", "keys", "sources"};
    const char *dir = support_dir();
    char path[4096], *data;
    struct report report = {0};
    uint64_t txn_ids[2], roots[2];
    make_sample(dir);
    strcpy(path, in(dir, "data.mdb"));
    (void)load_file(path, &data);
    for (size_t i = 0; i < 2; i++) {
        memcpy(&txn_ids[i], data + i * PAGE + 144, 8);
        memcpy(&roots[i], data + i * PAGE + 40 + 40, 8);
    }
    uint64_t root = roots[txn_ids[1] > txn_ids[0]], events = 2;
    struct page header;
    // A page that is in use: one with events.
    while (!memmem(data + events * PAGE, PAGE, "some data", 9)) events++;
    memcpy(&header, data + root * PAGE, sizeof header);
    cr_assert_eq(header.flags, 2);
    int fd = open(path, O_RDWR);
    cr_assert_eq(lmdb_check_file(fd, tables, 5, 1, 0, NULL, &report), 0, "%s", report.text);
    // The last number of the page's last record is a free page; beyond the file now.
    const uint64_t foreign = (uint64_t)1 << 30;
    cr_assert_eq(pwrite(fd, &foreign, 8, (off_t)((root + 1) * PAGE - 8)), 8);
    cr_assert_eq(lmdb_check_file(fd, tables, 5, 1, 0, NULL, &report), ERR_CORRUPT);
    cr_assert(strstr(report.text, "pages that are not in the file"), "%s", report.text);
    close(fd);
    free(data);
}

// A small part at once; with time, all of it.
Test(damage, more_of_a_large_file_is_checked_while_there_is_time) {
    static const char *const tables[] = {"meta", "events", "topics", "keys", "sources"};
    const char *dir = support_dir();
    char path[4096], *data;
    struct report report = {0};
    make_sample(dir);
    strcpy(path, in(dir, "data.mdb"));
    size_t size = load_file(path, &data), later = 0, at_once = 0;
    for (size_t at = 2 * PAGE; at < size; at += PAGE) {
        data[at + 10] ^= 4;
        save_file(path, data, size);
        data[at + 10] ^= 4;
        int fd = open(path, O_RDONLY);
        at_once += lmdb_check_file(fd, tables, 5, 1, 0, NULL, &report) != 0;
        later += lmdb_check_file(fd, tables, 5, 1, 60000, NULL, &report) != 0;
        close(fd);
    }
    cr_assert(later > 3 * at_once && later > 20, "%zu of %zu", at_once, later);
    free(data);
}

// --- going on ------------------------------------------------------------------------------------

// Reading goes on behind a damaged event.
Test(damage, reading_goes_on_behind_a_damaged_event) {
    const char *dir = support_dir();
    char path[4096], *data;
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 5; i++) support_put(journal, "t", i == 2 ? "broken" : "whole");
    for (int i = 0; i < 5; i++) support_put(journal, "u", "whole");
    journal_close(journal);
    strcpy(path, in(dir, "data.mdb"));
    size_t size = load_file(path, &data);
    for (size_t at = 0; at + 6 <= size; at++)
        // Its header: what is before the text.
        if (memcmp(data + at, "broken", 6) == 0) data[at - 20] ^= 1;
    save_file(path, data, size);
    free(data);
    journal = support_open(&config);
    struct store_reader *reader;
    struct record record = {0};
    size_t whole = 0, damaged = 0;
    int err;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    while ((err = store_reader_next(reader, record.seq, &record)) != ERR_NOT_FOUND) {
        cr_assert(err == 0 || err == ERR_CORRUPT);
        if (err) cr_assert_eq(record.seq, 3);
        if (err) cr_assert_eq(record.topic_no, RECORD_TOPIC_UNKNOWN);
        whole += err == 0;
        damaged += err != 0;
        cr_assert_leq(whole + damaged, 10);
    }
    cr_assert_eq(whole, 9);
    cr_assert_eq(damaged, 1);
    store_reader_end(reader);
    store_reader_close(reader);
    journal_close(journal);
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// With damage at the ends and in the middle, where the search looks first.
Test(damage, a_time_is_found_among_damaged_events) {
    const char *dir = support_dir();
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 10; i++) support_put(journal, "t", "early");
    uint64_t early_ms = now_ms() + 1;
    while (now_ms() <= early_ms) sched_yield();
    for (int i = 0; i < 10; i++) support_put(journal, "t", "late");
    journal_close(journal);
    const uint64_t damaged[] = {1, 5, 6, 9, 12, 13, 20};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) flip_header(dir, damaged[i]);
    journal = support_open(&config);
    struct store_reader *reader;
    uint64_t seq;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(store_reader_seq_before_time(reader, early_ms, &seq), 0);
    cr_assert_eq(seq, 10);
    cr_assert_eq(store_reader_seq_before_time(reader, now_ms() + 1000, &seq), 0);
    cr_assert_eq(seq, 19);
    cr_assert_eq(store_reader_seq_before_time(reader, 1000, &seq), 0);
    cr_assert_eq(seq, 0);
    store_reader_end(reader);
    store_reader_close(reader);
    journal_close(journal);
}

// Its key is damaged too, so that the key's row stays: nothing is lost by it.
Test(damage, the_key_of_a_damaged_event_that_is_gone_is_no_damage) {
    const char *dir = support_dir();
    char path[4096], *data, key[16];
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    struct support_publish to;
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "key-%02d", i);
        cr_assert_eq(support_put_full(journal, "a", key, "some data", 0, &to), 0);
    }
    journal_close(journal);
    strcpy(path, in(dir, "data.mdb"));
    size_t size = load_file(path, &data), found = 0;
    for (size_t at = 0; at + 15 <= size; at++)
        if (memcmp(data + at, "key-05some data", 15) == 0 && ++found) data[at + 1] ^= 1;
    cr_assert_gt(found, 0);
    save_file(path, data, size);
    free(data);
    struct audit all;
    cr_assert_eq(audit(dir, &all), ERR_CORRUPT);
    config.policy.retention.count_max = 10;
    journal = support_open(&config);
    for (int i = 0; i < 10; i++) support_put(journal, "a", "new");
    struct journal_stats stats;
    do {
        journal_stats(journal, &stats);
    } while (stats.events > 10);
    journal_close(journal);
    cr_assert_eq(audit(dir, &all), 0, "%s", damage_text);
}

// It has its name when it is complete, and not before.
Test(damage, a_recovery_that_is_broken_off_is_not_taken_for_one) {
    const char *dir = support_dir();
    char out[4096], unfinished[4200];
    struct report report = {0};
    struct audit copied = {0};
    make_sample(dir);
    strcpy(out, in(dir, "new/"));
    snprintf(unfinished, sizeof unfinished, "%s/new.unfinished", dir);
    pid_t child = fork();
    if (child == 0) {
        // No file may be larger: it fails in the middle.
        struct rlimit limit = {65536, 65536};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(audit_recover(&copied, dir, out, &report) ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_neq(access(in(dir, "new"), F_OK), 0);
    cr_assert_eq(access(unfinished, F_OK), 0);
    cr_assert_eq(audit_recover(&copied, dir, out, &report), ERR_EXISTS);
    cr_assert(strstr(report.text, "broken off"), "%s", report.text);
    const char *left[] = {"data.mdb", "lock", "lock.mdb"};
    for (int i = 0; i < 3; i++) (void)unlink(in(unfinished, left[i]));
    cr_assert_eq(rmdir(unfinished), 0);
    cr_assert_eq(audit_recover(&copied, dir, out, &report), 0, "%s", report.text);
    cr_assert_eq(access(in(dir, "new/data.mdb"), F_OK), 0);
    cr_assert_neq(access(unfinished, F_OK), 0);
}
