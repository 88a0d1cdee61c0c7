// SPDX-License-Identifier: MIT
// Running a hub in the foreground.
#include "cli/run.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "server/server.h"
#include "sys/clock.h"
#include "sys/notify.h"

// How often to check whether all streams have ended.
#define DRAIN_LOOK_MS 10

static void wanted_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

void run_block_signals(void) {
    sigset_t set;
    wanted_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    // A write beyond the file size limit is then an error to report, and does not kill the process.
    signal(SIGXFSZ, SIG_IGN);
}

// The exit code for an error at the start of a hub.
static int exit_code(int err) {
    switch (err) {
        case ERR_INVALID: return CLI_USAGE;
        case ERR_BUSY:
        case ERR_LOCKED:
        case ERR_FULL:
        case ERR_NOMEM: return CLI_TEMPORARY;
        default: return CLI_UNAVAILABLE;
    }
}

static void log_warnings(const struct config *config) {
    for (size_t i = 0; i < config->warnings_count; i++) {
        log_write(LOG_WARN, "configuration", LOG_TEXT("warning", config->warnings[i]));
    }
}

static void reload(struct server *server, const struct config_flags *flags) {
    struct report report = {0};
    struct config *config = NULL;
    notify_reloading();
    int err = load_config(&config, flags, &report);
    if (!err) {
        log_warnings(config);
        err = server_reload(server, config, &report);
        if (err) config_free(config);
    }
    if (err) {
        log_write(LOG_ERROR, "reload refused, the configuration stays as it was",
                  LOG_TEXT("error", report.text));
    } else {
        log_write(LOG_INFO, "configuration reloaded");
    }
    notify_send("READY=1");
}

// Waits until all streams have ended, or until a second signal comes.
static void drain(struct server *server, uint64_t drain_ms) {
    sigset_t set;
    struct timespec look = {.tv_nsec = DRAIN_LOOK_MS * 1000000L};
    uint64_t until = clock_mono_ms() + drain_ms + 1000;
    wanted_signals(&set);
    server_drain(server);
    while (!server_drained(server) && clock_mono_ms() < until) {
        int signal = sigtimedwait(&set, NULL, &look);
        if (signal == SIGTERM || signal == SIGINT) return;
    }
}

static void serve_until_signal(struct server *server, const struct config_flags *flags,
                               uint64_t drain_ms) {
    sigset_t set;
    wanted_signals(&set);
    for (;;) {
        int signal = sigwaitinfo(&set, NULL);
        if (signal == SIGHUP) reload(server, flags);
        if (signal != SIGTERM && signal != SIGINT) continue;
        notify_send("STOPPING=1");
        log_write(LOG_INFO, "shutting down");
        drain(server, drain_ms);
        return;
    }
}

// On a fresh account the parents of the default directory may be missing. For a directory that the
// user named, nothing is created.
static void make_parents(const char *dir) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s", dir) >= sizeof path) return;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        // If it cannot be created, opening the journal reports that.
        (void)!mkdir(path, 0700);
        *slash = '/';
    }
}

int run_hub(const char *command, const struct config_flags *flags,
            void (*ready)(void *context, const char *url), void *context) {
    struct report report = {0};
    struct config *config = NULL;
    struct server *server = NULL;
    const char *url, *metrics_url;
    int err = load_config(&config, flags, &report);
    if (!err) {
        log_configure(config->log_level, config->log_format);
        log_warnings(config);
        if (config->data_is_default) make_parents(config->data);
        err = server_start(&server, config, &url, &metrics_url, &report);
    }
    if (err) {
        config_free(config);
        cli_say(command, "%s", report.text[0] ? report.text : err_text(err));
        return exit_code(err);
    }
    uint64_t drain_ms = config->drain_ms;
    // Scripts, tests and people wait for this line, whatever the log level.
    fprintf(stderr, "listening on %s\n", url);
    if (metrics_url[0]) fprintf(stderr, "metrics on %smetrics\n", metrics_url);
    if (ready) ready(context, url);
    notify_send("READY=1");
    serve_until_signal(server, flags, drain_ms);
    server_stop(server);
    return CLI_OK;
}

int run_temporary_dir(char out[64]) {
    const char *base = getenv("TMPDIR");
    if (!base || base[0] != '/' || strlen(base) > 40) base = "/tmp";
    snprintf(out, 64, "%s/tailrace-XXXXXX", base);
    return mkdtemp(out) ? 0 : ERR_SYSTEM;
}

void run_remove_dir(const char *dir) {
    DIR *entries = opendir(dir);
    if (!entries) return;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (entry->d_type == DT_DIR) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
            run_remove_dir(path);
        } else {
            (void)!unlinkat(dirfd(entries), entry->d_name, 0);
        }
    }
    closedir(entries);
    (void)!rmdir(dir);
}
