// SPDX-License-Identifier: MIT
// tailrace pub: publishes an argument as one event, or standard input line by line, live.
//
// Every request carries an idempotency key. It is sent again, with the same key and the same body,
// until the hub has answered. So a broken connection neither loses nor doubles anything. A request
// takes all lines that have come since the last one was answered; its line n has the key KEY/n.
//
// No line ends the stream: what the hub would not store as it is, is repaired and cut here as in
// followed files. The program that writes them is not to die of SIGPIPE because of its own text.
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/lines.h"
#include "base/repair.h"
#include "base/units.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "sys/clock.h"

#define COMMAND "pub"
#define RETRY_FOR_DEFAULT "5m"
#define RETRY_FOR_DEFAULT_MS (5 * 60 * 1000)
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 10000
// A request has at most this many bytes, unless a single line is longer: some thousand lines for
// one commit.
#define REQUEST_BYTES (256 * 1024)
#define READ_BYTES 65536
// The longest line; a cut one is longer by its mark.
#define LINE_BYTES_MAX (LIMIT_DATA_BYTES - LINES_MARK_BYTES)
// A server that refuses lines of this length as too large is not asked to take shorter ones.
#define LINE_BYTES_MIN (64 * 1024)
#define SAY_EVERY_MS 10000
#define RANDOM_BYTES 12
#define QUERY_BYTES_MAX 4096

static const char HELP[] =
    "Usage: tailrace pub [OPTION]... URL [DATA | -]\n"
    "Publish DATA as one event to the topic at URL (http://HOST:PORT/t/TOPIC), or, without\n"
    "DATA or with -, each line of standard input as it comes.\n"
    "\n"
    "  -t, --type NAME       type of the events\n"
    "      --expires TIME    how long they are worth something, such as 26h\n"
    "  -i, --id KEY          idempotency key of DATA: the same key again publishes nothing\n"
    "      --close           finish the topic afterwards\n"
    "      --retry-for TIME  how long to retry while the hub cannot be reached "
    "(default: " RETRY_FOR_DEFAULT ")\n"
    "  -k, --key KEY         access key; @FILE: in a file, @-: on standard input\n"
    "      --cacert FILE     certificates to trust for https\n"
    "  -h, --help            this text\n"
    "\n"
    "The key may also come from the environment variable TAILRACE_KEY, or from the file that\n"
    "TAILRACE_KEY_FILE names.\n"
    "Exit codes: 0 everything is stored, 1 refused, 64 usage error, 69 unavailable, 75 gave up,\n"
    "77 not permitted.\n";

struct pub {
    struct client *client;
    struct client_options options;
    const char *url;
    const char *data; // NULL: standard input
    const char *type;
    const char *expires;
    const char *id;
    bool close;
    uint64_t retry_for_ms;
    uint64_t said_ms;               // when trouble was last reported
    char run[RANDOM_BYTES * 2 + 1]; // random for each call; the keys of its requests begin with it
    uint64_t requests;
    // Standard input: what was read and is not split yet, the unfinished line, and the next
    // request's lines, which are its lines `first` to `last`.
    char *read_buffer;
    struct str unsplit;
    bool input_ended;
    struct lines lines;
    struct buf request;
    size_t line_max; // lines are cut here; less when the server has refused longer ones
    uint64_t first, last;
};

// At intervals: a busy hub may refuse every other request.
static void say_trouble(struct pub *pub, int err, const struct client_answer *answer,
                        const struct report *report) {
    char time[32];
    uint64_t now_ms = clock_mono_ms();
    if (pub->said_ms && now_ms - pub->said_ms < SAY_EVERY_MS) return;
    pub->said_ms = now_ms;
    units_format_duration(pub->retry_for_ms, time);
    if (err == 0) {
        cli_say(COMMAND, "%s: %d %s; trying again for up to %s", client_shown(pub->client),
                answer->status, answer->detail, time);
    } else {
        cli_say(COMMAND, "%s: %s; trying again for up to %s", client_shown(pub->client),
                report->text, time);
    }
}

// Sends one request until it is answered. 0, or an exit code. A body that is too large (413) sets
// *too_large and is not reported; with NULL it is, as any other refusal.
static int send_all(struct pub *pub, const char *query, struct str body, bool *too_large) {
    uint64_t started_ms = clock_mono_ms();
    for (unsigned failures = 1;; failures++) {
        struct client_answer answer;
        struct report report = {0};
        int err = client_post(pub->client, query, body, &answer, &report);
        if (err == 0 && answer.status / 100 == 2) return CLI_OK;
        // A refusal may come while the body is still being sent, and the connection may break over
        // it.
        bool is_final = answer.status >= 300 && !client_is_temporary(answer.status);
        if (too_large && answer.status == 413) {
            *too_large = true;
            return CLI_NO;
        }
        if (is_final) return client_refused(pub->client, COMMAND, &answer);
        if (err != 0 && err != ERR_IO) {
            cli_say(COMMAND, "%s: %s", client_shown(pub->client), report.text);
            return err == ERR_DENIED ? CLI_UNAVAILABLE : CLI_TEMPORARY;
        }
        uint64_t wait = client_backoff(BACKOFF_MS, BACKOFF_MAX_MS, failures);
        if (wait < answer.retry_after_ms) wait = answer.retry_after_ms;
        if (clock_mono_ms() - started_ms + wait > pub->retry_for_ms) {
            if (err == 0) return client_refused(pub->client, COMMAND, &answer);
            cli_say(COMMAND, "%s: %s; giving up", client_shown(pub->client), report.text);
            return CLI_TEMPORARY;
        }
        // The first failure is often only that a kept connection was closed.
        if (failures == 2) say_trouble(pub, err, &answer, &report);
        client_sleep(wait);
    }
}

// What is said of each event.
static void add_about(const struct pub *pub, struct buf *query) {
    if (pub->type) client_add_parameter(query, "type", str_from(pub->type));
    if (pub->expires) client_add_parameter(query, "expires", str_from(pub->expires));
}

static int send_data(struct pub *pub) {
    struct str data = str_from(pub->data);
    struct buf query, repaired;
    buf_init(&query, QUERY_BYTES_MAX);
    buf_init(&repaired, data.len * 3);
    client_add_parameter(&query, "id", str_from(pub->id ? pub->id : pub->run));
    add_about(pub, &query);
    if (pub->close) client_add_parameter(&query, "close", STR("1"));
    if (!utf8_valid(data)) {
        utf8_repair(&repaired, data);
        data = buf_str(&repaired);
    }
    int code = send_all(pub, buf_cstr(&query), data, NULL);
    buf_fini(&query);
    buf_fini(&repaired);
    return code;
}

// With a key too: closing a topic twice is no error if this call has closed it.
static int send_close(struct pub *pub) {
    char query[sizeof pub->run + 32];
    snprintf(query, sizeof query, "close=1&id=%s-close", pub->run);
    return send_all(pub, query, STR(""), NULL);
}

// --- lines of standard input ---------------------------------------------------------------------

// The request's lines end with LF, and each is as it is to be stored.
static bool end_line(struct buf *request) {
    // The hub takes one CR for a part of the ending.
    if (request->len && request->data[request->len - 1] == '\r') buf_append_char(request, '\r');
    buf_append_char(request, '\n');
    return !buf_failed(request);
}

static bool add_line(struct pub *pub, struct str line) {
    pub->last++;
    repair_line(&pub->request, line, pub->line_max, pub->lines.length);
    return end_line(&pub->request);
}

// Something on the way takes no body as large as this: the longest line is to be cut to half.
// False: all are short already.
static bool lower_line_max(struct pub *pub) {
    struct str rest = buf_str(&pub->request);
    size_t longest = 0;
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        if (line.len > longest) longest = line.len;
    }
    if (longest > pub->line_max) longest = pub->line_max;
    if (longest <= LINE_BYTES_MIN) return false;
    pub->line_max = longest / 2;
    cli_say(COMMAND, "%s: a line of %zu bytes is too large for it; lines are cut at %zu bytes",
            client_shown(pub->client), longest, pub->line_max);
    return true;
}

// The request with its lines cut.
static struct str cut_lines(const struct pub *pub, struct buf *out) {
    struct str rest = buf_str(&pub->request);
    buf_clear(out);
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        if (line.len > pub->line_max) {
            lines_mark_cut(out, line, pub->line_max, line.len);
        } else {
            buf_append_str(out, line);
        }
        buf_append_char(out, '\n');
    }
    return buf_str(out);
}

static int send_lines(struct pub *pub) {
    struct buf query, cut;
    struct str body = buf_str(&pub->request);
    char key[sizeof pub->run + 24];
    bool too_large = false;
    buf_init(&query, QUERY_BYTES_MAX);
    buf_init(&cut, pub->request.max);
    snprintf(key, sizeof key, "%s-%llu", pub->run, (unsigned long long)++pub->requests);
    client_add_parameter(&query, "split", STR("lines"));
    client_add_parameter(&query, "id", str_from(key));
    add_about(pub, &query);
    int code = send_all(pub, buf_cstr(&query), body, &too_large);
    while (too_large && lower_line_max(pub)) {
        body = cut_lines(pub, &cut);
        too_large = buf_failed(&cut);
        if (!too_large) code = send_all(pub, buf_cstr(&query), body, &too_large);
    }
    if (too_large) cli_say(COMMAND, "%s: 413, a request is too large", client_shown(pub->client));
    if (code != CLI_OK) {
        cli_say(COMMAND, "lines %llu to %llu of standard input may be missing, and all after them",
                (unsigned long long)pub->first, (unsigned long long)pub->last);
    }
    buf_fini(&query);
    buf_fini(&cut);
    return code;
}

// Reads once, and waits if necessary. 0, or an exit code.
static int read_once(struct pub *pub) {
    ssize_t got;
    do {
        got = read(STDIN_FILENO, pub->read_buffer, READ_BYTES);
        // A process that shares standard input may have made it non-blocking.
        if (got < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
            errno = EINTR;
        }
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        cli_say(COMMAND, "standard input: %s", strerror(errno));
        return CLI_UNAVAILABLE;
    }
    pub->unsplit = (struct str){pub->read_buffer, (size_t)got};
    pub->input_ended = got == 0;
    return CLI_OK;
}

static bool more_is_there(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

static bool is_full(const struct pub *pub) { return pub->request.len >= REQUEST_BYTES; }

// Adds the lines of what was read; at the end of input, also the unfinished last one.
static int split(struct pub *pub) {
    struct str line;
    int got = 0;
    while (!is_full(pub) && (got = lines_next(&pub->lines, &pub->unsplit, &line)) > 0) {
        if (!add_line(pub, line)) got = ERR_NOMEM;
        if (got < 0) break;
    }
    if (got == 0 && pub->input_ended && !is_full(pub)) {
        got = lines_end(&pub->lines, &line);
        if (got > 0 && !add_line(pub, line)) got = ERR_NOMEM;
    }
    if (got >= 0) return CLI_OK;
    cli_say(COMMAND, "out of memory");
    return CLI_TEMPORARY;
}

static int send_input(struct pub *pub) {
    int code = CLI_OK;
    while (code == CLI_OK && !pub->input_ended) {
        buf_clear(&pub->request);
        pub->first = pub->last + 1;
        do {
            if (!pub->unsplit.len) code = read_once(pub);
            if (code == CLI_OK) code = split(pub);
        } while (code == CLI_OK && !pub->input_ended && !is_full(pub) &&
                 (pub->unsplit.len || more_is_there()));
        if (code == CLI_OK && pub->request.len) code = send_lines(pub);
    }
    if (code == CLI_OK && pub->close) code = send_close(pub);
    return code;
}

// --- command line --------------------------------------------------------------------------------

static int take_type(void *context, const char *value) {
    struct pub *pub = context;
    if (strlen(value) > LIMIT_TYPE_BYTES) return cli_usage(COMMAND, "--type is too long");
    pub->type = value;
    return CLI_OK;
}

static int take_id(void *context, const char *value) {
    struct pub *pub = context;
    if (!*value || strlen(value) > LIMIT_KEY_BYTES)
        return cli_usage(COMMAND, "--id needs 1 to %d bytes", LIMIT_KEY_BYTES);
    pub->id = value;
    return CLI_OK;
}
static int take_retry_for(void *context, const char *value) {
    return client_take_retry_for(COMMAND, value, &((struct pub *)context)->retry_for_ms);
}

// -1: go on; otherwise the exit code.
static int parse(struct pub *pub, int argc, char **argv) {
    const struct cli_option options[] = {
        {.name = "type", .letter = 't', .take = take_type},
        {.name = "expires", .text = &pub->expires},
        {.name = "id", .letter = 'i', .take = take_id},
        {.name = "close", .flag = &pub->close},
        {.name = "retry-for", .take = take_retry_for},
        {.name = "key", .letter = 'k', .text = &pub->options.key},
        {.name = "cacert", .text = &pub->options.cacert},
        {0},
    };
    int code = cli_options(COMMAND, HELP, options, pub, argc, argv);
    if (code >= 0) return code;
    if (optind == argc) return cli_usage(COMMAND, "the URL is missing");
    pub->url = argv[optind++];
    if (optind < argc && strcmp(argv[optind], "-") != 0) pub->data = argv[optind];
    if (optind + 1 < argc)
        return cli_usage(COMMAND, "more than one DATA; quote it if it has spaces");
    if (pub->data && strlen(pub->data) > LIMIT_DATA_BYTES) {
        return cli_usage(COMMAND, "DATA is longer than %u bytes", LIMIT_DATA_BYTES);
    }
    if (!pub->data && pub->id) {
        return cli_usage(COMMAND, "--id needs DATA; lines of standard input get keys of their own");
    }
    if (!pub->data && pub->options.key && strcmp(pub->options.key, "@-") == 0) {
        return cli_usage(COMMAND, "standard input cannot be both the key and the lines");
    }
    return -1;
}

static int draw_run(struct pub *pub) {
    unsigned char random[RANDOM_BYTES];
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        cli_say(COMMAND, "cannot draw a random number for a key: %s", strerror(errno));
        return CLI_UNAVAILABLE;
    }
    for (size_t i = 0; i < sizeof random; i++) snprintf(pub->run + 2 * i, 3, "%02x", random[i]);
    return CLI_OK;
}

int cli_pub(int argc, char **argv) {
    struct pub pub = {.retry_for_ms = RETRY_FOR_DEFAULT_MS};
    int code = parse(&pub, argc, argv);
    if (code >= 0) return code;
    char read_buffer[READ_BYTES];
    pub.read_buffer = read_buffer;
    pub.line_max = LINE_BYTES_MAX;
    lines_init(&pub.lines, LINE_BYTES_MAX, LINES_CUT);
    // Repairing makes one byte three, before the line is cut again.
    buf_init(&pub.request, REQUEST_BYTES + 4 * (size_t)LIMIT_DATA_BYTES);
    code = client_open(&pub.client, COMMAND, pub.url, &pub.options);
    if (code == CLI_OK) code = draw_run(&pub);
    if (code == CLI_OK) code = pub.data ? send_data(&pub) : send_input(&pub);
    client_close(pub.client);
    lines_fini(&pub.lines);
    buf_fini(&pub.request);
    return code;
}
