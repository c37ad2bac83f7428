/* rpc/client/exchange.h - one unary call to a server as core gives it back: under weft_channel_call and
 * weft_client_call. The caller's thread. */
#ifndef WEFT_RPC_EXCHANGE_H
#define WEFT_RPC_EXCHANGE_H

#include "rpc/client/channel.h"
#include <grpc/grpc.h>
#include <stdbool.h>

struct weft_exchange {
    grpc_byte_buffer *response;            /* or NULL */
    grpc_metadata_array headers, trailers; /* their elements are the call's */
    grpc_call *call;
};

/* Sends the message, which stays the caller's, and waits for the answer or the request's deadline. request->message is
 * not looked at. Returns the server's status, its text in the fault. */
weft_status weft_exchange_run(struct weft_exchange *exchange, struct weft_channel *channel,
                              const struct weft_channel_request *request, grpc_byte_buffer *message,
                              struct weft_fault *ret_fault);
void weft_exchange_close(struct weft_exchange *exchange); /* for __attribute__((cleanup)) too */

/* ---- for streams ------------------------------------------------------------------------------------------------- */

/* A completion queue to pluck from, of the channel's pool; give it back when no tag is out. */
grpc_completion_queue *weft_channel_queue_take(struct weft_channel *channel);
void weft_channel_queue_give(struct weft_channel *channel, grpc_completion_queue *queue);
grpc_call *weft_channel_call_new(struct weft_channel *channel, grpc_completion_queue *queue,
                                 const struct weft_channel_request *request);

/* Metadata as core wants it: name, value, ..., NULL. `n` may be 0. */
struct weft_channel_send_metadata {
    grpc_metadata *metadata;
    size_t n;
};
weft_status weft_channel_metadata_make(const char *const *pairs, struct weft_channel_send_metadata *ret_metadata,
                                       struct weft_fault *ret_fault);
void weft_channel_metadata_free(struct weft_channel_send_metadata *metadata);

/* Waits for a tag. The call's deadline ends the wait: core then gives all its tags back. */
bool weft_channel_pluck(grpc_completion_queue *queue, void *tag);
/* How a call ended, from what core says. */
weft_status weft_channel_status(grpc_status_code code, grpc_slice details, struct weft_fault *ret_fault);

/* Copies into a reply. */
void weft_reply_message(struct weft_channel_reply *reply, grpc_byte_buffer *buffer);
void weft_reply_metadata(struct weft_channel_reply *reply, const grpc_metadata_array *headers,
                         const grpc_metadata_array *trailers);

#endif
