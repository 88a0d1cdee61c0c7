// SPDX-License-Identifier: MIT
// A resource: what can be asked for at a path (config/paths.h), and who answers which method.
// Adding one is a row there and its definition in a file of this folder.
#ifndef TAILRACE_API_RESOURCE_H
#define TAILRACE_API_RESOURCE_H

#include "http/exchange.h"

// NULL: the method is not allowed. HEAD is answered as GET, OPTIONS by the router.
struct resource {
    const struct handler *get, *post, *delete_;
    bool on_metrics_listener; // also asked for by the listener that is only for metrics
};

extern const struct resource page_resource, asset_resource, file_resource;      // page.c
extern const struct resource topic_resource, events_resource;                   // subscribe.c
extern const struct resource routed_resource;                                   // subscribe.c
extern const struct resource topics_resource;                                   // topics.c
extern const struct resource position_resource;                                 // position.c
extern const struct resource access_resource;                                   // access.c
extern const struct resource backup_resource;                                   // backup.c
extern const struct resource metrics_resource;                                  // metrics.c
extern const struct resource health_resource, ready_resource, version_resource; // health.c

#endif
