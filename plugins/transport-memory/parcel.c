/* parcel.c - copying a message into one allocation. */
#include "parcel.h"

#include <stdlib.h>
#include <string.h>

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

static size_t message_bytes(const struct weft_message *message)
{
    size_t size = message->n_headers * sizeof(struct weft_header) + message->payload_size;
    size += text_size(message->id) + text_size(message->type) + text_size(message->topic);
    size += text_size(message->routing_key) + text_size(message->key) + text_size(message->content_type);
    size += text_size(message->correlation_id) + text_size(message->source);
    for (uint32_t i = 0; i < message->n_headers; i++)
        size += text_size(message->headers[i].name) + text_size(message->headers[i].value);
    return size;
}

/* Moves `text` to the room at `*at` and steps over it. */
static const char *text_move(char **at, const char *text)
{
    if (text == NULL) return NULL;
    char *copy = *at;
    *at = stpcpy(copy, text) + 1;
    return copy;
}

/* `room` is aligned for headers and has message_bytes(from). */
static void message_copy(struct weft_message *to, const struct weft_message *from, char *room)
{
    struct weft_header *headers = (struct weft_header *)(void *)room;
    char *at = room + from->n_headers * sizeof *headers;

    *to = *from;
    to->headers = headers;
    to->id = text_move(&at, from->id);
    to->type = text_move(&at, from->type);
    to->topic = text_move(&at, from->topic);
    to->routing_key = text_move(&at, from->routing_key);
    to->key = text_move(&at, from->key);
    to->content_type = text_move(&at, from->content_type);
    to->correlation_id = text_move(&at, from->correlation_id);
    to->source = text_move(&at, from->source);
    for (uint32_t i = 0; i < from->n_headers; i++) {
        headers[i].name = text_move(&at, from->headers[i].name);
        headers[i].value = text_move(&at, from->headers[i].value);
    }
    to->payload = at;
    if (from->payload_size > 0) memcpy(at, from->payload, from->payload_size);
}

static void entry_init(struct entry *entry, struct parcel *parcel)
{
    memset(entry, 0, sizeof *entry);
    entry->parcel = parcel;
    entry->delivery.message = parcel->message;
    entry->delivery.plugin_data = entry;
}

struct parcel *memory_parcel_new(const struct weft_publish *operation, uint32_t n_entries)
{
    size_t head = sizeof(struct parcel) + n_entries * sizeof(struct entry);
    struct parcel *parcel = malloc(head + message_bytes(&operation->message));
    if (parcel == NULL) return NULL;
    memset(parcel, 0, sizeof *parcel);
    message_copy(&parcel->message, &operation->message, (char *)parcel + head);
    parcel->n_entries = n_entries;
    for (uint32_t i = 0; i < n_entries; i++)
        entry_init(&parcel->entries[i], parcel);
    return parcel;
}

void memory_parcel_free(struct parcel *parcel)
{
    if (parcel == NULL) return;
    for (uint32_t i = 0; i < parcel->n_entries; i++) {
        struct entry *next;
        for (struct entry *entry = parcel->entries[i].replacement; entry != NULL; entry = next) {
            next = entry->replacement;
            free(entry);
        }
    }
    free(parcel);
}

struct entry *memory_parcel_replace(struct entry *entry)
{
    struct entry *fresh = malloc(sizeof *fresh);
    if (fresh == NULL) return NULL;
    entry_init(fresh, entry->parcel);
    fresh->queue = entry->queue;
    fresh->delivery.count = entry->delivery.count;
    fresh->delivery.flags = entry->delivery.flags;
    entry->replacement = fresh;
    return fresh;
}
