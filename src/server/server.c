// SPDX-License-Identifier: MIT
// The whole hub.
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "server/server_priv.h"
#include "sys/clock.h"
#include "sys/cpu.h"
#include "sys/descriptors.h"
#include "sys/log.h"

static void committed(void *context, struct batch *batch) {
    struct server *server = context;
    uint64_t number = ++server->batches;
    for (unsigned i = 1; i < server->workers_count; i++)
        worker_committed(server->workers[i], batch_get(batch), number);
    worker_committed(server->workers[0], batch, number);
    atomic_store_explicit(&server->handed, number, memory_order_release);
    for (unsigned i = 0; i < server->workers_count; i++) worker_wake(server->workers[i]);
}

static void journal_state(void *context, int failed, const char *failure) {
    (void)context;
    if (failed) {
        log_write(LOG_ERROR, "publishing is refused", LOG_TEXT("reason", failure));
    } else {
        log_write(LOG_WARN, "the journal can be written again, publishing goes on");
    }
}

static void journal_trouble(void *context, const char *wrong) {
    (void)context;
    if (*wrong) {
        log_write(LOG_WARN, "the journal goes on with a trouble", LOG_TEXT("detail", wrong));
    } else {
        log_write(LOG_WARN, "the journal has no trouble any more");
    }
}

// Its owner can change or remove the journal, whatever the modes of the files in it.
static void warn_of_owner(const char *dir) {
    struct stat status;
    if (stat(dir, &status) || status.st_uid == geteuid()) return;
    log_write(LOG_WARN,
              "the data directory belongs to another user, who can change or remove the journal",
              LOG_TEXT("data", dir), LOG_U64("uid", status.st_uid));
}

static int open_journal(struct server *server, struct report *report) {
    const struct config *config = server->site->config;
    struct journal_config journal = {
        .dir = config->data,
        .policy = config->policy,
        .queue_events_max = config->publish_queue_events_max,
        .queue_bytes_max = config->publish_queue_bytes_max,
        .topics_max = config->topics_max,
        .owner_topics_max =
            config->topics_per_key_max ? config->topics_per_key_max : (config->topics_max + 1) / 2,
        .sync = true,
    };
    int err = journal_open(&server->common.journal, &journal, report);
    if (!err) warn_of_owner(config->data);
    if (!err && journal_was_restored(server->common.journal))
        log_write(
            LOG_WARN,
            "the journal is a restored backup or another copy: its ids begin with a new epoch, and "
            "subscribers that were connected to the original are told a gap",
            LOG_TEXT("data", config->data));
    return err;
}

static unsigned count_workers(const struct config *config) {
    unsigned usable = cpu_usable(), automatic = usable < LIMIT_WORKERS ? usable : LIMIT_WORKERS;
    return config->workers ? config->workers : automatic;
}

// Makes the workers with their sockets. On an error what was made is in the server, for
// server_stop's path to release.
static int make_workers(struct server *server, struct report *report) {
    const struct config *config = server->site->config;
    unsigned count = count_workers(config);
    int fds[LIMIT_WORKERS], metrics_fd = -1;
    struct net_endpoint endpoint, metrics;
    if (net_parse_endpoint(str_from(config->listen), &endpoint)) {
        return report_set(report, ERR_INVALID, "listen: \"%s\" is not ADDRESS:PORT",
                          config->listen);
    }
    server->workers = calloc(count, sizeof(struct worker *));
    server->common.workers = calloc(count, sizeof(struct api *));
    if (!server->workers || !server->common.workers)
        return report_set(report, ERR_NOMEM, "no memory for workers");
    int err = net_listen(&endpoint, fds, count, report);
    if (err) return err;
    if (config->metrics_listen[0]) {
        err = net_parse_endpoint(str_from(config->metrics_listen), &metrics)
                  ? report_set(report, ERR_INVALID, "metrics.listen: \"%s\" is not ADDRESS:PORT",
                               config->metrics_listen)
                  : net_listen(&metrics, &metrics_fd, 1, report);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!err)
            err = worker_new(&server->workers[i], server, i, fds[i], i == 0 ? metrics_fd : -1,
                             report);
        if (!err) {
            server->common.workers[i] = &server->workers[i]->api;
            server->common.workers_count = ++server->workers_count;
        } else {
            close(fds[i]);
        }
    }
    if (err && !server->workers_count && metrics_fd >= 0) close(metrics_fd);
    if (!err) net_format_url(&endpoint, server->url, sizeof server->url);
    if (!err && metrics_fd >= 0)
        net_format_url(&metrics, server->metrics_url, sizeof server->metrics_url);
    return err;
}

static void release(struct server *server) {
    sources_stop(server->common.sources);
    if (server->common.journal) journal_stop(server->common.journal);
    worker_stop(server->workers, server->workers_count);
    // Workers have told of them in /metrics until now.
    sources_free(server->common.sources);
    free(server->workers);
    free(server->common.workers);
    journal_close(server->common.journal);
    admission_free(server->admission);
}

int server_start(struct server **out, struct config *config, const char **url,
                 const char **metrics_url, struct report *report) {
    struct server *server = calloc(1, sizeof *server);
    if (!server) return report_set(report, ERR_NOMEM, "no memory for the server");
    descriptors_init(count_workers(config));
    server->common.started_unix_ms = clock_unix_ms();
    int err = site_new(&server->site, config, report);
    if (!err) err = admission_new(&server->admission);
    if (!err) err = open_journal(server, report);
    if (!err) err = make_workers(server, report);
    struct journal_listener listener = {.committed = committed,
                                        .state = journal_state,
                                        .trouble = journal_trouble,
                                        .context = server};
    if (!err) err = journal_start(server->common.journal, listener, report);
    for (unsigned i = 0; !err && i < server->workers_count; i++)
        err = worker_run(server->workers[i], report);
    if (!err)
        err = sources_start(&server->common.sources, config->sources, config->sources_count,
                            server->common.journal, report);
    if (err) {
        release(server);
        // The configuration stays the caller's.
        if (server->site) {
            server->site->config = NULL;
            site_put(server->site);
        }
        free(server);
        return err;
    }
    atomic_store(&server->common.attached, true);
    *url = server->url;
    *metrics_url = server->metrics_url;
    *out = server;
    return 0;
}

int server_reload(struct server *server, struct config *config, struct report *report) {
    struct site *site;
    int err = config_check_reload(server->site->config, config, report);
    if (!err) err = site_new(&site, config, report);
    if (err) return err;
    err = sources_reload(server->common.sources, config->sources, config->sources_count, report);
    if (!err) err = journal_set_policy(server->common.journal, &config->policy);
    if (err) {
        if (!report->text[0])
            report_set(report, err, "the new retention cannot be taken: %s", err_text(err));
        site->config = NULL;
        site_put(site);
        return err;
    }
    log_configure(config->log_level, config->log_format);
    for (unsigned i = 0; i < server->workers_count; i++)
        worker_set_site(server->workers[i], site_get(site));
    site_put(server->site);
    server->site = site;
    return 0;
}

void server_drain(struct server *server) {
    atomic_store(&server->common.draining, true);
    for (unsigned i = 0; i < server->workers_count; i++) worker_drain(server->workers[i]);
}

bool server_drained(struct server *server) {
    size_t busy = 0;
    for (unsigned i = 0; i < server->workers_count; i++)
        busy += atomic_load(&server->workers[i]->api.http.busy);
    return busy == 0;
}

void server_stop(struct server *server) {
    if (!server) return;
    release(server);
    site_put(server->site);
    free(server);
}
