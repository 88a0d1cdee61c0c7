// SPDX-License-Identifier: MIT
// A request that publishes, from its head until its last event is committed: its body, or the lines
// of it, on their way to a submission; and its answer. It may outlive its connection. Belongs to
// the worker's thread.
//
//   body ─▶ upload_body ─┬─ one event ───────▶ body ──┐ upload_end
//                        └─ lines ─┬───────────────────┴──▶ submission
//                                  └▶ rest, raw, while the submission is full: its sender is held
//
// What it holds from turn to turn is counted in the worker's account.
#ifndef TAILRACE_API_UPLOAD_H
#define TAILRACE_API_UPLOAD_H

#include "api/submission.h"
#include "base/lines.h"

struct upload {
    struct submission submission;
    struct exchange *exchange; // NULL: the connection is gone, nobody waits for the answer
    // Set by publish.c, after the head.
    bool lines_mode, close, forgets;
    bool strict; // a line that cannot be stored as it is ends the request
    char *type, *key;
    uint32_t expires_s; // of its events; 0: nothing is said
    struct str topic;   // its bytes are behind the upload

    struct buf body;    // one event's data
    struct lines lines; // or the lines
    uint64_t line_no;   // of the request, from 1; of the last one that was taken
    struct buf rest;    // bytes of lines that came while there was no room for their events
    size_t rest_at;     // how much of them has been taken
    bool whole;         // no more of the body comes
    bool broken_off;    // its end is missing: an unfinished last line is none
    bool ended;         // nothing more is published
    size_t counted;     // in the account
    int status;         // of a failure, 0: none
    unsigned retry_after_s;
    char *detail; // NULL: there was no memory for it
};

// Of the exchange, whose state it becomes; upload_open must follow. NULL: out of memory.
struct upload *upload_new(struct exchange *exchange, struct str topic);
// The head has been read, as far as it is right. `owner`: of new topics (struct publish).
void upload_open(struct upload *upload, uint32_t owner);
// The most that the data of one event may have (limits.event_bytes).
size_t upload_event_bytes_max(const struct upload *upload);

// What is told to those whose request would hold more than there is room for.
#define UPLOAD_FULL                                                                                \
    "the hub holds as much of unfinished requests as it may (limits.held_bytes); try again"

// The first failure is the one that is told: answered when what was published before it is settled.
void upload_fail(struct upload *upload, int status, const char *detail);
// The same for what will be better later: the client is asked to come again.
void upload_fail_for_now(struct upload *upload, const char *detail);
void upload_fail_no_memory(struct upload *upload);

// Handler functions (http/exchange.h) of an exchange with an upload.
void upload_body(struct exchange *exchange, struct str bytes);
void upload_pause(struct exchange *exchange);
void upload_end(struct exchange *exchange, const struct problem *cut);
void upload_gone(struct exchange *exchange);

// Goes on with what has come, and answers when nothing is left to wait for. The upload may be freed
// by it.
void upload_advance(struct upload *upload);

#endif
