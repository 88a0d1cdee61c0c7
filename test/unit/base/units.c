// SPDX-License-Identifier: MIT
// Durations, sizes and times: reading and writing them.
#include "base/units.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

Test(units, durations) {
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0", 0},
                {"500ms", 500},
                {"15s", 15000},
                {"2m", 120000},
                {"2h", 7200000},
                {"7d", 604800000},
                {"1w", 604800000},
                {"1h30m", 5400000},
                {"0s", 0},
                {"1m500ms", 60500},
                {"36500d", 36500ull * 86400000}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t ms = 1;
        cr_assert_eq(units_parse_duration(str_from(good[i].text), &ms), 0, "%s", good[i].text);
        cr_assert_eq(ms, good[i].ms, "%s", good[i].text);
    }
    const char *bad[] = {"",
                         "15",
                         "s",
                         "1 s",
                         " 1s",
                         "1s ",
                         "-1s",
                         "1.5s",
                         "1S",
                         "1y",
                         "1hh",
                         "1h30",
                         "00",
                         "36501d",
                         "36500d1ms",
                         "99999999999999999999s",
                         "18446744073709551615w"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ms = 7;
        cr_assert_eq(units_parse_duration(str_from(bad[i]), &ms), ERR_INVALID, "%s", bad[i]);
        cr_assert_eq(ms, 7);
    }
}

Test(units, sizes) {
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},           {"4096", 4096},      {"64KB", 65536},
                {"10MB", 10 << 20}, {"2GB", 2ull << 30}, {"1TB", 1ull << 40},
                {"1K", 1024},       {"1KiB", 1024},      {"1kb", 1024},
                {"5B", 5},          {"3m", 3 << 20}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t bytes = 1;
        cr_assert_eq(units_parse_size(str_from(good[i].text), &bytes), 0, "%s", good[i].text);
        cr_assert_eq(bytes, good[i].bytes, "%s", good[i].text);
    }
    const char *bad[] = {"", "KB", "1 KB", "1.5MB", "-1", "1XB", "1KBB", "9000000TB", "1K1K"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t bytes;
        cr_assert_eq(units_parse_size(str_from(bad[i]), &bytes), ERR_INVALID, "%s", bad[i]);
    }
}

Test(units, times) {
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"1970-01-01T00:00:00Z", 0},
                {"2026-11-22T10:00:00Z", 1795341600000},
                {"2026-11-22T12:00:00.250+02:00", 1795341600250},
                {"2026-11-22 09:30:00-00:30", 1795341600000},
                {"2026-11-22t10:00:00z", 1795341600000},
                {"2024-02-29T23:59:59.9Z", 1709251199900},
                {"2000-03-01T00:00:00.123456789Z", 951868800123},
                {"2016-12-31T23:59:60Z", 1483228800000},
                {"1970-01-01T01:00:00+01:00", 0}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t ms = 1;
        cr_assert_eq(units_parse_time(str_from(good[i].text), &ms), 0, "%s", good[i].text);
        cr_assert_eq(ms, good[i].ms, "%s: %llu", good[i].text, (unsigned long long)ms);
    }
    const char *bad[] = {"",
                         "2026",
                         "2026-11-22",
                         "2026-11-22T10:00:00",
                         "2026-11-22T10:00Z",
                         "2026-13-01T00:00:00Z",
                         "2026-00-01T00:00:00Z",
                         "2026-02-29T00:00:00Z",
                         "2100-02-29T00:00:00Z",
                         "2026-04-31T00:00:00Z",
                         "2026-11-22T24:00:00Z",
                         "2026-11-22T10:60:00Z",
                         "2026-11-22T10:00:61Z",
                         "2026-11-22T10:00:00.Z",
                         "2026-11-22T10:00:00+0200",
                         "2026-11-22T10:00:00+24:00",
                         "2026-11-22T10:00:00 02:00",
                         "2026-11-22T10:00:00ZZ",
                         "2026/11/22T10:00:00Z",
                         "1969-12-31T23:59:59Z",
                         "1970-01-01T00:00:00+00:01",
                         "x026-11-22T10:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ms;
        cr_assert_eq(units_parse_time(str_from(bad[i]), &ms), ERR_INVALID, "%s", bad[i]);
    }
}

Test(units, no_prefix_of_a_time_reads_beyond_it) {
    struct str whole = STR("2026-11-22T12:00:00.250+02:00");
    for (size_t len = 0; len < whole.len; len++) {
        // On the heap, so that a sanitizer notices reads beyond the end.
        char *text = malloc(len ? len : 1);
        memcpy(text, whole.ptr, len);
        uint64_t ms;
        cr_assert_eq(units_parse_time((struct str){text, len}, &ms), ERR_INVALID);
        free(text);
    }
}

Test(units, what_is_formatted_parses_back) {
    uint64_t value = 1;
    for (int i = 0; i < 2000; i++) {
        char text[32];
        uint64_t back, ms = value % 3153600000000ull;
        cr_assert_eq(units_parse_duration(str_from(units_format_duration(ms, text)), &back), 0);
        cr_assert_eq(back, ms, "%s", text);
        uint64_t bytes = value >> (value % 50);
        cr_assert_eq(units_parse_size(str_from(units_format_size(bytes, text)), &back), 0, "%s",
                     text);
        cr_assert_eq(back, bytes, "%s", text);
        uint64_t time = value % 253402300800000ull;
        cr_assert_eq(units_parse_time(str_from(units_format_time(time, text)), &back), 0);
        cr_assert_eq(back, time, "%s", text);
        time_t seconds = (time_t)(time / 1000);
        struct tm tm;
        char expected[32];
        gmtime_r(&seconds, &tm);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &tm);
        cr_assert(str_starts(str_from(text), str_from(expected)), "%s %s", text, expected);
        cr_assert_eq(strlen(text), 24);
        value = value * 6364136223846793005ull + 1442695040888963407ull;
    }
    char text[32];
    cr_assert_str_eq(units_format_duration(90000, text), "90s");
    cr_assert_str_eq(units_format_duration(30ull * 86400000, text), "30d");
    cr_assert_str_eq(units_format_duration(0, text), "0");
    cr_assert_str_eq(units_format_size(1 << 30, text), "1GB");
    cr_assert_str_eq(units_format_size(1000, text), "1000");
    cr_assert_str_eq(units_format_size(0, text), "0");
}
