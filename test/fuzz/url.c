// SPDX-License-Identifier: MIT
// Fuzzing of proto/url: nothing crashes, encoded text decodes to itself, no secret is left after
// redaction.
#include <stdlib.h>

#include "proto/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void url_fuzz_encode(struct str text, bool plus_is_space) {
    struct buf out;
    buf_init(&out, text.len * 3 + 1);
    url_encode_query(&out, text);
    ASSERT(!buf_failed(&out));
    char *back = malloc(text.len + 1);
    size_t len = 0;
    ASSERT(back);
    int err = url_decode(buf_str(&out), plus_is_space, back, text.len, &len);
    bool has_nul = text.len && memchr(text.ptr, 0, text.len);
    ASSERT(has_nul ? err == ERR_INVALID : err == 0 && str_equal((struct str){back, len}, text));
    free(back);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = {(const char *)data, size};
    url_fuzz_encode(text, false);
    url_fuzz_encode(text, true);
    struct buf out;
    buf_init(&out, size * 10 + 10);
    url_redact(&out, text);
    ASSERT(!buf_failed(&out));
    struct str rest = buf_str(&out);
    str_cut(&rest, '?');
    struct str name;
    struct str value;
    while (url_query_next(&rest, &name, &value)) {
        if (url_equal(name, "code") || url_equal(name, "key")) {
            ASSERT(value.len == 0 || str_equal(value, STR("REDACTED")));
        }
    }
    buf_fini(&out);
    return 0;
}
