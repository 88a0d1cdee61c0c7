// SPDX-License-Identifier: MIT
// Patterns of topic names.
#include "base/pattern.h"

#include <string.h>

#include "base/limits.h"
#include "base/topic.h"

static bool is_star(struct str segment) { return segment.len == 1 && segment.ptr[0] == '*'; }

static bool is_star_star(struct str segment) {
    return segment.len == 2 && segment.ptr[0] == '*' && segment.ptr[1] == '*';
}

int pattern_read(struct pattern *out, struct str text, struct report *report) {
    int err = topic_check_text(text, "topic pattern", report);
    if (err) return err;
    *out = (struct pattern){.kind = PATTERN_EXACT, .text = text};
    struct str rest = text;
    while (rest.ptr) {
        struct str segment = str_cut(&rest, '/');
        if (is_star(segment) || is_star_star(segment)) out->kind = PATTERN_SEGMENTS;
    }
    if (is_star_star(text)) out->kind = PATTERN_ANY;
    return 0;
}

// What follows a `**` is matched in all ways at once. A spot, one for each of its segments but
// `**`, is where a match may have come to; `stay` has the spots before which a `**` stands, where
// it may take any number of segments. So each segment of a name is looked at once, whatever the
// pattern.
struct spots {
    uint64_t low, high;
};
_Static_assert(LIMIT_TOPIC_SEGMENTS <= 128, "a spot for each segment");

static struct spots spot_at(unsigned at) {
    return at < 64 ? (struct spots){(uint64_t)1 << at, 0}
                   : (struct spots){0, (uint64_t)1 << (at - 64)};
}
static struct spots both(struct spots a, struct spots b) {
    return (struct spots){a.low & b.low, a.high & b.high};
}
static struct spots either(struct spots a, struct spots b) {
    return (struct spots){a.low | b.low, a.high | b.high};
}
static struct spots step_on(struct spots a) {
    return (struct spots){a.low << 1, a.high << 1 | a.low >> 63};
}
static bool is_none(struct spots a) { return !(a.low | a.high); }

// A segment's text, and where it stands.
struct literal {
    struct str text;
    struct spots spots;
    uint8_t next; // of its bucket, from 1; 0: none
};

#define BUCKETS 64
struct machine {
    unsigned count;
    bool open; // ends with a `**`
    struct spots stars, stay;
    unsigned literals_count;
    uint8_t buckets[BUCKETS];
    struct literal literals[LIMIT_TOPIC_SEGMENTS];
};

static unsigned bucket_of(struct str text) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < text.len; i++) hash = (hash ^ (unsigned char)text.ptr[i]) * 16777619u;
    return (hash ^ hash >> 15) % BUCKETS;
}

static struct literal *find_literal(struct machine *machine, unsigned bucket, struct str text) {
    for (unsigned i = machine->buckets[bucket]; i; i = machine->literals[i - 1].next) {
        if (str_equal(machine->literals[i - 1].text, text)) return &machine->literals[i - 1];
    }
    return NULL;
}

static void add_literal(struct machine *machine, struct str text) {
    unsigned bucket = bucket_of(text);
    struct literal *literal = find_literal(machine, bucket, text);
    if (!literal) {
        literal = &machine->literals[machine->literals_count++];
        *literal = (struct literal){.text = text, .next = machine->buckets[bucket]};
        machine->buckets[bucket] = (uint8_t)machine->literals_count;
    }
    literal->spots = either(literal->spots, spot_at(machine->count));
}

// Of what follows a `**`.
static void build(struct machine *machine, struct str pattern) {
    bool stay = true;
    machine->count = machine->literals_count = 0;
    machine->stars = machine->stay = (struct spots){0};
    memset(machine->buckets, 0, sizeof machine->buckets);
    while (pattern.ptr) {
        struct str segment = str_cut(&pattern, '/');
        bool many = is_star_star(segment);
        if (!many) {
            struct spots spot = spot_at(machine->count);
            if (stay) machine->stay = either(machine->stay, spot);
            if (is_star(segment)) {
                machine->stars = either(machine->stars, spot);
            } else {
                add_literal(machine, segment);
            }
            machine->count++;
        }
        stay = many;
    }
    machine->open = stay;
}

static struct spots spots_of(struct machine *machine, struct str segment) {
    const struct literal *literal = find_literal(machine, bucket_of(segment), segment);
    return literal ? either(machine->stars, literal->spots) : machine->stars;
}

static bool run(struct machine *machine, struct str name, bool covers) {
    struct spots at = spot_at(0), last;
    bool done = machine->count == 0;
    if (done) return true;
    last = spot_at(machine->count - 1);
    while (name.ptr) {
        struct str segment = str_cut(&name, '/');
        struct spots hit = {0};
        if (!covers || !is_star_star(segment)) hit = both(at, spots_of(machine, segment));
        done = (done && machine->open) || !is_none(both(hit, last));
        at = either(step_on(hit), both(at, machine->stay));
    }
    return done;
}

static struct str last_segment(struct str text) {
    size_t at = text.len;
    while (at && text.ptr[at - 1] != '/') at--;
    return (struct str){text.ptr + at, text.len - at};
}

// Up to the first `**` segments stand against each other one by one; what follows it is run. With
// `covers`, `name` is itself a pattern: only `*` or `**` match a `*` in it, only `**` matches a
// `**`.
static bool walk(struct str pattern, struct str name, bool covers) {
    for (;;) {
        struct str p = str_cut(&pattern, '/');
        if (is_star_star(p)) break;
        if (!name.ptr) return false;
        struct str n = str_cut(&name, '/');
        bool wide = covers && is_star_star(n);
        if (wide || (!is_star(p) && !str_equal(p, n))) return false;
        if (!pattern.ptr) return !name.ptr;
    }
    if (!pattern.ptr) return true;
    struct machine machine;
    struct str last = last_segment(pattern);
    // Most names end in another way.
    if (!is_star(last) && !is_star_star(last) &&
        (!name.ptr || !str_equal(last, last_segment(name))))
        return false;
    build(&machine, pattern);
    return run(&machine, name, covers);
}

bool pattern_match(const struct pattern *pattern, struct str name) {
    switch (pattern->kind) {
        case PATTERN_EXACT: return str_equal(pattern->text, name);
        case PATTERN_SEGMENTS: return walk(pattern->text, name, false);
        case PATTERN_ANY: return true;
    }
    return false;
}

bool pattern_match_any(const struct pattern *patterns, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++) {
        if (pattern_match(&patterns[i], name)) return true;
    }
    return false;
}

bool pattern_covers(const struct pattern *outer, const struct pattern *inner) {
    if (inner->kind == PATTERN_EXACT) return pattern_match(outer, inner->text);
    switch (outer->kind) {
        case PATTERN_EXACT: return false;
        case PATTERN_SEGMENTS: return walk(outer->text, inner->text, true);
        case PATTERN_ANY: return true;
    }
    return false;
}

struct str pattern_prefix(const struct pattern *pattern, uint32_t *segments) {
    struct str rest = pattern->text, prefix = {pattern->text.ptr, 0};
    *segments = 0;
    while (rest.ptr) {
        struct str segment = str_cut(&rest, '/');
        if (is_star(segment) || is_star_star(segment)) break;
        prefix.len = (size_t)(segment.ptr - prefix.ptr) + segment.len;
        ++*segments;
    }
    return prefix;
}

void pattern_key(const struct pattern *pattern, struct buf *out) {
    buf_append_char(out, (char)('0' + pattern->kind));
    buf_append_str(out, pattern->text);
    buf_append_char(out, '\0');
}
