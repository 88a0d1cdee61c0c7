// SPDX-License-Identifier: MIT
// What a request for a subscription asks for.
#include "api/subscription.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/topic.h"
#include "base/units.h"
#include "base/utf8.h"
#include "sys/hash.h"

// What forms other than streams give when they are not told where to start.
#define DEFAULT_LAST 100
// The longest a long poll may ask to wait.
#define WAIT_MS_MAX (10 * 60 * 1000)
// No id of a hub is longer; of others so much is told.
#define ID_BYTES_MAX 100

static int refuse(struct subscription *asked, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int refuse(struct subscription *asked, int status, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    asked->status = status;
    vsnprintf(asked->problem, sizeof asked->problem, fmt, args);
    va_end(args);
    return ERR_INVALID;
}

// --- which form ----------------------------------------------------------------------------------

static enum form form_of(struct str media, bool one_topic) {
    static const struct {
        const char *media;
        enum form form;
    } forms[] = {
        {"text/event-stream", FORM_SSE},
        {"application/json", FORM_JSON},
        {"application/x-ndjson", FORM_NDJSON},
        {"text/plain", FORM_TEXT},
        {"text/html", FORM_HTML},
        {"application/xhtml+xml", FORM_HTML},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (str_equal_nocase(media, str_from(forms[i].media))) return forms[i].form;
    }
    if (str_equal_nocase(media, STR("text/*"))) return one_topic ? FORM_TEXT : FORM_SSE;
    if (str_equal_nocase(media, STR("application/*"))) return FORM_JSON;
    // "*" alone is what Java's own client sends.
    if (str_equal(media, STR("*/*")) || str_equal(media, STR("*")))
        return one_topic ? FORM_TEXT : FORM_NDJSON;
    return FORM_NONE;
}

// The weight of a media range in thousandths (RFC 9110, 12.4.2).
static unsigned quality(struct str parameters) {
    while (parameters.ptr) {
        struct str part = str_trim(str_cut(&parameters, ';'));
        if (part.len < 3 || (part.ptr[0] | 0x20) != 'q' || part.ptr[1] != '=') continue;
        unsigned value = part.ptr[2] == '1' ? 1000 : 0, scale = 100;
        // ".2" is what some clients write for "0.2".
        size_t point = part.ptr[2] == '.' ? 2 : 3;
        for (size_t i = point + 1; i < part.len && scale && part.ptr[point] == '.'; i++) {
            if (part.ptr[i] >= '0' && part.ptr[i] <= '9')
                value += (unsigned)(part.ptr[i] - '0') * scale;
            scale /= 10;
        }
        return value > 1000 ? 1000 : value;
    }
    return 1000;
}

// The first of the best. A browser's address bar does not ask for event streams: who names both
// (htmx) can take a stream and wants it rather than the page.
enum form subscription_form(const struct request *request, bool one_topic) {
    enum form best = FORM_NONE;
    unsigned best_quality = 0;
    size_t index = 0;
    struct str list;
    bool any = false;
    while (request_field_next(request, "Accept", &index, &list)) {
        while (list.ptr) {
            struct str parameters = str_cut(&list, ',');
            struct str media = str_trim(str_cut(&parameters, ';'));
            // A field with nothing in it is as good as none.
            if (!media.len) continue;
            any = true;
            enum form form = form_of(media, one_topic);
            unsigned weight = quality(parameters);
            bool wanted = form == FORM_SSE && best == FORM_HTML && weight == best_quality;
            if (form == FORM_NONE || (weight <= best_quality && !wanted)) continue;
            best = form;
            best_quality = weight;
        }
    }
    return any ? best : form_of(STR("*/*"), one_topic);
}

// --- what to give --------------------------------------------------------------------------------

static int add_name(struct subscription *asked, struct str name) {
    struct report report = {0};
    if (asked->hub.names_count == LIMIT_SELECTOR_TOPICS) {
        return refuse(asked, 400, "at most %d topics may be subscribed to at once",
                      LIMIT_SELECTOR_TOPICS);
    }
    if (pattern_read(&asked->names[asked->hub.names_count], name, &report))
        return refuse(asked, 400, "%s", report.text);
    asked->hub.names_count++;
    return 0;
}

static int read_names(struct subscription *asked, struct str topic) {
    asked->hub.names = asked->names;
    if (topic.ptr) return add_name(asked, topic);
    struct params_cursor cursor = {0};
    struct str name;
    int err;
    while ((err = params_next(asked->params, "topic", &cursor, &name)) == 0) {
        if (add_name(asked, name)) return ERR_INVALID;
    }
    if (err != ERR_NOT_FOUND) return refuse(asked, 400, "`topic` is not valid percent-encoding");
    if (asked->hub.names_count) return 0;
    return refuse(asked, 400, "name at least one topic or pattern: /events?topic=builds/**");
}

// What the key may not see is left out of patterns; an exact topic that it may not see is refused.
int subscription_grant(struct subscription *asked, const struct grant *grant) {
    bool covered = true;
    for (uint32_t i = 0; i < asked->hub.names_count; i++) {
        if (grant_may_subscribe(grant, &asked->names[i])) continue;
        if (asked->names[i].kind == PATTERN_EXACT || !grant_subscribes_some(grant))
            return ERR_DENIED;
        covered = false;
    }
    if (covered) return 0;
    if (grant->subscribe_count > LIMIT_SELECTOR_TOPICS) return ERR_DENIED;
    asked->hub.grants = grant->subscribe;
    asked->hub.grants_count = (uint32_t)grant->subscribe_count;
    return 0;
}

// An optional parameter: ptr NULL when it is not there.
static int optional(struct subscription *asked, const char *name, struct str *value) {
    *value = (struct str){NULL, 0};
    int err = params_get(asked->params, name, value);
    if (err == 0 || err == ERR_NOT_FOUND) return 0;
    return refuse(asked, 400, "`%s` is not valid percent-encoding", name);
}

// `<epoch>-<seq>`. False when it is not of that shape.
static bool read_id(struct subscription *asked, struct str id) {
    const char *epoch = asked->epoch;
    const char *dash = id.len ? memrchr(id.ptr, '-', id.len) : NULL;
    if (!dash || dash == id.ptr || id.len > ID_BYTES_MAX) return false;
    struct str mine = {id.ptr, (size_t)(dash - id.ptr)};
    for (size_t i = 0; i < mine.len; i++) {
        char c = mine.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))) return false;
    }
    if (!str_to_u64((struct str){dash + 1, id.len - mine.len - 1}, UINT64_MAX, &asked->hub.seq))
        return false;
    asked->hub.start = HUB_START_AFTER;
    asked->hub.foreign = !str_equal(mine, str_from(epoch));
    asked->hub.foreign_id = id;
    asked->hub.committed = asked->committed;
    return true;
}

static int bad_id(struct subscription *asked, const char *where) {
    return refuse(asked, 400, "%s is not an event id of this hub, such as %s-1042", where,
                  asked->epoch);
}

// An RFC 3339 time. The + of a time zone is a space in a query unless it was percent-encoded.
static int parse_since_time(struct str text, uint64_t *ms) {
    const size_t zone = strlen("+01:00");
    char copy[64];
    if (text.len <= zone || text.len > sizeof copy || text.ptr[text.len - zone] != ' ')
        return units_parse_time(text, ms);
    memcpy(copy, text.ptr, text.len);
    copy[text.len - zone] = '+';
    return units_parse_time((struct str){copy, text.len}, ms);
}

static int read_since(struct subscription *asked, struct str since) {
    uint64_t ms, now = asked->now_unix_ms;
    if (units_parse_duration(since, &ms) == 0) {
        asked->hub.start = HUB_START_TIME;
        asked->hub.time_ms = ms < now ? now - ms : 0;
        return 0;
    }
    if (parse_since_time(since, &ms) == 0) {
        asked->hub.start = HUB_START_TIME;
        asked->hub.time_ms = ms;
        return 0;
    }
    if (read_id(asked, since)) return 0;
    return refuse(asked, 400,
                  "`since` must be an event id, a duration such as 2h, or a time such as "
                  "2026-01-31T12:00:00Z");
}

static int read_last(struct subscription *asked, struct str last) {
    asked->hub.start = HUB_START_LAST;
    if (str_equal(last, STR("all"))) {
        asked->hub.count = UINT64_MAX;
        return 0;
    }
    if (str_to_u64(last, UINT64_MAX - 1, &asked->hub.count)) return 0;
    return refuse(asked, 400, "`last` must be a number of events or `all`");
}

// Stands for a last event id that cannot be told: of several that differ, not percent-encoded, not
// UTF-8.
static const struct str unreadable = {"?", 1};

// The id that a client comes back with, len 0: none. Empty ones are as good as none.
static struct str last_event_id(struct subscription *asked) {
    static const char *const names[] = {"lastEventId", "last_event_id", "lastEventID",
                                        "Last-Event-ID"};
    struct str id = {NULL, 0}, value;
    size_t index = 0;
    while (request_field_next(asked->request, "Last-Event-ID", &index, &value)) {
        if (id.len && value.len && !str_equal(id, value)) return unreadable;
        if (value.len) id = value;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !id.len; i++) {
        int err = params_get(asked->params, names[i], &id);
        if (err == ERR_NOT_FOUND) id = (struct str){NULL, 0};
        if (err && err != ERR_NOT_FOUND) return unreadable;
    }
    return id;
}

// A client that was served by another hub at this address, or whose library says 0 or null, has an
// id of another shape. An EventSource that is refused for that gives up for good: on a stream it is
// an id of another journal.
static int read_last_event_id(struct subscription *asked, struct str id) {
    if (read_id(asked, id)) return 0;
    if (asked->hub.mode != HUB_STREAM) return bad_id(asked, "the last event id");
    asked->hub.start = HUB_START_AFTER;
    asked->hub.foreign = true;
    asked->hub.foreign_id = utf8_valid(id) ? utf8_cut(id, ID_BYTES_MAX) : unreadable;
    return 0;
}

// --- where to start ------------------------------------------------------------------------------

// The parameters that say where to start, as they came.
struct start_question {
    struct str before, order, limit, since, last, wait, pace, id;
};

static int read_start_question(struct subscription *asked, struct start_question *out) {
    out->id = last_event_id(asked);
    return optional(asked, "before", &out->before) || optional(asked, "order", &out->order) ||
                   optional(asked, "limit", &out->limit) || optional(asked, "since", &out->since) ||
                   optional(asked, "last", &out->last) || optional(asked, "wait", &out->wait) ||
                   optional(asked, "pace", &out->pace)
               ? ERR_INVALID
               : 0;
}

// The first of them that has been given, NULL: none.
static const char *first_given(const struct start_question *question, bool follow) {
    return question->since.ptr   ? "`since`"
           : question->id.len    ? "a last event id"
           : question->limit.ptr ? "`limit`"
           : question->wait.ptr  ? "`wait`"
           : question->pace.ptr  ? "`pace`"
           : follow              ? "`follow`"
                                 : NULL;
}

static int read_before(struct subscription *asked, struct str before) {
    struct hub_request *hub = &asked->hub;
    hub->seq = UINT64_MAX;
    if (!before.ptr) return 0;
    if (!read_id(asked, before)) return bad_id(asked, "`before`");
    // One more than was given out: before whatever comes next.
    if (!hub->foreign && hub->seq <= hub->committed + 1) return 0;
    return refuse(asked, 400,
                  "`before` is an id that this journal has not given out; begin again "
                  "with the newest events");
}

static int read_past(struct subscription *asked, const struct start_question *question) {
    struct hub_request *hub = &asked->hub;
    const char *what = hub->newest ? "`order=newest`" : "`before`";
    const char *other = first_given(question, asked->follow);
    if (asked->form == FORM_SSE)
        return refuse(asked, 400,
                      "%s is for answers that end (JSON, JSON lines, text), not for a "
                      "stream",
                      what);
    if (other) return refuse(asked, 400, "%s does not go together with %s", what, other);
    if (read_before(asked, question->before)) return ERR_INVALID;
    hub->start = HUB_START_BEFORE;
    hub->count = DEFAULT_LAST;
    if (!question->last.ptr) return 0;
    if (hub->newest && str_equal(question->last, STR("all"))) {
        hub->count = UINT64_MAX;
        return 0;
    }
    uint64_t most = hub->newest ? UINT64_MAX - 1 : LIMIT_PAGE_EVENTS;
    if (str_to_u64(question->last, most, &hub->count) && hub->count) return 0;
    if (hub->newest)
        return refuse(asked, 400, "`last` must be a number of events, at least 1, or `all`");
    return refuse(asked, 400, "`last` must be a number of events from 1 to %d with `before`",
                  LIMIT_PAGE_EVENTS);
}

static int read_limit(struct subscription *asked, const struct start_question *question) {
    if (!question->limit.ptr) return 0;
    if (asked->hub.mode == HUB_STREAM)
        return refuse(asked, 400, "`limit` is for answers that end, not for a stream");
    if (question->pace.ptr) return refuse(asked, 400, "`limit` does not go together with `pace`");
    if (str_to_u64(question->limit, LIMIT_PAGE_EVENTS, &asked->hub.limit) && asked->hub.limit)
        return 0;
    return refuse(asked, 400, "`limit` must be a number of events from 1 to %d", LIMIT_PAGE_EVENTS);
}

// In the order of precedence of API.md, section 3, from the last to the first: each overrides what
// came before it, which stays as the fallback of an id that is not of this journal.
static int read_future(struct subscription *asked, const struct start_question *question) {
    struct str id = question->id, since = question->since, last = question->last;
    asked->hub.start = asked->form == FORM_SSE ? HUB_START_LIVE : HUB_START_LAST;
    asked->hub.count = DEFAULT_LAST;
    if (last.ptr && read_last(asked, last)) return ERR_INVALID;
    asked->hub.fallback = last.ptr ? HUB_START_LAST : HUB_START_AFTER;
    if (since.ptr && read_since(asked, since)) return ERR_INVALID;
    if (asked->hub.start == HUB_START_TIME) asked->hub.fallback = HUB_START_TIME;
    if (id.len && read_last_event_id(asked, id)) return ERR_INVALID;
    return read_limit(asked, question);
}

static int read_start(struct subscription *asked) {
    struct start_question question;
    if (read_start_question(asked, &question)) return ERR_INVALID;
    asked->hub.newest = question.order.ptr && str_equal(question.order, STR("newest"));
    if (question.order.ptr && !asked->hub.newest && !str_equal(question.order, STR("oldest")))
        return refuse(asked, 400, "`order` must be oldest or newest");
    bool past = question.before.ptr || asked->hub.newest;
    return past ? read_past(asked, &question) : read_future(asked, &question);
}

static int read_format(struct subscription *asked) {
    struct str format;
    if (optional(asked, "format", &format)) return ERR_INVALID;
    switch (asked->form) {
        case FORM_JSON: asked->hub.format = FRAME_JSON; return 0;
        case FORM_NDJSON: asked->hub.format = FRAME_NDJSON; return 0;
        case FORM_TEXT: asked->hub.format = FRAME_TEXT; return 0;
        case FORM_SSE: break;
        case FORM_HTML:
        case FORM_NONE: ASSERT(asked->form == FORM_SSE);
    }
    if (!format.ptr || str_equal(format, STR("plain"))) {
        asked->hub.format = FRAME_PLAIN;
    } else if (str_equal(format, STR("meta"))) {
        asked->hub.format = FRAME_META;
    } else if (str_equal(format, STR("envelope"))) {
        asked->hub.format = FRAME_ENVELOPE;
    } else {
        return refuse(asked, 400, "`format` must be plain, meta or envelope");
    }
    return 0;
}

static int read_pace(struct subscription *asked) {
    struct str pace;
    uint64_t speed;
    if (optional(asked, "pace", &pace)) return ERR_INVALID;
    if (!pace.ptr) return 0;
    asked->hub.pace_speed = 1;
    if (str_starts(pace, STR("original"))) {
        struct str factor = {pace.ptr + 8, pace.len - 8};
        asked->hub.pace_ms = HUB_PACE_ORIGINAL;
        if (!factor.len) return 0;
        if (factor.ptr[0] == '*' &&
            str_to_u64((struct str){factor.ptr + 1, factor.len - 1}, 1000000, &speed) && speed) {
            asked->hub.pace_speed = (uint32_t)speed;
            return 0;
        }
    } else if (units_parse_duration(pace, &asked->hub.pace_ms) == 0 &&
               asked->hub.pace_ms < HUB_PACE_ORIGINAL) {
        return 0;
    }
    return refuse(asked, 400, "`pace` must be a duration such as 2s, `original`, or `original*10`");
}

static int read_wait(struct subscription *asked) {
    struct str wait;
    if (optional(asked, "wait", &wait)) return ERR_INVALID;
    if (!wait.ptr || asked->form != FORM_JSON) return 0;
    if (units_parse_duration(wait, &asked->wait_ms) || asked->wait_ms > WAIT_MS_MAX) {
        return refuse(asked, 400, "`wait` must be a duration of at most 10m, such as 30s");
    }
    if (asked->wait_ms) asked->hub.mode = HUB_WAIT;
    return 0;
}

// `control=0`, as text, is more than no `control`: a stream without any event of the hub's own.
static int read_control(struct subscription *asked) {
    struct str given;
    if (params_flag(asked->params, "control", &asked->hub.control))
        return refuse(asked, 400, "`control` must be 1 or 0");
    asked->hub.quiet = asked->hub.mode == HUB_STREAM && !asked->hub.control &&
                       params_get(asked->params, "control", &given) == 0;
    return 0;
}

int subscription_read(struct subscription *asked, struct str topic) {
    if (params_flag(asked->params, "follow", &asked->follow))
        return refuse(asked, 400, "`follow` must be 1 or 0");
    bool streams = asked->form == FORM_SSE || (asked->follow && asked->form != FORM_JSON);
    asked->hub.mode = streams ? HUB_STREAM : HUB_SNAPSHOT;
    if (read_control(asked)) return ERR_INVALID;
    if (optional(asked, "filter", &asked->hub.filter)) return ERR_INVALID;
    int err = read_names(asked, topic);
    if (!err) err = read_start(asked);
    if (!err) err = read_format(asked);
    if (!err) err = read_pace(asked);
    if (!err) err = read_wait(asked);
    return err;
}

uint64_t subscription_fingerprint(const struct subscription *asked) {
    const uint64_t parts[] = {asked->hub.start,      asked->hub.seq,   asked->hub.count,
                              asked->hub.foreign,    asked->hub.limit, asked->hub.newest,
                              asked->hub.wire.coding};
    return hash_content(parts, sizeof parts);
}
