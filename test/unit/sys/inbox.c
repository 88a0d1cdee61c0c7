// SPDX-License-Identifier: MIT
// The inbox: order, wake-ups, many senders.
#include "sys/inbox.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/container.h"

struct note {
    struct inbox_message message;
    unsigned sender, number;
};

static bool readable(const struct inbox *inbox, int wait_ms) {
    struct pollfd fd = {.fd = inbox->fd, .events = POLLIN};
    return poll(&fd, 1, wait_ms) == 1;
}

Test(inbox, gives_messages_back_in_the_order_they_were_sent) {
    struct inbox inbox;
    cr_assert_eq(inbox_init(&inbox), 0);
    struct note notes[3];
    for (size_t i = 0; i < 3; i++) inbox_send(&inbox, &notes[i].message);
    struct inbox_message *message = inbox_take(&inbox);
    for (size_t i = 0; i < 3; i++, message = message->next) {
        cr_assert_eq((void *)message, (void *)&notes[i]);
    }
    cr_assert_null(message);
    cr_assert_null(inbox_take(&inbox));
    inbox_fini(&inbox);
}

Test(inbox, is_readable_exactly_while_something_waits) {
    struct inbox inbox;
    cr_assert_eq(inbox_init(&inbox), 0);
    struct note notes[2];
    for (int round = 0; round < 3; round++) {
        cr_assert(!readable(&inbox, 0));
        inbox_send(&inbox, &notes[0].message);
        cr_assert(readable(&inbox, 0));
        inbox_send(&inbox, &notes[1].message);
        cr_assert(readable(&inbox, 0));
        cr_assert_not_null(inbox_take(&inbox));
    }
    inbox_fini(&inbox);
}

static void free_note(struct inbox_message *message, void *receiver) {
    unsigned *sum = receiver;
    *sum += container_of(message, struct note, message)->number;
    free(message);
}

Test(inbox, run_lets_messages_free_themselves) {
    struct inbox inbox;
    cr_assert_eq(inbox_init(&inbox), 0);
    for (unsigned i = 1; i <= 4; i++) {
        struct note *note = calloc(1, sizeof *note);
        note->message.run = free_note;
        note->number = i;
        inbox_send(&inbox, &note->message);
    }
    unsigned sum = 0;
    inbox_run(inbox_take(&inbox), &sum);
    cr_assert_eq(sum, 10);
    inbox_run(inbox_take(&inbox), &sum);
    cr_assert_eq(sum, 10);
    inbox_fini(&inbox);
}

#define SENDERS 4
#define NOTES 20000

struct sender {
    struct inbox *inbox;
    struct note *notes;
    unsigned id;
};

static void *send_all(void *context) {
    struct sender *sender = context;
    for (unsigned i = 0; i < NOTES; i++) {
        sender->notes[i].sender = sender->id;
        sender->notes[i].number = i;
        inbox_send(sender->inbox, &sender->notes[i].message);
    }
    return NULL;
}

Test(inbox, loses_nothing_and_keeps_each_senders_order, .timeout = 60) {
    struct inbox inbox;
    cr_assert_eq(inbox_init(&inbox), 0);
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&inbox, calloc(NOTES, sizeof(struct note)), i};
        pthread_create(&threads[i], NULL, send_all, &senders[i]);
    }
    unsigned next[SENDERS] = {0};
    for (unsigned taken = 0; taken < SENDERS * NOTES;) {
        cr_assert(readable(&inbox, 30000), "a message was sent and nobody was woken");
        for (struct inbox_message *m = inbox_take(&inbox); m; m = m->next, taken++) {
            struct note *note = container_of(m, struct note, message);
            cr_assert_eq(note->number, next[note->sender]++);
        }
    }
    for (unsigned i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        free(senders[i].notes);
    }
    (void)inbox_take(&inbox);
    inbox_fini(&inbox);
}
