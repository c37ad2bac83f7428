/* contract/guard.c - reads the wire format (protobuf.dev/programming-guides/encoding) against the descriptor, with a
 * stack of its own, and counts what protobuf-c will allocate. Only what passes is unpacked. */
#include "contract/guard.h"

#include "base/buffer.h"
#include "base/text.h"
#include "contract/merge.h"
#include "contract/wire.h"
#include <string.h>

/* What protobuf-c takes beside the message itself (protobuf-c.c): a ScannedMember a field, in slabs that double. */
enum { FIELD_OVERHEAD = 2 * 48, ARENA_OVERHEAD = 16 };

struct frame { /* a message that is open */
    const ProtobufCMessageDescriptor *descriptor;
    const uint8_t *end;
    uint32_t next; /* the field expected next: senders write them in order */
    uint32_t high; /* all fields so far stand before this one */
};

struct scan {
    const struct weft_guard_limits *limits;
    const uint8_t *at;
    uint32_t depth; /* of the innermost open message; the outermost is 0 */
    uint32_t fields;
    uint64_t memory;
    bool in_pieces; /* a field that holds one message may be there twice */
    struct weft_fault *fault;
    struct frame frames[WEFT_GUARD_DEPTH_MAX + 1];
};

struct tag {
    uint32_t number;
    uint32_t wire;
};

static const char *message_name(const struct scan *scan)
{
    return scan->frames[scan->depth].descriptor->name;
}

static weft_status malformed(struct scan *scan, const char *what)
{
    return weft_fault_set(scan->fault, WEFT_INVALID_ARGUMENT, "message %s is not valid protobuf: %s",
                          message_name(scan), what);
}

static weft_status bad_field(struct scan *scan, const ProtobufCFieldDescriptor *field, const char *what)
{
    return weft_fault_set(scan->fault, WEFT_INVALID_ARGUMENT, "field %s of %s %s", field->name, message_name(scan),
                          what);
}

static size_t bytes_left(const struct scan *scan)
{
    return (size_t)(scan->frames[scan->depth].end - scan->at);
}

static bool read_varint(struct scan *scan, size_t max, uint64_t *ret_value)
{
    return weft_wire_varint(&scan->at, scan->frames[scan->depth].end, max, ret_value);
}

static weft_status read_tag(struct scan *scan, struct tag *ret_tag)
{
    uint64_t key;
    if (!read_varint(scan, 5, &key) || key > UINT32_MAX) return malformed(scan, "a tag is cut off or too long");
    ret_tag->number = (uint32_t)(key >> 3);
    ret_tag->wire = key & 7;
    if (ret_tag->number == 0) return malformed(scan, "a field has number 0");
    if (++scan->fields > scan->limits->max_fields)
        return weft_fault_set(scan->fault, WEFT_RESOURCE_EXHAUSTED, "the message has more than %u fields",
                              scan->limits->max_fields);
    scan->memory += FIELD_OVERHEAD;
    return WEFT_OK;
}

static const ProtobufCFieldDescriptor *find_field(struct scan *scan, uint32_t number)
{
    struct frame *frame = &scan->frames[scan->depth];
    const ProtobufCMessageDescriptor *descriptor = frame->descriptor;
    const ProtobufCFieldDescriptor *field = NULL;
    if (frame->next < descriptor->n_fields) field = &descriptor->fields[frame->next];
    if (field == NULL || field->id != number) field = protobuf_c_message_descriptor_get_field(descriptor, number);
    if (field == NULL) return NULL;
    bool is_repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    uint32_t index = (uint32_t)(field - descriptor->fields);
    if (index < frame->high && field->type == PROTOBUF_C_TYPE_MESSAGE && !is_repeated) scan->in_pieces = true;
    if (index >= frame->high) frame->high = index + 1;
    frame->next = index + !is_repeated; /* the same again when it repeats */
    return field;
}

static uint32_t wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WEFT_WIRE_FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WEFT_WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WEFT_WIRE_DELIMITED;
    default:
        return WEFT_WIRE_VARINT;
    }
}

/* A repeated scalar may come packed, whatever its descriptor says. */
static bool wire_fits(const ProtobufCFieldDescriptor *field, uint32_t wire)
{
    uint32_t wanted = wire_of(field->type);
    return wire == wanted ||
           (wire == WEFT_WIRE_DELIMITED && wanted != WEFT_WIRE_DELIMITED && field->label == PROTOBUF_C_LABEL_REPEATED);
}

/* What a scalar takes by itself; its place in the message is counted with the message. */
static void count_scalars(struct scan *scan, const ProtobufCFieldDescriptor *field, size_t wire_bytes)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED) return;
    uint32_t wire = wire_of(field->type); /* a packed varint is a byte at least, and becomes up to eight */
    scan->memory += (wire == WEFT_WIRE_VARINT ? 8 : 1) * (uint64_t)wire_bytes;
}

static weft_status check_string(struct scan *scan, const ProtobufCFieldDescriptor *field, size_t size)
{
    const char *text = (const char *)scan->at;
    if (size == 0) return WEFT_OK;
    if (memchr(text, '\0', size) != NULL) return bad_field(scan, field, "holds a NUL, which text may not");
    if (!weft_text_is_utf8(text, size))
        return bad_field(scan, field, "is not valid UTF-8; for other bytes there is type bytes");
    return WEFT_OK;
}

static weft_status open_message(struct scan *scan, const ProtobufCMessageDescriptor *descriptor, size_t size)
{
    if (scan->depth >= scan->limits->max_depth || scan->depth >= WEFT_GUARD_DEPTH_MAX)
        return weft_fault_set(scan->fault, WEFT_INVALID_ARGUMENT, "the message is nested deeper than %u, at %s",
                              scan->depth, descriptor->name);
    scan->memory += descriptor->sizeof_message + ARENA_OVERHEAD + sizeof(void *);
    scan->frames[++scan->depth] = (struct frame){ descriptor, scan->at + size, 0, 0 };
    return WEFT_OK;
}

static weft_status read_delimited(struct scan *scan, const ProtobufCFieldDescriptor *field)
{
    uint64_t size;
    if (!read_varint(scan, 5, &size) || size > bytes_left(scan)) return malformed(scan, "a length goes beyond the end");
    weft_status status = WEFT_OK;
    if (field == NULL) {
        scan->memory += size + ARENA_OVERHEAD;
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return open_message(scan, field->descriptor, (size_t)size);
    } else if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES) {
        if (field->type == PROTOBUF_C_TYPE_STRING) status = check_string(scan, field, (size_t)size);
        scan->memory += size + ARENA_OVERHEAD + 2 * sizeof(void *);
    } else {
        count_scalars(scan, field, (size_t)size);
    }
    scan->at += size;
    return status;
}

static weft_status read_scalar(struct scan *scan, const ProtobufCFieldDescriptor *field, uint32_t wire)
{
    const uint8_t *before = scan->at;
    uint64_t value;
    if (wire == WEFT_WIRE_VARINT) {
        if (!read_varint(scan, 10, &value)) return malformed(scan, "a number is cut off or too long");
    } else {
        size_t size = wire == WEFT_WIRE_FIXED64 ? 8 : 4;
        if (size > bytes_left(scan)) return malformed(scan, "a number is cut off");
        scan->at += size;
    }
    if (field != NULL) count_scalars(scan, field, (size_t)(scan->at - before));
    return WEFT_OK;
}

static weft_status read_field(struct scan *scan)
{
    struct tag tag;
    weft_status status = read_tag(scan, &tag);
    if (status != WEFT_OK) return status;
    const ProtobufCFieldDescriptor *field = find_field(scan, tag.number);
    if (field != NULL && !wire_fits(field, tag.wire))
        return bad_field(scan, field, "has another type on the wire: the sender's contract differs");
    switch (tag.wire) {
    case WEFT_WIRE_VARINT:
    case WEFT_WIRE_FIXED64:
    case WEFT_WIRE_FIXED32:
        return read_scalar(scan, field, tag.wire);
    case WEFT_WIRE_DELIMITED:
        return read_delimited(scan, field);
    default:
        return malformed(scan, "it holds a group");
    }
}

static uint64_t max_memory(const struct weft_guard_limits *limits)
{
    return limits->max_memory != 0 ? limits->max_memory : 8 * limits->max_bytes;
}

static weft_status scan_all(struct scan *scan)
{
    uint64_t limit = max_memory(scan->limits);
    for (;;) {
        while (scan->at == scan->frames[scan->depth].end) {
            if (scan->depth == 0) return WEFT_OK;
            scan->depth--;
        }
        weft_status status = read_field(scan);
        if (status != WEFT_OK) return status;
        if (scan->memory > limit)
            return weft_fault_set(scan->fault, WEFT_RESOURCE_EXHAUSTED,
                                  "the message would take more than %llu bytes of memory; send it in parts",
                                  (unsigned long long)limit);
    }
}

static weft_status unpack_pieces(const struct weft_guard_limits *limits, const ProtobufCMessageDescriptor *descriptor,
                                 const uint8_t *bytes, size_t size, struct weft_arena *arena,
                                 ProtobufCMessage **ret_message, struct weft_fault *fault)
{
    __attribute__((cleanup(weft_buffer_free))) struct weft_buffer whole = WEFT_BUFFER_EMPTY;
    uint64_t budget = max_memory(limits);
    if (!weft_merge(descriptor, bytes, size, &budget, &whole))
        return weft_fault_set(fault, WEFT_RESOURCE_EXHAUSTED, "message %s is sent in too many pieces",
                              descriptor->name);
    *ret_message =
        protobuf_c_message_unpack(descriptor, weft_arena_protobuf(arena), whole.size, (const uint8_t *)whole.data);
    return WEFT_OK;
}

static weft_status unpack(const struct scan *scan, const uint8_t *bytes, size_t size, struct weft_arena *arena,
                          ProtobufCMessage **ret_message)
{
    const ProtobufCMessageDescriptor *descriptor = scan->frames[0].descriptor;
    ProtobufCMessage *message;
    if (scan->in_pieces) {
        weft_status status = unpack_pieces(scan->limits, descriptor, bytes, size, arena, &message, scan->fault);
        if (status != WEFT_OK) return status;
    } else {
        message = protobuf_c_message_unpack(descriptor, weft_arena_protobuf(arena), size, bytes);
    }
    if (message == NULL) /* proto2 */
        return weft_fault_set(scan->fault, WEFT_INVALID_ARGUMENT,
                              "message %s is not complete: a required field is missing", descriptor->name);
    *ret_message = message;
    return WEFT_OK;
}

weft_status weft_guard_unpack(const struct weft_guard_limits *limits, const ProtobufCMessageDescriptor *descriptor,
                              const void *bytes, size_t size, struct weft_arena *arena, ProtobufCMessage **ret_message,
                              struct weft_fault *ret_fault)
{
    if (size > limits->max_bytes)
        return weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED, "the message has %zu bytes; at most %llu are allowed",
                              size, (unsigned long long)limits->max_bytes);
    struct scan scan;
    scan.limits = limits;
    scan.at = bytes != NULL ? bytes : (const uint8_t *)"";
    scan.depth = scan.fields = 0;
    scan.memory = descriptor->sizeof_message;
    scan.in_pieces = false;
    scan.fault = ret_fault;
    scan.frames[0] = (struct frame){ descriptor, scan.at + size, 0, 0 };
    const uint8_t *start = scan.at;
    weft_status status = scan_all(&scan);
    if (status != WEFT_OK) return status;
    return unpack(&scan, start, size, arena, ret_message);
}
