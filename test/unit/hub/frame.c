// SPDX-License-Identifier: MIT
// Frames: the bytes of each format.
#include "hub/frame.h"

#include <criterion/criterion.h>

static const struct frame_view view = {.seq = 7,
                                       .time_ms = 1700000000123,
                                       .topic = {"a/b", 3},
                                       .type = {"note", 4},
                                       .data = {"x\n\"y\"", 5}};

static void expect(enum frame_format format, const char *text, bool chunked) {
    struct buf out;
    buf_init(&out, 4096);
    frame_encode(&out, format, &view, "e", chunked);
    cr_assert_str_eq(buf_cstr(&out), text);
    buf_fini(&out);
}

Test(frame, formats) {
    expect(FRAME_PLAIN, "id: e-7\nevent: note\ndata: x\ndata: \"y\"\n\n", false);
    expect(FRAME_META,
           "id: e-7\nevent: note\ntopic: a/b\ntime: 2023-11-14T22:13:20.123Z\ndata: x\ndata: "
           "\"y\"\n\n",
           false);
    expect(FRAME_ENVELOPE,
           "id: e-7\ndata: {\"topic\":\"a/b\",\"type\":\"note\",\"time\":"
           "\"2023-11-14T22:13:20.123Z\",\"data\":\"x\\n\\\"y\\\"\"}\n\n",
           false);
    expect(FRAME_TEXT, "x\n\"y\"\n", false);
    expect(FRAME_NDJSON,
           "{\"id\":\"e-7\",\"topic\":\"a/b\",\"type\":\"note\",\"time\":"
           "\"2023-11-14T22:13:20.123Z\",\"data\":\"x\\n\\\"y\\\"\"}\n",
           false);
    expect(FRAME_JSON,
           "{\"id\":\"e-7\",\"topic\":\"a/b\",\"type\":\"note\",\"time\":"
           "\"2023-11-14T22:13:20.123Z\",\"data\":\"x\\n\\\"y\\\"\"}",
           false);
}

Test(frame, a_chunk_says_its_size) {
    expect(FRAME_TEXT, "6\r\nx\n\"y\"\n\r\n", true);
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_append_str(&out, STR("before"));
    for (int i = 0; i < 0x1234; i++) buf_append_char(&out, 'x');
    frame_chunk(&out, 6);
    cr_assert_eq(memcmp(out.data, "before1234\r\nxxx", 15), 0);
    cr_assert_eq(memcmp(out.data + out.len - 3, "x\r\n", 3), 0);
    cr_assert_eq(out.len, 6 + 6 + 0x1234 + 2);
    buf_fini(&out);
}

Test(frame, a_full_buffer_is_not_written_over) {
    struct buf out;
    buf_init(&out, 20);
    frame_encode(&out, FRAME_PLAIN, &view, "e", true);
    cr_assert(buf_failed(&out));
    cr_assert(out.len <= 20);
    buf_fini(&out);
}

Test(frame, of_an_event_is_made_once_and_freed_with_it) {
    struct event *event = event_new(STR("a"), STR(""), STR(""), STR("data"), 0);
    event->seq = 1;
    const struct frame *frame = frame_of(event, FRAME_PLAIN, "e");
    cr_assert(frame);
    cr_assert_eq(frame_of(event, FRAME_PLAIN, "e"), frame);
    cr_assert_neq(frame_of(event, FRAME_TEXT, "e"), frame);
    struct str payload = {frame->bytes + frame->head, frame->size - frame->head - FRAME_TAIL};
    cr_assert(str_equal(payload, STR("id: e-1\ndata: data\n\n")));
    event_free(event);
}

Test(frame, control_events_have_an_id_only_when_they_stand_for_a_position) {
    struct buf out;
    buf_init(&out, 256);
    frame_control(&out, "ping", STR("{}"), "e", 0, false);
    frame_control(&out, "end", STR("{}"), "e", 5, false);
    cr_assert_str_eq(buf_cstr(&out), "event: tailrace.ping\ndata: {}\n\n"
                                     "id: e-5\nevent: tailrace.end\ndata: {}\n\n");
    buf_fini(&out);
}
