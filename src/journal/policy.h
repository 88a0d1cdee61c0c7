// SPDX-License-Identifier: MIT
// The journal's own copy of a retention policy.
#ifndef TAILRACE_JOURNAL_POLICY_H
#define TAILRACE_JOURNAL_POLICY_H

#include "base/pattern.h"
#include "journal/journal.h"

struct policy {
    struct journal_policy is; // its rules and patterns are copies
    struct pattern *patterns; // of the rules, parsed
    uint64_t *rule_bytes;     // data bytes of the topics of each rule, counted by retention.c
    uint64_t age_min_ms;      // shortest age bound of a rule, 0: none
};

int policy_copy(struct policy *out, const struct journal_policy *from) MUST_CHECK;
void policy_fini(struct policy *policy);
// The first rule that matches, counted from 1; 0: none.
uint32_t policy_find(const struct policy *policy, struct str topic);
// NULL for 0.
const struct journal_topic_rule *policy_rule(const struct policy *policy, uint32_t rule);

#endif
