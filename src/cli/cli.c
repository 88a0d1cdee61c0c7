// SPDX-License-Identifier: MIT
// How commands speak: see cli.h.
#include "cli/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void PRINTF_LIKE(2, 0) say(const char *command, const char *fmt, va_list args) {
    fprintf(stderr, "tailrace %s: ", command);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

void cli_say(const char *command, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(command, fmt, args);
    va_end(args);
}

int cli_usage(const char *command, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(command, fmt, args);
    va_end(args);
    fprintf(stderr, "Try: tailrace %s --help\n", command);
    return CLI_USAGE;
}

int cli_usage_option(const char *command, int result, char **argv) {
    const char *option = argv[optind - 1];
    // The name ends where a value begins.
    int len = (int)strcspn(option, "=");
    if (strncmp(option, "--", 2) != 0 && optopt) {
        return cli_usage(command, result == ':' ? "option -%c needs a value" : "no option -%c",
                         optopt);
    }
    return cli_usage(command, result == ':' ? "option %.*s needs a value" : "no option %.*s", len,
                     option);
}
