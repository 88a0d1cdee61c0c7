// SPDX-License-Identifier: MIT
// Log files that follow each other in time.
#include "source/series.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/str.h"
#include "source/mark.h"

// More files of one directory than this are no series that anybody reads.
#define FILES_MAX 4096

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t digits_at(const char *text) {
    size_t len = 0;
    while (is_digit(text[len])) len++;
    return len;
}

int series_compare_names(const char *a, const char *b) {
    while (*a && *b) {
        if (!is_digit(*a) || !is_digit(*b)) {
            if (*a != *b) return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
            a++;
            b++;
            continue;
        }
        while (*a == '0' && is_digit(a[1])) a++;
        while (*b == '0' && is_digit(b[1])) b++;
        size_t len_a = digits_at(a), len_b = digits_at(b);
        if (len_a != len_b) return len_a < len_b ? -1 : 1;
        int order = memcmp(a, b, len_a);
        if (order) return order;
        a += len_a;
        b += len_b;
    }
    return *a ? 1 : *b ? -1 : 0;
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// 27-11-2026: a day or month, and the year later. Such names are not in the order of time.
static bool has_year_last(const char *name) {
    bool small_first = false;
    for (const char *at = name; *at;) {
        size_t len = digits_at(at);
        if (small_first && len == 4 && (memcmp(at, "19", 2) == 0 || memcmp(at, "20", 2) == 0))
            return true;
        if (len) small_first = len <= 2;
        at += len ? len : 1;
    }
    return false;
}

int series_compare(const struct series_file *a, const struct series_file *b) {
    if ((has_year_last(name_of(a->path)) || has_year_last(name_of(b->path))) &&
        a->mtime_ns != b->mtime_ns)
        return a->mtime_ns < b->mtime_ns ? -1 : 1;
    int order = series_compare_names(a->path, b->path);
    return order ? order : strcmp(a->path, b->path);
}

int series_add(struct series *series, const char *path) {
    struct stat st;
    if (lstat(path, &st) || !S_ISREG(st.st_mode)) return ERR_NOT_FOUND;
    if (!array_reserve(series->files, series->cap, series->count + 1)) return ERR_NOMEM;
    char *copy = str_dup(str_from(path));
    if (!copy) return ERR_NOMEM;
    series->files[series->count++] = (struct series_file){copy, file_mtime_ns(&st)};
    return 0;
}

static int compare(const void *a, const void *b) { return series_compare(a, b); }

void series_sort(struct series *series) {
    size_t count = 0;
    if (series->count) qsort(series->files, series->count, sizeof *series->files, compare);
    for (size_t i = 0; i < series->count; i++) {
        if (count && strcmp(series->files[count - 1].path, series->files[i].path) == 0)
            free(series->files[i].path);
        else
            series->files[count++] = series->files[i];
    }
    series->count = count;
}

// Whether the names are the same but for the values of their numbers.
static bool alike(const char *a, const char *b) {
    while (*a && *b) {
        size_t len_a = digits_at(a), len_b = digits_at(b);
        if ((len_a > 0) != (len_b > 0) || (!len_a && *a != *b)) return false;
        a += len_a ? len_a : 1;
        b += len_b ? len_b : 1;
    }
    return !*a && !*b;
}

void series_around(struct series *series, const char *path) {
    const char *name = name_of(path);
    int dir_len = (int)(name - path);
    char *dir_path;
    if (asprintf(&dir_path, "%.*s", dir_len, path) < 0) return;
    DIR *dir = opendir(dir_path);
    struct dirent *entry;
    while (dir && series->count < FILES_MAX && (entry = readdir(dir))) {
        char *other;
        if (!alike(entry->d_name, name)) continue;
        if (asprintf(&other, "%s%s", dir_path, entry->d_name) < 0) break;
        (void)!series_add(series, other);
        free(other);
    }
    if (dir) closedir(dir);
    free(dir_path);
    series_sort(series);
}

void series_clear(struct series *series) {
    for (size_t i = 0; i < series->count; i++) free(series->files[i].path);
    free(series->files);
    *series = (struct series){0};
}
