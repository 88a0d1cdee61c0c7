// SPDX-License-Identifier: MIT
// tailrace serve, tailrace FILE…, cmd | tailrace, tailrace check: the commands that take a configuration.
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
    "\n"
    "Checks a configuration as `tailrace serve` would read it, environment included.\n"
    "Says what is wrong and on which line; exit code 1 then.\n"
    "\n"
    "  -c, --config FILE   the configuration\n"
    "  -h, --help          this text\n";

enum { OPTION_OPEN = 256, OPTION_LOG_LEVEL, OPTION_LOG_FORMAT };

static const struct option serve_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"listen", required_argument, NULL, 'l'},
    {"data", required_argument, NULL, 'd'},
    {"open", no_argument, NULL, OPTION_OPEN},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

// Somebody who names a file here means one that is there; one that comes later can be a pattern, or stand in the configuration.
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

// Reads the options into flags. 0, or *exit_code is to be returned.
static int read_options(int argc, char **argv, struct config_flags *flags, int *exit_code) {
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":c:l:d:h", serve_options, NULL)) != -1;) {
        switch (option) {
            case 'c': flags->file = optarg; break;
            case 'l': flags->listen = optarg; break;
            case 'd': flags->data = optarg; break;
            case OPTION_OPEN: flags->open = true; break;
            case OPTION_LOG_LEVEL: flags->log_level = optarg; break;
            case OPTION_LOG_FORMAT: flags->log_format = optarg; break;
            case 'h':
                fputs(serve_help, stdout);
                *exit_code = CLI_OK;
                return -1;
            default: *exit_code = cli_usage_option("serve", option, argv); return -1;
        }
    }
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
            cli_say("serve",
                    "no temporary directory can be made; name one with TMPDIR, or use --data DIR");
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
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct config_flags flags = {0};
    struct report report = {0};
    struct config *config;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1;) {
        switch (option) {
            case 'c': flags.file = optarg; break;
            case 'h': fputs(check_help, stdout); return CLI_OK;
            default: return cli_usage_option("check", option, argv);
        }
    }
    if (optind < argc)
        return cli_usage("check", "what is \"%s\"? The file is named with -c", argv[optind]);
    if (load_config(&config, &flags, &report)) {
        fprintf(stderr, "%s\n", report.text);
        return CLI_NO;
    }
    for (size_t i = 0; i < config->warnings_count; i++)
        fprintf(stderr, "warning: %s\n", config->warnings[i]);
    printf("%s: fine\n", flags.file ? flags.file : "configuration");
    config_free(config);
    return CLI_OK;
}
