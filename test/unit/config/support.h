// SPDX-License-Identifier: MIT
// Loading configurations from texts, with an environment that has nothing of ours.
#ifndef TAILRACE_TEST_CONFIG_SUPPORT_H
#define TAILRACE_TEST_CONFIG_SUPPORT_H

#include "config/load.h"

#define EXAMPLE "packaging/tailrace.yml"
#define MANUAL "doc/CONFIGURATION.md"

// A directory of the test's own, a file in it for configurations, and another one.
extern char config_dir[], config_file[64], config_other[64];

// For TestSuite: makes the directory, and empties the environment of what the hub reads; removes
// it.
void config_setup(void);
void config_teardown(void);

// Readable only for its owner.
void config_write(const char *path, struct str text);
// The text of a file of the repository, on the heap.
char *config_read_whole(const char *path);
// The example with its commented examples in place of the empty lists; on the heap.
char *config_uncommented_example(void);

// Loads a text (NULL: no file); it has to be good.
struct config *config_of(const char *text);
struct config *config_of_flags(struct config_flags flags, const char *text);
// It has to be refused at `place` ("3:5: key" in the file, or how the message begins), with `part`
// in the message.
void config_refused(const char *text, const char *place, const char *part);
void config_refused_flags(struct config_flags flags, const char *text, const char *place,
                          const char *part);

#endif
