/* event/consumer/item.c - events to failed rows and back.
 *
 * A failed row holds the message as it came, headers included, so that another try, a person, and a replay see what the
 * first try saw. Foreign messages hold anything: what no text column can take is left out. */
#include "event/consumer/item.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"
#include "event/object.h"

#include <string.h>

/* ---- to a row ---------------------------------------------------------------------------------------------------- */

static const char *text_clean(const char *text)
{
    return text != NULL && weft_text_is_utf8(text, strlen(text)) ? text : NULL;
}

static const char *item_headers(struct weft_arena *arena, const struct weft_message *message)
{
    __attribute__((cleanup(weft_buffer_free))) struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    weft_buffer_byte(&buffer, '{');
    for (uint32_t i = 0; i < message->n_headers; i++) {
        const struct weft_header *header = &message->headers[i];
        if (header->name == NULL || header->value == NULL) continue;
        if (buffer.size > 1) weft_buffer_byte(&buffer, ',');
        weft_buffer_json(&buffer, header->name, strlen(header->name));
        weft_buffer_byte(&buffer, ':');
        weft_buffer_json(&buffer, header->value, strlen(header->value));
    }
    weft_buffer_byte(&buffer, '}');
    return weft_arena_copy(arena, buffer.data, buffer.size);
}

/* A message without id gets one, so that its row can be told from others. */
static const char *item_id(struct weft_arena *arena, const struct weft_item *item)
{
    if (item->envelope.id[0] != '\0') return item->envelope.id;
    char *id = weft_arena_alloc(arena, WEFT_ID_SIZE);
    weft_id_v7(id);
    return id;
}

void weft_item_failed_insert(struct weft_arena *arena, const struct weft_item *item, const char *group, bool dead,
                             uint32_t attempts, int64_t delay_us,
                             struct weft_value ret_params[WEFT_FAILED_INSERT_PARAMS])
{
    const struct weft_message *message = item->message;
    const void *payload = message->payload == NULL ? (const void *)"" : message->payload;
    const struct weft_value params[] = {
        weft_text(group),
        weft_text(item_id(arena, item)),
        weft_text(item->envelope.type),
        weft_text(text_clean(message->topic)),
        weft_text(text_clean(message->routing_key)),
        weft_text(item->envelope.key),
        weft_text(text_clean(message->content_type)),
        weft_text(item->envelope.correlation_id),
        weft_text(item_headers(arena, message)),
        weft_bytes(payload, message->payload_size),
        weft_text(dead ? "dead" : "parked"),
        weft_int(attempts),
        weft_time_us(weft_clock_wall_us() + delay_us),
        weft_text(text_clean(item->reason)),
    };
    _Static_assert(sizeof params / sizeof params[0] == WEFT_FAILED_INSERT_PARAMS, "every column");
    memcpy(ret_params, params, sizeof params);
}

void weft_item_failed_update(const struct weft_item *item, bool dead, uint32_t attempts, int64_t delay_us,
                             struct weft_value ret_params[WEFT_FAILED_UPDATE_PARAMS])
{
    ret_params[0] = weft_int(item->parked->seq);
    ret_params[1] = weft_text(dead ? "dead" : "parked");
    ret_params[2] = weft_int(attempts);
    ret_params[3] = weft_time_us(weft_clock_wall_us() + delay_us);
    ret_params[4] = weft_text(text_clean(item->reason));
}

/* ---- from a row -------------------------------------------------------------------------------------------------- */

enum {
    PARKED_SEQ,
    PARKED_EVENT_ID,
    PARKED_TYPE,
    PARKED_TOPIC,
    PARKED_ROUTING_KEY,
    PARKED_KEY,
    PARKED_CONTENT_TYPE,
    PARKED_CORRELATION_ID,
    PARKED_HEADERS,
    PARKED_PAYLOAD,
    PARKED_STATE,
    PARKED_ATTEMPTS
};

static const char *column_text(struct weft_arena *arena, const struct weft_value *column)
{
    return column->type == WEFT_TYPE_NULL ? NULL : weft_arena_copy(arena, column->as.bytes, column->size);
}

/* The object that item_headers wrote. What a person has damaged since is left out. */
static void parked_headers(struct weft_arena *arena, const char *text, struct weft_message *message)
{
    struct weft_span name, value;
    uint32_t n = 0;
    size_t size = text == NULL ? 0 : strlen(text);
    for (struct weft_object object = weft_object_open(text, size); weft_object_next(&object, &name, &value);)
        n++;
    struct weft_header *headers = weft_arena_alloc(arena, (n + 1) * sizeof *headers);
    uint32_t filled = 0;
    for (struct weft_object object = weft_object_open(text, size); weft_object_next(&object, &name, &value);) {
        /* With its quotes the name is a string as well. */
        headers[filled].name = weft_object_text(arena, (struct weft_span){ name.text - 1, name.size + 2 });
        headers[filled].value = weft_object_text(arena, value);
        if (headers[filled].name != NULL && headers[filled].value != NULL) filled++;
    }
    message->headers = headers;
    message->n_headers = filled;
}

struct weft_parked *weft_parked_new(const struct weft_value *columns)
{
    struct weft_arena *arena = weft_arena_new(2048);
    struct weft_parked *parked = weft_arena_alloc(arena, sizeof *parked);
    *parked = (struct weft_parked){
        .arena = arena,
        .seq = columns[PARKED_SEQ].as.integer,
        .attempts = (uint32_t)columns[PARKED_ATTEMPTS].as.integer,
        .message = {
            .id = column_text(arena, &columns[PARKED_EVENT_ID]),
            .type = column_text(arena, &columns[PARKED_TYPE]),
            .topic = column_text(arena, &columns[PARKED_TOPIC]),
            .routing_key = column_text(arena, &columns[PARKED_ROUTING_KEY]),
            .key = column_text(arena, &columns[PARKED_KEY]),
            .content_type = column_text(arena, &columns[PARKED_CONTENT_TYPE]),
            .correlation_id = column_text(arena, &columns[PARKED_CORRELATION_ID]),
            .payload = column_text(arena, &columns[PARKED_PAYLOAD]),
            .payload_size = columns[PARKED_PAYLOAD].size,
        },
    };
    parked_headers(arena, column_text(arena, &columns[PARKED_HEADERS]), &parked->message);
    return parked;
}

void weft_parked_free(struct weft_parked *parked)
{
    if (parked != NULL) weft_arena_free(parked->arena);
}
