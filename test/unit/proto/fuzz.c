// SPDX-License-Identifier: MIT
// Runs the fuzz targets over their corpus, as ordinary tests. Each input is also cut short at every
// byte.
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>

#define LLVMFuzzerTestOneInput fuzz_url
#include "../../fuzz/url.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_sse
#include "../../fuzz/sse.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http1
#include "../../fuzz/http1.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_lines
#include "../../fuzz/lines.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_text
#include "../../fuzz/text.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_yaml
#include "../../fuzz/yaml.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_command
#include "../../fuzz/command.c"
#undef LLVMFuzzerTestOneInput

static void run_file(const char *path, int (*target)(const uint8_t *, size_t)) {
    static uint8_t bytes[65536];
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s", path);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t len = 0; len <= size; len++) target(bytes, len);
}

// The tests run from the top of the tree.
static void run_corpus(const char *pattern, int (*target)(const uint8_t *, size_t)) {
    glob_t found;
    cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "no corpus at %s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) run_file(found.gl_pathv[i], target);
    globfree(&found);
}

Test(fuzz, url_corpus) { run_corpus("test/fuzz/corpus/url/*", fuzz_url); }
Test(fuzz, sse_corpus) { run_corpus("test/fuzz/corpus/sse/*", fuzz_sse); }
Test(fuzz, http1_corpus) { run_corpus("test/fuzz/corpus/http1/*", fuzz_http1); }
Test(fuzz, lines_corpus) { run_corpus("test/fuzz/corpus/lines/*", fuzz_lines); }
Test(fuzz, text_corpus) { run_corpus("test/fuzz/corpus/text/*", fuzz_text); }
Test(fuzz, yaml_corpus) { run_corpus("test/fuzz/corpus/yaml/*", fuzz_yaml); }
Test(fuzz, command_corpus) { run_corpus("test/fuzz/corpus/command/*", fuzz_command); }
