// SPDX-License-Identifier: MIT
// tailrace demo: a hub with something to see. It writes an ordinary configuration and sample logs
// to a temporary directory, with a new key, and runs the hub with them. A thread appends to other
// logs as a busy shop would.
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
#include "cli/demo_logs.h"
#include "cli/run.h"

#define KEY_BYTES 12
// The growing logs are rotated after this many bursts: they stay small, and the demo shows that
// rotation is followed.
#define BURSTS_MAX 5000

static const char help[] =
    "Usage: tailrace demo [--listen ADDRESS:PORT]\n"
    "\n"
    "Runs a hub with logs that grow and statuses that change, and prints what to open.\n"
    "Nothing is kept.\n"
    "\n"
    "  -l, --listen ADDRESS:PORT where to serve (default 127.0.0.1:8080; port 0 picks a free one)\n"
    "  -h, --help                this text\n"
    "\n"
    "PORT in the environment changes the port; other addresses are served only by --listen.\n";

// demo.yml, as scripts/embed.sh puts it into the binary.
#define ASSET(name, type, etag, symbol, size) extern const char symbol[];
#include "demo.inc"
#undef ASSET

static const struct str config_text[] = {
#define ASSET(name, type, etag, symbol, size) {symbol, size},
#include "demo.inc"
#undef ASSET
};

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

// The configuration with its placeholders filled in.
static void print_config(const struct demo *demo, FILE *file) {
    for (struct str rest = config_text[0]; rest.len;) {
        const char *value = str_starts(rest, STR("{key}"))   ? demo->key
                            : str_starts(rest, STR("{dir}")) ? demo->dir
                                                             : NULL;
        size_t taken = value ? strlen("{key}") : 1;
        if (value) {
            fputs(value, file);
        } else {
            fputc(rest.ptr[0], file);
        }
        rest = (struct str){rest.ptr + taken, rest.len - taken};
    }
}

static int write_config(struct demo *demo) {
    FILE *file = create(demo, "tailrace.yml");
    if (!file) return ERR_SYSTEM;
    // The file contains the key.
    fchmod(fileno(file), 0600);
    print_config(demo, file);
    snprintf(demo->config, sizeof demo->config, "%s/tailrace.yml", demo->dir);
    return fclose(file) ? ERR_SYSTEM : 0;
}

static int write_file(const struct demo *demo, const char *name, void (*write)(FILE *file)) {
    FILE *file = create(demo, name);
    if (!file) return ERR_SYSTEM;
    write(file);
    return fclose(file) ? ERR_SYSTEM : 0;
}

// Logs that grow while the demo runs. One burst in `one_in` writes to the log.
static const struct growing {
    const char *name;
    void (*write)(FILE *file, unsigned *seed);
    int one_in;
} growing[] = {
    {"web.log", demo_logs_request, 1},
    {"shop.log", demo_logs_shop, 2},
    {"worker.log", demo_logs_worker, 5},
};
#define GROWING (sizeof growing / sizeof growing[0])

static void write_burst(FILE *const *files, unsigned *seed) {
    for (size_t i = 0; i < GROWING; i++) {
        if (rand_r(seed) % growing[i].one_in) continue;
        // Visitors come in bursts.
        for (int burst = rand_r(seed) % 4; burst >= 0; burst--) growing[i].write(files[i], seed);
        fflush(files[i]);
    }
}

static void *write_logs(void *context) {
    struct demo *demo = context;
    unsigned seed = (unsigned)getpid();
    while (!atomic_load(&demo->stopping)) {
        FILE *files[GROWING] = {NULL};
        char path[256], rotated[260];
        size_t opened = 0;
        for (; opened < GROWING; opened++) {
            snprintf(path, sizeof path, "%s/%s", demo->dir, growing[opened].name);
            if (!(files[opened] = fopen(path, "ae"))) break;
        }
        for (int i = 0; i < BURSTS_MAX && opened == GROWING && !atomic_load(&demo->stopping); i++) {
            write_burst(files, &seed);
            struct timespec pause = {.tv_nsec = (rand_r(&seed) % 350 + 20) * 1000000L};
            nanosleep(&pause, NULL);
        }
        for (size_t i = 0; i < opened; i++) {
            fclose(files[i]);
            snprintf(path, sizeof path, "%s/%s", demo->dir, growing[i].name);
            snprintf(rotated, sizeof rotated, "%s.1", path);
            (void)!rename(path, rotated);
        }
        if (opened < GROWING) return NULL;
    }
    return NULL;
}

// What opens on this machine, of a hub on all addresses too.
static void local_url(const char *url, char *out, size_t size) {
    static const char *const all[] = {"http://0.0.0.0:", "http://[::]:"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strncmp(url, all[i], strlen(all[i])) != 0) continue;
        snprintf(out, size, "http://127.0.0.1:%s", url + strlen(all[i]));
        return;
    }
    snprintf(out, size, "%s", url);
}

static void announce(void *context, const char *bound) {
    const struct demo *demo = context;
    char url[320];
    local_url(bound, url, sizeof url);
    printf(
        "\n"
        "  The page:           %s?key=%s\n"
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

// The demo has a key, and PORT would let a hub with keys listen on all addresses. Nobody has asked
// for that here.
static const char *listen_by_port(char out[32]) {
    const char *port = getenv("PORT");
    uint64_t number;
    if (!port || getenv("TAILRACE_LISTEN") || !str_to_u64(str_from(port), 65535, &number))
        return NULL;
    snprintf(out, 32, "127.0.0.1:%s", port);
    return out;
}

int cli_demo(int argc, char **argv) {
    struct config_flags flags = {0};
    struct demo demo = {0};
    char data[80], listen[32];
    const struct cli_option options[] = {
        {.name = "listen", .letter = 'l', .text = &flags.listen},
        {0},
    };
    int code = cli_options("demo", help, options, NULL, argc, argv);
    if (code >= 0) return code;
    if (optind < argc) return cli_usage("demo", "this command takes no arguments");
    if (run_temporary_dir(demo.dir)) {
        cli_say("demo", "cannot create a temporary directory: %s", strerror(errno));
        return CLI_UNAVAILABLE;
    }
    int exit_code = CLI_UNAVAILABLE;
    if (make_key(&demo) || write_config(&demo) ||
        write_file(&demo, "sample.log", demo_logs_sample) ||
        write_file(&demo, "build.txt", demo_logs_build)) {
        cli_say("demo", "cannot write to %s: %s", demo.dir, strerror(errno));
        goto out;
    }
    snprintf(data, sizeof data, "%s/data", demo.dir);
    if (!flags.listen) flags.listen = listen_by_port(listen);
    flags.file = demo.config;
    flags.data = data;
    run_block_signals();
    if (pthread_create(&demo.writer, NULL, write_logs, &demo)) {
        cli_say("demo", "cannot start a thread");
        goto out;
    }
    exit_code = run_hub("demo", &flags, announce, &demo);
    atomic_store(&demo.stopping, true);
    pthread_join(demo.writer, NULL);
out:
    run_remove_dir(demo.dir);
    return exit_code;
}
