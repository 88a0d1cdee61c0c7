// SPDX-License-Identifier: MIT
// tailrace serve, tailrace FILE…, cmd | tailrace, tailrace check: the commands that take a
// configuration.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/run.h"

static const char serve_help[] =
    "Usage: tailrace serve [-c FILE] [--listen ADDRESS:PORT] [--data DIR] [--open] [LOGFILE…]\n"
    "       tailrace LOGFILE…\n"
    "       COMMAND | tailrace\n"
    "\n"
    "Runs the hub: follows log files, takes events over HTTP, pushes both to browsers.\n"
    "Without `serve`, nothing is kept: the journal goes to a temporary directory.\n"
    "\n"
    "  -c, --config FILE         configuration (default: TAILRACE_CONFIG, or built-in defaults)\n"
    "  -l, --listen ADDRESS:PORT where to serve (default 127.0.0.1:8080; port 0 picks a free one)\n"
    "  -d, --data DIR            where the journal is kept\n"
    "      --open                serve other machines although there are no keys\n"
    "      --log-level LEVEL     error, warn, info, debug (default warn)\n"
    "      --log-format FORMAT   logfmt, json (default logfmt)\n"
    "  -h, --help                this text\n"
    "\n"
    "LOGFILE may be a pattern in quotes, such as '/var/log/*.log'; each file becomes the topic "
    "logs/NAME.\n";

static const char check_help[] =
    "Usage: tailrace check [-c FILE]\n"
    "       tailrace check --data DIR\n"
    "\n"
    "Checks a configuration as `tailrace serve` would read it, including the environment.\n"
    "Prints what is wrong and on which line; the exit code is then 1.\n"
    "With --data, reads the whole journal in DIR, which no hub may use meanwhile, and prints what\n"
    "is damaged and how much is whole.\n"
    "\n"
    "  -c, --config FILE   the configuration\n"
    "  -d, --data DIR      the journal\n"
    "  -h, --help          this text\n";

// A file named on the command line must exist. A file that appears later can be matched by a
// pattern or named in the configuration.
static int check_file(const char *path) {
    struct stat status;
    if (strcmp(path, "-") == 0 || strpbrk(path, "*?[")) return 0;
    if (stat(path, &status) || access(path, R_OK)) {
        cli_say("serve", "%s: %s", path, strerror(errno));
        return CLI_UNAVAILABLE;
    }
    if (!S_ISDIR(status.st_mode)) return 0;
    cli_say("serve", "%s is a directory; to follow the files in it, give a pattern: '%s/*.log'",
            path, path);
    return CLI_UNAVAILABLE;
}

// Reads the options into flags. 0; otherwise *exit_code is the command's.
static int read_options(int argc, char **argv, struct config_flags *flags, int *exit_code) {
    const struct cli_option options[] = {
        {.name = "config", .letter = 'c', .text = &flags->file},
        {.name = "listen", .letter = 'l', .text = &flags->listen},
        {.name = "data", .letter = 'd', .text = &flags->data},
        {.name = "open", .flag = &flags->open},
        {.name = "log-level", .text = &flags->log_level},
        {.name = "log-format", .text = &flags->log_format},
        {0},
    };
    *exit_code = cli_options("serve", serve_help, options, NULL, argc, argv);
    if (*exit_code >= 0) return -1;
    for (int i = optind; i < argc; i++) {
        if ((*exit_code = check_file(argv[i]))) return -1;
    }
    // A lone `-` is standard input.
    const char **files = calloc((size_t)(argc - optind) + 1, sizeof(char *));
    if (!files) {
        cli_say("serve", "out of memory");
        *exit_code = CLI_TEMPORARY;
        return -1;
    }
    for (int i = optind; i < argc; i++) {
        if (strcmp(argv[i], "-") == 0) {
            flags->log_stdin = true;
        } else {
            files[flags->log_files_count++] = argv[i];
        }
    }
    flags->log_files = files;
    return 0;
}

int cli_serve(int argc, char **argv) {
    struct config_flags flags = {0};
    int exit_code;
    if (read_options(argc, argv, &flags, &exit_code)) return exit_code;
    run_block_signals();
    exit_code = run_hub("serve", &flags, NULL, NULL);
    free((void *)(uintptr_t)flags.log_files);
    return exit_code;
}

int cli_follow(int argc, char **argv, bool from_stdin) {
    struct config_flags flags = {.log_stdin = from_stdin};
    char dir[64] = "";
    int exit_code;
    if (read_options(argc, argv, &flags, &exit_code)) return exit_code;
    if (!flags.data && !flags.file && !getenv("TAILRACE_DATA") && !getenv("TAILRACE_CONFIG")) {
        if (run_temporary_dir(dir)) {
            cli_say("serve", "cannot create a temporary directory; name another place with TMPDIR, "
                             "or use --data DIR");
            free((void *)(uintptr_t)flags.log_files);
            return CLI_UNAVAILABLE;
        }
        flags.data = dir;
    }
    run_block_signals();
    exit_code = run_hub("serve", &flags, NULL, NULL);
    if (dir[0]) run_remove_dir(dir);
    free((void *)(uintptr_t)flags.log_files);
    return exit_code;
}

int cli_check(int argc, char **argv) {
    struct config_flags flags = {0};
    struct report report = {0};
    const char *data = NULL;
    struct config *config;
    const struct cli_option options[] = {
        {.name = "config", .letter = 'c', .text = &flags.file},
        {.name = "data", .letter = 'd', .text = &data},
        {0},
    };
    int code = cli_options("check", check_help, options, NULL, argc, argv);
    if (code >= 0) return code;
    if (optind < argc)
        return cli_usage("check", "unexpected argument \"%s\"; name the file with -c",
                         argv[optind]);
    if (data && flags.file)
        return cli_usage("check", "give either a configuration (-c) or a journal (--data)");
    if (data) return cli_check_data(data);
    const char *file = flags.file ? flags.file : getenv("TAILRACE_CONFIG");
    if (file && *file && access(file, R_OK)) {
        cli_say("check", "cannot open %s: %s", file, strerror(errno));
        return CLI_UNAVAILABLE;
    }
    if (load_config(&config, &flags, &report)) {
        fprintf(stderr, "%s\n", report.text);
        return CLI_NO;
    }
    for (size_t i = 0; i < config->warnings_count; i++)
        fprintf(stderr, "warning: %s\n", config->warnings[i]);
    printf("%s: no errors\n", flags.file ? flags.file : "configuration");
    config_free(config);
    return CLI_OK;
}
