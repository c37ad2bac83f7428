/* event/emit.h - an event made out of a message, for those that send it. */
#ifndef WEFT_EVENT_EMIT_H
#define WEFT_EVENT_EMIT_H

#include "data/tx.h"
#include "data/work.h"
#include "event/topics.h"

/* Checks and packs: a row with a fresh id, in the arena. Correlation and cause are the work's, which may be NULL.
 * INVALID_ARGUMENT: no message, too large, invalid UTF-8, an empty key. */
weft_status weft_emit_row(struct weft_arena *arena, const struct weft_topics *topics, const struct weft_work *work,
                          const struct weft_event_type *type, const ProtobufCMessage *message,
                          struct weft_outbox_row *ret_row, struct weft_fault *ret_fault);

#endif
