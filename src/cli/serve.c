// SPDX-License-Identifier: MIT
// tailrace serve, tailrace FILE…, cmd | tailrace, tailrace check: the commands that take a
// configuration.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/run.h"
#include "source/glob.h"
#include "source/probe.h"

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
    "LOGFILE may be a pattern in quotes, such as '/var/log/*.log', or a named pipe; each file "
    "becomes\n"
    "the topic logs/NAME.\n";

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

// Why a file named on the command line is of no use. False: it is of use. A pattern, and `-`, may
// always be.
static bool is_useless(const char *path, char why[512], bool *missing) {
    struct stat status;
    *missing = false;
    if (strcmp(path, "-") == 0) return false;
    if (stat(path, &status)) {
        if (glob_is_pattern(path) || path[0] == '~') return false;
        *missing = errno == ENOENT;
        snprintf(why, 512, "%s", strerror(errno));
        return true;
    }
    if (S_ISDIR(status.st_mode)) {
        snprintf(why, 512,
                 "is a directory; to follow the files in it, give a pattern: '%.200s/*.log'", path);
        return true;
    }
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
        snprintf(why, 512, "is %s, not a file; a command that reads it can be piped into tailrace",
                 probe_kind(status.st_mode));
        return true;
    }
    if (S_ISFIFO(status.st_mode)) return false;
    const char *what = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        snprintf(why, 512, "%s", strerror(errno));
    else if ((what = probe_content(fd)))
        snprintf(why, 512, "is %s, not a text with lines", what);
    if (fd >= 0) close(fd);
    return fd < 0 || what;
}

// Keeps those files that can be followed, in place. One that is named alone must be of use: a name
// that was mistyped would be waited for silently. Among several, as a shell's pattern gives them,
// the useless ones are told and left out, and a missing one is waited for. 0, or an exit code.
static int check_files(char **files, int *count) {
    char why[512];
    int kept = 0, useful = 0;
    for (int i = 0; i < *count; i++) {
        bool missing, useless = is_useless(files[i], why, &missing);
        useful += !useless;
        if (useless && *count == 1) {
            cli_say("serve", "%s%s %s", files[i], strncmp(why, "is ", 3) ? ":" : "", why);
            return CLI_UNAVAILABLE;
        }
        if (useless && !missing)
            cli_say("serve", "left out: %s%s %s", files[i], strncmp(why, "is ", 3) ? ":" : "", why);
        else
            files[kept++] = files[i];
    }
    if (*count && !useful) {
        cli_say("serve", "none of these %d files can be followed", *count);
        return CLI_UNAVAILABLE;
    }
    *count = kept;
    return 0;
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
    int count = argc - optind;
    if ((*exit_code = check_files(argv + optind, &count))) return -1;
    // A lone `-` is standard input.
    const char **files = calloc((size_t)count + 1, sizeof(char *));
    if (!files) {
        cli_say("serve", "out of memory");
        *exit_code = CLI_TEMPORARY;
        return -1;
    }
    for (int i = optind; i < optind + count; i++) {
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
