// SPDX-License-Identifier: MIT
// All sources together: fast writers with rotation, a slow journal, reload, simulation, standard
// input, kill -9.
#include "source/source.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

static struct bench bench;

static void open_bench(void) { bench_open(&bench); }
static void close_bench(void) { bench_close(&bench); }
TestSuite(source, .init = open_bench, .fini = close_bench, .timeout = 240);

static void expect_numbers(size_t count) {
    bench_wait(&bench, count);
    cr_assert_eq(bench.count, count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(strtoul(bench.seen[i].data, NULL, 10), i + 1, "event %zu is %s", i + 1,
                     bench.seen[i].data);
}

// --- fast writers --------------------------------------------------------------------------------

// Appends the lines from..to in pieces of different sizes that are cut anywhere.
static void write_numbers(int fd, int from, int to) {
    char text[8192];
    size_t len = 0;
    unsigned random = (unsigned)from;
    for (int i = from; i <= to; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%d\n", i);
        random = random * 1664525u + 1013904223u;
        size_t piece = 1 + (random >> 16) % 4096;
        if (i < to && len < piece) continue;
        if (i < to)
            piece = piece < len ? piece : len;
        else
            piece = len;
        cr_assert_eq(write(fd, text, piece), (ssize_t)piece);
        len -= piece;
        memmove(text, text + piece, len);
        if (i == to && len) cr_assert_eq(write(fd, text, len), (ssize_t)len);
    }
}

static void shift(const char *name, int keep) {
    char from[64], to[64];
    for (int i = keep; i >= 1; i--) {
        snprintf(from, sizeof from, "%s.%d", name, i);
        snprintf(to, sizeof to, "%s.%d", name, i + 1);
        (void)!rename(bench_path(&bench, from), bench_path(&bench, to));
    }
    snprintf(to, sizeof to, "%s.1", name);
    bench_rename(&bench, name, to);
}

enum { NUMBERS = 200000, PIECE = 10000 };

static void expect_all_of(void *(*writer)(void *)) {
    struct source_config config = bench_file(&bench, "log");
    bench_start(&bench, &config, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, writer, NULL);
    pthread_join(thread, NULL);
    expect_numbers(NUMBERS);
}

static void *write_and_rename(void *context) {
    (void)context;
    int fd = -1;
    for (int i = 1; i <= NUMBERS; i += PIECE) {
        // The writer notices the rotation within a piece.
        if (fd >= 0) {
            shift("log", 25);
            write_numbers(fd, i, i + PIECE / 2 - 1);
            close(fd);
        }
        int half = i == 1 ? 1 : i + PIECE / 2;
        fd = open(bench_path(&bench, "log"), O_WRONLY | O_CREAT | O_APPEND, 0644);
        write_numbers(fd, half, i + PIECE - 1);
    }
    close(fd);
    return NULL;
}

Test(source, fast_writer_under_rename_rotation) { expect_all_of(write_and_rename); }

static void *write_and_copytruncate(void *context) {
    (void)context;
    int fd = open(bench_path(&bench, "log"), O_WRONLY | O_CREAT | O_APPEND, 0644);
    for (int i = 1; i <= NUMBERS; i += PIECE) {
        write_numbers(fd, i, i + PIECE - 1);
        bench_wait(&bench, (size_t)i);
        if (i + PIECE > NUMBERS) break;
        // The writer pauses while the file is copied: no follower could win that race.
        char name[32];
        snprintf(name, sizeof name, "log.%d", 1000 - i / PIECE);
        bench_copy(&bench, "log", name);
        cr_assert_eq(ftruncate(fd, 0), 0);
    }
    close(fd);
    return NULL;
}

Test(source, fast_writer_under_copytruncate) { expect_all_of(write_and_copytruncate); }

Test(source, a_slow_journal_loses_nothing) {
    bench_stop(&bench);
    bench.journal_config.queue_events_max = 5000;
    bench.journal_config.queue_bytes_max = 1 << 20;
    struct source_config configs[4];
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        configs[i] = bench_file(&bench, names[i]);
        int fd = open(configs[i].path, O_WRONLY | O_CREAT | O_APPEND, 0644);
        write_numbers(fd, 1, 50000);
        close(fd);
    }
    bench_start(&bench, configs, 4);
    bench_wait(&bench, 200000);
    unsigned long next[4] = {0};
    for (size_t i = 0; i < bench.count; i++)
        cr_assert_eq(strtoul(bench.seen[i].data, NULL, 10), ++next[bench.seen[i].topic[0] - 'a']);
}

// --- kill -9 -------------------------------------------------------------------------------------

// Runs in a child process: follows the file until it is killed.
static void serve_until_killed(const struct source_config *config) {
    bench_start(&bench, config, 1);
    for (;;) pause();
}

static void sleep_ms(unsigned ms) {
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static void check_journal(size_t count) {
    struct store_reader *reader;
    struct record record;
    uint64_t seq = 0;
    cr_assert_eq(journal_reader_open(bench.journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    for (size_t i = 1; i <= count; i++) {
        cr_assert_eq(store_reader_next(reader, seq, &record), 0, "only %zu events", i - 1);
        seq = record.seq;
        char expected[16];
        snprintf(expected, sizeof expected, "%zu", i);
        cr_assert(str_equal(record.data, str_from(expected)), "event %zu is %.*s", i,
                  STR_ARG(record.data));
    }
    cr_assert_eq(store_reader_next(reader, seq, &record), ERR_NOT_FOUND);
    store_reader_end(reader);
    store_reader_close(reader);
}

Test(source, kill_9_under_rotation_loses_and_repeats_nothing) {
    bench_stop(&bench);
    bench.journal_config.sync = true;
    // The hub has seen the file once. Files that were rotated away before that are not followed.
    struct source_config config = bench_file(&bench, "log");
    bench_append(&bench, "log", "1\n");
    bench_start(&bench, &config, 1);
    bench_wait(&bench, 1);
    bench_stop(&bench);
    pid_t writer = fork();
    if (writer == 0) {
        int fd = -1;
        for (int i = 1; i <= NUMBERS; i += PIECE) {
            if (fd >= 0) {
                shift("log", 25);
                close(fd);
            }
            fd = open(bench_path(&bench, "log"), O_WRONLY | O_CREAT | O_APPEND, 0644);
            write_numbers(fd, i == 1 ? 2 : i, i + PIECE - 1);
            sleep_ms(20);
        }
        _exit(0);
    }
    unsigned random = (unsigned)getpid();
    for (int round = 0; round < 6; round++) {
        pid_t child = fork();
        if (child == 0) serve_until_killed(&config);
        random = random * 1664525u + 1013904223u;
        // This varies the moment of the crash; nothing depends on the time.
        sleep_ms(20 + (random >> 16) % 60);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    int status;
    waitpid(writer, &status, 0);
    cr_assert_eq(status, 0);
    bench_start(&bench, &config, 1);
    bench_append(&bench, "log", "200001\n");
    // Counted where the last one is looked at: what comes in between is not waited for again.
    bool end = false;
    for (size_t seen = 0; !end;) {
        bench_wait(&bench, seen + 1);
        pthread_mutex_lock(&bench.lock);
        seen = bench.count;
        end = strcmp(bench.seen[seen - 1].data, "200001") == 0;
        pthread_mutex_unlock(&bench.lock);
    }
    check_journal(NUMBERS + 1);
}

// --- reload --------------------------------------------------------------------------------------

Test(source, reload_keeps_adds_and_removes) {
    struct source_config configs[] = {bench_file(&bench, "a"), bench_file(&bench, "b")};
    struct report report = {0};
    bench_start(&bench, configs, 2);
    bench_append(&bench, "a", "1\n");
    bench_append(&bench, "b", "1\n");
    bench_wait(&bench, 2);
    struct source_config next[] = {configs[0], bench_file(&bench, "c")};
    cr_assert_eq(sources_reload(bench.sources, next, 2, &report), 0, "%s", report.text);
    bench_append(&bench, "b", "2\n");
    bench_append(&bench, "c", "1\n");
    bench_expect(&bench, "c", "c", "1");
    bench_expect(&bench, "a", "a", "1");
    struct source_config bad = bench_file(&bench, "x");
    bad.topic = "";
    cr_assert_eq(sources_reload(bench.sources, &bad, 1, &report), ERR_INVALID);
    cr_assert_eq(sources_reload(bench.sources, configs, 2, &report), 0, "%s", report.text);
    bench_expect(&bench, "b", "b", "1|2");
    cr_assert_eq(sources_reload(bench.sources, NULL, 0, &report), 0);
}

Test(source, reload_while_lines_are_under_way) {
    struct source_config config = bench_file(&bench, "log");
    struct report report = {0};
    bench_start(&bench, &config, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, write_and_rename, NULL);
    // Files that were rotated away before the hub saw them are not followed.
    bench_wait(&bench, 1);
    for (int i = 0; i < 40; i++) {
        config.line_bytes_max = 1000 + (unsigned)i;
        cr_assert_eq(sources_reload(bench.sources, &config, 1, &report), 0, "%s", report.text);
    }
    pthread_join(thread, NULL);
    expect_numbers(NUMBERS);
}

// --- simulation ----------------------------------------------------------------------------------

static struct source_config simulation(void) {
    static const char *const words[] = {"idle", "busy", "done"};
    return (struct source_config){
        .kind = SOURCE_SIMULATE,
        .topic = "status",
        .type = "state",
        .path = "",
        .words = words,
        .words_count = 3,
        .interval_min_ms = 1,
        .interval_max_ms = 2,
    };
}

static bool is_over(const struct source_status *s) { return !s->attached && s->lines_total == 3; }

Test(source, simulation_says_its_words_once) {
    struct source_config config = simulation();
    bench_start(&bench, &config, 1);
    bench_wait_for(&bench, "status", "idle|busy|done");
    bench_wait_status(&bench, "simulate:status", is_over);
    cr_assert_eq(bench.count, 3);
}

Test(source, simulation_repeats) {
    struct source_config config = simulation();
    config.repeat = true;
    bench_start(&bench, &config, 1);
    bench_wait(&bench, 7);
    cr_assert_str_eq(bench.seen[6].data, "idle");
}

Test(source, simulation_at_random_says_every_word) {
    struct source_config config = simulation();
    config.shuffle = true;
    bench_start(&bench, &config, 1);
    bench_wait(&bench, 200);
    size_t times[3] = {0};
    pthread_mutex_lock(&bench.lock);
    for (size_t i = 0; i < bench.count; i++)
        for (int word = 0; word < 3; word++)
            times[word] += strcmp(bench.seen[i].data, config.words[word]) == 0;
    size_t count = bench.count;
    pthread_mutex_unlock(&bench.lock);
    cr_assert(times[0] && times[1] && times[2]);
    cr_assert_eq(times[0] + times[1] + times[2], count);
}

Test(source, simulation_of_the_lines_of_a_file) {
    struct source_config config = simulation();
    config.words_count = 0;
    config.path = bench_path(&bench, "sample");
    struct report report = {0};
    struct sources *none;
    cr_assert_eq(sources_start(&none, &config, 1, bench.journal, &report), ERR_INVALID);
    cr_assert(strstr(report.text, "sample"), "%s", report.text);
    bench_write(&bench, "sample", "one\r\n\ntwo");
    bench_start(&bench, &config, 1);
    bench_wait_for(&bench, "status", "one||two");
}

Test(source, bad_simulations_are_refused) {
    struct source_config config = simulation();
    struct report report = {0};
    struct sources *none;
    config.interval_min_ms = 5;
    cr_assert_eq(sources_start(&none, &config, 1, bench.journal, &report), ERR_INVALID);
    config = simulation();
    config.words_count = 0;
    cr_assert_eq(sources_start(&none, &config, 1, bench.journal, &report), ERR_INVALID);
    struct source_config twice[] = {simulation(), simulation()};
    cr_assert_eq(sources_start(&none, twice, 2, bench.journal, &report), ERR_INVALID);
}

// --- standard input ------------------------------------------------------------------------------

static struct source_config input(void) {
    return (struct source_config){
        .kind = SOURCE_STDIN, .topic = "in", .type = "", .path = "", .line_bytes_max = 1 << 20};
}

static bool has_ended(const struct source_status *s) { return !s->attached; }

Test(source, standard_input_is_read_to_its_end) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    struct source_config config = input();
    bench_start(&bench, &config, 1);
    write_numbers(ends[1], 1, 100000);
    cr_assert_eq(write(ends[1], "100001", 6), 6);
    close(ends[1]);
    expect_numbers(100001);
    bench_wait_status(&bench, "stdin", has_ended);
}

Test(source, standard_input_may_be_a_file) {
    int fd = open(bench_path(&bench, "in"), O_RDWR | O_CREAT, 0644);
    write_numbers(fd, 1, 20000);
    lseek(fd, 0, SEEK_SET);
    dup2(fd, STDIN_FILENO);
    struct source_config config = input();
    bench_start(&bench, &config, 1);
    expect_numbers(20000);
    bench_wait_status(&bench, "stdin", has_ended);
}

Test(source, standard_input_that_stays_open_can_be_stopped) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    struct source_config config = input();
    bench_start(&bench, &config, 1);
    cr_assert_eq(write(ends[1], "1\nrest", 6), 6);
    expect_numbers(1);
    bench_stop(&bench);
}
