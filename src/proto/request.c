// SPDX-License-Identifier: MIT
// A request's head.
#include "proto/request.h"

bool request_field_next(const struct request *request, const char *name, size_t *index,
                        struct str *value) {
    while (*index < request->fields_count) {
        const struct field *field = &request->fields[(*index)++];
        if (!str_equal_nocase(field->name, str_from(name))) continue;
        *value = field->value;
        return true;
    }
    return false;
}

struct str request_field(const struct request *request, const char *name) {
    size_t index = 0;
    struct str value;
    bool found = request_field_next(request, name, &index, &value);
    return found ? value : (struct str){NULL, 0};
}
