// SPDX-License-Identifier: MIT
// Which topics files get.
#include "source/naming.h"

#include <stdlib.h>

#include "base/list.h"
#include "source/source_priv.h"
#include "sys/hash.h"
#include "sys/log.h"

// The files whose names are the same but for the last extension.
struct naming_base {
    struct naming_entry *entries;
    UT_hash_handle hh;
    char name[];
};

static struct naming_base *base_get(struct naming *naming, const char *path) {
    struct naming_base *base;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    size_t len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    HASH_FIND(hh, naming->bases, name, len, base);
    if (base) return base;
    base = calloc(1, sizeof *base + len);
    if (!base) return NULL;
    memcpy(base->name, name, len);
    HASH_ADD_KEYPTR(hh, naming->bases, base->name, len, base);
    return base;
}

static void base_put(struct naming *naming, struct naming_base *base) {
    if (base->entries) return;
    HASH_DEL(naming->bases, base);
    free(base);
}

struct naming_entry *naming_enter(struct naming *naming, const char *path) {
    struct naming_base *base = base_get(naming, path);
    if (!base) return NULL;
    struct naming_entry *entry = calloc(1, sizeof *entry + strlen(path) + 1);
    if (!entry) {
        base_put(naming, base);
        return NULL;
    }
    strcpy(entry->path, path);
    entry->base = base;
    DL_APPEND(base->entries, entry);
    return entry;
}

void naming_leave(struct naming *naming, struct naming_entry *entry) {
    if (!entry) return;
    DL_DELETE(entry->base->entries, entry);
    base_put(naming, entry->base);
    free(entry->topic);
    free(entry);
}

static bool same_candidate(const char *template, const char *path, unsigned parts,
                           const char *topic) {
    char *candidate;
    if (source_topic(template, path, parts, &candidate, NULL)) return false;
    bool same = strcmp(candidate, topic) == 0;
    free(candidate);
    return same;
}

// Whether another file has the topic, or would have it for the same reason.
static bool is_taken(const struct naming_entry *entry, const struct naming_choice *choice,
                     unsigned parts, const char *topic) {
    const struct naming_entry *other;
    DL_FOREACH(entry->base->entries, other) {
        if (strcmp(other->path, entry->path) == 0) continue;
        if (other->topic && strcmp(other->topic, topic) == 0) return true;
        bool alike = !other->topic || (choice->together && other->parts > parts);
        if (alike && same_candidate(choice->template, other->path, parts, topic)) return true;
    }
    return false;
}

static unsigned count_parts(const char *path) {
    unsigned parts = 0;
    for (; *path; path++) parts += *path == '/';
    return parts ? parts : 1;
}

int naming_choose(struct naming_entry *entry, const struct naming_choice *choice,
                  struct report *report) {
    bool tells = strstr(choice->template, "{name}") || strstr(choice->template, "{stem}");
    unsigned all = tells ? count_parts(entry->path) : 1, parts;
    char *topic = NULL;
    int err = 0;
    for (parts = 1; parts <= all && choice->known; parts++) {
        free(topic);
        topic = NULL;
        // The whole path may be too long for a topic where its end is not.
        if (source_topic(choice->template, entry->path, parts, &topic, NULL)) break;
        if (choice->known(choice->context, entry->path, topic)) goto chosen;
    }
    for (parts = 1; parts <= all; parts++) {
        free(topic);
        topic = NULL;
        err =
            source_topic(choice->template, entry->path, parts, &topic, parts == 1 ? report : NULL);
        if (err || !tells || !is_taken(entry, choice, parts, topic)) break;
    }
    if (parts == 1 && err) return err;
    if (parts > all || err) {
        free(topic);
        parts = 1;
        err = source_topic(choice->template, entry->path, parts, &topic, report);
        if (err) return err;
        log_write(LOG_WARN, "two files share a topic; {path} in its template parts them",
                  LOG_TEXT("topic", topic), LOG_TEXT("path", entry->path));
    }
chosen:
    free(entry->topic);
    entry->topic = topic;
    entry->parts = parts;
    return 0;
}
