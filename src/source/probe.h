// SPDX-License-Identifier: MIT
// Whether a file is text that can be followed line by line, told by its content.
#ifndef TAILRACE_SOURCE_PROBE_H
#define TAILRACE_SOURCE_PROBE_H

#include <sys/stat.h>

// What is in the file when it is no text: "compressed (gzip)", "a systemd journal", "binary data".
// NULL: it is text, or there is too little to tell. Reads at most the first few thousand bytes that
// are not NUL. `fd` is a regular file.
const char *probe_content(int fd);
// What is no regular file: "a directory", "a named pipe", "a character device" …
const char *probe_kind(mode_t mode);

#endif
