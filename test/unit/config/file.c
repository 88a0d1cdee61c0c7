// SPDX-License-Identifier: MIT
// Reading files that the user named.
#include "config/file.h"

#include <criterion/criterion.h>

#include "support.h"

TestSuite(file, .init = config_setup, .fini = config_teardown);

static int read_into(struct buf *out, const char *path, size_t max, struct report *report) {
    unsigned mode = 0;
    buf_init(out, max);
    int err = file_read(path, out, &mode, report);
    if (!err) cr_assert_eq(mode, 0600);
    return err;
}

Test(file, a_whole_file_is_read_up_to_its_bound) {
    struct buf content;
    struct report report = {0};
    config_write(config_other, STR("a\0b\n"));
    cr_assert_eq(read_into(&content, config_other, 4, &report), 0, "%s", report.text);
    cr_assert(str_equal(buf_str(&content), STR("a\0b\n")));
    file_erase(&content);
    cr_assert_eq(content.len, 0);
    cr_assert_eq(read_into(&content, config_other, 3, &report), ERR_INVALID);
    cr_assert(strstr(report.text, "other is longer than 3 bytes"), "%s", report.text);
    file_erase(&content);
    config_write(config_other, STR(""));
    cr_assert_eq(read_into(&content, config_other, 3, &report), 0);
    cr_assert_eq(content.len, 0);
    file_erase(&content);
}

Test(file, what_cannot_be_read_is_named) {
    struct buf content;
    struct report report = {0};
    cr_assert_eq(read_into(&content, "/nonexistent/k", 9, &report), ERR_NOT_FOUND);
    cr_assert(strstr(report.text, "/nonexistent/k: No such file"), "%s", report.text);
    cr_assert_eq(read_into(&content, config_dir, 9, &report), ERR_IO);
    cr_assert(strstr(report.text, "Is a directory"), "%s", report.text);
    file_erase(&content);
}
