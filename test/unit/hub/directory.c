// SPDX-License-Identifier: MIT
// Topics and interned selectors.
#include "hub/directory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static struct selector *select_names(struct directory *directory, const struct pattern *names,
                                     uint32_t count) {
    struct selector *selector;
    struct report report = {0};
    struct selector_spec spec = {.names = names, .names_count = count};
    cr_assert_eq(directory_select(directory, &spec, &selector, &report), 0, "%s", report.text);
    return selector;
}

Test(directory, who_asks_for_the_same_shares_a_selector) {
    struct directory directory;
    directory_init(&directory);
    const struct pattern ab[] = {pattern_of("a"), pattern_of("b")},
                         bab[] = {pattern_of("b"), pattern_of("a"), pattern_of("b")},
                         a[] = {pattern_of("a")};
    struct selector *one = select_names(&directory, ab, 2);
    cr_assert_eq(select_names(&directory, bab, 3), one, "order and repetition do not matter");
    struct selector *other = select_names(&directory, a, 1);
    cr_assert_neq(other, one);
    struct selector_spec spec = {.names = ab, .names_count = 2, .format = FRAME_META};
    struct selector *meta, *granted, *filtered;
    cr_assert_eq(directory_select(&directory, &spec, &meta, NULL), 0);
    cr_assert_neq(meta, one);
    spec =
        (struct selector_spec){.names = a, .names_count = 1, .grants = ab + 1, .grants_count = 1};
    cr_assert_eq(directory_select(&directory, &spec, &granted, NULL), 0);
    cr_assert_neq(granted, one, "a name and a grant are not two names");
    spec = (struct selector_spec){.names = ab, .names_count = 2, .filter = STR("x")};
    cr_assert_eq(directory_select(&directory, &spec, &filtered, NULL), 0);
    cr_assert_neq(filtered, one);
    cr_assert_eq(HASH_COUNT(directory.selectors), 5);
    directory_release(&directory, one), directory_release(&directory, one);
    directory_release(&directory, other), directory_release(&directory, meta);
    directory_release(&directory, granted), directory_release(&directory, filtered);
    cr_assert_eq(HASH_COUNT(directory.by_name), 0,
                 "names that nobody wants and that have no event go");
    directory_fini(&directory);
}

Test(directory, an_empty_filter_is_refused_whoever_asked_before) {
    struct directory directory;
    directory_init(&directory);
    const struct pattern a[] = {pattern_of("a")};
    struct selector *plain = select_names(&directory, a, 1), *empty;
    struct selector_spec spec = {.names = a, .names_count = 1, .filter = STR("")};
    cr_assert_eq(directory_select(&directory, &spec, &empty, NULL), ERR_INVALID);
    directory_release(&directory, plain);
    directory_fini(&directory);
}

Test(directory, selectors_and_topics_find_each_other_whichever_comes_first) {
    struct directory directory;
    directory_init(&directory);
    const struct pattern pattern[] = {pattern_of("a/*")}, exact[] = {pattern_of("a/2")};
    cr_assert(directory_number(&directory, 1, STR("a/1")));
    struct selector *wide = select_names(&directory, pattern, 1),
                    *narrow = select_names(&directory, exact, 1);
    cr_assert(directory_matches(wide, 1));
    cr_assert_eq(narrow->topics_count, 0);
    cr_assert(directory_number(&directory, 3, STR("b")));
    cr_assert(directory_number(&directory, 2, STR("a/2")));
    cr_assert(directory_matches(wide, 2) && directory_matches(narrow, 2));
    cr_assert(!directory_matches(wide, 3));
    cr_assert_eq(directory_find(&directory, STR("a/2")), directory_topic(&directory, 2));
    cr_assert_null(directory_topic(&directory, 99));
    directory_release(&directory, wide), directory_release(&directory, narrow);
    cr_assert_eq(directory.topics_count, 3);
    directory_fini(&directory);
}

Test(directory, a_name_that_was_dropped_comes_back_under_a_new_number) {
    struct directory directory;
    directory_init(&directory);
    const struct pattern pattern[] = {pattern_of("**")}, exact[] = {pattern_of("a")};
    struct topic *topic = directory_number(&directory, 1, STR("a"));
    struct selector *wide = select_names(&directory, pattern, 1),
                    *narrow = select_names(&directory, exact, 1);
    directory_drop(&directory, topic);
    cr_assert(!directory_matches(wide, 1) && !directory_matches(narrow, 1));
    cr_assert_null(directory_topic(&directory, 1));
    topic = directory_number(&directory, 2, STR("a"));
    cr_assert(directory_matches(wide, 2) && directory_matches(narrow, 2));
    cr_assert_eq(topic->selectors_count, 2);
    directory_drop(&directory, topic);
    directory_release(&directory, wide), directory_release(&directory, narrow);
    cr_assert_eq(HASH_COUNT(directory.by_name), 0);
    directory_fini(&directory);
}

Test(directory, ten_thousand_selectors_come_and_go) {
    enum { HELD = 500, ROUNDS = 10000, TOPICS = 200 };
    struct directory directory;
    struct selector *held[HELD] = {NULL};
    static const char *const words[] = {"a", "b", "c", "d", "e", "*", "**"};
    directory_init(&directory);
    srandom(1);
    for (int round = 0; round < ROUNDS; round++) {
        long at = random() % HELD;
        if (held[at]) directory_release(&directory, held[at]);
        char text[5][32];
        struct pattern names[5];
        uint32_t count = 1 + (uint32_t)random() % 5;
        for (uint32_t i = 0; i < count; i++) {
            snprintf(text[i], sizeof text[i], "%s/%s", words[random() % 7], words[random() % 7]);
            names[i] = pattern_of(text[i]);
        }
        held[at] = select_names(&directory, names, count);
        if (round % 50 == 0) {
            uint32_t no = (uint32_t)round / 50;
            char name[32];
            snprintf(name, sizeof name, "%s/%s", words[random() % 5], words[random() % 5]);
            struct topic *topic = directory_find(&directory, str_from(name));
            if (topic && topic->no != TOPIC_UNNUMBERED) directory_drop(&directory, topic);
            cr_assert(directory_number(&directory, no, str_from(name)));
        }
    }
    for (int i = 0; i < HELD; i++) {
        const struct selector *selector = held[i];
        for (uint32_t k = 1; k < selector->topics_count; k++)
            cr_assert(selector->topics[k - 1] < selector->topics[k], "ascending, each once");
        directory_release(&directory, held[i]);
    }
    cr_assert_eq(HASH_COUNT(directory.selectors), 0);
    cr_assert_null(directory.patterns);
    directory_fini(&directory);
}
