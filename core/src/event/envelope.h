/* event/envelope.h - between an event and a message: CloudEvents 1.0 attributes as headers (binary mode). */
#ifndef WEFT_EVENT_ENVELOPE_H
#define WEFT_EVENT_ENVELOPE_H

#include "base/arena.h"
#include "base/fault.h"
#include <weft/contract.h>
#include <weft/plugin.h>

enum weft_body { WEFT_BODY_PROTOBUF, WEFT_BODY_JSON, WEFT_BODY_NESTJS };

/* An event as received, whatever its producer: never NULL but where said. */
struct weft_envelope {
    char id[37];      /* a UUID: as sent, or UUIDv5(source, id) of a foreign id, or "" when there was none */
    const char *type; /* "" unknown */
    const char *source;
    const char *key;                                              /* or NULL */
    const char *correlation_id;                                   /* valid, or a fresh one */
    const char *causation_id, *traceparent, *tracestate, *schema; /* or NULL */
    int64_t time_us;
    enum weft_body body;
    uint32_t spare;
};

/* The lane's key of a message, without reading all of it: its subject, or NULL. Borrowed. */
const char *weft_envelope_key(const struct weft_message *message);

/* Reads `cloudEvents:` and `cloudEvents_` headers, broker properties, and the NestJS body's pattern. Borrows from the
 * message and the arena. Never fails: what is not there is empty. */
void weft_envelope_read(struct weft_arena *arena, const struct weft_message *message,
                        struct weft_envelope *ret_envelope);

/* Unpacks the payload by its body form, through the guard. */
weft_status weft_envelope_unpack(struct weft_arena *arena, const struct weft_envelope *envelope,
                                 const struct weft_message *message, const struct weft_event_type *type,
                                 ProtobufCMessage **ret_message, struct weft_fault *ret_fault);

/* What leaves: an event's attributes as headers (names are `cloudEvents:...`), those that are not NULL. */
enum { WEFT_ENVELOPE_HEADERS = 12 };
struct weft_envelope_attributes {
    const char *id, *source, *type, *time, *sequence;
    const char *key, *schema, *traceparent, *tracestate, *causation_id; /* or NULL */
};
uint32_t weft_envelope_headers(const struct weft_envelope_attributes *attributes,
                               struct weft_header ret_headers[WEFT_ENVELOPE_HEADERS]);

/* Content types by body: application/x-protobuf (application/protobuf is read as well), application/json. */
const char *weft_body_content_type(enum weft_body body);

#endif
