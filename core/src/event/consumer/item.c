/* event/consumer/item.c - events to failed rows and back.
 *
 * A failed row holds the message as it came, headers included, so that another try, a person, and a replay see what the
 * first try saw. Foreign messages hold anything: in what no text column can take, U+FFFD stands for what it cannot
 * take; of a message that nobody will ever read, since it is too large, the beginning is kept, its size and its
 * SHA-256. */
#include "event/consumer/item.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/text.h"
#include "contract/guard.h"
#include "event/object.h"

#include <stdio.h>
#include <string.h>

/* ---- what is too large ------------------------------------------------------------------------------------------- */

static uint64_t payload_most(void)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    return limits.max_bytes;
}

static uint64_t payload_size(const struct weft_item *item)
{
    return item->cut != NULL ? item->cut->payload_size : item->message->payload_size;
}

static uint32_t header_count(const struct weft_item *item)
{
    return item->cut != NULL ? item->cut->n_headers : item->message->n_headers;
}

const char *weft_item_excess(const struct weft_item *item, char ret_text[128])
{
    const char *key = item->envelope.key;
    if (payload_size(item) > payload_most())
        snprintf(ret_text, 128, "its body has %llu bytes, at most %llu are read",
                 (unsigned long long)payload_size(item), (unsigned long long)payload_most());
    else if (header_count(item) > WEFT_ITEM_HEADERS_MOST)
        snprintf(ret_text, 128, "it has %u headers, at most %d are read", header_count(item), WEFT_ITEM_HEADERS_MOST);
    else if (item->cut != NULL)
        snprintf(ret_text, 128, "it is larger than the transport hands over");
    else if (key != NULL && strlen(key) > WEFT_ITEM_KEY_MOST)
        snprintf(ret_text, 128, "its key has %zu bytes, at most %d are read", strlen(key), WEFT_ITEM_KEY_MOST);
    else
        return NULL;
    return ret_text;
}

/* ---- its name among the markers ---------------------------------------------------------------------------------- */

/* Without an id it is known by what it holds: two alike share a marker, which costs no more than running alone. */
void weft_item_set_mark(struct weft_item *item)
{
    uint8_t digest[WEFT_DIGEST_BYTES];
    char hex[2 * WEFT_DIGEST_BYTES + 1];
    if (item->envelope.id[0] != '\0') {
        memcpy(item->mark, item->envelope.id, sizeof item->mark);
        return;
    }
    weft_digest(item->message->payload == NULL ? (const void *)"" : item->message->payload, item->message->payload_size,
                digest);
    weft_digest_hex(digest, hex);
    weft_id_v5(item->envelope.type, hex, item->mark);
}

/* ---- to a row ---------------------------------------------------------------------------------------------------- */

/* With U+FFFD for each byte that begins no character. */
static const char *text_clean(struct weft_arena *arena, const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    size_t size = text == NULL ? 0 : strlen(text), filled = 0;
    if (text == NULL || weft_text_is_utf8(text, size)) return text;
    char *clean = weft_arena_alloc(arena, 3 * size + 1);
    for (size_t at = 0, taken; at < size; at += taken) {
        taken = weft_text_character(text + at, size - at);
        size_t given = taken > 0 ? taken : sizeof replacement - 1;
        memcpy(clean + filled, taken > 0 ? text + at : replacement, given);
        filled += given;
        if (taken == 0) taken = 1;
    }
    clean[filled] = '\0';
    return clean;
}

static const char *item_headers(struct weft_arena *arena, const struct weft_message *message)
{
    __attribute__((cleanup(weft_buffer_free))) struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    weft_buffer_byte(&buffer, '{');
    for (uint32_t i = 0; i < message->n_headers && i < WEFT_ITEM_HEADERS_MOST; i++) {
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

/* What is kept of the payload, and what it was if that is not all. */
static void item_payload(struct weft_arena *arena, const struct weft_item *item, struct weft_value ret_params[3])
{
    const struct weft_message *message = item->message;
    const void *payload = message->payload == NULL ? (const void *)"" : message->payload;
    char text[128];
    ret_params[0] = weft_bytes(payload, message->payload_size);
    ret_params[1] = ret_params[2] = weft_null();
    if (weft_item_excess(item, text) == NULL) return;
    uint8_t *digest = weft_arena_alloc(arena, WEFT_DIGEST_BYTES);
    if (payload_size(item) > message->payload_size)
        memcpy(digest, item->cut->payload_sha256, WEFT_DIGEST_BYTES);
    else
        weft_digest(payload, message->payload_size, digest);
    if (message->payload_size > WEFT_CUT_BYTES) ret_params[0] = weft_bytes(payload, WEFT_CUT_BYTES);
    ret_params[1] = weft_int((int64_t)payload_size(item));
    ret_params[2] = weft_bytes(digest, WEFT_DIGEST_BYTES);
}

static const char *item_key(const struct weft_item *item)
{
    const char *key = item->envelope.key;
    return key != NULL && strlen(key) <= WEFT_ITEM_KEY_MOST ? key : NULL;
}

void weft_item_failed_insert(struct weft_arena *arena, const struct weft_item *item, const char *group, bool dead,
                             uint32_t attempts, int64_t delay_us,
                             struct weft_value ret_params[WEFT_FAILED_INSERT_PARAMS])
{
    const struct weft_message *message = item->message;
    struct weft_value payload[3];
    item_payload(arena, item, payload);
    const struct weft_value params[] = {
        weft_text(group),
        weft_text(item_id(arena, item)),
        weft_text(item->envelope.type),
        weft_text(text_clean(arena, message->topic)),
        weft_text(text_clean(arena, message->routing_key)),
        weft_text(item_key(item)),
        weft_text(text_clean(arena, message->content_type)),
        weft_text(item->envelope.correlation_id),
        weft_text(item_headers(arena, message)),
        payload[0],
        weft_text(dead ? "dead" : "parked"),
        weft_int(attempts),
        weft_time_us(weft_clock_wall_us() + delay_us),
        weft_text(text_clean(arena, item->reason)),
        payload[1],
        payload[2],
    };
    _Static_assert(sizeof params / sizeof params[0] == WEFT_FAILED_INSERT_PARAMS, "every column");
    memcpy(ret_params, params, sizeof params);
}

void weft_item_failed_update(struct weft_arena *arena, const struct weft_item *item, bool dead, uint32_t attempts,
                             int64_t delay_us, struct weft_value ret_params[WEFT_FAILED_UPDATE_PARAMS])
{
    ret_params[0] = weft_int(item->parked->seq);
    ret_params[1] = weft_text(dead ? "dead" : "parked");
    ret_params[2] = weft_int(attempts);
    ret_params[3] = weft_time_us(weft_clock_wall_us() + delay_us);
    ret_params[4] = weft_text(text_clean(arena, item->reason));
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
    PARKED_ATTEMPTS,
    PARKED_FULL_SIZE = 15,
    PARKED_FULL_SHA256
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

static void parked_cut(const struct weft_value *columns, struct weft_parked *parked)
{
    const struct weft_value *size = &columns[PARKED_FULL_SIZE], *digest = &columns[PARKED_FULL_SHA256];
    if (size->type == WEFT_TYPE_NULL) return;
    parked->cut.payload_size = size->as.integer > 0 ? (uint64_t)size->as.integer : 1;
    parked->cut.n_headers = parked->message.n_headers;
    if (digest->type == WEFT_TYPE_BYTES && digest->size == WEFT_DIGEST_BYTES)
        memcpy(parked->cut.payload_sha256, digest->as.bytes, WEFT_DIGEST_BYTES);
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
    parked_cut(columns, parked);
    return parked;
}

void weft_parked_free(struct weft_parked *parked)
{
    if (parked != NULL) weft_arena_free(parked->arena);
}
