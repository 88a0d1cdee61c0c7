// SPDX-License-Identifier: MIT
// A thread's inbox: many senders, one receiver, no lock.
//
// A sender pushes onto an atomic list. The receiver takes the whole list at once and gets it in the
// order of sending. Because it takes everything at once there is no ABA problem. The inbox has no
// bound of its own; its senders bound what they send (the journal's queue, batches in flight).
//
// The descriptor becomes readable when the inbox stops being empty. One wake-up covers all messages
// until the next take.
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
// The same in two steps. A message that was put is certain to be taken only after a wake; one wake
// may cover many messages. inbox_put is true when the inbox was empty: then no other sender wakes
// the receiver for this message.
bool inbox_put(struct inbox *inbox, struct inbox_message *message);
void inbox_wake(struct inbox *inbox);
// Receiver only. Everything sent so far, oldest first, NULL when empty; also clears the descriptor.
struct inbox_message *inbox_take(struct inbox *inbox);
// The same without clearing the descriptor, for a receiver that knows that there are messages. A
// wake that has happened will be reported once more.
struct inbox_message *inbox_peel(struct inbox *inbox);
// Calls `run` of each message taken. `run` may free its message.
void inbox_run(struct inbox_message *list, void *receiver);

#endif
