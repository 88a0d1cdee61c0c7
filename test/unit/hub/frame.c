// SPDX-License-Identifier: MIT
// Frames: live events as they go out.
#include "hub/frame.h"

#include <criterion/criterion.h>

#include "base/limits.h"

static const struct wire raw = {WIRE_RAW, WIRE_IDENTITY}, chunked = {WIRE_CHUNKED, WIRE_IDENTITY};

static struct str bytes_of(const struct encoding *frame) {
    return (struct str){frame->bytes, frame->size};
}

static struct account account = {.most = SIZE_MAX};

// A ring with a batch of that one event, which it owns.
static struct ring ring_with(struct event *event) {
    struct ring ring;
    struct batch *batch = calloc(1, sizeof *batch);
    cr_assert(event && batch);
    event->seq = 1;
    *batch = (struct batch){.refs = 1, .count = 1, .events = malloc(sizeof(struct event *))};
    batch->events[0] = event;
    cr_assert_eq(ring_init(&ring, 10, 1 << 20, 0, &account), 0);
    cr_assert_eq(ring_push(&ring, batch), 0);
    return ring;
}

Test(frame, of_an_event_is_made_once_for_each_format_and_wire) {
    struct event *event = event_new(STR("a"), STR(""), STR(""), STR("data"), 0);
    struct ring ring = ring_with(event);
    const struct encoding *frame = frame_of(event, FRAME_PLAIN, chunked, "e", &ring);
    cr_assert(frame);
    cr_assert(str_equal(bytes_of(frame), STR("14\r\nid: e-1\ndata: data\n\n\r\n")));
    cr_assert_eq(frame_of(event, FRAME_PLAIN, chunked, "e", &ring), frame);
    const struct encoding *text = frame_of(event, FRAME_TEXT, chunked, "e", &ring);
    cr_assert(str_equal(bytes_of(text), STR("5\r\ndata\n\r\n")));
    const struct encoding *bare = frame_of(event, FRAME_TEXT, raw, "e", &ring);
    cr_assert(str_equal(bytes_of(bare), STR("data\n")));
    cr_assert_eq(frame_of(event, FRAME_TEXT, chunked, "e", &ring), text);
    size_t sizes = frame->size + text->size + bare->size;
    cr_assert_eq(account.held, 3 * sizeof(struct encoding) + sizes, "each was counted once");
    ring_fini(&ring);
}

Test(frame, a_json_array_has_none) {
    cr_assert(!frame_is_shared(FRAME_JSON));
    cr_assert(frame_is_shared(FRAME_NDJSON) && frame_is_shared(FRAME_META));
}

// Each line end becomes a line of seven bytes.
Test(frame, the_worst_event_that_may_be_published_has_one) {
    size_t len = LIMIT_DATA_BYTES;
    char *data = malloc(len);
    cr_assert(data);
    memset(data, '\n', len);
    struct event *event = event_new(STR("a"), STR(""), STR(""), (struct str){data, len}, 0);
    struct ring ring = ring_with(event);
    cr_assert(frame_of(event, FRAME_PLAIN, chunked, "e", &ring));
    memset(event->bytes + 1, 1, len);
    cr_assert(frame_of(event, FRAME_ENVELOPE, chunked, "e", &ring));
    ring_fini(&ring);
    free(data);
}

Test(frame, is_made_where_it_is_wanted_when_there_is_no_room_to_keep_it) {
    struct event *event = event_new(STR("a"), STR(""), STR(""), STR("data"), 0);
    struct ring ring = ring_with(event);
    struct buf out;
    buf_init(&out, 1000);
    account.most = 100;
    cr_assert_null(frame_of(event, FRAME_PLAIN, chunked, "e", &ring));
    frame_append(&out, event, FRAME_PLAIN, chunked, "e", &ring);
    cr_assert(str_equal(buf_str(&out), STR("14\r\nid: e-1\ndata: data\n\n\r\n")));
    cr_assert_eq(account.held, 0);
    account.most = SIZE_MAX;
    frame_append(&out, event, FRAME_TEXT, raw, "e", &ring);
    cr_assert(str_equal(buf_str(&out), STR("14\r\nid: e-1\ndata: data\n\n\r\ndata\n")));
    cr_assert_gt(account.held, 0, "it is kept");
    buf_fini(&out);
    ring_fini(&ring);
    account.held = 0;
}
