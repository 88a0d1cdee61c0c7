// SPDX-License-Identifier: MIT
// The contents of the demo's logs: see demo_logs.h.
#include "cli/demo_logs.h"

#include <stdlib.h>
#include <time.h>

#define SAMPLE_LINES 300

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PICK(array, seed) ((array)[(size_t)rand_r(seed) % COUNT(array)])

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define NORMAL "\033[0m"

static int below(unsigned *seed, int bound) { return rand_r(seed) % bound; }

static struct tm now_utc(void) {
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    return utc;
}

void demo_logs_request(FILE *file, unsigned *seed) {
    static const char *const paths[] = {
        "/", "/login", "/api/orders", "/api/orders/1042", "/assets/app.js", "/search?q=lamp"};
    static const int statuses[] = {200, 200, 200, 200, 200, 200, 304, 304, 404, 500};
    struct tm utc = now_utc();
    char when[40];
    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", &utc);
    fprintf(file, "192.0.2.%d - - [%s] \"GET %s HTTP/1.1\" %d %d\n", below(seed, 250) + 1, when,
            PICK(paths, seed), PICK(statuses, seed), below(seed, 40000) + 120);
}

void demo_logs_shop(FILE *file, unsigned *seed) {
    static const struct {
        const char *level, *message;
    } events[] = {
        {"info", "order placed"},         {"info", "order placed"},
        {"info", "payment accepted"},     {"info", "payment accepted"},
        {"info", "parcel handed over"},   {"debug", "cache refreshed"},
        {"debug", "session renewed"},     {"info", "customer signed in"},
        {"warn", "stock is running low"}, {"warn", "payment took long"},
        {"error", "card was declined"},   {"info", "basket emptied"},
    };
    size_t i = (size_t)below(seed, (int)COUNT(events));
    struct tm utc = now_utc();
    char when[40];
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(file,
            "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":\"%s\",\"order\":%d,\"ms\":%d,"
            "\"customer\":{\"id\":%d,\"country\":\"%s\"}}\n",
            when, events[i].level, events[i].message, 10400 + below(seed, 300),
            below(seed, 180) + 4, below(seed, 900) + 100,
            (const char *const[]){"NL", "DE", "FR", "SE"}[below(seed, 4)]);
}

void demo_logs_worker(FILE *file, unsigned *seed) {
    static const char *const jobs[] = {"thumbnails", "newsletter", "invoices", "search-index"};
    const char *job = PICK(jobs, seed);
    int id = 8000 + below(seed, 900);
    struct tm utc = now_utc();
    char when[40];
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S ", &utc);
    fputs(when, file);
    switch (below(seed, 9)) {
        case 0:
            fprintf(file,
                    "ERROR job %d (%s) failed: no answer from storage within 5 s\n"
                    "    at fetch (storage.js:88:13)\n"
                    "    at run (%s.js:41:22)\n"
                    "    at next (queue.js:17:9)\n",
                    id, job, job);
            break;
        case 1: fprintf(file, "WARN  job %d (%s) is tried again, 2nd of 5\n", id, job); break;
        case 2: fprintf(file, "DEBUG %d jobs are waiting\n", below(seed, 40)); break;
        default:
            fprintf(file, "INFO  job %d (%s) done in %d ms\n", id, job, below(seed, 2400) + 30);
            break;
    }
}

void demo_logs_build(FILE *file) {
    static const char *const sources[] = {
        "base/buf",     "base/topic", "sys/loop", "proto/http1", "proto/sse",    "journal/store",
        "journal/trim", "hub/fanout", "hub/pump", "server/conn", "server/router"};
    static const char *const suites[] = {"journal", "hub", "http", "resume", "rotation", "browser"};
    fputs(BOLD "==> building" NORMAL " revision 4f1c2e9\n", file);
    for (size_t i = 0; i < COUNT(sources); i++)
        fprintf(file, DIM "[%2zu/%zu]" NORMAL " " CYAN "CC" NORMAL "  %s.c\n", i + 1,
                COUNT(sources), sources[i]);
    fputs(YELLOW "hub/pump.c:214:9: warning:" NORMAL " unused variable 'left'\n"
                 "  214 |     size_t left = 0;\n" GREEN "      |            ^~~~" NORMAL "\n"
                 "      " CYAN "LINK" NORMAL " tailrace\n" BOLD "==> testing" NORMAL "\n",
          file);
    for (size_t i = 0; i < COUNT(suites); i++)
        fprintf(file, GREEN "✔" NORMAL " %s " DIM "(%zu ms)" NORMAL "\n", suites[i], 180 + i * 97);
    fputs(RED "✖ rotation by copy" NORMAL "\n"
              "    expected 5000 lines, got 4998\n" BOLD
              "==> trying the one that failed once more" NORMAL "\n" GREEN "✔" NORMAL
              " rotation by copy " DIM "(412 ms)" NORMAL "\n" GREEN BOLD "passed" NORMAL
              " in 48 s\n",
          file);
}

void demo_logs_sample(FILE *file) {
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
    for (int i = 0; i < SAMPLE_LINES; i++) {
        int seconds = 9 * 3600 + i * 2;
        fprintf(file, "%02d:%02d:%02d [build %d] %s\n", seconds / 3600, seconds / 60 % 60,
                seconds % 60, 41 + i / (int)COUNT(steps), steps[(size_t)i % COUNT(steps)]);
    }
}
