// SPDX-License-Identifier: MIT
// A subscription while it is answered.
#include "api/stream.h"

#include <stdio.h>
#include <stdlib.h>

static struct stream *of(struct subscriber *subscriber) {
    return container_of(subscriber, struct stream, subscriber);
}

static struct api *api_of_stream(const struct stream *stream) { return api_of(stream->exchange); }

struct stream *stream_new(struct exchange *exchange, const struct hub_request *request,
                          struct grant *grant, struct str known) {
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    // Without this memory it is answered whole.
    if (known.ptr) stream->known = str_dup(known);
    stream->exchange = exchange;
    stream->grant = grant_get(grant);
    stream->format = (uint8_t)request->format;
    stream->coding = (uint8_t)request->wire.coding;
    stream->endless = request->mode == HUB_STREAM;
    exchange->state = stream;
    return stream;
}

static void stream_free(struct stream *stream) {
    // One that has finished has left the hub by itself.
    if (stream->subscriber.selector) hub_remove(api_of_stream(stream)->hub, &stream->subscriber);
    grant_put(stream->grant);
    free(stream->known);
    free(stream);
}

void stream_discard(struct stream *stream) {
    stream->exchange->state = NULL;
    stream_free(stream);
}

// --- the head ------------------------------------------------------------------------------------

void stream_head(struct answer *answer, enum frame_format format, enum wire_coding coding,
                 bool endless) {
    const char *coding_name = wire_coding_name(coding);
    *answer = (struct answer){.status = 200,
                              .type = hub_content_type(format),
                              .length = endless ? ANSWER_ENDLESS : ANSWER_ENDS};
    answer_text(answer, "Vary", "Accept");
    if (coding_name) answer_text(answer, "Content-Encoding", coding_name);
    answer_text(answer, "Cache-Control", endless ? "no-cache, no-transform" : "no-cache");
    // For nginx: do not gather what is to be seen at once.
    if (endless) answer_text(answer, "X-Accel-Buffering", "no");
}

#define ETAG_BYTES 96
// The entity tag of a snapshot that begins now.
static struct str etag(struct stream *stream, char out[ETAG_BYTES]) {
    struct api *api = api_of_stream(stream);
    uint64_t newest, sum;
    hub_fingerprint(api->hub, &stream->subscriber, &newest, &sum);
    int len = snprintf(out, ETAG_BYTES, "\"%s-%llx-%llx\"", api_epoch(api),
                       (unsigned long long)newest, (unsigned long long)(sum + stream->question));
    return (struct str){out, (size_t)len};
}

// Whether the client has what it would be given now.
static bool is_known(const struct stream *stream, struct str tag) {
    struct str list = stream->known ? str_from(stream->known) : (struct str){NULL, 0};
    while (list.ptr) {
        struct str one = str_trim(str_cut(&list, ','));
        if (str_starts(one, STR("W/"))) one = (struct str){one.ptr + 2, one.len - 2};
        if (str_equal(one, STR("*")) || str_equal(one, tag)) return true;
    }
    return false;
}

// The hub has something to say: the head comes first.
static enum hub_begun sink_begin(struct subscriber *subscriber, struct buf *head) {
    struct stream *stream = of(subscriber);
    struct answer answer;
    char memory[ETAG_BYTES];
    bool known = false;
    stream_head(&answer, (enum frame_format)stream->format, (enum wire_coding)stream->coding,
                stream->endless);
    const char *missing = hub_missing(api_of_stream(stream)->hub, subscriber);
    if (missing) answer_text(&answer, "Tailrace-Gap", missing);
    if (stream->tagged) {
        struct str tag = etag(stream, memory);
        known = is_known(stream, tag);
        if (known) answer = (struct answer){.status = 304, .length = ANSWER_ENDS};
        answer_field(&answer, "ETag", tag);
        // From here on it is a time.
        stream->expires_ms = 0;
    }
    exchange_stream(stream->exchange, &answer, head);
    exchange_wait_until(stream->exchange, 0);
    stream->begun = true;
    stream->exchange->http->schedule(stream->exchange->http);
    if (buf_failed(head)) return HUB_BEGUN_BROKEN;
    return known ? HUB_BEGUN_ENDED : HUB_BEGUN;
}

// Sets the timer to whichever comes first.
static void arm(struct stream *stream) {
    uint64_t at = stream->expires_ms;
    if (stream->stalled_ms && (!at || stream->stalled_ms < at)) at = stream->stalled_ms;
    exchange_wait_until(stream->exchange, at);
}

int stream_begin(struct stream *stream, uint64_t age_ms) {
    struct api *api = api_of_stream(stream);
    int err = hub_begin(api->hub, &stream->subscriber, api_now(api));
    // Its topics are still being found.
    if (!err && !stream->begun) exchange_park(stream->exchange);
    // The hub may have found a broken connection, or a slow one, whose timer is set already.
    if (err || !age_ms) return err;
    stream->expires_ms = api_now(api) + age_ms;
    arm(stream);
    return 0;
}

void stream_wait(struct stream *stream, uint64_t wait_ms) {
    // It will be answered with something new, or with nothing.
    free(stream->known);
    stream->known = NULL;
    exchange_park(stream->exchange);
    exchange_wait_until(stream->exchange, api_now(api_of_stream(stream)) + wait_ms);
}

// --- the hub's side ------------------------------------------------------------------------------

static intptr_t sink_handle(struct subscriber *subscriber) {
    struct exchange *exchange = of(subscriber)->exchange;
    return exchange->ops->handle(exchange);
}

static void sink_want_writable(struct subscriber *subscriber, bool on) {
    struct stream *stream = of(subscriber);
    uint64_t patience = stream->exchange->http->settings->write_timeout_ms;
    stream->stalled_ms = on && patience ? api_now(api_of_stream(stream)) + patience : 0;
    arm(stream);
    exchange_want_writable(stream->exchange, on);
}

static void sink_finished(struct subscriber *subscriber) {
    exchange_finish(of(subscriber)->exchange);
}

static void sink_broken(struct subscriber *subscriber) { exchange_abort(of(subscriber)->exchange); }

const struct hub_sink *stream_sink(const struct exchange *exchange) {
    struct hub_sink *sink = &api_of(exchange)->sinks[exchange->ops->kind];
    *sink = (struct hub_sink){
        .handle = sink_handle,
        .write = exchange->ops->write,
        .want_writable = sink_want_writable,
        .finished = sink_finished,
        .broken = sink_broken,
        .begin = sink_begin,
    };
    return sink;
}

// --- the exchange's side -------------------------------------------------------------------------

void stream_writable(struct exchange *exchange) {
    struct stream *stream = exchange->state;
    struct api *api = api_of(exchange);
    hub_writable(api->hub, &stream->subscriber, api_now(api));
    exchange->http->schedule(exchange->http);
}

void stream_timer(struct exchange *exchange) {
    struct stream *stream = exchange->state;
    struct api *api = api_of(exchange);
    uint64_t now = api_now(api);
    if (!stream->begun) {
        hub_wake(api->hub, &stream->subscriber, now);
    } else if (stream->stalled_ms && now >= stream->stalled_ms) {
        exchange_abort(exchange);
    } else if (stream->subscriber.selector) {
        stream->expires_ms = 0;
        arm(stream);
        hub_end(api->hub, &stream->subscriber, NULL);
    }
}

void stream_drain(struct exchange *exchange) {
    struct stream *stream = exchange->state;
    if (!stream->begun) stream_timer(exchange);
}

void stream_gone(struct exchange *exchange) {
    if (exchange->state) stream_free(exchange->state);
}
