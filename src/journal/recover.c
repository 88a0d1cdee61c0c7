// SPDX-License-Identifier: MIT
// Copying what is whole of a damaged journal into a new one. It gets its name when it is complete:
// one that was broken off must not be taken for what could be recovered.
//
// The events are appended to the new journal in their order, with their seqs and times, so that
// their links are made anew over the gaps. Topics are read before, because their rows have the
// names.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal/audit_priv.h"
#include "journal/journal_priv.h"
#include "sys/hash.h"

struct named_topic {
    uint32_t no;
    struct topic_now now;
    uint16_t name_len;
    char name[];
};

struct recovery {
    struct audit_source source;
    struct slots topics; // by number in the damaged journal
    struct journal *out;
    bool begun; // a transaction
};

static bool has_no(const void *item, void *wanted) {
    return ((const struct named_topic *)item)->no == *(const uint32_t *)wanted;
}

static struct named_topic *find_topic(struct recovery *recovery, uint32_t no) {
    return slots_find(&recovery->topics, hash_bytes(&no, sizeof no), has_no, &no);
}

static int read_topic(void *context, struct str table, struct str key, struct str data) {
    struct recovery *recovery = context;
    struct topic_now now;
    struct str name;
    uint32_t no = 0;
    if (!str_equal(table, STR("topics"))) return 0;
    if (key.len == sizeof no) memcpy(&no, key.ptr, sizeof no);
    if (record_decode_topic(data, no, recovery->source.format.seed, &now, &name)) {
        audit_say(recovery->source.audit, "topics: the row of topic %u is damaged", no);
        return 0;
    }
    struct named_topic *topic = calloc(1, sizeof *topic + name.len);
    if (!topic) return ERR_NOMEM;
    topic->no = no;
    topic->now = now;
    topic->name_len = (uint16_t)name.len;
    memcpy(topic->name, name.ptr, name.len);
    int err = slots_add(&recovery->topics, hash_bytes(&no, sizeof no), topic);
    if (err) free(topic);
    return err;
}

// --- writing -------------------------------------------------------------------------------------

static int failed(struct recovery *recovery, int err) {
    const struct work *work = &recovery->out->work;
    return report_set(recovery->source.report, err, "cannot %s in %s: %s",
                      work->doing ? work->doing : "write", recovery->out->store.dir,
                      work->rc ? mdb_strerror(work->rc) : err_text(err));
}

static int begin(struct recovery *recovery) {
    if (recovery->begun) return 0;
    int err = work_begin(recovery->out);
    if (err) return failed(recovery, err);
    recovery->begun = true;
    return 0;
}

static int commit(struct recovery *recovery, bool checkpoint) {
    struct batch *batch;
    recovery->begun = false;
    struct work *work = &recovery->out->work;
    size_t count = work->events_count;
    int err = work_commit(recovery->out, checkpoint, &batch);
    // A commit that failed leaves the events to the caller.
    for (size_t i = 0; err && i < count; i++) event_free(work->events[i]);
    if (err) return failed(recovery, err);
    work_deliver(recovery->out, batch);
    return 0;
}

static int append(struct recovery *recovery, struct str name, struct event *event, uint64_t seq) {
    struct journal *out = recovery->out;
    struct topic_row *topic = topic_rows_find(&out->topics, name);
    int err = topic ? 0 : work_new_topic(out, name, 0, false, &topic);
    if (!err) err = stage_append(out, topic, event, seq);
    if (err) {
        event_free(event);
        return failed(recovery, err);
    }
    recovery->source.audit->events++;
    bool full =
        out->work.events_count >= COMMIT_EVENTS_MAX || out->work.events_bytes >= COMMIT_BYTES_MAX;
    return full ? commit(recovery, out->keys.count >= CHECKPOINT_EVENTS) : 0;
}

static int copy_event(struct recovery *recovery, struct str key, struct str data) {
    struct record_view view;
    uint64_t seq = 0;
    if (key.len == sizeof seq) memcpy(&seq, key.ptr, sizeof seq);
    if (audit_read_event(&recovery->source, key, data, &view)) {
        audit_say(recovery->source.audit, "events: event %" PRIu64 " is damaged", seq);
        return 0;
    }
    const struct record *record = &view.record;
    const struct named_topic *topic = find_topic(recovery, record->topic_no);
    if (topic && seq <= topic->now.trimmed_seq) return 0;
    char text[32];
    int len = snprintf(text, sizeof text, "recovered/%u", record->topic_no);
    struct str name =
        topic ? (struct str){topic->name, topic->name_len} : (struct str){text, (size_t)len};
    int err = begin(recovery);
    if (err) return err;
    struct event *event = event_new_expiring(name, record->type, record->key, record->data,
                                             record->flags, record->expires_s);
    if (!event) return ERR_NOMEM;
    recovery->out->work.now_ms = record->time_ms;
    return append(recovery, name, event, seq);
}

static int copy_source(struct recovery *recovery, struct str key, struct str data) {
    struct str position;
    if (record_decode_source(data, key, recovery->source.format.seed, &position)) {
        audit_say(recovery->source.audit, "sources: the position of %.*s is damaged",
                  key.len > 200 ? 200 : (int)key.len, key.ptr);
        return 0;
    }
    int err = begin(recovery);
    if (err) return err;
    err = stage_source(recovery->out, key, position);
    if (err) return failed(recovery, err);
    recovery->source.audit->sources++;
    return 0;
}

static int copy_row(void *context, struct str table, struct str key, struct str data) {
    struct recovery *recovery = context;
    if (str_equal(table, STR("events"))) return copy_event(recovery, key, data);
    if (str_equal(table, STR("sources"))) return copy_source(recovery, key, data);
    return 0;
}

// Topics that are finished although no event is left that says so.
static int copy_finished(struct recovery *recovery) {
    struct journal *out = recovery->out;
    for (size_t i = 0; i < recovery->topics.cap; i++) {
        const struct named_topic *named = recovery->topics.at[i].item;
        if (!named || !named->now.closed) continue;
        struct str name = {named->name, named->name_len};
        struct topic_row *topic = topic_rows_find(&out->topics, name);
        int err = begin(recovery);
        if (err) return err;
        if (!topic) err = work_new_topic(out, name, named->now.owner, false, &topic);
        if (!err) err = work_touch(out, topic);
        if (err) return failed(recovery, err);
        topic->now.closed = true;
    }
    return 0;
}

static int copy_all(struct recovery *recovery) {
    int err = audit_walk(&recovery->source, read_topic, recovery);
    if (!err) err = audit_walk(&recovery->source, copy_row, recovery);
    if (!err) err = copy_finished(recovery);
    if (!err) err = begin(recovery);
    if (!err) err = commit(recovery, true);
    if (recovery->begun) {
        struct work *work = &recovery->out->work;
        for (size_t i = 0; i < work->events_count; i++) event_free(work->events[i]);
        work->events_count = 0;
        work_abort(recovery->out);
    }
    recovery->source.audit->topics = recovery->out->topics.by_name.count;
    return err == ERR_NOMEM ? report_set(recovery->source.report, err, "out of memory") : err;
}

// Paths of the new journal: until it is complete, and then.
struct places {
    char unfinished[4096], out[4000];
};

static int find_places(struct places *places, const char *out_dir, struct report *report) {
    size_t len = strlen(out_dir);
    while (len > 1 && out_dir[len - 1] == '/') len--;
    if (len >= sizeof places->out)
        return report_set(report, ERR_TOO_LONG, "the path of the new journal is too long");
    memcpy(places->out, out_dir, len);
    places->out[len] = '\0';
    snprintf(places->unfinished, sizeof places->unfinished, "%s.unfinished", places->out);
    if (access(places->unfinished, F_OK) == 0)
        return report_set(report, ERR_EXISTS,
                          "%s is of an attempt that was broken off; remove it first",
                          places->unfinished);
    // Only an empty directory can be removed; the one that is renamed comes in its place.
    if (rmdir(places->out) == 0 || errno == ENOENT) return 0;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        return report_set(report, ERR_EXISTS,
                          "%s exists and is not an empty directory; give another", places->out);
    return report_errno(report, errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_IO,
                        "cannot use %s", places->out);
}

static int open_new(struct recovery *recovery, const char *dir, struct report *report) {
    const struct journal_config config = {.dir = dir, .topics_max = UINT32_MAX, .sync = true};
    return journal_open(&recovery->out, &config, report);
}

static int give_name(const struct places *places, struct report *report) {
    if (!rename(places->unfinished, places->out) && !store_sync_parent(places->out)) return 0;
    return report_errno(report, ERR_IO, "cannot rename %s", places->unfinished);
}

int audit_recover(struct audit *audit, const char *dir, const char *out_dir,
                  struct report *report) {
    struct recovery recovery = {0};
    struct places places;
    int err = audit_open(&recovery.source, audit, dir, report);
    if (err) return err;
    if (audit->structure_only)
        err = report_set(report, ERR_VERSION,
                         "%s is of format %u, which has no checksums to tell what is whole", dir,
                         recovery.source.version);
    if (!err) err = find_places(&places, out_dir, report);
    if (!err) err = open_new(&recovery, places.unfinished, report);
    if (!err) err = copy_all(&recovery);
    for (size_t i = 0; i < recovery.topics.cap; i++) free(recovery.topics.at[i].item);
    slots_fini(&recovery.topics);
    journal_close(recovery.out);
    if (!err) err = give_name(&places, report);
    audit_close(&recovery.source);
    return err;
}
