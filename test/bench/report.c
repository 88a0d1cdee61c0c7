// SPDX-License-Identifier: MIT
// The report.
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUM(field) ledger_sum(ledger, offsetof(struct share, field))

uint64_t ledger_sum(struct ledger *ledger, size_t field) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < ledger->options->processes; i++) {
        char *share = (char *)&ledger->shares[i];
        sum += atomic_load_explicit((_Atomic(uint64_t) *)(void *)(share + field),
                                    memory_order_relaxed);
    }
    return sum;
}

void report_empty(struct report *report, struct ledger *ledger) {
    report->empty = usage_memory(ledger->options->server);
    report->kernel_empty = usage_kernel();
}

void report_full(struct report *report, struct ledger *ledger) {
    report->full = usage_memory(ledger->options->server);
    report->kernel_full = usage_kernel();
}

void report_begin(struct report *report, struct ledger *ledger) {
    usage_reset_peak(ledger->options->server);
    report->deliveries_begin = SUM(deliveries);
    report->bytes_begin = SUM(bytes);
    report->receives_begin = SUM(receives);
    report->events_begin = atomic_load(&ledger->published);
    usage_cores(&report->cores_begin);
    report->client_begin_ns = usage_cpu_ns(getpid());
    report->cpu_begin_ns = usage_cpu_ns(ledger->options->server);
    report->begin_ns = usage_now_ns();
}

void report_finish(struct report *report, struct ledger *ledger) {
    report->end_ns = usage_now_ns();
    report->cpu_end_ns = usage_cpu_ns(ledger->options->server);
    report->client_end_ns = usage_cpu_ns(getpid());
    usage_cores(&report->cores_end);
    report->peak = usage_memory(ledger->options->server);
    report->deliveries_end = SUM(deliveries);
    report->bytes_end = SUM(bytes);
    report->receives_end = SUM(receives);
    report->events_end = atomic_load(&ledger->published);
}

// --- printing ------------------------------------------------------------------------------------

static void print_text(const char *name, const char *text) {
    printf("\"%s\":\"", name);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') putchar('\\');
        if (c >= ' ' && c < 127) putchar(c);
    }
    printf("\",");
}

static void print_real(const char *name, double value) { printf("\"%s\":%.4f,", name, value); }

static void print_count(const char *name, uint64_t value) {
    printf("\"%s\":%" PRIu64 ",", name, value);
}

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static void print_memory(const struct report *report, struct ledger *ledger) {
    double subscribers = (double)SUM(opened);
    double rss = (double)report->full.rss_bytes - (double)report->empty.rss_bytes;
    double pss = (double)report->full.pss_bytes - (double)report->empty.pss_bytes;
    double slab = (double)report->kernel_full.slab_bytes - (double)report->kernel_empty.slab_bytes;
    print_count("rss_empty_bytes", report->empty.rss_bytes);
    print_count("rss_full_bytes", report->full.rss_bytes);
    print_count("rss_after_bytes", report->peak.rss_bytes);
    print_count("rss_peak_bytes", report->peak.peak_bytes);
    print_real("subscriber_rss_bytes", ratio(rss, subscribers));
    print_real("subscriber_pss_bytes", ratio(pss, subscribers));
    print_real("subscriber_slab_bytes", ratio(slab, subscribers));
    print_count("tcp_pages", report->kernel_full.tcp_pages);
    print_real("connect_s", report->connect_s);
    print_real("idle_cpu_percent", report->idle_cpu_share * 100);
}

static void print_quantiles(const char *name, const struct histogram *histogram) {
    printf("\"%s\":{\"count\":%" PRIu64 ",\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f},",
           name, histogram->count, histogram_quantile_us(histogram, 0.5),
           histogram_quantile_us(histogram, 0.9), histogram_quantile_us(histogram, 0.99),
           (double)histogram->max / 1e3);
}

// The times from a publish to each delivery, to the last delivery, and to the answer.
static void print_latency(struct ledger *ledger) {
    static struct histogram latency, complete;
    for (uint32_t i = 0; i < ledger->options->processes; i++) {
        histogram_merge(&latency, &ledger->shares[i].latency);
        histogram_merge(&complete, &ledger->shares[i].complete);
    }
    print_quantiles("delivery_us", &latency);
    print_quantiles("complete_us", &complete);
    print_quantiles("answer_us", &ledger->shares[0].answer);
}

static void print_correctness(struct ledger *ledger) {
    uint64_t missing = 0, doubled = 0, disordered = 0, foreign = 0;
    const char *problem = "";
    for (uint32_t i = 0; i < ledger->options->processes; i++) {
        const struct share *share = &ledger->shares[i];
        missing += share->missing;
        doubled += share->doubled;
        disordered += share->disordered;
        foreign += share->foreign;
        if (share->problem[0]) problem = share->problem;
    }
    print_count("opened", SUM(opened));
    print_count("failed", SUM(failed));
    print_count("closed", SUM(closed));
    print_count("missing", missing);
    print_count("doubled", doubled);
    print_count("disordered", disordered);
    print_count("foreign", foreign);
    print_count("abandoned", atomic_load(&ledger->abandoned));
    print_text("problem", problem);
}

static void print_work(const struct report *report) {
    double wall = (double)(report->end_ns - report->begin_ns) / 1e9;
    double deliveries = (double)(report->deliveries_end - report->deliveries_begin);
    double events = (double)(report->events_end - report->events_begin);
    double cpu_us = ((double)report->cpu_end_ns - (double)report->cpu_begin_ns) / 1e3;
    double client = (double)(report->client_end_ns - report->client_begin_ns) / 1e9;
    double bytes = (double)(report->bytes_end - report->bytes_begin);
    print_real("wall_s", wall);
    print_real("events", events);
    print_real("deliveries", deliveries);
    print_real("events_per_s", ratio(events, wall));
    print_real("deliveries_per_s", ratio(deliveries, wall));
    print_real("bytes_per_s", ratio(bytes, wall));
    print_real("cpu_us_per_delivery", ratio(cpu_us, deliveries));
    print_real("cpu_us_per_event", ratio(cpu_us, events));
    print_real("server_cpu_end_s", (double)report->cpu_end_ns / 1e9);
    print_real("server_cpu_percent", ratio(cpu_us / 1e4, wall));
    print_real("client_cpu_percent", ratio(client * 100, wall));
    print_real("steal_percent",
               ratio((report->cores_end.steal_s - report->cores_begin.steal_s) * 100, wall));
    print_real("deliveries_per_receive",
               ratio(deliveries, (double)(report->receives_end - report->receives_begin)));
    printf("\"core_busy_percent\":[");
    for (uint32_t i = 0; i < report->cores_end.count; i++) {
        double busy = report->cores_end.busy_s[i] - report->cores_begin.busy_s[i];
        printf("%s%.1f", i ? "," : "", ratio(busy * 100, wall));
    }
    printf("],");
}

void report_print(const struct report *report, struct ledger *ledger,
                  const struct publishers *publishers) {
    struct publishers_counts counts;
    publishers_counts(publishers, &counts);
    printf("{");
    print_text("label", ledger->options->label);
    print_count("subscribers", ledger->options->subscribers);
    print_count("processes", ledger->options->processes);
    print_count("window", ledger->options->window);
    print_memory(report, ledger);
    print_work(report);
    print_latency(ledger);
    print_correctness(ledger);
    print_text("publish_problem", counts.problem);
    print_count("publish_refused", counts.refused);
    print_count("publish_reconnects", counts.reconnects);
    printf("\"publish_answered\":%" PRIu64 "}\n", counts.answered);
}
