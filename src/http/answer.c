// SPDX-License-Identifier: MIT
// Answers.
#include "http/answer.h"

#include <stdio.h>

#include "base/json.h"
#include "proto/http1.h"

// Detail texts are ours and short; JSON escapes take at most six bytes for one.
#define PROBLEM_BYTES_MAX 8192

void answer_field(struct answer *answer, const char *name, struct str value) {
    ASSERT(answer->fields_count < ANSWER_FIELDS_MAX);
    answer->fields[answer->fields_count++] = (struct field){str_from(name), value};
}

void answer_text(struct answer *answer, const char *name, const char *value) {
    answer_field(answer, name, str_from(value));
}

void problem_answer(const struct problem *problem, struct problem_text *text, struct answer *out) {
    buf_init(&text->body, PROBLEM_BYTES_MAX);
    struct json json = JSON(&text->body);
    json_object(&json, NULL);
    json_str(&json, "title", str_from(http1_reason(problem->status)));
    json_u64(&json, "status", (uint64_t)problem->status);
    json_str(&json, "detail", str_from(problem->detail));
    json_end(&json);
    buf_append_char(&text->body, '\n');
    *out = (struct answer){.status = problem->status,
                           .type = "application/problem+json",
                           .body = buf_str(&text->body)};
    answer_text(out, "Cache-Control", "no-store");
    if (problem->retry_after_s) {
        snprintf(text->retry_after, sizeof text->retry_after, "%u", problem->retry_after_s);
        answer_text(out, "Retry-After", text->retry_after);
    }
    if (problem->field.name.ptr) out->fields[out->fields_count++] = problem->field;
}

void problem_fini(struct problem_text *text) { buf_fini(&text->body); }
