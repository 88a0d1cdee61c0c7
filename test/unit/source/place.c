// SPDX-License-Identifier: MIT
// Opening paths in which other people may put links.
#include "source/place.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "/tmp/tailrace-place-XXXXXX";

static const char *at(const char *name) {
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 256, "%s/%s", base, name);
    return path;
}

static void setup(void) {
    cr_assert_not_null(mkdtemp(base));
    cr_assert_eq(mkdir(at("a"), 0755), 0);
    cr_assert_eq(mkdir(at("a/b"), 0755), 0);
    close(open(at("a/b/file"), O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(symlink("a", at("link")), 0);
    cr_assert_eq(symlink("b", at("a/inner")), 0);
    cr_assert_eq(symlink("file", at("a/b/last")), 0);
}

static void teardown(void) {
    unlink(at("a/b/last"));
    unlink(at("a/b/file"));
    unlink(at("a/inner"));
    unlink(at("link"));
    rmdir(at("a/b"));
    rmdir(at("a"));
    rmdir(base);
}

TestSuite(place, .init = setup, .fini = teardown);

// `error` 0: it can be opened.
static void expect(const char *name, size_t trusted, int flags, int error) {
    int (*const ways[])(const char *path, size_t trusted, int flags) = {place_open, place_walk};
    for (size_t i = 0; i < 2; i++) {
        errno = 0;
        int fd = ways[i](at(name), trusted, flags);
        cr_assert_eq(fd >= 0 ? 0 : errno, error, "%s, way %zu: %d", name, i, errno);
        if (fd < 0) continue;
        cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
}

Test(place, links_are_followed_in_the_trusted_part_only) {
    size_t top = strlen(base), link = top + strlen("/link");
    expect("a/b/file", top, O_RDONLY, 0);
    expect("link/b/file", link, O_RDONLY, 0);
    expect("link/b/file", top, O_RDONLY, ELOOP);
    expect("a/inner/file", top, O_RDONLY, ELOOP);
    expect("a/b/last", top, O_RDONLY, ELOOP);
    expect("a/b/none", top, O_RDONLY, ENOENT);
    expect("a/none/file", top, O_RDONLY, ENOENT);
    expect("a/b", top, O_RDONLY | O_DIRECTORY, 0);
    expect("a/inner", top, O_RDONLY | O_DIRECTORY, ENOTDIR);
}

Test(place, all_links_are_followed_when_all_is_trusted) {
    int fd = place_open(at("link/inner/last"), PLACE_ALL, O_RDONLY);
    cr_assert_geq(fd, 0);
    close(fd);
}

Test(place, the_root_may_be_the_trusted_part) {
    int fd = place_open("/dev", 1, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(fd, 0);
    close(fd);
}
