/* event/direct/emit_direct.c - an event without a transaction: checked and packed at once, sent by another thread. */
#include "event/direct/direct.h"
#include "event/direct/entry.h"
#include "event/emit.h"

#include <string.h>

/* A handler goes on whatever becomes of such an event: the failure is told, and is not the work's. */
static weft_status direct_refuse(struct weft_work *work, const struct weft_event_type *type,
                                 const struct weft_fault *fault)
{
    weft_log_warn(work, "cannot emit %s: %s", type->type, fault->text);
    return fault->status;
}

static weft_status direct_put(struct weft_work *work, const struct weft_outbox_row *row, const char *topic,
                              uint32_t flags)
{
    const struct weft_bytes entry = weft_direct_entry_write(work->arena, row, topic, flags);
    return weft_direct_put(work->direct, entry.data, entry.size) ? WEFT_OK : WEFT_RESOURCE_EXHAUSTED;
}

weft_status weft_emit_direct(weft_work *work, const struct weft_event_type *type, const ProtobufCMessage *message)
{
    struct weft_fault fault = { .status = WEFT_OK };
    struct weft_outbox_row row = { 0 };
    const struct weft_topics *topics = work->direct != NULL ? weft_direct_topics(work->direct) : NULL;
    if (weft_emit_row(work->arena, topics, work, type, message, &row, &fault) != WEFT_OK)
        return direct_refuse(work, type, &fault);
    if (work->direct == NULL) return WEFT_OK; /* a host inside a test has no transport */
    const uint32_t flags = (type->flags & WEFT_EVENT_UNROUTED_OK) != 0 ? 0 : WEFT_PUBLISH_MANDATORY;
    const weft_status status = direct_put(work, &row, type->topic, flags);
    if (status != WEFT_OK || (type->flags & WEFT_EVENT_BROADCAST) == 0) return status;
    return direct_put(work, &row, weft_format(work, "%s.live", type->topic), WEFT_PUBLISH_TRANSIENT);
}
