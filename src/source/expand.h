// SPDX-License-Identifier: MIT
// What a shell does with a path before it looks for files: `{a,b}`, `~`, `~user`.
#ifndef TAILRACE_SOURCE_EXPAND_H
#define TAILRACE_SOURCE_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

// Alternatives of all braces of a text, multiplied.
#define EXPAND_TEXTS_MAX 1024

// A list of texts on the heap.
struct expanded {
    char **texts;
    size_t count, cap;
};

// Whether the text has braces with alternatives. Braces without a comma, and those behind a
// backslash, are characters like others.
bool expand_has_braces(const char *text);
// Appends the absolute paths that the text stands for, in the order of its alternatives. `~` and
// `~user` at the beginning are home directories; that of an unknown user is left as it is. What is
// relative starts at the working directory; `//` and `/./` become `/`. ERR_TOO_LONG: more than
// EXPAND_TEXTS_MAX. ERR_NOMEM. After an error too the list is the caller's, to be freed.
int expand_path(struct expanded *list, const char *text) MUST_CHECK;
// Appends the absolute path of a text that is taken as it is. ERR_NOMEM.
int expand_literal(struct expanded *list, const char *text) MUST_CHECK;
void expand_free(struct expanded *list);

#endif
