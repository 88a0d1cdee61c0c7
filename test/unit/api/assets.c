// SPDX-License-Identifier: MIT
// The embedded assets are the files of web/, scripts without their comments, with the headers that
// browsers insist on.
#include "api/assets.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

// The file below web/; the caller frees it.
static char *read_file(const char *name, size_t *size) {
    char path[256];
    snprintf(path, sizeof(path), "web/%s", name);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s: run the tests from the top of the repository", path);
    char *content = malloc(1 << 20);
    cr_assert_not_null(content);
    *size = fread(content, 1, 1 << 20, file);
    fclose(file);
    return content;
}

static void assert_same_as_file(const char *name) {
    const struct asset *asset = asset_find(str_from(name));
    cr_assert_not_null(asset, "%s", name);
    size_t size;
    char *content = read_file(name, &size);
    cr_expect_eq(size, asset->size, "%s", name);
    cr_expect(size == asset->size && memcmp(content, asset->data, size) == 0, "%s", name);
    free(content);
}

// The embedded lines are those of the file, in order; of what is missing each is in a comment.
static void assert_same_but_for_comments(const char *name) {
    const struct asset *asset = asset_find(str_from(name));
    cr_assert_not_null(asset, "%s", name);
    size_t size;
    char *content = read_file(name, &size);
    struct str left = {(const char *)asset->data, asset->size}, rest = {content, size};
    size_t dropped = 0;
    bool in_block = false;
    struct str next = str_cut(&left, '\n');
    while (rest.ptr) {
        struct str line = str_cut(&rest, '\n'), text = str_trim(line);
        bool opens = str_starts(text, STR("/**"));
        bool closes = text.len >= 2 && memcmp(text.ptr + text.len - 2, "*/", 2) == 0;
        if (str_equal(line, next) && !in_block) {
            next = str_cut(&left, '\n');
            continue;
        }
        cr_assert(in_block || opens || str_starts(text, STR("//")), "%s: %.*s", name,
                  STR_ARG(line));
        in_block = (in_block || opens) && !closes;
        dropped++;
    }
    cr_assert(!left.ptr, "%s: there is more than in the file", name);
    cr_assert_gt(dropped, 0);
    free(content);
}

Test(assets, are_the_files_of_web) {
    assert_same_as_file("index.html");
    assert_same_as_file("app.css");
    assert_same_as_file("icon.svg");
}

Test(assets, scripts_have_lost_nothing_but_comments) {
    assert_same_but_for_comments("app.js");
    assert_same_but_for_comments("kit/tailrace.js");
    assert_same_but_for_comments("kit/log-match.js");
    assert_same_but_for_comments("kit/live-log.js");
    assert_same_but_for_comments("kit/log-style.js");
}

Test(assets, have_the_type_a_browser_needs) {
    cr_expect_str_eq(asset_find(STR("index.html"))->type, "text/html; charset=utf-8");
    cr_expect_str_eq(asset_find(STR("app.css"))->type, "text/css; charset=utf-8");
    cr_expect_str_eq(asset_find(STR("app.js"))->type, "text/javascript; charset=utf-8");
    cr_expect_str_eq(asset_find(STR("icon.svg"))->type, "image/svg+xml; charset=utf-8");
    cr_expect_str_eq(asset_find(STR("kit/tailrace.d.ts"))->type, "text/plain; charset=utf-8");
}

Test(assets, have_a_strong_entity_tag_of_their_own) {
    const char *page = asset_find(STR("index.html"))->etag,
               *style = asset_find(STR("app.css"))->etag;
    cr_expect_eq(strlen(page), 34);
    cr_expect(page[0] == '"' && page[33] == '"');
    cr_expect_str_neq(page, style);
}

Test(assets, are_found_by_their_exact_name_only) {
    const char *names[] = {"",
                           "nothing.js",
                           "app",
                           "app.jsx",
                           "APP.JS",
                           "/app.js",
                           "./app.js",
                           "../web/app.js",
                           "web/app.js",
                           "app.js/",
                           "kit",
                           "kit/",
                           "kit/package.json",
                           "kit/../app.js"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_expect_null(asset_find(str_from(names[i])), "%s", names[i]);
    }
    cr_expect_null(asset_find((struct str){"app.js\0x", 8}));
    cr_expect_null(asset_find((struct str){NULL, 0}));
}
