// SPDX-License-Identifier: MIT
// Documents: the bytes of each format.
#include "hub/document.h"

#include <criterion/criterion.h>

static const struct document_event event = {.seq = 7,
                                            .time_ms = 1700000000123,
                                            .topic = {"a/b", 3},
                                            .type = {"note", 4},
                                            .data = {"x\n\"y\"", 5}};

static void expect_event(enum frame_format format, bool first, const char *text) {
    struct buf out;
    buf_init(&out, 4096);
    document_event(&out, format, &event, first, "e");
    cr_assert_str_eq(buf_cstr(&out), text);
    buf_fini(&out);
}

#define ELEMENT                                                                                    \
    "{\"id\":\"e-7\",\"topic\":\"a/b\",\"type\":\"note\",\"time\":\"2023-11-14T22:13:20.123Z\","   \
    "\"data\":\"x\\n\\\"y\\\"\"}"

Test(document, events) {
    for (int first = 0; first < 2; first++) {
        expect_event(FRAME_PLAIN, first, "id: e-7\nevent: note\ndata: x\ndata: \"y\"\n\n");
        expect_event(FRAME_META, first,
                     "id: e-7\nevent: note\ntopic: a/b\ntime: 2023-11-14T22:13:20.123Z\n"
                     "data: x\ndata: \"y\"\n\n");
        expect_event(FRAME_ENVELOPE, first,
                     "id: e-7\ndata: {\"topic\":\"a/b\",\"type\":\"note\",\"time\":"
                     "\"2023-11-14T22:13:20.123Z\",\"data\":\"x\\n\\\"y\\\"\"}\n\n");
        expect_event(FRAME_TEXT, first, "x\n\"y\"\n");
        expect_event(FRAME_NDJSON, first, ELEMENT "\n");
    }
    expect_event(FRAME_JSON, true, ELEMENT);
    expect_event(FRAME_JSON, false, "," ELEMENT);
}

Test(document, an_event_without_a_type_is_a_message_and_a_rotation_is_said_in_json) {
    const struct document_event bare = {
        .seq = 1, .topic = STR("t"), .data = STR(""), .rotated = true};
    struct buf out;
    buf_init(&out, 4096);
    document_event(&out, FRAME_PLAIN, &bare, true, "e");
    document_event(&out, FRAME_NDJSON, &bare, true, "e");
    cr_assert_str_eq(buf_cstr(&out),
                     "id: e-1\ndata: \n\n"
                     "{\"id\":\"e-1\",\"topic\":\"t\",\"type\":\"message\",\"time\":"
                     "\"1970-01-01T00:00:00.000Z\",\"rotated\":true,\"data\":\"\"}\n");
    buf_fini(&out);
}

Test(document, how_long_an_event_is_worth_something_follows_its_time) {
    const struct document_event old = {
        .seq = 1, .expires_ms = 5000, .topic = STR("t"), .data = STR("x")};
    struct event *live = event_new_expiring(STR("t"), STR(""), STR("k"), STR("x"), 0, 5);
    struct document_event made = document_event_of(live);
    cr_assert_eq(made.expires_ms, 5000);
    cr_assert(str_equal(made.data, STR("x")) && str_equal(event_key(live), STR("k")));
    cr_assert_eq(event_bytes_len(live), strlen("tkx") + 4);
    struct buf out;
    buf_init(&out, 4096);
    document_event(&out, FRAME_PLAIN, &old, true, "e");
    document_event(&out, FRAME_META, &old, true, "e");
    document_event(&out, FRAME_NDJSON, &old, true, "e");
    cr_assert_str_eq(buf_cstr(&out),
                     "id: e-1\ndata: x\n\n"
                     "id: e-1\ntopic: t\ntime: 1970-01-01T00:00:00.000Z\n"
                     "expires: 1970-01-01T00:00:05.000Z\ndata: x\n\n"
                     "{\"id\":\"e-1\",\"topic\":\"t\",\"type\":\"message\",\"time\":"
                     "\"1970-01-01T00:00:00.000Z\",\"expires\":\"1970-01-01T00:00:05.000Z\","
                     "\"data\":\"x\"}\n");
    buf_fini(&out);
    event_free(live);
}

Test(document, a_full_buffer_fails) {
    for (enum frame_format format = 0; format < FRAME_FORMATS; format++) {
        struct buf out;
        buf_init(&out, 5);
        document_event(&out, format, &event, true, "e");
        cr_assert(buf_failed(&out));
        cr_assert(out.len <= 5);
        buf_fini(&out);
    }
}

// --- notices -------------------------------------------------------------------------------------

// NULL: there is no place for it.
static void expect_notice(enum frame_format format, const struct notice *notice, const char *text) {
    struct buf out;
    buf_init(&out, 4096);
    bool said = document_notice(&out, format, notice, false, "e");
    cr_assert_eq(said, text != NULL);
    cr_assert_str_eq(buf_cstr(&out), text ? text : "");
    buf_fini(&out);
}

// In event streams, JSON lines, JSON; nothing of the hub's own is ever said in text.
static void expect_notices(const struct notice *notice, const char *sse, const char *json) {
    struct buf line, element;
    buf_init(&line, 4096), buf_init(&element, 4096);
    if (json) buf_printf(&line, "%s\n", json), buf_printf(&element, ",%s", json);
    expect_notice(FRAME_PLAIN, notice, sse);
    expect_notice(FRAME_META, notice, sse);
    expect_notice(FRAME_ENVELOPE, notice, sse);
    expect_notice(FRAME_TEXT, notice, NULL);
    expect_notice(FRAME_NDJSON, notice, json ? buf_cstr(&line) : NULL);
    expect_notice(FRAME_JSON, notice, json ? buf_cstr(&element) : NULL);
    buf_fini(&line), buf_fini(&element);
}

#define AS_ELEMENT(id, topic, type, data)                                                          \
    "{\"id\":\"" id "\",\"topic\":\"" topic "\",\"type\":\"" type                                  \
    "\",\"time\":\"1970-01-01T00:00:00.005Z\",\"data\":\"" data "\"}"

Test(document, gap) {
    struct notice gap = {.kind = NOTICE_GAP,
                         .seq = 9,
                         .time_ms = 5,
                         .topic = STR("t"),
                         .gap = {.from = STR("old\"-3"), .to_seq = 9, .reason = "why"}};
    expect_notices(&gap,
                   "id: e-9\nevent: tailrace.gap\ndata: "
                   "{\"from\":\"old\\\"-3\",\"to\":\"e-9\",\"reason\":\"why\"}\n\n",
                   AS_ELEMENT("e-9", "t", "tailrace.gap",
                              "{\\\"from\\\":\\\"old\\\\\\\"-3\\\",\\\"to\\\":\\\"e-9\\\","
                              "\\\"reason\\\":\\\"why\\\"}"));
    gap.seq = 0;
    gap.gap.from = (struct str){0};
    gap.gap.from_seq = 4;
    expect_notices(&gap,
                   "event: tailrace.gap\ndata: "
                   "{\"from\":\"e-4\",\"to\":\"e-9\",\"reason\":\"why\"}\n\n",
                   AS_ELEMENT("e-0", "t", "tailrace.gap",
                              "{\\\"from\\\":\\\"e-4\\\",\\\"to\\\":\\\"e-9\\\","
                              "\\\"reason\\\":\\\"why\\\"}"));
}

Test(document, end_ping_and_leave) {
    const struct notice end = {.kind = NOTICE_END, .seq = 5, .end = {STR("a<b")}},
                        ping = {.kind = NOTICE_PING},
                        leave = {.kind = NOTICE_LEAVE, .name = "drain"};
    expect_notices(&end, "id: e-5\nevent: tailrace.end\ndata: {\"topic\":\"a\\u003cb\"}\n\n", NULL);
    expect_notices(&ping, "event: tailrace.ping\ndata: {}\n\n", NULL);
    expect_notices(&leave, "event: tailrace.drain\ndata: {}\n\n", NULL);
}

Test(document, progress_and_done) {
    struct notice notice = {.kind = NOTICE_PROGRESS,
                            .seq = 3,
                            .time_ms = 5,
                            .topic = STR(""),
                            .search = {.scanned = 10, .hits = 2, .complete = true}};
    expect_notices(&notice, NULL,
                   AS_ELEMENT("e-3", "", "tailrace.progress", "{\\\"scanned\\\":10}"));
    notice.kind = NOTICE_DONE;
    expect_notices(&notice, NULL,
                   AS_ELEMENT("e-3", "", "tailrace.done",
                              "{\\\"scanned\\\":10,\\\"hits\\\":2,\\\"complete\\\":true}"));
}

Test(document, heartbeats_are_for_event_streams) {
    for (enum frame_format format = 0; format < FRAME_FORMATS; format++) {
        struct buf out;
        buf_init(&out, 100);
        document_heartbeat(&out, format, false, "e");
        cr_assert_str_eq(buf_cstr(&out), document_is_event_stream(format) ? ":\n\n" : "");
        buf_clear(&out);
        document_heartbeat(&out, format, true, "e");
        cr_assert_str_eq(buf_cstr(&out), document_is_event_stream(format)
                                             ? "event: tailrace.ping\ndata: {}\n\n"
                                             : "");
        buf_fini(&out);
    }
}

// --- opening and closing -------------------------------------------------------------------------

static void expect_opening(enum frame_format format, bool control, const char *text) {
    struct buf out;
    buf_init(&out, 4096);
    document_open(&out, format,
                  &(struct document_opening){.epoch = "e",
                                             .position = 12,
                                             .heartbeat_ms = 15000,
                                             .retry_ms = 2500,
                                             .control = control});
    for (int i = 0; document_lists_topics(format) && i < 2; i++) {
        struct json json = document_topics(&out, i == 0);
        json_object(&json, NULL);
        json_str(&json, "topic", STR("t"));
        json_end(&json);
    }
    if (document_lists_topics(format)) document_end_topics(&out);
    cr_assert_str_eq(buf_cstr(&out), text);
    buf_fini(&out);
}

Test(document, openings) {
    for (enum frame_format format = FRAME_PLAIN; format <= FRAME_ENVELOPE; format++) {
        expect_opening(format, false, ": tailrace\nretry: 2500\n\n");
        expect_opening(format, true,
                       ": tailrace\nretry: 2500\n\nevent: tailrace.hello\ndata: "
                       "{\"epoch\":\"e\",\"position\":\"e-12\",\"heartbeat\":\"15s\"}\n\n");
    }
    for (int control = 0; control < 2; control++) {
        expect_opening(FRAME_TEXT, control, "");
        expect_opening(FRAME_NDJSON, control, "");
        expect_opening(FRAME_JSON, control,
                       "{\"topics\":[{\"topic\":\"t\"},{\"topic\":\"t\"}],\"events\":[");
    }
}

static void expect_closing(enum frame_format format, struct document_closing closing,
                           const char *text) {
    struct buf out;
    buf_init(&out, 4096);
    document_close(&out, format, &closing, "e");
    cr_assert_str_eq(buf_cstr(&out), text);
    buf_fini(&out);
}

Test(document, closings) {
    struct document_closing closing = {.next_seq = 8};
    for (enum frame_format format = 0; format < FRAME_FORMATS; format++) {
        if (format != FRAME_JSON) expect_closing(format, closing, "");
    }
    expect_closing(FRAME_JSON, closing, "],\"next\":\"e-8\"}\n");
    closing.more = true;
    expect_closing(FRAME_JSON, closing, "],\"next\":\"e-8\",\"more\":true}\n");
    closing = (struct document_closing){.next_seq = 8, .previous = PREVIOUS_NONE};
    expect_closing(FRAME_JSON, closing, "],\"next\":\"e-8\",\"previous\":null}\n");
    closing.previous = PREVIOUS_ID;
    closing.previous_seq = 3;
    expect_closing(FRAME_JSON, closing, "],\"next\":\"e-8\",\"previous\":\"e-3\"}\n");
}

Test(document, content_types) {
    cr_assert_str_eq(document_content_type(FRAME_PLAIN), "text/event-stream");
    cr_assert_str_eq(document_content_type(FRAME_ENVELOPE), "text/event-stream");
    cr_assert_str_eq(document_content_type(FRAME_TEXT), "text/plain; charset=utf-8");
    cr_assert_str_eq(document_content_type(FRAME_NDJSON), "application/x-ndjson");
    cr_assert_str_eq(document_content_type(FRAME_JSON), "application/json");
}
