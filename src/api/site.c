// SPDX-License-Identifier: MIT
// The site.
#include "api/site.h"

#include <stdlib.h>

int site_new(struct site **out, struct config *config, struct report *report) {
    struct site *site = calloc(1, sizeof *site);
    if (!site) return report_set(report, ERR_NOMEM, "no memory for the configuration");
    int err = auth_new(&site->auth, &config->auth, report);
    if (!err) err = cors_new(&site->cors, config->origins, config->origins_count, report);
    if (err) {
        auth_free(site->auth);
        free(site);
        return err;
    }
    atomic_init(&site->refs, 1);
    site->config = config;
    site->http = (struct http_settings){
        .header_bytes_max = config->header_bytes_max,
        .header_timeout_ms = config->header_timeout_ms,
        .body_timeout_ms = config->body_timeout_ms,
        .idle_timeout_ms = config->idle_timeout_ms,
        .write_timeout_ms = config->write_timeout_ms,
        .connections_max = config->connections_max,
        .connections_per_address_max = config->connections_per_address_max,
        .cors = site->cors,
    };
    *out = site;
    return 0;
}

struct site *site_get(struct site *site) {
    atomic_fetch_add(&site->refs, 1);
    return site;
}

void site_put(struct site *site) {
    if (!site || atomic_fetch_sub(&site->refs, 1) != 1) return;
    auth_free(site->auth);
    cors_free(site->cors);
    config_free(site->config);
    free(site);
}
