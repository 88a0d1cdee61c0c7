// SPDX-License-Identifier: MIT
// A thread's inbox: many senders, one receiver, no lock. A sender pushes onto an atomic list; the receiver takes the
// whole list at once and gets it back in the order in which it was sent. Taking all at once is what makes it safe from the ABA
// problem. The inbox itself is not bounded: what goes in is bounded by its senders (journal queue, batches in flight).
//
// The descriptor becomes readable when the inbox stops being empty; one wake-up covers all messages until the next take.
#ifndef TAILRACE_SYS_INBOX_H
#define TAILRACE_SYS_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

// Embedded in what is sent. Owned by the inbox between send and take.
struct inbox_message {
    struct inbox_message *next;
    // Runs on the receiving thread, if the receiver works by inbox_run.
    void (*run)(struct inbox_message *message, void *receiver);
};

struct inbox {
    _Atomic(struct inbox_message *) head;
    int fd; // an eventfd, for poll
};

int inbox_init(struct inbox *inbox) MUST_CHECK;
// The inbox must be empty.
void inbox_fini(struct inbox *inbox);
// Any thread. Ownership of the message moves to the receiver.
void inbox_send(struct inbox *inbox, struct inbox_message *message);
// The same in two steps: what is put is sure to be taken only after a wake, which may cover many. True when the inbox was empty: then nobody
// else has seen to a wake.
bool inbox_put(struct inbox *inbox, struct inbox_message *message);
void inbox_wake(struct inbox *inbox);
// Receiver only. Everything sent so far, oldest first, NULL when empty; also clears the descriptor.
struct inbox_message *inbox_take(struct inbox *inbox);
// The same without clearing it, for a receiver that knows that something is there: a wake that has happened comes once more.
struct inbox_message *inbox_peel(struct inbox *inbox);
// Calls the run of each of what was taken. A message may be freed by its run.
void inbox_run(struct inbox_message *list, void *receiver);

#endif
