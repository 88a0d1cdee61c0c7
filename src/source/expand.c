// SPDX-License-Identifier: MIT
// What a shell does with a path before it looks for files.
#include "source/expand.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/str.h"

#define TEXT_BYTES_MAX (2 * PATH_MAX)

// The end of the alternative that begins at `at`: a comma or the closing brace of this level. NULL:
// the braces are not closed.
static const char *alternative_end(const char *at) {
    for (unsigned depth = 0; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '{')
            depth++;
        else if (depth == 0 && (*at == ',' || *at == '}'))
            return at;
        else if (*at == '}')
            depth--;
    }
    return NULL;
}

// The first opening brace with alternatives; *end is its closing one.
static const char *find_braces(const char *text, const char **end) {
    for (const char *at = text; *at; at++) {
        if (*at == '\\' && at[1]) {
            at++;
            continue;
        }
        if (*at != '{') continue;
        unsigned commas = 0;
        *end = alternative_end(at + 1);
        for (; *end && **end == ','; *end = alternative_end(*end + 1)) commas++;
        if (*end && commas) return at;
    }
    return NULL;
}

bool expand_has_braces(const char *text) {
    const char *end;
    return find_braces(text, &end) != NULL;
}

// The home directory that `path` begins with, and in *rest what follows it. NULL: it does not.
static const char *home_of(const char *path, const char **rest) {
    char user[256];
    if (path[0] != '~') return NULL;
    *rest = strchrnul(path, '/');
    size_t len = (size_t)(*rest - path) - 1;
    if (len >= sizeof user) return NULL;
    memcpy(user, path + 1, len);
    user[len] = '\0';
    const char *home = len ? NULL : getenv("HOME");
    if (home && home[0] == '/') return home;
    const struct passwd *entry = len ? getpwnam(user) : getpwuid(getuid());
    return entry && entry->pw_dir[0] == '/' ? entry->pw_dir : NULL;
}

// `base` is where a relative path starts; NULL: at the working directory.
static char *absolute(const char *base, const char *path) {
    struct buf out;
    char cwd[PATH_MAX];
    buf_init(&out, TEXT_BYTES_MAX);
    if (!base && path[0] != '/') base = getcwd(cwd, sizeof cwd);
    if (base && base[1]) buf_append_str(&out, str_from(base));
    struct str rest = str_from(path);
    while (rest.ptr) {
        struct str part = str_cut(&rest, '/');
        if (part.len == 0 || str_equal(part, STR("."))) continue;
        if (out.len == 0 || out.data[out.len - 1] != '/') buf_append_char(&out, '/');
        buf_append_str(&out, part);
    }
    if (out.len == 0) buf_append_char(&out, '/');
    char *result = buf_failed(&out) ? NULL : str_dup(buf_str(&out));
    buf_fini(&out);
    return result;
}

static int add(struct expanded *list, const char *base, const char *text) {
    if (list->count >= EXPAND_TEXTS_MAX) return ERR_TOO_LONG;
    if (!array_reserve(list->texts, list->cap, list->count + 1)) return ERR_NOMEM;
    char *path = absolute(base, text);
    if (!path) return ERR_NOMEM;
    list->texts[list->count++] = path;
    return 0;
}

int expand_literal(struct expanded *list, const char *text) { return add(list, NULL, text); }

int expand_path(struct expanded *list, const char *text) {
    const char *end, *open = find_braces(text, &end);
    if (!open) {
        const char *home = home_of(text, &end);
        return add(list, home, home ? end : text);
    }
    int err = 0;
    for (const char *from = open + 1; !err && from <= end;) {
        const char *to = alternative_end(from);
        struct buf one;
        buf_init(&one, TEXT_BYTES_MAX);
        buf_append(&one, text, (size_t)(open - text));
        buf_append(&one, from, (size_t)(to - from));
        buf_append_str(&one, str_from(end + 1));
        err = buf_failed(&one) ? ERR_NOMEM : expand_path(list, buf_cstr(&one));
        buf_fini(&one);
        from = to + 1;
    }
    return err;
}

void expand_free(struct expanded *list) {
    for (size_t i = 0; i < list->count; i++) free(list->texts[i]);
    free(list->texts);
    *list = (struct expanded){0};
}
