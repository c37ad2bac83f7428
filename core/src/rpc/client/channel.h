/* rpc/client/channel.h - a client's connection to a gRPC server, in raw bytes: under weft_client, `weft call` and
 * tests. Any number of threads may call through one channel; a stream belongs to one thread. */
#ifndef WEFT_RPC_CHANNEL_H
#define WEFT_RPC_CHANNEL_H

#include "base/fault.h"
#include <stddef.h>
#include <stdint.h>

struct weft_arena;
struct weft_channel;

/* To "host:port", "dns:///host:port" or "unix:path"; connects when used and reconnects by itself. `max_message_bytes`
 * bounds what is received; 0: 4 MiB. Never NULL: a target that cannot be fails every call. */
struct weft_channel *weft_channel_new(const char *target, uint32_t max_message_bytes);
void weft_channel_free(struct weft_channel *channel); /* NULL is fine; no call or stream may be left */

/* A name and value of metadata as they came; both end in NUL, the size is of the value (names in -bin hold bytes). */
struct weft_channel_metadata {
    const char *name, *value;
    size_t size;
};

struct weft_channel_request {
    const char *path;            /* "/user.v1.UserService/GetUser" */
    const char *const *metadata; /* name, value, ..., NULL; or NULL */
    uint64_t deadline_ns;        /* of the whole call or stream, on CLOCK_MONOTONIC */
    const void *message;         /* unary: packed */
    size_t size;
};

/* What came back; weft_channel_reply_free gives all of it back. */
struct weft_channel_reply {
    struct weft_arena *memory; /* holds the rest; or NULL */
    void *message;             /* followed by a NUL; NULL if there was none */
    size_t size;
    const struct weft_channel_metadata *headers, *trailers; /* of unary calls and of streams at their end */
    size_t n_headers, n_trailers;
};
void weft_channel_reply_free(struct weft_channel_reply *reply); /* leaves it empty; for __attribute__((cleanup)) too */

/* One request, one answer. Returns the server's status, its text in the fault. The reply is set in any case: a refusal
 * has trailers (grpc-status-details-bin) too. */
weft_status weft_channel_call(struct weft_channel *channel, const struct weft_channel_request *request,
                              struct weft_channel_reply *ret_reply, struct weft_fault *ret_fault);

/* Messages both ways, or many answers to one request. Ends at the request's deadline at the latest. */
struct weft_stream;
weft_status weft_stream_open(struct weft_channel *channel, const struct weft_channel_request *request,
                             struct weft_stream **ret_stream, struct weft_fault *ret_fault); /* sends no message yet */
weft_status weft_stream_send(struct weft_stream *stream, const void *message, size_t size,
                             struct weft_fault *ret_fault);
weft_status weft_stream_send_end(struct weft_stream *stream, struct weft_fault *ret_fault); /* no more from this side */
/* The next message; WEFT_OK with message NULL: the stream has ended well. Else the server's status. */
weft_status weft_stream_receive(struct weft_stream *stream, struct weft_channel_reply *ret_reply,
                                struct weft_fault *ret_fault);
void weft_stream_close(struct weft_stream *stream); /* NULL is fine; cancels what has not ended */

#endif
