// SPDX-License-Identifier: MIT
// Connections of HTTP/1.1 with a handler that does what the path says (support.c).
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"
#include "support.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST(path, body_len, body)                                                                 \
    "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Length: " body_len "\r\n\r\n" body
#define OK(len, body)                                                                              \
    "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nVary: Origin\r\n"                       \
    "Content-Type: text/plain\r\nContent-Length: " len "\r\n\r\n" body

static struct bench bench;
static struct client client;

static void set_up(void) {
    bench_open(&bench);
    client_connect(&bench, &client);
}

static void tear_down(void) {
    client_close(&client);
    bench_close(&bench);
}

TestSuite(http1_conn, .init = set_up, .fini = tear_down);

static void expect_said(const char *expected) {
    const char *said = bench_said(&bench);
    cr_assert_str_eq(said, expected);
}

static void expect_got(const char *expected) {
    const char *got = client_got(&client);
    cr_assert_str_eq(got, expected);
}

static void expect_in(const char *part) {
    const char *got = client_got(&client);
    cr_assert(strstr(got, part), "%s", got);
}

static void expect_closed_after(const char *part) {
    const char *got = client_got(&client);
    cr_assert(strstr(got, part) && strstr(got, "Connection: close") && strstr(got, "<end>"), "%s",
              got);
}

// --- answers -------------------------------------------------------------------------------------

Test(http1_conn, a_request_is_answered_and_the_connection_goes_on) {
    client_send(&client, GET("/now"));
    expect_got(OK("3", "now"));
    expect_said("begin /now|gone");
    client_send(&client, GET("/now"));
    expect_got(OK("3", "now"));
}

Test(http1_conn, a_head_may_come_byte_by_byte) {
    const char *text = GET("/now");
    for (; *text; text++) client_send(&client, (char[]){*text, 0});
    expect_got(OK("3", "now"));
    expect_said("begin /now|gone");
}

Test(http1_conn, an_answer_may_come_late) {
    client_send(&client, GET("/later"));
    expect_got("");
    bench_answer(&bench, 0, "late");
    expect_got(OK("4", "late"));
    expect_said("begin /later|gone");
}

Test(http1_conn, answers_leave_in_the_order_of_their_requests) {
    client_send(&client, POST("/a", "0", "") POST("/b", "0", "") POST("/c", "0", ""));
    expect_said("begin /a|end|begin /b|end|begin /c|end");
    bench_answer(&bench, 2, "three");
    bench_answer(&bench, 1, "two");
    expect_got("");
    bench_answer(&bench, 0, "one");
    expect_got(OK("3", "one") OK("3", "two") OK("5", "three"));
    expect_said("gone|gone|gone");
}

Test(http1_conn, what_does_not_go_alongside_waits_for_earlier_answers) {
    client_send(&client, POST("/a", "0", "") GET("/now") POST("/b", "0", ""));
    expect_said("begin /a|end");
    bench_answer(&bench, 0, "one");
    expect_got(OK("3", "one") OK("3", "now"));
    expect_said("gone|begin /now|gone|begin /b|end");
}

Test(http1_conn, head_gets_no_body_and_204_no_length) {
    client_send(&client, "HEAD /now HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_got(OK("3", ""));
    client_send(&client, GET("/nothing"));
    expect_got("HTTP/1.1 204 No Content\r\nX-Content-Type-Options: nosniff\r\n"
               "Vary: Origin\r\n\r\n");
}

Test(http1_conn, http_1_0_must_ask_for_more) {
    client_send(&client, "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_in("Connection: keep-alive");
    client_send(&client, "GET /now HTTP/1.0\r\n\r\n");
    expect_closed_after("now");
}

Test(http1_conn, nothing_after_a_request_that_closes_is_a_request) {
    client_send(&client, "GET /now HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/now"));
    expect_closed_after("now");
    expect_said("begin /now|gone");
}

Test(http1_conn, a_late_answer_remembers_the_origin) {
    client_send(&client, "POST /a HTTP/1.1\r\nHost: h\r\nOrigin: https://page.example\r\n"
                         "Content-Length: 0\r\n\r\n" POST("/b", "0", ""));
    bench_answer(&bench, 1, "two");
    bench_answer(&bench, 0, "one");
    const char *got = client_got(&client);
    const char *allowed = strstr(got, "Access-Control-Allow-Origin: https://page.example\r\n");
    cr_assert(allowed && allowed < strstr(got, "one"), "%s", got);
    cr_assert_null(strstr(allowed + 1, "Access-Control-Allow-Origin"));
}

Test(http1_conn, a_malformed_head_is_answered_and_closes) {
    client_send(&client, "GET / HTTP/1.1\r\nHost: h\r\nbad field: x\r\n\r\n" GET("/now"));
    expect_closed_after("400 Bad Request");
    expect_said("");
}

Test(http1_conn, memory_that_is_out_closes_without_half_an_answer) {
    client_send(&client, GET("/broken"));
    expect_got("<end>");
    expect_said("begin /broken|gone");
}

// --- bodies --------------------------------------------------------------------------------------

Test(http1_conn, a_body_is_given_as_it_comes) {
    client_send(&client, POST("/a", "6", "ab"));
    client_send(&client, "cd");
    client_send(&client, "ef");
    expect_said("begin /a|body ab|pause|body cd|pause|body ef|end");
    bench_answer(&bench, 0, "x");
    expect_got(OK("1", "x"));
}

Test(http1_conn, chunks_are_taken_apart) {
    client_send(&client, "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n");
    client_send(&client, "2\r\nde\r\n0\r\n\r\n");
    expect_said("begin /a|body abc|pause|body de|end");
}

Test(http1_conn, a_small_body_that_nobody_wants_is_read_and_forgotten) {
    client_send(&client, "GET /now HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    expect_got("");
    client_send(&client, "cde" GET("/now"));
    expect_got(OK("3", "now") OK("3", "now"));
}

Test(http1_conn, a_refused_upload_with_a_small_body_keeps_the_connection) {
    client_send(&client, POST("/refused", "5", "ab"));
    expect_in("403 Forbidden");
    client_send(&client, "cde" GET("/now"));
    expect_got(OK("3", "now"));
    expect_said("begin /refused|gone|begin /now|gone");
}

Test(http1_conn, a_refused_upload_with_a_large_body_ends_the_connection) {
    client_send(&client, POST("/refused", "70000", "ab"));
    expect_closed_after("403 Forbidden");
}

Test(http1_conn, a_large_body_of_a_get_is_refused) {
    client_send(&client, "GET /now HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect_closed_after("413 Content Too Large");
    expect_said("");
}

Test(http1_conn, an_answer_in_the_middle_of_a_body_forgets_the_rest) {
    client_send(&client, POST("/a", "4", "!b"));
    expect_in("400 Bad Request");
    client_send(&client, "cd" GET("/now"));
    expect_got(OK("3", "now"));
    expect_said("begin /a|body !b|gone|begin /now|gone");
}

Test(http1_conn, a_body_that_is_held_is_not_read) {
    client_send(&client, "POST /slow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "1\r\n#\r\n");
    expect_said("begin /slow|body #|pause");
    client_send(&client, "1\r\nb\r\n");
    client_send(&client, "0\r\n\r\n");
    expect_said("");
    exchange_hold(bench.open[0], false);
    bench_turn(&bench);
    expect_said("body b|end");
}

Test(http1_conn, a_malformed_chunk_cuts_the_body) {
    client_send(&client, "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    expect_closed_after("400 Bad Request");
    expect_said("begin /a|cut 400|gone");
}

Test(http1_conn, continue_is_sent_only_when_the_body_is_wanted) {
    client_send(&client, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                         "Expect: 100-continue\r\n\r\n");
    expect_got("HTTP/1.1 100 Continue\r\n\r\n");
    client_send(&client, "x");
    bench_answer(&bench, 0, "y");
    expect_got(OK("1", "y"));
    client_send(&client, "POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                         "Expect: 100-continue\r\n\r\n");
    expect_closed_after("403 Forbidden");
}

Test(http1_conn, continue_waits_for_earlier_answers) {
    client_send(&client, POST("/a", "0", "") "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                                             "Expect: 100-continue\r\n\r\n");
    expect_said("begin /a|end");
    bench_answer(&bench, 0, "one");
    expect_got(OK("3", "one") "HTTP/1.1 100 Continue\r\n\r\n");
}

// --- lost and late -------------------------------------------------------------------------------

Test(http1_conn, each_exchange_of_a_lost_connection_is_gone_once) {
    client_send(&client, POST("/a", "0", "") POST("/b", "9", "x"));
    expect_said("begin /a|end|begin /b|body x|pause");
    client_shut(&client);
    expect_said("gone|gone");
    expect_got("<end>");
}

// Nothing else would ever end it: no time-out applies to a body that may be slow.
Test(http1_conn, a_body_whose_peer_left_while_it_was_held_is_gone) {
    client_send(&client, "POST /slow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "1\r\n#\r\n");
    client_send(&client, "1\r\nb\r\n");
    client_shut(&client);
    expect_said("begin /slow|body #|pause");
    exchange_hold(bench.open[0], false);
    bench_turn(&bench);
    expect_said("body b|pause|gone");
    expect_got("<end>");
}

// --- what is held --------------------------------------------------------------------------------

Test(http1_conn, a_head_that_there_is_no_room_for_is_refused_politely) {
    char part[1001];
    struct client other;
    memset(part, 'x', sizeof part - 1);
    part[sizeof part - 1] = '\0';
    bench.http.account.most = 1000;
    client_send(&client, "GET /now HTTP/1.1\r\nHost: h\r\nX: ");
    while (!bench.http.counts.refused_total) client_send(&client, part);
    const char *got = client_got(&client);
    cr_assert(strstr(got, "503 Service Unavailable") && strstr(got, "Retry-After: 1"), "%s", got);
    cr_assert_eq(bench.http.counts.refused_total, 1);
    // Whoever holds little is served.
    cr_assert(account_take(&bench.http.account, 1000 - bench.http.account.held));
    client_connect(&bench, &other);
    client_send(&other, GET("/now"));
    cr_assert(strstr(client_got(&other), "now"));
    client_close(&other);
    bench.http.account.held = 0;
}

Test(http1_conn, what_is_held_back_is_counted_until_it_goes_on) {
    char much[30001];
    int len = snprintf(much, sizeof much, "%s",
                       GET("/later") "POST /order HTTP/1.1\r\nHost: h\r\n"
                                     "Content-Length: 20000\r\n\r\n");
    memset(much + len, 'x', 20000);
    much[len + 20000] = '\0';
    client_send(&client, much);
    cr_assert_gt(bench.http.account.held, 15000);
    bench_answer(&bench, 0, "x");
    cr_assert_eq(bench.http.account.held, 0);
    expect_in("now");
}

Test(http1_conn, a_head_that_waits_and_finds_no_room_is_never_begun) {
    char much[12001];
    int len = snprintf(much, sizeof much, "%s", POST("/a", "0", "") GET("/now") "GET /");
    memset(much + len, 'x', sizeof much - 1 - (size_t)len);
    much[sizeof much - 1] = '\0';
    bench.http.account.most = 4096;
    cr_assert(account_take(&bench.http.account, 4096));
    client_send(&client, much);
    bench_answer(&bench, 0, "one");
    expect_closed_after("503 Service Unavailable");
    const char *said = bench_said(&bench);
    cr_assert(!strstr(said, "begin /now"), "%s", said);
    bench.http.account.held = 0;
}

Test(http1_conn, a_large_answer_is_given_only_with_room_for_it) {
    char *large = malloc(100001);
    memset(large, 'x', 100000);
    large[100000] = '\0';
    client_send(&client, GET("/later"));
    bench.http.account.most = 50000;
    bench_answer(&bench, 0, large);
    expect_in("503 Service Unavailable");
    bench.http.account.most = 200000;
    client_send(&client, GET("/later"));
    bench_answer(&bench, 1, large);
    expect_in("200 OK");
    free(large);
}

Test(http1_conn, a_peer_that_has_said_all_still_gets_its_answer) {
    client_send(&client, GET("/later"));
    client_shut(&client);
    bench_answer(&bench, 0, "x");
    expect_got(OK("1", "x") "<end>");
}

Test(http1_conn, an_idle_connection_is_closed) {
    struct client other;
    bench.settings.idle_timeout_ms = 5;
    client_connect(&bench, &other);
    client_send(&other, GET("/now"));
    client_close(&client);
    bench_wait_ended(&bench);
    cr_assert(strstr(client_got(&other), "now<end>"));
    client_close(&other);
    client_connect(&bench, &client);
}

Test(http1_conn, a_slow_head_is_408) {
    bench.settings.header_timeout_ms = 5;
    client_send(&client, "GET /now HT");
    bench_wait_ended(&bench);
    expect_in("408 Request Timeout");
    expect_said("");
}

Test(http1_conn, a_slow_body_is_cut) {
    bench.settings.body_timeout_ms = 5;
    client_send(&client, POST("/a", "9", "x"));
    bench_wait_ended(&bench);
    expect_closed_after("408 Request Timeout");
    expect_said("begin /a|body x|pause|cut 408|gone");
}

// Each byte comes in time.
Test(http1_conn, a_body_that_trickles_is_cut) {
    bench.settings.body_timeout_ms = 300;
    client_send(&client, POST("/a", "9999", "x"));
    for (int i = 0; i < 200 && bench.http.conns->state == CONN_REQUESTS; i++) {
        usleep(20 * 1000);
        client_send(&client, "x");
    }
    expect_closed_after("408 Request Timeout");
}

Test(http1_conn, a_body_that_may_be_slow_is_not_cut) {
    struct client other;
    bench.settings.body_timeout_ms = 5;
    bench.settings.idle_timeout_ms = 25;
    client_send(&client, POST("/slow", "3", "x"));
    client_connect(&bench, &other);
    while (bench.http.conns_count == 2) bench_turn(&bench);
    client_send(&client, "yz");
    expect_said("begin /slow|body x|pause|body yz|end");
    bench_answer(&bench, 0, "x");
    client_close(&other);
}

Test(http1_conn, draining_ends_what_is_idle_and_closes_after_the_last_answer) {
    struct client idle, newcomer;
    client_connect(&bench, &idle);
    client_connect(&bench, &newcomer);
    client_send(&idle, GET("/now"));
    client_got(&idle);
    client_send(&client, GET("/later"));
    bench.http.draining = true;
    connections_drain(&bench.http);
    cr_assert_str_eq(client_got(&idle), "<end>");
    cr_assert_eq(bench.http.busy, 1);
    bench_answer(&bench, 0, "x");
    expect_closed_after("x");
    // What has not asked for anything yet may be about to.
    client_send(&newcomer, GET("/now"));
    cr_assert(strstr(client_got(&newcomer), "Connection: close"));
    client_close(&newcomer);
    client_close(&idle);
}

// --- streams -------------------------------------------------------------------------------------

#define STREAM_HEAD(connection)                                                                    \
    "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nVary: Origin\r\n" connection            \
    "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

Test(http1_conn, an_endless_stream_holds_no_buffers_and_ends_the_connection) {
    client_send(&client, GET("/endless"));
    expect_got(STREAM_HEAD("Connection: close\r\n"));
    const struct http1_conn *conn = bench.http.conns;
    cr_assert(!conn->parser && !conn->held && !conn->out);
    exchange_finish(bench.open[0]);
    bench_turn(&bench);
    expect_got("<end>");
    expect_said("begin /endless|gone");
}

Test(http1_conn, requests_may_follow_a_stream_that_ends) {
    client_send(&client, GET("/ends") GET("/now"));
    client_send(&client, GET("/now"));
    expect_got(STREAM_HEAD(""));
    expect_said("begin /ends");
    exchange_finish(bench.open[0]);
    bench_turn(&bench);
    expect_got(OK("3", "now") OK("3", "now"));
    expect_said("gone|begin /now|gone|begin /now|gone");
}

Test(http1_conn, the_end_of_its_peer_ends_an_endless_stream_but_not_one_that_ends) {
    struct client other;
    client_connect(&bench, &other);
    client_send(&client, GET("/endless"));
    client_send(&other, GET("/ends"));
    bench_said(&bench);
    client_shut(&client);
    expect_said("gone");
    client_shut(&other);
    expect_said("");
    exchange_finish(bench.open[1]);
    bench_turn(&bench);
    expect_said("gone");
    client_close(&other);
}

Test(http1_conn, a_parked_exchange_is_lost_with_its_peer_and_asked_when_draining) {
    client_send(&client, GET("/parked"));
    connections_drain(&bench.http);
    expect_said("begin /parked|drain");
    client_shut(&client);
    expect_said("gone");
}

Test(http1_conn, a_parked_exchange_can_become_a_stream) {
    struct buf head;
    client_send(&client, GET("/parked") GET("/now"));
    buf_init(&head, 10000);
    exchange_stream(bench.open[0], &(struct answer){.status = 200, .length = ANSWER_ENDS}, &head);
    cr_assert(strstr(buf_cstr(&head), "Transfer-Encoding: chunked"));
    buf_fini(&head);
    client_shut(&client);
    expect_said("begin /parked");
    exchange_finish(bench.open[0]);
    bench_turn(&bench);
    expect_got(OK("3", "now") "<end>");
}

Test(http1_conn, a_stream_has_a_timer_and_is_told_when_it_can_be_written) {
    client_send(&client, GET("/endless"));
    exchange_wait_until(bench.open[0], loop_now(bench.loop));
    exchange_want_writable(bench.open[0], true);
    bench_said(&bench);
    bench_turn(&bench);
    exchange_want_writable(bench.open[0], false);
    const char *said = bench_said(&bench);
    cr_assert(strstr(said, "timer") && strstr(said, "writable"), "%s", said);
}

Test(http1_conn, what_the_peer_of_a_stream_sends_is_bounded) {
    char much[1000];
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    client_send(&client, GET("/endless"));
    for (int i = 0; i < 60; i++) client_send(&client, much);
    expect_said("begin /endless");
    for (int i = 0; i < 10 && bench.http.conns; i++) client_send(&client, much);
    expect_said("gone");
}

// --- by chance -----------------------------------------------------------------------------------

// Uploads of random sizes, cut at random places on the way, answered in random order.
Test(http1_conn, answers_stay_in_order_whatever_happens_in_between) {
    struct random random;
    struct buf sent;
    char text[200];
    random_seed(&random, 7);
    buf_init(&sent, 1 << 20);
    for (int i = 0; i < 200; i++) {
        size_t body = (size_t)random_below(&random, 50);
        int len = snprintf(text, sizeof text,
                           "POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%.*s", i,
                           body, (int)body, "..................................................");
        buf_append(&sent, text, (size_t)len);
    }
    size_t answered = 0, next = 0, at = 0;
    while (answered < 200) {
        if (at < sent.len) {
            size_t len = 1 + (size_t)random_below(&random, 300);
            if (len > sent.len - at) len = sent.len - at;
            snprintf(text, sizeof text, "%s", "");
            char piece[400];
            memcpy(piece, sent.data + at, len);
            piece[len] = '\0';
            client_send(&client, piece);
            at += len;
        }
        // An upload may be answered once its body has come; with half of one it would be cut.
        size_t whole = bench.opened - (at < sent.len && bench.opened ? 1 : 0);
        for (size_t i = 0; i < whole; i++) {
            if (!bench.open[i] || random_below(&random, 3)) continue;
            struct exchange *exchange = bench.open[i];
            bench.open[i] = NULL;
            snprintf(text, sizeof text, "<%zu>", i);
            struct answer answer = {.status = 200, .body = str_from(text)};
            exchange_answer(exchange, &answer);
            answered++;
        }
        bench_turn(&bench);
        const char *got = client_got(&client);
        for (; (got = strchr(got, '<')) != NULL; got++) {
            cr_assert_eq((size_t)atoi(got + 1), next);
            next++;
        }
    }
    bench_turn(&bench);
    buf_fini(&sent);
}
