// SPDX-License-Identifier: MIT
// From values of the file to members of structs.
#include "config/loader.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/pattern.h"

int loader_fail(struct loader *loader, const char *path, const char *fmt, ...) {
    char text[480];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const struct tree_value *value = loader->tree ? tree_nearest(loader->tree, path) : NULL;
    if (value) return tree_fail(loader->tree, value->place, path, loader->report, "%s", text);
    return report_set(loader->report, ERR_INVALID, "%s: %s", path, text);
}

int loader_no_memory(struct loader *loader) {
    return report_set(loader->report, ERR_NOMEM, "no memory for the configuration");
}

int loader_text(struct loader *loader, const struct option_row *row, const char *path,
                struct str text, const char **out) {
    struct report why = {0};
    *out = memory_copy(loader->config, text);
    if (!*out) return loader_no_memory(loader);
    int err = row->check ? row->check((struct str){*out, text.len}, &why) : 0;
    if (err == ERR_NOMEM) return loader_no_memory(loader);
    return err ? loader_fail(loader, path, "%s", why.text) : 0;
}

int loader_set(struct loader *loader, const struct option_row *row, const char *path,
               struct str text, void *entry) {
    if (row->kind == OPTION_TEXT) {
        const char *copy;
        int err = loader_text(loader, row, path, text, &copy);
        if (!err) option_set_text(row, entry, copy);
        return err;
    }
    struct report why = {0};
    if (!option_parse(row, text, entry, &why)) return 0;
    return loader_fail(loader, path, "%s", why.text);
}

static int set_list(struct loader *loader, const struct option_row *row, const char *path,
                    const struct tree_value *list, void *entry) {
    size_t count = list ? list->count : 0;
    const char **texts = memory_alloc(loader->config, (count + 1) * sizeof *texts);
    if (!texts) return loader_no_memory(loader);
    const struct tree_value *value = list ? list->entries : NULL;
    for (size_t i = 0; i < count; i++, value = value->next) {
        char place[LOADER_PATH_BYTES + 16];
        snprintf(place, sizeof place, "%s[%zu]", path, i);
        int err = loader_text(loader, row, place, str_from(value->text), &texts[i]);
        if (err) return err;
    }
    option_set_texts(row, entry, texts, count);
    return 0;
}

int loader_value(struct loader *loader, const struct option_row *row, const char *path,
                 const struct tree_value *value, void *entry) {
    if (row->kind == OPTION_TEXTS) return set_list(loader, row, path, value, entry);
    const char *text = value ? value->text : row->fallback;
    return text ? loader_set(loader, row, path, str_from(text), entry) : 0;
}

int loader_entry(struct loader *loader, const struct option_row *rows, unsigned variant,
                 const struct tree_value *from, const char *where, void *entry) {
    for (const struct option_row *row = rows; row->path; row++) {
        const char *name = option_name(row);
        const struct tree_value *value = tree_find(from, name);
        if (!option_applies(row, variant)) continue;
        if (!value && row->required) {
            return loader_fail(loader, where, "%s is missing, for example %s: %s", name, name,
                               row->required);
        }
        char path[LOADER_PATH_BYTES];
        snprintf(path, sizeof path, "%s%s%s", where, *where ? "." : "", name);
        int err = loader_value(loader, row, path, value, entry);
        if (err) return err;
    }
    return 0;
}

void *loader_entries(struct loader *loader, const char *path, size_t more, size_t size,
                     size_t *count) {
    const struct tree_value *list = tree_find(loader->root, path);
    *count = list ? list->count : 0;
    return memory_alloc(loader->config, (*count + more + 1) * size);
}

int loader_check_pattern(struct str text, struct report *report) {
    struct report why = {0};
    struct pattern pattern;
    if (!pattern_read(&pattern, text, &why)) return 0;
    return report_set(report, ERR_INVALID, "%s; for example \"builds/**\" or \"logs/*\"", why.text);
}
