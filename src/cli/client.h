// SPDX-License-Identifier: MIT
// An HTTP client for the commands: the only file that knows libcurl. One request at a time, one thread; a connection is kept
// between requests. Redirects are not followed: they would carry the key elsewhere.
#ifndef TAILRACE_CLI_CLIENT_H
#define TAILRACE_CLI_CLIENT_H

#include "base/buf.h"

struct client;

// For a command that was given a URL and --key. `url` is http://HOST:PORT/PATH?QUERY, https too, or HOST:PORT/PATH, which means http;
// bytes that may not stand in a URL as they are (spaces, UTF-8) are encoded; another scheme, no host, no path, a fragment or
// control characters are refused. `key_spec` is the key itself, @FILE (its first line), @- (the first line of standard input); NULL:
// the environment's TAILRACE_KEY, or the first line of the file that TAILRACE_KEY_FILE names. The key goes into every request as a
// bearer token. CLI_OK, or an exit code when it has said on stderr what is wrong, which never holds the key; *out is NULL then.
int client_open(struct client **out, const char *command, const char *url,
                const char *key_spec) MUST_CHECK;
void client_close(struct client *client); // NULL is fine
// The URL fit for messages: secrets in it are redacted.
const char *client_shown(const struct client *client);

struct client_answer {
    int status;
    char content_type[128];  // "" when none; lower case, without parameters
    char detail[256];        // of a problem+json answer, or its first line; one line, printable
    uint64_t retry_after_ms; // 0: not given
};

// Body bytes of a 200 answer to a GET. Anything but 0 ends the request and is returned by client_get.
typedef int client_body_fn(void *context, struct str bytes);
// Called at least once a second while a GET goes on; `idle_ms` since the last byte came. Anything but 0 ends the request in the same way.
typedef int client_idle_fn(void *context, uint64_t idle_ms);

// GET of the URL with `query` ("a=b&c=d", may be "") added to its own. `last_id` empty: no Last-Event-ID. 0: the answer came to its
// end; ERR_IO with a report when the connection could not be made or broke (answer->status 0: before an answer); what a callback returned.
int client_get(struct client *client, const char *query, struct str last_id, client_body_fn *body,
               client_idle_fn *idle, void *context, struct client_answer *answer,
               struct report *report) MUST_CHECK;

// POST of `body`. 0: answered in full; ERR_IO as above, also when the answer takes longer than a minute or is cut off.
int client_post(struct client *client, const char *query, struct str body,
                struct client_answer *answer, struct report *report) MUST_CHECK;

// Whether the URL's own query has one of these names (NULL at the end).
bool client_has_query(const struct client *client, const char *const *names);

// Whether the same request may well succeed later: 408, 425, 429, 500, 502, 503, 504.
bool client_is_temporary(int status);
// For a final answer that is not a success: says it on stderr and returns the exit code of its class.
int client_refused(const struct client *client, const char *command,
                   const struct client_answer *answer);

// How long to wait before try number `failures` (from 1): doubles from base_ms up to max_ms, with a random half taken off.
uint64_t client_backoff(uint64_t base_ms, uint64_t max_ms, unsigned failures);
void client_sleep(uint64_t ms);

#endif
