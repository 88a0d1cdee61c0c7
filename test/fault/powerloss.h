// SPDX-License-Identifier: MIT
// The recording that test/fault/powerloss.c makes: a sequence of entries, each a head, the name,
// the data.
#ifndef TEST_FAULT_POWERLOSS_H
#define TEST_FAULT_POWERLOSS_H

#include <stdint.h>

enum powerloss_kind {
    // Entries of directories. `at` of a new file: when it was created, ns, 0: not known.
    POWERLOSS_CREATE,
    POWERLOSS_MKDIR,
    POWERLOSS_UNLINK,
    POWERLOSS_RENAME, // the data is the new name
    // Content of files.
    POWERLOSS_WRITE,    // at the offset `at`
    POWERLOSS_TRUNCATE, // to the length `at`
    // A write through a descriptor opened O_DSYNC or O_SYNC, and that the last one of this file has
    // returned: then it is on the disk.
    POWERLOSS_WRITE_SYNCED,
    POWERLOSS_RETURNED,
    // fsync or fdatasync has returned; `at` is 1 for a directory.
    POWERLOSS_SYNC,
    // Mapped so that it can be written: what is written so is not recorded.
    POWERLOSS_MAP,
    // Not an operation: what the program says through powerloss_note.
    POWERLOSS_NOTE,
};

struct powerloss_head {
    uint32_t kind;
    uint32_t name_len; // relative to the root, empty for the root itself
    uint64_t data_len;
    uint64_t file; // inode
    uint64_t at;
};

// Found with dlsym; there is none when nothing is recorded.
typedef void powerloss_note_fn(const void *data, uint64_t len);

#endif
