// SPDX-License-Identifier: MIT
// tailrace tail: prints the events of a stream and stays connected. It reconnects with the last id,
// waits as long as the hub asks (`retry`), notices dead connections, and ends when the hub says
// that no more events will come.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/units.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "proto/sse.h"
#include "sys/clock.h"

#define COMMAND "tail"
// The number of newest events to start with, as in tail(1).
#define LAST_DEFAULT "10"
// The hub's defaults, until the hub says otherwise.
#define HEARTBEAT_DEFAULT_MS 15000
#define RETRY_DEFAULT_MS 1000
// The longest wait between two tries to connect.
#define BACKOFF_MAX_MS 30000
// Bounds for values that a server sends.
#define HEARTBEAT_MAX_MS 600000
#define RETRY_MAX_MS 600000
#define QUERY_BYTES_MAX 8192

static const char HELP[] =
    "Usage: tailrace tail [OPTION]... URL\n"
    "Print the events of a topic as they come: URL is http://HOST:PORT/t/TOPIC, or\n"
    "http://HOST:PORT/events?topic=A&topic=B/** for many topics.\n"
    "\n"
    "  -n, --last N          start with the newest N events of each topic, or all (default: 10,\n"
    "                        unless the URL says where to start)\n"
    "      --since WHEN      start with what has come since: 2h, 2026-11-27T06:00:00Z, or an id\n"
    "  -f, --filter TEXT     only events whose data contain TEXT, or match /REGEX/\n"
    "  -c, --count N         stop after N events\n"
    "  -j, --json            print one JSON object for each event\n"
    "      --with-topic      print the topic before each event (default when the URL names more\n"
    "                        than one)\n"
    "      --no-topic        do not\n"
    "      --retry-for TIME  how long to retry while no hub answers at first (default: not at\n"
    "                        all; one that has answered once is looked for until it is back)\n"
    "  -k, --key KEY         access key; @FILE: in a file, @-: on standard input\n"
    "      --cacert FILE     certificates to trust for https\n"
    "  -h, --help            this text\n"
    "\n"
    "The key may also come from the environment variable TAILRACE_KEY, or from the file that\n"
    "TAILRACE_KEY_FILE names.\n"
    "Exit codes: 0 the topic was closed, 1 refused, 64 usage error, 69 unavailable,\n"
    "77 not permitted.\n";

struct tail_command {
    struct client *client;
    struct sse_parser parser;
    struct buf json;
    struct buf text;
    const char *last; // -n
    const char *since, *filter;
    const char *url;
    struct client_options options;
    bool as_json, with_topic, no_topic;
    uint64_t retry_for_ms, started_ms;
    uint64_t count; // events left to print; UINT64_MAX: no bound
    uint64_t heartbeat_ms;
    bool connected;      // at least once
    bool alive;          // this connection has brought bytes
    bool ended;          // the hub said so
    bool caught_up;      // there were no events to print before `position`
    struct buf position; // the hub's position in its last hello
    int write_errno;
    unsigned failures;
};

static void add_text(struct tail_command *tail, struct json *json, const char *name,
                     struct str value) {
    buf_clear(&tail->text);
    utf8_repair(&tail->text, value);
    json_str(json, name, buf_str(&tail->text));
}

// As `docker compose logs` does it.
static void print_plain(const struct tail_command *tail, const struct sse_event *event) {
    if (tail->with_topic && event->topic.ptr) {
        fwrite(event->topic.ptr, 1, event->topic.len, stdout);
        fputs(" | ", stdout);
    }
    fwrite(event->data.ptr, 1, event->data.len, stdout);
    putc('\n', stdout);
}

static int print_json(struct tail_command *tail, const struct sse_event *event) {
    struct json json = JSON(&tail->json);
    buf_clear(&tail->json);
    json_object(&json, NULL);
    add_text(tail, &json, "id", event->id);
    if (event->topic.ptr) add_text(tail, &json, "topic", event->topic);
    add_text(tail, &json, "type", event->type);
    if (event->time.ptr) add_text(tail, &json, "time", event->time);
    add_text(tail, &json, "data", event->data);
    json_end(&json);
    buf_append_char(&tail->json, '\n');
    if (buf_failed(&tail->json)) return ERR_NOMEM;
    fwrite(tail->json.data, 1, tail->json.len, stdout);
    return 0;
}

// A string member of tailrace.hello, whose values have no escapes. ptr NULL: there is no such
// member.
static struct str hello_member(struct str data, const char *name) {
    const char *end = data.ptr + data.len;
    const char *found = data.len ? memmem(data.ptr, data.len, name, strlen(name)) : NULL;
    if (!found) return (struct str){NULL, 0};
    const char *from = found + strlen(name);
    const char *to = memchr(from, '"', (size_t)(end - from));
    return to ? (struct str){from, (size_t)(to - from)} : (struct str){NULL, 0};
}

static void take_hello(struct tail_command *tail, struct str data) {
    struct str heartbeat = hello_member(data, "\"heartbeat\":\"");
    struct str position = hello_member(data, "\"position\":\"");
    uint64_t ms;
    if (heartbeat.ptr && units_parse_duration(heartbeat, &ms) == 0 && ms > 0 &&
        ms <= HEARTBEAT_MAX_MS) {
        tail->heartbeat_ms = ms;
    }
    buf_clear(&tail->position);
    buf_append_str(&tail->position, position);
}

// A ping means that there are no earlier events to print. If it must reconnect before any event, it
// continues from the position in the hub's last hello.
static void take_ping(struct tail_command *tail) {
    if (!buf_failed(&tail->position)) tail->caught_up = true;
}

// Handles the hub's own events. False: the event is a publisher's.
static bool take_control(struct tail_command *tail, const struct sse_event *event) {
    if (!str_starts(event->type, STR("tailrace."))) return false;
    if (str_equal(event->type, STR("tailrace.hello"))) take_hello(tail, event->data);
    if (str_equal(event->type, STR("tailrace.ping"))) take_ping(tail);
    if (str_equal(event->type, STR("tailrace.end"))) tail->ended = true;
    if (str_equal(event->type, STR("tailrace.gap"))) {
        cli_say(COMMAND, "gap, some events are missing: %.*s", STR_ARG(event->data));
    }
    return true;
}

static int on_event(void *context, const struct sse_event *event) {
    struct tail_command *tail = context;
    if (take_control(tail, event)) return tail->ended ? ERR_CLOSED : 0;
    int err = 0;
    if (tail->as_json) {
        err = print_json(tail, event);
    } else {
        print_plain(tail, event);
    }
    if (err == 0 && ferror(stdout)) err = ERR_FULL;
    if (err == 0 && --tail->count == 0) err = ERR_LIMIT;
    return err;
}

static int on_body(void *context, struct str bytes) {
    struct tail_command *tail = context;
    tail->connected = true;
    tail->alive = true;
    int err = sse_parser_feed(&tail->parser, bytes);
    // Events that came together are written together, and nothing waits for more.
    if (fflush(stdout) != 0 && err == 0) err = ERR_FULL;
    if (err == ERR_FULL) tail->write_errno = errno;
    return err;
}

static int on_idle(void *context, uint64_t idle_ms) {
    const struct tail_command *tail = context;
    return idle_ms > tail->heartbeat_ms * 5 / 2 ? ERR_AGAIN : 0;
}

static int connect_once(struct tail_command *tail, struct client_answer *answer,
                        struct report *report) {
    struct buf query;
    static const char *const starts[] = {
        "last", "since", "lastEventId", "last_event_id", "lastEventID", "Last-Event-ID", NULL};
    buf_init(&query, QUERY_BYTES_MAX);
    buf_append_str(&query, STR("control=1&format=meta"));
    if (tail->filter) client_add_parameter(&query, "filter", str_from(tail->filter));
    struct str from = buf_str(&tail->parser.last_id);
    if (from.len == 0 && tail->caught_up) from = buf_str(&tail->position);
    if (from.len == 0 && tail->since) {
        client_add_parameter(&query, "since", str_from(tail->since));
    } else if (from.len == 0 && (tail->last || !client_has_query(tail->client, starts))) {
        client_add_parameter(&query, "last", str_from(tail->last ? tail->last : LAST_DEFAULT));
    }
    tail->alive = false;
    sse_parser_restart(&tail->parser);
    int err = buf_failed(&query) ? report_set(report, ERR_NOMEM, "out of memory")
                                 : client_get(tail->client, buf_cstr(&query), from, on_body,
                                              on_idle, tail, answer, report);
    buf_fini(&query);
    return err;
}

static void wait_before_next(struct tail_command *tail, const struct client_answer *answer) {
    uint64_t base = tail->parser.retry_ms ? tail->parser.retry_ms : RETRY_DEFAULT_MS;
    if (base > RETRY_MAX_MS) base = RETRY_MAX_MS;
    tail->failures = tail->alive ? 0 : tail->failures + 1;
    // The hub has spread its `retry` values already. After a failure it is the shortest wait.
    uint64_t wait = base;
    if (tail->failures || !tail->parser.retry_ms) {
        uint64_t max = base > BACKOFF_MAX_MS / 2 ? base * 2 : BACKOFF_MAX_MS;
        wait = client_backoff(base, max, tail->failures + 1);
    }
    client_sleep(wait > answer->retry_after_ms ? wait : answer->retry_after_ms);
}

// What the end of a connection means: an exit code, or -1 to connect again.
static int judge(struct tail_command *tail, int err, const struct client_answer *answer,
                 const struct report *report) {
    if (tail->ended || err == ERR_LIMIT) return CLI_OK;
    if (err == ERR_FULL) {
        // The reader of our output has seen enough.
        if (tail->write_errno == EPIPE) return CLI_OK;
        cli_say(COMMAND, "standard output: %s", strerror(tail->write_errno));
        return CLI_UNAVAILABLE;
    }
    if (err == ERR_TOO_LONG) {
        cli_say(COMMAND, "%s sent an event of more than %u bytes", client_shown(tail->client),
                LIMIT_DATA_BYTES);
        return CLI_UNAVAILABLE;
    }
    if (err == ERR_NOMEM) {
        cli_say(COMMAND, "out of memory");
        return CLI_TEMPORARY;
    }
    bool unknown = !tail->connected && answer->status == 0 &&
                   clock_mono_ms() - tail->started_ms >= tail->retry_for_ms;
    if (err == ERR_DENIED || (err == ERR_IO && unknown)) {
        cli_say(COMMAND, "%s: %s", client_shown(tail->client), report->text);
        return CLI_UNAVAILABLE;
    }
    if (answer->status == 0 || client_is_temporary(answer->status)) return -1;
    if (answer->status == 204) return CLI_OK;
    if (answer->status != 200) return client_refused(tail->client, COMMAND, answer);
    if (strcmp(answer->content_type, "text/event-stream") != 0) {
        cli_say(COMMAND, "%s is not an event stream but %s", client_shown(tail->client),
                answer->content_type[0] ? answer->content_type : "of no type");
        return CLI_UNAVAILABLE;
    }
    return -1;
}

static int follow(struct tail_command *tail) {
    for (;;) {
        struct client_answer answer;
        struct report report = {0};
        int err = connect_once(tail, &answer, &report);
        int code = judge(tail, err, &answer, &report);
        if (code >= 0) return code;
        wait_before_next(tail, &answer);
    }
}

static int take_last(void *context, const char *value) {
    struct tail_command *tail = context;
    uint64_t number;
    if (strcmp(value, "all") != 0 && !str_to_u64(str_from(value), UINT32_MAX, &number))
        return cli_usage(COMMAND, "-n needs a number or all, not '%s'", value);
    tail->last = value;
    return CLI_OK;
}

static int take_count(void *context, const char *value) {
    struct tail_command *tail = context;
    if (str_to_u64(str_from(value), UINT64_MAX - 1, &tail->count) && tail->count) return CLI_OK;
    return cli_usage(COMMAND, "--count needs a number over 0, not '%s'", value);
}

static int take_retry_for(void *context, const char *value) {
    return client_take_retry_for(COMMAND, value, &((struct tail_command *)context)->retry_for_ms);
}

// Whether the URL may name more than one topic: it is not that of one.
static bool names_many(const char *url) {
    const char *scheme = strstr(url, "://"), *path = strchr(scheme ? scheme + 3 : url, '/');
    size_t len = path ? strcspn(path, "?") : 0;
    return path && !memmem(path, len, "/t/", 3);
}

// -1: go on; otherwise the exit code.
static int parse(struct tail_command *tail, int argc, char **argv) {
    const struct cli_option options[] = {
        {.name = "last", .letter = 'n', .take = take_last},
        {.name = "lines", .take = take_last},
        {.name = "count", .letter = 'c', .take = take_count},
        {.name = "json", .letter = 'j', .flag = &tail->as_json},
        {.name = "since", .text = &tail->since},
        {.name = "filter", .letter = 'f', .text = &tail->filter},
        {.name = "with-topic", .flag = &tail->with_topic},
        {.name = "no-topic", .flag = &tail->no_topic},
        {.name = "retry-for", .take = take_retry_for},
        {.name = "key", .letter = 'k', .text = &tail->options.key},
        {.name = "cacert", .text = &tail->options.cacert},
        {0},
    };
    int code = cli_options(COMMAND, HELP, options, tail, argc, argv);
    if (code >= 0) return code;
    if (optind == argc) return cli_usage(COMMAND, "the URL is missing");
    if (optind + 1 < argc)
        return cli_usage(COMMAND, "more than one URL; use /events for many topics");
    if (tail->last && tail->since)
        return cli_usage(COMMAND, "--last and --since both say where to start; give one of them");
    if (tail->with_topic && tail->no_topic)
        return cli_usage(COMMAND, "--with-topic and --no-topic contradict each other");
    tail->url = argv[optind];
    tail->with_topic |= !tail->no_topic && names_many(tail->url);
    return -1;
}

int cli_tail(int argc, char **argv) {
    struct tail_command tail = {
        .count = UINT64_MAX, .heartbeat_ms = HEARTBEAT_DEFAULT_MS, .started_ms = clock_mono_ms()};
    int code = parse(&tail, argc, argv);
    if (code >= 0) return code;
    // Data of many short lines is longer on the wire, but each line has at most the data and a
    // field's name.
    sse_parser_init(&tail.parser, LIMIT_DATA_BYTES + 16, on_event, &tail);
    buf_init(&tail.position, 1024);
    buf_init(&tail.text, (size_t)LIMIT_DATA_BYTES * 4);
    buf_init(&tail.json, (size_t)LIMIT_DATA_BYTES * 8);
    code = client_open(&tail.client, COMMAND, tail.url, &tail.options);
    if (code == CLI_OK) code = follow(&tail);
    client_close(tail.client);
    sse_parser_fini(&tail.parser);
    buf_fini(&tail.position);
    buf_fini(&tail.text);
    buf_fini(&tail.json);
    return code;
}
