// SPDX-License-Identifier: MIT
// The one file that knows libcyaml (and libyaml below it).
//
// The text is read twice. First event by event, to learn where each value stands (libcyaml forgets that) and to refuse what a
// configuration has no use for: aliases, several documents, NUL bytes, deep nesting. Then by libcyaml, whose schema is made from the table
// of options; every value arrives as text.
#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/limits.h"
#include "config/config_priv.h"

// The schema needs four levels; more is not ours, and must not cost memory.
#define DEPTH_MAX 8

struct place {
    char *path;
    unsigned key_line, key_column; // 0 for entries of lists
    unsigned line, column;         // of the value
};

struct schema {
    cyaml_schema_field_t root[OPTION_COUNT + SECTION_COUNT + 8];
    cyaml_schema_field_t sections[SECTION_COUNT][OPTION_COUNT + 1];
    cyaml_schema_value_t top;
};

struct config_yaml {
    const char *name;
    struct schema schema;
    struct raw_config *raw;
    struct raw_config nothing; // what an empty file says
    struct place *places;
    size_t places_count, places_cap;
    struct buf messages; // what libcyaml said, one line each
};

// --- the schema -----------------------------------------------------------------------------------------------------

#define MAYBE (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define MAYBE_EMPTY (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL)
#define WORD(key, structure, member)                                                               \
    CYAML_FIELD_STRING_PTR(key, MAYBE, structure, member, 0, CYAML_UNLIMITED)
#define WORDS(key, structure, member)                                                              \
    CYAML_FIELD_SEQUENCE_COUNT(key, MAYBE_EMPTY, structure, member.items, member.count, &word, 0,  \
                               LIMIT_CONFIG_ENTRIES)
#define ENTRIES(key, member, entry)                                                                \
    CYAML_FIELD_SEQUENCE(key, MAYBE_EMPTY, struct raw_config, member, entry, 0,                    \
                         LIMIT_CONFIG_ENTRIES)
#define NESTED(key, structure, member, fields)                                                     \
    CYAML_FIELD_MAPPING_PTR(key, MAYBE_EMPTY, structure, member, fields)

static const cyaml_schema_value_t word = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t retention_fields[] = {
    WORD("bytes", struct raw_retention, bytes),
    WORD("count", struct raw_retention, count),
    WORD("age", struct raw_retention, age),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t topic_fields[] = {
    WORD("match", struct raw_topic, match),
    NESTED("retention", struct raw_topic, retention, retention_fields),
    WORD("durability", struct raw_topic, durability),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t key_fields[] = {
    WORD("name", struct raw_key, name),
    WORD("secret", struct raw_key, secret),
    WORD("secret_file", struct raw_key, secret_file),
    WORD("secret_env", struct raw_key, secret_env),
    WORDS("publish", struct raw_key, publish),
    WORDS("subscribe", struct raw_key, subscribe),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t anonymous_fields[] = {
    WORDS("publish", struct raw_anonymous, publish),
    WORDS("subscribe", struct raw_anonymous, subscribe),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t route_fields[] = {
    WORD("path", struct raw_route, path),
    WORD("to", struct raw_route, to),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t simulate_fields[] = {
    WORDS("words", struct raw_simulate, words),      WORD("file", struct raw_simulate, file),
    WORD("interval", struct raw_simulate, interval), WORD("order", struct raw_simulate, order),
    WORD("repeat", struct raw_simulate, repeat),     CYAML_FIELD_END,
};

static const cyaml_schema_field_t source_fields[] = {
    WORD("file", struct raw_source, file),
    NESTED("simulate", struct raw_source, simulate, simulate_fields),
    WORD("topic", struct raw_source, topic),
    WORD("type", struct raw_source, type),
    WORD("backfill", struct raw_source, backfill),
    WORD("line_bytes", struct raw_source, line_bytes),
    WORD("follow_symlinks", struct raw_source, follow_symlinks),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t topic_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_topic, topic_fields)};
static const cyaml_schema_value_t key_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_key, key_fields)};
static const cyaml_schema_value_t route_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_route, route_fields)};
static const cyaml_schema_value_t source_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_source, source_fields)};

static const cyaml_schema_field_t list_fields[] = {
    WORDS("origins", struct raw_config, origins),
    ENTRIES("topics", topics, &topic_entry),
    ENTRIES("keys", keys, &key_entry),
    NESTED("anonymous", struct raw_config, anonymous, anonymous_fields),
    ENTRIES("routes", routes, &route_entry),
    ENTRIES("sources", sources, &source_entry),
};
#define LIST_FIELDS (sizeof list_fields / sizeof list_fields[0])
_Static_assert(LIST_FIELDS < 8, "schema.root has room for them and an end");

// The scalar options of one section, from the table. Returns how many.
static size_t section_schema(enum option_section section, cyaml_schema_field_t *out) {
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &config_options[i];
        if (option->section != section || option->kind == OPTION_LIST) continue;
        out[count++] = (cyaml_schema_field_t){
            .key = option->name,
            .data_offset = (uint32_t)(i * sizeof(char *)),
            .value = {CYAML_VALUE_STRING(MAYBE, char, 0, CYAML_UNLIMITED)},
        };
    }
    out[count] = (cyaml_schema_field_t)CYAML_FIELD_END;
    return count;
}

static void schema_init(struct schema *schema) {
    _Static_assert(offsetof(struct raw_config, root) == 0, "offsets of the root count from 0");
    size_t count = section_schema(SECTION_ROOT, schema->root);
    for (unsigned s = SECTION_ROOT + 1; s < SECTION_COUNT; s++) {
        section_schema(s, schema->sections[s]);
        schema->root[count++] = (cyaml_schema_field_t){
            .key = config_section_names[s],
            .data_offset =
                (uint32_t)(offsetof(struct raw_config, sections) + s * sizeof(struct raw_values *)),
            .value = {CYAML_VALUE_MAPPING(MAYBE_EMPTY, struct raw_values, schema->sections[s])},
        };
    }
    for (size_t i = 0; i < LIST_FIELDS; i++) schema->root[count++] = list_fields[i];
    schema->root[count] = (cyaml_schema_field_t)CYAML_FIELD_END;
    schema->top = (cyaml_schema_value_t){
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL, struct raw_config, schema->root)};
}

// What the schema says about `path`; NULL when it does not know it.
static const cyaml_schema_value_t *schema_at(const struct schema *schema, struct str path) {
    const cyaml_schema_value_t *value = &schema->top;
    while (value && path.ptr && path.len) {
        struct str part = str_cut(&path, '.');
        bool entry = part.len && part.ptr[part.len - 1] == ']';
        if (entry) part.len = (size_t)((char *)memrchr(part.ptr, '[', part.len) - part.ptr);
        if (value->type != CYAML_MAPPING) return NULL;
        const cyaml_schema_field_t *field = value->mapping.fields;
        while (field->key && !str_equal(str_from(field->key), part)) field++;
        value = field->key ? &field->value : NULL;
        if (value && entry) value = value->type == CYAML_SEQUENCE ? value->sequence.entry : NULL;
    }
    return value;
}

// --- where things stand ---------------------------------------------------------------------------------------------

static int fail(const struct config_yaml *yaml, struct report *report, unsigned line,
                unsigned column, const char *path, const char *text) {
    if (report) {
        report->line = line;
        report->column = column;
    }
    return report_set(report, ERR_INVALID, "%s:%u:%u: %s%s%s", yaml->name, line, column, path,
                      *path ? ": " : "", text);
}

static int place_add(struct config_yaml *yaml, const char *path, yaml_mark_t key,
                     yaml_mark_t mark) {
    if (yaml->places_count == yaml->places_cap) {
        size_t cap = yaml->places_cap ? yaml->places_cap * 2 : 64;
        struct place *places = realloc(yaml->places, cap * sizeof *places);
        if (!places) return ERR_NOMEM;
        yaml->places = places;
        yaml->places_cap = cap;
    }
    char *copy = str_dup(str_from(path));
    if (!copy) return ERR_NOMEM;
    yaml->places[yaml->places_count++] = (struct place){
        .path = copy,
        .key_line = (unsigned)key.line + 1,
        .key_column = (unsigned)key.column + 1,
        .line = (unsigned)mark.line + 1,
        .column = (unsigned)mark.column + 1,
    };
    return 0;
}

struct level {
    bool list;
    bool have_key;
    unsigned entries;
    size_t path_len; // of the container itself
    yaml_mark_t key;
};

struct scan {
    struct config_yaml *yaml;
    struct report *report;
    unsigned depth; // levels[1 .. depth]
    unsigned documents;
    struct level levels[DEPTH_MAX + 1];
    char path[512];
};

static int scan_fail(struct scan *scan, yaml_mark_t mark, const char *text) {
    return fail(scan->yaml, scan->report, (unsigned)mark.line + 1, (unsigned)mark.column + 1, "",
                text);
}

// The path of what comes next in the container; false when it is too long to be ours.
static bool scan_path(struct scan *scan, struct level *level, const char *key) {
    size_t at = level->path_len, room = sizeof scan->path - at;
    int len = level->list ? snprintf(scan->path + at, room, "[%u]", level->entries++)
                          : snprintf(scan->path + at, room, "%s%s", at ? "." : "", key);
    return len >= 0 && (size_t)len < room;
}

// A value, or a key that has one. `scalar` is NULL for the begin of a mapping or a list.
static int scan_value(struct scan *scan, const yaml_event_t *event, const char *scalar) {
    yaml_mark_t mark = event->start_mark;
    if (scan->depth == 0) {
        scan->path[0] = '\0';
        return 0;
    }
    struct level *level = &scan->levels[scan->depth];
    if (!level->list && !level->have_key) {
        if (!scalar) return scan_fail(scan, mark, "a key must be a plain word");
        if (!scan_path(scan, level, scalar)) return scan_fail(scan, mark, "this key is too long");
        level->have_key = true;
        level->key = mark;
        return 0;
    }
    if (level->list && !scan_path(scan, level, NULL)) {
        return scan_fail(scan, mark, "this is nested too deeply");
    }
    if (level->list) level->key = mark;
    level->have_key = false;
    return place_add(scan->yaml, scan->path, level->key, mark);
}

static int scan_begin(struct scan *scan, const yaml_event_t *event, bool list) {
    int err = scan_value(scan, event, NULL);
    if (err) return err;
    if (scan->depth == DEPTH_MAX) {
        return scan_fail(scan, event->start_mark, "this is nested too deeply");
    }
    scan->levels[++scan->depth] = (struct level){.list = list, .path_len = strlen(scan->path)};
    return 0;
}

static int scan_event(struct scan *scan, const yaml_event_t *event) {
    switch (event->type) {
        case YAML_DOCUMENT_START_EVENT:
            if (scan->documents++ == 0) return 0;
            return scan_fail(scan, event->start_mark,
                             "a second document; one file holds one configuration");
        case YAML_ALIAS_EVENT:
            return scan_fail(scan, event->start_mark,
                             "aliases (*name) are not supported; repeat the value, and put a text "
                             "that begins with * in quotes");
        case YAML_SCALAR_EVENT:
            if (memchr(event->data.scalar.value, 0, event->data.scalar.length)) {
                return scan_fail(scan, event->start_mark, "this text has a NUL character");
            }
            return scan_value(scan, event, (const char *)event->data.scalar.value);
        case YAML_MAPPING_START_EVENT: return scan_begin(scan, event, false);
        case YAML_SEQUENCE_START_EVENT: return scan_begin(scan, event, true);
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT: scan->depth--; return 0;
        default: return 0;
    }
}

static int syntax_error(struct scan *scan, const yaml_parser_t *parser) {
    if (parser->error == YAML_MEMORY_ERROR) {
        return report_set(scan->report, ERR_NOMEM, "no memory to read %s", scan->yaml->name);
    }
    char text[256];
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_READER_ERROR) {
        // Such an error has an offset in place of a line.
        snprintf(text, sizeof text, "%s: not text in UTF-8 near byte %zu: %s", scan->yaml->name,
                 parser->problem_offset, parser->problem);
        return report_set(scan->report, ERR_INVALID, "%s", text);
    }
    snprintf(text, sizeof text, "not YAML: %s%s%s", parser->problem ? parser->problem : "?",
             parser->context ? ", " : "", parser->context ? parser->context : "");
    return scan_fail(scan, mark, text);
}

static int scan_text(struct config_yaml *yaml, struct str text, struct report *report) {
    struct scan scan = {.yaml = yaml, .report = report};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return report_set(report, ERR_NOMEM, "no memory to read %s", yaml->name);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    int err = 0;
    for (bool end = false; !end && !err;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            err = syntax_error(&scan, &parser);
            break;
        }
        err = scan_event(&scan, &event);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (err == ERR_NOMEM) return report_set(report, err, "no memory to read %s", yaml->name);
    return err;
}

static const struct place *place_find(const struct config_yaml *yaml, const char *path) {
    // From the end: of a key that stands twice the second one is meant.
    for (size_t i = yaml->places_count; i > 0; i--) {
        if (!strcmp(yaml->places[i - 1].path, path)) return &yaml->places[i - 1];
    }
    return NULL;
}

bool config_yaml_find(const struct config_yaml *yaml, const char *path, unsigned *line,
                      unsigned *column) {
    char part[512];
    snprintf(part, sizeof part, "%s", path);
    while (*part) {
        const struct place *place = place_find(yaml, part);
        if (place) {
            *line = place->line;
            *column = place->column;
            return true;
        }
        char *dot = strrchr(part, '.'), *bracket = strrchr(part, '[');
        char *end = dot > bracket ? dot : bracket;
        *(end ? end : part) = '\0';
    }
    return false;
}

// --- loading --------------------------------------------------------------------------------------------------------

__attribute__((format(printf, 3, 0))) static void collect(cyaml_log_t level, void *context,
                                                          const char *fmt, va_list args) {
    (void)level;
    struct buf *messages = context;
    char line[256];
    vsnprintf(line, sizeof line, fmt, args);
    buf_append_str(messages, str_from(line));
}

static const cyaml_config_t *cyaml(cyaml_config_t *config, struct config_yaml *yaml) {
    *config = (cyaml_config_t){
        .log_fn = collect,
        .log_ctx = &yaml->messages,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    return config;
}

// libcyaml's backtrace goes from the inside out: "  in mapping field 'a' (line: …)", "  in sequence entry '2' (…)", counted from 1.
static void backtrace_path(struct str messages, char out[512]) {
    out[0] = '\0';
    while (messages.ptr) {
        struct str line = str_cut(&messages, '\n');
        char text[256], inner[512];
        snprintf(text, sizeof text, "%.*s", STR_ARG(line));
        char key[128];
        unsigned entry;
        snprintf(inner, sizeof inner, "%s", out);
        const char *dot = inner[0] && inner[0] != '[' ? "." : "";
        if (sscanf(text, " in mapping field '%127[^']'", key) == 1) {
            snprintf(out, 512, "%s%s%.300s", key, dot, inner);
        } else if (sscanf(text, " in sequence entry '%u'", &entry) == 1 && entry > 0) {
            snprintf(out, 512, "[%u]%s%.300s", entry - 1, dot, inner);
        }
    }
}

static void list_keys(const cyaml_schema_value_t *value, struct buf *out) {
    if (!value || value->type != CYAML_MAPPING) return;
    for (const cyaml_schema_field_t *field = value->mapping.fields; field->key; field++) {
        buf_printf(out, "%s%s", field == value->mapping.fields ? "" : ", ", field->key);
    }
}

static int unknown_key(const struct config_yaml *yaml, const char *parent, const char *key,
                       struct report *report) {
    char path[768];
    snprintf(path, sizeof path, "%s%s%s", parent, *parent ? "." : "", key);
    struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text, "unknown key %s; known here: ", config_quote(str_from(key)).text);
    list_keys(schema_at(&yaml->schema, str_from(parent)), &text);
    unsigned line = 1, column = 1;
    const struct place *place = place_find(yaml, path);
    if (place) {
        line = place->key_line;
        column = place->key_column;
    } else {
        (void)config_yaml_find(yaml, parent, &line, &column);
    }
    int err = fail(yaml, report, line, column, parent, buf_cstr(&text));
    buf_fini(&text);
    return err;
}

// Turns libcyaml's messages into one for people.
static int explain(struct config_yaml *yaml, cyaml_err_t code, struct report *report) {
    if (code == CYAML_ERR_OOM) {
        return report_set(report, ERR_NOMEM, "no memory to read %s", yaml->name);
    }
    char path[512], first[256], key[200], wanted[32], got[32];
    backtrace_path(buf_str(&yaml->messages), path);
    struct str rest = buf_str(&yaml->messages), line = str_cut(&rest, '\n');
    if (str_starts(line, STR("Load: "))) line = (struct str){line.ptr + 6, line.len - 6};
    snprintf(first, sizeof first, "%.*s", STR_ARG(line));
    if (sscanf(first, "Unexpected key: %199[^\n]", key) == 1) {
        return unknown_key(yaml, path, key, report);
    }
    unsigned row = 1, column = 1;
    (void)config_yaml_find(yaml, path, &row, &column);
    char text[400];
    if (sscanf(first, "Expecting %31[A-Z], got event: %31[A-Z_]", wanted, got) == 2) {
        bool mapping = !strcmp(wanted, "MAPPING"), list = !strcmp(wanted, "SEQUENCE");
        snprintf(text, sizeof text, "%s is expected here",
                 mapping ? "a set of \"key: value\" lines"
                 : list  ? "a list, for example [one, two],"
                         : "a single value");
    } else if (sscanf(first, "Mapping field already seen: %199[^\n]", key) == 1) {
        snprintf(text, sizeof text, "this key stands here twice");
    } else if (code == CYAML_ERR_SEQUENCE_ENTRIES_MAX) {
        snprintf(text, sizeof text, "more than %d entries", LIMIT_CONFIG_ENTRIES);
    } else {
        snprintf(text, sizeof text, "%s (%s)", cyaml_strerror(code), first);
    }
    return fail(yaml, report, row, column, path, text);
}

int config_yaml_load(struct config_yaml **out, struct str text, const char *name,
                     struct report *report) {
    struct config_yaml *yaml = calloc(1, sizeof *yaml);
    if (!yaml) return report_set(report, ERR_NOMEM, "no memory to read %s", name);
    yaml->name = name;
    buf_init(&yaml->messages, 16384);
    schema_init(&yaml->schema);
    int err = scan_text(yaml, text, report);
    if (err) goto out;
    cyaml_config_t config;
    void *raw = NULL;
    cyaml_err_t code = text.len
                           ? cyaml_load_data((const uint8_t *)text.ptr, text.len,
                                             cyaml(&config, yaml), &yaml->schema.top, &raw, NULL)
                           : CYAML_OK;
    yaml->raw = raw;
    if (code != CYAML_OK) err = explain(yaml, code, report);
out:
    if (err) {
        config_yaml_free(yaml);
    } else {
        *out = yaml;
    }
    return err;
}

void config_yaml_free(struct config_yaml *yaml) {
    if (!yaml) return;
    cyaml_config_t config;
    if (yaml->raw) cyaml_free(cyaml(&config, yaml), &yaml->schema.top, yaml->raw, 0);
    for (size_t i = 0; i < yaml->places_count; i++) free(yaml->places[i].path);
    free(yaml->places);
    buf_fini(&yaml->messages);
    free(yaml);
}

const struct raw_config *config_yaml_raw(const struct config_yaml *yaml) {
    return yaml->raw ? yaml->raw : &yaml->nothing;
}
