// SPDX-License-Identifier: MIT
// tailrace: chooses the command.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

static const char help[] =
    "tailrace: push logs and statuses to browsers, live.\n"
    "\n"
    "Usage: tailrace COMMAND …\n"
    "       tailrace LOGFILE…       follow log files\n"
    "       COMMAND | tailrace      follow what a command prints\n"
    "\n"
    "  serve     run the hub\n"
    "  demo      run a hub with something to see\n"
    "  tail      print the events of a topic as they come\n"
    "  pub       publish an event, or lines as they come\n"
    "  check     check a configuration, or a journal\n"
    "  backup    copy a journal, also while a hub uses it\n"
    "  recover   copy what is whole of a damaged journal\n"
    "  version   print the version\n"
    "\n"
    "`tailrace COMMAND --help` explains a command; `man tailrace` is the whole manual.\n";

static int version(int argc, char **argv) {
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("Usage: tailrace version\n\nPrints the version.");
        return CLI_OK;
    }
    if (argc > 1) return cli_usage("version", "this command takes no arguments");
    puts("tailrace " TAILRACE_VERSION);
    return CLI_OK;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", cli_serve}, {"demo", cli_demo},     {"tail", cli_tail},       {"pub", cli_pub},
    {"check", cli_check}, {"backup", cli_backup}, {"recover", cli_recover}, {"version", version},
};

// Whether something is piped in or a file is redirected. A terminal or /dev/null is no input.
static bool stdin_has_input(void) {
    struct stat status;
    if (fstat(STDIN_FILENO, &status)) return false;
    return S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode);
}

// A word that is not a command may be a file.
static bool may_be_file(const char *text) {
    struct stat status;
    return strpbrk(text, "/.*?[{~") || stat(text, &status) == 0 || text[0] == '-';
}

int main(int argc, char **argv) {
    const char *first = argc > 1 ? argv[1] : NULL;
    if (!first) {
        if (stdin_has_input()) return cli_follow(argc, argv, true);
        fputs(help, stderr);
        return CLI_USAGE;
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) return version(1, argv);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(first, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    }
    if (!may_be_file(first)) {
        fprintf(stderr, "tailrace: \"%s\" is neither a command nor a file\nTry: tailrace --help\n",
                first);
        return CLI_USAGE;
    }
    // With options alone (`cmd | tailrace --listen :9000`), standard input is the source.
    bool names_file = false;
    for (int i = 1; i < argc; i++)
        names_file =
            names_file || (argv[i][0] != '-' && argv[i - 1][0] != '-') || strcmp(argv[i], "-") == 0;
    return cli_follow(argc, argv, !names_file && stdin_has_input());
}
