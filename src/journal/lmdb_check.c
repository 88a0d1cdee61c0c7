// SPDX-License-Identifier: MIT
// Checks an LMDB data file before LMDB maps it.
#include "journal/lmdb_check.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/clock.h"

// From mdb.c of LMDB 0.9: the parts of its file format that are needed to find every page.
#define MAGIC 0xBEEFC0DEu
#define FORMAT 1u
#define PAGE_BYTES_MIN 512u
#define PAGE_BYTES_MAX 65536u
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32
// More pages than any map has (LMDB's largest file here is 1 TB of small pages).
#define PAGES_MAX ((uint64_t)1 << 32)
#define KEY_BYTES_MAX 511
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIGDATA = 1, NODE_SUBDATA = 2 };
enum { TABLE_INTEGER_KEYS = 8 };

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

enum tree_kind { TREE_MAIN, TREE_FREE, TREE_TABLE, TREE_TABLE_INTEGER };

// The tree under way, and what was found in it so far.
struct db_tree {
    enum tree_kind kind;
    struct str name; // of the table, empty otherwise
    uint64_t branches, leaves, overflows, entries;
    uint64_t budget; // pages that may still be looked at
    bool cut;        // it had more
    bool damaged;
};

struct walk {
    int fd;
    uint32_t page_bytes;
    uint64_t pages;     // in the file
    uint64_t last_page; // that the header says it has
    uint64_t txn_id;
    uint64_t budget;   // of each tree
    uint64_t until_ms; // when it is used up: how long it goes on
    uint64_t used;     // pages that the trees and the list of free pages have, by their own account
    const _Atomic(bool) *stop;
    uint8_t *seen; // a bit for each page: in a tree, or in the list of free pages
    // Of the page under check: the size of the node that begins at each even offset.
    uint16_t *nodes;
    const char *const *tables;
    size_t tables_count, tables_found;
    const struct lmdb_visitor *visitor; // NULL: the first damage ends the walk
    bool damaged;
    struct report *report;
};

// With a visitor 0: the walk goes on beside the damage.
static int damaged(struct walk *walk, struct db_tree *tree, uint64_t page, const char *what) {
    char text[160];
    snprintf(text, sizeof text, "page %llu of %llu %s", (unsigned long long)page,
             (unsigned long long)walk->pages, what);
    walk->damaged = tree->damaged = true;
    if (!walk->visitor) return report_set(walk->report, ERR_CORRUPT, "%s", text);
    walk->visitor->damage(walk->visitor->context, tree->name, text);
    return 0;
}

// A sector that cannot be read is damage like any other, but for a check that ends with the first.
static int unreadable(struct walk *walk, struct db_tree *tree, uint64_t page, int err) {
    if (walk->visitor) return damaged(walk, tree, page, "cannot be read");
    if (err == ERR_CORRUPT) return damaged(walk, tree, page, "is not in the file any more");
    return report_errno(walk->report, err, "page %llu cannot be read", (unsigned long long)page);
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

// False when the page is already in use.
static bool take_page(struct walk *walk, uint64_t number) {
    uint8_t bit = (uint8_t)(1u << (number & 7));
    if (walk->seen[number >> 3] & bit) return false;
    walk->seen[number >> 3] |= bit;
    return true;
}

static bool is_integer(enum tree_kind kind) {
    return kind == TREE_FREE || kind == TREE_TABLE_INTEGER;
}

static int compare_keys(enum tree_kind kind, struct str a, struct str b) {
    if (is_integer(kind)) {
        uint64_t x = 0, y = 0;
        memcpy(&x, a.ptr, a.len);
        memcpy(&y, b.ptr, b.len);
        return x < y ? -1 : x > y;
    }
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

// --- one page ------------------------------------------------------------------------------------

static size_t nodes_count(const char *page) {
    struct page_header header;
    memcpy(&header, page, sizeof header);
    return (header.lower - sizeof header) / 2;
}

static size_t node_at(const char *page, size_t index) {
    uint16_t at;
    memcpy(&at, page + sizeof(struct page_header) + index * 2, sizeof at);
    return at;
}

static struct str node_key(const char *page, size_t index) {
    struct node_header node;
    size_t at = node_at(page, index);
    memcpy(&node, page + at, sizeof node);
    return (struct str){page + at + sizeof node, node.key_bytes};
}

// What is wrong with a node that begins at `at`, NULL when nothing; *size is its size.
static const char *check_node(const struct walk *walk, const char *page, size_t at, bool branch,
                              enum tree_kind kind, bool first, size_t *size) {
    struct node_header node;
    if (at < sizeof(struct page_header) || (at & 1) || at + sizeof node > walk->page_bytes)
        return "has a node outside of it";
    memcpy(&node, page + at, sizeof node);
    *size = sizeof node + node.key_bytes;
    if (node.key_bytes > KEY_BYTES_MAX) return "has a key that is too long";
    // LMDB ignores the first key of a branch page.
    if (node.key_bytes == 0 && !(branch && first)) return "has an empty key";
    size_t wanted = kind == TREE_FREE ? 8 : 0;
    if (node.key_bytes && wanted && node.key_bytes != wanted) return "has a key of a wrong length";
    if (node.key_bytes && kind == TREE_TABLE_INTEGER && node.key_bytes != 4 && node.key_bytes != 8)
        return "has a key of a wrong length";
    if (!branch) {
        unsigned allowed = kind == TREE_MAIN ? NODE_SUBDATA : NODE_BIGDATA;
        if (node.flags & ~allowed) return "has a record of an unknown kind";
        if (kind == TREE_MAIN && node.flags != NODE_SUBDATA)
            return "has no table where one must be";
        size_t data = node.low | (size_t)node.high << 16;
        *size += node.flags & NODE_BIGDATA ? sizeof(uint64_t) : data;
        if (kind == TREE_MAIN && data != sizeof(struct db_header)) return "has a damaged table";
    }
    *size += *size & 1;
    return at + *size > walk->page_bytes ? "has a record that is too long" : NULL;
}

// The nodes of a page fill it from `upper` to its end.
static bool nodes_tile(const struct walk *walk, size_t upper, size_t count) {
    size_t at = upper, found = 0;
    while (at < walk->page_bytes && walk->nodes[at / 2]) {
        at += walk->nodes[at / 2];
        found++;
    }
    return at == walk->page_bytes && found == count;
}

// `low` and `high` (empty: none) are the parent's separators: low <= key < high.
static const char *check_keys(const char *page, bool branch, enum tree_kind kind, struct str low,
                              struct str high) {
    size_t count = nodes_count(page);
    struct str before = {0};
    for (size_t i = branch ? 1 : 0; i < count; i++) {
        struct str key = node_key(page, i);
        if (is_integer(kind) &&
            ((low.len && low.len != key.len) || (high.len && high.len != key.len) ||
             (before.len && before.len != key.len)))
            return "has a key of a wrong length";
        if (before.len ? compare_keys(kind, before, key) >= 0
                       : low.len && compare_keys(kind, low, key) > 0)
            return "has keys out of order";
        if (high.len && compare_keys(kind, key, high) >= 0) return "has keys out of order";
        before = key;
    }
    return NULL;
}

static const char *check_page(struct walk *walk, const char *page, uint64_t number, bool branch,
                              enum tree_kind kind, struct str low, struct str high) {
    struct page_header header;
    memcpy(&header, page, sizeof header);
    if (header.number != number || header.flags != (branch ? PAGE_BRANCH : PAGE_LEAF) ||
        header.pad != 0 || header.lower < sizeof header || (header.lower & 1) ||
        header.lower > header.upper || (header.upper & 1) || header.upper > walk->page_bytes)
        return "is not what its tree says";
    size_t count = nodes_count(page);
    if (count < (branch ? 2 : 1) && !(branch && kind == TREE_FREE && count == 1))
        return "has too few records";
    memset(walk->nodes, 0, walk->page_bytes);
    for (size_t i = 0; i < count; i++) {
        size_t size, at = node_at(page, i);
        const char *wrong = check_node(walk, page, at, branch, kind, i == 0, &size);
        if (wrong) return wrong;
        walk->nodes[at / 2] = (uint16_t)size;
    }
    if (!nodes_tile(walk, header.upper, count)) return "has records that overlap";
    return check_keys(page, branch, kind, low, high);
}

// --- trees ---------------------------------------------------------------------------------------

static int walk_tree(struct walk *walk, struct db_tree *tree, uint64_t number, int depth,
                     struct str low, struct str high);

// The pages of a large record, from `first` on. *sound: they are what they should be.
static int walk_big(struct walk *walk, struct db_tree *tree, uint64_t first, uint64_t data_bytes,
                    bool *sound) {
    struct page_header header;
    *sound = false;
    if (first < 2 || first >= walk->pages || first > walk->last_page)
        return damaged(walk, tree, first, "is not in the file");
    int err = read_at(walk->fd, &header, sizeof header, first * walk->page_bytes);
    if (err) return unreadable(walk, tree, first, err);
    uint32_t count = header.lower | (uint32_t)header.upper << 16;
    if (header.number != first || header.flags != PAGE_OVERFLOW || count == 0 ||
        count > walk->pages - first || count > walk->last_page - first + 1 ||
        data_bytes + sizeof header > (uint64_t)count * walk->page_bytes)
        return damaged(walk, tree, first, "is not the large record that it should be");
    for (uint32_t i = 0; i < count; i++)
        if (!take_page(walk, first + i))
            return damaged(walk, tree, first + i, "is used in two places");
    tree->overflows += count;
    *sound = true;
    return 0;
}

// A table's header agrees with what was found in its pages.
static int check_counts(struct walk *walk, struct db_tree *tree, const struct db_header *db) {
    if (tree->damaged || tree->cut) return 0;
    if (tree->entries == db->entries && tree->branches == db->branches &&
        tree->leaves == db->leaves && tree->overflows == db->overflows)
        return 0;
    return damaged(walk, tree, db->root, "is a tree with other records than its header says");
}

static int walk_db(struct walk *walk, struct db_tree *tree, const struct db_header *db) {
    if (db->branches > PAGES_MAX || db->leaves > PAGES_MAX || db->overflows > PAGES_MAX)
        return damaged(walk, tree, db->root, "is a tree of more pages than there are");
    walk->used += db->branches + db->leaves + db->overflows;
    if (db->root == NO_PAGE && db->depth == 0) return check_counts(walk, tree, db);
    if (db->depth < 1 || db->depth > DEPTH_MAX)
        return damaged(walk, tree, db->root, "is a tree of an impossible depth");
    int err = walk_tree(walk, tree, db->root, db->depth, (struct str){0}, (struct str){0});
    return err ? err : check_counts(walk, tree, db);
}

static int walk_table(struct walk *walk, struct db_tree *main, uint64_t number, struct str name,
                      struct str data) {
    struct db_header db;
    memcpy(&db, data.ptr, sizeof db);
    for (size_t i = 0; i < walk->tables_count; i++)
        if (str_equal(name, str_from(walk->tables[i]))) walk->tables_found++;
    if (db.pad != 0 || (db.flags != 0 && db.flags != TABLE_INTEGER_KEYS))
        return damaged(walk, main, number, "has a table of an unknown kind");
    struct db_tree tree = {
        .kind = db.flags ? TREE_TABLE_INTEGER : TREE_TABLE, .name = name, .budget = walk->budget};
    return walk_db(walk, &tree, &db);
}

// The pages that one transaction freed: their count, then their numbers. LMDB writes to these pages
// without checking them.
static int check_free_pages(struct walk *walk, struct db_tree *tree, uint64_t number,
                            struct str key, struct str data) {
    uint64_t txn_id, count;
    memcpy(&txn_id, key.ptr, sizeof txn_id);
    if (data.len < sizeof count || txn_id == 0 || txn_id > walk->txn_id)
        return damaged(walk, tree, number, "has a damaged list of free pages");
    memcpy(&count, data.ptr, sizeof count);
    if (count > data.len / sizeof count - 1)
        return damaged(walk, tree, number, "has a damaged list of free pages");
    walk->used += count;
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t page;
        memcpy(&page, data.ptr + i * sizeof page, sizeof page);
        if (page < 2 || page > walk->last_page)
            return damaged(walk, tree, number, "has a list of pages that are not in the file");
        if (!take_page(walk, page))
            return damaged(walk, tree, page, "is used, and in the list of free pages");
    }
    return 0;
}

static int take_record(struct walk *walk, struct db_tree *tree, uint64_t number, struct str key,
                       struct str data) {
    if (tree->kind == TREE_MAIN) return walk_table(walk, tree, number, key, data);
    if (tree->kind == TREE_FREE) return check_free_pages(walk, tree, number, key, data);
    return walk->visitor ? walk->visitor->record(walk->visitor->context, tree->name, key, data) : 0;
}

// The record of a leaf's node.
static int walk_record(struct walk *walk, struct db_tree *tree, uint64_t number, const char *page,
                       size_t index) {
    struct node_header node;
    size_t at = node_at(page, index);
    memcpy(&node, page + at, sizeof node);
    struct str key = node_key(page, index);
    struct str data = {key.ptr + key.len, node.low | (size_t)node.high << 16};
    bool wanted = tree->kind == TREE_FREE || (walk->visitor && tree->kind != TREE_MAIN);
    char *large = NULL;
    int err = 0, unread = 0;
    tree->entries++;
    if (node.flags & NODE_BIGDATA) {
        uint64_t first;
        bool sound;
        memcpy(&first, data.ptr, sizeof first);
        err = walk_big(walk, tree, first, data.len, &sound);
        if (err || !sound || !wanted) return err;
        large = malloc(data.len + 1);
        if (!large) return report_set(walk->report, ERR_NOMEM, "out of memory");
        unread = read_at(walk->fd, large, data.len,
                         first * walk->page_bytes + sizeof(struct page_header));
        if (unread) err = unreadable(walk, tree, first, unread);
        data.ptr = large;
    }
    if (!unread) err = take_record(walk, tree, number, key, data);
    free(large);
    return err;
}

static int walk_nodes(struct walk *walk, struct db_tree *tree, uint64_t number, const char *page,
                      int depth, struct str low, struct str high) {
    size_t count = nodes_count(page);
    int err = 0;
    for (size_t i = 0; i < count && !err; i++) {
        if (depth == 1) {
            err = walk_record(walk, tree, number, page, i);
            continue;
        }
        struct node_header node;
        memcpy(&node, page + node_at(page, i), sizeof node);
        uint64_t child = node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32;
        err = walk_tree(walk, tree, child, depth - 1, i ? node_key(page, i) : low,
                        i + 1 < count ? node_key(page, i + 1) : high);
    }
    return err;
}

// Counts one more page.
static bool may_look(const struct walk *walk, struct db_tree *tree) {
    const uint64_t piece = 256;
    if (tree->budget == 0 && !tree->cut) {
        tree->cut = clock_mono_ms() >= walk->until_ms;
        tree->budget = tree->cut ? 0 : piece;
    }
    if (tree->budget == 0) return false;
    tree->budget--;
    return true;
}

static int walk_tree(struct walk *walk, struct db_tree *tree, uint64_t number, int depth,
                     struct str low, struct str high) {
    if (!may_look(walk, tree)) return 0;
    if (walk->stop && *walk->stop) return report_set(walk->report, ERR_CLOSED, "it was stopped");
    if (number < 2 || number >= walk->pages || number > walk->last_page)
        return damaged(walk, tree, number, "is not in the file");
    if (!take_page(walk, number)) return damaged(walk, tree, number, "is used in two places");
    char *page = malloc(walk->page_bytes);
    if (!page) return report_set(walk->report, ERR_NOMEM, "out of memory");
    int err = read_at(walk->fd, page, walk->page_bytes, number * walk->page_bytes);
    if (err) {
        err = unreadable(walk, tree, number, err);
    } else {
        const char *wrong = check_page(walk, page, number, depth > 1, tree->kind, low, high);
        if (wrong) {
            err = damaged(walk, tree, number, wrong);
        } else {
            *(depth > 1 ? &tree->branches : &tree->leaves) += 1;
            err = walk_nodes(walk, tree, number, page, depth, low, high);
        }
    }
    free(page);
    return err;
}

// --- the file ------------------------------------------------------------------------------------

static int read_meta(int fd, uint64_t at, struct meta_header *out) {
    struct page_header header;
    int err = read_at(fd, &header, sizeof header, at);
    if (!err) err = read_at(fd, out, sizeof *out, at + sizeof header);
    if (err) return err;
    uint32_t page_bytes = out->dbs[0].pad;
    bool sound = header.flags == PAGE_META && out->magic == MAGIC && out->version == FORMAT &&
                 page_bytes >= PAGE_BYTES_MIN && page_bytes <= PAGE_BYTES_MAX &&
                 (page_bytes & (page_bytes - 1)) == 0;
    return sound ? 0 : ERR_CORRUPT;
}

static int read_metas(int fd, struct meta_header metas[2], uint32_t *page_bytes) {
    int err = read_meta(fd, 0, &metas[0]);
    if (err) return err;
    *page_bytes = metas[0].dbs[0].pad;
    err = read_meta(fd, *page_bytes, &metas[1]);
    return !err && metas[1].dbs[0].pad != *page_bytes ? ERR_CORRUPT : err;
}

// The one that is whole counts as both. ERR_CORRUPT: there is none.
static int read_whole_meta(int fd, struct meta_header metas[2], uint32_t *page_bytes) {
    int err = read_meta(fd, 0, &metas[0]);
    for (*page_bytes = PAGE_BYTES_MIN; err && *page_bytes <= PAGE_BYTES_MAX; *page_bytes *= 2)
        if (!read_meta(fd, *page_bytes, &metas[0]) && metas[0].dbs[0].pad == *page_bytes) err = 0;
    metas[1] = metas[0];
    *page_bytes = metas[0].dbs[0].pad;
    return err;
}

int lmdb_check_version(struct report *report) {
    int major, minor, patch;
    const char *text = mdb_version(&major, &minor, &patch);
    if (major == 0 && minor == 9) return 0;
    return report_set(
        report, ERR_VERSION,
        "this program needs LMDB 0.9, whose file format it knows; the library found is %s", text);
}

static const struct meta_header *newest(const struct meta_header metas[2]) {
    return &metas[metas[1].txn_id > metas[0].txn_id];
}

// Commits write the two in turn, so they are of two that follow each other. Both are 0 before the
// first one.
static bool are_consecutive(const struct meta_header metas[2]) {
    uint64_t a = metas[0].txn_id, b = metas[1].txn_id;
    return (a == 0 && b == 0) || ((a & 1) == 0 && (a == b + 1 || b == a + 1));
}

// Whether a walk can begin with it.
static bool is_usable(const struct walk *walk, const struct meta_header *meta) {
    const struct db_header *unused = &meta->dbs[0], *root = &meta->dbs[1];
    struct page_header header;
    // Beyond the map there are no pages; memory is taken for as many as there are.
    if (root->flags != 0 || (unused->flags & ~TABLE_INTEGER_KEYS) ||
        meta->last_page > meta->map_bytes / walk->page_bytes || meta->last_page >= PAGES_MAX)
        return false;
    // Without a visitor the walk says what is wrong with it.
    if (root->root == NO_PAGE || !walk->visitor) return true;
    return root->root < walk->pages &&
           !read_at(walk->fd, &header, sizeof header, root->root * walk->page_bytes) &&
           header.number == root->root &&
           (header.flags == PAGE_LEAF || header.flags == PAGE_BRANCH);
}

static int first_pages_damaged(struct walk *walk) {
    walk->damaged = true;
    if (!walk->visitor) return report_set(walk->report, ERR_CORRUPT, "its first pages are damaged");
    walk->visitor->damage(walk->visitor->context, (struct str){0}, "its first pages are damaged");
    return 0;
}

// The state that the file is in: that of the last commit; with a visitor, if that cannot be read,
// of the one before.
static int find_state(struct walk *walk, struct meta_header *out) {
    struct meta_header metas[2];
    struct stat status;
    // In a file that is in use (copy.h, backup.h) commits may come between the two.
    enum { READS_MAX = 8 };
    int err = 0;
    bool whole = false;
    for (int i = 0; i < READS_MAX && !err && !whole; i++) {
        err = read_metas(walk->fd, metas, &walk->page_bytes);
        whole = !err && are_consecutive(metas);
    }
    // After them, since the file grows before a commit counts.
    if (fstat(walk->fd, &status)) return report_errno(walk->report, ERR_IO, "cannot read its size");
    if (status.st_size == 0) return report_set(walk->report, ERR_CORRUPT, "it is empty");
    if (err && walk->visitor) err = read_whole_meta(walk->fd, metas, &walk->page_bytes);
    if (err == ERR_CORRUPT) return report_set(walk->report, err, "its first pages are damaged");
    if (err) return report_errno(walk->report, err, "cannot read it");
    walk->pages = (uint64_t)status.st_size / walk->page_bytes;
    const struct meta_header *meta = newest(metas);
    if (!is_usable(walk, meta)) {
        whole = false;
        meta = &metas[meta == metas];
    }
    *out = *meta;
    if (whole) return 0;
    if (!is_usable(walk, meta))
        return report_set(walk->report, ERR_CORRUPT, "its first pages are damaged");
    return first_pages_damaged(walk);
}

static int walk_trees(struct walk *walk, const struct meta_header *meta) {
    struct db_tree main = {.kind = TREE_MAIN, .budget = walk->budget};
    // LMDB writes to what it takes for free: all of that is checked. For one who wants the records
    // the tables come first: what has been seen in a table counts.
    struct db_tree unused = {.kind = TREE_FREE, .budget = UINT64_MAX};
    int err = walk->visitor ? 0 : walk_db(walk, &unused, &meta->dbs[0]);
    if (!err) err = walk_db(walk, &main, &meta->dbs[1]);
    if (!err && walk->visitor) err = walk_db(walk, &unused, &meta->dbs[0]);
    // And the two first pages.
    if (!err && !walk->damaged && walk->used + 2 > meta->last_page + 1)
        err = damaged(walk, &main, meta->last_page, "is the last, but the tables have more");
    return err;
}

static int walk_file(struct walk *walk, uint64_t pages_min) {
    struct meta_header meta;
    int err = find_state(walk, &meta);
    if (err) return err;
    walk->last_page = meta.last_page;
    walk->txn_id = meta.txn_id;
    // Pages at the end that a transaction took and gave back at once are never written, so a sound
    // file may be shorter than its header says. Then only a walk over all pages tells whether one
    // is missing.
    walk->budget = walk->pages <= meta.last_page ? UINT64_MAX : pages_min;
    uint64_t most = walk->last_page > walk->pages ? walk->last_page : walk->pages;
    walk->seen = calloc(most / 8 + 1, 1);
    walk->nodes = malloc(walk->page_bytes);
    if (!walk->seen || !walk->nodes)
        err = report_set(walk->report, ERR_NOMEM, "out of memory");
    else
        err = walk_trees(walk, &meta);
    free(walk->seen);
    free(walk->nodes);
    return err;
}

int lmdb_check_file(int fd, const char *const *tables, size_t tables_count, uint64_t pages_min,
                    uint64_t ms, const _Atomic(bool) *stop, struct report *report) {
    struct walk walk = {.fd = fd,
                        .until_ms = clock_mono_ms() + ms,
                        .tables = tables,
                        .tables_count = tables_count,
                        .stop = stop,
                        .report = report};
    int err = walk_file(&walk, pages_min);
    if (err) return err;
    return walk.tables_found == tables_count ? 0 : ERR_NOT_FOUND;
}

int lmdb_check_walk(int fd, const struct lmdb_visitor *visitor, struct report *report) {
    struct walk walk = {.fd = fd, .visitor = visitor, .report = report};
    int err = walk_file(&walk, UINT64_MAX);
    if (!err && walk.damaged) err = report_set(report, ERR_CORRUPT, "it is damaged");
    return err;
}

int lmdb_check_last_txn(int fd, uint64_t *txn_id) {
    struct meta_header metas[2];
    uint32_t page_bytes;
    int err = read_metas(fd, metas, &page_bytes);
    if (!err) *txn_id = newest(metas)->txn_id;
    return err;
}

int lmdb_check_roll_back(int fd, uint64_t txn_id) {
    struct meta_header metas[2];
    uint32_t page_bytes;
    int err = read_metas(fd, metas, &page_bytes);
    if (err) return err;
    for (uint64_t i = 0; i < 2; i++) {
        if (metas[i].txn_id == txn_id) continue;
        // As if it were the commit before: the two stay of commits that follow each other. What
        // LMDB put back itself is written again too: it may be in memory only, and the commit on
        // the disk, where a power cut would bring it back.
        const uint64_t before = txn_id ? txn_id - 1 : 0;
        const uint64_t old = metas[i].txn_id > txn_id ? before : metas[i].txn_id;
        uint64_t at =
            i * page_bytes + sizeof(struct page_header) + offsetof(struct meta_header, txn_id);
        if (pwrite(fd, &old, sizeof old, (off_t)at) != sizeof old || fdatasync(fd))
            return errno == ENOSPC ? ERR_FULL : ERR_IO;
    }
    return 0;
}
