// SPDX-License-Identifier: MIT
// Checks an LMDB data file before LMDB maps it.
#include "journal/lmdb_check.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

// From mdb.c of LMDB 0.9: the parts of its file format that are needed to find every page.
#define MAGIC 0xBEEFC0DEu
#define FORMAT 1u
#define PAGE_BYTES_MIN 512u
#define PAGE_BYTES_MAX 65536u
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8, PAGE_LEAF2 = 0x20 };
enum { NODE_BIGDATA = 1, NODE_SUBDATA = 2 };
enum { TABLE_INTEGER_KEYS = 8 };

enum tree { TREE_MAIN, TREE_FREE, TREE_TABLE, TREE_TABLE_INTEGER };

struct page_header {
    uint64_t number;
    uint16_t pad, flags;
    uint16_t lower, upper; // an overflow page has its count of pages here
};

struct node_header {
    uint16_t low, high, flags, key_bytes;
};

struct db_header {
    uint32_t pad;
    uint16_t flags, depth;
    uint64_t branches, leaves, overflows, entries, root;
};

struct meta_header {
    uint32_t magic, version;
    uint64_t address, map_bytes;
    struct db_header dbs[2];
    uint64_t last_page, txn_id;
};

struct walk {
    int fd;
    uint32_t page_bytes;
    uint64_t pages;     // in the file
    uint64_t last_page; // that the file says it has
    uint64_t budget;
    const char *const *tables;
    size_t tables_count;
    size_t tables_found;
    struct report *report;
};

static int damaged(struct walk *walk, uint64_t page, const char *what) {
    return report_set(walk->report, ERR_CORRUPT, "page %llu of %llu: %s", (unsigned long long)page,
                      (unsigned long long)walk->pages, what);
}

static int read_at(int fd, void *to, size_t len, uint64_t offset) {
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, (char *)to + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ERR_IO;
        if (got == 0) return ERR_CORRUPT;
        done += (size_t)got;
    }
    return 0;
}

static int walk_tree(struct walk *walk, uint64_t number, int depth, enum tree tree);

static int walk_big(struct walk *walk, uint64_t number, uint64_t data_bytes) {
    if (number < 2 || number >= walk->pages) return damaged(walk, number, "is not in the file");
    struct page_header header;
    int err = read_at(walk->fd, &header, sizeof header, number * walk->page_bytes);
    if (err) return err;
    uint32_t count = header.lower | (uint32_t)header.upper << 16;
    if (header.number != number || header.flags != PAGE_OVERFLOW || count == 0 ||
        count > walk->pages - number ||
        data_bytes + sizeof header > (uint64_t)count * walk->page_bytes)
        return damaged(walk, number, "is not the large record that it should be");
    return 0;
}

static int walk_table(struct walk *walk, const char *name, size_t name_bytes, const char *data) {
    struct db_header db;
    memcpy(&db, data, sizeof db);
    for (size_t i = 0; i < walk->tables_count; i++)
        if (str_equal((struct str){name, name_bytes}, str_from(walk->tables[i])))
            walk->tables_found++;
    if (db.depth > DEPTH_MAX) return damaged(walk, db.root, "is a tree too deep");
    if (db.flags != 0 && db.flags != TABLE_INTEGER_KEYS)
        return damaged(walk, db.root, "is a table of an unknown kind");
    return db.root == NO_PAGE
               ? 0
               : walk_tree(walk, db.root, db.depth, db.flags ? TREE_TABLE_INTEGER : TREE_TABLE);
}

// A list of free pages: its length, then numbers. LMDB writes to these pages without checking them.
static int walk_free(struct walk *walk, uint64_t number, uint64_t first, uint64_t data_bytes,
                     const char *data) {
    if (data_bytes < sizeof(uint64_t)) return damaged(walk, number, "has no list of free pages");
    char *copy = malloc(data_bytes);
    if (!copy) return report_set(walk->report, ERR_NOMEM, "out of memory");
    int err = 0;
    if (data)
        memcpy(copy, data, data_bytes);
    else
        err = read_at(walk->fd, copy, data_bytes,
                      first * walk->page_bytes + sizeof(struct page_header));
    uint64_t count = 0;
    if (!err) memcpy(&count, copy, sizeof count);
    if (!err && count > data_bytes / sizeof count - 1)
        err = damaged(walk, number, "has a damaged list of free pages");
    for (uint64_t i = 1; !err && i <= count; i++) {
        uint64_t page;
        memcpy(&page, copy + i * sizeof page, sizeof page);
        if (page < 2 || page > walk->last_page)
            err = damaged(walk, number, "has a list of pages that are not in the file");
    }
    free(copy);
    return err;
}

static int walk_node(struct walk *walk, uint64_t number, const char *page, size_t at, int depth,
                     enum tree tree) {
    struct node_header node;
    if (at < sizeof(struct page_header) || at + sizeof node > walk->page_bytes)
        return damaged(walk, number, "has a node outside of it");
    memcpy(&node, page + at, sizeof node);
    size_t data_at = at + sizeof node + node.key_bytes;
    if (data_at > walk->page_bytes) return damaged(walk, number, "has a key that is too long");
    if (depth > 1) {
        uint64_t child = node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32;
        return walk_tree(walk, child, depth - 1, tree);
    }
    uint64_t data_bytes = node.low | (uint64_t)node.high << 16;
    size_t stored = node.flags & NODE_BIGDATA ? sizeof(uint64_t) : data_bytes;
    if (stored > walk->page_bytes - data_at)
        return damaged(walk, number, "has a record that is too long");
    if (tree == TREE_TABLE_INTEGER && node.key_bytes != 4 && node.key_bytes != 8)
        return damaged(walk, number, "has a key of a wrong length");
    uint64_t first = 0;
    if (node.flags & NODE_BIGDATA) {
        memcpy(&first, page + data_at, sizeof first);
        int err = walk_big(walk, first, data_bytes);
        if (err) return err;
    }
    if (tree == TREE_FREE)
        return walk_free(walk, number, first, data_bytes, first ? NULL : page + data_at);
    if (node.flags & NODE_BIGDATA) return 0;
    if (!(node.flags & NODE_SUBDATA)) return 0;
    if (tree != TREE_MAIN || data_bytes != sizeof(struct db_header))
        return damaged(walk, number, "has a table where none can be");
    return walk_table(walk, page + at + sizeof node, node.key_bytes, page + data_at);
}

static int walk_tree(struct walk *walk, uint64_t number, int depth, enum tree tree) {
    if (number < 2 || number >= walk->pages || number > walk->last_page)
        return damaged(walk, number, "is not in the file");
    if (depth < 1) return damaged(walk, number, "is deeper than its tree");
    if (walk->budget == 0) return 0;
    walk->budget--;
    char *page = malloc(walk->page_bytes);
    if (!page) return report_set(walk->report, ERR_NOMEM, "out of memory");
    int err = read_at(walk->fd, page, walk->page_bytes, number * walk->page_bytes);
    if (err) goto done;
    struct page_header header;
    memcpy(&header, page, sizeof header);
    if (header.number != number || header.flags != (depth > 1 ? PAGE_BRANCH : PAGE_LEAF) ||
        header.lower < sizeof header || header.lower > header.upper ||
        header.upper > walk->page_bytes) {
        err = damaged(walk, number, "is not what its tree says");
        goto done;
    }
    size_t count = (header.lower - sizeof header) / 2;
    for (size_t i = 0; i < count && !err; i++) {
        uint16_t at;
        memcpy(&at, page + sizeof header + i * 2, sizeof at);
        err = walk_node(walk, number, page, at, depth, tree);
    }
done:
    free(page);
    return err;
}

static int read_metas(int fd, struct meta_header metas[2], uint32_t *page_bytes) {
    *page_bytes = 0;
    for (uint64_t i = 0; i < 2; i++) {
        struct page_header header;
        uint64_t at = i * *page_bytes;
        int err = read_at(fd, &header, sizeof header, at);
        if (!err) err = read_at(fd, &metas[i], sizeof metas[i], at + sizeof header);
        if (err) return err;
        uint32_t pad = metas[i].dbs[0].pad;
        if (header.flags != PAGE_META || metas[i].magic != MAGIC || metas[i].version != FORMAT ||
            pad < PAGE_BYTES_MIN || pad > PAGE_BYTES_MAX || (pad & (pad - 1)) != 0 ||
            (i == 1 && pad != *page_bytes))
            return ERR_CORRUPT;
        *page_bytes = pad;
    }
    return 0;
}

int lmdb_check_version(struct report *report) {
    int major, minor, patch;
    const char *text = mdb_version(&major, &minor, &patch);
    if (major == 0 && minor == 9) return 0;
    return report_set(
        report, ERR_VERSION,
        "this program needs LMDB 0.9, whose file format it knows; the library found is %s", text);
}

int lmdb_check_file(int fd, const char *const *tables, size_t tables_count, uint64_t pages_max,
                    struct report *report) {
    struct stat status;
    struct meta_header metas[2];
    struct walk walk = {.fd = fd, .tables = tables, .tables_count = tables_count, .report = report};
    if (fstat(fd, &status)) return report_errno(report, ERR_IO, "cannot read its size");
    int err = read_metas(fd, metas, &walk.page_bytes);
    if (err == ERR_CORRUPT)
        return report_set(report, err, "%s",
                          status.st_size ? "its first pages are damaged" : "it is empty");
    if (err) return report_errno(report, err, "cannot read it");

    const struct meta_header *meta = &metas[metas[1].txn_id > metas[0].txn_id];
    walk.pages = (uint64_t)status.st_size / walk.page_bytes;
    walk.last_page = meta->last_page;
    // Pages at the end that a transaction took and gave back at once are never written, so a sound
    // file may be shorter than its header says. Then only a walk over all pages tells whether one
    // is missing.
    walk.budget = walk.pages <= meta->last_page ? UINT64_MAX : pages_max;
    const struct db_header *root = &meta->dbs[1];
    if (root->depth > DEPTH_MAX || root->flags != 0 || meta->last_page == NO_PAGE)
        return report_set(report, ERR_CORRUPT, "its first pages are damaged");
    if (root->root != NO_PAGE) err = walk_tree(&walk, root->root, root->depth, TREE_MAIN);
    const struct db_header *unused = &meta->dbs[0];
    if (!err && unused->depth > DEPTH_MAX)
        err = report_set(report, ERR_CORRUPT, "its list of free pages is damaged");
    if (!err && unused->root != NO_PAGE)
        err = walk_tree(&walk, unused->root, unused->depth, TREE_FREE);
    if (err) return err;
    return walk.tables_found == tables_count ? 0 : ERR_NOT_FOUND;
}

int lmdb_check_roll_back(int fd, uint64_t txn_id) {
    struct meta_header metas[2];
    uint32_t page_bytes;
    int err = read_metas(fd, metas, &page_bytes);
    if (err) return err;
    for (uint64_t i = 0; i < 2; i++) {
        if (metas[i].txn_id <= txn_id) continue;
        const uint64_t none = 0;
        uint64_t at =
            i * page_bytes + sizeof(struct page_header) + offsetof(struct meta_header, txn_id);
        if (pwrite(fd, &none, sizeof none, (off_t)at) != sizeof none || fdatasync(fd))
            return errno == ENOSPC ? ERR_FULL : ERR_IO;
    }
    return 0;
}
