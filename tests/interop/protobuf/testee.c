/* The testee of protobuf's own conformance suite (protocolbuffers/protobuf, conformance/README.md): reads requests from
 * stdin, a little-endian length before each, and answers with what the guard and the JSON mapping make of them. proto3
 * alone: everything else is answered "skipped". */
#include "base/buffer.h"
#include "conformance/conformance.pb-c.h"
#include "contract/guard.h"
#include "contract/json/json.h"
#include "contract/message.h"
#include "google/protobuf/test_messages_proto3.weft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef Conformance__ConformanceRequest request_proto;
typedef Conformance__ConformanceResponse response_proto;

#define TESTED (&protobuf_test_messages_proto3_test_all_types_proto3_type)

static void answer(response_proto *response, Conformance__ConformanceResponse__ResultCase kind, const char *text)
{
    response->result_case = kind;
    response->skipped = (char *)(uintptr_t)text; /* all texts share one place */
}

/* NULL: the response says why. */
static ProtobufCMessage *read_payload(struct weft_arena *arena, const request_proto *request, response_proto *response,
                                      struct weft_fault *fault)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    ProtobufCMessage *message = NULL;
    weft_status status = WEFT_OK;
    switch (request->payload_case) {
    case CONFORMANCE__CONFORMANCE_REQUEST__PAYLOAD_PROTOBUF_PAYLOAD:
        status = weft_guard_unpack(&limits, TESTED->descriptor, request->protobuf_payload.data,
                                   request->protobuf_payload.len, arena, &message, fault);
        break;
    case CONFORMANCE__CONFORMANCE_REQUEST__PAYLOAD_JSON_PAYLOAD:
        status = weft_json_read(TESTED, request->json_payload, strlen(request->json_payload), arena, &message, fault);
        break;
    default:
        answer(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_SKIPPED, "no such format here");
        break;
    }
    if (status != WEFT_OK) answer(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_PARSE_ERROR, fault->text);
    return message;
}

static void write_payload(struct weft_arena *arena, const request_proto *request, const ProtobufCMessage *message,
                          response_proto *response, struct weft_fault *fault)
{
    if (request->requested_output_format == CONFORMANCE__WIRE_FORMAT__PROTOBUF) {
        struct weft_bytes bytes = weft_message_pack(arena, message);
        response->result_case = CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_PROTOBUF_PAYLOAD;
        response->protobuf_payload = (ProtobufCBinaryData){ bytes.size, (uint8_t *)(uintptr_t)bytes.data };
    } else {
        __attribute__((cleanup(weft_buffer_free))) struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
        if (weft_json_write(TESTED, message, 0, &buffer, fault) == WEFT_OK)
            answer(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_JSON_PAYLOAD,
                   weft_arena_copy(arena, buffer.data, buffer.size));
        else
            answer(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_SERIALIZE_ERROR, fault->text);
    }
}

static void handle(struct weft_arena *arena, const request_proto *request, response_proto *response,
                   struct weft_fault *fault)
{
    if (strcmp(request->message_type, "conformance.FailureSet") ==
        0) { /* which failures we expect: none are told here */
        response->result_case = CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_PROTOBUF_PAYLOAD;
        return;
    }
    if (strcmp(request->message_type, TESTED->name) != 0) {
        answer(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_SKIPPED, "proto3 alone");
        return;
    }
    if (request->test_category == CONFORMANCE__TEST_CATEGORY__JSON_IGNORE_UNKNOWN_PARSING_TEST) {
        answer(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_SKIPPED, "unknown fields are errors by intent");
        return;
    }
    if (request->requested_output_format != CONFORMANCE__WIRE_FORMAT__PROTOBUF &&
        request->requested_output_format != CONFORMANCE__WIRE_FORMAT__JSON) {
        answer(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_SKIPPED, "no such format here");
        return;
    }
    const ProtobufCMessage *message = read_payload(arena, request, response, fault);
    if (message != NULL) write_payload(arena, request, message, response, fault);
}

static bool read_exactly(void *bytes, size_t size)
{
    return fread(bytes, 1, size, stdin) == size;
}

static bool serve_one(struct weft_arena *arena)
{
    uint32_t size; /* little-endian, as this machine is */
    if (!read_exactly(&size, sizeof size)) return false;
    uint8_t *bytes = weft_arena_alloc(arena, size + 1u);
    if (!read_exactly(bytes, size)) return false;
    request_proto *request = conformance__conformance_request__unpack(weft_arena_protobuf(arena), size, bytes);
    if (request == NULL) return false;
    response_proto response = CONFORMANCE__CONFORMANCE_RESPONSE__INIT;
    struct weft_fault fault = { 0 };
    handle(arena, request, &response, &fault);
    struct weft_bytes packed = weft_message_pack(arena, &response.base);
    uint32_t packed_size = (uint32_t)packed.size;
    fwrite(&packed_size, sizeof packed_size, 1, stdout);
    fwrite(packed.data, 1, packed.size, stdout);
    return fflush(stdout) == 0;
}

int main(void)
{
    struct weft_arena *arena = weft_arena_new(65536);
    while (serve_one(arena))
        weft_arena_reset(arena);
    weft_arena_free(arena);
    return 0;
}
