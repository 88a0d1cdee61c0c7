// SPDX-License-Identifier: MIT
// The hub's own paths: the router's table is made of these rows, and no configured route may hide
// one.
#ifndef TAILRACE_CONFIG_PATHS_H
#define TAILRACE_CONFIG_PATHS_H

enum match { EXACT, BELOW }; // the path itself, or all that begins with it

// path, match, resource (api/resource.h)
#define HUB_PATHS(X)                                                                               \
    X("/", EXACT, page)                                                                            \
    X("/index.html", EXACT, page)                                                                  \
    X("/assets/", BELOW, asset)                                                                    \
    X("/kit/", BELOW, file)                                                                        \
    X("/tailrace.js", EXACT, file)                                                                 \
    X("/favicon.ico", EXACT, file)                                                                 \
    X("/t/", BELOW, topic)                                                                         \
    X("/events", EXACT, events)                                                                    \
    X("/topics", EXACT, topics)                                                                    \
    X("/position", EXACT, position)                                                                \
    X("/access", EXACT, access)                                                                    \
    X("/backup", EXACT, backup)                                                                    \
    X("/metrics", EXACT, metrics)                                                                  \
    X("/healthz", EXACT, health)                                                                   \
    X("/livez", EXACT, health)                                                                     \
    X("/readyz", EXACT, ready)                                                                     \
    X("/version", EXACT, version)

#endif
