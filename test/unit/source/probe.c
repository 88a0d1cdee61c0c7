// SPDX-License-Identifier: MIT
// Which files are text.
#include "source/probe.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

static const char *probe_at(uint64_t at, struct str bytes) {
    char path[] = "/tmp/tailrace-probe-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
    cr_assert_eq(pwrite(fd, bytes.ptr, bytes.len, (off_t)at), (ssize_t)bytes.len);
    const char *what = probe_content(fd);
    close(fd);
    return what;
}

static const char *probe(struct str bytes) { return probe_at(0, bytes); }

Test(probe, compressed_files_are_told_by_their_magic) {
    cr_assert_str_eq(probe(STR("\x1F\x8B\x08\0\0\0\0\0\0\3x")), "compressed (gzip)");
    cr_assert_str_eq(probe(STR("\xFD"
                               "7zXZ\0\0\4")),
                     "compressed (xz)");
    cr_assert_str_eq(probe(STR("\x28\xB5\x2F\xFDxx")), "compressed (zstd)");
    cr_assert_str_eq(probe(STR("BZh91AY&SYxx")), "compressed (bzip2)");
    cr_assert_str_eq(probe(STR("PK\3\4xx")), "an archive (zip)");
    cr_assert(probe(STR("LPKSHHRH\0\0")));
}

Test(probe, text_of_all_kinds_is_text) {
    cr_assert_null(probe(STR("")));
    cr_assert_null(probe(STR("plain\n")));
    cr_assert_null(probe(STR("BZh9 is how bzip2 begins\nPK too\n")));
    cr_assert_null(probe(STR("\x1B[31mred\x1B[0m\r\n\a\b")));
    cr_assert_null(
        probe(STR("8=FIX.4.2\0019=65\00135=A\00149=S\00156=T\00134=1\00152=2\00110=3\001\n")));
    cr_assert_null(probe(STR("a=1\0b=2\0c=3\0d=4\0e=5\0f=6\0\n")));
    cr_assert_null(probe(STR("caf\xE9 \xFF\xFE\x80\n")));
    cr_assert_null(probe(STR("\xFF\xFEh\0i\0\n\0\1\0\2\0\3\0\4\0\5\0")));
    cr_assert_null(probe_at(100000, STR("behind a hole\n")));
    // Rubbish behind a line of text.
    char mixed[4096] = "caf\u00e9\n";
    for (size_t i = 6; i < sizeof mixed; i++) mixed[i] = (char)(i * 7919 % 251);
    cr_assert_null(probe((struct str){mixed, sizeof mixed}));
    cr_assert(probe((struct str){mixed + 6, sizeof mixed - 6}));
}

Test(probe, records_of_numbers_are_no_text) {
    // Two records as wtmp has them.
    char records[768] = {0};
    for (int i = 0; i < 2; i++) {
        char *record = records + 384 * i;
        record[0] = 7;
        record[4] = (char)(0x11 + i);
        record[5] = 3;
        strcpy(record + 8, "pts/0");
        strcpy(record + 40, "ts/0");
        strcpy(record + 44, "root");
        strcpy(record + 76, "192.0.2.1");
        memcpy(record + 340, "\x12\x34\x56\x67\x01\x02", 6);
    }
    cr_assert_str_eq(probe((struct str){records, sizeof records}), "binary data");
    cr_assert_str_eq(probe_at(1 << 20, (struct str){records, sizeof records}), "binary data");
}
