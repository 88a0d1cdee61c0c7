// SPDX-License-Identifier: MIT
// Query parameters.
#include "http/params.h"

#include <stdlib.h>

#include "proto/url.h"

int params_init(struct params *params, struct str query, struct str preset) {
    // Each value is decoded at most a few times; a value never grows by decoding.
    params->query = query;
    params->preset = preset;
    params->used = 0;
    params->size = (query.len + preset.len) * 4 + 1;
    params->memory = params->size <= sizeof params->small ? params->small : malloc(params->size);
    return params->memory ? 0 : ERR_NOMEM;
}

void params_fini(struct params *params) {
    if (params->memory != params->small) free(params->memory);
}

int params_next(struct params *params, const char *name, struct params_cursor *cursor,
                struct str *value) {
    if (cursor->stage == 0) *cursor = (struct params_cursor){params->preset, 1, false};
    for (;;) {
        struct str raw_name, raw_value;
        if (!cursor->rest.ptr || !url_query_next(&cursor->rest, &raw_name, &raw_value)) {
            if (cursor->stage == 2 || cursor->found) return ERR_NOT_FOUND;
            *cursor = (struct params_cursor){params->query, 2, false};
            continue;
        }
        if (!url_equal(raw_name, name)) continue;
        cursor->found = true;
        size_t len;
        int err = url_decode(raw_value, true, params->memory + params->used,
                             params->size - params->used, &len);
        if (err) return err;
        *value = (struct str){params->memory + params->used, len};
        params->used += len;
        return 0;
    }
}

int params_get(struct params *params, const char *name, struct str *value) {
    struct params_cursor cursor = {0};
    return params_next(params, name, &cursor, value);
}

int params_flag(struct params *params, const char *name, bool *on) {
    static const struct {
        const char *text;
        bool on;
    } words[] = {{"", true},   {"1", true},      {"true", true}, {"yes", true},
                 {"0", false}, {"false", false}, {"no", false}};
    struct str value;
    *on = false;
    int err = params_get(params, name, &value);
    if (err) return err == ERR_NOT_FOUND ? 0 : ERR_INVALID;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!str_equal(value, str_from(words[i].text))) continue;
        *on = words[i].on;
        return 0;
    }
    return ERR_INVALID;
}
