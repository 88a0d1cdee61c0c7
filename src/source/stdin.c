// SPDX-License-Identifier: MIT
// Standard input as a source: a stream that ends with its writer.
#include <unistd.h>

#include "source/input.h"
#include "source/source_priv.h"

static int open_input(struct source *source, struct report *report) {
    struct input *input;
    if (input_new(&input, source, "stdin", source->config.topic))
        return report_set(report, ERR_NOMEM, "source stdin: out of memory");
    source->state = input;
    return 0;
}

static void start(struct source *source) {
    // Without a path there is nothing that could fail.
    (void)!input_begin(source->state, STDIN_FILENO, NULL);
}

static void stop(struct source *source) {
    if (source->state) input_close(source->state);
    source->state = NULL;
}

const struct source_ops source_stdin = {.open = open_input, .start = start, .stop = stop};
