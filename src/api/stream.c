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
                          struct grant *grant) {
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
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

struct str stream_etag(struct api *api, struct subscriber *subscriber, uint64_t question,
                       char out[STREAM_ETAG_BYTES]) {
    uint64_t newest, sum;
    hub_fingerprint(api->hub, subscriber, &newest, &sum);
    int len = snprintf(out, STREAM_ETAG_BYTES, "\"%s-%llx-%llx\"", api_epoch(api),
                       (unsigned long long)newest, (unsigned long long)(sum + question));
    return (struct str){out, (size_t)len};
}

// The hub has something to say: the head comes first.
static bool sink_begin(struct subscriber *subscriber, struct buf *head) {
    struct stream *stream = of(subscriber);
    struct answer answer;
    char tag[STREAM_ETAG_BYTES];
    stream_head(&answer, (enum frame_format)stream->format, (enum wire_coding)stream->coding,
                stream->endless);
    if (stream->tagged) {
        answer_field(&answer, "ETag",
                     stream_etag(api_of_stream(stream), subscriber, stream->question, tag));
        // From here on it is a time.
        stream->expires_ms = 0;
    }
    exchange_stream(stream->exchange, &answer, head);
    exchange_wait_until(stream->exchange, 0);
    stream->begun = true;
    stream->exchange->http->schedule(stream->exchange->http);
    return !buf_failed(head);
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
    // The hub may have found a broken connection, or a slow one, whose timer is set already.
    if (err || !age_ms) return err;
    stream->expires_ms = api_now(api) + age_ms;
    arm(stream);
    return 0;
}

void stream_wait(struct stream *stream, uint64_t wait_ms) {
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
