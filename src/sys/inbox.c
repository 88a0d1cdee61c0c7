// SPDX-License-Identifier: MIT
// A thread's inbox.
#include "sys/inbox.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int inbox_init(struct inbox *inbox) {
    atomic_init(&inbox->head, NULL);
    inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return inbox->fd < 0 ? ERR_SYSTEM : 0;
}

void inbox_fini(struct inbox *inbox) {
    ASSERT(!atomic_load(&inbox->head));
    close(inbox->fd);
    inbox->fd = -1;
}

bool inbox_put(struct inbox *inbox, struct inbox_message *message) {
    struct inbox_message *head = atomic_load_explicit(&inbox->head, memory_order_relaxed);
    do {
        message->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&inbox->head, &head, message,
                                                    memory_order_release, memory_order_relaxed));
    return !head;
}

void inbox_wake(struct inbox *inbox) {
    uint64_t one = 1;
    (void)!write(inbox->fd, &one, sizeof one);
}

void inbox_send(struct inbox *inbox, struct inbox_message *message) {
    if (inbox_put(inbox, message)) inbox_wake(inbox);
}

struct inbox_message *inbox_peel(struct inbox *inbox) {
    struct inbox_message *list = atomic_exchange_explicit(&inbox->head, NULL, memory_order_acquire);
    struct inbox_message *oldest = NULL;
    while (list) {
        struct inbox_message *next = list->next;
        list->next = oldest;
        oldest = list;
        list = next;
    }
    return oldest;
}

struct inbox_message *inbox_take(struct inbox *inbox) {
    // The descriptor first: a message sent in between is either taken now or wakes us once more.
    uint64_t count;
    (void)!read(inbox->fd, &count, sizeof count);
    return inbox_peel(inbox);
}

void inbox_run(struct inbox_message *list, void *receiver) {
    while (list) {
        struct inbox_message *next = list->next;
        list->run(list, receiver);
        list = next;
    }
}
