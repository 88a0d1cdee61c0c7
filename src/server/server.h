// SPDX-License-Identifier: MIT
// The whole hub as a running thing: journal, workers, sources; started, reloaded, drained, stopped.
#ifndef TAILRACE_SERVER_SERVER_H
#define TAILRACE_SERVER_SERVER_H

#include "config/config.h"

struct server;

// Opens the journal, listens, starts workers and sources. When it returns 0 it serves; *url is what
// to open, *metrics_url where /metrics is if it has a listener of its own, "" otherwise (both
// borrowed from the server). Takes over the configuration when it succeeds. Errors as of
// journal_open, net_listen, sources_start, with a report.
int server_start(struct server **out, struct config *config, const char **url,
                 const char **metrics_url, struct report *report) MUST_CHECK;

// Takes a new configuration over without dropping a stream, or refuses it whole (the caller keeps
// it) with a report.
int server_reload(struct server *server, struct config *config, struct report *report) MUST_CHECK;

// Begins to drain: /readyz fails, nothing new is taken, streams are told and ended spread over the
// drain window. Returns at once.
void server_drain(struct server *server);
// Whether all streams and requests are gone.
bool server_drained(struct server *server);
// Ends everything: what was acknowledged is on disk, what waits is committed or refused. Frees the
// server.
void server_stop(struct server *server);

#endif
