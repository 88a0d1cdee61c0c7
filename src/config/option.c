// SPDX-License-Identifier: MIT
// The table of options, and converting their values from text.
#include "base/limits.h"
#include "base/units.h"
#include "base/utf8.h"
#include "config/config_priv.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert(LOG_ERROR == 0 && LOG_DEBUG == 3 && LOG_LOGFMT == 0 && LOG_JSON == 1,
               "the choices of log.level and log.format stand in the order of their enums");
_Static_assert(sizeof(enum log_level) == sizeof(unsigned) &&
                   sizeof(enum log_format) == sizeof(unsigned),
               "option_parse stores a choice as unsigned");

#define SECTION_PATH_ROOT
#define SECTION_PATH_METRICS "metrics."
#define SECTION_PATH_STREAM "stream."
#define SECTION_PATH_LIMITS "limits."
#define SECTION_PATH_RETENTION "retention."
#define SECTION_PATH_LOG "log."

const char *const config_section_names[SECTION_COUNT] = {"",       "metrics",   "stream",
                                                         "limits", "retention", "log"};

const struct option config_options[OPTION_COUNT] = {
#define X(id_, section_, name_, member_, kind_, reload_, zero_, min_, max_, default_, choices_,    \
          help_)                                                                                   \
    [OPTION_ID_##id_] = {                                                                          \
        .path = SECTION_PATH_##section_ #name_,                                                    \
        .name = #name_,                                                                            \
        .section = SECTION_##section_,                                                             \
        .kind = OPTION_##kind_,                                                                    \
        .reload = (reload_),                                                                       \
        .zero = (zero_),                                                                           \
        .offset = offsetof(struct config, member_),                                                \
        .min = (min_),                                                                             \
        .max = (max_),                                                                             \
        .fallback = (default_),                                                                    \
        .choices = (choices_),                                                                     \
        .help = (help_),                                                                           \
    },
    CONFIG_OPTIONS(X)
#undef X
};

const struct option config_entry_options[ENTRY_OPTION_COUNT] = {
#define X(id_, path_, kind_, zero_, min_, max_, default_, choices_, help_)                         \
    [ENTRY_ID_##id_] = {                                                                           \
        .path = (path_),                                                                           \
        .name = (path_),                                                                           \
        .kind = OPTION_##kind_,                                                                    \
        .reload = true,                                                                            \
        .zero = (zero_),                                                                           \
        .min = (min_),                                                                             \
        .max = (max_),                                                                             \
        .fallback = (default_),                                                                    \
        .choices = (choices_),                                                                     \
        .help = (help_),                                                                           \
    },
    CONFIG_ENTRY_OPTIONS(X)
#undef X
};

char *option_env_name(const struct option *option, char out[64]) {
    size_t at = (size_t)snprintf(out, 64, "TAILRACE_%s", option->path);
    ASSERT(at < 64);
    for (char *c = out; *c; c++) {
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
        if (*c == '.') *c = '_';
    }
    return out;
}

struct quoted config_quote(struct str value) {
    struct quoted quoted;
    struct str cut = utf8_cut(value, 80);
    snprintf(quoted.text, sizeof quoted.text, "\"%.*s%s\"", STR_ARG(cut),
             cut.len < value.len ? "…" : "");
    for (char *c = quoted.text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) *c = '?';
    }
    return quoted;
}

static int parse_bool(struct str text, bool *into, struct report *report) {
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!str_equal(text, str_from(words[i]))) continue;
        *into = i & 1;
        return 0;
    }
    return report_set(report, ERR_INVALID, "%s is not true or false", config_quote(text).text);
}

static int parse_choice(const struct option *option, struct str text, unsigned *into,
                        struct report *report) {
    struct str rest = str_from(option->choices);
    for (unsigned i = 0; rest.ptr; i++) {
        if (!str_equal(str_cut(&rest, '|'), text)) continue;
        *into = i;
        return 0;
    }
    return report_set(report, ERR_INVALID, "%s is not one of %s", config_quote(text).text,
                      option->choices);
}

// The bounds of an option as its users write them.
static void bounds(const struct option *option, char out[96]) {
    char min[32], max[32];
    switch (option->kind) {
        case OPTION_DURATION:
            units_format_duration(option->min, min);
            units_format_duration(option->max, max);
            break;
        case OPTION_SIZE:
        case OPTION_SIZE32:
            units_format_size(option->min, min);
            units_format_size(option->max, max);
            break;
        default:
            snprintf(min, sizeof min, "%llu", (unsigned long long)option->min);
            snprintf(max, sizeof max, "%llu", (unsigned long long)option->max);
    }
    snprintf(out, 96, "%sfrom %s to %s", option->zero ? "0, or " : "", min, max);
}

static int parse_number(const struct option *option, struct str text, uint64_t *out,
                        struct report *report) {
    const char *what = "a number";
    bool good;
    switch (option->kind) {
        case OPTION_DURATION:
            what = "a duration such as 500ms, 15s, 2h or 7d";
            good = units_parse_duration(text, out) == 0;
            break;
        case OPTION_SIZE:
        case OPTION_SIZE32:
            what = "a size such as 64KB, 10MB or 2GB";
            good = units_parse_size(text, out) == 0;
            break;
        default: good = str_to_u64(text, UINT64_MAX, out);
    }
    char allowed[96];
    bounds(option, allowed);
    if (!good) {
        return report_set(report, ERR_INVALID, "%s is not %s; allowed is %s",
                          config_quote(text).text, what, allowed);
    }
    if ((option->zero && *out == 0) || (*out >= option->min && *out <= option->max)) return 0;
    return report_set(report, ERR_INVALID, "%s is out of bounds; allowed is %s",
                      config_quote(text).text, allowed);
}

int option_parse(const struct option *option, struct str text, void *into, struct report *report) {
    ASSERT(option->kind != OPTION_TEXT && option->kind != OPTION_LIST);
    if (option->kind == OPTION_BOOL) return parse_bool(text, into, report);
    if (option->kind == OPTION_CHOICE) return parse_choice(option, text, into, report);
    uint64_t number;
    int err = parse_number(option, text, &number, report);
    if (err) return err;
    if (option->kind == OPTION_U32 || option->kind == OPTION_SIZE32) {
        ASSERT(number <= UINT32_MAX);
        *(uint32_t *)into = (uint32_t)number;
    } else {
        *(uint64_t *)into = number;
    }
    return 0;
}

bool option_same(const struct option *option, const struct config *a, const struct config *b) {
    const void *left = (const char *)a + option->offset, *right = (const char *)b + option->offset;
    switch (option->kind) {
        case OPTION_TEXT: return !strcmp(*(char *const *)left, *(char *const *)right);
        case OPTION_BOOL: return *(const bool *)left == *(const bool *)right;
        case OPTION_U32:
        case OPTION_SIZE32:
        case OPTION_CHOICE: return *(const uint32_t *)left == *(const uint32_t *)right;
        case OPTION_U64:
        case OPTION_SIZE:
        case OPTION_DURATION: return *(const uint64_t *)left == *(const uint64_t *)right;
        case OPTION_LIST: break;
    }
    return true;
}
