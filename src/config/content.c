// SPDX-License-Identifier: MIT
// Topic rules, routes and sources of the configuration.
#include <stdio.h>

#include "base/limits.h"
#include "base/pattern.h"
#include "base/topic.h"
#include "base/units.h"
#include "config/config_priv.h"

// A value of a list's entry; its default where the file says nothing.
static int entry_value(struct config_loader *loader, enum entry_option_id id, const char *path,
                       const char *text, void *into) {
    const struct option *option = &config_entry_options[id];
    struct report why = {0};
    if (!option_parse(option, str_from(text ? text : option->fallback), into, &why)) return 0;
    return config_fail(loader, path, "%s", why.text);
}

static int copy_text(struct config_loader *loader, const char *text, const char **out) {
    *out = config_copy(loader->config, str_from(text));
    return *out ? 0 : config_no_memory(loader);
}

// --- topics ---------------------------------------------------------------------------------------------------------

static int load_topic(struct config_loader *loader, uint32_t index,
                      struct journal_topic_rule *rule) {
    static const struct raw_retention nothing;
    const struct raw_topic *raw = &loader->raw->topics[index];
    const struct raw_retention *retention = raw->retention ? raw->retention : &nothing;
    char path[64];
    snprintf(path, sizeof path, "topics[%u].match", index);
    if (!raw->match) {
        return config_fail(loader, path,
                           "a rule needs a pattern, for example match: \"builds/**\"");
    }
    struct report why = {0};
    struct pattern pattern;
    if (pattern_read(&pattern, str_from(raw->match), &why)) {
        return config_fail(loader, path, "%s; for example \"builds/**\"", why.text);
    }
    int err = copy_text(loader, raw->match, &rule->pattern);
    if (err) return err;
    snprintf(path, sizeof path, "topics[%u].retention.bytes", index);
    err = entry_value(loader, ENTRY_ID_TOPIC_BYTES, path, retention->bytes,
                      &rule->retention.bytes_max);
    if (err) return err;
    snprintf(path, sizeof path, "topics[%u].retention.count", index);
    err = entry_value(loader, ENTRY_ID_TOPIC_COUNT, path, retention->count,
                      &rule->retention.count_max);
    if (err) return err;
    snprintf(path, sizeof path, "topics[%u].retention.age", index);
    err =
        entry_value(loader, ENTRY_ID_TOPIC_AGE, path, retention->age, &rule->retention.age_max_ms);
    if (err) return err;
    unsigned durability;
    snprintf(path, sizeof path, "topics[%u].durability", index);
    err = entry_value(loader, ENTRY_ID_TOPIC_DURABILITY, path, raw->durability, &durability);
    rule->memory = !err && durability == 1;
    return err;
}

static int load_topics(struct config_loader *loader) {
    uint32_t count = loader->raw->topics_count;
    struct journal_topic_rule *rules = config_alloc(loader->config, (count + 1) * sizeof *rules);
    if (!rules) return config_no_memory(loader);
    for (uint32_t i = 0; i < count; i++) {
        int err = load_topic(loader, i, &rules[i]);
        if (err) return err;
    }
    loader->config->policy.rules = rules;
    loader->config->policy.rules_count = count;
    return 0;
}

// --- routes ---------------------------------------------------------------------------------------------------------

// The hub's own paths, apart from everything under /t/.
static bool is_own_path(struct str path) {
    static const char *const own[] = {
        "/",        "/t",           "/events", "/topics",     "/healthz",     "/readyz", "/version",
        "/metrics", "/tailrace.js", "/livez",  "/index.html", "/favicon.ico", "/access", "/kit"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (str_equal(path, str_from(own[i]))) return true;
    }
    return str_starts(path, STR("/t/")) || str_starts(path, STR("/assets/")) ||
           str_starts(path, STR("/kit/"));
}

// Bytes that cannot stand in a request's target, or would end the path.
static bool has_odd_byte(const char *text, const char *odd) {
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7F || strchr(odd, *c)) return true;
    }
    return false;
}

static int load_route(struct config_loader *loader, uint32_t index, struct config_route *route) {
    const struct raw_route *raw = &loader->raw->routes[index];
    char path[64];
    snprintf(path, sizeof path, "routes[%u].path", index);
    if (!raw->path || raw->path[0] != '/' || has_odd_byte(raw->path, "?#")) {
        return config_fail(loader, path,
                           "%s is not a path; it begins with / and has no ? and no space, for "
                           "example /api/StreamLogs",
                           config_quote(str_from(raw->path ? raw->path : "")).text);
    }
    if (is_own_path(str_from(raw->path))) {
        return config_fail(loader, path, "%s belongs to the hub itself",
                           config_quote(str_from(raw->path)).text);
    }
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(loader->raw->routes[i].path, raw->path)) continue;
        return config_fail(loader, path, "%s stands here twice",
                           config_quote(str_from(raw->path)).text);
    }
    snprintf(path, sizeof path, "routes[%u].to", index);
    struct str to = str_from(raw->to ? raw->to : "");
    bool topic = str_starts(to, STR("/t/")) && to.len > 3 && to.ptr[3] != '?';
    bool events = str_starts(to, STR("/events?")) && memmem(to.ptr, to.len, "topic=", 6);
    if ((!topic && !events) || has_odd_byte(to.ptr, "#")) {
        return config_fail(loader, path,
                           "%s is not a subscription; for example /t/logs/sample?last=all or "
                           "/events?topic=logs/**",
                           config_quote(to).text);
    }
    int err = copy_text(loader, raw->path, &route->path);
    return err ? err : copy_text(loader, raw->to, &route->target);
}

static int load_routes(struct config_loader *loader) {
    uint32_t count = loader->raw->routes_count;
    struct config_route *routes = config_alloc(loader->config, (count + 1) * sizeof *routes);
    if (!routes) return config_no_memory(loader);
    for (uint32_t i = 0; i < count; i++) {
        int err = load_route(loader, i, &routes[i]);
        if (err) return err;
    }
    loader->config->routes = routes;
    loader->config->routes_count = count;
    return 0;
}

// --- sources --------------------------------------------------------------------------------------------------------

// The topic as it would be, with something in place of each placeholder.
static size_t fill_placeholders(const char *topic, char *out, size_t room) {
    static const char *const names[] = {"{name}", "{stem}", "{path}"};
    size_t found = 0, at = 0;
    while (*topic && at + 2 < room) {
        size_t taken = 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0] && !taken; i++) {
            if (!strncmp(topic, names[i], strlen(names[i]))) taken = strlen(names[i]);
        }
        out[at++] = taken ? 'x' : *topic;
        topic += taken ? taken : 1;
        found += taken > 0;
    }
    out[at] = '\0';
    return found;
}

static int check_topic(struct config_loader *loader, const char *where,
                       const struct source_config *source) {
    char path[64], filled[LIMIT_TOPIC_BYTES + 64];
    snprintf(path, sizeof path, "%s.topic", where);
    size_t placeholders = fill_placeholders(source->topic, filled, sizeof filled);
    struct report why = {0};
    if (topic_check(str_from(filled), &why)) return config_fail(loader, path, "%s", why.text);
    if (topic_is_reserved(str_from(filled))) {
        return config_fail(loader, path, "topics under $sys/ belong to the hub");
    }
    if (source->kind == SOURCE_SIMULATE && (placeholders || strchr(filled, '{'))) {
        return config_fail(loader, path, "{name}, {stem} and {path} are only for files");
    }
    if (strchr(filled, '{')) {
        return config_fail(loader, path,
                           "in the topic of a file { begins one of {name}, {stem} and {path}");
    }
    if (source->kind == SOURCE_FILE && strpbrk(source->path, "*?[") && !placeholders) {
        return config_fail(loader, path,
                           "a pattern of several files needs {name}, {stem} or {path} in its "
                           "topic, for example logs/{name}");
    }
    return 0;
}

static int load_type(struct config_loader *loader, const char *where, const char *type,
                     struct source_config *source) {
    char path[64];
    snprintf(path, sizeof path, "%s.type", where);
    struct str text = str_from(type ? type : "");
    if (text.len > LIMIT_TYPE_BYTES || strpbrk(text.ptr, "\r\n")) {
        return config_fail(loader, path, "a type is one line of at most %d bytes",
                           LIMIT_TYPE_BYTES);
    }
    if (str_starts(text, STR("tailrace."))) {
        return config_fail(loader, path, "types that begin with tailrace. belong to the hub");
    }
    return copy_text(loader, text.ptr, &source->type);
}

static int load_file_source(struct config_loader *loader, const char *where,
                            const struct raw_source *raw, struct source_config *source) {
    char path[64];
    source->kind = SOURCE_FILE;
    snprintf(path, sizeof path, "%s.file", where);
    if (!*raw->file) return config_fail(loader, path, "the name of the file is empty");
    int err = copy_text(loader, raw->file, &source->path);
    if (!err) err = copy_text(loader, raw->topic ? raw->topic : "logs/{name}", &source->topic);
    if (err) return err;
    snprintf(path, sizeof path, "%s.backfill", where);
    if (raw->backfill && !strcmp(raw->backfill, "all")) {
        source->backfill_lines = SOURCE_BACKFILL_ALL;
    } else {
        err = entry_value(loader, ENTRY_ID_SOURCE_BACKFILL, path, raw->backfill,
                          &source->backfill_lines);
        if (err) return err;
    }
    snprintf(path, sizeof path, "%s.line_bytes", where);
    err = entry_value(loader, ENTRY_ID_SOURCE_LINE_BYTES, path, raw->line_bytes,
                      &source->line_bytes_max);
    if (err) return err;
    if (source->line_bytes_max > loader->config->event_bytes_max) {
        if (raw->line_bytes) {
            return config_fail(loader, path, "%s is more than limits.event_bytes",
                               config_quote(str_from(raw->line_bytes)).text);
        }
        source->line_bytes_max = (uint32_t)loader->config->event_bytes_max;
    }
    snprintf(path, sizeof path, "%s.follow_symlinks", where);
    return entry_value(loader, ENTRY_ID_SOURCE_FOLLOW_SYMLINKS, path, raw->follow_symlinks,
                       &source->follow_symlinks);
}

// "5s" or "5s..15s".
static int load_interval(struct config_loader *loader, const char *path, const char *given,
                         struct source_config *source) {
    struct str text =
        str_from(given ? given : config_entry_options[ENTRY_ID_SIMULATE_INTERVAL].fallback);
    struct str low = text, high = text;
    const char *dots = memmem(text.ptr, text.len, "..", 2);
    if (dots) {
        low.len = (size_t)(dots - text.ptr);
        high = (struct str){dots + 2, text.len - low.len - 2};
    }
    if (units_parse_duration(low, &source->interval_min_ms) ||
        units_parse_duration(high, &source->interval_max_ms) || source->interval_min_ms < 1 ||
        source->interval_max_ms < source->interval_min_ms || source->interval_max_ms > DAY) {
        return config_fail(loader, path,
                           "%s is not a time or a range of times from 1ms to 1d, for example 5s or "
                           "5s..15s",
                           config_quote(text).text);
    }
    return 0;
}

static int load_words(struct config_loader *loader, const char *where, const struct raw_list *raw,
                      struct source_config *source) {
    const char **words = config_alloc(loader->config, (raw->count + 1) * sizeof *words);
    if (!words) return config_no_memory(loader);
    for (uint32_t i = 0; i < raw->count; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s.simulate.words[%u]", where, i);
        if (strlen(raw->items[i]) > loader->config->event_bytes_max) {
            return config_fail(loader, path, "this is longer than limits.event_bytes");
        }
        int err = copy_text(loader, raw->items[i], &words[i]);
        if (err) return err;
    }
    source->words = words;
    source->words_count = raw->count;
    return 0;
}

static int load_simulate(struct config_loader *loader, const char *where,
                         const struct raw_source *raw, struct source_config *source) {
    const struct raw_simulate *simulate = raw->simulate;
    char path[64];
    source->kind = SOURCE_SIMULATE;
    snprintf(path, sizeof path, "%s.simulate", where);
    if ((simulate->words.count > 0) == (simulate->file && *simulate->file)) {
        return config_fail(loader, path, "give exactly one of words and file");
    }
    if (raw->backfill || raw->line_bytes || raw->follow_symlinks) {
        return config_fail(loader, where,
                           "backfill, line_bytes and follow_symlinks are only for files");
    }
    if (!raw->topic) {
        return config_fail(loader, where,
                           "a simulation needs a topic, for example topic: status/demo");
    }
    int err = copy_text(loader, raw->topic, &source->topic);
    if (!err) err = copy_text(loader, simulate->file ? simulate->file : "", &source->path);
    if (!err) err = load_words(loader, where, &simulate->words, source);
    if (err) return err;
    snprintf(path, sizeof path, "%s.simulate.interval", where);
    err = load_interval(loader, path, simulate->interval, source);
    if (err) return err;
    unsigned order;
    snprintf(path, sizeof path, "%s.simulate.order", where);
    err = entry_value(loader, ENTRY_ID_SIMULATE_ORDER, path, simulate->order, &order);
    if (err) return err;
    source->shuffle = order == 1;
    snprintf(path, sizeof path, "%s.simulate.repeat", where);
    return entry_value(loader, ENTRY_ID_SIMULATE_REPEAT, path, simulate->repeat, &source->repeat);
}

static int load_source(struct config_loader *loader, uint32_t index, struct source_config *source) {
    const struct raw_source *raw = &loader->raw->sources[index];
    char where[32];
    snprintf(where, sizeof where, "sources[%u]", index);
    if (!raw->file == !raw->simulate) {
        return config_fail(loader, where, "a source needs exactly one of file and simulate");
    }
    int err = raw->file ? load_file_source(loader, where, raw, source)
                        : load_simulate(loader, where, raw, source);
    if (!err) err = load_type(loader, where, raw->type, source);
    return err ? err : check_topic(loader, where, source);
}

// What the command line names: files and standard input, with the defaults of the file's entries.
static int load_flag_source(struct config_loader *loader, const char *file,
                            struct source_config *source) {
    struct raw_source raw = {.file = (char *)(file ? file : "-"),
                             .topic = (char *)(file ? NULL : "logs/stdin")};
    int err = load_file_source(loader, "LOGFILE", &raw, source);
    if (!err) err = load_type(loader, "LOGFILE", NULL, source);
    if (err || file) return err;
    source->kind = SOURCE_STDIN;
    source->path = "";
    return 0;
}

// A file has one position, so that it can be followed once.
static int check_twice(struct config_loader *loader, const struct source_config *sources,
                       size_t index, size_t in_file) {
    if (sources[index].kind != SOURCE_FILE) return 0;
    for (size_t i = 0; i < index; i++) {
        if (sources[i].kind != SOURCE_FILE || strcmp(sources[i].path, sources[index].path))
            continue;
        char path[48] = "LOGFILE";
        if (index < in_file) snprintf(path, sizeof path, "sources[%zu].file", index);
        return config_fail(loader, path, "%s is followed twice",
                           config_quote(str_from(sources[index].path)).text);
    }
    return 0;
}

static int load_sources(struct config_loader *loader) {
    const struct config_flags *flags = loader->flags;
    size_t in_file = loader->raw->sources_count;
    size_t count = in_file + flags->log_files_count + (flags->log_stdin ? 1 : 0);
    struct source_config *sources = config_alloc(loader->config, (count + 1) * sizeof *sources);
    if (!sources) return config_no_memory(loader);
    for (size_t i = 0; i < count; i++) {
        size_t flag = i - in_file;
        int err = i < in_file ? load_source(loader, (uint32_t)i, &sources[i])
                  : flag < flags->log_files_count
                      ? load_flag_source(loader, flags->log_files[flag], &sources[i])
                      : load_flag_source(loader, NULL, &sources[i]);
        if (!err) err = check_twice(loader, sources, i, in_file);
        if (err) return err;
    }
    loader->config->sources = sources;
    loader->config->sources_count = count;
    return 0;
}

int config_load_content(struct config_loader *loader) {
    int err = load_topics(loader);
    if (!err) err = load_routes(loader);
    if (!err) err = load_sources(loader);
    return err;
}
