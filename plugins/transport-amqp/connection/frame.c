/* frame.c - AMQP 0-9-1, section 2.3.5: type (1 byte), channel (2), size (4), payload, 0xCE. Methods and properties are
 * encoded by the library, straight into the output. */
#include "connection/frame.h"

#include "connection/connection.h"
#include "instance.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_HEAD = 7, FRAME_FRAME = 8 /* head and end mark */, CONTENT_HEAD = 12, METHOD_MOST = 1024 };

/* Room for `bytes` more; NULL when out of memory, and the connection is broken. */
static char *output_reserve(struct connection *connection, size_t bytes)
{
    struct output *output = &connection->output;
    if (output->capacity - output->size < bytes) {
        size_t capacity = (output->size + bytes) * 2;
        char *grown = realloc(output->data, capacity);
        if (grown == NULL) {
            rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "out of memory for %zu bytes of output", capacity);
            return NULL;
        }
        output->data = grown;
        output->capacity = capacity;
    }
    return output->data + output->size;
}

static void put_16(char *at, uint16_t value)
{
    value = htons(value);
    memcpy(at, &value, sizeof value);
}

static void put_32(char *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, sizeof value);
}

/* Closes the frame whose payload of `size` bytes has been written behind its head. */
static void frame_finish(struct connection *connection, uint8_t type, amqp_channel_t channel, size_t size)
{
    char *at = connection->output.data + connection->output.size;
    at[0] = (char)type;
    put_16(at + 1, channel);
    put_32(at + 3, (uint32_t)size);
    at[FRAME_HEAD + size] = (char)AMQP_FRAME_END;
    connection->output.size += FRAME_FRAME + size;
}

static void frame_send(struct connection *connection, amqp_frame_t *frame)
{
    if (connection->broken) return;
    int status = amqp_send_frame(connection->state, frame);
    connection->sent_ns = rabbit_now(connection->rabbit);
    if (status != AMQP_STATUS_OK)
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "lost the %s connection: %s", connection->name,
                                amqp_error_string2(status));
}

void rabbit_frame_method(struct connection *connection, amqp_channel_t channel, amqp_method_number_t id, void *decoded)
{
    if (connection->tls) {
        amqp_frame_t frame = { .frame_type = AMQP_FRAME_METHOD, .channel = channel };
        frame.payload.method.id = id;
        frame.payload.method.decoded = decoded;
        frame_send(connection, &frame);
        return;
    }
    char *at = output_reserve(connection, FRAME_FRAME + METHOD_MOST);
    if (at == NULL) return;
    put_32(at + FRAME_HEAD, id);
    amqp_bytes_t room = { .len = METHOD_MOST - 4, .bytes = at + FRAME_HEAD + 4 };
    int size = amqp_encode_method(id, decoded, room);
    if (size < 0)
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "a method cannot be encoded: %s",
                                amqp_error_string2(size));
    else
        frame_finish(connection, AMQP_FRAME_METHOD, channel, (size_t)size + 4);
}

static void frame_header(struct connection *connection, amqp_channel_t channel, amqp_basic_properties_t *properties,
                         size_t properties_bytes, size_t body_size)
{
    if (connection->tls) {
        amqp_frame_t frame = { .frame_type = AMQP_FRAME_HEADER, .channel = channel };
        frame.payload.properties.class_id = AMQP_BASIC_CLASS;
        frame.payload.properties.body_size = body_size;
        frame.payload.properties.decoded = properties;
        frame_send(connection, &frame);
        return;
    }
    char *at = output_reserve(connection, FRAME_FRAME + CONTENT_HEAD + properties_bytes);
    if (at == NULL) return;
    put_16(at + FRAME_HEAD, AMQP_BASIC_CLASS);
    put_16(at + FRAME_HEAD + 2, 0); /* weight */
    put_32(at + FRAME_HEAD + 4, (uint32_t)((uint64_t)body_size >> 32));
    put_32(at + FRAME_HEAD + 8, (uint32_t)body_size);
    amqp_bytes_t room = { .len = properties_bytes, .bytes = at + FRAME_HEAD + CONTENT_HEAD };
    int size = amqp_encode_properties(AMQP_BASIC_CLASS, properties, room);
    if (size < 0)
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "properties cannot be encoded: %s",
                                amqp_error_string2(size));
    else
        frame_finish(connection, AMQP_FRAME_HEADER, channel, (size_t)size + CONTENT_HEAD);
}

static void frame_body(struct connection *connection, amqp_channel_t channel, const char *bytes, size_t size)
{
    if (connection->tls) {
        amqp_frame_t frame = { .frame_type = AMQP_FRAME_BODY, .channel = channel };
        frame.payload.body_fragment = (amqp_bytes_t){ .len = size, .bytes = (void *)(uintptr_t)bytes };
        frame_send(connection, &frame);
        return;
    }
    char *at = output_reserve(connection, FRAME_FRAME + size);
    if (at == NULL) return;
    memcpy(at + FRAME_HEAD, bytes, size);
    frame_finish(connection, AMQP_FRAME_BODY, channel, size);
}

void rabbit_frame_content(struct connection *connection, amqp_channel_t channel, amqp_basic_properties_t *properties,
                          size_t properties_bytes, const void *body, size_t body_size)
{
    size_t most = connection->frame_max - FRAME_FRAME;
    frame_header(connection, channel, properties, properties_bytes, body_size);
    for (size_t done = 0; done < body_size && !connection->broken;) {
        size_t size = body_size - done < most ? body_size - done : most;
        frame_body(connection, channel, (const char *)body + done, size);
        done += size;
    }
}

void rabbit_frame_heartbeat(struct connection *connection)
{
    if (connection->tls) {
        amqp_frame_t frame = { .frame_type = AMQP_FRAME_HEARTBEAT };
        frame_send(connection, &frame);
    } else if (output_reserve(connection, FRAME_FRAME) != NULL) {
        frame_finish(connection, AMQP_FRAME_HEARTBEAT, 0, 0);
    }
}
