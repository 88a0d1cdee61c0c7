// SPDX-License-Identifier: MIT
// A disk whose power is cut.
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/array.h"
#include "base/random.h"

#define SECTOR 512u

// Ends the process.
#define NEED(condition)                                                                            \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #condition), abort()))

struct change {
    const struct disk_entry *entry;
    bool certain; // is on the disk
};

struct file {
    uint64_t number, born_ns;
    bool mapped;
    char *bytes; // on the disk
    size_t len, cap;
    struct change *changes; // since
    size_t changes_count, changes_cap;
};

struct name {
    struct str path;
    struct file *file; // NULL: a directory
};

struct names {
    struct name *list;
    size_t count, cap;
};

struct naming {
    const struct disk_entry *entry;
    struct file *file;
};

struct disk_state {
    char *record;
    size_t moment;
    bool ignores_syncs;
    struct file **files;
    size_t files_count, files_cap;
    struct names names;     // on the disk
    struct naming *namings; // since
    size_t namings_count, namings_cap;
};

// --- recordings ----------------------------------------------------------------------------------

static char *read_file(const char *path, size_t *len) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    NEED(fd >= 0 && fstat(fd, &status) == 0);
    char *bytes = malloc((size_t)status.st_size + 1);
    NEED(bytes);
    for (*len = 0; *len < (size_t)status.st_size;) {
        ssize_t got = read(fd, bytes + *len, (size_t)status.st_size - *len);
        NEED(got > 0);
        *len += (size_t)got;
    }
    close(fd);
    return bytes;
}

struct disk *disk_load(const char *record) {
    struct disk *disk = calloc(1, sizeof *disk);
    struct disk_state *state = calloc(1, sizeof *state);
    struct disk_entry *entries = NULL;
    size_t len, cap = 0;
    NEED(disk && state);
    state->record = read_file(record, &len);
    for (size_t at = 0; at < len;) {
        struct powerloss_head head;
        NEED(len - at >= sizeof head);
        memcpy(&head, state->record + at, sizeof head);
        at += sizeof head;
        NEED(head.name_len <= len - at && head.data_len <= len - at - head.name_len);
        NEED(array_reserve(entries, cap, disk->count + 1));
        entries[disk->count++] =
            (struct disk_entry){.kind = head.kind,
                                .file = head.file,
                                .at = head.at,
                                .name = {state->record + at, head.name_len},
                                .data = {state->record + at + head.name_len, head.data_len}};
        at += head.name_len + head.data_len;
    }
    disk->entries = entries;
    disk->state = state;
    return disk;
}

void disk_free(struct disk *disk) {
    struct disk_state *state = disk->state;
    for (size_t i = 0; i < state->files_count; i++) {
        free(state->files[i]->bytes);
        free(state->files[i]->changes);
        free(state->files[i]);
    }
    free(state->files);
    free(state->names.list);
    free(state->namings);
    free(state->record);
    free(state);
    free((void *)disk->entries);
    free(disk);
}

static int base_fd;
static size_t base_skip, base_count;

static void put_entry(enum powerloss_kind kind, uint64_t file, uint64_t at, struct str name,
                      struct str data) {
    const struct powerloss_head head = {kind, (uint32_t)name.len, data.len, file, at};
    const struct iovec parts[] = {
        {(void *)&head, sizeof head}, {(void *)name.ptr, name.len}, {(void *)data.ptr, data.len}};
    base_count++;
    NEED(writev(base_fd, parts, 3) == (ssize_t)(sizeof head + name.len + data.len));
}

static uint64_t born_ns(const char *path) {
    struct statx status;
    NEED(statx(AT_FDCWD, path, 0, STATX_BTIME, &status) == 0);
    if (!(status.stx_mask & STATX_BTIME)) return 0;
    return (uint64_t)status.stx_btime.tv_sec * 1000000000u + status.stx_btime.tv_nsec;
}

static int record_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    struct str name = str_from(strlen(path) > base_skip ? path + base_skip : ""), none = {0};
    (void)place;
    if (type == FTW_D) {
        if (name.len) put_entry(POWERLOSS_MKDIR, 0, 0, name, none);
        return 0;
    }
    size_t len;
    char *bytes = read_file(path, &len);
    put_entry(POWERLOSS_CREATE, status->st_ino, born_ns(path), name, none);
    put_entry(POWERLOSS_WRITE, status->st_ino, 0, name, (struct str){bytes, len});
    put_entry(POWERLOSS_SYNC, status->st_ino, 0, name, none);
    free(bytes);
    return 0;
}

static int sync_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)place;
    if (type == FTW_D)
        put_entry(POWERLOSS_SYNC, status->st_ino, 1,
                  str_from(strlen(path) > base_skip ? path + base_skip : ""), (struct str){0});
    return 0;
}

size_t disk_record_base(const char *record, const char *root) {
    base_fd = open(record, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    base_skip = strlen(root) + 1;
    base_count = 0;
    NEED(base_fd >= 0);
    NEED(nftw(root, record_one, 8, FTW_PHYS) == 0);
    NEED(nftw(root, sync_one, 8, FTW_PHYS) == 0);
    close(base_fd);
    return base_count;
}

// --- content -------------------------------------------------------------------------------------

// Makes `bytes` at least so long, with zeros.
static void lengthen(char **bytes, size_t *len, size_t *cap, size_t wanted) {
    if (wanted <= *len) return;
    NEED(array_reserve(*bytes, *cap, wanted));
    memset(*bytes + *len, 0, wanted - *len);
    *len = wanted;
}

static void settle_change(struct file *file, const struct disk_entry *entry) {
    if (entry->kind == POWERLOSS_TRUNCATE) {
        lengthen(&file->bytes, &file->len, &file->cap, entry->at);
        file->len = entry->at;
    } else if (entry->data.len) {
        lengthen(&file->bytes, &file->len, &file->cap, entry->at + entry->data.len);
        memcpy(file->bytes + entry->at, entry->data.ptr, entry->data.len);
    }
}

static void settle_file(struct file *file) {
    for (size_t i = 0; i < file->changes_count; i++) settle_change(file, file->changes[i].entry);
    file->changes_count = 0;
}

static struct file *find_file(const struct disk_state *state, uint64_t number) {
    // An inode's number may be used again: the last one counts.
    for (size_t i = state->files_count; i-- > 0;)
        if (state->files[i]->number == number) return state->files[i];
    NEED(!"a file that was created before the recording");
    return NULL;
}

static void add_change(struct disk_state *state, const struct disk_entry *entry) {
    struct file *file = find_file(state, entry->file);
    NEED(array_reserve(file->changes, file->changes_cap, file->changes_count + 1));
    file->changes[file->changes_count++] = (struct change){.entry = entry};
}

// --- names ---------------------------------------------------------------------------------------

static struct str parent_of(struct str path) {
    const char *slash = memrchr(path.ptr, '/', path.len);
    return (struct str){path.ptr, slash ? (size_t)(slash - path.ptr) : 0};
}

static struct name *find_name(const struct names *names, struct str path) {
    for (size_t i = 0; i < names->count; i++)
        if (str_equal(names->list[i].path, path)) return &names->list[i];
    return NULL;
}

static void remove_name(struct names *names, struct str path) {
    struct name *name = find_name(names, path);
    if (name) *name = names->list[--names->count];
}

static void add_name(struct names *names, struct str path, struct file *file) {
    remove_name(names, path);
    NEED(array_reserve(names->list, names->cap, names->count + 1));
    names->list[names->count++] = (struct name){path, file};
}

static void apply_naming(struct names *names, const struct naming *naming) {
    const struct disk_entry *entry = naming->entry;
    struct name *name = find_name(names, entry->name);
    if (entry->kind == POWERLOSS_RENAME && name) {
        struct file *file = name->file;
        remove_name(names, entry->name);
        add_name(names, entry->data, file);
    } else if (entry->kind == POWERLOSS_UNLINK) {
        remove_name(names, entry->name);
    } else if (entry->kind == POWERLOSS_CREATE || entry->kind == POWERLOSS_MKDIR) {
        add_name(names, entry->name, naming->file);
    }
}

static void add_naming(struct disk_state *state, const struct disk_entry *entry) {
    struct file *file = NULL;
    if (entry->kind == POWERLOSS_CREATE) {
        file = calloc(1, sizeof *file);
        NEED(file && array_reserve(state->files, state->files_cap, state->files_count + 1));
        file->number = entry->file;
        file->born_ns = entry->at;
        state->files[state->files_count++] = file;
    }
    NEED(array_reserve(state->namings, state->namings_cap, state->namings_count + 1));
    state->namings[state->namings_count++] = (struct naming){entry, file};
}

static void settle_names(struct disk_state *state, struct str dir) {
    size_t left = 0;
    for (size_t i = 0; i < state->namings_count; i++) {
        if (str_equal(parent_of(state->namings[i].entry->name), dir))
            apply_naming(&state->names, &state->namings[i]);
        else
            state->namings[left++] = state->namings[i];
    }
    state->namings_count = left;
}

// --- going on ------------------------------------------------------------------------------------

void disk_ignore_syncs(struct disk *disk) { disk->state->ignores_syncs = true; }

static void go_on(struct disk_state *state, const struct disk_entry *entry) {
    struct file *file;
    switch (entry->kind) {
        case POWERLOSS_CREATE:
        case POWERLOSS_MKDIR:
        case POWERLOSS_UNLINK:
        case POWERLOSS_RENAME: add_naming(state, entry); break;
        case POWERLOSS_WRITE:
        case POWERLOSS_TRUNCATE:
        case POWERLOSS_WRITE_SYNCED: add_change(state, entry); break;
        case POWERLOSS_RETURNED:
            file = find_file(state, entry->file);
            NEED(file->changes_count > 0);
            file->changes[file->changes_count - 1].certain = true;
            break;
        case POWERLOSS_SYNC:
            if (entry->at)
                settle_names(state, entry->name);
            else if (!state->ignores_syncs)
                settle_file(find_file(state, entry->file));
            break;
        case POWERLOSS_MAP: find_file(state, entry->file)->mapped = true; break;
        case POWERLOSS_NOTE: break;
    }
}

void disk_advance(struct disk *disk, size_t moment) {
    NEED(disk->state->moment <= moment && moment <= disk->count);
    while (disk->state->moment < moment) go_on(disk->state, &disk->entries[disk->state->moment++]);
}

// --- the cut -------------------------------------------------------------------------------------

// How much of what is not certain has got to the disk.
enum share { SHARE_NOTHING, SHARE_ALL, SHARE_SOME };

static enum share draw_share(struct random *random) {
    uint64_t drawn = random_below(random, 8);
    return drawn == 0 ? SHARE_NOTHING : drawn == 1 ? SHARE_ALL : SHARE_SOME;
}

static bool draw(struct random *random, enum share share) {
    return share == SHARE_ALL || (share == SHARE_SOME && random_below(random, 2));
}

static void write_sectors(char *bytes, const struct disk_entry *entry, struct random *random,
                          enum share share) {
    uint64_t end = entry->at + entry->data.len, first = entry->at / SECTOR;
    uint64_t count = end ? (end - 1) / SECTOR - first + 1 : 0;
    enum { WHOLE, NOTHING, HEAD, TAIL, ANY } how = (unsigned)random_below(random, 5);
    if (share != SHARE_SOME) how = share == SHARE_ALL ? WHOLE : NOTHING;
    uint64_t cut = count ? random_below(random, count + 1) : 0;
    for (uint64_t i = 0; i < count; i++) {
        bool there = how == WHOLE || (how == HEAD && i < cut) || (how == TAIL && i >= cut) ||
                     (how == ANY && random_below(random, 2));
        uint64_t from = (first + i) * SECTOR, to = from + SECTOR;
        if (from < entry->at) from = entry->at;
        if (to > end) to = end;
        if (there) memcpy(bytes + from, entry->data.ptr + (from - entry->at), to - from);
    }
}

// *out is on the heap.
static size_t cut_file(const struct file *file, struct random *random, char **out) {
    size_t most = file->len, len = file->len;
    for (size_t i = 0; i < file->changes_count; i++) {
        const struct disk_entry *entry = file->changes[i].entry;
        if (entry->at + entry->data.len > most) most = entry->at + entry->data.len;
    }
    char *bytes = malloc(most + 1);
    NEED(bytes);
    memcpy(bytes, file->bytes ? file->bytes : "", file->len);
    memset(bytes + file->len, 0, most - file->len);
    enum share share = draw_share(random);
    for (size_t i = 0; i < file->changes_count; i++) {
        const struct disk_entry *entry = file->changes[i].entry;
        enum share this_share = file->changes[i].certain ? SHARE_ALL : share;
        // The size and the content get to the disk by ways of their own.
        bool sized = draw(random, this_share);
        if (entry->kind == POWERLOSS_TRUNCATE) {
            if (sized) memset(bytes + entry->at, 0, most - entry->at);
            if (sized) len = entry->at;
        } else {
            write_sectors(bytes, entry, random, this_share);
            if (sized && entry->at + entry->data.len > len) len = entry->at + entry->data.len;
        }
    }
    *out = bytes;
    return len;
}

// Of a file that was mapped anything may be there.
static void spoil(char *bytes, size_t len, struct random *random) {
    uint64_t how = random_below(random, 3);
    for (size_t i = 0; i < len && how; i++) bytes[i] = how == 1 ? 0 : (char)random_next(random);
}

static void write_file(const char *path, const char *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    NEED(fd >= 0);
    for (size_t done = 0; done < len;) {
        ssize_t put = write(fd, bytes + done, len - done);
        NEED(put > 0);
        done += (size_t)put;
    }
    close(fd);
}

static bool exists(const char *path) { return access(path, F_OK) == 0; }

static char *path_in(const char *to, struct str path) {
    char *whole;
    NEED(asprintf(&whole, "%s/%.*s", to, STR_ARG(path)) > 0);
    return whole;
}

static void cut_dir(const struct name *name, const char *to) {
    char *path = path_in(to, name->path);
    // Without its parent it is lost too.
    NEED(mkdir(path, 0700) == 0 || errno == ENOENT);
    free(path);
}

static void cut_name(const struct name *name, struct random *random, const char *to) {
    char *path = path_in(to, name->path), *parent = path_in(to, parent_of(name->path)), *bytes;
    size_t len = cut_file(name->file, random, &bytes);
    if (name->file->mapped) spoil(bytes, len, random);
    if (exists(parent)) write_file(path, bytes, len);
    free(bytes);
    free(parent);
    free(path);
}

// A journal's lock file says when data.mdb was created. In `to` that is another moment, though it
// stands for the same file.
static void correct_birth(const struct names *names, const struct name *lock, const char *to) {
    char text[512], digits[32], other[32];
    char *path = path_in(to, lock->path), *dir = path_in(to, parent_of(lock->path));
    char *data_path = path_in(dir, STR("data.mdb"));
    const struct name *data = find_name(names, str_from(data_path + strlen(to) + 1));
    if (data && data->file->born_ns && exists(path)) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        ssize_t got = pread(fd, text, sizeof text - 1, 0);
        NEED(fd >= 0 && got >= 0);
        text[got] = '\0';
        int len = snprintf(digits, sizeof digits, " %" PRIu64 " ", data->file->born_ns);
        NEED(snprintf(other, sizeof other, " %" PRIu64 " ", born_ns(data_path)) == len);
        const char *at = strstr(text, digits);
        if (at) NEED(pwrite(fd, other, (size_t)len, at - text) == len);
        close(fd);
    }
    free(data_path);
    free(dir);
    free(path);
}

static bool is_lock(const struct name *name) {
    struct str dir = parent_of(name->path);
    struct str base = {name->path.ptr + dir.len, name->path.len - dir.len};
    return name->file && str_equal(base, STR("/lock"));
}

void disk_cut(const struct disk *disk, uint64_t seed, const char *to) {
    const struct disk_state *state = disk->state;
    struct random random;
    struct names names = {0};
    random_seed(&random, seed);
    for (size_t i = 0; i < state->names.count; i++)
        add_name(&names, state->names.list[i].path, state->names.list[i].file);
    enum share share = draw_share(&random);
    for (size_t i = 0; i < state->namings_count; i++)
        if (draw(&random, share)) apply_naming(&names, &state->namings[i]);
    NEED(mkdir(to, 0700) == 0);
    for (size_t i = 0; i < names.count; i++)
        if (!names.list[i].file) cut_dir(&names.list[i], to);
    for (size_t i = 0; i < names.count; i++)
        if (names.list[i].file) cut_name(&names.list[i], &random, to);
    for (size_t i = 0; i < names.count; i++)
        if (is_lock(&names.list[i])) correct_birth(&names, &names.list[i], to);
    free(names.list);
}

// --- the real files ------------------------------------------------------------------------------

static size_t real_count;

static int count_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)path, (void)status, (void)type, (void)place;
    real_count++;
    return 0;
}

static bool file_differs(const struct file *file, const char *path, const char *mapped, char *why,
                         size_t size) {
    size_t len, all_len = 0, cap = 0;
    const char *base = strrchr(path, '/') + 1;
    if (file->mapped != (strcmp(base, mapped) == 0)) {
        snprintf(why, size, "%s is%s mapped for writing", path, file->mapped ? "" : " not");
        return true;
    }
    if (file->mapped) return false;
    struct file copy = *file;
    copy.bytes = NULL;
    copy.len = copy.cap = 0;
    lengthen(&copy.bytes, &all_len, &cap, file->len);
    if (file->len) memcpy(copy.bytes, file->bytes, file->len);
    copy.len = file->len;
    copy.cap = cap;
    for (size_t i = 0; i < file->changes_count; i++) settle_change(&copy, file->changes[i].entry);
    char *bytes = read_file(path, &len);
    size_t at = 0;
    while (at < len && at < copy.len && bytes[at] == copy.bytes[at]) at++;
    bool differs = len != copy.len || at < len;
    if (differs)
        snprintf(why, size, "%s has %zu bytes, the recording says %zu; they differ at %zu", path,
                 len, copy.len, at);
    free(bytes);
    free(copy.bytes);
    return differs;
}

bool disk_differs(const struct disk *disk, const char *root, const char *mapped, char *why,
                  size_t size) {
    const struct disk_state *state = disk->state;
    struct names names = {0};
    bool differs = false;
    for (size_t i = 0; i < state->names.count; i++)
        add_name(&names, state->names.list[i].path, state->names.list[i].file);
    for (size_t i = 0; i < state->namings_count; i++) apply_naming(&names, &state->namings[i]);
    for (size_t i = 0; i < names.count && !differs; i++) {
        char *path = path_in(root, names.list[i].path);
        differs = !exists(path);
        if (differs)
            snprintf(why, size, "%s does not exist", path);
        else if (names.list[i].file)
            differs = file_differs(names.list[i].file, path, mapped, why, size);
        free(path);
    }
    real_count = 0;
    NEED(nftw(root, count_one, 8, FTW_PHYS) == 0);
    if (!differs && real_count != names.count + 1) {
        snprintf(why, size, "%zu files and directories, the recording says %zu", real_count - 1,
                 names.count);
        differs = true;
    }
    free(names.list);
    return differs;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

void disk_remove(const char *path) {
    NEED(!exists(path) || nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}
