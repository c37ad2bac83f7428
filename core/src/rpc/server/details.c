/* rpc/server/details.c - violations as google.rpc.BadRequest in google.rpc.Status. */
#include "rpc/server/details.h"

#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>
#include <string.h>

#define BAD_REQUEST_URL "type.googleapis.com/google.rpc.BadRequest"
#define DETAILS_MAX     4096

typedef Google__Rpc__BadRequest__FieldViolation field_violation;

/* protobuf-c's strings are not const: it only reads them. */
static char *unconst(const char *text)
{
    union {
        const char *from;
        char *to;
    } both = { text };
    return both.to;
}

static struct weft_bytes bad_request_pack(struct weft_arena *arena, const struct weft_fault *fault)
{
    Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
    bad.field_violations = weft_arena_alloc(arena, fault->n_violations * sizeof bad.field_violations[0]);
    size_t left = DETAILS_MAX;
    for (uint32_t i = 0; i < fault->n_violations; i++) {
        const struct weft_violation *from = &fault->violations[i];
        size_t size = strlen(from->field) + strlen(from->description) + 16;
        if (size > left) break;
        left -= size;
        field_violation *to = weft_arena_alloc(arena, sizeof *to);
        google__rpc__bad_request__field_violation__init(to);
        to->field = unconst(from->field);
        to->description = unconst(from->description);
        bad.field_violations[bad.n_field_violations++] = to;
    }
    return weft_message_pack(arena, &bad.base);
}

struct weft_bytes weft_details_pack(struct weft_arena *arena, const struct weft_fault *fault)
{
    struct weft_bytes bad = bad_request_pack(arena, fault);
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    any.type_url = unconst(BAD_REQUEST_URL);
    any.value = (ProtobufCBinaryData){ .len = bad.size, .data = (uint8_t *)(uintptr_t)bad.data };
    Google__Protobuf__Any *details[] = { &any };
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.code = (int32_t)fault->status;
    status.message = unconst(fault->text);
    status.details = details;
    status.n_details = 1;
    return weft_message_pack(arena, &status.base);
}
