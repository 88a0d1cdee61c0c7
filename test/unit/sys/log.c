// SPDX-License-Identifier: MIT
// The log: both formats, levels, fields, long lines, many threads.
#include "sys/log.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/utf8.h"

// Standard error is a datagram socket: one write(2) is one read.
static int reader = -1, saved = -1;

static void capture(void) {
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    saved = dup(STDERR_FILENO);
    dup2(pair[1], STDERR_FILENO);
    close(pair[1]);
    reader = pair[0];
}

static void release(void) {
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(reader);
}

TestSuite(log, .init = capture, .fini = release);

// The next line without its time; "" when there is none.
static const char *next_line(void) {
    static char line[100000];
    ssize_t got = recv(reader, line, sizeof line - 1, MSG_DONTWAIT);
    if (got <= 0) return "";
    line[got] = '\0';
    char *rest = strstr(line, "level");
    return rest ? rest : line;
}

Test(log, lines_are_logfmt) {
    log_write(LOG_ERROR, "cannot write", LOG_STR("path", STR("/var/log/a.log")),
              LOG_U64("bytes", 7), LOG_TEXT("why", "no space left"));
    cr_assert_str_eq(next_line(), "level=error msg=\"cannot write\" path=/var/log/a.log bytes=7 "
                                  "why=\"no space left\"\n");
    log_write(LOG_WARN, "plain");
    cr_assert_str_eq(next_line(), "level=warn msg=plain\n");
    log_write(LOG_WARN, "x", LOG_STR("a", STR("")), LOG_STR("b", STR("k=v")), LOG_U64("c", 0));
    cr_assert_str_eq(next_line(), "level=warn msg=x a=\"\" b=\"k=v\" c=0\n");
}

Test(log, lines_are_json) {
    log_configure(LOG_INFO, LOG_JSON);
    log_write(LOG_INFO, "a \"b\"", LOG_U64("n", UINT64_MAX), LOG_TEXT("t", "x\ny"));
    cr_assert_str_eq(next_line(),
                     "level\":\"info\",\"msg\":\"a \\\"b\\\"\",\"n\":18446744073709551615,"
                     "\"t\":\"x\\ny\"}\n");
}

Test(log, begins_with_the_time) {
    char line[200] = "";
    log_write(LOG_ERROR, "x");
    cr_assert_gt(recv(reader, line, sizeof line - 1, MSG_DONTWAIT), 0);
    cr_assert(str_starts(str_from(line), STR("time=20")), "%s", line);
    cr_assert_eq(line[29 - 1], 'Z', "%s", line);
}

Test(log, levels_below_the_configured_one_are_silent) {
    cr_assert(log_enabled(LOG_WARN) && !log_enabled(LOG_INFO), "warn is the default");
    log_write(LOG_INFO, "x");
    cr_assert_str_eq(next_line(), "");
    log_configure(LOG_ERROR, LOG_LOGFMT);
    log_write(LOG_WARN, "x");
    cr_assert_str_eq(next_line(), "");
    log_configure(LOG_DEBUG, LOG_LOGFMT);
    log_write(LOG_DEBUG, "x");
    cr_assert_str_eq(next_line(), "level=debug msg=x\n");
}

Test(log, values_cannot_forge_lines) {
    log_write(LOG_WARN, "x", LOG_STR("a", STR("1\nlevel=error msg=forged\r\0\x1b[31m")));
    const char *line = next_line();
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1, "%s", line);
    cr_assert(strstr(line, "\\u001b[31m") && strstr(line, "\\u0000"), "%s", line);
    log_write(LOG_WARN, "x", LOG_STR("a", STR("\xff\xfe")));
    cr_assert_str_eq(next_line(), "level=warn msg=x a=\"\uFFFD\uFFFD\"\n");
}

Test(log, long_lines_are_cut_not_lost) {
    static char text[100000];
    const char fills[] = {'a', '\x01', '\xff'};
    for (int format = LOG_LOGFMT; format <= LOG_JSON; format++) {
        log_configure(LOG_WARN, (enum log_format)format);
        for (size_t i = 0; i < sizeof fills; i++) {
            memset(text, fills[i], sizeof text);
            struct str s = {text, sizeof text};
            log_write(LOG_WARN, "long", LOG_STR("a", s), LOG_STR("b", s), LOG_STR("c", s),
                      LOG_STR("d", s), LOG_STR("e", s), LOG_STR("f", s), LOG_STR("g", s),
                      LOG_STR("h", s), LOG_U64("last", 1));
            char line[70000];
            ssize_t got = recv(reader, line, sizeof line, MSG_DONTWAIT);
            cr_assert(got > 0, "the line is lost");
            cr_assert_leq(got, LIMIT_LOG_LINE_BYTES);
            struct str whole = {line, (size_t)got};
            cr_assert(utf8_valid(whole));
            cr_assert_not_null(memmem(line, whole.len, "…", 3), "the cut is marked");
            struct str end = format == LOG_JSON ? STR("\"last\":1}\n") : STR(" last=1\n");
            cr_assert(whole.len > end.len &&
                          str_equal((struct str){line + whole.len - end.len, end.len}, end),
                      "small fields are kept behind long ones");
        }
    }
}

static void *write_many(void *context) {
    for (int i = 0; i < 50; i++) log_write(LOG_WARN, "many", LOG_TEXT("who", context));
    return NULL;
}

Test(log, lines_of_threads_do_not_mix) {
    // The socket's queue is short, so the lines are read while they are written.
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, write_many, "xxxxxxxxxxxxxxxx");
    for (int i = 0; i < 200; i++) {
        char line[300] = "";
        cr_assert_gt(recv(reader, line, sizeof line - 1, 0), 0);
        cr_assert(strstr(line, " level=warn msg=many who=xxxxxxxxxxxxxxxx\n"), "%s", line);
    }
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}
