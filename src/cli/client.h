// SPDX-License-Identifier: MIT
// An HTTP client for the commands: the only file that knows libcurl. One request at a time, one
// thread. A connection is kept between requests. Redirects are not followed: they would send the
// key to another server.
#ifndef TAILRACE_CLI_CLIENT_H
#define TAILRACE_CLI_CLIENT_H

#include "base/buf.h"

struct client;

// What the commands that are clients have in common.
struct client_options {
    const char *key;    // --key, see below; NULL: not given
    const char *cacert; // --cacert: certificates of the authorities to trust; NULL: not given
};

// Opens a client for a command's URL and options.
//
// `url` is http://HOST:PORT/PATH?QUERY, the same with https, or HOST:PORT/PATH, which means http.
// Bytes that are not allowed in a URL (spaces, UTF-8) are encoded. Refused are another scheme, a
// missing host or path, a fragment, and control characters.
//
// `key` is the key itself, @FILE (the first line of the file) or @- (the first line of
// standard input). NULL: the environment variable TAILRACE_KEY, or else the first line of the file
// that TAILRACE_KEY_FILE names. Every request carries the key as a bearer token.
//
// Trusted for https are the certificates of --cacert, of the file that CURL_CA_BUNDLE or
// SSL_CERT_FILE names, of the directory SSL_CERT_DIR, or else those of the system; the first that
// is given counts, as for curl(1).
//
// CLI_OK; or an exit code after it has said on stderr what is wrong, with *out NULL. No message
// shows the key.
int client_open(struct client **out, const char *command, const char *url,
                const struct client_options *options) MUST_CHECK;
void client_close(struct client *client); // NULL is fine
// The URL for messages, with secrets redacted.
const char *client_shown(const struct client *client);

struct client_answer {
    int status;
    char content_type[128]; // "" when none; lower case, without parameters
    char detail[256]; // of a problem+json answer, or the body's first line; one printable line
    uint64_t retry_after_ms; // 0: not given
};

// Gets the body of a 200 answer to a GET, piece by piece. A value other than 0 ends the request,
// and client_get returns it.
typedef int client_body_fn(void *context, struct str bytes);
// Called at least once a second during a GET, with the time since the last byte came. A value other
// than 0 ends the request in the same way.
typedef int client_idle_fn(void *context, uint64_t idle_ms);

// GET of the URL, with `query` ("a=b&c=d", may be "") added to its own. `last_id` empty: no
// Last-Event-ID. Returns 0 when the answer came to its end, or the value that a callback returned.
// ERR_IO with a report: the connection could not be made or broke; answer->status is 0 if that was
// before an answer. ERR_DENIED with a report: the server's certificate is not to be trusted, which
// no other try will change.
int client_get(struct client *client, const char *query, struct str last_id, client_body_fn *body,
               client_idle_fn *idle, void *context, struct client_answer *answer,
               struct report *report) MUST_CHECK;

// POST of `body`. 0: there is a complete answer. ERR_IO and ERR_DENIED as above; ERR_IO also when
// the answer takes longer than a minute or is cut off.
int client_post(struct client *client, const char *query, struct str body,
                struct client_answer *answer, struct report *report) MUST_CHECK;

// Appends NAME=VALUE to a query that is being made, encoded.
void client_add_parameter(struct buf *query, const char *name, struct str value);
// Reads the value of --retry-for. CLI_OK, or an exit code after it has said what is wrong.
int client_take_retry_for(const char *command, const char *value, uint64_t *ms) MUST_CHECK;

// Whether the URL's own query has one of these names (the list ends with NULL).
bool client_has_query(const struct client *client, const char *const *names);

// Whether the same request may succeed later: 408, 425, 429, 500, 502, 503, 504.
bool client_is_temporary(int status);
// For a final answer that is not a success: reports it on stderr and returns the exit code of its
// class.
int client_refused(const struct client *client, const char *command,
                   const struct client_answer *answer);

// How long to wait before another try after `failures` failures (from 1): doubles from base_ms up
// to max_ms; a random part, up to half, is subtracted.
uint64_t client_backoff(uint64_t base_ms, uint64_t max_ms, unsigned failures);
void client_sleep(uint64_t ms);

#endif
