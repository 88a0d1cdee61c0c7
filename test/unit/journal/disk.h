// SPDX-License-Identifier: MIT
// A disk whose power is cut: out of a recording (test/fault/powerloss.h) it makes what the disk may
// hold after a cut at any moment of it.
//
// What was synced is there whole. Of everything else any part may be: of each write any of its
// sectors, of what changed a file's size any part of the changes, whatever came of the content, of
// the changes of a directory's entries any part. fsync of a file does not bring its entry to the
// disk, fsync of the directory does. A write through a descriptor opened O_DSYNC is there whole
// when it has returned. Sectors of 512 bytes are written whole or not at all. Files that were
// mapped for writing hold anything.
#ifndef TEST_JOURNAL_DISK_H
#define TEST_JOURNAL_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../fault/powerloss.h"
#include "base/str.h"

struct disk_entry {
    enum powerloss_kind kind;
    uint64_t file, at;
    struct str name, data;
};

struct disk {
    const struct disk_entry *entries;
    size_t count;
    struct disk_state *state; // at one moment
};

// Begins a recording with the files that are below `root` now, as synced. Returns how many entries
// that took. Ends the process when anything fails, as all functions here.
size_t disk_record_base(const char *record, const char *root);

// Reads a recording; the moment is its beginning. disk_free frees it.
struct disk *disk_load(const char *record);
void disk_free(struct disk *disk);

// For a disk that lies: fsync and fdatasync of files do nothing from here on.
void disk_ignore_syncs(struct disk *disk);
// Goes on to the moment after the first `moment` entries, not below the present one.
void disk_advance(struct disk *disk, size_t moment);
// Makes the directory `to`, with what a cut at the present moment may leave. The same seed gives
// the same.
void disk_cut(const struct disk *disk, uint64_t seed, const char *to);
// Whether the files below `root` are other than the recording says at the present moment: then an
// operation was missed. `why` says which, or that a file that is mapped for writing is not one of
// `mapped` (whose content is not compared).
bool disk_differs(const struct disk *disk, const char *root, const char *mapped, char *why,
                  size_t size);

// Removes a directory with all in it. One that does not exist is fine.
void disk_remove(const char *path);

#endif
