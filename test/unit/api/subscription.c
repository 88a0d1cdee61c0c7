// SPDX-License-Identifier: MIT
// What a request for a subscription asks for, read from text.
#include "api/subscription.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define EPOCH "k3v9"
#define NOW_MS ((uint64_t)1700000000000)

// A subscription of a query and, where it is given, an Accept and a Last-Event-ID.
struct question {
    struct subscription asked;
    struct params params;
    struct request request;
    struct field fields[2];
};

static int ask(struct question *question, const char *topic, const char *query, const char *accept,
               const char *last_event_id) {
    *question = (struct question){.request = {.query = str_from(query)}};
    struct request *request = &question->request;
    request->fields = question->fields;
    if (accept)
        question->fields[request->fields_count++] = (struct field){STR("Accept"), str_from(accept)};
    if (last_event_id)
        question->fields[request->fields_count++] =
            (struct field){STR("Last-Event-ID"), str_from(last_event_id)};
    cr_assert_eq(params_init(&question->params, request->query, (struct str){NULL, 0}), 0);
    question->asked = (struct subscription){
        .request = request,
        .params = &question->params,
        .epoch = EPOCH,
        .committed = 1000,
        .now_unix_ms = NOW_MS,
        .form = subscription_form(request, topic != NULL),
    };
    return subscription_read(&question->asked, topic ? str_from(topic) : (struct str){NULL, 0});
}

#define SSE "text/event-stream"
#define JSON_FORM "application/json"

static struct hub_request read(const char *query, const char *accept) {
    static struct question question;
    int err = ask(&question, "a", query, accept, NULL);
    cr_assert_eq(err, 0, "%s: %s", query, question.asked.problem);
    params_fini(&question.params);
    return question.asked.hub;
}

static void refused(const char *query, const char *accept, const char *part) {
    struct question question;
    int err = ask(&question, "a", query, accept, NULL);
    cr_assert_eq(err, ERR_INVALID, "%s", query);
    cr_assert_eq(question.asked.status, 400);
    cr_assert(strstr(question.asked.problem, part), "%s: %s", query, question.asked.problem);
    params_fini(&question.params);
}

// --- forms ---------------------------------------------------------------------------------------

static enum form form(const char *accept, bool one_topic) {
    struct field field = {STR("Accept"), str_from(accept)};
    struct request request = {.fields = &field, .fields_count = accept ? 1 : 0};
    return subscription_form(&request, one_topic);
}

Test(subscription, the_form_is_the_first_of_the_best) {
    cr_assert_eq(form(NULL, true), FORM_TEXT);
    cr_assert_eq(form(NULL, false), FORM_NDJSON);
    cr_assert_eq(form("*/*", true), FORM_TEXT);
    cr_assert_eq(form("text/event-stream", true), FORM_SSE);
    cr_assert_eq(form("TEXT/Event-Stream", true), FORM_SSE);
    cr_assert_eq(form("application/json, text/event-stream", true), FORM_JSON);
    cr_assert_eq(form("application/json;q=0.5, text/event-stream", true), FORM_SSE);
    cr_assert_eq(form("application/json;q=0, text/html;q=0.001", true), FORM_HTML);
    cr_assert_eq(form("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
                 FORM_HTML);
    cr_assert_eq(form("text/*", true), FORM_TEXT);
    cr_assert_eq(form("text/*", false), FORM_SSE);
    cr_assert_eq(form("application/*", true), FORM_JSON);
    cr_assert_eq(form("image/png", true), FORM_NONE);
    cr_assert_eq(form("text/event-stream;q=0", true), FORM_NONE);
    cr_assert_eq(form("", true), FORM_TEXT);
    cr_assert_eq(form(" , ", false), FORM_NDJSON);
    cr_assert_eq(form("*", true), FORM_TEXT);
    cr_assert_eq(form("image/png, *; q=.2, */*; q=.1", true), FORM_TEXT);
    cr_assert_eq(form("application/json;q=.2, text/event-stream;q=.25", true), FORM_SSE);
    cr_assert_eq(form("text/html, text/event-stream", true), FORM_SSE);
    cr_assert_eq(form("text/html, text/event-stream;q=0.9", true), FORM_HTML);
}

// --- where to start ------------------------------------------------------------------------------

Test(subscription, streams_start_live_and_answers_with_the_newest) {
    struct hub_request stream = read("", SSE), json = read("", JSON_FORM), text = read("", NULL);
    cr_assert_eq(stream.mode, HUB_STREAM);
    cr_assert_eq(stream.start, HUB_START_LIVE);
    cr_assert_eq(json.mode, HUB_SNAPSHOT);
    cr_assert_eq(json.start, HUB_START_LAST);
    cr_assert_eq(json.count, 100);
    cr_assert_eq(text.mode, HUB_SNAPSHOT);
    cr_assert_eq(read("follow", NULL).mode, HUB_STREAM);
    cr_assert_eq(read("follow", NULL).start, HUB_START_LAST);
}

Test(subscription, an_id_goes_before_a_time_and_a_time_before_a_number) {
    struct hub_request request = read("last=5", SSE);
    cr_assert_eq(request.start, HUB_START_LAST);
    cr_assert_eq(request.count, 5);
    request = read("last=5&since=2h", SSE);
    cr_assert_eq(request.start, HUB_START_TIME);
    cr_assert_eq(request.time_ms, NOW_MS - 7200000);
    request = read("last=5&since=2h&lastEventId=" EPOCH "-42", SSE);
    cr_assert_eq(request.start, HUB_START_AFTER);
    cr_assert_eq(request.seq, 42);
    cr_assert(!request.foreign);
    cr_assert_eq(request.fallback, HUB_START_TIME);
    cr_assert_eq(read("last=all", SSE).count, UINT64_MAX);
}

Test(subscription, the_header_goes_before_the_parameter) {
    struct question question;
    cr_assert_eq(ask(&question, "a", "lastEventId=" EPOCH "-1", SSE, EPOCH "-2"), 0);
    cr_assert_eq(question.asked.hub.seq, 2);
    params_fini(&question.params);
    static const char *const spellings[] = {"lastEventId", "last_event_id", "lastEventID",
                                            "Last-Event-ID"};
    for (size_t i = 0; i < 4; i++) {
        char query[64];
        snprintf(query, sizeof query, "%s=" EPOCH "-7", spellings[i]);
        cr_assert_eq(read(query, SSE).seq, 7, "%s", query);
    }
}

Test(subscription, an_id_of_another_journal_is_known_as_foreign) {
    struct hub_request request = read("lastEventId=zz9-42", SSE);
    cr_assert(request.foreign);
    cr_assert(str_equal(request.foreign_id, STR("zz9-42")));
}

// What an EventSource comes back with when another hub has served it is never its end.
Test(subscription, an_id_of_another_shape_is_foreign_on_a_stream) {
    static const char *const ids[] = {"42",
                                      "0",
                                      "null",
                                      "K-42",
                                      EPOCH "-",
                                      EPOCH "-1x",
                                      EPOCH "-18446744073709551616",
                                      "urn%3Auuid%3A5e94",
                                      "-",
                                      "%20"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char query[100];
        snprintf(query, sizeof query, "lastEventId=%s&last=7", ids[i]);
        struct hub_request request = read(query, SSE);
        cr_assert_eq(request.start, HUB_START_AFTER, "%s", query);
        cr_assert(request.foreign, "%s", query);
        cr_assert_eq(request.fallback, HUB_START_LAST);
        cr_assert_eq(request.count, 7);
        cr_assert(request.foreign_id.len > 0);
        cr_assert(read(query, SSE).foreign);
        refused(query, JSON_FORM, "is not an event id of this hub, such as " EPOCH "-1042");
    }
    cr_assert(read("follow&last_event_id=42", "text/plain").foreign);
    cr_assert(!read("lastEventId=&last=7", SSE).foreign);
    refused("since=42", SSE, "`since` must be");
}

Test(subscription, a_foreign_id_is_told_as_far_as_it_is_short_text) {
    cr_assert(str_equal(read("lastEventId=a%22b", SSE).foreign_id, STR("a\"b")));
    cr_assert(str_equal(read("lastEventId=a%FFb", SSE).foreign_id, STR("?")));
    cr_assert(str_equal(read("lastEventId=a%zz", SSE).foreign_id, STR("?")));
    struct buf query;
    buf_init(&query, 10000);
    buf_append_str(&query, STR("lastEventId="));
    for (int i = 0; i < 60; i++) buf_append_str(&query, STR("%C3%A9"));
    buf_append_str(&query, STR("x"));
    cr_assert_eq(read(buf_cstr(&query), SSE).foreign_id.len, 100);
    buf_fini(&query);
}

Test(subscription, several_last_event_ids_must_be_one) {
    struct field fields[] = {{STR("Last-Event-ID"), STR("")},
                             {STR("Last-Event-ID"), STR(EPOCH "-5")},
                             {STR("last-event-id"), STR(EPOCH "-5")},
                             {STR("Last-Event-ID"), STR(EPOCH "-6")}};
    struct params params;
    struct request request = {.fields = fields, .fields_count = 3};
    cr_assert_eq(params_init(&params, request.query, request.query), 0);
    struct subscription asked = {
        .request = &request, .params = &params, .epoch = EPOCH, .form = FORM_SSE};
    cr_assert_eq(subscription_read(&asked, STR("a")), 0);
    cr_assert_eq(asked.hub.seq, 5);
    cr_assert(!asked.hub.foreign);
    request.fields_count = 4;
    asked = (struct subscription){
        .request = &request, .params = &params, .epoch = EPOCH, .form = FORM_SSE};
    cr_assert_eq(subscription_read(&asked, STR("a")), 0);
    cr_assert(asked.hub.foreign);
    params_fini(&params);
}

Test(subscription, times_are_durations_dates_or_ids) {
    cr_assert_eq(read("since=1970-01-01T00:00:01Z", SSE).time_ms, 1000);
    cr_assert_eq(read("since=" EPOCH "-5", SSE).seq, 5);
    cr_assert_eq(read("since=1970-01-01T02:00:01%2B02:00", SSE).time_ms, 1000);
    cr_assert_eq(read("since=1970-01-01T02:00:01+02:00", SSE).time_ms, 1000);
    cr_assert_eq(read("since=1970-01-01+02:00:01.5+02:00", SSE).time_ms, 1500);
    refused("since=+02:00", SSE, "`since` must be");
    cr_assert_eq(read("since=30000d", SSE).time_ms, 0);
    refused("since=yesterday", SSE, "`since` must be");
}

Test(subscription, the_past_is_for_answers_that_end) {
    struct hub_request request = read("before=" EPOCH "-10&last=3", JSON_FORM);
    cr_assert_eq(request.start, HUB_START_BEFORE);
    cr_assert_eq(request.seq, 10);
    cr_assert_eq(request.count, 3);
    cr_assert(!request.newest);
    request = read("order=newest&last=all&filter=x", JSON_FORM);
    cr_assert(request.newest);
    cr_assert_eq(request.seq, UINT64_MAX);
    cr_assert_eq(request.count, UINT64_MAX);
    refused("before=" EPOCH "-10", SSE, "for answers that end");
    refused("before=" EPOCH "-10&since=2h", JSON_FORM,
            "`before` does not go together with `since`");
    refused("before=zz-10", JSON_FORM, "has not given out");
    refused("before=" EPOCH "-1002", JSON_FORM, "has not given out");
    cr_assert_eq(read("before=" EPOCH "-1001", JSON_FORM).seq, 1001);
    refused("before=" EPOCH "-10&last=0", JSON_FORM, "from 1 to 10000");
    refused("order=up", JSON_FORM, "`order` must be");
}

// --- everything else -----------------------------------------------------------------------------

Test(subscription, formats_paces_limits_and_waits) {
    cr_assert_eq(read("", SSE).format, FRAME_PLAIN);
    cr_assert_eq(read("format=meta", SSE).format, FRAME_META);
    cr_assert_eq(read("format=envelope", SSE).format, FRAME_ENVELOPE);
    cr_assert_eq(read("format=meta", JSON_FORM).format, FRAME_JSON);
    refused("format=html", SSE, "`format` must be");
    cr_assert_eq(read("pace=2s", SSE).pace_ms, 2000);
    cr_assert_eq(read("pace=original", SSE).pace_ms, HUB_PACE_ORIGINAL);
    cr_assert_eq(read("pace=original*10", SSE).pace_speed, 10);
    refused("pace=original*0", SSE, "`pace` must be");
    cr_assert_eq(read("limit=5", JSON_FORM).limit, 5);
    refused("limit=5", SSE, "not for a stream");
    refused("limit=0", JSON_FORM, "from 1 to");
    cr_assert_eq(read("wait=30s", JSON_FORM).mode, HUB_WAIT);
    cr_assert_eq(read("wait=0", JSON_FORM).mode, HUB_SNAPSHOT);
    cr_assert_eq(read("wait=30s", SSE).mode, HUB_STREAM);
    refused("wait=11m", JSON_FORM, "at most 10m");
    cr_assert(read("control", SSE).control);
    cr_assert(!read("control=0", SSE).control);
    cr_assert(read("control=0", SSE).quiet);
    cr_assert(!read("", SSE).quiet);
    cr_assert(!read("control", SSE).quiet);
    cr_assert(!read("control=0", JSON_FORM).quiet);
    cr_assert(read("control=no&follow", "application/x-ndjson").quiet);
    refused("control=maybe", SSE, "`control` must be 1 or 0");
    cr_assert(str_equal(read("filter=a%20b", SSE).filter, STR("a b")));
    cr_assert_null(read("", SSE).filter.ptr);
    refused("filter=%zz", SSE, "`filter` is not valid percent-encoding");
}

Test(subscription, topics_come_from_the_path_or_the_query) {
    struct question question;
    cr_assert_eq(ask(&question, NULL, "topic=a&topic=b%2F**", SSE, NULL), 0);
    cr_assert_eq(question.asked.hub.names_count, 2);
    cr_assert(str_equal(question.asked.hub.names[1].text, STR("b/**")));
    cr_assert_eq(question.asked.hub.names[1].kind, PATTERN_SEGMENTS);
    params_fini(&question.params);
    cr_assert_eq(ask(&question, NULL, "", SSE, NULL), ERR_INVALID);
    cr_assert(strstr(question.asked.problem, "name at least one topic"));
    params_fini(&question.params);
    cr_assert_eq(ask(&question, "a/\n", "", SSE, NULL), ERR_INVALID);
    params_fini(&question.params);
    struct buf query;
    buf_init(&query, 10000);
    for (int i = 0; i <= LIMIT_SELECTOR_TOPICS; i++) buf_printf(&query, "topic=t%d&", i);
    cr_assert_eq(ask(&question, NULL, buf_cstr(&query), SSE, NULL), ERR_INVALID);
    cr_assert(strstr(question.asked.problem, "at most 100"));
    params_fini(&question.params);
    buf_fini(&query);
}

Test(subscription, a_grant_narrows_patterns_and_refuses_topics) {
    static const struct pattern may[] = {{PATTERN_SEGMENTS, {"logs/*", 6}}};
    struct grant grant = {.subscribe = may, .subscribe_count = 1}, nothing = {0};
    struct question question;
    cr_assert_eq(ask(&question, "logs/a", "", SSE, NULL), 0);
    cr_assert_eq(subscription_grant(&question.asked, &grant), 0);
    cr_assert_eq(question.asked.hub.grants_count, 0);
    cr_assert_eq(subscription_grant(&question.asked, &nothing), ERR_DENIED);
    params_fini(&question.params);
    cr_assert_eq(ask(&question, "**", "", SSE, NULL), 0);
    cr_assert_eq(subscription_grant(&question.asked, &grant), 0);
    cr_assert_eq(question.asked.hub.grants_count, 1);
    cr_assert_eq(subscription_grant(&question.asked, &nothing), ERR_DENIED);
    params_fini(&question.params);
    cr_assert_eq(ask(&question, "status/x", "", SSE, NULL), 0);
    cr_assert_eq(subscription_grant(&question.asked, &grant), ERR_DENIED);
    params_fini(&question.params);
}

Test(subscription, fingerprints_tell_starts_apart) {
    struct subscription a = {.hub = {.start = HUB_START_LAST, .count = 5}}, b = a, c = a;
    b.hub.count = 6;
    c.hub.limit = 1;
    cr_assert_neq(subscription_fingerprint(&a), subscription_fingerprint(&b));
    cr_assert_neq(subscription_fingerprint(&a), subscription_fingerprint(&c));
}
