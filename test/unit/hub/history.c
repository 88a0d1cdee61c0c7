// SPDX-License-Identifier: MIT
// Answers from the past: pages before an event, searches newest first, answers with a limit;
// compared with a model.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static const struct journal_topic_rule memory_rule[] = {{.pattern = "memory/*", .memory = true}};

static struct bench_config with_memory(uint32_t ring_events) {
    return (struct bench_config){.ring_events = ring_events,
                                 .policy = {.rules = memory_rule, .rules_count = 1}};
}

// The newest `count` before `seq`, as bare data.
static struct hub_request before(const char *topics, uint64_t seq, uint64_t count) {
    struct hub_request request = client_request(topics);
    request.mode = HUB_SNAPSHOT;
    request.start = HUB_START_BEFORE;
    request.format = FRAME_TEXT;
    request.seq = seq;
    request.count = count;
    return request;
}

static struct hub_request newest(const char *topics, uint64_t seq, uint64_t count) {
    struct hub_request request = before(topics, seq, count);
    request.newest = true;
    return request;
}

static void expect(struct bench *bench, const struct hub_request *request, const char *text) {
    struct client client;
    client_open(bench, &client, request);
    bench_pump(bench);
    cr_assert(client.finished);
    const char *got = client_text(&client);
    size_t same = 0;
    while (got[same] && got[same] == text[same]) same++;
    cr_assert_str_eq(got, text, "after %zu bytes: got \"%.40s\", expected \"%.40s\"", same,
                     got + same, text + same);
    struct hub_counts counts;
    hub_counts(bench->hub, &counts);
    cr_assert_eq(counts.searches, 0);
    client_close(&client);
}

Test(history, a_page_is_the_newest_before_an_event) {
    struct bench bench;
    bench_fill(&bench, 3);
    struct hub_request request = before("a", 14, 4);
    expect(&bench, &request, "x-5\nz-1\nz-2\nz-3\n");
    request = before("a,b", 12, 3);
    expect(&bench, &request, "y-4\ny-5\nz-1\n");
    request = before("**", 3, 10);
    expect(&bench, &request, "x-1\nx-2\n");
    request = before("a", 1, 10);
    expect(&bench, &request, "");
    request = before("a", 0, 10);
    expect(&bench, &request, "");
    request = before("none", 16, 10);
    expect(&bench, &request, "");
    request = newest("a,b", UINT64_MAX, 6);
    expect(&bench, &request, "z-5\nz-4\nz-3\nz-2\nz-1\ny-5\n");
    request = newest("b", 8, 100);
    expect(&bench, &request, "y-2\ny-1\n");
    bench_close(&bench);
}

Test(history, json_says_where_the_next_older_page_begins) {
    struct bench bench;
    bench_fill(&bench, 1000);
    struct hub_request request = before("b", UINT64_MAX, 2);
    request.format = FRAME_JSON;
    struct client client;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert(client.finished);
    cr_assert(strstr(client_text(&client), "\"data\":\"y-4\"},{"));
    struct buf tail;
    buf_init(&tail, 200);
    buf_printf(&tail, "\"data\":\"y-5\"}],\"next\":\"%s-15\",\"previous\":\"%s-9\"}\n", bench.epoch,
               bench.epoch);
    cr_assert(strstr(client_text(&client), buf_cstr(&tail)), "%s", client_text(&client));
    client_close(&client);
    // Exactly what there is: nothing older.
    for (uint64_t count = 5; count < 7; count++) {
        request.count = count;
        client_open(&bench, &client, &request);
        bench_pump(&bench);
        cr_assert(strstr(client_text(&client), ",\"previous\":null}\n"));
        client_close(&client);
    }
    buf_fini(&tail);
    bench_close(&bench);
}

Test(history, a_search_tells_how_far_it_is_and_what_came_of_it) {
    struct bench bench;
    bench_fill(&bench, 4);
    struct hub_request request = newest("a", UINT64_MAX, 2);
    request.format = FRAME_NDJSON;
    request.filter = STR("x");
    request.control = true;
    struct client client;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    const char *text = client_text(&client), *first = strstr(text, "\"data\":\"x-5\"");
    cr_assert(first && strstr(first, "\"data\":\"x-4\""));
    cr_assert(strstr(text, "\"type\":\"tailrace.done\""));
    cr_assert(
        strstr(text, "\"data\":\"{\\\"scanned\\\":8,\\\"hits\\\":2,\\\"complete\\\":false}\"}\n"),
        "%s", text);
    client_close(&client);
    request.count = UINT64_MAX;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    text = client_text(&client);
    cr_assert(strstr(text, "{\\\"scanned\\\":10,\\\"hits\\\":5,\\\"complete\\\":true}"), "%s",
              text);
    client_close(&client);
    bench_close(&bench);
}

Test(history, a_long_search_says_so_now_and_then_and_leaves_the_live_ones_alone) {
    struct bench bench;
    struct client search, live;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    for (int i = 0; i < 15; i++) bench_put_many(&bench, "a", "x", 4000);
    bench_turn(&bench);
    struct hub_request request = client_request("b");
    client_open(&bench, &live, &request);
    bench_turn(&bench);
    request = newest("a", UINT64_MAX, UINT64_MAX);
    request.format = FRAME_NDJSON;
    request.filter = STR("not there");
    request.control = true;
    client_open(&bench, &search, &request);
    size_t turns = 0;
    for (bool more = true; more; turns++) {
        uint64_t looked = bench.hub->counts.looked_back_total;
        uint64_t seq = bench_put(&bench, "b", "y");
        bench_apply(&bench);
        bench_deliver(&bench);
        char id[64];
        snprintf(id, sizeof id, "id: %s-%llu\n", bench.epoch, (unsigned long long)seq);
        cr_assert(strstr(client_events(&live), id), "in the same turn");
        bench.now_ms += 100;
        more = hub_continue(bench.hub, bench.now_ms);
        cr_assert_leq(bench.hub->counts.looked_back_total - looked, 1200);
    }
    cr_assert_geq(turns, 50);
    cr_assert(search.finished);
    size_t said = 0;
    for (const char *at = client_text(&search); (at = strstr(at, "tailrace.progress")); at++)
        said++;
    cr_assert(said >= turns / 10 && said <= turns / 4, "%zu in %zu turns", said, turns);
    cr_assert(strstr(client_text(&search), "\\\"scanned\\\":60000,\\\"hits\\\":0,"));
    client_close(&search);
    client_close(&live);
    bench_close(&bench);
}

// Where a search says it is, a client may go on: all that it gives afterwards must be older.
Test(history, how_far_it_is_is_never_beyond_what_has_been_given) {
    struct bench bench;
    struct client search;
    static char data[2000];
    memset(data, 'x', sizeof data - 1);
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    for (int i = 0; i < 1000; i++) bench_put(&bench, "a", data);
    bench_turn(&bench);
    struct hub_request request = newest("a", UINT64_MAX, UINT64_MAX);
    request.format = FRAME_NDJSON;
    request.filter = STR("x");
    request.control = true;
    client_open(&bench, &search, &request);
    do {
        bench.now_ms += 600;
    } while (hub_continue(bench.hub, bench.now_ms));
    cr_assert(search.finished);
    const char *text = client_text(&search);
    cr_assert(strstr(text, "tailrace.progress"));
    unsigned long long last = UINT64_MAX;
    size_t ids = 0;
    for (const char *at = text; (at = strstr(at, "{\"id\":\"")) != NULL; at++, ids++) {
        unsigned long long id = strtoull(strchr(at, '-') + 1, NULL, 10);
        cr_assert_leq(id, last);
        last = id;
    }
    cr_assert_gt(ids, 1000);
    client_close(&search);
    bench_close(&bench);
}

Test(history, many_searches_share_a_turn) {
    enum { SEARCHES = 64 };
    static struct client searches[SEARCHES];
    struct bench bench;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    for (int i = 0; i < 5; i++) bench_put_many(&bench, "a", "x", 4000);
    bench_turn(&bench);
    struct hub_request request = newest("a", UINT64_MAX, UINT64_MAX);
    request.filter = STR("/no.*t there/");
    for (int i = 0; i < SEARCHES; i++) client_open(&bench, &searches[i], &request);
    for (bool more = true; more;) {
        uint64_t looked = bench.hub->counts.looked_back_total;
        more = hub_continue(bench.hub, bench.now_ms);
        cr_assert_leq(bench.hub->counts.looked_back_total - looked, 5 * 1024);
    }
    for (int i = 0; i < SEARCHES; i++) {
        cr_assert(searches[i].finished);
        client_close(&searches[i]);
    }
    bench_close(&bench);
}

// A clock by which everything takes long.
static uint64_t slow_clock_us(void) {
    static uint64_t now_us;
    return now_us += 300;
}

Test(history, what_takes_long_is_done_in_smaller_slices) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    bench_put_many(&bench, "a", "x", 2000);
    bench_turn(&bench);
    bench.hub->budget.clock_us = slow_clock_us;
    for (int i = 0; i < 2; i++) {
        struct hub_request request = newest("a", UINT64_MAX, UINT64_MAX);
        request.filter = i ? STR("x-777") : STR("/x-7{3}/");
        client_open(&bench, &client, &request);
        for (bool more = true; more;) {
            uint64_t looked = bench.hub->counts.looked_back_total;
            more = hub_continue(bench.hub, bench.now_ms);
            cr_assert_leq(bench.hub->counts.looked_back_total - looked, i ? 4 * 16 : 4);
        }
        cr_assert(client.finished);
        client_expect(&client, "x-777\n");
        client_close(&client);
    }
    bench_close(&bench);
}

Test(history, a_client_that_takes_nothing_stops_its_search) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    struct buf expected;
    buf_init(&expected, 1 << 24);
    for (int i = 0; i < 5; i++) bench_put_many(&bench, "a", "x", 4000);
    bench_turn(&bench);
    for (int i = 0; i < 5; i++) {
        for (int k = 4000; k > 0; k--) buf_printf(&expected, "x-%d\n", k);
    }
    struct hub_request request = newest("a", UINT64_MAX, UINT64_MAX);
    slow = (struct client){.capacity = 100};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    bench_pump(&bench);
    cr_assert(slow.wants_writable);
    cr_assert_lt(bench.hub->counts.looked_back_total, 3000);
    // Odd pieces, so that every way of being cut off in a frame comes up.
    for (size_t piece = 1; !slow.finished; piece = piece * 7 % 2003 + 1) {
        cr_assert(!slow.broken);
        client_take(&slow, piece);
        bench_pump(&bench);
    }
    cr_assert_str_eq(client_events(&slow), buf_cstr(&expected));
    client_close(&slow);
    buf_fini(&expected);
    bench_close(&bench);
}

Test(history, who_leaves_ends_the_search) {
    struct bench bench;
    struct client search;
    struct hub_counts counts;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    for (int i = 0; i < 5; i++) bench_put_many(&bench, "a", "x", 4000);
    bench_turn(&bench);
    struct hub_request request = newest("a", UINT64_MAX, UINT64_MAX);
    request.filter = STR("not there");
    client_open(&bench, &search, &request);
    cr_assert(hub_continue(bench.hub, bench.now_ms));
    hub_counts(bench.hub, &counts);
    cr_assert_eq(counts.searches, 1);
    client_close(&search);
    hub_counts(bench.hub, &counts);
    cr_assert_eq(counts.searches, 0);
    cr_assert(!hub_continue(bench.hub, bench.now_ms));
    bench_close(&bench);
}

Test(history, an_id_that_only_others_know_yet_is_waited_for) {
    struct bench bench;
    struct client page;
    bench_fill(&bench, 1000);
    uint64_t id = bench_put_many(&bench, "a", "w", 3) + 2;
    struct hub_request request = before("a", id, 3);
    client_open(&bench, &page, &request);
    for (int i = 0; i < 5; i++) cr_assert(hub_continue(bench.hub, bench.now_ms));
    cr_assert_str_eq(client_text(&page), "");
    bench_turn(&bench);
    cr_assert(page.finished);
    client_expect(&page, "z-5\nw-1\nw-2\n");
    client_close(&page);
    bench_close(&bench);
}

Test(history, what_is_forgotten_meanwhile_is_not_given) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    bench_put(&bench, "c", "z");
    bench_put_many(&bench, "a", "x", 300);
    bench_put_many(&bench, "b", "y", 300);
    bench_turn(&bench);
    struct hub_request request = newest("a,b", UINT64_MAX, UINT64_MAX);
    slow = (struct client){.capacity = 2};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    bench_pump(&bench);
    cr_assert(slow.wants_writable);
    bench_forget(&bench, "a");
    bench_turn(&bench);
    client_take(&slow, UNLIMITED);
    bench_pump(&bench);
    cr_assert(slow.finished);
    cr_assert(strstr(client_text(&slow), "y-1\n"));
    cr_assert(!strstr(client_text(&slow), "x-"));
    client_close(&slow);
    // Half of an event is out: its rest follows, though it is gone.
    slow = (struct client){.capacity = 5};
    request = newest("b,c", UINT64_MAX, UINT64_MAX);
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    bench_pump(&bench);
    cr_assert(slow.subscriber.parcel);
    bench_forget(&bench, "b");
    bench_turn(&bench);
    client_take(&slow, UNLIMITED);
    bench_pump(&bench);
    cr_assert(slow.finished);
    client_expect(&slow, "y-300\nz\n");
    client_close(&slow);
    bench_close(&bench);
}

Test(history, over_very_many_topics_the_journal_is_read, .timeout = 60) {
    enum { TOPICS = LIMIT_LOOKBACK_TOPICS + 10 };
    struct bench bench;
    struct buf expected;
    struct client client;
    bench_open(&bench, with_memory(50));
    buf_init(&expected, 1 << 24);
    for (int i = 0; i < TOPICS; i++) {
        char name[32], data[32];
        snprintf(name, sizeof name, "%s/%d", i == TOPICS - 7 ? "memory" : "t", i);
        snprintf(data, sizeof data, "%d", i);
        bench_put(&bench, name, data);
        if (i % 1000 == 0) bench_turn(&bench);
    }
    bench_put_many(&bench, "other", "z", 10);
    bench_turn(&bench);
    for (int i = TOPICS; i-- > 0;) buf_printf(&expected, "%d\n", i);
    struct hub_request request = newest("*/*", UINT64_MAX, UINT64_MAX);
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert(client.finished);
    cr_assert_str_eq(client_events(&client), buf_cstr(&expected));
    client_close(&client);
    request = before("*/*", TOPICS - 5, 3);
    expect(&bench, &request, "16385\n16386\n16387\n");
    buf_fini(&expected);
    bench_close(&bench);
}

// --- by chance -----------------------------------------------------------------------------------

#define NAMES 6
static const char *const names[NAMES] = {"a/1", "a/2", "b/1", "c", "memory/1", "memory/2"};

struct model {
    struct {
        int topic;
        bool marker;
    } events[8192];
    uint64_t last;
    uint64_t forgotten[NAMES];
};

static void put_some(struct bench *bench, struct model *model) {
    for (int i = rand() % 40; i > 0; i--) {
        int topic = rand() % NAMES;
        uint32_t count = rand() % 4 ? 1 : 1 + (uint32_t)rand() % 30;
        for (uint32_t k = 0; k < count; k++) {
            model->events[++model->last].topic = topic;
            char data[32];
            snprintf(data, sizeof data, "%llu", (unsigned long long)model->last);
            cr_assert_eq(bench_put(bench, names[topic], data), model->last);
        }
    }
    if (rand() % 10 == 0) {
        int topic = rand() % NAMES;
        bool any = false;
        for (uint64_t seq = model->forgotten[topic] + 1; seq <= model->last; seq++)
            any = any || model->events[seq].topic == topic;
        if (any) {
            bench_turn(bench);
            bench_forget(bench, names[topic]);
            model->forgotten[topic] = model->last;
        }
    }
    bench_turn(bench);
}

static bool is_there(const struct bench *bench, const struct model *model, uint64_t seq,
                     const char *topics) {
    int topic = model->events[seq].topic;
    if (seq <= model->forgotten[topic]) return false;
    if (topic >= 4 && seq <= bench->hub->ring.floor) return false;
    return strstr(topics, names[topic]) || strcmp(topics, "**") == 0 ||
           (strcmp(topics, "a/*,memory/*") == 0 && (topic < 2 || topic >= 4));
}

static void probe(struct bench *bench, const struct model *model) {
    static const char *const asked[] = {"a/1", "**", "a/*,memory/*", "c,b/1", "memory/2"};
    const char *topics = asked[rand() % 5];
    uint64_t from = rand() % 3 ? 1 + (uint64_t)rand() % (model->last + 1) : UINT64_MAX;
    uint64_t count = 1 + (uint64_t)rand() % (rand() % 2 ? 10 : 5000);
    bool descending = rand() % 2;
    char digit[2] = {(char)('0' + rand() % 10), '\0'};
    struct hub_request request =
        descending ? newest(topics, from, count) : before(topics, from, count);
    if (rand() % 3 == 0) request.filter = str_from(digit);
    uint64_t *found = calloc(model->last + 1, sizeof *found), hits = 0;
    for (uint64_t seq = from > model->last ? model->last : from - 1; seq && hits < count; seq--) {
        char data[32];
        snprintf(data, sizeof data, "%llu", (unsigned long long)seq);
        if (is_there(bench, model, seq, topics) && (!request.filter.ptr || strstr(data, digit)))
            found[hits++] = seq;
    }
    struct buf expected;
    buf_init(&expected, 1 << 20);
    for (uint64_t i = 0; i < hits; i++)
        buf_printf(&expected, "%llu\n", (unsigned long long)found[descending ? i : hits - 1 - i]);
    expect(bench, &request, buf_cstr(&expected));
    buf_fini(&expected);
    free(found);
}

static void prove(unsigned seed, uint32_t ring_events) {
    struct bench bench;
    static struct model model;
    srand(seed);
    memset(&model, 0, sizeof model);
    bench_open(&bench, with_memory(ring_events));
    while (model.last < 3000) {
        put_some(&bench, &model);
        for (int i = 0; i < 8; i++) probe(&bench, &model);
    }
    bench_close(&bench);
}

Test(history, is_what_the_model_says, .timeout = 60) { prove(1, 100); }
Test(history, is_what_the_model_says_from_a_large_ring, .timeout = 60) { prove(2, 5000); }
Test(history, is_what_the_model_says_from_the_journal, .timeout = 60) { prove(3, 1); }

// --- a limit -------------------------------------------------------------------------------------

// Goes through everything in pages of `limit`, in text; how many pages.
static size_t page_through(struct bench *bench, struct hub_request request, struct buf *out) {
    for (size_t pages = 1;; pages++) {
        struct client client;
        request.format = FRAME_JSON;
        client_open(bench, &client, &request);
        bench_pump(bench);
        cr_assert(client.finished);
        const char *text = client_text(&client), *next = strstr(text, "],\"next\":\"");
        size_t events = 0;
        for (const char *at = text; (at = strstr(at, "\"data\":\"")); events++) {
            at += 8;
            buf_append(out, at, strcspn(at, "\""));
            buf_append_char(out, '\n');
        }
        cr_assert_leq(events, request.limit);
        cr_assert_not_null(next);
        bool more = strstr(next, ",\"more\":true}");
        if (more) cr_assert_eq(events, request.limit);
        request.start = HUB_START_AFTER;
        request.seq = strtoull(strrchr(next, '-') + 1, NULL, 10);
        request.committed = UINT64_MAX;
        client_close(&client);
        if (!more) return pages;
    }
}

static void limited(uint32_t ring_events) {
    struct bench bench;
    bench_fill(&bench, ring_events);
    for (uint64_t limit = 1; limit < 12; limit++) {
        struct buf got;
        buf_init(&got, 1 << 16);
        struct hub_request request = client_request("a");
        request.mode = HUB_SNAPSHOT;
        request.start = HUB_START_LAST;
        request.count = 7;
        request.limit = limit;
        size_t pages = page_through(&bench, request, &got);
        cr_assert_str_eq(buf_cstr(&got), "x-4\nx-5\nz-1\nz-2\nz-3\nz-4\nz-5\n");
        cr_assert_eq(pages, (7 + limit - 1) / limit);
        buf_clear(&got);
        request.start = HUB_START_AFTER;
        request.seq = 0;
        request.filter = STR("x");
        pages = page_through(&bench, request, &got);
        cr_assert_str_eq(buf_cstr(&got), "x-1\nx-2\nx-3\nx-4\nx-5\n");
        cr_assert_eq(pages, (5 + limit - 1) / limit);
        buf_fini(&got);
    }
    bench_close(&bench);
}

Test(history, a_limit_divides_and_loses_nothing) { limited(1000); }
Test(history, a_limit_divides_what_is_in_the_journal) { limited(1); }

Test(history, a_limit_holds_for_a_slow_client) {
    struct bench bench;
    struct client slow;
    struct buf expected;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    bench_put_many(&bench, "a", "x", 3000);
    bench_turn(&bench);
    buf_init(&expected, 1 << 20);
    for (int i = 1; i <= 2500; i++) buf_printf(&expected, "x-%d\n", i);
    struct hub_request request = client_request("a");
    request.mode = HUB_SNAPSHOT;
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    request.limit = 2500;
    request.format = FRAME_TEXT;
    slow = (struct client){.capacity = 0};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    for (size_t piece = 1; !slow.finished; piece = piece * 7 % 503 + 1) {
        cr_assert(!slow.broken);
        client_take(&slow, piece);
        bench_pump(&bench);
    }
    cr_assert_str_eq(client_events(&slow), buf_cstr(&expected));
    client_close(&slow);
    buf_fini(&expected);
    bench_close(&bench);
}

// Whether one event is given or many, what does not match costs the same.
Test(history, a_small_limit_does_not_make_a_filter_slow) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    for (int i = 0; i < 5; i++) bench_put_many(&bench, "a", "x", 4000);
    bench_put(&bench, "a", "here");
    for (int i = 0; i < 5; i++) bench_put_many(&bench, "a", "x", 4000);
    bench_turn(&bench);
    struct hub_request request = client_request("a");
    request.mode = HUB_SNAPSHOT;
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    request.limit = 1;
    request.filter = STR("here");
    request.format = FRAME_TEXT;
    client_open(&bench, &client, &request);
    size_t turns = 0;
    while (hub_continue(bench.hub, bench.now_ms)) turns++;
    cr_assert(client.finished);
    client_expect(&client, "here\n");
    cr_assert_lt(turns, 100, "%zu turns", turns);
    client_close(&client);
    bench_close(&bench);
}
