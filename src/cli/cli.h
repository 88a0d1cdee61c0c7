// SPDX-License-Identifier: MIT
// The commands of tailrace, one file each, and how all of them speak to the user.
#ifndef TAILRACE_CLI_CLI_H
#define TAILRACE_CLI_CLI_H

#include <stdbool.h>

#include "base/err.h"

// Exit codes are classes; 64 and up are those of sysexits.h.
enum cli_exit {
    CLI_OK = 0,
    CLI_NO = 1,           // a negative answer: the request was understood and refused
    CLI_USAGE = 64,       // the command line is wrong
    CLI_UNAVAILABLE = 69, // something that is needed is missing
    CLI_TEMPORARY = 75,   // given up for now; a later try may work
    CLI_DENIED = 77,      // no or wrong credentials, or not permitted
};

// Each gets its own arguments; argv[0] is the command's name. Returns an exit code.
int cli_serve(int argc, char **argv);
int cli_demo(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_tail(int argc, char **argv);
int cli_pub(int argc, char **argv);
int cli_recover(int argc, char **argv);
int cli_backup(int argc, char **argv);
// `tailrace check --data DIR`.
int cli_check_data(const char *dir);
// `tailrace FILE…` and `cmd | tailrace`: a hub that stores nothing for later. argv[0] is the
// program's name.
int cli_follow(int argc, char **argv, bool from_stdin);

// "tailrace COMMAND: TEXT" and a hint at --help on stderr. Returns CLI_USAGE.
int cli_usage(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);
// "tailrace COMMAND: TEXT" on stderr.
void cli_say(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);

// An option of a command. Exactly one of the last three members is set.
struct cli_option {
    const char *name;  // without "--"; NULL ends a table
    char letter;       // 0: the option has no short form
    bool *flag;        // becomes true; the option takes no value
    const char **text; // becomes the value
    // Called with the value. Returns CLI_OK, or an exit code after it has said what is wrong.
    int (*take)(void *context, const char *value);
};
#define CLI_OPTIONS_MAX 12

// Reads the options of a command. -h and --help print `help`. -1: go on; the operands have been
// moved behind the options and begin at argv[optind]. Otherwise the exit code. Messages never show
// an option's value, which might be a key; only those of `take` may.
int cli_options(const char *command, const char *help, const struct cli_option *options,
                void *context, int argc, char **argv);

#endif
