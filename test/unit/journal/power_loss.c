// SPDX-License-Identifier: MIT
// Power cuts. A journal goes through a scenario in a process of its own, where
// test/fault/powerloss.c records what reaches the disk and when. Then, for many moments, what the
// disk may hold after a cut there is made (disk.h) and opened: it must be what was shown and
// acknowledged by then (ledger.h), and a journal that goes on.
//
// TAILRACE_POWER_LOSS_SEED and _IMAGES (of each scenario) try other cuts, and more of them. When
// one fails, its recording and its files are kept, and the message says how to try it again.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "journal/audit.h"
#include "ledger.h"
#include "scenarios.h"
#include "support.h"

#define IMAGES 60

TestSuite(power_loss, .timeout = 120);
TestSuite(power_recorded, .timeout = 120);

// --- recording -----------------------------------------------------------------------------------

// In the process that is recorded.
static void run(const struct scenario *scenario) {
    const char *setting = getenv("TAILRACE_POWERLOSS");
    if (!setting) cr_skip_test("is run by power_loss");
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/data", strchr(setting, ':') + 1);
    struct journal_config config = scenario->config;
    config.dir = dir;
    if (getenv("TAILRACE_POWERLOSS_UNSYNCED")) config.sync = false;
    scenario->run(&config);
}

struct places {
    char root[4096], record[4096], image[4096];
    size_t base_count; // entries of what was there before
};

static void find_places(struct places *places) {
    const char *dir = support_dir();
    snprintf(places->root, sizeof places->root, "%s/root", dir);
    snprintf(places->record, sizeof places->record, "%s/record", dir);
    snprintf(places->image, sizeof places->image, "%s/image", dir);
}

// Runs the test power_recorded/NAME of this program with the recorder. `kill_at`, `fail_at`: as
// powerloss.c says, 0: never.
static void record_run(const struct places *places, const char *name, uint64_t kill_at,
                       unsigned fail_at) {
    char self[4096], library[4200], setting[8300], filter[64], kill_text[32], fail_text[32];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    cr_assert(len > 0);
    self[len] = '\0';
    char copy[4096];
    strcpy(copy, self);
    snprintf(library, sizeof library, "%s/powerloss.so", dirname(copy));
    snprintf(setting, sizeof setting, "%s:%s", places->record, places->root);
    snprintf(filter, sizeof filter, "power_recorded/%s", name);
    snprintf(kill_text, sizeof kill_text, "%" PRIu64, kill_at);
    snprintf(fail_text, sizeof fail_text, "%u", fail_at);
    pid_t child = fork();
    if (child == 0) {
        // The test runner's own, which would make the new program take itself for a worker of it.
        unsetenv("BXFI_MAP");
        setenv("LD_PRELOAD", library, 1);
        setenv("TAILRACE_POWERLOSS", setting, 1);
        setenv("TAILRACE_POWERLOSS_KILL", kill_text, 1);
        setenv("TAILRACE_POWERLOSS_FAIL", fail_text, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        if (kill_at) (void)!freopen("/dev/null", "w", stderr);
        execl(self, self, "--filter", filter, "--quiet", (char *)NULL);
        _exit(127);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(kill_at || (WIFEXITED(status) && WEXITSTATUS(status) == 0), "%s", name);
}

// The files begin as a cut in another recording left them.
static void begin_after_cut(const struct places *places, struct random *random) {
    struct disk *disk = disk_load(places->record);
    size_t opened = 0;
    while (disk->entries[opened].kind != POWERLOSS_NOTE) opened++;
    disk_advance(disk, opened + 1 + random_below(random, disk->count - opened));
    disk_remove(places->root);
    disk_cut(disk, random_next(random), places->root);
    disk_free(disk);
}

static void record_scenario(const struct scenario *scenario, struct places *places, uint64_t seed) {
    char data[5000];
    struct random random;
    random_seed(&random, seed);
    cr_assert_eq(mkdir(places->root, 0700), 0);
    snprintf(data, sizeof data, "%s/data", places->root);
    if (scenario->prepare) scenario->prepare(data);
    if (scenario->before) {
        disk_record_base(places->record, places->root);
        record_run(places, scenario->before->name, 0, 0);
        begin_after_cut(places, &random);
    }
    places->base_count = disk_record_base(places->record, places->root);
    for (unsigned i = 0; i < scenario->kills; i++) {
        // The first ones while the directory and the journal are created.
        uint64_t operations = i == 0 ? 3 : i < scenario->kills / 4 ? 25 : 60;
        record_run(places, scenario->name, 1 + random_below(&random, operations), 0);
    }
    record_run(places, scenario->name, 0, scenario->failing_page);
}

// --- one cut -------------------------------------------------------------------------------------

struct trial {
    const struct scenario *scenario;
    const struct ledger *ledger;
    const char *dir;
    uint64_t seed;
    char *why;
    size_t why_size;
};

static bool wrong(const struct trial *trial, const char *what, const char *more) {
    snprintf(trial->why, trial->why_size, "%s%s%s", what, more[0] ? ": " : "", more);
    return false;
}

static struct journal *open_cut(const struct trial *trial, const struct journal_config *config) {
    struct journal_config own = *config;
    struct journal *journal = NULL;
    struct report report = {0};
    own.dir = trial->dir;
    own.sync = false;
    // Whatever the map was, there is room for what follows.
    own.map_bytes = (uint64_t)1 << 30;
    if (journal_open(&journal, &own, &report)) wrong(trial, "it cannot be opened", report.text);
    return journal;
}

// Clients keep their places, unless another journal's data were put in.
static bool keeps_epoch(const struct trial *trial, struct journal *journal) {
    struct str epoch = str_from(journal_epoch(journal));
    const struct ledger *ledger = trial->ledger;
    bool restored = journal_was_restored(journal);
    if (ledger->certain.epoch.len == 0 && trial->scenario->start == START_COPY)
        return restored || str_equal(epoch, ledger->first_epoch) ||
               wrong(trial, "a copy was taken for the journal", journal_epoch(journal));
    if (restored) return wrong(trial, "it was taken for a copy", journal_epoch(journal));
    struct str wanted = ledger->certain.epoch;
    if (wanted.len == 0 && trial->scenario->start == START_SAME) wanted = ledger->first_epoch;
    return wanted.len == 0 || str_equal(epoch, wanted) ||
           wrong(trial, "it has another epoch", journal_epoch(journal));
}

static const struct ledger_state *agreeing(const struct trial *trial, struct journal *journal) {
    const struct ledger *ledger = trial->ledger;
    char first[300], second[300], both[700];
    if (ledger_agrees(&ledger->certain, journal, first, sizeof first)) return &ledger->certain;
    if (ledger_agrees(&ledger->possible, journal, second, sizeof second)) return &ledger->possible;
    snprintf(both, sizeof both, "%s (with the commit that was under way: %s)", first, second);
    wrong(trial, "it is not what was shown", both);
    return NULL;
}

// Each `step`th event with a key that may be used.
static bool keys_are_known(const struct trial *trial, struct journal *journal,
                           const struct ledger_state *state) {
    struct random random;
    random_seed(&random, trial->seed);
    for (size_t i = random_below(&random, 40); i < state->count;
         i += 1 + random_below(&random, 2 + state->count / 8)) {
        const struct ledger_note *note = state->events[i];
        const struct ledger_row *row = &state->rows[note->topic_no];
        struct publish publish;
        if (!ledger_is_live(state, note) || row->closed || note->key_len == 0) continue;
        if (note->flags & EVENT_WIRE_ID) continue;
        int err = scenario_publish(journal, &publish, row->name, ledger_key(note), 0);
        if (err || publish.duplicates != 1 || publish.first != note->seq)
            return wrong(trial, "a key is not known", err ? err_text(err) : "");
    }
    return true;
}

static bool ids_are_known(const struct trial *trial, struct journal *journal,
                          const struct ledger_state *state) {
    struct store_reader *reader;
    bool known = true;
    if (journal_reader_open(journal, &reader)) return wrong(trial, "no reader", "");
    if (store_reader_begin(reader) == 0) {
        for (size_t i = 0; i < state->count && known; i++) {
            const struct ledger_note *note = state->events[i];
            uint64_t seq;
            if (!(note->flags & EVENT_WIRE_ID) || !ledger_is_live(state, note)) continue;
            known = journal_seq_of_id(reader, ledger_key(note), &seq) == 0 && seq == note->seq;
        }
        store_reader_end(reader);
    }
    store_reader_close(reader);
    return known || wrong(trial, "an id is not known", "");
}

static bool finished_stay_finished(const struct trial *trial, struct journal *journal,
                                   const struct ledger_state *state) {
    struct publish publish;
    for (size_t i = 0; i < state->rows_count; i++)
        if (state->rows[i].exists && state->rows[i].closed)
            return scenario_publish(journal, &publish, state->rows[i].name, STR(""), 0) ==
                       ERR_CLOSED ||
                   wrong(trial, "a finished topic goes on", "");
    return true;
}

// The next seq is above all that anybody was shown. *seq is that event's.
static bool goes_on(const struct trial *trial, struct journal *journal, uint64_t *seq) {
    struct publish publish;
    struct journal_stats stats;
    int err = scenario_publish(journal, &publish, STR("after/the/cut"), STR(""), 0);
    if (err) return wrong(trial, "it does not go on", err_text(err));
    *seq = publish.first;
    journal_stats(journal, &stats);
    if (stats.failed) return wrong(trial, "it does not go on", stats.failure);
    return publish.first > trial->ledger->certain.last_seq ||
           wrong(trial, "a seq was given out again", "");
}

static bool is_stored(const struct trial *trial, struct journal *journal, uint64_t seq) {
    struct store_reader *reader;
    struct record record;
    if (journal_reader_open(journal, &reader)) return wrong(trial, "no reader", "");
    int err = store_reader_begin(reader);
    if (!err) err = store_reader_read(reader, seq, &record);
    if (!err) store_reader_end(reader);
    store_reader_close(reader);
    return !err || wrong(trial, "an event after the cut is gone", err_text(err));
}

static void say(void *context, const char *text) {
    const struct trial *trial = context;
    if (!trial->why[0]) wrong(trial, "damage", text);
}

static bool is_whole(const struct trial *trial) {
    struct audit audit = {.say = say, .context = (void *)trial};
    struct report report = {0};
    int err = audit_check(&audit, trial->dir, &report);
    if (err && !trial->why[0]) wrong(trial, "the check fails", report.text);
    return !err;
}

static bool survives_use(const struct trial *trial, struct journal *journal,
                         const struct ledger_state *state, uint64_t *seq) {
    if (journal_start(journal, (struct journal_listener){0}, &(struct report){0}))
        return wrong(trial, "it does not start", "");
    return keys_are_known(trial, journal, state) && ids_are_known(trial, journal, state) &&
           finished_stay_finished(trial, journal, state) && goes_on(trial, journal, seq);
}

// Opens the files of a cut as they are, without retention; uses the journal; opens it again, as it
// was used before.
static bool survives(const struct trial *trial) {
    struct journal_config config = trial->scenario->config;
    char epoch[32];
    uint64_t seq = 0, next;
    config.policy = (struct journal_policy){0};
    config.topics_max = 100000;
    struct journal *journal = open_cut(trial, &config);
    if (!journal) return false;
    const struct ledger_state *state = agreeing(trial, journal);
    bool good = keeps_epoch(trial, journal) && state && survives_use(trial, journal, state, &seq);
    snprintf(epoch, sizeof epoch, "%s", journal_epoch(journal));
    journal_close(journal);
    if (!good || !is_whole(trial)) return false;
    journal = open_cut(trial, &trial->scenario->config);
    if (!journal) return false;
    good = is_stored(trial, journal, seq);
    if (good && (journal_was_restored(journal) || strcmp(epoch, journal_epoch(journal)) != 0))
        good = wrong(trial, "it has another epoch when it is opened again", epoch);
    if (good && journal_start(journal, (struct journal_listener){0}, &(struct report){0}))
        good = wrong(trial, "it does not start again", "");
    if (good) good = goes_on(trial, journal, &next);
    journal_close(journal);
    return good && is_whole(trial);
}

// In a process of its own, because a damaged file may end it. 0: survived; the number of the signal
// that ended it, or -1.
static int try_cut(const struct trial *trial, bool quiet) {
    enum { SECONDS_MAX = 60 };
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS_MAX);
        if (quiet) (void)!freopen("/dev/null", "w", stderr);
        _exit(survives(trial) ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        snprintf(trial->why, trial->why_size, "ended by signal %d", WTERMSIG(status));
        return WTERMSIG(status);
    }
    return WEXITSTATUS(status) ? -1 : 0;
}

// --- many cuts -----------------------------------------------------------------------------------

struct tally {
    size_t cuts, lost, crashed;
};

static uint64_t number_from(const char *variable, uint64_t otherwise) {
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

// The cut failed: keeps what is needed to try it again.
static void keep(const struct trial *trial, const struct disk *disk, const struct places *places,
                 size_t moment) {
    char kept[64], command[9000];
    strcpy(kept, "/tmp/tailrace-power-loss-XXXXXX");
    cr_assert(mkdtemp(kept));
    snprintf(command, sizeof command, "cp %s %s/record", places->record, kept);
    cr_assert_eq(system(command), 0);
    snprintf(command, sizeof command, "%s/image", kept);
    disk_cut(disk, trial->seed, command);
    cr_assert_fail("%s: a cut at moment %zu of %zu, seed %" PRIu64 ": %s; again with "
                   "TAILRACE_POWER_LOSS_REPLAY=%s/record:%zu:%" PRIu64,
                   trial->scenario->name, moment, disk->count, trial->seed, trial->why, kept,
                   moment, trial->seed);
}

static void cut_at(struct disk *disk, struct ledger *ledger, struct trial *trial,
                   const struct places *places, size_t moment, struct tally *tally) {
    disk_advance(disk, moment);
    ledger_advance(ledger, moment);
    trial->why[0] = '\0';
    disk_cut(disk, trial->seed, places->image);
    int how = try_cut(trial, tally != NULL);
    disk_remove(places->image);
    if (how && !tally) keep(trial, disk, places, moment);
    if (!tally) return;
    tally->cuts++;
    tally->lost += how != 0;
    tally->crashed += how > 0;
}

// The entries from `first` on that are operations, and the end.
static size_t *find_operations(const struct disk *disk, size_t first, size_t *count) {
    size_t *found = calloc(disk->count + 1, sizeof *found);
    cr_assert(found);
    *count = 0;
    for (size_t i = first; i < disk->count; i++)
        if (disk->entries[i].kind != POWERLOSS_NOTE) found[(*count)++] = i;
    found[*count] = disk->count;
    return found;
}

// `tally` NULL: the first cut that loses anything fails the test.
static void cut_often(const struct scenario *scenario, const struct places *places, uint64_t seed,
                      bool ignore_syncs, struct tally *tally) {
    struct disk *disk = disk_load(places->record);
    struct ledger *ledger = ledger_new(disk, scenario->start != START_EMPTY);
    struct random random;
    size_t before = 0;
    char dir[5000];
    char *why = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(why != MAP_FAILED);
    snprintf(dir, sizeof dir, "%s/data", places->image);
    struct trial trial = {
        .scenario = scenario, .ledger = ledger, .dir = dir, .why = why, .why_size = 4096};
    random_seed(&random, seed);
    if (ignore_syncs) disk_ignore_syncs(disk);
    size_t images = number_from("TAILRACE_POWER_LOSS_IMAGES", IMAGES);
    if (scenario->percent) images = images * scenario->percent / 100;
    size_t count, *operations = find_operations(disk, places->base_count, &count);
    for (size_t i = 0; i < images; i++) {
        // From each part of the recording an operation: at once after it, or when all that it led
        // to was told.
        size_t from = count * i / images, to = count * (i + 1) / images;
        size_t at = from + random_below(&random, to > from ? to - from : 1);
        size_t moment = random_below(&random, 2) ? operations[at] + 1 : operations[at + 1];
        if (scenario->failing_page) moment = ledger_told(ledger, moment);
        if (moment < before) moment = before;
        before = moment;
        trial.seed = random_next(&random) >> 1;
        cut_at(disk, ledger, &trial, places, moment, tally);
    }
    free(operations);
    munmap(why, 4096);
    ledger_free(ledger);
    disk_free(disk);
}

// One cut of a recording that was kept.
static bool replay(const struct scenario *scenario, struct places *places) {
    const char *setting = getenv("TAILRACE_POWER_LOSS_REPLAY");
    if (!setting) return false;
    size_t moment;
    char why[4096], dir[5000];
    struct trial trial = {.scenario = scenario, .dir = dir, .why = why, .why_size = sizeof why};
    cr_assert_eq(sscanf(setting, "%4095[^:]:%zu:%" SCNu64, places->record, &moment, &trial.seed),
                 3);
    snprintf(dir, sizeof dir, "%s/data", places->image);
    struct disk *disk = disk_load(places->record);
    struct ledger *ledger = ledger_new(disk, scenario->start != START_EMPTY);
    trial.ledger = ledger;
    disk_advance(disk, moment);
    ledger_advance(ledger, moment);
    why[0] = '\0';
    disk_cut(disk, trial.seed, places->image);
    bool good = survives(&trial);
    ledger_free(ledger);
    disk_free(disk);
    cr_assert(good, "%s", why);
    return true;
}

// The recording says of every file what is really in it, so no write was missed. Of what is written
// through a mapping nothing would be seen: nothing is, but LMDB's table of readers.
static void expect_all_seen(const struct places *places) {
    char why[5000];
    struct disk *disk = disk_load(places->record);
    disk_advance(disk, disk->count);
    cr_assert_not(disk_differs(disk, places->root, "lock.mdb", why, sizeof why), "%s", why);
    disk_free(disk);
}

// What was tried again with its key after a kill is there once, and all of it.
static void expect_each_key_once(const struct scenario *scenario, const struct places *places) {
    struct disk *disk = disk_load(places->record);
    struct ledger *ledger = ledger_new(disk, scenario->start != START_EMPTY);
    ledger_advance(ledger, disk->count);
    const struct ledger_state *state = &ledger->certain;
    cr_assert_gt(state->count, 0);
    for (size_t i = 0; i < state->count; i++) {
        char key[32];
        snprintf(key, sizeof key, "order %zu", i);
        cr_assert(str_equal(ledger_key(state->events[i]), str_from(key)), "%s", key);
    }
    ledger_free(ledger);
    disk_free(disk);
}

static void expect_nothing_lost(const struct scenario *scenario) {
    struct places places;
    uint64_t seed = number_from("TAILRACE_POWER_LOSS_SEED", 1);
    find_places(&places);
    if (replay(scenario, &places)) return;
    record_scenario(scenario, &places, seed);
    expect_all_seen(&places);
    if (scenario->kills) expect_each_key_once(scenario, &places);
    cut_often(scenario, &places, seed, false, NULL);
}

#define SCENARIO(name)                                                                             \
    Test(power_recorded, name) { run(&scenario_##name); }                                          \
    Test(power_loss, name) { expect_nothing_lost(&scenario_##name); }

SCENARIO(creation)
SCENARIO(commits)
SCENARIO(crowd)
SCENARIO(checkpoint)
SCENARIO(trimming)
SCENARIO(growth)
SCENARIO(room)
SCENARIO(migration)
SCENARIO(copy)
SCENARIO(kills)
SCENARIO(failure)
SCENARIO(again)

// --- that this can fail --------------------------------------------------------------------------

static void expect_losses(bool ignore_syncs) {
    struct places places;
    struct tally tally = {0};
    uint64_t seed = number_from("TAILRACE_POWER_LOSS_SEED", 1);
    find_places(&places);
    record_scenario(&scenario_commits, &places, seed);
    cut_often(&scenario_commits, &places, seed, ignore_syncs, &tally);
    cr_assert_gt(tally.lost, tally.cuts / 4, "%zu of %zu", tally.lost, tally.cuts);
    cr_assert_eq(tally.crashed, 0, "a damaged file ended the process");
}

Test(power_loss, a_disk_that_ignores_syncs_is_found_out) { expect_losses(true); }

Test(power_loss, a_journal_that_does_not_sync_is_found_out) {
    setenv("TAILRACE_POWERLOSS_UNSYNCED", "1", 1);
    expect_losses(false);
}

// --- that writes are seen ------------------------------------------------------------------------

static bool is_of_data(const struct disk_entry *entry) {
    return str_equal(entry->name, STR("data/data.mdb"));
}

// A commit as LMDB makes it: pages, a sync of them, the last page with O_DSYNC.
Test(power_loss, sees_what_lmdb_writes) {
    struct places places;
    find_places(&places);
    record_scenario(&scenario_creation, &places, 1);
    struct disk *disk = disk_load(places.record);
    size_t commits = 0;
    enum { NOTHING, PAGES, SYNCED, LAST_PAGE } seen = NOTHING;
    for (size_t i = 0; i < disk->count; i++) {
        const struct disk_entry *entry = &disk->entries[i];
        if (!is_of_data(entry)) continue;
        cr_assert_neq(entry->kind, POWERLOSS_MAP);
        switch (entry->kind) {
            case POWERLOSS_WRITE:
                cr_assert(seen == NOTHING || seen == PAGES);
                seen = PAGES;
                break;
            case POWERLOSS_SYNC:
                if (seen == PAGES) seen = SYNCED;
                break;
            case POWERLOSS_WRITE_SYNCED:
                cr_assert_eq(seen, SYNCED);
                cr_assert_lt(entry->at, 8192);
                seen = LAST_PAGE;
                break;
            case POWERLOSS_RETURNED:
                cr_assert_eq(seen, LAST_PAGE);
                seen = NOTHING;
                commits++;
                break;
            default: break;
        }
    }
    cr_assert_geq(commits, 2 + 2 * 3, "creation; two events and a checkpoint, twice");
    disk_free(disk);
}

// What the disk may hold is all that the rules of disk.h allow, and nothing else.
Test(power_recorded, files) {
    const char *setting = getenv("TAILRACE_POWERLOSS");
    if (!setting) cr_skip_test("is run by power_loss");
    char text[1024];
    cr_assert_eq(chdir(strchr(setting, ':') + 1), 0);
    int dir = open(".", O_RDONLY | O_DIRECTORY), a = open("a", O_RDWR | O_CREAT, 0600);
    memset(text, 'a', sizeof text);
    cr_assert_eq(write(a, text, sizeof text), sizeof text);
    cr_assert_eq(fsync(a), 0);
    cr_assert_eq(fsync(dir), 0);
    memset(text, 'b', sizeof text);
    cr_assert_eq(pwrite(a, text, sizeof text, 0), sizeof text);
    cr_assert_eq(rename("a", "b"), 0);
    cr_assert_eq(ftruncate(a, 600), 0);
    int c = open("c", O_RDWR | O_CREAT | O_DSYNC, 0600);
    cr_assert_eq(write(c, "whole", 5), 5);
    cr_assert_eq(close(open("d", O_WRONLY | O_CREAT, 0600)), 0);
    cr_assert_eq(unlink("d"), 0);
}

static size_t load(const char *dir, const char *name, char text[2048]) {
    char path[5000];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, text, 2048);
    if (fd >= 0) close(fd);
    return (size_t)got;
}

static bool is_all(const char *text, size_t len, char of) {
    for (size_t i = 0; i < len; i++)
        if (text[i] != of) return false;
    return true;
}

Test(power_loss, takes_what_was_not_synced_and_nothing_else) {
    struct places places;
    const size_t missing = (size_t)-1;
    unsigned renamed = 0, kept = 0, cut = 0, new = 0, torn = 0, created = 0;
    char why[5000], text[2048];
    find_places(&places);
    cr_assert_eq(mkdir(places.root, 0700), 0);
    disk_record_base(places.record, places.root);
    record_run(&places, "files", 0, 0);
    struct disk *disk = disk_load(places.record);
    disk_advance(disk, disk->count);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        disk_cut(disk, seed, places.image);
        size_t a = load(places.image, "a", text), b = load(places.image, "b", text);
        cr_assert_neq(a == missing, b == missing);
        size_t len = a == missing ? b : a;
        (void)!load(places.image, a == missing ? "b" : "a", text);
        cr_assert(len == 600 || len == 1024);
        bool first = is_all(text, 512, 'b'), second = is_all(text + 512, len - 512, 'b');
        cr_assert(first || is_all(text, 512, 'a'));
        cr_assert(second || is_all(text + 512, len - 512, 'a'));
        *(a == missing ? &renamed : &kept) += 1;
        cut += len == 600;
        new += first &&second;
        torn += first != second;
        size_t c = load(places.image, "c", text);
        cr_assert(c == missing || (c == 5 && memcmp(text, "whole", 5) == 0));
        created += c == 5;
        disk_remove(places.image);
    }
    cr_assert(renamed > 30 && kept > 30 && cut > 30 && new > 30 && torn > 30 && created > 30);
    cr_assert_not(disk_differs(disk, places.root, "", why, sizeof why), "%s", why);
    disk_free(disk);
}

// A write that is not recorded is noticed.
Test(power_loss, misses_nothing) {
    struct places places;
    char why[5000], path[5000];
    find_places(&places);
    cr_assert_eq(mkdir(places.root, 0700), 0);
    disk_record_base(places.record, places.root);
    record_run(&places, "files", 0, 0);
    snprintf(path, sizeof path, "%s/b", places.root);
    int fd = open(path, O_WRONLY);
    cr_assert_eq(pwrite(fd, "x", 1, 300), 1);
    close(fd);
    struct disk *disk = disk_load(places.record);
    disk_advance(disk, disk->count);
    cr_assert(disk_differs(disk, places.root, "", why, sizeof why));
    cr_assert(strstr(why, "they differ at 300"), "%s", why);
    disk_free(disk);
}
