// SPDX-License-Identifier: MIT
// The site: what a configuration means for requests (access, origins, routes, limits). Immutable
// and reference-counted: a reload gives each worker a new one.
#ifndef TAILRACE_API_SITE_H
#define TAILRACE_API_SITE_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "config/config.h"
#include "http/http.h"

struct site {
    _Atomic(unsigned) refs;
    struct config *config;
    struct auth *auth;
    struct cors *cors;
    struct http_settings http;
};

// Takes over the configuration when it succeeds.
int site_new(struct site **out, struct config *config, struct report *report) MUST_CHECK;
struct site *site_get(struct site *site);
void site_put(struct site *site); // NULL is fine

#endif
