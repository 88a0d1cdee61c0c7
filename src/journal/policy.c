// SPDX-License-Identifier: MIT
// The journal's own copy of a retention policy.
#include "journal/policy.h"

#include <stdlib.h>

void policy_fini(struct policy *policy) {
    for (size_t i = 0; i < policy->is.rules_count; i++) free((char *)policy->is.rules[i].pattern);
    free((struct journal_topic_rule *)policy->is.rules);
    free(policy->patterns);
    free(policy->rule_bytes);
    *policy = (struct policy){0};
}

int policy_copy(struct policy *out, const struct journal_policy *from) {
    *out = (struct policy){.is = {.retention = from->retention, .topic_share = from->topic_share}};
    if (from->rules_count == 0) return 0;
    struct journal_topic_rule *rules = calloc(from->rules_count, sizeof *rules);
    out->is.rules = rules;
    out->patterns = calloc(from->rules_count, sizeof *out->patterns);
    out->rule_bytes = calloc(from->rules_count, sizeof *out->rule_bytes);
    if (!rules || !out->patterns || !out->rule_bytes) {
        policy_fini(out);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < from->rules_count; i++) {
        rules[i] = from->rules[i];
        rules[i].pattern = str_dup(str_from(from->rules[i].pattern));
        out->is.rules_count = i + 1;
        int err = rules[i].pattern
                      ? pattern_read(&out->patterns[i], str_from(rules[i].pattern), NULL)
                      : ERR_NOMEM;
        if (err) {
            policy_fini(out);
            return err;
        }
        uint64_t age = rules[i].retention.age_max_ms;
        if (age && (!out->age_min_ms || age < out->age_min_ms)) out->age_min_ms = age;
    }
    return 0;
}

uint32_t policy_find(const struct policy *policy, struct str topic) {
    for (size_t i = 0; i < policy->is.rules_count; i++)
        if (pattern_match(&policy->patterns[i], topic)) return (uint32_t)i + 1;
    return 0;
}

const struct journal_topic_rule *policy_rule(const struct policy *policy, uint32_t rule) {
    return rule ? &policy->is.rules[rule - 1] : NULL;
}
