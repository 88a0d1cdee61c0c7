// SPDX-License-Identifier: MIT
// inotify: which watch gets which event, and what happens when the kernel's queue overflows.
#include "source/watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/container.h"

// A queue longer than any default takes too long to fill.
#define QUEUE_MAX 1000000

static struct loop *loop;
static struct watcher watcher;
static char dir[] = "/tmp/tailrace-watch-XXXXXX";

struct told {
    struct watch watch;
    unsigned times;
    uint32_t mask;
    bool stops;
};

static unsigned overflows;

static void overflow(struct watcher *lost) {
    cr_assert_eq(lost, &watcher);
    overflows++;
    loop_stop(loop);
}

static void changed(struct watch *watch, uint32_t mask) {
    struct told *told = container_of(watch, struct told, watch);
    told->times++;
    told->mask |= mask;
    if (told->stops) loop_stop(loop);
}

static void setup(void) {
    struct report report = {0};
    cr_assert_eq(loop_new(&loop, NULL, &report), 0, "%s", report.text);
    watch_init(&watcher, loop, overflow);
    cr_assert(watcher.io.fd >= 0);
    cr_assert(mkdtemp(dir));
}

static void teardown(void) {
    watch_fini(&watcher);
    loop_free(loop);
    cr_assert_eq(rmdir(dir), 0);
}

TestSuite(watch, .init = setup, .fini = teardown, .timeout = 240);

// Makes two events. The kernel would merge an event with an equal one before it.
static void make_and_remove(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(rmdir(path), 0);
}

static unsigned long queue_size(void) {
    unsigned long size = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    cr_assert(file && fscanf(file, "%lu", &size) == 1);
    fclose(file);
    return size;
}

Test(watch, all_who_watch_a_directory_are_told_until_they_do_not_care) {
    struct told one = {.watch.changed = changed}, two = {.watch.changed = changed, .stops = true};
    watch_add_dir(&watcher, &two.watch, dir);
    watch_add_dir(&watcher, &one.watch, dir);
    make_and_remove("a");
    loop_run(loop, NULL);
    cr_assert_eq(one.mask & (IN_CREATE | IN_DELETE), IN_CREATE | IN_DELETE);
    cr_assert_eq(two.mask, one.mask);
    watch_remove(&watcher, &one.watch);
    one.times = 0;
    make_and_remove("b");
    loop_run(loop, NULL);
    cr_assert_eq(one.times, 0);
    watch_remove(&watcher, &two.watch);
}

Test(watch, a_queue_that_ran_over_is_told_and_watching_goes_on) {
    struct told told = {.watch.changed = changed};
    unsigned long size = queue_size();
    if (size > QUEUE_MAX) cr_skip_test("fs.inotify.max_queued_events is %lu", size);
    watch_add_dir(&watcher, &told.watch, dir);
    for (unsigned long i = 0; i <= size / 2; i++) make_and_remove("a");
    loop_run(loop, NULL);
    cr_assert_eq(overflows, 1);
    cr_assert_eq(told.times, size, "the events that were queued before are reported");
    told.mask = 0;
    told.stops = true;
    make_and_remove("b");
    loop_run(loop, NULL);
    cr_assert_eq(told.mask & (IN_CREATE | IN_DELETE), IN_CREATE | IN_DELETE);
    watch_remove(&watcher, &told.watch);
}
