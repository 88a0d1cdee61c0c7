// SPDX-License-Identifier: MIT
// tailrace demo: a hub with something to see. It writes an ordinary configuration and sample logs to a temporary directory, behind a key
// made for the occasion, and runs the hub with them; a thread lets a second log grow as that of a busy web server does.
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/run.h"

#define KEY_BYTES 12
// The busy log is rotated after so many lines: it stays small, and shows that rotation is followed.
#define BUSY_LINES_MAX 5000
#define SAMPLE_LINES 300

static const char help[] =
    "Usage: tailrace demo [--listen ADDRESS:PORT]\n"
    "\n"
    "Runs a hub with a sample log, a busy log and simulated statuses, and prints what to open.\n"
    "Nothing is kept.\n"
    "\n"
    "  -l, --listen ADDRESS:PORT where to serve (default 127.0.0.1:8080; port 0 picks a free one)\n"
    "  -h, --help                this text\n";

// What a page elsewhere needs: the two addresses of the original application, and its origin let in.
static const char config_text[] =
    "keys:\n"
    "  - name: demo\n"
    "    secret: %s\n"
    "    publish: [\"**\"]\n"
    "    subscribe: [\"**\"]\n"
    "origins: [\"http://127.0.0.1:8000\", \"http://localhost:8000\"]\n"
    "routes:\n"
    "  - {path: /api/StreamLogs, to: \"/t/logs/sample?last=all&pace=2s\"}\n"
    "  - {path: /api/HttpTrigger1, to: \"/t/status/build?last=1\"}\n"
    "sources:\n"
    "  - {file: %s/sample.log, topic: logs/sample, backfill: all}\n"
    "  - {file: %s/web.log, topic: logs/web}\n"
    "  - simulate: {words: [queued, building, testing, passed, passed, failed, deployed], "
    "interval: 5s..15s, order: shuffle}\n"
    "    topic: status/build\n"
    "  - simulate: {words: [ok, ok, ok, degraded, ok, down], interval: 5s..15s, order: shuffle}\n"
    "    topic: status/api\n"
    "  - simulate: {words: [idle, running, running, done], interval: 5s..15s, order: sequence}\n"
    "    topic: status/backup\n";

struct demo {
    char dir[64];
    char config[128];
    char key[KEY_BYTES * 2 + 1];
    _Atomic(bool) stopping;
    pthread_t writer;
};

static int make_key(struct demo *demo) {
    unsigned char bytes[KEY_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return ERR_SYSTEM;
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(demo->key + i * 2, 3, "%02x", bytes[i]);
    return 0;
}

static FILE *create(const struct demo *demo, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", demo->dir, name);
    return fopen(path, "we");
}

static int write_config(struct demo *demo) {
    FILE *file = create(demo, "tailrace.yml");
    if (!file) return ERR_SYSTEM;
    // The key is in it.
    fchmod(fileno(file), 0600);
    fprintf(file, config_text, demo->key, demo->dir, demo->dir);
    snprintf(demo->config, sizeof demo->config, "%s/tailrace.yml", demo->dir);
    return fclose(file) ? ERR_SYSTEM : 0;
}

static int write_sample(struct demo *demo) {
    static const char *const steps[] = {
        "fetching sources",
        "resolving 214 packages",
        "compiling module core",
        "compiling module server",
        "linking",
        "running unit tests",
        "running browser tests",
        "warning: test \"resume\" took 1.8 s",
        "packaging",
        "uploading artifacts",
        "deploying to staging",
        "health check passed",
    };
    FILE *file = create(demo, "sample.log");
    if (!file) return ERR_SYSTEM;
    for (int i = 0; i < SAMPLE_LINES; i++) {
        int seconds = 9 * 3600 + i * 2;
        fprintf(file, "%02d:%02d:%02d [build %d] %s\n", seconds / 3600, seconds / 60 % 60,
                seconds % 60, 41 + i / (int)(sizeof steps / sizeof steps[0]),
                steps[(size_t)i % (sizeof steps / sizeof steps[0])]);
    }
    return fclose(file) ? ERR_SYSTEM : 0;
}

static void write_request(FILE *file, unsigned *seed) {
    static const char *const paths[] = {
        "/", "/login", "/api/orders", "/api/orders/1042", "/assets/app.js", "/search?q=sse"};
    static const int statuses[] = {200, 200, 200, 200, 304, 404, 500};
    char when[40];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", &utc);
    fprintf(file, "192.0.2.%d - - [%s] \"GET %s HTTP/1.1\" %d %d\n", rand_r(seed) % 250 + 1, when,
            paths[(unsigned)rand_r(seed) % (sizeof paths / sizeof paths[0])],
            statuses[(unsigned)rand_r(seed) % (sizeof statuses / sizeof statuses[0])],
            rand_r(seed) % 40000 + 120);
    fflush(file);
}

static void *write_busy_log(void *context) {
    struct demo *demo = context;
    unsigned seed = (unsigned)getpid();
    char current[256], rotated[256];
    snprintf(current, sizeof current, "%s/web.log", demo->dir);
    snprintf(rotated, sizeof rotated, "%s/web.log.1", demo->dir);
    while (!atomic_load(&demo->stopping)) {
        FILE *file = fopen(current, "ae");
        if (!file) return NULL;
        for (int i = 0; i < BUSY_LINES_MAX && !atomic_load(&demo->stopping); i++) {
            // Visitors come in bursts.
            int burst = rand_r(&seed) % 4;
            while (burst-- >= 0) write_request(file, &seed);
            struct timespec pause = {.tv_nsec = (rand_r(&seed) % 350 + 20) * 1000000L};
            nanosleep(&pause, NULL);
        }
        fclose(file);
        (void)!rename(current, rotated);
    }
    return NULL;
}

static void announce(void *context, const char *url) {
    const struct demo *demo = context;
    printf(
        "\n"
        "  The page:           %s?key=%s&log=logs/web\n"
        "  A log, as SSE:      curl -N -H 'Accept: text/event-stream' '%sapi/StreamLogs?code=%s'\n"
        "  A status, as SSE:   curl -N -H 'Accept: text/event-stream' "
        "'%sapi/HttpTrigger1?code=%s'\n"
        "  Set a status:       curl -d ok '%st/status/mine?key=%s'\n"
        "  Another origin:     examples/static-page (README.md there), key %s\n"
        "\n"
        "  Ctrl-C ends it; nothing is kept.\n\n",
        url, demo->key, url, demo->key, url, demo->key, url, demo->key, demo->key);
    fflush(stdout);
}

int cli_demo(int argc, char **argv) {
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct config_flags flags = {0};
    struct demo demo = {0};
    char data[80];
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":l:h", options, NULL)) != -1;) {
        switch (option) {
            case 'l': flags.listen = optarg; break;
            case 'h': fputs(help, stdout); return CLI_OK;
            default: return cli_usage_option("demo", option, argv);
        }
    }
    if (optind < argc) return cli_usage("demo", "it takes no arguments");
    if (run_temporary_dir(demo.dir)) {
        cli_say("demo", "no temporary directory can be made: %s", strerror(errno));
        return CLI_UNAVAILABLE;
    }
    int exit_code = CLI_UNAVAILABLE;
    if (make_key(&demo) || write_config(&demo) || write_sample(&demo)) {
        cli_say("demo", "%s cannot be written: %s", demo.dir, strerror(errno));
        goto out;
    }
    snprintf(data, sizeof data, "%s/data", demo.dir);
    flags.file = demo.config;
    flags.data = data;
    run_block_signals();
    if (pthread_create(&demo.writer, NULL, write_busy_log, &demo)) {
        cli_say("demo", "no thread can be started");
        goto out;
    }
    exit_code = run_hub("demo", &flags, announce, &demo);
    atomic_store(&demo.stopping, true);
    pthread_join(demo.writer, NULL);
out:
    run_remove_dir(demo.dir);
    return exit_code;
}
