/* rpc/server/metadata.h - what a call's metadata says. Values of gRPC are not ended by NUL: what is handed out is
 * copied into the arena. The call's thread. */
#ifndef WEFT_RPC_METADATA_H
#define WEFT_RPC_METADATA_H

#include "data/work.h"
#include <grpc/grpc.h>

/* The first value of a key, or NULL. */
const char *weft_metadata_find(const grpc_metadata_array *metadata, struct weft_arena *arena, const char *key);

/* Sets the work's correlation id (x-correlation-id, or a fresh one when it is absent or not fit to be one), traceparent
 * and tracestate. */
void weft_metadata_trace(const grpc_metadata_array *metadata, struct weft_work *work);

/* The same from name, value, ..., NULL; `metadata` may be NULL. */
const char *weft_metadata_pair(const char *const *metadata, const char *key);
/* Decides about a correlation id from outside, NULL included. */
const char *weft_metadata_correlation_id(struct weft_arena *arena, const char *id, size_t size);

#endif
