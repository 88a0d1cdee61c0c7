// SPDX-License-Identifier: MIT
// The load generator: opens subscribers, publishes, checks every delivery, and measures the hub
// from outside: CPU per delivery, memory per subscriber, latency. Prints one JSON object.
//
//   connect   all subscribers, from one or several processes; the first also publishes
//   idle      memory with and without subscribers, CPU while nothing happens
//   warm      some events one by one, then many at once, so that every topic exists
//   run       at most `window` events in flight, or `rate` a second
//   end       events that have not come are missing
//
// With --replay nothing is published: connecting is the measured part, and each subscriber must get
// that many events.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "publishers.h"
#include "report.h"
#include "subscribers.h"
#include "usage.h"

// After this long without any progress, the missing events will not come.
#define STALL_NS 3000000000u
#define CONNECT_STALL_NS 15000000000u
#define READY_MAX 512
#define WARM_SECONDS 5

struct load {
    struct options options;
    struct ledger *ledger;
    struct subscribers *subscribers;
    struct publishers *publishers; // of the first process only
    int epoll;
    pid_t children[LEDGER_PROCESSES];
};

// --- all processes -------------------------------------------------------------------------------

static void turn(struct load *load, int64_t wait_ns) {
    struct epoll_event ready[READY_MAX];
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
    int count = epoll_pwait2(load->epoll, ready, READY_MAX, &wait, NULL);
    for (int i = 0; i < count; i++) {
        void *ptr = ready[i].data.ptr;
        if (subscribers_own(load->subscribers, ptr)) {
            subscribers_ready(load->subscribers, ptr);
        } else if (load->publishers && publishers_own(load->publishers, ptr)) {
            publishers_ready(load->publishers, ptr, ready[i].events);
        } else {
            uint64_t value;
            if (read(load->ledger->wake, &value, sizeof value) < 0 && errno != EAGAIN)
                exit(EX_SOFTWARE);
        }
    }
}

static void child(struct load *load, uint32_t process) {
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->subscribers = subscribers_new(load->ledger, process, load->epoll);
    while (!atomic_load(&load->ledger->ended)) {
        subscribers_connect(load->subscribers);
        turn(load, 20000000);
    }
    subscribers_end(load->subscribers);
    _exit(0);
}

// --- the first process ---------------------------------------------------------------------------

static uint64_t progress(const struct load *load) {
    return ledger_sum(load->ledger, offsetof(struct share, deliveries)) +
           ledger_sum(load->ledger, offsetof(struct share, opened)) +
           ledger_sum(load->ledger, offsetof(struct share, failed)) +
           atomic_load(&load->ledger->published) - atomic_load(&load->ledger->inflight);
}

// Records when there was progress last.
struct watchdog {
    uint64_t at_ns, progress;
};

static bool stalled(const struct load *load, struct watchdog *watchdog, uint64_t limit_ns) {
    uint64_t now = usage_now_ns(), moved = progress(load);
    if (moved != watchdog->progress || !watchdog->at_ns) *watchdog = (struct watchdog){now, moved};
    return now - watchdog->at_ns > limit_ns;
}

static uint64_t settled(const struct load *load) {
    return ledger_sum(load->ledger, offsetof(struct share, opened)) +
           ledger_sum(load->ledger, offsetof(struct share, failed));
}

static void connect_all(struct load *load) {
    struct watchdog watchdog = {0};
    while (settled(load) < load->options.subscribers &&
           !stalled(load, &watchdog, CONNECT_STALL_NS)) {
        subscribers_connect(load->subscribers);
        turn(load, 20000000);
    }
}

static void pass(struct load *load, double seconds) {
    uint64_t end = usage_now_ns() + (uint64_t)(seconds * 1e9);
    for (uint64_t now; (now = usage_now_ns()) < end;) {
        int64_t left = (int64_t)(end - now);
        turn(load, left < 20000000 ? left : 20000000);
    }
}

// How many events may be published now; *wait_ns: when the rate allows the next one.
static uint32_t allowance(const struct load *load, uint64_t published, uint64_t since_ns,
                          uint32_t window, double rate, int64_t *wait_ns) {
    uint64_t inflight = atomic_load(&load->ledger->inflight);
    uint32_t room = inflight < window ? window - (uint32_t)inflight : 0;
    *wait_ns = 20000000;
    if (rate <= 0) return room;
    double due = since_ns ? (double)(usage_now_ns() - since_ns) / 1e9 * rate : 0;
    if (due < (double)published + 1) {
        *wait_ns = (int64_t)(((double)published + 1 - due) / rate * 1e9) + 1;
        return 0;
    }
    double more = due - (double)published;
    return more < room ? (uint32_t)more : room;
}

// Publishes up to this many events, for at most this long. Then waits for the events in flight.
static void publish(struct load *load, uint64_t events, double seconds, uint32_t window,
                    double rate) {
    struct ledger *ledger = load->ledger;
    struct watchdog watchdog = {0};
    uint64_t start = usage_now_ns(), published = 0;
    uint64_t end = start + (uint64_t)(seconds * 1e9);
    bool ended = false;
    while (!ended || atomic_load(&ledger->inflight)) {
        int64_t wait_ns;
        uint32_t more = allowance(load, published, start, window, rate, &wait_ns);
        ended = ended || published >= events || usage_now_ns() >= end ||
                atomic_load(&ledger->published) + window >= LEDGER_EVENTS;
        if (more > events - published) more = (uint32_t)(events - published);
        if (!ended && more) published += publishers_publish(load->publishers, more);
        turn(load, wait_ns);
        if (atomic_load(&ledger->inflight) && stalled(load, &watchdog, STALL_NS)) {
            ledger_abandon(ledger);
            break;
        }
    }
}

static void replay(struct load *load) {
    struct watchdog watchdog = {0};
    connect_all(load);
    while (ledger_sum(load->ledger, offsetof(struct share, finished)) <
               ledger_sum(load->ledger, offsetof(struct share, opened)) &&
           !stalled(load, &watchdog, CONNECT_STALL_NS)) {
        turn(load, 20000000);
    }
}

static void measure(struct load *load, struct report *report) {
    const struct options *options = &load->options;
    if (options->replay_events) {
        report_begin(report, load->ledger);
        replay(load);
        report_finish(report, load->ledger);
        return;
    }
    report_empty(report, load->ledger);
    uint64_t start = usage_now_ns();
    connect_all(load);
    report->connect_s = (double)(usage_now_ns() - start) / 1e9;
    pass(load, options->settle_s);
    report_full(report, load->ledger);
    if (options->idle_s > 0) {
        uint64_t cpu_ns = usage_cpu_ns(options->server);
        pass(load, options->idle_s);
        report->idle_cpu_share =
            ((double)usage_cpu_ns(options->server) - (double)cpu_ns) / 1e9 / options->idle_s;
    }
    if (options->feed == FEED_NONE) return;
    publish(load, options->warm_events, WARM_SECONDS, options->warm_events > 1000 ? 64 : 1, 0);
    pass(load, 0.2);
    atomic_store(&load->ledger->measured_from, atomic_load(&load->ledger->published));
    report_begin(report, load->ledger);
    publish(load, options->events, options->seconds, options->window, options->rate);
    report_finish(report, load->ledger);
    pass(load, 0.3); // a duplicate would come now
}

static void start_children(struct load *load) {
    for (uint32_t i = 1; i < load->options.processes; i++) {
        load->children[i] = fork();
        if (load->children[i] < 0) {
            perror("load: fork");
            exit(EX_OSERR);
        }
        if (!load->children[i]) child(load, i);
    }
}

static void end_children(struct load *load) {
    atomic_store(&load->ledger->ended, true);
    subscribers_end(load->subscribers);
    for (uint32_t i = 1; i < load->options.processes; i++) waitpid(load->children[i], NULL, 0);
}

// Raises the limit to `needed`, or as far as is permitted.
static uint64_t raise_descriptors(uint64_t needed) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    struct rlimit wanted = {needed, needed > limit.rlim_max ? needed : limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &wanted) == 0) return needed;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

static void raise_limits(const struct options *options) {
    uint64_t needed = options->subscribers / options->processes + options->connections + 64;
    uint64_t limit = raise_descriptors(needed);
    if (needed > limit) {
        fprintf(stderr,
                "load: %u subscribers over %u processes need %llu descriptors each, the limit is "
                "%llu; use more --processes or raise the hard limit\n",
                options->subscribers, options->processes, (unsigned long long)needed,
                (unsigned long long)limit);
        exit(EX_UNAVAILABLE);
    }
    if (options->processes > LEDGER_PROCESSES) {
        fprintf(stderr, "load: at most %u processes\n", LEDGER_PROCESSES);
        exit(EX_USAGE);
    }
    if (options->urgent && setpriority(PRIO_PROCESS, 0, -19)) perror("load: priority");
}

int main(int argc, char **argv) {
    static struct load load;
    static struct report report;
    options_read(&load.options, argc, argv);
    raise_limits(&load.options);
    load.ledger = ledger_new(&load.options);
    start_children(&load);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(load.epoll, EPOLL_CTL_ADD, load.ledger->wake, &wake);
    load.subscribers = subscribers_new(load.ledger, 0, load.epoll);
    load.publishers = publishers_new(load.ledger, load.epoll);
    measure(&load, &report);
    publishers_end(load.publishers);
    end_children(&load);
    report_print(&report, load.ledger, load.publishers);
    return 0;
}
