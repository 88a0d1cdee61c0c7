// SPDX-License-Identifier: MIT
// How commands speak to the user: see cli.h.
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

// getopt_long returns this for the first option of the table, one more for the next, and so on.
#define FIRST_OPTION 256

// No message shows the value.
static int refuse(const char *command, int result, char **argv) {
    const char *option = argv[optind - 1];
    bool value_missing = result == ':';
    if (strncmp(option, "--", 2) != 0 && optopt)
        return cli_usage(command, value_missing ? "option -%c needs a value" : "unknown option -%c",
                         optopt);
    int name_len = (int)strcspn(option, "=");
    // For a long option, getopt_long sets optopt only when it knows the option.
    return cli_usage(command,
                     value_missing ? "option %.*s needs a value"
                     : optopt      ? "option %.*s takes no value"
                                   : "unknown option %.*s",
                     name_len, option);
}

static int apply(const struct cli_option *option, void *context) {
    if (option->take) return option->take(context, optarg);
    if (option->flag) *option->flag = true;
    if (option->text) *option->text = optarg;
    return CLI_OK;
}

int cli_options(const char *command, const char *help, const struct cli_option *options,
                void *context, int argc, char **argv) {
    struct option names[CLI_OPTIONS_MAX + 2] = {0};
    char letters[2 * CLI_OPTIONS_MAX + 3] = ":h";
    size_t count = 0, len = strlen(letters);
    for (; options[count].name; count++) {
        const struct cli_option *option = &options[count];
        ASSERT(count < CLI_OPTIONS_MAX);
        names[count] = (struct option){option->name, option->flag ? no_argument : required_argument,
                                       NULL, FIRST_OPTION + (int)count};
        if (!option->letter) continue;
        letters[len++] = option->letter;
        if (!option->flag) letters[len++] = ':';
    }
    names[count] = (struct option){"help", no_argument, NULL, 'h'};
    opterr = 0;
    optind = 0;
    for (int got; (got = getopt_long(argc, argv, letters, names, NULL)) != -1;) {
        size_t i = 0;
        while (i < count && options[i].letter != got && FIRST_OPTION + (int)i != got) i++;
        if (got == 'h') {
            fputs(help, stdout);
            return CLI_OK;
        }
        int code = i < count ? apply(&options[i], context) : refuse(command, got, argv);
        if (code != CLI_OK) return code;
    }
    return -1;
}
