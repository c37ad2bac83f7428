/* event/direct/entry.c - an entry: the version of its form, the flags, the time, then texts and payload, each behind
 * its size and before a NUL. Numbers have their lowest byte first. */
#include "event/direct/entry.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRY_FORM = 1, ENTRY_NONE = UINT32_MAX };

/* In this order. */
enum entry_field {
    ENTRY_ID,
    ENTRY_TYPE,
    ENTRY_TOPIC,
    ENTRY_ROUTING_KEY,
    ENTRY_KEY,
    ENTRY_CONTENT_TYPE,
    ENTRY_SCHEMA,
    ENTRY_CORRELATION,
    ENTRY_CAUSATION,
    ENTRY_TRACEPARENT,
    ENTRY_TRACESTATE,
    ENTRY_PAYLOAD,
    ENTRY_FIELDS
};

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void number_add(struct weft_buffer *buffer, uint64_t number, unsigned bytes)
{
    for (unsigned byte = 0; byte < bytes; byte++)
        weft_buffer_byte(buffer, (char)(number >> (8 * byte)));
}

static void field_add(struct weft_buffer *buffer, const void *bytes, size_t size)
{
    number_add(buffer, bytes != NULL ? size : ENTRY_NONE, 4);
    if (bytes == NULL) return;
    weft_buffer_add(buffer, bytes, size);
    weft_buffer_byte(buffer, '\0');
}

struct weft_bytes weft_direct_entry_write(struct weft_arena *arena, const struct weft_outbox_row *row,
                                          const char *topic, uint32_t flags)
{
    __attribute__((cleanup(weft_buffer_free))) struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    const char *const texts[ENTRY_PAYLOAD] = {
        [ENTRY_ID] = row->event_id,
        [ENTRY_TYPE] = row->type,
        [ENTRY_TOPIC] = topic,
        [ENTRY_ROUTING_KEY] = row->routing_key,
        [ENTRY_KEY] = row->key,
        [ENTRY_CONTENT_TYPE] = row->content_type,
        [ENTRY_SCHEMA] = row->schema,
        [ENTRY_CORRELATION] = row->correlation_id,
        [ENTRY_CAUSATION] = row->causation_id,
        [ENTRY_TRACEPARENT] = row->traceparent,
        [ENTRY_TRACESTATE] = row->tracestate,
    };
    weft_buffer_byte(&buffer, ENTRY_FORM);
    weft_buffer_byte(&buffer, (char)flags);
    number_add(&buffer, (uint64_t)row->occurred_us, 8);
    for (size_t i = 0; i < ENTRY_PAYLOAD; i++)
        field_add(&buffer, texts[i], texts[i] != NULL ? strlen(texts[i]) : 0);
    field_add(&buffer, row->payload, row->payload_size);
    return (struct weft_bytes){ .data = weft_arena_copy(arena, buffer.data, buffer.size), .size = buffer.size };
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct entry_reader {
    const char *at, *end;
    bool broken;
};

struct entry_text {
    const char *text; /* NULL: none */
    size_t size;
};

static uint64_t number_read(struct entry_reader *reader, size_t bytes)
{
    uint64_t number = 0;
    reader->broken |= (size_t)(reader->end - reader->at) < bytes;
    for (size_t byte = 0; byte < bytes && !reader->broken; byte++)
        number |= (uint64_t)(unsigned char)*reader->at++ << (8 * byte);
    return number;
}

static struct entry_text field_read(struct entry_reader *reader)
{
    uint64_t size = number_read(reader, 4);
    if (reader->broken || size == ENTRY_NONE) return (struct entry_text){ NULL, 0 };
    reader->broken |= size >= (size_t)(reader->end - reader->at) || reader->at[size] != '\0';
    if (reader->broken) return (struct entry_text){ NULL, 0 };
    struct entry_text field = { reader->at, size };
    reader->at += size + 1;
    return field;
}

/* What no event is without. */
static bool event_complete(const struct weft_message *message)
{
    return message->id != NULL && message->type != NULL && message->topic != NULL && message->routing_key != NULL &&
           message->content_type != NULL && message->payload != NULL;
}

static bool event_read(struct weft_direct_event *event, const char *source)
{
    struct entry_reader reader = { event->entry, event->entry + event->size, false };
    struct entry_text fields[ENTRY_FIELDS];
    if (number_read(&reader, 1) != ENTRY_FORM) return false;
    event->publish.flags = (uint32_t)number_read(&reader, 1);
    int64_t time_us = (int64_t)number_read(&reader, 8);
    for (size_t i = 0; i < ENTRY_FIELDS; i++)
        fields[i] = field_read(&reader);
    if (reader.broken || reader.at != reader.end) return false;
    weft_clock_format(time_us, event->time);
    event->publish.message = (struct weft_message){
        .id = fields[ENTRY_ID].text,
        .type = fields[ENTRY_TYPE].text,
        .topic = fields[ENTRY_TOPIC].text,
        .routing_key = fields[ENTRY_ROUTING_KEY].text,
        .key = fields[ENTRY_KEY].text,
        .content_type = fields[ENTRY_CONTENT_TYPE].text,
        .correlation_id = fields[ENTRY_CORRELATION].text,
        .source = source,
        .payload = fields[ENTRY_PAYLOAD].text,
        .payload_size = fields[ENTRY_PAYLOAD].size,
        .time_us = time_us,
        .headers = event->headers,
    };
    struct weft_message *message = &event->publish.message;
    const struct weft_envelope_attributes attributes = { .id = message->id,
                                                         .source = source,
                                                         .type = message->type,
                                                         .time = event->time,
                                                         .key = message->key,
                                                         .schema = fields[ENTRY_SCHEMA].text,
                                                         .traceparent = fields[ENTRY_TRACEPARENT].text,
                                                         .tracestate = fields[ENTRY_TRACESTATE].text,
                                                         .causation_id = fields[ENTRY_CAUSATION].text };
    message->n_headers = weft_envelope_headers(&attributes, event->headers);
    return event_complete(message);
}

struct weft_direct_event *weft_direct_event_new(const void *entry, size_t size, const char *source)
{
    struct weft_direct_event *event = weft_memory_get(sizeof *event + size);
    memset(event, 0, sizeof *event);
    memcpy(event->entry, entry, size);
    event->size = size;
    if (event_read(event, source)) return event;
    free(event);
    return NULL;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

void weft_direct_list_add(struct weft_direct_list *list, struct weft_direct_event *event)
{
    event->next = NULL;
    if (list->last != NULL)
        list->last->next = event;
    else
        list->first = event;
    list->last = event;
    list->n++;
    list->bytes += sizeof *event + event->size;
}

struct weft_direct_event *weft_direct_list_take(struct weft_direct_list *list)
{
    struct weft_direct_event *event = list->first;
    if (event == NULL) return NULL;
    list->first = event->next;
    if (list->first == NULL) list->last = NULL;
    list->n--;
    list->bytes -= sizeof *event + event->size;
    return event;
}

void weft_direct_list_append(struct weft_direct_list *list, struct weft_direct_list *others)
{
    if (others->first == NULL) return;
    if (list->last != NULL)
        list->last->next = others->first;
    else
        list->first = others->first;
    list->last = others->last;
    list->n += others->n;
    list->bytes += others->bytes;
    *others = (struct weft_direct_list){ 0 };
}

void weft_direct_list_prepend(struct weft_direct_list *list, struct weft_direct_list *others)
{
    weft_direct_list_append(others, list);
    *list = *others;
    *others = (struct weft_direct_list){ 0 };
}

void weft_direct_list_free(struct weft_direct_list *list)
{
    for (struct weft_direct_event *event; (event = weft_direct_list_take(list)) != NULL;)
        free(event);
}
