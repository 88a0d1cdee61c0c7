// SPDX-License-Identifier: MIT
// Connections of HTTP/1.1 over socket pairs, with a handler that does what the path says.
#ifndef TEST_HTTP_SUPPORT_H
#define TEST_HTTP_SUPPORT_H

#include "http/connections.h"
#include "http/http1_conn_priv.h"

struct bench {
    struct http http;
    struct loop *loop;
    struct http_settings settings;
    struct loop_timer turn;
    struct buf said; // what handlers were called with: "begin /x", "body 3", …, separated by '|'
    // Exchanges that have not been answered, in the order in which they were begun; NULL: gone.
    struct exchange *open[512];
    size_t opened;
};

// Limits that no test reaches; a test sets what it is about before its first connection.
void bench_open(struct bench *bench);
void bench_close(struct bench *bench);
// Turns of the loop until nothing is left to do.
void bench_turn(struct bench *bench);
// Waits until timers have ended every connection: it is closed, or lingers after its last answer.
void bench_wait_ended(struct bench *bench);
// What handlers were called with since the last call. Valid until the next one.
const char *bench_said(struct bench *bench);
void bench_answer(struct bench *bench, size_t opened, const char *body);

// The other end of a connection.
struct client {
    struct bench *bench;
    int fd;
    struct buf got;
};
void client_connect(struct bench *bench, struct client *client);
// Sends the text and lets the connection work.
void client_send(struct client *client, const char *text);
// Everything that has come since the last call; a head's Date is left out. Ends with "<end>" when
// the connection was closed.
const char *client_got(struct client *client);
void client_shut(struct client *client);
void client_close(struct client *client);

#endif
