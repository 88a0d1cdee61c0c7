// SPDX-License-Identifier: MIT
// Topic rules, routes and sources of the configuration.
#include "config/content.h"
#include "config/paths.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/quote.h"
#include "source/check.h"

// --- topics --------------------------------------------------------------------------------------

// clang-format off
const struct option_row content_topics[] = {
    {.path = "topics[].match", .kind = OPTION_TEXT,
     OPTION_MEMBER(struct journal_topic_rule, pattern), .required = "\"builds/**\"",
     .check = loader_check_pattern,
     .help = "Pattern of the topics that the rule is for."},
    {.path = "topics[].retention.bytes", .kind = OPTION_SIZE,
     OPTION_MEMBER(struct journal_topic_rule, retention.bytes_max), .zero = true, .min = 1,
     .max = 1024 * TB, .fallback = "0",
     .help = "Size of the data that is kept of each of these topics; 0: no bound of their own."},
    {.path = "topics[].retention.count", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct journal_topic_rule, retention.count_max), .zero = true, .min = 1,
     .max = INT64_MAX, .fallback = "0",
     .help = "Events that are kept of each of these topics; 0: no bound of their own."},
    {.path = "topics[].retention.age", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct journal_topic_rule, retention.age_max_ms), .zero = true, .min = SECOND,
     .max = 36500 * DAY, .fallback = "0",
     .help = "Age up to which events of these topics are kept; 0: no bound of their own."},
    {.path = "topics[].retention.total_bytes", .kind = OPTION_SIZE,
     OPTION_MEMBER(struct journal_topic_rule, total_bytes_max), .zero = true, .min = 1,
     .max = 1024 * TB, .fallback = "0",
     .help = "Size of the data that is kept of all these topics together; 0: no bound of their "
             "own."},
    {.path = "topics[].keep", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct journal_topic_rule, keep), .zero = true, .min = 1, .max = 1000000,
     .fallback = "0",
     .help = "Newest events of each of these topics that are kept whatever their age."},
    // In whole seconds, as events keep it.
    {.path = "topics[].expires", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct journal_topic_rule, expires_ms), .zero = true, .min = SECOND,
     .max = 36500 * DAY, .fallback = "0",
     .help = "How long events of these topics are worth something if their publisher does not "
             "say; 0: not said."},
    {.path = "topics[].durability", .kind = OPTION_CHOICE,
     OPTION_MEMBER(struct journal_topic_rule, memory), .choices = "disk|memory",
     .fallback = "disk",
     .help = "memory: their events are never written to the disk and are lost at a restart."},
    {.path = NULL},
};
// clang-format on

static int load_topics(struct loader *loader) {
    size_t count;
    struct journal_topic_rule *rules = loader_entries(loader, "topics", 1, sizeof *rules, &count);
    if (!rules) return loader_no_memory(loader);
    const struct tree_value *from = tree_first(loader->root, "topics");
    for (size_t i = 0; i < count; i++, from = from->next) {
        char where[32];
        snprintf(where, sizeof where, "topics[%zu]", i);
        int err = loader_entry(loader, content_topics, 0, from, where, &rules[i]);
        if (err) return err;
    }
    // After those of the configuration: a status that does not change is not too old.
    rules[count] = (struct journal_topic_rule){.pattern = "status/**", .keep = 1};
    loader->config->policy.rules = rules;
    loader->config->policy.rules_count = count + 1;
    return 0;
}

// --- routes --------------------------------------------------------------------------------------

// What is below a path belongs to the hub with the path itself: /t with /t/….
static bool is_own_path(struct str path) {
    static const struct {
        struct str path;
        enum match match;
    } own[] = {
#define X(path, match, resource) {{path, sizeof(path) - 1}, match},
        HUB_PATHS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        struct str bare = own[i].path;
        if (own[i].match == BELOW) {
            if (str_starts(path, bare)) return true;
            bare.len--;
        }
        if (str_equal(path, bare)) return true;
    }
    return false;
}

// Bytes that a request's target cannot have, or that would end the path.
static bool has_odd_byte(struct str text, const char *odd) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7F || strchr(odd, c)) return true;
    }
    return false;
}

static int check_path(struct str path, struct report *report) {
    if (!str_starts(path, STR("/")) || has_odd_byte(path, "?#")) {
        return report_set(report, ERR_INVALID,
                          "%s is not a path; it begins with / and has no ? and no space, for "
                          "example /api/StreamLogs",
                          quote(path).text);
    }
    if (!is_own_path(path)) return 0;
    return report_set(report, ERR_INVALID, "%s is a path of the hub itself", quote(path).text);
}

static int check_target(struct str to, struct report *report) {
    bool topic = str_starts(to, STR("/t/")) && to.len > 3 && to.ptr[3] != '?';
    bool events = str_starts(to, STR("/events?")) && memmem(to.ptr, to.len, "topic=", 6);
    if ((topic || events) && !has_odd_byte(to, "#")) return 0;
    return report_set(report, ERR_INVALID,
                      "%s is not a subscription; for example /t/logs/sample?last=all or "
                      "/events?topic=logs/**",
                      quote(to).text);
}

// clang-format off
const struct option_row content_routes[] = {
    {.path = "routes[].path", .kind = OPTION_TEXT, OPTION_MEMBER(struct config_route, path),
     .required = "/api/StreamLogs", .check = check_path,
     .help = "Path of a request; not one of the hub's own."},
    {.path = "routes[].to", .kind = OPTION_TEXT, OPTION_MEMBER(struct config_route, target),
     .required = "/t/logs/sample?last=all", .check = check_target,
     .help = "The subscription that answers it: /t/TOPIC… or /events?topic=…"},
    {.path = NULL},
};
// clang-format on

static int load_route(struct loader *loader, size_t index, const struct tree_value *from,
                      struct config_route *routes) {
    char where[32], path[48];
    snprintf(where, sizeof where, "routes[%zu]", index);
    int err = loader_entry(loader, content_routes, 0, from, where, &routes[index]);
    for (size_t i = 0; !err && i < index; i++) {
        if (strcmp(routes[i].path, routes[index].path)) continue;
        snprintf(path, sizeof path, "%s.path", where);
        err = loader_fail(loader, path, "%s is given twice", quote(str_from(routes[i].path)).text);
    }
    return err;
}

static int load_routes(struct loader *loader) {
    size_t count;
    struct config_route *routes = loader_entries(loader, "routes", 0, sizeof *routes, &count);
    if (!routes) return loader_no_memory(loader);
    const struct tree_value *from = tree_first(loader->root, "routes");
    for (size_t i = 0; i < count; i++, from = from->next) {
        int err = load_route(loader, i, from, routes);
        if (err) return err;
    }
    loader->config->routes = routes;
    loader->config->routes_count = count;
    return 0;
}

// --- sources -------------------------------------------------------------------------------------

// An option of another kind of source would be ignored.
static int refuse_foreign(struct loader *loader, const struct tree_value *from, const char *where,
                          enum source_kind kind) {
    for (const struct option_row *row = source_options; row->path; row++) {
        const char *name = option_name(row);
        if (option_applies(row, kind) || !tree_find(from, name)) continue;
        char path[LOADER_PATH_BYTES];
        snprintf(path, sizeof path, "%s.%s", where, name);
        return loader_fail(loader, path, "this option is only for %s",
                           option_applies(row, SOURCE_FILE) ? "files" : "simulations");
    }
    return 0;
}

// What depends on the hub's other options.
static int check_event_bytes(struct loader *loader, const struct tree_value *from,
                             const char *where, struct source_config *source) {
    uint64_t max = loader->config->event_bytes_max;
    char path[LOADER_PATH_BYTES];
    if (source->kind != SOURCE_SIMULATE) {
        const struct tree_value *given = tree_find(from, "line_bytes");
        if (source->line_bytes_max <= max) return 0;
        source->line_bytes_max = (uint32_t)max;
        if (!given) return 0;
        snprintf(path, sizeof path, "%s.line_bytes", where);
        return loader_fail(loader, path, "%s is more than limits.event_bytes",
                           quote(str_from(given->text)).text);
    }
    for (size_t i = 0; i < source->words_count; i++) {
        if (strlen(source->words[i]) <= max) continue;
        snprintf(path, sizeof path, "%s.simulate.words[%zu]", where, i);
        return loader_fail(loader, path, "this is longer than limits.event_bytes");
    }
    return 0;
}

static int check_source(struct loader *loader, const struct tree_value *from, const char *where,
                        struct source_config *source) {
    struct report why = {0};
    char option[SOURCE_OPTION_BYTES], path[LOADER_PATH_BYTES];
    int err = check_event_bytes(loader, from, where, source);
    if (err) return err;
    err = source_check(source, option, &why);
    if (!err) return 0;
    if (err == ERR_NOMEM) return loader_no_memory(loader);
    snprintf(path, sizeof path, "%s%s%s", where, option[0] ? "." : "", option);
    return loader_fail(loader, path, "%s", why.text);
}

// The kind of a source is told by which of two options it has.
static int read_kind(struct loader *loader, const struct tree_value *from, const char *where,
                     enum source_kind *kind) {
    const struct tree_value *simulate = tree_find(from, "simulate");
    bool file = tree_find(from, "file"), simulation = simulate && !simulate->nothing;
    if (file == simulation) {
        return loader_fail(loader, where, "a source needs exactly one of file and simulate");
    }
    *kind = file ? SOURCE_FILE : SOURCE_SIMULATE;
    if (file || tree_find(from, "topic")) return 0;
    return loader_fail(loader, where, "a simulation needs a topic, for example topic: status/demo");
}

static int load_source(struct loader *loader, size_t index, const struct tree_value *from,
                       struct source_config *source) {
    char where[32];
    snprintf(where, sizeof where, "sources[%zu]", index);
    int err = read_kind(loader, from, where, &source->kind);
    if (!err) err = refuse_foreign(loader, from, where, source->kind);
    if (!err) err = loader_entry(loader, source_options, source->kind, from, where, source);
    return err ? err : check_source(loader, from, where, source);
}

// What the command line names: files and, with NULL, standard input, with the defaults of the
// file's entries.
static int load_flag_source(struct loader *loader, const char *file, struct source_config *source) {
    source->kind = file ? SOURCE_FILE : SOURCE_STDIN;
    int err = loader_entry(loader, source_options, source->kind, NULL, "LOGFILE", source);
    source->path = file ? file : "";
    if (!file) source->topic = "logs/stdin";
    return err ? err : check_source(loader, NULL, "LOGFILE", source);
}

// A file has one position, so that it can be followed once.
static int check_twice(struct loader *loader, const struct source_config *sources, size_t index,
                       size_t in_file) {
    if (sources[index].kind != SOURCE_FILE) return 0;
    for (size_t i = 0; i < index; i++) {
        if (sources[i].kind != SOURCE_FILE || strcmp(sources[i].path, sources[index].path))
            continue;
        char path[48] = "LOGFILE";
        if (index < in_file) snprintf(path, sizeof path, "sources[%zu].file", index);
        return loader_fail(loader, path, "%s is followed twice",
                           quote(str_from(sources[index].path)).text);
    }
    return 0;
}

static int load_sources(struct loader *loader) {
    const struct config_flags *flags = loader->flags;
    size_t more = flags->log_files_count + (flags->log_stdin ? 1 : 0), in_file;
    struct source_config *sources =
        loader_entries(loader, "sources", more, sizeof *sources, &in_file);
    if (!sources) return loader_no_memory(loader);
    const struct tree_value *from = tree_first(loader->root, "sources");
    for (size_t i = 0; i < in_file + more; i++) {
        size_t flag = i - in_file;
        int err;
        if (i < in_file) {
            err = load_source(loader, i, from, &sources[i]);
            from = from->next;
        } else {
            const char *file = flag < flags->log_files_count ? flags->log_files[flag] : NULL;
            err = load_flag_source(loader, file, &sources[i]);
        }
        if (!err) err = check_twice(loader, sources, i, in_file);
        if (err) return err;
    }
    loader->config->sources = sources;
    loader->config->sources_count = in_file + more;
    return 0;
}

int content_load(struct loader *loader) {
    int err = load_topics(loader);
    if (!err) err = load_routes(loader);
    if (!err) err = load_sources(loader);
    return err;
}
