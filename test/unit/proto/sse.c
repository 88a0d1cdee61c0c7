// SPDX-License-Identifier: MIT
// Server-Sent Events: writing, parsing, and both together.
#include "proto/sse.h"

#include <criterion/criterion.h>

#define BOUND 1000

static void check_data(struct str data, const char *expected) {
    struct buf out;
    buf_init(&out, BOUND);
    sse_data(&out, data);
    cr_assert_str_eq(buf_cstr(&out), expected);
    buf_fini(&out);
}

Test(sse, data_is_split_at_every_line_end) {
    check_data(STR("one"), "data: one\n");
    check_data(STR("one\ntwo"), "data: one\ndata: two\n");
    check_data(STR("one\r\ntwo\rthree\nfour"), "data: one\ndata: two\ndata: three\ndata: four\n");
    check_data(STR("\n\r\r\n\n"), "data: \ndata: \ndata: \ndata: \ndata: \n");
}

Test(sse, data_keeps_empty_lines_and_spaces) {
    check_data(STR(""), "data: \n");
    check_data((struct str){NULL, 0}, "data: \n");
    check_data(STR("x\n"), "data: x\ndata: \n");
    check_data(STR("x\r"), "data: x\ndata: \n");
    check_data(STR("x\r\n"), "data: x\ndata: \n");
    check_data(STR("  x "), "data:   x \n");
}

Test(sse, fields_retry_comment_end) {
    struct buf out;
    buf_init(&out, BOUND);
    sse_comment(&out, STR(""));
    sse_comment(&out, STR("hello"));
    sse_retry(&out, 2500);
    sse_field(&out, "id", STR("1-42"));
    sse_field(&out, "event", STR(""));
    sse_end(&out);
    cr_assert_str_eq(buf_cstr(&out), ":\n: hello\nretry: 2500\nid: 1-42\nevent: \n\n");
    buf_fini(&out);
}

Test(sse, a_full_buffer_fails_and_does_not_overflow) {
    struct buf out;
    buf_init(&out, 10);
    sse_data(&out, STR("abcd"));
    cr_assert(buf_failed(&out));
    cr_assert_eq(out.len, 0);
    buf_fini(&out);
}

// Writes down what a parser hands out, one line an event.
struct seen {
    struct buf text;
    int answer;
};

static int note(void *context, const struct sse_event *event) {
    struct seen *seen = context;
    buf_printf(&seen->text, "[%.*s|%.*s|%.*s", STR_ARG(event->id), STR_ARG(event->type),
               STR_ARG(event->data));
    if (event->topic.ptr) buf_printf(&seen->text, "|topic=%.*s", STR_ARG(event->topic));
    if (event->time.ptr) buf_printf(&seen->text, "|time=%.*s", STR_ARG(event->time));
    buf_append_char(&seen->text, ']');
    return seen->answer;
}

static void check_parse(struct str stream, const char *expected) {
    for (size_t cut = 0; cut <= stream.len; cut++) {
        struct seen seen = {0};
        struct sse_parser parser;
        buf_init(&seen.text, BOUND);
        sse_parser_init(&parser, BOUND, note, &seen);
        cr_assert_eq(sse_parser_feed(&parser, (struct str){stream.ptr, cut}), 0);
        cr_assert_eq(sse_parser_feed(&parser, (struct str){stream.ptr + cut, stream.len - cut}), 0);
        cr_assert_str_eq(buf_cstr(&seen.text), expected, "cut at %zu: %s", cut,
                         buf_cstr(&seen.text));
        buf_clear(&seen.text);
        sse_parser_fini(&parser);
        sse_parser_init(&parser, BOUND, note, &seen);
        for (size_t i = 0; i < stream.len; i++) {
            cr_assert_eq(sse_parser_feed(&parser, (struct str){stream.ptr + i, 1}), 0);
        }
        cr_assert_str_eq(buf_cstr(&seen.text), expected, "byte by byte");
        sse_parser_fini(&parser);
        buf_fini(&seen.text);
    }
}

Test(sse, parses_the_examples_of_the_standard) {
    check_parse(STR("data: YHOO\ndata: +2\ndata: 10\n\n"), "[|message|YHOO\n+2\n10]");
    check_parse(STR(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
                    "data:  third event\n\n"),
                "[1|message|first event][|message|second event][|message| third event]");
    check_parse(STR("data\n\ndata\ndata\n\ndata:"), "[|message|][|message|\n]");
    check_parse(STR("data:test\n\ndata: test\n\n"), "[|message|test][|message|test]");
}

Test(sse, parses_every_line_end) {
    check_parse(STR("data: a\rdata: b\r\rdata: c\r\ndata: d\r\n\r\ndata: e\n\r\n"),
                "[|message|a\nb][|message|c\nd][|message|e]");
}

Test(sse, skips_one_byte_order_mark) {
    check_parse(STR("\xEF\xBB\xBF"
                    "data: a\n\n"),
                "[|message|a]");
    check_parse(STR("\xEF\xBB\xBF\xEF\xBB\xBF"
                    "data: a\n\ndata: b\n\n"),
                "[|message|b]");
    check_parse(STR("\xEF\xBBx: a\ndata: b\n\n"), "[|message|b]");
}

Test(sse, an_id_lasts_and_one_with_nul_is_ignored) {
    check_parse(STR("id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid: 3\n\ndata: d\n\n"),
                "[1|message|a][1|message|b][1|message|c][3|message|d]");
}

Test(sse, a_type_lasts_for_one_event) {
    check_parse(STR("event: t\ndata: a\n\ndata: b\n\nevent: u\n\ndata: c\n\n"),
                "[|t|a][|message|b][|message|c]");
}

Test(sse, hands_out_topic_and_time) {
    check_parse(STR("topic: a/b\ntime: now\ndata: x\n\ntopic\ndata: y\n\ntopic: z\n\ndata: w\n\n"),
                "[|message|x|topic=a/b|time=now][|message|y|topic=][|message|w]");
}

Test(sse, unknown_fields_and_an_unfinished_event_are_dropped) {
    check_parse(STR("Data: no\n data: no\nfoo: x\ndata: a\n\ndata: lost\n"), "[|message|a]");
}

Test(sse, data_comes_back_as_it_was_but_for_cr) {
    static const char *const all[] = {"",   "\n",    "a", "a\n", "\na",
                                      " a", "a\n\n", ":", "\t",  "data: x\nid: y"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct buf out;
        struct buf expected;
        buf_init(&out, BOUND);
        buf_init(&expected, BOUND);
        sse_data(&out, str_from(all[i]));
        sse_end(&out);
        buf_printf(&expected, "[|message|%s]", all[i]);
        check_parse(buf_str(&out), buf_cstr(&expected));
        buf_fini(&out);
        buf_fini(&expected);
    }
}

static void check_retry(const char *stream, uint64_t expected) {
    struct seen seen = {0};
    struct sse_parser parser;
    buf_init(&seen.text, BOUND);
    sse_parser_init(&parser, BOUND, note, &seen);
    cr_assert_eq(sse_parser_feed(&parser, str_from(stream)), 0);
    cr_assert_eq(parser.retry_ms, expected);
    sse_parser_restart(&parser);
    cr_assert_eq(parser.retry_ms, expected);
    sse_parser_fini(&parser);
    buf_fini(&seen.text);
}

Test(sse, retry_is_digits_only) {
    check_retry("retry: 1500\n", 1500);
    check_retry("retry: 1500\nretry: 2s\nretry: -1\nretry:\nretry: 99999999999999999999\n", 1500);
}

Test(sse, restart_keeps_the_last_id_and_drops_the_rest) {
    struct seen seen = {0};
    struct sse_parser parser;
    buf_init(&seen.text, BOUND);
    sse_parser_init(&parser, BOUND, note, &seen);
    cr_assert_eq(sse_parser_feed(&parser, STR("id: 1\ndata: a\n\nid: 2\ntopic: t\ndata: cut o")),
                 0);
    cr_assert(str_equal(buf_str(&parser.last_id), STR("1")));
    sse_parser_restart(&parser);
    cr_assert_eq(sse_parser_feed(&parser, STR("\xEF\xBB\xBF"
                                              "data: b\n\n")),
                 0);
    cr_assert_str_eq(buf_cstr(&seen.text), "[1|message|a][1|message|b]");
    sse_parser_fini(&parser);
    buf_fini(&seen.text);
}

Test(sse, a_bound_on_lines_and_on_data) {
    struct seen seen = {0};
    struct sse_parser parser;
    buf_init(&seen.text, BOUND);
    sse_parser_init(&parser, 16, note, &seen);
    cr_assert_eq(sse_parser_feed(&parser, STR("data: 0123456789\n\n")), 0);
    cr_assert_eq(sse_parser_feed(&parser, STR("data: 01234567890\n\n")), ERR_TOO_LONG);
    cr_assert_eq(sse_parser_feed(&parser, STR("data: x\n\n")), ERR_TOO_LONG, "sticks");
    sse_parser_restart(&parser);
    cr_assert_eq(sse_parser_feed(&parser, STR(": 01234567890")), 0);
    cr_assert_eq(sse_parser_feed(&parser, STR("01234567890")), ERR_TOO_LONG);
    sse_parser_restart(&parser);
    cr_assert_eq(sse_parser_feed(&parser, STR("data: 12345678\ndata: 1234567\n\n")), 0);
    cr_assert_eq(sse_parser_feed(&parser, STR("data: 12345678\ndata: 12345678\n\n")), ERR_TOO_LONG);
    sse_parser_fini(&parser);
    buf_fini(&seen.text);
}

Test(sse, the_callback_can_stop_the_parser) {
    struct seen seen = {.answer = ERR_CLOSED};
    struct sse_parser parser;
    buf_init(&seen.text, BOUND);
    sse_parser_init(&parser, BOUND, note, &seen);
    cr_assert_eq(sse_parser_feed(&parser, STR("data: a\n\ndata: b\n\n")), ERR_CLOSED);
    cr_assert_str_eq(buf_cstr(&seen.text), "[|message|a]");
    sse_parser_fini(&parser);
    buf_fini(&seen.text);
}
