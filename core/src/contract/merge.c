/* contract/merge.c - twice over the fields of a message: to see which is whose last piece, and to write. */
#include "contract/merge.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "contract/wire.h"
#include <stdlib.h>

struct piece {                             /* one field on the wire */
    const uint8_t *start, *payload, *end;  /* payload: behind tag and length */
    const ProtobufCFieldDescriptor *field; /* NULL: unknown */
};

struct run {                     /* the pieces that make up one field's message */
    const uint8_t *first, *last; /* where they start; NULL: none */
};

/* False at the end. */
static bool next_piece(const ProtobufCMessageDescriptor *descriptor, const uint8_t **at, const uint8_t *end,
                       struct piece *ret_piece)
{
    uint64_t key = 0, value = 0;
    ret_piece->start = *at;
    if (*at == end || !weft_wire_varint(at, end, 5, &key)) return false;
    ret_piece->payload = *at;
    if ((key & 7) == WEFT_WIRE_VARINT)
        weft_wire_varint(at, end, 10, &value);
    else if ((key & 7) == WEFT_WIRE_FIXED64)
        *at += 8;
    else if ((key & 7) == WEFT_WIRE_FIXED32)
        *at += 4;
    else {
        weft_wire_varint(at, end, 5, &value);
        ret_piece->payload = *at;
        *at += value;
    }
    ret_piece->end = *at;
    ret_piece->field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(key >> 3));
    return true;
}

static bool holds_one_message(const ProtobufCFieldDescriptor *field)
{
    return field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED;
}

/* Another member of a oneof clears the ones before it. */
static void clear_rivals(const ProtobufCMessageDescriptor *descriptor, const ProtobufCFieldDescriptor *field,
                         struct run *runs)
{
    if (field == NULL || (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) return;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &descriptor->fields[i];
        bool is_rival = other != field && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
                        other->quantifier_offset == field->quantifier_offset;
        if (is_rival) runs[i] = (struct run){ NULL, NULL };
    }
}

static void find_runs(const ProtobufCMessageDescriptor *descriptor, const uint8_t *at, const uint8_t *end,
                      struct run *runs)
{
    struct piece piece;
    while (next_piece(descriptor, &at, end, &piece)) {
        clear_rivals(descriptor, piece.field, runs);
        if (!holds_one_message(piece.field)) continue;
        struct run *run = &runs[piece.field - descriptor->fields];
        if (run->first == NULL) run->first = piece.start;
        run->last = piece.start;
    }
}

/* The payloads of the run that ends with `last`, one after the other. */
static bool join(const ProtobufCMessageDescriptor *descriptor, const struct run *run, const struct piece *last,
                 uint64_t *budget, struct weft_buffer *joined)
{
    const uint8_t *at = run->first;
    struct piece piece;
    while (at < last->end && next_piece(descriptor, &at, last->end, &piece)) {
        uint64_t size = (uint64_t)(piece.end - piece.payload);
        if (piece.field != last->field) continue;
        if (size > *budget) return false;
        *budget -= size;
        weft_buffer_add(joined, piece.payload, size);
    }
    return true;
}

static void write_varint(struct weft_buffer *out, uint64_t value)
{
    for (; value > 0x7F; value >>= 7)
        weft_buffer_byte(out, (char)(0x80 | (value & 0x7F)));
    weft_buffer_byte(out, (char)value);
}

static bool write_message(const ProtobufCMessageDescriptor *descriptor, const struct run *run,
                          const struct piece *piece, uint64_t *budget, struct weft_buffer *out)
{
    __attribute__((cleanup(weft_buffer_free))) struct weft_buffer joined = WEFT_BUFFER_EMPTY, inner = WEFT_BUFFER_EMPTY;
    const uint8_t *bytes = piece->payload;
    size_t size = (size_t)(piece->end - piece->payload);
    if (run->first != run->last) {
        if (!join(descriptor, run, piece, budget, &joined)) return false;
        bytes = (const uint8_t *)joined.data;
        size = joined.size;
    }
    if (!weft_merge(piece->field->descriptor, bytes, size, budget, &inner)) return false;
    write_varint(out, (uint64_t)piece->field->id << 3 | WEFT_WIRE_DELIMITED);
    write_varint(out, inner.size);
    if (inner.size > 0) weft_buffer_add(out, inner.data, inner.size);
    return true;
}

bool weft_merge(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size, uint64_t *budget,
                struct weft_buffer *out)
{
    struct run *runs = weft_memory_zeroed(descriptor->n_fields + 1, sizeof *runs);
    const uint8_t *at = bytes, *end = bytes + size;
    struct piece piece;
    bool fits = true;
    find_runs(descriptor, at, end, runs);
    while (fits && next_piece(descriptor, &at, end, &piece)) {
        const struct run *run = holds_one_message(piece.field) ? &runs[piece.field - descriptor->fields] : NULL;
        if (run == NULL)
            weft_buffer_add(out, piece.start, (size_t)(piece.end - piece.start));
        else if (run->last == piece.start)
            fits = write_message(descriptor, run, &piece, budget, out);
    }
    free(runs);
    return fits;
}
