// SPDX-License-Identifier: MIT
// Durations, sizes and times.
#include "base/units.h"

#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1},      {"s", 1000},     {"m", 60 * 1000},
    {"h", 3600000}, {"d", 86400000}, {"w", 7 * (uint64_t)86400000},
};

static const struct unit sizes[] = {
    {"B", 1},
    {"KB", 1u << 10},
    {"KiB", 1u << 10},
    {"K", 1u << 10},
    {"MB", 1u << 20},
    {"MiB", 1u << 20},
    {"M", 1u << 20},
    {"GB", 1u << 30},
    {"GiB", 1u << 30},
    {"G", 1u << 30},
    {"TB", (uint64_t)1 << 40},
    {"TiB", (uint64_t)1 << 40},
    {"T", (uint64_t)1 << 40},
};

#define DURATION_MAX_MS ((uint64_t)100 * 365 * 86400000)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// Takes the digits from the front of *text. False when there are none or too many.
static bool take_number(struct str *text, uint64_t *out) {
    size_t digits = 0;
    while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9') digits++;
    if (!str_to_u64((struct str){text->ptr, digits}, UINT64_MAX, out)) return false;
    *text = (struct str){text->ptr + digits, text->len - digits};
    return true;
}

int units_parse_duration(struct str text, uint64_t *out_ms) {
    if (str_equal(text, STR("0"))) {
        *out_ms = 0;
        return 0;
    }
    uint64_t total = 0;
    if (text.len == 0) return ERR_INVALID;
    while (text.len) {
        uint64_t value;
        if (!take_number(&text, &value)) return ERR_INVALID;
        size_t letters = 0;
        while (letters < text.len && text.ptr[letters] >= 'a' && text.ptr[letters] <= 'z')
            letters++;
        const struct unit *unit = NULL;
        for (size_t i = 0; i < COUNT(durations); i++) {
            if (str_equal(str_from(durations[i].name), (struct str){text.ptr, letters})) {
                unit = &durations[i];
            }
        }
        if (!unit || value > DURATION_MAX_MS / unit->factor) return ERR_INVALID;
        total += value * unit->factor;
        if (total > DURATION_MAX_MS) return ERR_INVALID;
        text = (struct str){text.ptr + letters, text.len - letters};
    }
    *out_ms = total;
    return 0;
}

int units_parse_size(struct str text, uint64_t *out_bytes) {
    uint64_t value;
    if (!take_number(&text, &value)) return ERR_INVALID;
    if (text.len == 0) {
        *out_bytes = value;
        return 0;
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        if (!str_equal_nocase(str_from(sizes[i].name), text)) continue;
        if (value > INT64_MAX / sizes[i].factor) return ERR_INVALID;
        *out_bytes = value * sizes[i].factor;
        return 0;
    }
    return ERR_INVALID;
}

// Days from 1970-01-01 to a Gregorian date (after H. Hinnant, "chrono-Compatible Low-Level Date
// Algorithms").
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = year / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

// Two or four digits at `at`, or -1.
static int digits_at(struct str text, size_t at, size_t count) {
    int value = 0;
    if (at + count > text.len) return -1;
    for (size_t i = 0; i < count; i++) {
        char c = text.ptr[at + i];
        if (c < '0' || c > '9') return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

static unsigned days_in_month(int year, int month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

// "Z" or "+hh:mm" at the end of a time; the offset in minutes.
static int zone_minutes(struct str zone, int *out) {
    if (zone.len == 1 && (zone.ptr[0] == 'Z' || zone.ptr[0] == 'z')) {
        *out = 0;
        return 0;
    }
    int hours = digits_at(zone, 1, 2), minutes = digits_at(zone, 4, 2);
    if (zone.len != 6 || zone.ptr[3] != ':' || hours < 0 || hours > 23 || minutes < 0 ||
        minutes > 59) {
        return ERR_INVALID;
    }
    if (zone.ptr[0] != '+' && zone.ptr[0] != '-') return ERR_INVALID;
    *out = (hours * 60 + minutes) * (zone.ptr[0] == '-' ? -1 : 1);
    return 0;
}

int units_parse_time(struct str text, uint64_t *out_unix_ms) {
    int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2), day = digits_at(text, 8, 2);
    int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2),
        second = digits_at(text, 17, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 60 || text.len < 20) {
        return ERR_INVALID;
    }
    if ((unsigned)day > days_in_month(year, month)) return ERR_INVALID;
    char t = text.ptr[10];
    if (text.ptr[4] != '-' || text.ptr[7] != '-' || (t != 'T' && t != 't' && t != ' ') ||
        text.ptr[13] != ':' || text.ptr[16] != ':') {
        return ERR_INVALID;
    }
    size_t at = 19;
    int64_t ms = 0;
    if (text.ptr[at] == '.') {
        int64_t scale = 100;
        size_t start = ++at;
        for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++, scale /= 10) {
            ms += (text.ptr[at] - '0') * scale;
        }
        if (at == start) return ERR_INVALID;
    }
    int zone;
    if (zone_minutes((struct str){text.ptr + at, text.len - at}, &zone)) return ERR_INVALID;
    int64_t days = days_from_civil(year, (unsigned)month, (unsigned)day);
    int64_t total = ((days * 24 + hour) * 60 + minute - zone) * 60 + second;
    if (total < 0) return ERR_INVALID;
    *out_unix_ms = (uint64_t)(total * 1000 + ms);
    return 0;
}

char *units_format_duration(uint64_t ms, char out[32]) {
    size_t best = 0;
    for (size_t i = 0; i < COUNT(durations); i++) {
        if (ms && ms % durations[i].factor == 0) best = i;
    }
    if (ms == 0) {
        snprintf(out, 32, "0");
    } else {
        snprintf(out, 32, "%llu%s", (unsigned long long)(ms / durations[best].factor),
                 durations[best].name);
    }
    return out;
}

char *units_format_size(uint64_t bytes, char out[32]) {
    static const char *const names[] = {"", "KB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes && bytes % 1024 == 0 && unit + 1 < COUNT(names)) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, 32, "%llu%s", (unsigned long long)bytes, names[unit]);
    return out;
}

char *units_format_time(uint64_t unix_ms, char out[32]) {
    int64_t days = (int64_t)(unix_ms / 86400000);
    unsigned rest = (unsigned)(unix_ms % 86400000);
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    unsigned day_of_era = (unsigned)(z - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned mp = (5 * day_of_year + 2) / 153;
    unsigned day = day_of_year - (153 * mp + 2) / 5 + 1;
    unsigned month = mp < 10 ? mp + 3 : mp - 9;
    unsigned year = (unsigned)(era * 400) + year_of_era + (month <= 2);
    snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000, month, day,
             rest / 3600000, rest / 60000 % 60, rest / 1000 % 60, rest % 1000);
    return out;
}
