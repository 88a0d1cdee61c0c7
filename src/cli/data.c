// SPDX-License-Identifier: MIT
// tailrace check --data, tailrace backup, tailrace recover: journals on the disk.
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "journal/audit.h"
#include "journal/backup.h"

// Lines of damage that are printed: a file of garbage has very many.
#define LINES_MAX 1000

static const char recover_help[] =
    "Usage: tailrace recover --data DIR --out DIR2\n"
    "\n"
    "Copies the events of a damaged journal that are whole into a new journal in DIR2, with the\n"
    "states of topics and the positions of followed files. DIR is only read; no hub may use it\n"
    "meanwhile. Subscribers that come back are told a gap.\n"
    "\n"
    "  -d, --data DIR   the damaged journal\n"
    "  -o, --out DIR2   where the new one goes; must not exist, or be empty\n"
    "  -h, --help       this text\n";

static const char backup_help[] =
    "Usage: tailrace backup --data DIR FILE\n"
    "\n"
    "Copies everything that the journal in DIR holds at this moment to FILE, which must not exist\n"
    "yet. A hub may go on using the journal. To restore it, put it as data.mdb into an empty\n"
    "directory: subscribers that were connected to the original are told a gap.\n"
    "\n"
    "  -d, --data DIR   the journal\n"
    "  -h, --help       this text\n";

static void print_line(void *context, const char *text) {
    unsigned *lines = context;
    if (++*lines <= LINES_MAX) fprintf(stderr, "%s\n", text);
    if (*lines == LINES_MAX) fprintf(stderr, "(more is not printed)\n");
}

static int exit_code(int err) {
    switch (err) {
        case 0: return CLI_OK;
        case ERR_LOCKED:
        case ERR_NOMEM:
        case ERR_CLOSED:
        case ERR_FULL: return CLI_TEMPORARY;
        case ERR_NOT_FOUND:
        case ERR_IO: return CLI_UNAVAILABLE;
        case ERR_DENIED: return CLI_DENIED;
        default: return CLI_NO;
    }
}

static void print_whole(const char *dir, const struct audit *audit, const char *what) {
    printf("%s: %s %" PRIu64 " events, %" PRIu64 " topics, %" PRIu64 " positions of sources", dir,
           what, audit->events, audit->topics, audit->sources);
    printf(audit->damages ? "; %" PRIu64 " damages\n" : "\n", audit->damages);
}

int cli_check_data(const char *dir) {
    unsigned lines = 0;
    struct report report = {0};
    struct audit audit = {.say = print_line, .context = &lines};
    int err = audit_check(&audit, dir, &report);
    if (err && !audit.damages) fprintf(stderr, "%s\n", report.text);
    if (err && err != ERR_CORRUPT) return exit_code(err);
    if (audit.structure_only)
        printf("%s: its structure is %s; its format has no checksums, by which content could be "
               "checked\n",
               dir, audit.damages ? "damaged" : "whole");
    else if (!err || audit.damages)
        print_whole(dir, &audit, "whole are");
    return exit_code(err);
}

int cli_recover(int argc, char **argv) {
    const char *data = NULL, *out = NULL;
    unsigned lines = 0;
    struct report report = {0};
    struct audit audit = {.say = print_line, .context = &lines};
    const struct cli_option options[] = {
        {.name = "data", .letter = 'd', .text = &data},
        {.name = "out", .letter = 'o', .text = &out},
        {0},
    };
    int code = cli_options("recover", recover_help, options, NULL, argc, argv);
    if (code >= 0) return code;
    if (optind < argc) return cli_usage("recover", "unexpected argument \"%s\"", argv[optind]);
    if (!data || !out) return cli_usage("recover", "--data and --out are both needed");
    int err = audit_recover(&audit, data, out, &report);
    if (err) {
        cli_say("recover", "%s", report.text);
        return exit_code(err);
    }
    print_whole(out, &audit, "recovered are");
    return CLI_OK;
}

int cli_backup(int argc, char **argv) {
    const char *data = NULL;
    uint64_t bytes;
    struct report report = {0};
    const struct cli_option options[] = {
        {.name = "data", .letter = 'd', .text = &data},
        {0},
    };
    int code = cli_options("backup", backup_help, options, NULL, argc, argv);
    if (code >= 0) return code;
    if (!data) return cli_usage("backup", "--data is missing: the journal's directory");
    if (argc - optind != 1) return cli_usage("backup", "give one FILE for the copy");
    int err = backup_write(data, argv[optind], &bytes, &report);
    if (err) {
        cli_say("backup", "%s", report.text);
        return exit_code(err);
    }
    printf("%s: %" PRIu64 " bytes\n", argv[optind], bytes);
    return CLI_OK;
}
