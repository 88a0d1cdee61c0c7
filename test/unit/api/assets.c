// SPDX-License-Identifier: MIT
// The embedded assets are the files of web/, byte for byte, with the headers that browsers insist
// on.
#include "api/assets.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_same_as_file(const char *name) {
    const struct asset *asset = asset_find(str_from(name));
    cr_assert_not_null(asset, "%s", name);

    char path[256];
    snprintf(path, sizeof(path), "web/%s", name);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s: run the tests from the top of the repository", path);
    unsigned char *content = malloc(asset->size + 1);
    cr_assert_not_null(content);
    size_t size = fread(content, 1, asset->size + 1, file);
    fclose(file);
    cr_expect_eq(size, asset->size, "%s", name);
    cr_expect(size == asset->size && memcmp(content, asset->data, size) == 0, "%s", name);
    free(content);
}

Test(assets, are_the_files_of_web) {
    assert_same_as_file("index.html");
    assert_same_as_file("app.css");
    assert_same_as_file("app.js");
    assert_same_as_file("icon.svg");
    assert_same_as_file("kit/tailrace.js");
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
