/* event/relay/window_row.c - an outbox row as a message: one block of memory, ready to be published. */
#include "base/clock.h"
#include "base/memory.h"
#include "event/relay/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns of outbox_claim, in their order. */
enum {
    ROW_ID,
    ROW_EVENT_ID,
    ROW_TYPE,
    ROW_TOPIC,
    ROW_ROUTING_KEY,
    ROW_KEY,
    ROW_CONTENT_TYPE,
    ROW_SCHEMA,
    ROW_CORRELATION_ID,
    ROW_CAUSATION_ID,
    ROW_TRACEPARENT,
    ROW_TRACESTATE,
    ROW_OCCURRED_AT,
    ROW_PAYLOAD,
    ROW_COLUMNS
};

static const char row_live_suffix[] = ".live";

/* Appends a column's bytes and a NUL; NULL for SQL NULL. */
static const char *row_copy(char **at, const struct weft_value *column)
{
    if (column->type == WEFT_TYPE_NULL) return NULL;
    char *copy = *at;
    memcpy(copy, column->as.bytes, column->size);
    copy[column->size] = '\0';
    *at += column->size + 1;
    return copy;
}

static size_t row_size(const struct weft_value *columns)
{
    size_t size = sizeof row_live_suffix + columns[ROW_TOPIC].size;
    for (size_t i = ROW_EVENT_ID; i < ROW_COLUMNS; i++)
        if (i != ROW_OCCURRED_AT) size += columns[i].size + 1;
    return size;
}

static void row_attributes(struct weft_window_row *row, const char *schema, const char *causation_id,
                           const char *traceparent, const char *tracestate)
{
    struct weft_message *message = &row->publish.message;
    weft_clock_format(message->time_us, row->time);
    /* CloudEvents' sequence extension wants text that sorts as it counts. */
    snprintf(row->sequence, sizeof row->sequence, "%020lld", (long long)row->id);
    message->headers = row->headers;
    message->n_headers = weft_envelope_headers(&(struct weft_envelope_attributes){ .id = message->id,
                                                                                   .source = message->source,
                                                                                   .type = message->type,
                                                                                   .time = row->time,
                                                                                   .sequence = row->sequence,
                                                                                   .key = message->key,
                                                                                   .schema = schema,
                                                                                   .traceparent = traceparent,
                                                                                   .tracestate = tracestate,
                                                                                   .causation_id = causation_id },
                                               row->headers);
}

/* What the contract says of the type. Types we have no contract of go the safe way. */
static void row_flags(struct weft_window_row *row, const struct weft_registry *registry, char *at)
{
    const struct weft_message *message = &row->publish.message;
    const struct weft_event_type *type = registry == NULL ? NULL : weft_registry_event(registry, message->type);
    uint32_t flags = type == NULL ? 0 : type->flags;
    row->type = type;
    row->publish.flags = flags & WEFT_EVENT_UNROUTED_OK ? 0 : WEFT_PUBLISH_MANDATORY;
    if (!(flags & WEFT_EVENT_BROADCAST)) return;
    stpcpy(stpcpy(at, message->topic), row_live_suffix);
    row->live_topic = at;
}

struct weft_window_row *weft_window_row_new(const struct weft_value *columns, const char *source,
                                            const struct weft_registry *registry)
{
    struct weft_window_row *row = weft_memory_get(sizeof *row + row_size(columns));
    memset(row, 0, sizeof *row);
    char *at = row->bytes;
    row->id = columns[ROW_ID].as.integer;
    row->publish.message = (struct weft_message){
        .id = row_copy(&at, &columns[ROW_EVENT_ID]),
        .type = row_copy(&at, &columns[ROW_TYPE]),
        .topic = row_copy(&at, &columns[ROW_TOPIC]),
        .routing_key = row_copy(&at, &columns[ROW_ROUTING_KEY]),
        .key = row_copy(&at, &columns[ROW_KEY]),
        .content_type = row_copy(&at, &columns[ROW_CONTENT_TYPE]),
        .correlation_id = row_copy(&at, &columns[ROW_CORRELATION_ID]),
        .source = source,
        .payload = row_copy(&at, &columns[ROW_PAYLOAD]),
        .payload_size = columns[ROW_PAYLOAD].size,
        .time_us = columns[ROW_OCCURRED_AT].as.integer,
    };
    const char *schema = row_copy(&at, &columns[ROW_SCHEMA]), *cause = row_copy(&at, &columns[ROW_CAUSATION_ID]);
    const char *parent = row_copy(&at, &columns[ROW_TRACEPARENT]), *state = row_copy(&at, &columns[ROW_TRACESTATE]);
    row_attributes(row, schema, cause, parent, state);
    row_flags(row, registry, at);
    return row;
}

void weft_window_row_free(struct weft_window_row *row)
{
    if (row == NULL) return;
    free(row->why);
    free(row);
}
