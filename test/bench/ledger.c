// SPDX-License-Identifier: MIT
// The ledger.
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

static void *shared(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("load: shared memory");
        exit(EX_OSERR);
    }
    return memory;
}

struct ledger *ledger_new(const struct options *options) {
    struct ledger *ledger = shared(sizeof *ledger);
    ledger->options = options;
    ledger->order = shared((size_t)LEDGER_EVENTS * sizeof *ledger->order);
    ledger->place = shared((size_t)LEDGER_EVENTS * sizeof *ledger->place);
    ledger->parts = shared(options->topics * sizeof *ledger->parts);
    ledger->sizes = shared((options->publish_topics + 1) * sizeof *ledger->sizes);
    ledger->strict = options->connections == 1 || options->feed != FEED_POSTS ||
                     options->window <= options->publish_topics;
    ledger->wake = eventfd(0, EFD_NONBLOCK);
    if (ledger->wake < 0) {
        perror("load: eventfd");
        exit(EX_OSERR);
    }
    return ledger;
}

// --- publishing ----------------------------------------------------------------------------------

static void part_done(struct ledger *ledger, struct share *share, struct slot *slot,
                      uint64_t now_ns) {
    if (atomic_fetch_sub(&slot->parts, 1) != 1) return;
    uint32_t number = atomic_load(&slot->number);
    if (number >= atomic_load(&ledger->measured_from)) {
        uint64_t since = atomic_load(&slot->published_ns);
        histogram_add(&share->complete, now_ns > since ? now_ns - since : 0);
    }
    atomic_fetch_sub(&ledger->inflight, 1);
    uint64_t one = 1;
    if (write(ledger->wake, &one, sizeof one) < 0) return; // already full: the publisher will wake
}

static void abandon(struct ledger *ledger, struct slot *slot) {
    if (!atomic_exchange(&slot->parts, 0)) return;
    atomic_fetch_sub(&ledger->inflight, 1);
    atomic_fetch_add(&ledger->abandoned, 1);
}

uint32_t ledger_publish(struct ledger *ledger, uint64_t now_ns) {
    uint32_t number = (uint32_t)atomic_load(&ledger->published);
    uint32_t topic = number % ledger->options->publish_topics;
    struct slot *slot = &ledger->slots[number % LEDGER_SLOTS];
    abandon(ledger, slot); // much later events have arrived long ago
    atomic_store(&slot->number, number);
    atomic_store(&slot->published_ns, now_ns);
    uint32_t parts = topic < ledger->options->topics ? atomic_load(&ledger->parts[topic]) : 0;
    atomic_store(&slot->parts, parts + 1);
    atomic_fetch_add(&ledger->sizes[topic], 1);
    atomic_fetch_add(&ledger->inflight, 1);
    atomic_store(&ledger->published, number + 1u);
    return number;
}

void ledger_answered(struct ledger *ledger, uint32_t number, bool ok, uint64_t now_ns) {
    struct slot *slot = &ledger->slots[number % LEDGER_SLOTS];
    if (atomic_load(&slot->number) != number || !atomic_load(&slot->parts)) return;
    if (number >= atomic_load(&ledger->measured_from) && ok)
        histogram_add(&ledger->shares[0].answer, now_ns - atomic_load(&slot->published_ns));
    part_done(ledger, &ledger->shares[0], slot, now_ns);
}

void ledger_part_done(struct ledger *ledger, struct share *share, uint32_t number,
                      uint64_t now_ns) {
    struct slot *slot = &ledger->slots[number % LEDGER_SLOTS];
    if (atomic_load(&slot->number) == number && atomic_load(&slot->parts))
        part_done(ledger, share, slot, now_ns);
}

void ledger_abandon(struct ledger *ledger) {
    for (uint32_t i = 0; i < LEDGER_SLOTS; i++) abandon(ledger, &ledger->slots[i]);
}

// --- delivery ------------------------------------------------------------------------------------

// The k-th event of the account's topic. If it is not known yet, it becomes `number`.
static uint32_t kth(struct ledger *ledger, struct share *share, const struct account *account,
                    uint32_t k, uint32_t number) {
    uint32_t topics = ledger->options->publish_topics;
    uint64_t index = account->topic + (uint64_t)topics * k;
    if (index >= LEDGER_EVENTS) return UINT32_MAX;
    uint32_t seen = atomic_load_explicit(&ledger->order[index], memory_order_acquire);
    if (seen) return seen - 1;
    if (atomic_load(&ledger->place[number])) {
        // Another process has set it, perhaps to the same number.
        seen = atomic_load(&ledger->order[index]);
        return seen ? seen - 1 : UINT32_MAX;
    }
    if (!atomic_compare_exchange_strong(&ledger->order[index], &seen, number + 1)) return seen - 1;
    atomic_store(&ledger->place[number], k + 1);
    if (ledger->strict && number != index) share->disordered++;
    return number;
}

static enum verdict disorder(struct ledger *ledger, struct share *share, struct account *account,
                             uint32_t number) {
    uint32_t place = atomic_load(&ledger->place[number]);
    if (place > account->at + 1) {
        // Some events in between have not come. If they never do, they are missing at the end.
        account->skipped += place - 1 - account->at;
        account->at = place;
    } else if (place && !account->skipped) {
        share->doubled++;
        return VERDICT_REPEATED;
    } else {
        if (place) account->skipped--;
        share->disordered++;
    }
    account->received++;
    return VERDICT_NEW;
}

enum verdict ledger_deliver(struct ledger *ledger, struct share *share, struct account *account,
                            uint32_t number) {
    uint32_t topics = ledger->options->publish_topics;
    bool replay = ledger->options->replay_events;
    if (number >= LEDGER_EVENTS || number % topics != account->topic ||
        (!replay && number >= atomic_load_explicit(&ledger->published, memory_order_acquire))) {
        share->foreign++;
        return VERDICT_FOREIGN;
    }
    if (kth(ledger, share, account, account->at, number) != number)
        return disorder(ledger, share, account, number);
    account->at++;
    account->received++;
    return VERDICT_NEW;
}
