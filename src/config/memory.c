// SPDX-License-Identifier: MIT
// Memory that lives as long as a configuration: blocks that hang on it and go with it at once.
#include "config/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct block {
    struct block *next;
    size_t size;
    max_align_t data[];
};

void *memory_alloc(struct config *config, size_t size) {
    struct block *block = calloc(1, sizeof *block + size);
    if (!block) return NULL;
    block->size = size;
    block->next = config->memory;
    config->memory = block;
    return block->data;
}

char *memory_copy(struct config *config, struct str text) {
    char *copy = memory_alloc(config, text.len + 1);
    if (copy && text.len) memcpy(copy, text.ptr, text.len);
    return copy;
}

void memory_free(struct config *config) {
    struct block *block = config->memory;
    while (block) {
        struct block *next = block->next;
        explicit_bzero(block->data, block->size);
        free(block);
        block = next;
    }
    config->memory = NULL;
}

int memory_warn(struct config *config, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char **more = memory_alloc(config, (config->warnings_count + 1) * sizeof *more);
    char *copy = memory_copy(config, str_from(text));
    if (!more || !copy) return ERR_NOMEM;
    for (size_t i = 0; i < config->warnings_count; i++) more[i] = config->warnings[i];
    more[config->warnings_count++] = copy;
    config->warnings = more;
    return 0;
}
