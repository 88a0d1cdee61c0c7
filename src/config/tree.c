// SPDX-License-Identifier: MIT
// The adapter of libyaml, which gives a text's events one after the other; the tree is made here.
#include "config/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/quote.h"

// The configuration has four levels. What is deeper is not ours, and must not cost memory.
#define DEPTH_MAX 8
// As many as a file with all lists at their limit has; it bounds the memory for a hostile one.
#define VALUES_MAX 100000

struct tree {
    const char *name;
    struct tree_value *root;
};

struct reader {
    struct tree *tree;
    struct report *report;
    struct str text;
    struct tree_value *open; // the list or mapping that is being filled; NULL outside
    unsigned depth, documents, values;
    char *key; // of the value that comes next; NULL: a key comes next
    struct tree_place key_at;
};

// --- messages ------------------------------------------------------------------------------------

static struct tree_place place_of(yaml_mark_t mark) {
    return (struct tree_place){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static size_t path_append(const struct tree_value *value, char out[TREE_PATH_BYTES]) {
    if (!value->parent) return 0;
    size_t len = path_append(value->parent, out), room = TREE_PATH_BYTES - len;
    int more = value->parent->kind == TREE_LIST
                   ? snprintf(out + len, room, "[%zu]", value->index)
                   : snprintf(out + len, room, "%s%s", len ? "." : "", value->key);
    return more < 0 || (size_t)more >= room ? TREE_PATH_BYTES - 1 : len + (size_t)more;
}

char *tree_path(const struct tree_value *value, char out[TREE_PATH_BYTES]) {
    out[0] = '\0';
    (void)path_append(value, out);
    return out;
}

int tree_fail(const struct tree *tree, struct tree_place place, const char *path,
              struct report *report, const char *fmt, ...) {
    char text[480];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (report) {
        report->line = place.line;
        report->column = place.column;
    }
    return report_set(report, ERR_INVALID, "%s:%u:%u: %s%s%s", tree->name, place.line, place.column,
                      path, *path ? ": " : "", text);
}

static int no_memory(const struct reader *reader) {
    return report_set(reader->report, ERR_NOMEM, "no memory to read %s", reader->tree->name);
}

static int refuse(const struct reader *reader, yaml_mark_t mark, const char *text) {
    return tree_fail(reader->tree, place_of(mark), "", reader->report, "%s", text);
}

// --- the tree ------------------------------------------------------------------------------------

static char *copy(const yaml_event_t *event) {
    return str_dup((struct str){(const char *)event->data.scalar.value, event->data.scalar.length});
}

static void erase(const char *text) {
    if (*text) explicit_bzero((char *)(uintptr_t)text, strlen(text));
}

static void value_free(struct tree_value *value) {
    if (!value) return;
    struct tree_value *entry, *next;
    // As deep as DEPTH_MAX.
    DL_FOREACH_SAFE(value->entries, entry, next) { value_free(entry); }
    if (value->kind == TREE_TEXT) {
        erase(value->text);
        free((char *)(uintptr_t)value->text);
    }
    if (*value->key) free((char *)(uintptr_t)value->key);
    free(value);
}

static int take_key(struct reader *reader, const yaml_event_t *event) {
    yaml_mark_t mark = event->start_mark;
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.length == 0) {
        return refuse(reader, mark, "a key must be a plain word");
    }
    const struct tree_value *entry;
    DL_FOREACH(reader->open->entries, entry) {
        if (strcmp(entry->key, (const char *)event->data.scalar.value)) continue;
        char path[TREE_PATH_BYTES];
        return tree_fail(reader->tree, place_of(mark), tree_path(entry, path), reader->report,
                         "this key is given twice; the first is in line %u", entry->key_at.line);
    }
    reader->key = copy(event);
    reader->key_at = place_of(mark);
    return reader->key ? 0 : no_memory(reader);
}

// Puts a new value where it belongs.
static int add(struct reader *reader, struct tree_value *value, yaml_mark_t mark) {
    struct tree_value *open = reader->open;
    value->key = reader->key ? reader->key : "";
    value->key_at = reader->key ? reader->key_at : value->place;
    reader->key = NULL;
    value->parent = open;
    if (open) {
        value->index = open->count++;
        DL_APPEND(open->entries, value);
    } else {
        reader->tree->root = value;
    }
    char path[TREE_PATH_BYTES];
    if (open && open->count > LIMIT_CONFIG_ENTRIES) {
        return tree_fail(reader->tree, value->place, tree_path(open, path), reader->report,
                         "more than %d entries", LIMIT_CONFIG_ENTRIES);
    }
    if (++reader->values > VALUES_MAX) return refuse(reader, mark, "the file has too many values");
    return 0;
}

static int take_value(struct reader *reader, const yaml_event_t *event) {
    struct tree_value *value = calloc(1, sizeof *value);
    char *text = NULL;
    if (value && event->type == YAML_SCALAR_EVENT) text = copy(event);
    if (!value || (event->type == YAML_SCALAR_EVENT && !text)) {
        free(value);
        return no_memory(reader);
    }
    *value = (struct tree_value){.place = place_of(event->start_mark), .text = text ? text : ""};
    if (event->type == YAML_SCALAR_EVENT) {
        value->nothing = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !*text;
        return add(reader, value, event->start_mark);
    }
    value->kind = event->type == YAML_SEQUENCE_START_EVENT ? TREE_LIST : TREE_MAPPING;
    int err = add(reader, value, event->start_mark);
    if (err) return err;
    if (reader->depth++ == DEPTH_MAX) {
        return refuse(reader, event->start_mark, "this is nested too deeply");
    }
    reader->open = value;
    return 0;
}

// --- events --------------------------------------------------------------------------------------

// What YAML has and a configuration has not.
static const char *unwanted(const yaml_event_t *event) {
    static const char anchors[] =
        "anchors and aliases (&name, *name) are not supported; write the value again, and put a "
        "text that begins with & or * in quotes";
    static const char tags[] =
        "tags (!name) are not supported; put a text that begins with ! in quotes";
    switch (event->type) {
        case YAML_ALIAS_EVENT: return anchors;
        case YAML_SCALAR_EVENT:
            if (event->data.scalar.anchor) return anchors;
            if (event->data.scalar.tag) return tags;
            if (!memchr(event->data.scalar.value, 0, event->data.scalar.length)) return NULL;
            return "this text has a NUL character";
        case YAML_SEQUENCE_START_EVENT:
            return event->data.sequence_start.anchor ? anchors
                   : event->data.sequence_start.tag  ? tags
                                                     : NULL;
        case YAML_MAPPING_START_EVENT:
            return event->data.mapping_start.anchor ? anchors
                   : event->data.mapping_start.tag  ? tags
                                                    : NULL;
        default: return NULL;
    }
}

static int take(struct reader *reader, const yaml_event_t *event) {
    const char *why = unwanted(event);
    if (why) return refuse(reader, event->start_mark, why);
    switch (event->type) {
        case YAML_DOCUMENT_START_EVENT:
            if (reader->documents++ == 0) return 0;
            return refuse(reader, event->start_mark,
                          "a second document; one file holds one configuration");
        case YAML_SCALAR_EVENT:
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT:
            if (reader->open && reader->open->kind == TREE_MAPPING && !reader->key) {
                return take_key(reader, event);
            }
            return take_value(reader, event);
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
            reader->open = reader->open->parent;
            reader->depth--;
            return 0;
        default: return 0;
    }
}

// The place of a byte, for errors that have no line.
static struct tree_place place_at(struct str text, size_t offset) {
    struct tree_place place = {1, 1};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        place.column = c == '\n' ? 1 : place.column + ((c & 0xC0) != 0x80);
        place.line += c == '\n';
    }
    return place;
}

static int syntax_error(const struct reader *reader, const yaml_parser_t *parser) {
    const char *problem = parser->problem ? parser->problem : "unknown error";
    if (parser->error == YAML_MEMORY_ERROR) return no_memory(reader);
    if (parser->error == YAML_READER_ERROR) {
        return tree_fail(reader->tree, place_at(reader->text, parser->problem_offset), "",
                         reader->report, "not text in UTF-8: %s", problem);
    }
    return tree_fail(reader->tree, place_of(parser->problem_mark), "", reader->report,
                     "not YAML: %s%s%s", problem, parser->context ? ", " : "",
                     parser->context ? parser->context : "");
}

static int read_events(struct reader *reader) {
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return no_memory(reader);
    // Otherwise a file that begins with the mark of UTF-16 is read as such.
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    const char *text = reader->text.len ? reader->text.ptr : "";
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, reader->text.len);
    int err = 0;
    for (bool end = false; !end && !err;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            err = syntax_error(reader, &parser);
            break;
        }
        err = take(reader, &event);
        end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_SCALAR_EVENT) erase((const char *)event.data.scalar.value);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    free(reader->key);
    return err;
}

int tree_read(struct tree **out, struct str text, const char *name, struct report *report) {
    struct tree *tree = calloc(1, sizeof *tree);
    if (!tree) return report_set(report, ERR_NOMEM, "no memory to read %s", name);
    tree->name = name;
    struct reader reader = {.tree = tree, .report = report, .text = text};
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        reader.text = (struct str){text.ptr + 3, text.len - 3};
    }
    int err = read_events(&reader);
    if (err) {
        tree_free(tree);
    } else {
        *out = tree;
    }
    return err;
}

void tree_free(struct tree *tree) {
    if (!tree) return;
    value_free(tree->root);
    free(tree);
}

// --- finding -------------------------------------------------------------------------------------

const struct tree_value *tree_root(const struct tree *tree) {
    return tree->root && !tree->root->nothing ? tree->root : NULL;
}

static const struct tree_value *entry_of(const struct tree_value *parent, struct str part) {
    const struct tree_value *entry;
    uint64_t index = 0;
    bool list = part.ptr[0] == '[';
    if (list && !str_to_u64((struct str){part.ptr + 1, part.len - 2}, SIZE_MAX, &index))
        return NULL;
    if (parent->kind != (list ? TREE_LIST : TREE_MAPPING)) return NULL;
    DL_FOREACH(parent->entries, entry) {
        if (list ? entry->index == index : str_equal(str_from(entry->key), part)) return entry;
    }
    return NULL;
}

// Goes down the path as far as there is something; what is left of the path is in *rest.
static const struct tree_value *descend(const struct tree_value *from, const char **rest) {
    while (from && **rest) {
        const char *part = *rest + (**rest == '.');
        size_t len = *part == '[' ? strcspn(part, "]") + 1 : strcspn(part, ".[");
        const struct tree_value *entry = entry_of(from, (struct str){part, len});
        if (!entry) break;
        from = entry;
        *rest = part + len;
    }
    return from;
}

const struct tree_value *tree_find(const struct tree_value *from, const char *path) {
    const struct tree_value *found = descend(from, &path);
    return *path ? NULL : found;
}

const struct tree_value *tree_first(const struct tree_value *from, const char *path) {
    const struct tree_value *found = tree_find(from, path);
    return found ? found->entries : NULL;
}

const struct tree_value *tree_nearest(const struct tree *tree, const char *path) {
    const struct tree_value *found = descend(tree->root, &path);
    return found == tree->root ? NULL : found;
}
