// SPDX-License-Identifier: MIT
// Braces and home directories in paths.
#include "source/expand.h"

#include <criterion/criterion.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

static void expect(const char *text, const char *expected) {
    struct expanded list = {0};
    struct buf out;
    buf_init(&out, 65536);
    cr_assert_eq(expand_path(&list, text), 0);
    for (size_t i = 0; i < list.count; i++) buf_printf(&out, "%s%s", i ? " " : "", list.texts[i]);
    cr_assert_str_eq(buf_cstr(&out), expected);
    buf_fini(&out);
    expand_free(&list);
}

Test(expand, braces_as_in_a_shell) {
    expect("/l/{nginx,apache2}/*.log", "/l/nginx/*.log /l/apache2/*.log");
    expect("/{a,b}{1,2}", "/a1 /a2 /b1 /b2");
    expect("/x{a,{b,c}d,}y", "/xay /xbdy /xcdy /xy");
    expect("/{a}/{,}b}", "/{a}/b} /{a}/b}");
    expect("/{a,b", "/{a,b");
    expect("/{{a,b}", "/{a /{b");
    expect("/\\{a,b}", "/\\{a,b}");
}

Test(expand, braces_are_recognised) {
    cr_assert(expand_has_braces("a{b,c}"));
    cr_assert_not(expand_has_braces("a{b}c{"));
    cr_assert_not(expand_has_braces("a{name},b"));
}

Test(expand, paths_become_absolute_and_plain) {
    char cwd[512], expected[600];
    cr_assert_not_null(getcwd(cwd, sizeof cwd));
    snprintf(expected, sizeof expected, "%s/x", cwd);
    expect("./x", expected);
    expect("/a//b/./c*", "/a/b/c*");
    expect("/", "/");
}

Test(expand, home_directories) {
    char expected[600];
    setenv("HOME", "/home/of/me", 1);
    expect("~/logs/*.log", "/home/of/me/logs/*.log");
    expect("~", "/home/of/me");
    expect("{~/a,/b}", "/home/of/me/a /b");
    expect("/x/~/y", "/x/~/y");
    const struct passwd *root = getpwnam("root");
    cr_assert_not_null(root);
    snprintf(expected, sizeof expected, "%s/x", root->pw_dir);
    expect("~root/x", expected);
    char cwd[512];
    cr_assert_not_null(getcwd(cwd, sizeof cwd));
    snprintf(expected, sizeof expected, "%s/~nobody-of-this-name/x", cwd);
    expect("~nobody-of-this-name/x", expected);
}

Test(expand, alternatives_are_bounded) {
    struct expanded list = {0};
    cr_assert_eq(expand_path(&list, "/{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}"
                                    "{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}"),
                 ERR_TOO_LONG);
    cr_assert_eq(list.count, EXPAND_TEXTS_MAX);
    expand_free(&list);
}
