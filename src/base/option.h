// SPDX-License-Identifier: MIT
// Options: one row for each, which says all that is to be known about a value of the configuration.
// From the row come its conversion from text, its bounds, its default, its help, and comparing,
// copying and releasing the member of the struct that holds it.
//
// A row belongs to a struct, in which its member is found by its offset: `struct config` for the
// hub's own options, the struct of an entry for those of lists ("sources[].backfill"). Where the
// struct is a union of several kinds, `variants` says which of them have the option.
//
// Who looks values up in the file is config/loader.h; which tables there are is config/schema.h.
#ifndef TAILRACE_BASE_OPTION_H
#define TAILRACE_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

// Units of the bounds in tables: bytes, and milliseconds.
#define KB ((uint64_t)1 << 10)
#define MB ((uint64_t)1 << 20)
#define TB ((uint64_t)1 << 40)
#define SECOND ((uint64_t)1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

enum option_kind {
    OPTION_TEXT,     // const char *
    OPTION_TEXTS,    // a list: const char *const *, and its count in another member
    OPTION_BOOL,     // bool
    OPTION_CHOICE,   // which of the words in `choices`: an enum, or a bool for two words
    OPTION_NUMBER,   // uint32_t or uint64_t
    OPTION_SIZE,     // bytes: uint32_t or uint64_t
    OPTION_DURATION, // milliseconds: uint64_t
    OPTION_RANGE,    // from one duration to another: two members of uint64_t
};

struct option_row {
    // In the file: "stream.heartbeat", "sources[].simulate.order".
    const char *path;
    enum option_kind kind;
    bool restart; // a reload does not take a change of it
    bool zero;    // 0 is allowed whatever `min` says, and means what `help` says
    uint64_t min, max;
    // CHOICE: "error|warn|info|debug". NUMBER: a word that may be written in place of a number, and
    // stands for UINT64_MAX.
    const char *choices;
    // The default, as written in the file, "[]" for a list; NULL when there is none.
    const char *fallback;
    // An example of a value that has to be given; NULL when it may be left out.
    const char *required;
    // One line, also in packaging/tailrace.yml and doc/CONFIGURATION.md.
    const char *help;
    // What else holds for a text, or for each of a list; the text is terminated. 0, ERR_INVALID
    // with a report, or ERR_NOMEM. May be NULL.
    int (*check)(struct str text, struct report *report);
    unsigned variants;   // bits, 1 << kind of entry; 0: all
    size_t offset, size; // of the member
    size_t more;         // TEXTS: offset of the count; RANGE: of the upper end
};

// .offset and .size of a row: OPTION_MEMBER(struct config, workers)
#define OPTION_MEMBER(type, member)                                                                \
    .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
// Of a list whose count has the same name with _count: OPTION_MEMBERS(struct config, origins)
#define OPTION_MEMBERS(type, member)                                                               \
    OPTION_MEMBER(type, member), .more = offsetof(type, member##_count)
// Of a range: OPTION_ENDS(struct source_config, interval_min_ms, interval_max_ms)
#define OPTION_ENDS(type, low, high) OPTION_MEMBER(type, low), .more = offsetof(type, high)

// What the option is called within its entry: "simulate.order" of "sources[].simulate.order".
const char *option_name(const struct option_row *row);
// Whether entries of this kind have the option.
bool option_applies(const struct option_row *row, unsigned variant);

// Converts `text` and stores it in its member of `entry`. For all kinds but TEXT and TEXTS, which
// are set by option_set_text(s). ERR_INVALID with a report that says what is allowed, without the
// name.
int option_parse(const struct option_row *row, struct str text, void *entry,
                 struct report *report) MUST_CHECK;
// Stores what the entry does not own and does not copy.
void option_set_text(const struct option_row *row, void *entry, const char *text);
void option_set_texts(const struct option_row *row, void *entry, const char *const *texts,
                      size_t count);

// Whether the member is within its bounds: for entries that were not made from text. ERR_INVALID
// with a report like that of option_parse.
int option_check(const struct option_row *row, const void *entry, struct report *report) MUST_CHECK;
// Whether two entries have the same value. A text that is NULL is the same as an empty one.
bool option_same(const struct option_row *row, const void *a, const void *b);
// Copies the member; texts to the heap. ERR_NOMEM: what was copied so far is in the
// member, for option_free.
int option_copy(const struct option_row *row, void *to, const void *from) MUST_CHECK;
// Releases what option_copy has made, and empties the member.
void option_free(const struct option_row *row, void *entry);

#endif
