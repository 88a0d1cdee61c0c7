// SPDX-License-Identifier: MIT
// The data directory: whose it is, and what happens with damaged files. And disks that fail: those
// tests run this program again with test/fault/iofault.c preloaded, which makes writing and syncing
// fail while a control file exists.
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <lmdb.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "journal/journal.h"
#include "journal/lmdb_check.h"
#include "journal/record.h"
#include "support.h"

static int try_open(const char *dir, struct report *report) {
    struct journal_config config = support_config(dir);
    struct journal *journal = NULL;
    *report = (struct report){0};
    int err = journal_open(&journal, &config, report);
    if (err) cr_assert(report->text[0] && strstr(report->text, dir), "%s", report->text);
    journal_close(journal);
    return err;
}

static char *in(const char *dir, const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

Test(store, one_process_at_a_time) {
    const char *dir = support_dir();
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    struct report report;
    cr_assert_eq(try_open(dir, &report), ERR_LOCKED);
    char pid[32];
    snprintf(pid, sizeof pid, "%d", getpid());
    cr_assert(strstr(report.text, pid), "%s", report.text);
    journal_close(journal);
    cr_assert_eq(try_open(dir, &report), 0);
}

Test(store, directory_is_made_private) {
    char dir[4096];
    strcpy(dir, in(support_dir(), "data"));
    struct report report;
    cr_assert_eq(try_open(dir, &report), 0);
    struct stat status;
    cr_assert_eq(stat(dir, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0700);
    cr_assert_eq(stat(in(dir, "data.mdb"), &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    cr_assert_eq(try_open("/proc/nowhere/data", &report), ERR_NOT_FOUND);
}

static size_t count_files(const char *dir) {
    size_t count = 0;
    DIR *list = opendir(dir);
    while (readdir(list)) count++;
    closedir(list);
    return count;
}

static void expect_left_alone(const char *dir) {
    struct report report;
    size_t before = count_files(dir);
    cr_assert_eq(try_open(dir, &report), ERR_CORRUPT);
    cr_assert(strstr(report.text, "is not a tailrace data directory"), "%s", report.text);
    cr_assert_eq(count_files(dir), before);
}

Test(store, foreign_directory_is_left_alone) {
    const char *dir = support_dir();
    write_file(in(dir, "thesis.txt"), "do not touch");
    expect_left_alone(dir);
}

Test(store, foreign_lmdb_is_left_alone) {
    const char *dir = support_dir();
    MDB_env *env;
    cr_assert_eq(mdb_env_create(&env), 0);
    cr_assert_eq(mdb_env_open(env, dir, 0, 0600), 0);
    mdb_env_close(env);
    expect_left_alone(dir);
}

Test(store, file_in_place_of_directory) {
    const char *dir = support_dir();
    struct report report;
    char path[4096];
    strcpy(path, in(dir, "file"));
    write_file(path, "");
    cr_assert_eq(try_open(path, &report), ERR_INVALID);
}

Test(store, data_file_alone_is_enough) {
    const char *dir = support_dir();
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    support_put(journal, "t", "x");
    journal_close(journal);
    cr_assert_eq(unlink(in(dir, "lock")), 0);
    cr_assert_eq(unlink(in(dir, "lock.mdb")), 0);
    journal = support_open(&config);
    cr_assert_eq(support_count(journal), 1);
    journal_close(journal);
}

Test(store, interrupted_creation_starts_again) {
    const char *dir = support_dir();
    struct report report;
    write_file(in(dir, "lock"), "tailrace data directory\npid 1\ncreating\n");
    write_file(in(dir, "data.mdb"), "half");
    cr_assert_eq(try_open(dir, &report), 0, "%s", report.text);
}

Test(store, newer_format_is_refused) {
    const char *dir = support_dir();
    struct report report;
    cr_assert_eq(try_open(dir, &report), 0);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi meta;
    MDB_val key = {6, "format"}, data;
    cr_assert_eq(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 8);
    cr_assert_eq(mdb_env_open(env, dir, 0, 0600), 0);
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    cr_assert_eq(mdb_get(txn, meta, &key, &data), 0);
    struct record_format format;
    memcpy(&format, data.mv_data, sizeof format);
    format.version++;
    data = (MDB_val){sizeof format, &format};
    cr_assert_eq(mdb_put(txn, meta, &key, &data, 0), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    cr_assert_eq(try_open(dir, &report), ERR_VERSION);
}

// --- damaged files -------------------------------------------------------------------------------

static void make_sample(const char *dir) {
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    struct support_publish to;
    char *large = malloc(20001);
    memset(large, 'x', 20000);
    large[20000] = '\0';
    for (int i = 0; i < 600; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        cr_assert_eq(support_put_full(journal, i % 2 ? "a" : "b", key, "some data", 0, &to), 0);
    }
    support_put(journal, "large", large);
    cr_assert_eq(support_forget(journal, "a"), 0);
    support_put(journal, "c", "last");
    free(large);
    journal_close(journal);
}

static size_t load_file(const char *path, char **out) {
    FILE *file = fopen(path, "r");
    struct stat status;
    cr_assert(file);
    cr_assert_eq(fstat(fileno(file), &status), 0);
    *out = malloc((size_t)status.st_size);
    cr_assert_eq(fread(*out, 1, (size_t)status.st_size, file), (size_t)status.st_size);
    fclose(file);
    return (size_t)status.st_size;
}

static void save_file(const char *path, const char *data, size_t len) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

// Whatever is in the file: an error or a working journal, never a crash.
static int use(const char *dir) {
    struct journal_config config = support_config(dir);
    struct journal *journal;
    struct report report = {0};
    int err = journal_open(&journal, &config, &report);
    if (err) {
        cr_assert(report.text[0]);
        return err;
    }
    struct store_reader *reader;
    struct record record = {0};
    uint64_t seqs[1000];
    size_t count;
    bool lost;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    if (store_reader_begin(reader) == 0) {
        while (!(err = store_reader_next(reader, record.seq, &record)))
            (void)!store_reader_topic_after(reader, record.seq, 0, seqs, 1000, &count, &lost);
        store_reader_end(reader);
    }
    store_reader_close(reader);
    cr_assert_eq(journal_start(journal, (struct journal_listener){0}, &report), 0);
    struct support_publish to;
    (void)!support_put_full(journal, "a", "new", "data", 0, &to);
    (void)!support_put_full(journal, "c", "1", "data", 0, &to);
    journal_close(journal);
    return err == ERR_NOT_FOUND ? 0 : err;
}

Test(store, truncated_file_is_an_error) {
    const char *dir = support_dir();
    char path[4096], *data;
    make_sample(dir);
    strcpy(path, in(dir, "data.mdb"));
    size_t size = load_file(path, &data);
    const size_t lengths[] = {0, 1, 16, 4095, 4096, 8191, 8192, 8193, 12288, size / 2 & ~4095u};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        save_file(path, data, lengths[i]);
        struct report report;
        cr_assert_eq(try_open(dir, &report), ERR_CORRUPT, "%zu", lengths[i]);
    }
    // Page by page from the end: either what is missing was unused, or it is noticed.
    for (size_t length = size; length > 8192; length -= 4096) {
        save_file(path, data, length);
        (void)use(dir);
    }
    save_file(path, data, size);
    cr_assert_eq(use(dir), 0);
    free(data);
}

Test(store, garbage_is_an_error, .timeout = 120) {
    const char *dir = support_dir();
    char path[4096], *data;
    make_sample(dir);
    strcpy(path, in(dir, "data.mdb"));
    size_t size = load_file(path, &data);
    char *copy = malloc(size);
    srand(7);
    for (size_t page = 0; page < size / 4096; page++) {
        for (int how = 0; how < 5; how++) {
            memcpy(copy, data, size);
            for (size_t i = 0; i < (how < 3 ? 4096u : 8u); i++) {
                size_t at = how < 3 ? i : how == 3 ? (size_t)rand() % 64 : (size_t)rand() % 4096;
                copy[page * 4096 + at] = (char)(how == 0 ? 0 : how == 1 ? 0xff : rand());
            }
            save_file(path, copy, size);
            (void)use(dir);
        }
    }
    memset(copy, 'x', size);
    save_file(path, copy, size);
    cr_assert_eq(use(dir), ERR_CORRUPT);
    free(copy);
    free(data);
}

static size_t last_transaction(const char *dir) {
    MDB_env *env;
    MDB_envinfo info;
    cr_assert_eq(mdb_env_create(&env), 0);
    cr_assert_eq(mdb_env_open(env, dir, MDB_RDONLY, 0600), 0);
    mdb_env_info(env, &info);
    mdb_env_close(env);
    return info.me_last_txnid;
}

// A commit whose last page got into the file although writing it failed.
Test(store, last_commit_can_be_undone) {
    const char *dir = support_dir();
    make_sample(dir);
    size_t last = last_transaction(dir);
    int fd = open(in(dir, "data.mdb"), O_RDWR);
    cr_assert_eq(lmdb_check_roll_back(fd, last), 0);
    cr_assert_eq(last_transaction(dir), last);
    cr_assert_eq(lmdb_check_roll_back(fd, last - 1), 0);
    cr_assert_eq(last_transaction(dir), last - 1);
    close(fd);
    cr_assert_eq(use(dir), 0);
}

// --- kill -9 -------------------------------------------------------------------------------------

// Publishes for ever; tells each acknowledged seq.
static void publish_until_killed(const char *dir, int to_parent) {
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    for (uint64_t i = 0;; i++) {
        char topic[32], data[32];
        snprintf(topic, sizeof topic, "t%llu", (unsigned long long)i % 50);
        uint64_t last = journal_last_seq(journal);
        snprintf(data, sizeof data, "%llu", (unsigned long long)last + 1);
        struct event *event = event_new(str_from(topic), STR(""), STR(""), str_from(data), 0);
        struct support_publish to = {
            .publish = {.source_name = STR("file"), .source_position = str_from(data)}};
        if (support_publish(journal, &to, &event, 1)) _exit(1);
        uint64_t seq = to.publish.first;
        if (write(to_parent, &seq, sizeof seq) != sizeof seq) _exit(1);
    }
}

static uint64_t kill_one(const char *dir, int acknowledgements) {
    int pipes[2];
    cr_assert_eq(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        close(pipes[0]);
        publish_until_killed(dir, pipes[1]);
    }
    close(pipes[1]);
    uint64_t seq, last = 0;
    for (int i = 0; i < acknowledgements; i++) {
        cr_assert_eq(read(pipes[0], &seq, sizeof seq), (ssize_t)sizeof seq);
        last = seq;
    }
    kill(child, SIGKILL);
    while (read(pipes[0], &seq, sizeof seq) == (ssize_t)sizeof seq) last = seq;
    close(pipes[0]);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    return last;
}

Test(store, survives_kill, .timeout = 120) {
    const char *dir = support_dir();
    for (int round = 1; round <= 5; round++) {
        uint64_t acknowledged = kill_one(dir, 300 * round);
        struct journal_config config = support_config(dir);
        struct journal *journal = support_open(&config);
        uint64_t last = journal_last_seq(journal);
        cr_assert(last >= acknowledged && last <= acknowledged + 1);
        char position[LIMIT_SOURCE_POSITION_BYTES], expected[32];
        size_t len;
        cr_assert_eq(journal_source_position(journal, STR("file"), position, &len), 0);
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)last);
        cr_assert(str_equal((struct str){position, len}, str_from(expected)));
        struct store_reader *reader;
        cr_assert_eq(journal_reader_open(journal, &reader), 0);
        cr_assert_eq(store_reader_begin(reader), 0);
        for (uint64_t seq = 1; seq <= last; seq++) {
            struct record record;
            cr_assert_eq(store_reader_read(reader, seq, &record), 0);
            snprintf(expected, sizeof expected, "%llu", (unsigned long long)seq);
            cr_assert(str_equal(record.data, str_from(expected)));
        }
        store_reader_end(reader);
        store_reader_close(reader);
        journal_close(journal);
    }
}

// --- failing disks -------------------------------------------------------------------------------

// Only what the next test starts: does nothing without the preloaded fault.
static const char *control_file(void) {
    static char path[4096];
    const char *setting = getenv("TAILRACE_IOFAULT");
    if (!setting) cr_skip_test("is run by store::survives_failing_disk");
    snprintf(path, sizeof path, "%.*s", (int)(strrchr(setting, ':') - setting), setting);
    return path;
}

static void fail_and_recover(const char *how, int error) {
    const char *control = control_file();
    struct journal_config config = support_config(support_dir());
    config.sync = true;
    struct journal *journal = support_open(&config);
    struct support_publish to;
    struct journal_stats stats;
    size_t acknowledged = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++, acknowledged++) support_put(journal, "t", "x");
        uint64_t last = journal_last_seq(journal);
        write_file(control, how);
        cr_assert_eq(support_put_full(journal, "t", "key", "x", 0, &to), error);
        cr_assert_eq(support_put_full(journal, "new", "key", "x", 0, &to), error);
        journal_stats(journal, &stats);
        cr_assert_eq(stats.failed, error);
        cr_assert(stats.failure[0]);
        cr_assert_eq(journal_last_seq(journal), last);
        cr_assert_eq(support_count(journal), acknowledged);
        cr_assert_eq(unlink(control), 0);
        int err;
        do {
            sched_yield();
            err = support_put_full(journal, "t", "", "x", 0, &to);
        } while (err == error);
        cr_assert_eq(err, 0);
        cr_assert_eq(to.publish.first, last + 1);
        acknowledged++;
        journal_stats(journal, &stats);
        cr_assert_eq(stats.failed, 0);
        uint64_t seqs[200];
        bool lost;
        cr_assert_eq(support_after(journal, last + 1, 0, seqs, 200, &lost), acknowledged);
    }
    journal_close(journal);
    journal = support_open(&config);
    cr_assert_eq(support_count(journal), acknowledged);
    cr_assert_eq(journal_last_seq(journal), acknowledged);
    journal_close(journal);
}

Test(faulty, write) { fail_and_recover("write", ERR_IO); }
Test(faulty, write_full) { fail_and_recover("write full", ERR_FULL); }
Test(faulty, sync) { fail_and_recover("sync", ERR_IO); }
Test(faulty, last_page) { fail_and_recover("osync", ERR_IO); }
Test(faulty, all) { fail_and_recover("", ERR_IO); }
Test(faulty, all_from_the_last_page_on) { fail_and_recover("late", ERR_IO); }

// What a killed process left unsynced is synced before anybody sees it.
Test(faulty, open) {
    const char *control = control_file();
    struct journal_config config = support_config(support_dir());
    struct journal *journal = support_open(&config);
    struct report report = {0};
    support_put(journal, "t", "x");
    journal_close(journal);
    config.sync = true;
    write_file(control, "sync");
    cr_assert_eq(journal_open(&journal, &config, &report), ERR_IO);
    cr_assert(strstr(report.text, "cannot sync"), "%s", report.text);
    cr_assert_eq(unlink(control), 0);
    journal = support_open(&config);
    journal_close(journal);
}

static void run_with_fault(const char *name) {
    char self[4096], library[4200], setting[4200], filter[64];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    cr_assert(len > 0);
    self[len] = '\0';
    char copy[4096];
    strcpy(copy, self);
    snprintf(library, sizeof library, "%s/iofault.so", dirname(copy));
    snprintf(setting, sizeof setting, "%s:data.mdb", in(support_dir(), "control"));
    snprintf(filter, sizeof filter, "faulty/%s", name);
    pid_t child = fork();
    if (child == 0) {
        // The test runner's own, which would make the new program take itself for a worker of it.
        unsetenv("BXFI_MAP");
        setenv("LD_PRELOAD", library, 1);
        setenv("TAILRACE_IOFAULT", setting, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        execl(self, self, "--filter", filter, "--quiet", (char *)NULL);
        _exit(127);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", name);
}

Test(store, survives_failing_write, .timeout = 120) { run_with_fault("write"); }
Test(store, survives_full_disk, .timeout = 120) { run_with_fault("write_full"); }
Test(store, survives_failing_sync, .timeout = 120) { run_with_fault("sync"); }
Test(store, survives_failing_last_page, .timeout = 120) { run_with_fault("last_page"); }
Test(store, syncs_what_it_finds, .timeout = 120) { run_with_fault("open"); }
Test(store, survives_failing_everything, .timeout = 120) { run_with_fault("all"); }
Test(store, survives_failing_everything_late, .timeout = 120) {
    run_with_fault("all_from_the_last_page_on");
}
