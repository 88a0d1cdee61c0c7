// SPDX-License-Identifier: MIT
// Topics and interned selectors.
#include "hub/directory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support.h"

static void resolve(struct directory *directory, struct selection *selection, int64_t steps) {
    int err = selection_resolve(directory, selection, &steps);
    cr_assert_eq(err, 0);
}

static struct selector *select_names(struct directory *directory, const struct pattern *names,
                                     uint32_t count) {
    struct selector *selector;
    struct report report = {0};
    struct selector_spec spec = {.names = names, .names_count = count};
    cr_assert_eq(directory_select(directory, &spec, &selector, &report), 0, "%s", report.text);
    resolve(directory, selector->selection, INT64_MAX);
    cr_assert(selector->selection->resolved);
    return selector;
}

static struct account account = {.most = SIZE_MAX};

Test(directory, who_asks_for_the_same_shares_a_selector) {
    struct directory directory;
    directory_init(&directory, &account);
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
    directory_init(&directory, &account);
    const struct pattern a[] = {pattern_of("a")};
    struct selector *plain = select_names(&directory, a, 1), *empty;
    struct selector_spec spec = {.names = a, .names_count = 1, .filter = STR("")};
    cr_assert_eq(directory_select(&directory, &spec, &empty, NULL), ERR_INVALID);
    directory_release(&directory, plain);
    directory_fini(&directory);
}

Test(directory, selectors_and_topics_find_each_other_whichever_comes_first) {
    struct directory directory;
    directory_init(&directory, &account);
    const struct pattern pattern[] = {pattern_of("a/*")}, exact[] = {pattern_of("a/2")};
    cr_assert(directory_number(&directory, 1, STR("a/1")));
    struct selector *wide = select_names(&directory, pattern, 1),
                    *narrow = select_names(&directory, exact, 1);
    cr_assert(directory_matches(wide, 1));
    cr_assert_eq(narrow->selection->topics.count, 0);
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
    directory_init(&directory, &account);
    const struct pattern pattern[] = {pattern_of("**")}, exact[] = {pattern_of("a")};
    struct topic *topic = directory_number(&directory, 1, STR("a"));
    struct selector *wide = select_names(&directory, pattern, 1),
                    *narrow = select_names(&directory, exact, 1);
    directory_drop(&directory, topic);
    cr_assert(!directory_matches(wide, 1) && !directory_matches(narrow, 1));
    cr_assert_null(directory_topic(&directory, 1));
    topic = directory_number(&directory, 2, STR("a"));
    cr_assert(directory_matches(wide, 2) && directory_matches(narrow, 2));
    cr_assert_eq(topic->followers_count, 2);
    directory_drop(&directory, topic);
    directory_release(&directory, wide), directory_release(&directory, narrow);
    cr_assert_eq(HASH_COUNT(directory.by_name), 0);
    directory_fini(&directory);
}

// The selection has the topics that match, and no others.
static void expect_right(const struct directory *directory, const struct selection *selection) {
    uint32_t count = 0;
    uint64_t changes = 0;
    const struct topic *topic = directory_from(directory, 0);
    for (; topic; topic = directory_from(directory, topic->no + 1)) {
        bool matches =
            pattern_match_any(selection->names, selection->names_count, topic_name(topic));
        cr_assert_eq(selection_has(selection, topic->no), matches, "%s", topic->name);
        count += matches;
        changes += matches ? topic->trimmed_seq * 2 + topic->closed : 0;
    }
    cr_assert_eq(selection->topics.count, count);
    cr_assert_eq(selection->changes, changes, "each has been told of once");
}

Test(directory, ten_thousand_selectors_come_and_go) {
    enum { HELD = 500, ROUNDS = 10000, TOPICS = 200 };
    struct directory directory;
    struct selector *held[HELD] = {NULL};
    static const char *const words[] = {"a", "b", "c", "d", "e", "*", "**"};
    directory_init(&directory, &account);
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
        expect_right(&directory, held[i]->selection);
        directory_release(&directory, held[i]);
    }
    cr_assert_eq(HASH_COUNT(directory.selectors), 0);
    cr_assert_eq(HASH_COUNT(directory.selections), 0);
    cr_assert(!directory.wide && !directory.resolving && !directory.prefixes);
    directory_fini(&directory);
}

// --- many ----------------------------------------------------------------------------------------

// "BEFORE/NUMBER" or "BEFORE/NUMBER/AFTER".
static void add_topics(struct directory *directory, const char *before, const char *after,
                       uint32_t from, uint32_t to) {
    for (uint32_t no = from; no < to; no++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%u%s", before, no, after);
        cr_assert(directory_number(directory, no, str_from(name)));
    }
}

static struct selector *select_one(struct directory *directory, const char *text,
                                   const char *filter) {
    struct pattern name = pattern_of(text);
    struct selector_spec spec = {.names = &name, .names_count = 1, .filter = str_from(filter)};
    struct selector *selector;
    cr_assert_eq(directory_select(directory, &spec, &selector, NULL), 0);
    return selector;
}

static double seconds_since(clock_t began) { return (double)(clock() - began) / CLOCKS_PER_SEC; }

Test(directory, topics_that_come_and_go_while_a_pattern_is_resolved_are_right) {
    struct directory directory;
    directory_init(&directory, &account);
    add_topics(&directory, "t", "", 10, 5000);
    struct selector *selector = select_one(&directory, "t/**", NULL);
    struct selection *selection = selector->selection;
    resolve(&directory, selection, 2000);
    cr_assert(!selection->resolved && selection->topics.count);
    add_topics(&directory, "t", "", 0, 10);      // where the walk has been
    add_topics(&directory, "t", "", 5000, 5100); // where it has not
    add_topics(&directory, "other", "", 9000, 9001);
    struct topic *done = directory_topic(&directory, 20), *due = directory_topic(&directory, 4000);
    directory_trimmed(&directory, due, 77, 1);
    directory_trimmed(&directory, directory_topic(&directory, 5050), 5, 1);
    directory_drop(&directory, done), directory_drop(&directory, due);
    cr_assert_eq(selection->gone_seq, 77, "what is gone before the walk has met it is lost too");
    add_topics(&directory, "t/again", "", 20, 21);
    while (!selection->resolved) resolve(&directory, selection, 500);
    expect_right(&directory, selection);
    cr_assert(selection->wide);
    directory_release(&directory, selector);
    directory_fini(&directory);
}

Test(directory, what_leaves_in_the_middle_of_its_walk_leaves_nothing) {
    struct directory directory;
    directory_init(&directory, &account);
    add_topics(&directory, "t", "", 0, 300);
    struct selector *selector = select_one(&directory, "**/1*", NULL),
                    *narrow = select_one(&directory, "t/*", NULL);
    resolve(&directory, narrow->selection, 100);
    cr_assert(!narrow->selection->resolved && narrow->selection->links_count);
    directory_release(&directory, selector), directory_release(&directory, narrow);
    for (uint32_t no = 0; no < 300; no++)
        cr_assert_eq(directory_topic(&directory, no)->followers_count, 0);
    cr_assert(!directory.resolving && !directory.prefixes);
    directory_fini(&directory);
}

// Each had a list of all topics, and each topic one of all of them: 300 that left together took a
// second.
Test(directory, three_hundred_over_ten_thousand_topics_share_or_leave_quickly) {
    enum { TOPICS = 10000, SELECTORS = 300 };
    struct directory directory;
    struct selector *alike[SELECTORS], *own[SELECTORS];
    directory_init(&directory, &account);
    add_topics(&directory, "a", "", 0, TOPICS);
    for (int i = 0; i < SELECTORS; i++) {
        char text[64];
        snprintf(text, sizeof text, "%d", i);
        alike[i] = select_one(&directory, "**", text);
        struct pattern names[] = {pattern_of("a/*"), pattern_of(text)};
        own[i] = select_names(&directory, names, 2);
        cr_assert_eq(own[i]->selection->topics.count, TOPICS);
        cr_assert_lt(own[i]->selection->topics.words_cap * sizeof(struct number_word), TOPICS,
                     "some bits for each topic");
    }
    cr_assert_eq(HASH_COUNT(directory.selections), SELECTORS + 1);
    clock_t began = clock();
    for (int i = 0; i < SELECTORS; i++) {
        directory_release(&directory, alike[i]);
        directory_release(&directory, own[i]);
    }
    double seconds = seconds_since(began);
    cr_assert_lt(seconds, 0.2, "%.2f s", seconds);
    directory_fini(&directory);
}

// Each new topic was matched with the patterns of all.
Test(directory, a_new_topic_meets_only_patterns_that_begin_like_it) {
    enum { SELECTORS = 10000, TOPICS = 2000 };
    static struct selector *selectors[SELECTORS];
    struct directory directory;
    directory_init(&directory, &account);
    for (int i = 0; i < SELECTORS; i++) {
        char text[64];
        snprintf(text, sizeof text, "builds/%d/**", i);
        selectors[i] = select_one(&directory, text, NULL);
        resolve(&directory, selectors[i]->selection, INT64_MAX);
    }
    clock_t began = clock();
    add_topics(&directory, "builds", "/log", 0, TOPICS);
    double seconds = seconds_since(began);
    cr_assert_lt(seconds, 0.3, "%.2f s", seconds);
    for (uint32_t i = 0; i < SELECTORS; i++) {
        cr_assert_eq(selectors[i]->selection->topics.count, i < TOPICS);
        directory_release(&directory, selectors[i]);
    }
    directory_fini(&directory);
}

Test(directory, patterns_that_begin_alike_are_bounded) {
    static struct selector *selectors[LIMIT_PREFIX_PATTERNS];
    struct directory directory;
    struct report report = {0};
    directory_init(&directory, &account);
    for (int i = 0; i < LIMIT_PREFIX_PATTERNS; i++) {
        char text[64];
        snprintf(text, sizeof text, "**/%d", i);
        selectors[i] = select_one(&directory, text, NULL);
    }
    struct pattern more = pattern_of("*/x"), other = pattern_of("a/*");
    struct selector_spec spec = {.names = &more, .names_count = 1};
    struct selector *selector;
    cr_assert_eq(directory_select(&directory, &spec, &selector, &report), ERR_LIMIT);
    cr_assert(report.text[0]);
    spec.names = &other;
    cr_assert_eq(directory_select(&directory, &spec, &selector, &report), 0);
    directory_release(&directory, selector);
    for (int i = 0; i < LIMIT_PREFIX_PATTERNS; i++) directory_release(&directory, selectors[i]);
    cr_assert(!directory.prefixes && !directory.resolving);
    directory_fini(&directory);
}

// The table of all numbers below it was made, and finding its size did not end.
Test(directory, a_number_of_three_billion_takes_its_page_only) {
    struct directory directory;
    directory_init(&directory, &account);
    cr_assert(directory_number(&directory, 3000000000u, STR("a")));
    cr_assert(directory_number(&directory, 7, STR("b")));
    cr_assert_eq(directory_from(&directory, 8), directory_find(&directory, STR("a")));
    cr_assert_null(directory_number(&directory, TOPIC_UNNUMBERED, STR("c")));
    struct selector *selector = select_one(&directory, "**", NULL);
    resolve(&directory, selector->selection, 100);
    cr_assert_eq(selector->selection->topics.count, 2);
    directory_release(&directory, selector);
    directory_fini(&directory);
}

Test(directory, a_large_selector_needs_room_in_the_account_and_gives_it_back) {
    struct directory directory;
    struct selector *small, *large, *more;
    struct report report = {0};
    char names[LIMIT_SELECTOR_TOPICS][32];
    struct pattern patterns[LIMIT_SELECTOR_TOPICS];
    for (int i = 0; i < LIMIT_SELECTOR_TOPICS; i++) {
        snprintf(names[i], sizeof names[i], "none/%d", i);
        patterns[i] = (struct pattern){PATTERN_EXACT, str_from(names[i])};
    }
    struct selector_spec one = {.names = patterns, .names_count = 1},
                         all = {.names = patterns, .names_count = LIMIT_SELECTOR_TOPICS},
                         most = {.names = patterns + 1, .names_count = LIMIT_SELECTOR_TOPICS - 1};
    directory_init(&directory, &account);
    account.most = 20000;
    cr_assert_eq(directory_select(&directory, &all, &large, &report), 0);
    cr_assert_gt(account.held, 10000);
    size_t held = account.held;
    cr_assert_eq(directory_select(&directory, &all, &more, &report), 0, "it is shared");
    cr_assert_eq(account.held, held);
    directory_release(&directory, more);
    cr_assert_eq(directory_select(&directory, &most, &more, &report), ERR_LIMIT);
    cr_assert(strstr(report.text, "limits.held_bytes"));
    cr_assert_eq(directory_select(&directory, &one, &small, &report), 0, "one topic is free");
    directory_release(&directory, small);
    directory_release(&directory, large);
    cr_assert_eq(account.held, 0);
    cr_assert_null(directory.by_name, "nothing is left of topics that there are not");
    account.most = SIZE_MAX;
    directory_fini(&directory);
}
