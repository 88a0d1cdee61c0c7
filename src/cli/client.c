// SPDX-License-Identifier: MIT
// The HTTP client of the commands, over libcurl: see client.h.
#include "cli/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/units.h"
#include "cli/cli.h"
#include "proto/url.h"
#include "sys/clock.h"

// A URL has a topic and a query, a key is a token. Both bounds are far above that.
#define URL_BYTES_MAX 16384
#define KEY_BYTES_MAX 4096
// Bytes of an error's body that are kept for its detail.
#define PROBLEM_BYTES_MAX 8192
#define CONNECT_TIMEOUT_MS 10000L
// A commit takes milliseconds. After this time the connection is considered dead.
#define POST_TIMEOUT_MS 60000L
// An answer that asks for a longer wait is not obeyed that long.
#define RETRY_AFTER_MAX_MS 60000

struct client {
    CURL *curl;
    struct buf url;
    struct buf shown;
    struct buf authorization; // a header line; empty: no key
    struct buf problem;       // beginning of a body that is not for the callback
    char error[CURL_ERROR_SIZE];
    // Of the current request:
    client_body_fn *body;
    client_idle_fn *idle;
    void *context;
    int stopped; // the value that a callback returned
    uint64_t last_byte_ms;
};

// --- keys ----------------------------------------------------------------------------------------

static int read_key_file(char **key, const char *path, struct report *report) {
    char line[KEY_BYTES_MAX + 2];
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file) return report_errno(report, ERR_IO, "the key file cannot be opened");
    bool got = fgets(line, sizeof line, file) != NULL;
    int err = 0;
    if (!got && ferror(file)) {
        err = report_errno(report, ERR_IO, "the key file cannot be read");
    } else {
        if (!got) line[0] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        *key = strdup(line);
        if (!*key) err = report_set(report, ERR_NOMEM, "out of memory");
    }
    if (!is_stdin) fclose(file);
    return err;
}

// *key is on the heap; NULL when there is no key. ERR_INVALID, ERR_IO, ERR_TOO_LONG, ERR_NOMEM with
// a report.
static int find_key(char **key, const char *spec, struct report *report) {
    *key = NULL;
    const char *path = spec && *spec == '@' ? spec + 1 : NULL;
    if (!spec) {
        spec = getenv("TAILRACE_KEY");
        if (!spec || !*spec) spec = path = getenv("TAILRACE_KEY_FILE");
    }
    if (!spec || !*spec) return 0;
    int err = 0;
    if (path) {
        err = read_key_file(key, path, report);
        if (err) return err;
    } else {
        *key = strdup(spec);
        if (!*key) return report_set(report, ERR_NOMEM, "out of memory");
    }
    size_t len = strlen(*key);
    if (len == 0) err = report_set(report, ERR_INVALID, "the key is empty");
    if (len > KEY_BYTES_MAX) err = report_set(report, ERR_TOO_LONG, "the key is too long");
    for (size_t i = 0; i < len && err == 0; i++) {
        if (!isgraph((unsigned char)(*key)[i])) {
            err = report_set(report, ERR_INVALID,
                             "the key contains a space or another character "
                             "that is not allowed in a key");
        }
    }
    if (err) {
        free(*key);
        *key = NULL;
    }
    return err;
}

// --- making --------------------------------------------------------------------------------------

static int add_url(struct buf *out, const char *url, struct report *report) {
    const char *scheme_end = strstr(url, "://");
    if (!scheme_end) {
        buf_append_str(out, STR("http://"));
    } else if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        return report_set(report, ERR_INVALID, "the URL must start with http:// or https://");
    }
    static const char digits[] = "0123456789ABCDEF";
    for (const char *c = url; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < ' ' || byte == 0x7f) {
            return report_set(report, ERR_INVALID, "the URL contains a control character");
        }
        if (byte == '#') {
            return report_set(report, ERR_INVALID,
                              "the URL contains a #; write %%23 if it is part of the topic");
        }
        if (byte > 0x7e || strchr(" \"<>\\^`{|}", byte)) {
            buf_append(out, (char[3]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
        } else {
            buf_append_char(out, (char)byte);
        }
    }
    if (buf_failed(out)) return report_set(report, ERR_INVALID, "the URL is too long");
    const char *host = strstr(buf_cstr(out), "://") + 3;
    const char *path = host + strcspn(host, "/?");
    if (path == host) return report_set(report, ERR_INVALID, "the URL has no host");
    if (*path != '/' || path[1] == '\0' || path[1] == '?') {
        return report_set(report, ERR_INVALID,
                          "the URL has no topic; it must look like http://HOST:PORT/t/TOPIC");
    }
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    struct client *client = context;
    size_t len = size * count;
    client->last_byte_ms = clock_mono_ms();
    long status = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && client->body) {
        client->stopped = client->body(client->context, (struct str){bytes, len});
        return client->stopped ? CURL_WRITEFUNC_ERROR : len;
    }
    size_t room = client->problem.max - client->problem.len;
    buf_append(&client->problem, bytes, len < room ? len : room);
    return len;
}

static int on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up) {
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    struct client *client = context;
    if (client->stopped) return 1;
    if (!client->idle) return 0;
    client->stopped = client->idle(client->context, clock_mono_ms() - client->last_byte_ms);
    return client->stopped != 0;
}

static int open_curl(struct client *client) {
    client->curl = curl_easy_init();
    CURL *curl = client->curl;
    if (!curl) return ERR_NOMEM;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
    // No signal handlers of curl's: writing to a closed connection returns an error.
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    // A topic may have segments such as `..`, which are names here.
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tailrace/" TAILRACE_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    return 0;
}

// As curl(1) looks for them, which libcurl does not do by itself.
static void trust(CURL *curl, const char *cacert) {
    static const struct {
        const char *name;
        CURLoption option;
    } from[] = {{"CURL_CA_BUNDLE", CURLOPT_CAINFO},
                {"SSL_CERT_DIR", CURLOPT_CAPATH},
                {"SSL_CERT_FILE", CURLOPT_CAINFO}};
    if (cacert) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, cacert);
        return;
    }
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        const char *value = getenv(from[i].name);
        if (!value || !*value) continue;
        curl_easy_setopt(curl, from[i].option, value);
        return;
    }
}

static int make(struct client **out, const char *url, const char *key, const char *cacert,
                struct report *report) {
    struct client *client = calloc(1, sizeof *client);
    if (!client) return report_set(report, ERR_NOMEM, "out of memory");
    buf_init(&client->url, URL_BYTES_MAX);
    buf_init(&client->shown, URL_BYTES_MAX * 2);
    buf_init(&client->authorization, KEY_BYTES_MAX + 64);
    buf_init(&client->problem, PROBLEM_BYTES_MAX);
    int err = add_url(&client->url, url, report);
    if (err == 0) {
        url_redact(&client->shown, buf_str(&client->url));
        if (key) buf_printf(&client->authorization, "Authorization: Bearer %s", key);
        // Terminated, so that client_shown can return it as it is.
        buf_append(&client->shown, "", 1);
        err = open_curl(client);
        if (err == 0) trust(client->curl, cacert);
        if (buf_failed(&client->shown) || buf_failed(&client->authorization)) err = ERR_NOMEM;
        if (err) report_set(report, err, "out of memory");
    }
    if (err) {
        client_close(client);
        return err;
    }
    *out = client;
    return 0;
}

void client_close(struct client *client) {
    if (!client) return;
    if (client->curl) curl_easy_cleanup(client->curl);
    buf_fini(&client->url);
    buf_fini(&client->shown);
    buf_fini(&client->authorization);
    buf_fini(&client->problem);
    free(client);
}

int client_open(struct client **out, const char *command, const char *url,
                const struct client_options *options) {
    struct report report = {0};
    char *key = NULL;
    *out = NULL;
    int err = find_key(&key, options->key, &report);
    if (err == 0) err = make(out, url, key, options->cacert, &report);
    free(key);
    if (err == 0) return CLI_OK;
    if (err == ERR_INVALID) return cli_usage(command, "%s", report.text);
    cli_say(command, "%s", report.text);
    return CLI_UNAVAILABLE;
}

const char *client_shown(const struct client *client) { return client->shown.data; }

void client_add_parameter(struct buf *query, const char *name, struct str value) {
    if (query->len) buf_append_char(query, '&');
    buf_append_str(query, str_from(name));
    buf_append_char(query, '=');
    url_encode_query(query, value);
}

int client_take_retry_for(const char *command, const char *value, uint64_t *ms) {
    if (units_parse_duration(str_from(value), ms) == 0) return CLI_OK;
    return cli_usage(command, "--retry-for needs a time such as 30s or 2h, not '%s'", value);
}

bool client_has_query(const struct client *client, const char *const *names) {
    struct str rest = buf_str(&client->url);
    str_cut(&rest, '?');
    struct str name;
    struct str value;
    while (url_query_next(&rest, &name, &value)) {
        for (size_t i = 0; names[i]; i++) {
            if (url_equal(name, names[i])) return true;
        }
    }
    return false;
}

// --- requests ------------------------------------------------------------------------------------

// The `detail` of a problem+json body, found without a JSON parser: the text up to the first quote
// that is not escaped. Escapes are left as they are; a person reads them.
static struct str problem_text(struct str body) {
    static const char name[] = "\"detail\":";
    const char *found = body.len ? memmem(body.ptr, body.len, name, sizeof name - 1) : NULL;
    const char *end = body.ptr + body.len;
    if (!found) {
        struct str rest = body;
        return body.len && body.ptr[0] != '{' && body.ptr[0] != '<' ? str_cut(&rest, '\n')
                                                                    : STR("");
    }
    const char *from = found + sizeof name - 1;
    while (from < end && *from == ' ') from++;
    if (from == end || *from != '"') return STR("");
    const char *to = ++from;
    while (to < end && *to != '"') to += *to == '\\' && to + 1 < end ? 2 : 1;
    return (struct str){from, (size_t)(to - from)};
}

static void read_answer(struct client *client, struct client_answer *answer) {
    long status = 0;
    curl_off_t seconds = 0;
    char *type = NULL;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &seconds);
    curl_easy_getinfo(client->curl, CURLINFO_CONTENT_TYPE, &type);
    answer->status = (int)status;
    answer->retry_after_ms = seconds > 0 ? (uint64_t)seconds * 1000 : 0;
    if (answer->retry_after_ms > RETRY_AFTER_MAX_MS) answer->retry_after_ms = RETRY_AFTER_MAX_MS;
    for (size_t i = 0; type && type[i] && !strchr("; \t", type[i]); i++) {
        if (i + 1 == sizeof answer->content_type) break;
        answer->content_type[i] = (char)tolower((unsigned char)type[i]);
    }
    struct str text = problem_text(buf_str(&client->problem));
    for (size_t i = 0; i < text.len && i + 1 < sizeof answer->detail; i++) {
        // The server may be anybody's: only printable characters go to the terminal.
        answer->detail[i] = isprint((unsigned char)text.ptr[i]) ? text.ptr[i] : '?';
    }
}

static int error_of(CURLcode code) {
    switch (code) {
        case CURLE_OUT_OF_MEMORY: return ERR_NOMEM;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR: return ERR_DENIED;
        default: return ERR_IO;
    }
}

static int perform(struct client *client, const char *query, struct curl_slist *headers,
                   struct client_answer *answer, struct report *report) {
    struct buf url;
    buf_init(&url, URL_BYTES_MAX * 2);
    buf_append_str(&url, buf_str(&client->url));
    if (*query) {
        buf_append_char(&url, memchr(client->url.data, '?', client->url.len) ? '&' : '?');
        buf_append_str(&url, str_from(query));
    }
    *answer = (struct client_answer){0};
    client->stopped = 0;
    client->error[0] = '\0';
    client->last_byte_ms = clock_mono_ms();
    buf_clear(&client->problem);
    curl_easy_setopt(client->curl, CURLOPT_URL, buf_cstr(&url));
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = buf_failed(&url) ? CURLE_OUT_OF_MEMORY : curl_easy_perform(client->curl);
    read_answer(client, answer);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    buf_fini(&url);
    if (client->stopped) return client->stopped;
    if (code == CURLE_OK) return 0;
    return report_set(report, error_of(code), "%s",
                      client->error[0] ? client->error : curl_easy_strerror(code));
}

static bool add_header(struct curl_slist **headers, const char *line) {
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer) *headers = longer;
    return longer != NULL;
}

static bool add_key(struct client *client, struct curl_slist **headers) {
    return client->authorization.len == 0 || add_header(headers, buf_cstr(&client->authorization));
}

int client_get(struct client *client, const char *query, struct str last_id, client_body_fn *body,
               client_idle_fn *idle, void *context, struct client_answer *answer,
               struct report *report) {
    struct curl_slist *headers = NULL;
    struct buf line;
    buf_init(&line, 4096);
    buf_printf(&line, "Last-Event-ID: %.*s", STR_ARG(last_id));
    bool ok = add_header(&headers, "Accept: text/event-stream") &&
              add_header(&headers, "Cache-Control: no-store") && add_key(client, &headers) &&
              (last_id.len == 0 || (!buf_failed(&line) && add_header(&headers, buf_cstr(&line))));
    int err = ERR_NOMEM;
    if (ok) {
        client->body = body;
        client->idle = idle;
        client->context = context;
        curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, 0L);
        err = perform(client, query, headers, answer, report);
    } else {
        *answer = (struct client_answer){0};
        report_set(report, err, "out of memory");
    }
    curl_slist_free_all(headers);
    buf_fini(&line);
    return err;
}

static bool ends_like_json(struct str body) {
    while (body.len && isspace((unsigned char)body.ptr[body.len - 1])) body.len--;
    return body.len && body.ptr[body.len - 1] == '}';
}

int client_post(struct client *client, const char *query, struct str body,
                struct client_answer *answer, struct report *report) {
    struct curl_slist *headers = NULL;
    int err = ERR_NOMEM;
    // Without this, curl sends `Expect: 100-continue` and holds a large body back for a second.
    if (add_header(&headers, "Content-Type: text/plain; charset=utf-8") &&
        add_header(&headers, "Expect:") && add_key(client, &headers)) {
        client->body = NULL;
        client->idle = NULL;
        curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body.len ? body.ptr : "");
        curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, POST_TIMEOUT_MS);
        err = perform(client, query, headers, answer, report);
        // When a connection is closed within the head of an answer, curl reports an empty answer.
        if (err == 0 && answer->status == 200 && !ends_like_json(buf_str(&client->problem))) {
            err = report_set(report, ERR_IO, "the connection was closed within the answer");
        }
    } else {
        *answer = (struct client_answer){0};
        report_set(report, err, "out of memory");
    }
    curl_slist_free_all(headers);
    return err;
}

// --- answers -------------------------------------------------------------------------------------

bool client_is_temporary(int status) {
    return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
           status == 503 || status == 504;
}

int client_refused(const struct client *client, const char *command,
                   const struct client_answer *answer) {
    const char *what = "the hub refused the request";
    int code = CLI_NO;
    if (answer->status == 401) {
        what = "no key or a wrong one (give one by --key or TAILRACE_KEY)";
        code = CLI_DENIED;
    } else if (answer->status == 403) {
        what = "the key does not permit this";
        code = CLI_DENIED;
    } else if (answer->status == 404 || answer->status == 405) {
        what = "nothing there that could do this; is the URL right?";
        code = CLI_UNAVAILABLE;
    } else if (answer->status / 100 == 3) {
        what = "the URL redirects elsewhere; redirects are not followed";
        code = CLI_UNAVAILABLE;
    } else if (client_is_temporary(answer->status)) {
        what = "the hub cannot do it now";
        code = CLI_TEMPORARY;
    }
    const char *between = answer->detail[0] ? ": " : "";
    cli_say(command, "%s: %d, %s%s%s", client_shown(client), answer->status, what, between,
            answer->detail);
    return code;
}

uint64_t client_backoff(uint64_t base_ms, uint64_t max_ms, unsigned failures) {
    uint64_t wait = base_ms;
    for (unsigned i = 1; i < failures && wait < max_ms; i++) wait *= 2;
    if (wait > max_ms) wait = max_ms;
    uint32_t random = 0;
    // The random part only spreads clients out. Without entropy they wait the whole time.
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random) random = 0;
    return wait - wait * (random % 1024) / 2048;
}

void client_sleep(uint64_t ms) {
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
