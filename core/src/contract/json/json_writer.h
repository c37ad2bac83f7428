/* contract/json/json_writer.h - the pieces of the JSON writer: json_write.c walks messages, json_write_wellknown.c
 * knows those that have a form of their own. */
#ifndef WEFT_CONTRACT_JSON_WRITER_H
#define WEFT_CONTRACT_JSON_WRITER_H

#include "contract/json/json.h"
#include "contract/wellknown.h"

struct weft_json_writer {
    struct weft_buffer *buffer;
    uint32_t flags;
    uint32_t depth;               /* messages open */
    uint32_t level;               /* brackets open, for the indent */
    const struct weft_file *file; /* where the types of Any are looked for first */
    struct weft_fault *fault;
};

/* Any message, whatever its form; NULL is one without any field set. */
weft_status weft_json_writer_message(struct weft_json_writer *writer, const struct weft_message_type *type,
                                     const ProtobufCMessage *message);
/* The members of an object without its braces; `first`: none is written before them. */
weft_status weft_json_writer_members(struct weft_json_writer *writer, const struct weft_message_type *type,
                                     const ProtobufCMessage *message, bool first);
/* One value of a field, an element of a repeated one: `value` points at it. */
weft_status weft_json_writer_value(struct weft_json_writer *writer, const struct weft_message_type *type,
                                   const ProtobufCFieldDescriptor *field, const void *value);
weft_status weft_json_writer_wellknown(struct weft_json_writer *writer, enum weft_wellknown kind,
                                       const struct weft_message_type *type, const ProtobufCMessage *message);

void weft_json_writer_open(struct weft_json_writer *writer, char bracket);
void weft_json_writer_close(struct weft_json_writer *writer, char bracket, bool empty);
void weft_json_writer_next(struct weft_json_writer *writer, bool first); /* comma and new line before a member */
void weft_json_writer_name(struct weft_json_writer *writer, const char *name);

#endif
