// SPDX-License-Identifier: MIT
// The hub as a whole: whatever happens in whatever order, each subscriber gets what it asked for,
// in order, once. Checked against a model that knows every event ever published.
#include "hub/hub.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/topic.h"
#include "support.h"

enum { CLIENTS = 12, STEPS = 4000, EVENTS_MAX = 20000 };

struct known {
    char topic[16];
    char *data;
    uint64_t target; // 0: it is no alias
};
static struct known known[EVENTS_MAX]; // by seq
static uint64_t newest;

static const char *const topics[] = {"a", "b", "c/1", "c/2", "d"};
static const char *const asked[] = {"a", "b", "a,b", "c/*", "**", "c/1,d", "none"};

struct expectation {
    struct client client;
    struct buf bytes; // what it must get, up to `upto`
    uint64_t upto;
    unsigned asks;
    enum frame_format format;
    bool open;
};
static struct expectation all[CLIENTS];

static bool wanted(unsigned asks, const char *topic) {
    struct str rest = str_from(asked[asks]);
    while (rest.ptr) {
        struct pattern pattern;
        int err = pattern_read(&pattern, str_cut(&rest, ','), NULL);
        cr_assert_eq(err, 0);
        if (pattern_match(&pattern, str_from(topic))) return true;
    }
    return false;
}

static uint64_t meant(uint64_t seq) { return known[seq].target ? known[seq].target : seq; }

// Whether it is the first by which its event is one of those that were asked for.
static bool gives(unsigned asks, uint64_t seq) {
    for (uint64_t sibling = meant(seq); sibling < seq; sibling++)
        if (wanted(asks, known[sibling].topic)) return false;
    return wanted(asks, known[seq].topic);
}

static void expect_event(struct bench *bench, struct expectation *one, uint64_t seq) {
    seq = meant(seq);
    const struct document_event view = {.seq = seq,
                                        .topic = str_from(known[seq].topic),
                                        .type = STR(""),
                                        .data = str_from(known[seq].data)};
    document_event(&one->bytes, one->format, &view, true, bench->epoch);
}

static void publish_aliased(struct bench *bench, const char *data) {
    unsigned first = (unsigned)random() % 5, count = 1 + (unsigned)random() % 4;
    struct buf aliases;
    buf_init(&aliases, 100);
    for (unsigned i = 1; i <= count; i++)
        buf_printf(&aliases, i == 1 ? "%s" : ",%s", topics[(first + i) % 5]);
    uint64_t seq = bench_put_aliased(bench, topics[first], data, buf_cstr(&aliases));
    for (unsigned i = 0; i <= count; i++) {
        known[seq + i] = (struct known){.target = i ? seq : 0};
        strcpy(known[seq + i].topic, topics[(first + i) % 5]);
    }
    known[seq].data = strdup(data);
    newest = seq + count;
    buf_fini(&aliases);
}

static void publish_some(struct bench *bench) {
    const char *topic = topics[random() % 5];
    char data[2048];
    if (random() % 3 == 0) {
        uint32_t count = 1 + (uint32_t)random() % 8;
        uint64_t first = bench_put_many(bench, topic, "m", count);
        for (uint32_t i = 0; i < count; i++) {
            snprintf(data, sizeof data, "m-%u", i + 1);
            known[first + i] = (struct known){0};
            strcpy(known[first + i].topic, topic);
            known[first + i].data = strdup(data);
        }
        newest = first + count - 1;
        return;
    }
    size_t len = (size_t)random() % (random() % 4 ? 40 : 2000);
    for (size_t i = 0; i < len; i++) data[i] = (char)('a' + random() % 26);
    // Line ends make several data lines.
    if (len > 10 && random() % 3 == 0) data[len / 2] = '\n';
    data[len] = '\0';
    if (random() % 3 == 0) {
        publish_aliased(bench, data);
        return;
    }
    newest = bench_put(bench, topic, data);
    known[newest] = (struct known){0};
    strcpy(known[newest].topic, topic);
    known[newest].data = strdup(data);
}

static void connect_one(struct bench *bench, struct expectation *one) {
    static const enum frame_format formats[] = {FRAME_PLAIN, FRAME_PLAIN, FRAME_TEXT};
    uint64_t position = hub_position(bench->hub);
    one->asks = (unsigned)random() % 7;
    one->format = formats[random() % 3];
    struct hub_request request = client_request(asked[one->asks]);
    request.format = one->format;
    request.wire.framing = random() % 4 ? WIRE_CHUNKED : WIRE_RAW;
    buf_init(&one->bytes, (size_t)1 << 28);
    switch (random() % 4) {
        case 0: break;
        case 1:
            request.start = HUB_START_AFTER;
            request.seq = position ? (uint64_t)random() % (position + 1) : 0;
            for (uint64_t seq = request.seq + 1; seq <= position; seq++)
                if (meant(seq) > request.seq && gives(one->asks, seq))
                    expect_event(bench, one, seq);
            break;
        default: {
            uint64_t counts[5] = {0};
            request.start = HUB_START_LAST;
            request.count = random() % 3 ? (uint64_t)random() % 50 : UINT64_MAX;
            uint8_t *take = calloc(position + 1, 1);
            for (uint64_t seq = position; seq > 0; seq--) {
                if (!wanted(one->asks, known[seq].topic)) continue;
                for (int i = 0; i < 5; i++) {
                    if (strcmp(topics[i], known[seq].topic) == 0 && counts[i]++ < request.count)
                        take[seq] = 1;
                }
            }
            for (uint64_t seq = 1; seq <= position; seq++) {
                bool taken = false;
                for (uint64_t sibling = meant(seq); sibling < seq; sibling++)
                    taken = taken || take[sibling];
                if (take[seq] && !taken) expect_event(bench, one, seq);
            }
            free(take);
        }
    }
    one->upto = position;
    one->client = (struct client){.capacity = random() % 2 ? UNLIMITED : (size_t)random() % 3000};
    cr_assert_eq(client_start(bench, &one->client, &request), 0);
    one->open = true;
}

// What it got must be a beginning of what it is to get.
static void check(struct bench *bench, struct expectation *one, bool whole) {
    for (uint64_t seq = one->upto + 1; seq <= newest; seq++)
        if (gives(one->asks, seq)) expect_event(bench, one, seq);
    one->upto = newest;
    const char *got = client_events(&one->client);
    size_t len = strlen(got);
    cr_assert(!one->client.broken && !one->client.finished);
    cr_assert(len <= one->bytes.len &&
                  memcmp(got, one->bytes.data ? one->bytes.data : "", len) == 0,
              "`%s` got something else than it was to get", asked[one->asks]);
    if (whole) cr_assert_eq(len, one->bytes.len, "`%s` did not get all", asked[one->asks]);
}

static void disconnect(struct expectation *one) {
    client_close(&one->client);
    buf_fini(&one->bytes);
    one->open = false;
}

static void random_life(unsigned seed, uint32_t ring_events) {
    struct bench bench;
    bench_open(&bench, (struct bench_config){.ring_events = ring_events});
    srandom(seed);
    newest = 0;
    for (int step = 0; step < STEPS; step++) {
        struct expectation *one = &all[random() % CLIENTS];
        switch (random() % 12) {
            case 0:
            case 1:
            case 2: publish_some(&bench); break;
            case 3:
            case 4: bench_apply(&bench); break;
            case 5: bench_deliver(&bench); break;
            case 6: hub_continue(bench.hub, bench.now_ms); break;
            case 7: hub_tick(bench.hub, bench.now_ms += 10); break;
            case 8:
                if (!one->open) {
                    connect_one(&bench, one);
                } else if (random() % 8 == 0) {
                    check(&bench, one, false);
                    disconnect(one);
                }
                break;
            case 9:
                if (one->open) one->client.capacity = (size_t)random() % 500;
                break;
            default:
                if (one->open)
                    client_take(&one->client, random() % 5 ? (size_t)random() % 6000 : UNLIMITED);
        }
    }
    bench_turn(&bench);
    for (int i = 0; i < CLIENTS; i++) {
        if (!all[i].open) continue;
        client_take(&all[i].client, UNLIMITED);
        bench_turn(&bench);
        check(&bench, &all[i], true);
        cr_assert_eq(all[i].client.subscriber.state, SUB_LIVE);
        disconnect(&all[i]);
    }
    for (uint64_t seq = 1; seq <= newest; seq++) free(known[seq].data);
    bench_close(&bench);
}

Test(hub, each_gets_everything_once_and_in_order_out_of_a_small_ring, .timeout = 60) {
    for (unsigned seed = 1; seed <= 4; seed++) random_life(seed, 7);
}
Test(hub, each_gets_everything_once_and_in_order_out_of_a_middling_ring, .timeout = 60) {
    for (unsigned seed = 11; seed <= 14; seed++) random_life(seed, 200);
}
Test(hub, each_gets_everything_once_and_in_order_out_of_a_large_ring, .timeout = 60) {
    for (unsigned seed = 21; seed <= 24; seed++) random_life(seed, 100000);
}

struct topics_text {
    const struct hub *hub;
    struct buf *out;
};

static bool count_topic(void *context, const struct hub_topic *topic) {
    const struct topics_text *text = context;
    buf_append_str(text->out, topic->name);
    buf_printf(text->out, ":%d/%d ", (int)topic->events,
               (int)hub_topic_subscribers(text->hub, topic->no));
    return false; // the walk goes on from there
}

static void list_topics(struct bench *bench, const struct pattern *name,
                        const struct pattern *grant, uint32_t grants_count, struct buf *out) {
    struct hub_walk walk = {
        .names = name, .names_count = 1, .grants = grant, .grants_count = grants_count};
    struct topics_text text = {bench->hub, out};
    while (hub_topics(bench->hub, &walk, count_topic, &text)) continue;
}

Test(hub, lists_topics_within_patterns_and_grants) {
    struct bench bench;
    struct client client;
    struct buf out;
    bench_open(&bench, (struct bench_config){0});
    bench_put_many(&bench, "a/1", "x", 3);
    bench_put(&bench, "a/2", "x");
    bench_put_flags(&bench, "a/2", "", EVENT_CLOSE | EVENT_MARKER);
    bench_put(&bench, "b", "x");
    bench_turn(&bench);
    struct hub_request request = client_request("a/1,named/only");
    client_open(&bench, &client, &request);
    buf_init(&out, 1000);
    const struct pattern any = pattern_of("**"), some = pattern_of("a/*"), two = pattern_of("a/2"),
                         unknown = pattern_of("named/only");
    list_topics(&bench, &any, NULL, 0, &out);
    buf_append_char(&out, '|');
    list_topics(&bench, &any, &some, 1, &out);
    buf_append_char(&out, '|');
    list_topics(&bench, &two, NULL, 0, &out);
    list_topics(&bench, &two, &unknown, 1, &out);
    list_topics(&bench, &unknown, NULL, 0, &out);
    cr_assert_str_eq(buf_cstr(&out), "a/1:3/1 a/2:1/0 b:1/0 |a/1:3/1 a/2:1/0 |a/2:1/0 ");
    buf_fini(&out);
    client_close(&client);
    bench_close(&bench);
}

static uint64_t fingerprint(struct bench *bench, const struct client *client) {
    uint64_t newest_seq, sum;
    hub_fingerprint(bench->hub, &client->subscriber, &newest_seq, &sum);
    return newest_seq * 0x9E3779B97F4A7C15u + sum;
}

Test(hub, a_fingerprint_differs_when_anything_has_changed) {
    struct bench bench;
    struct client client;
    uint64_t seen[4];
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    client_open(&bench, &client, &request);
    bench_put_flags(&bench, "a", "x", 0);
    bench_turn(&bench);
    seen[0] = fingerprint(&bench, &client);
    cr_assert_eq(fingerprint(&bench, &client), seen[0]);
    bench_put(&bench, "b", "x");
    bench_turn(&bench);
    cr_assert_eq(fingerprint(&bench, &client), seen[0], "nothing of its own");
    bench_put(&bench, "a", "x");
    bench_turn(&bench);
    seen[1] = fingerprint(&bench, &client);
    bench_forget(&bench, "a");
    bench_turn(&bench);
    seen[2] = fingerprint(&bench, &client);
    cr_assert(seen[0] != seen[1] && seen[1] != seen[2]);
    client_close(&client);
    bench_close(&bench);
}

Test(hub, ten_thousand_subscribers_come_and_go_and_leave_nothing) {
    enum { HELD = 300 };
    static struct client held[HELD];
    struct bench bench;
    bench_open(&bench, (struct bench_config){.ring_events = 20});
    srandom(7);
    for (int round = 0; round < 10000; round++) {
        struct client *client = &held[random() % HELD];
        if (client->bench) client_close(client);
        struct hub_request request = client_request(asked[random() % 7]);
        request.start = random() % 2 ? HUB_START_LIVE : HUB_START_LAST;
        request.count = (uint64_t)random() % 5;
        if (random() % 5 == 0) request.pace_ms = 5;
        if (random() % 3 == 0) request.filter = random() % 2 ? STR("x") : STR("/^x-1$/");
        *client = (struct client){.capacity = random() % 3 ? UNLIMITED : 30};
        cr_assert_eq(client_start(&bench, client, &request), 0);
        bench.now_ms++;
        if (round % 20 == 0) bench_put_many(&bench, topics[random() % 5], "x", 3);
        if (round % 7 == 0) bench_turn(&bench);
    }
    for (int i = 0; i < HELD; i++) {
        if (held[i].bench) client_close(&held[i]);
    }
    struct hub_counts counts;
    hub_counts(bench.hub, &counts);
    cr_assert_eq(counts.subscribers, 0);
    cr_assert_eq(counts.selectors, 0);
    cr_assert_eq(bench.hub->ready.count, 0);
    for (int i = 0; i < HUB_WHEEL_SLOTS; i++) cr_assert_eq(bench.hub->wheel.slots[i].count, 0);
    bench_close(&bench);
}
