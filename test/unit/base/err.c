// SPDX-License-Identifier: MIT
// Error texts and reports: filling, errno, cutting.
#include "base/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/utf8.h"

Test(err, every_code_has_its_own_text) {
    cr_assert_str_eq(err_text(ERR_NOMEM), "out of memory");
    cr_assert_str_eq(err_text(ERR_SYSTEM), "system call failed");
    cr_assert_str_eq(err_text(0), "unknown error");
    cr_assert_str_eq(err_text(-1000), "unknown error");
    for (int a = ERR_SYSTEM; a < 0; a++) {
        for (int b = ERR_SYSTEM; b < a; b++) cr_assert_str_neq(err_text(a), err_text(b));
    }
}

Test(err, a_report_carries_code_and_text) {
    struct report report = {.line = 7};
    cr_assert_eq(report_set(&report, ERR_INVALID, "key %d: %s", 3, "bad"), ERR_INVALID);
    cr_assert_eq(report.err, ERR_INVALID);
    cr_assert_str_eq(report.text, "key 3: bad");
    cr_assert_eq(report.line, 7, "the place is the caller's");
    cr_assert_eq(report_set(NULL, ERR_IO, "%s", "nobody listens"), ERR_IO);
}

Test(err, report_errno_appends_the_systems_text) {
    struct report report = {0};
    errno = ENOENT;
    cr_assert_eq(report_errno(&report, ERR_NOT_FOUND, "cannot open %s", "x"), ERR_NOT_FOUND);
    cr_assert_str_eq(report.text, "cannot open x: No such file or directory");
    errno = EACCES;
    cr_assert_eq(report_errno(NULL, ERR_DENIED, "x"), ERR_DENIED);
}

Test(err, long_texts_are_cut_between_characters) {
    for (int shift = 0; shift < 4; shift++) {
        char text[2048] = "";
        memset(text, 'a', (size_t)shift);
        for (size_t at = (size_t)shift; at + 3 < 1500; at += 3) memcpy(text + at, "\u20ac", 4);
        struct report report = {0};
        cr_assert_eq(report_set(&report, ERR_INVALID, "%s", text), ERR_INVALID);
        size_t len = strlen(report.text);
        cr_assert(len < sizeof report.text && len > sizeof report.text - 5);
        cr_assert(utf8_valid(str_from(report.text)), "cut after %d", shift);
        errno = ENOENT;
        text[sizeof report.text - 10] = '\0';
        cr_assert_eq(report_errno(&report, ERR_IO, "%s", text), ERR_IO);
        cr_assert_lt(strlen(report.text), sizeof report.text);
    }
}

Test(err, a_failed_assertion_stops_the_process, .signal = SIGABRT) { ASSERT(errno == -1); }
