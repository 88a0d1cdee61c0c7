// SPDX-License-Identifier: MIT
// Query parameters.
#include "server/params.h"

#include <stdlib.h>

#include "proto/url.h"

int params_init(struct params *params, struct str query, struct str preset) {
    // Each value is decoded at most a few times; a value never grows by decoding.
    *params =
        (struct params){.query = query, .preset = preset, .size = (query.len + preset.len) * 4 + 1};
    params->memory = malloc(params->size);
    return params->memory ? 0 : ERR_NOMEM;
}

void params_fini(struct params *params) { free(params->memory); }

int params_next(struct params *params, const char *name, struct params_cursor *cursor,
                struct str *value) {
    if (cursor->stage == 0) *cursor = (struct params_cursor){params->preset, 1};
    for (;;) {
        struct str raw_name, raw_value;
        if (!cursor->rest.ptr || !url_query_next(&cursor->rest, &raw_name, &raw_value)) {
            if (cursor->stage == 2) return ERR_NOT_FOUND;
            *cursor = (struct params_cursor){params->query, 2};
            continue;
        }
        if (!url_equal(raw_name, name)) continue;
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

bool params_flag(struct params *params, const char *name) {
    struct str value;
    if (params_get(params, name, &value)) return false;
    return !str_equal(value, STR("0")) && !str_equal(value, STR("false")) &&
           !str_equal(value, STR("no"));
}
