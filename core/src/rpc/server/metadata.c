/* rpc/server/metadata.c - looking metadata up, and which of it we believe. */
#include "rpc/server/metadata.h"

#include "base/id.h"
#include "base/text.h"
#include <string.h>

#define TRACEPARENT_SIZE 55  /* version 00: W3C Trace Context, section 3.2 */
#define TRACESTATE_MAX   512 /* section 3.3.1.5 */

static bool slice_is(grpc_slice slice, const char *text, size_t size)
{
    return GRPC_SLICE_LENGTH(slice) == size && memcmp(GRPC_SLICE_START_PTR(slice), text, size) == 0;
}

static const grpc_slice *metadata_slice(const grpc_metadata_array *metadata, const char *key, size_t size)
{
    for (size_t i = 0; i < metadata->count; i++)
        if (slice_is(metadata->metadata[i].key, key, size)) return &metadata->metadata[i].value;
    return NULL;
}

const char *weft_metadata_find(const grpc_metadata_array *metadata, struct weft_arena *arena, const char *key)
{
    const grpc_slice *value = metadata_slice(metadata, key, strlen(key));
    if (value == NULL) return NULL;
    return weft_arena_copy(arena, GRPC_SLICE_START_PTR(*value), GRPC_SLICE_LENGTH(*value));
}

const char *weft_metadata_correlation_id(struct weft_arena *arena, const char *id, size_t size)
{
    if (id != NULL && weft_text_is_correlation_id(id, size)) return weft_arena_copy(arena, id, size);
    char *fresh = weft_arena_alloc(arena, WEFT_ID_SIZE);
    weft_id_v7(fresh);
    return fresh;
}

/* A traceparent that is none is dropped, and its tracestate with it (section 3.3.2.1). */
static void metadata_read_trace(struct weft_work *work, const grpc_slice *parent, const grpc_slice *state)
{
    if (parent == NULL || GRPC_SLICE_LENGTH(*parent) < TRACEPARENT_SIZE || GRPC_SLICE_LENGTH(*parent) > TRACESTATE_MAX)
        return;
    const char *text = (const char *)GRPC_SLICE_START_PTR(*parent);
    if (!weft_text_is_visible_ascii(text, GRPC_SLICE_LENGTH(*parent)) || text[2] != '-' || text[35] != '-') return;
    work->traceparent = weft_arena_copy(work->arena, text, GRPC_SLICE_LENGTH(*parent));
    if (state == NULL || GRPC_SLICE_LENGTH(*state) > TRACESTATE_MAX) return;
    work->tracestate = weft_arena_copy(work->arena, GRPC_SLICE_START_PTR(*state), GRPC_SLICE_LENGTH(*state));
}

void weft_metadata_trace(const grpc_metadata_array *metadata, struct weft_work *work)
{
    const grpc_slice *id = metadata_slice(metadata, "x-correlation-id", 16);
    work->correlation_id =
        weft_metadata_correlation_id(work->arena, id != NULL ? (const char *)GRPC_SLICE_START_PTR(*id) : NULL,
                                     id != NULL ? GRPC_SLICE_LENGTH(*id) : 0);
    metadata_read_trace(work, metadata_slice(metadata, "traceparent", 11), metadata_slice(metadata, "tracestate", 10));
}

const char *weft_metadata_pair(const char *const *metadata, const char *key)
{
    for (; metadata != NULL && metadata[0] != NULL && metadata[1] != NULL; metadata += 2)
        if (strcmp(metadata[0], key) == 0) return metadata[1];
    return NULL;
}
