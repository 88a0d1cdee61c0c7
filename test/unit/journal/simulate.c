// SPDX-License-Identifier: MIT
// Three journals over one simulated log, with everything that may go wrong (sim_log.h) and crashes
// of the hubs at any step. What must hold in the end, whatever happened:
//
//   * equal journals at equal positions of the log: events, topics, floors, positions of sources;
//   * what a publisher was told is published is there, under the seq that it was told;
//   * what was refused is not there;
//   * one event for each key, however often and wherever it was repeated;
//   * each line of a followed file once and in order;
//   * what a topic's row says of its bytes;
//   * a client that reads on with its last seq at any hub sees each topic's events without a hole
//     that retention does not explain, and nothing twice.
//
// TAILRACE_SEED=n runs one seed, TAILRACE_SEEDS=n so many in place of the usual number.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/container.h"
#include "base/limits.h"
#include "journal/journal_priv.h"
#include "sim_log.h"
#include "support.h"
#include "sys/hash.h"

#define HUBS 3
#define STEPS 250
#define TOPICS 6
#define KEYS 40

struct sim;

struct hub {
    struct sim *sim;
    unsigned number;
    char name[8], dir[128];
    struct journal *journal;
    int64_t clock_off_ms;
    // The file that it follows: the next line that its reader has not handed over yet; -1: to be
    // found out after the start.
    int64_t file_line;
    bool file_busy;
};

enum post_kind { POST_EVENT, POST_KEYED, POST_LINES, POST_FORGET, POST_CLOSE };

struct post {
    struct post *next;
    struct publish publish;
    struct hub *hub;
    enum post_kind kind;
    unsigned key;
    uint64_t data; // its hash, 0: not to be compared
    char source[16], position[24];
    struct event *events[4];
};

// What was acknowledged.
struct ack {
    uint64_t seq;
    uint64_t data; // its hash, 0: not to be compared
};

// A topic from its first event until it is dropped, as the client knows it.
struct life {
    int topic;
    uint64_t first_seq;
    uint64_t ordinal;   // of the last event that it has seen
    uint64_t explained; // up to here a gap has been told
};

struct sim {
    uint64_t seed;
    struct random random;
    struct sim_engine *engine;
    struct hub hubs[HUBS + 1]; // one more joins when the engine lies
    unsigned count;
    uint64_t now_ms;
    uint64_t numbers; // makes each event's data unlike all others
    struct post *posts;
    struct ack *acks;
    size_t acks_count, acks_cap;
    uint64_t *refused; // hashes of data
    size_t refused_count, refused_cap;
    uint64_t key_seqs[KEYS]; // 0: not acknowledged yet
    bool key_busy[KEYS];
    // The client.
    uint64_t cursor;
    struct life lives[256]; // of the topics
    size_t lives_count;
    uint64_t client_events, published;
};

static struct sim *running;
static struct hub *current;

static uint64_t unix_ms(void) {
    return 1700000000000 + running->now_ms + (uint64_t)(current ? current->clock_off_ms : 0);
}
static uint64_t mono_ms(void) { return 1000000 + running->now_ms; }

#define HOLDS(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "seed %llu: ", (unsigned long long)running->seed);                     \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            cr_assert(condition, "TAILRACE_SEED=%llu", (unsigned long long)running->seed);         \
        }                                                                                          \
    } while (0)

static uint64_t below(struct sim *sim, uint64_t bound) { return random_below(&sim->random, bound); }

// --- hubs ----------------------------------------------------------------------------------------

static void committed(void *context, struct batch *batch) {
    (void)context;
    batch_put(batch);
}

static void hub_open(struct hub *hub) {
    static const struct journal_topic_rule rules[] = {
        {.pattern = "few/*", .retention = {.count_max = 5}},
        {.pattern = "sum/*", .total_bytes_max = 300},
        {.pattern = "memory/*", .memory = true},
    };
    struct journal_config config = support_config(hub->dir);
    struct report report = {0};
    config.map_bytes = 8u << 20;
    // Less than there are names, so that topics are dropped.
    config.topics_max = 8;
    config.policy.retention.count_max = 400;
    config.policy.rules = rules;
    config.policy.rules_count = sizeof rules / sizeof rules[0];
    config.unix_ms = unix_ms;
    config.mono_ms = mono_ms;
    config.log = sim_log_open(hub->sim->engine, hub->number);
    config.hub = hub->name;
    current = hub;
    cr_assert_eq(journal_open(&hub->journal, &config, &report), 0, "%s", report.text);
    hub->journal->listener = (struct journal_listener){.committed = committed};
    hub->file_line = -1;
    hub->file_busy = false;
}

static void post_free(struct post *post) { free(post); }

// Kill -9: what it had under way may still arrive, and nobody answers.
static void hub_crash(struct hub *hub) {
    struct sim *sim = hub->sim;
    current = hub;
    journal_close(hub->journal);
    hub->journal = NULL;
    for (struct post **at = &sim->posts; *at;) {
        struct post *post = *at;
        if (post->hub != hub) {
            at = &post->next;
            continue;
        }
        *at = post->next;
        for (uint32_t i = 0; i < post->publish.count; i++)
            if (post->events[i]->seq == 0) event_free(post->events[i]);
        if (post->kind == POST_KEYED) sim->key_busy[post->key] = false;
        post_free(post);
    }
}

static bool hub_is_active(const struct hub *hub) {
    return hub->journal->sender.state == SENDER_ACTIVE;
}

static void hub_turn(struct hub *hub) {
    current = hub;
    (void)writer_turn(hub->journal);
}

// --- publishing ----------------------------------------------------------------------------------

static uint64_t hash_data(struct str data) { return hash_content(data.ptr, data.len); }

static void acknowledge(struct sim *sim, uint64_t seq, uint64_t data) {
    if (!array_reserve(sim->acks, sim->acks_cap, sim->acks_count + 1)) abort();
    sim->acks[sim->acks_count++] = (struct ack){seq, data};
}

static void refuse(struct sim *sim, uint64_t data) {
    if (!array_reserve(sim->refused, sim->refused_cap, sim->refused_count + 1)) abort();
    sim->refused[sim->refused_count++] = data;
}

static void settle(struct post *post) {
    struct sim *sim = post->hub->sim;
    const struct publish *publish = &post->publish;
    bool ok = publish->result == 0;
    switch (post->kind) {
        case POST_EVENT:
            if (ok)
                acknowledge(sim, publish->first, post->data);
            else
                refuse(sim, post->data);
            break;
        case POST_KEYED:
            sim->key_busy[post->key] = false;
            if (!ok) break;
            HOLDS(!sim->key_seqs[post->key] || sim->key_seqs[post->key] == publish->first,
                  "key %u was event %llu and is now %llu", post->key,
                  (unsigned long long)sim->key_seqs[post->key], (unsigned long long)publish->first);
            sim->key_seqs[post->key] = publish->first;
            acknowledge(sim, publish->first, 0);
            break;
        case POST_LINES:
            post->hub->file_busy = false;
            if (ok) post->hub->file_line = strtoll(post->position, NULL, 10);
            break;
        case POST_FORGET:
        case POST_CLOSE: break;
    }
}

static void done(struct publish *publish) {
    struct post *post = container_of(publish, struct post, publish);
    struct sim *sim = post->hub->sim;
    settle(post);
    for (struct post **at = &sim->posts; *at; at = &(*at)->next) {
        if (*at != post) continue;
        *at = post->next;
        break;
    }
    post_free(post);
}

static struct post *post_new(struct hub *hub, enum post_kind kind) {
    struct post *post = calloc(1, sizeof *post);
    if (!post) abort();
    post->hub = hub;
    post->kind = kind;
    post->publish.events = post->events;
    post->publish.done = done;
    return post;
}

static void post_send(struct post *post) {
    struct sim *sim = post->hub->sim;
    post->next = sim->posts;
    sim->posts = post;
    current = post->hub;
    int err = journal_enqueue(post->hub->journal, &post->publish);
    if (!err) return;
    for (uint32_t i = 0; i < post->publish.count; i++) event_free(post->events[i]);
    post->publish.result = err;
    done(&post->publish);
}

static const char *const topics[TOPICS] = {"few/a", "few/b", "sum/a", "sum/b", "plain", "memory/m"};

static void add(struct post *post, const char *topic, const char *key, uint8_t flags,
                const char *data) {
    post->events[post->publish.count++] =
        event_new(str_from(topic), STR(""), str_from(key), str_from(data), flags);
}

static void post_event(struct hub *hub) {
    struct sim *sim = hub->sim;
    struct post *post = post_new(hub, POST_EVENT);
    const char *topic = topics[below(sim, TOPICS)];
    char data[32];
    snprintf(data, sizeof data, "event %llu", (unsigned long long)++sim->numbers);
    add(post, topic, "", 0, data);
    bool memory = strcmp(topic, "memory/m") == 0;
    if (!memory) post->data = hash_data(str_from(data));
    // One that stands in a second topic.
    if (!memory && below(sim, 4) == 0)
        post->events[post->publish.count++] = event_new_alias(STR("plain"));
    sim->published++;
    post_send(post);
}

static void post_keyed(struct hub *hub) {
    struct sim *sim = hub->sim;
    unsigned key = (unsigned)below(sim, KEYS);
    // Also one that was acknowledged, and at several hubs at once.
    struct post *post = post_new(hub, POST_KEYED);
    char text[16];
    snprintf(text, sizeof text, "key-%u", key);
    post->key = key;
    add(post, "keyed", text, 0, text);
    post_send(post);
}

static void post_lines(struct hub *hub) {
    struct sim *sim = hub->sim;
    if (hub->file_busy || !hub_is_active(hub)) return;
    struct post *post = post_new(hub, POST_LINES);
    snprintf(post->source, sizeof post->source, "%s/file", hub->name);
    if (hub->file_line < 0) {
        char position[LIMIT_SOURCE_POSITION_BYTES + 1];
        size_t len;
        int err = journal_source_position(hub->journal, str_from(post->source), position, &len);
        position[err ? 0 : len] = '\0';
        hub->file_line = strtoll(position, NULL, 10);
    }
    unsigned count = (unsigned)below(sim, 4) + 1;
    char topic[16];
    snprintf(topic, sizeof topic, "logs/%s", hub->name);
    for (unsigned i = 0; i < count; i++) {
        char line[24];
        snprintf(line, sizeof line, "%lld", (long long)hub->file_line + i);
        add(post, topic, "", 0, line);
    }
    snprintf(post->position, sizeof post->position, "%lld", (long long)hub->file_line + count);
    post->publish.source_name = str_from(post->source);
    post->publish.source_position = str_from(post->position);
    hub->file_busy = true;
    post_send(post);
}

static void post_forget(struct hub *hub) {
    struct post *post = post_new(hub, POST_FORGET);
    post->publish.op = PUBLISH_FORGET;
    add(post, topics[below(hub->sim, TOPICS - 2)], "", 0, "");
    post_send(post);
}

static void post_close(struct hub *hub) {
    struct post *post = post_new(hub, POST_CLOSE);
    add(post, topics[below(hub->sim, 2)], "", EVENT_CLOSE | EVENT_MARKER, "");
    post_send(post);
}

static void act(struct sim *sim) {
    struct hub *hub = &sim->hubs[below(sim, HUBS)];
    switch (below(sim, 16)) {
        case 0: post_forget(hub); break;
        case 1: post_close(hub); break;
        case 2:
        case 3:
        case 4: post_keyed(hub); break;
        case 5:
        case 6:
        case 7:
        case 8: post_lines(hub); break;
        case 9:
            if (below(sim, 4) > 0) break;
            hub_crash(hub);
            hub_open(hub);
            break;
        default: post_event(hub); break;
    }
}

// --- the client ----------------------------------------------------------------------------------

static int place_of(const struct topic_row *topic) {
    struct str name = topic_row_name(topic);
    for (int i = 0; i < TOPICS; i++)
        if (str_equal(name, str_from(topics[i]))) return i;
    return -1;
}

static struct life *life_of(struct sim *sim, const struct topic_row *topic) {
    int place = place_of(topic);
    if (place < 0) return NULL;
    for (size_t i = 0; i < sim->lives_count; i++) {
        struct life *life = &sim->lives[i];
        if (life->topic == place && life->first_seq == topic->now.first_seq) return life;
    }
    if (sim->lives_count == sizeof sim->lives / sizeof sim->lives[0]) return NULL;
    struct life *life = &sim->lives[sim->lives_count++];
    *life = (struct life){.topic = place, .first_seq = topic->now.first_seq};
    return life;
}

static void look(struct sim *sim) {
    struct journal *journal = sim->hubs[below(sim, HUBS)].journal;
    struct store_reader *reader;
    struct record record;
    // What is below a floor here is a gap that it is told of, if it has not seen it.
    for (int i = 0; i < TOPICS; i++) {
        const struct topic_row *topic = topic_rows_find(&journal->topics, str_from(topics[i]));
        struct life *life = topic ? life_of(sim, topic) : NULL;
        if (life && topic->now.trimmed_ordinal > life->explained)
            life->explained = topic->now.trimmed_ordinal;
    }
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    for (int i = 0; i < 20 && !store_reader_next(reader, sim->cursor, &record); i++) {
        const struct topic_row *topic = topic_rows_find_no(&journal->topics, record.topic_no);
        HOLDS(topic, "event %llu is of no topic", (unsigned long long)record.seq);
        HOLDS(record.seq > sim->cursor, "the reader went back");
        sim->cursor = record.seq;
        sim->client_events++;
        struct life *life = life_of(sim, topic);
        if (!life || record.seq <= topic->now.trimmed_seq) continue;
        int at = life->topic;
        uint64_t before = life->ordinal;
        HOLDS(record.ordinal > before, "event %llu of %s came twice",
              (unsigned long long)record.seq, topics[at]);
        HOLDS(record.ordinal == before + 1 || life->explained + 1 >= record.ordinal,
              "%s has a hole between its events %llu and %llu, its floor is %llu", topics[at],
              (unsigned long long)before, (unsigned long long)record.ordinal,
              (unsigned long long)topic->now.trimmed_ordinal);
        life->ordinal = record.ordinal;
    }
    store_reader_end(reader);
    store_reader_close(reader);
}

// --- what must hold ------------------------------------------------------------------------------

struct entry {
    uint64_t name, state;
};

static int by_name(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return x->name < y->name ? -1 : x->name > y->name;
}

// Everything that is shown, by the topics' names: their numbers are each hub's own.
static uint64_t state_hash(struct hub *hub) {
    struct journal *journal = hub->journal;
    struct entry entries[64];
    size_t count = 0;
    for (size_t i = 0; i < journal->topics.by_name.cap; i++) {
        const struct topic_row *topic = journal->topics.by_name.at[i].item;
        if (!topic || topic->memory) continue;
        const struct topic_now *now = &topic->now;
        uint64_t parts[] = {now->last_seq,        now->last_ordinal, now->trimmed_seq,
                            now->trimmed_ordinal, now->bytes,        now->closed,
                            now->marker,          now->last_time_ms};
        cr_assert_lt(count, 60u);
        entries[count++] =
            (struct entry){hash_data(topic_row_name(topic)), hash_content(parts, sizeof parts)};
    }
    qsort(entries, count, sizeof entries[0], by_name);
    uint64_t hash = hash_content(entries, count * sizeof entries[0]);
    struct store_reader *reader;
    struct record record;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    for (uint64_t at = 0; !store_reader_next(reader, at, &record); at = record.seq) {
        const struct topic_row *topic = topic_rows_find_no(&journal->topics, record.topic_no);
        if (!topic || record.seq <= topic->now.trimmed_seq) continue;
        uint64_t parts[] = {hash,
                            record.seq,
                            record.ordinal,
                            record.time_ms,
                            record.flags,
                            hash_data(topic_row_name(topic)),
                            hash_data(record.key),
                            hash_data(record.data)};
        hash = hash_content(parts, sizeof parts);
    }
    store_reader_end(reader);
    store_reader_close(reader);
    return hash;
}

// Each is there as it was acknowledged, unless retention took it. `all`: the journal has applied
// all.
static void check_acks(struct sim *sim, struct hub *hub, bool all) {
    struct store_reader *reader;
    struct record record;
    cr_assert_eq(journal_reader_open(hub->journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    for (size_t i = 0; i < sim->acks_count; i++) {
        const struct ack *ack = &sim->acks[i];
        HOLDS(!all || ack->seq <= hub->journal->seq, "acknowledged event %llu is not there",
              (unsigned long long)ack->seq);
        if (!ack->data || store_reader_read(reader, ack->seq, &record)) continue;
        HOLDS(hash_data(record.data) == ack->data, "event %llu is another",
              (unsigned long long)ack->seq);
    }
    store_reader_end(reader);
    store_reader_close(reader);
}

static bool was_refused(const struct sim *sim, uint64_t data) {
    for (size_t i = 0; i < sim->refused_count; i++)
        if (sim->refused[i] == data) return true;
    return false;
}

static void check_refused(struct sim *sim, struct hub *hub) {
    struct store_reader *reader;
    struct record record;
    cr_assert_eq(journal_reader_open(hub->journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    for (uint64_t at = 0; !store_reader_next(reader, at, &record); at = record.seq)
        HOLDS(!was_refused(sim, hash_data(record.data)), "event %llu was refused",
              (unsigned long long)record.seq);
    store_reader_end(reader);
    store_reader_close(reader);
}

static void check_lines(struct sim *sim, struct hub *hub) {
    for (unsigned i = 0; i < HUBS; i++) {
        char name[16];
        snprintf(name, sizeof name, "logs/%s", sim->hubs[i].name);
        const struct topic_row *topic = topic_rows_find(&hub->journal->topics, str_from(name));
        if (!topic) continue;
        struct store_reader *reader;
        struct record record;
        cr_assert_eq(journal_reader_open(hub->journal, &reader), 0);
        cr_assert_eq(store_reader_begin(reader), 0);
        for (uint64_t at = 0; !store_reader_next(reader, at, &record); at = record.seq) {
            if (record.topic_no != topic->no) continue;
            char text[24];
            snprintf(text, sizeof text, "%.*s", (int)record.data.len, record.data.ptr);
            HOLDS(strtoull(text, NULL, 10) == record.ordinal - 1, "line %llu of %s is %.*s",
                  (unsigned long long)record.ordinal - 1, name, (int)record.data.len,
                  record.data.ptr);
        }
        store_reader_end(reader);
        store_reader_close(reader);
    }
}

// What a topic's row says of its bytes, however many hubs planned to trim it at once.
static void check_bytes(struct hub *hub) {
    struct journal *journal = hub->journal;
    for (size_t i = 0; i < journal->topics.by_name.cap; i++) {
        const struct topic_row *topic = journal->topics.by_name.at[i].item;
        struct store_reader *reader;
        struct record record;
        uint64_t bytes = 0;
        if (!topic || topic->memory) continue;
        cr_assert_eq(journal_reader_open(journal, &reader), 0);
        cr_assert_eq(store_reader_begin(reader), 0);
        uint64_t at = topic->now.trimmed_seq;
        for (; !store_reader_next(reader, at, &record); at = record.seq)
            if (record.topic_no == topic->no) bytes += record.data.len;
        store_reader_end(reader);
        store_reader_close(reader);
        HOLDS(bytes == topic->now.bytes, "%.*s has %llu bytes and says %llu", topic->name_len,
              topic->name, (unsigned long long)bytes, (unsigned long long)topic->now.bytes);
    }
}

static bool is_quiet(const struct sim *sim) {
    uint64_t last = sim_engine_last(sim->engine);
    if (sim->posts) return false;
    for (unsigned i = 0; i < HUBS; i++) {
        const struct journal *journal = sim->hubs[i].journal;
        if (journal->place.position != last || journal->sender.count ||
            !hub_is_active(&sim->hubs[i]))
            return false;
    }
    return true;
}

static void turn_all(struct sim *sim) {
    sim->now_ms += 10;
    sim_engine_step(sim->engine);
    for (unsigned i = 0; i < sim->count; i++) hub_turn(&sim->hubs[i]);
}

// --- runs ----------------------------------------------------------------------------------------

static void add_hub(struct sim *sim, const char *dir) {
    unsigned i = sim->count++;
    struct hub *hub = &sim->hubs[i];
    hub->sim = sim;
    hub->number = i;
    hub->clock_off_ms = (int64_t)i * 70000 - 70000;
    snprintf(hub->name, sizeof hub->name, "h%u", i);
    snprintf(hub->dir, sizeof hub->dir, "%s/%llu-%u", dir, (unsigned long long)sim->seed, i);
    hub_open(hub);
}

static void sim_begin(struct sim *sim, uint64_t seed, const char *dir) {
    *sim = (struct sim){.seed = seed};
    running = sim;
    random_seed(&sim->random, seed);
    sim->engine = sim_engine_new(seed * 31 + 7);
    while (sim->count < HUBS) add_hub(sim, dir);
}

static void remove_dir(const char *dir) {
    static const char *const files[] = {"data.mdb", "lock.mdb", "lock"};
    for (size_t i = 0; i < 3; i++) {
        char path[192];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

static void sim_end(struct sim *sim) {
    for (unsigned i = 0; i < sim->count; i++) {
        hub_crash(&sim->hubs[i]);
        remove_dir(sim->hubs[i].dir);
    }
    sim_engine_free(sim->engine);
    free(sim->acks);
    free(sim->refused);
}

static void run_steps(struct sim *sim) {
    for (int i = 0; i < STEPS; i++) {
        act(sim);
        if (below(sim, 3) == 0) hub_turn(&sim->hubs[below(sim, HUBS)]);
        if (below(sim, 4) == 0) look(sim);
        sim->now_ms += 10;
        sim_engine_step(sim->engine);
    }
}

static void run_honest(uint64_t seed, const char *dir) {
    struct sim sim;
    sim_begin(&sim, seed, dir);
    run_steps(&sim);
    sim_engine_calm(sim.engine);
    for (int i = 0; i < 5000 && !is_quiet(&sim); i++) turn_all(&sim);
    HOLDS(is_quiet(&sim), "the hubs did not come to rest");
    for (unsigned i = 0; i < HUBS; i++) {
        const struct journal *journal = sim.hubs[i].journal;
        HOLDS(!journal->diverged, "%s", journal->counters.failure);
        HOLDS(journal->place.chain == sim.hubs[0].journal->place.chain, "chains differ");
        HOLDS(state_hash(&sim.hubs[i]) == state_hash(&sim.hubs[0]), "hub %u differs from hub 0", i);
        check_acks(&sim, &sim.hubs[i], true);
        check_refused(&sim, &sim.hubs[i]);
        check_lines(&sim, &sim.hubs[i]);
        check_bytes(&sim.hubs[i]);
    }
    sim_end(&sim);
}

static bool has_told(const struct sim *sim) {
    for (unsigned i = 0; i < sim->count; i++)
        if (sim->hubs[i].journal->diverged) return true;
    return false;
}

// An honest run, and then the engine lies: some hub must find out, at the latest one that joins and
// applies the log from its beginning.
static void run_lie(uint64_t seed, const char *dir) {
    struct sim sim;
    sim_begin(&sim, seed, dir);
    run_steps(&sim);
    sim_engine_calm(sim.engine);
    for (int i = 0; i < 5000 && !is_quiet(&sim); i++) turn_all(&sim);
    enum sim_lie lie = (enum sim_lie)(seed % 4 + 1);
    sim_engine_lie(sim.engine, lie);
    for (int i = 0; i < 2000 && !has_told(&sim); i++) {
        if (below(&sim, 10) == 0) post_event(&sim.hubs[below(&sim, HUBS)]);
        if (i == 1000) add_hub(&sim, dir);
        turn_all(&sim);
    }
    HOLDS(has_told(&sim), "nobody found out that the engine lies (%d)", (int)lie);
    for (unsigned h = 0; h < sim.count; h++) check_acks(&sim, &sim.hubs[h], false);
    sim_end(&sim);
}

static uint64_t setting(const char *name, uint64_t fallback) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

// Tests run beside each other: each has a part of the seeds.
#define PARTS 8

static void run_part(unsigned part, uint64_t seeds, void (*run)(uint64_t seed, const char *dir)) {
    const char *dir = support_dir();
    uint64_t only = setting("TAILRACE_SEED", 0);
    if (only) {
        if (part == 0) run(only, dir);
        return;
    }
    seeds = setting("TAILRACE_SEEDS", seeds);
    for (uint64_t seed = part + 1; seed <= seeds; seed += PARTS) run(seed, dir);
}

#define PART(part)                                                                                 \
    Test(simulate, journals_over_one_log_are_the_same_##part) { run_part(part, 2000, run_honest); }
PART(0)
PART(1)
PART(2)
PART(3)
PART(4)
PART(5)
PART(6)
PART(7)

Test(simulate, a_log_that_lies_is_found_out) {
    const char *dir = support_dir();
    uint64_t only = setting("TAILRACE_SEED", 0);
    for (uint64_t seed = only ? only : 1; seed <= (only ? only : 200); seed++) run_lie(seed, dir);
}
