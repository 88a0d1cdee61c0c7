// SPDX-License-Identifier: MIT
// Opening what a path names, where other people may put symbolic links into the path.
//
//   /srv/logs/alice/web.log      trusted: 9, found by /srv/logs/*/web.log
//   ^^^^^^^^^                    named by the configuration: links are followed
//            ^^^^^^^^^^^^^^^     found by a pattern: a link anywhere in it is ELOOP
//
// Nothing between looking and opening can be exchanged for a link: the kernel resolves the second
// part without links (openat2(2), RESOLVE_NO_SYMLINKS), or place_walk does so step by step.
#ifndef TAILRACE_SOURCE_PLACE_H
#define TAILRACE_SOURCE_PLACE_H

#include <stddef.h>

// `trusted` of a path whose links are all followed.
#define PLACE_ALL ((size_t)-1)

// Opens an absolute path with the `flags` of open(2), without O_CREAT; O_CLOEXEC is added. The
// links of its first `trusted` bytes, which end where a name does, are followed. A descriptor, or
// -1 with errno.
int place_open(const char *path, size_t trusted, int flags);
// The same on kernels without openat2, and where a sandbox does not permit it.
int place_walk(const char *path, size_t trusted, int flags);

#endif
