// SPDX-License-Identifier: MIT
// Events on their way from a request to the journal: gathered into publishes, handed over in order,
// a few at a time, settled when they are committed. Belongs to the worker's thread.
//
//   submission_add ──▶ gathered ── submission_send ──▶ journal ──▶ settled
//                         │ the journal has no room: waits (lines), or is refused (a single event)
//
// Once the journal has refused something, nothing that comes after it is published: it would be out
// of order.
#ifndef TAILRACE_API_SUBMISSION_H
#define TAILRACE_API_SUBMISSION_H

#include "api/api.h"

struct share;
struct submission;

struct submission_ops {
    // The sender must wait (true), or may go on.
    void (*hold)(struct submission *submission, bool on);
    // Something was settled: look at `under_way` and `err`. The submission may be freed when it is
    // idle.
    void (*settled)(struct submission *submission);
};

// Embedded. Must live until it is idle.
struct submission {
    const struct submission_ops *ops;
    struct api *api;
    bool waits;     // while the journal has no room; otherwise that is an error
    uint32_t owner; // of new topics (struct publish); set after submission_init
    int err;        // of the journal: the first one
    struct share *first_waiting, *filling; // not handed over, oldest first; the last one is filled
    size_t waiting_bytes;                  // memory of their events
    unsigned under_way;
    struct loop_timer retry;
    // Of all that has been committed:
    uint64_t first, last; // seqs
    uint64_t count, duplicates;
};

void submission_init(struct submission *submission, const struct submission_ops *ops,
                     struct api *api, bool waits);
// Idle, or stopped.
void submission_fini(struct submission *submission);

// Takes the event over. ERR_NOMEM (the event is freed).
int submission_add(struct submission *submission, struct event *event) MUST_CHECK;
// The same for forgetting the event's topic (DELETE), as the only one of its submission.
int submission_forget(struct submission *submission, struct event *event) MUST_CHECK;
// As much is waiting as is handed over together: hand it over before more is added. What waits
// after that waits for the journal, and no more should be added until it has gone.
bool submission_is_full(const struct submission *submission);
// Hands over what has gathered, as far as there is room, and says whether the sender must wait
// (hold).
void submission_send(struct submission *submission);
// Nothing is under way and nothing waits.
bool submission_is_idle(const struct submission *submission);
// The worker stops, no timer fires any more: what waits for room is dropped.
void submission_stop(struct submission *submission);

#endif
