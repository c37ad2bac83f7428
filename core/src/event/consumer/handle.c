/* event/consumer/handle.c - one event and its handler. */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "data/tx.h"
#include "data/work.h"
#include "observe/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* By type; a NestJS pattern is, as a rule, what we use as routing key. */
static const struct weft_event_handler *handler_find(const struct weft_consumer *consumer,
                                                     const struct weft_envelope *envelope)
{
    for (size_t i = 0; i < consumer->options.n_handlers; i++) {
        const struct weft_event_type *type = consumer->handlers[i].type;
        if (strcmp(type->type, envelope->type) == 0) return &consumer->handlers[i];
        if (envelope->body == WEFT_BODY_NESTJS && strcmp(type->routing_key, envelope->type) == 0)
            return &consumer->handlers[i];
    }
    return NULL;
}

void weft_item_read(struct weft_lane *lane, struct weft_item *item)
{
    weft_envelope_read(lane->arena, item->message, &item->envelope);
    item->handler = handler_find(lane->consumer, &item->envelope);
    item->attempt = item->parked == NULL ? 1 : item->parked->attempts + 1;
    /* A parked row's event is known by the id of its row, even if its message came without one. */
    if (item->handler != NULL) item->envelope.type = item->handler->type->type;
}

static struct weft_work *work_new(struct weft_lane *lane, weft_tx *tx, const struct weft_item *item)
{
    const struct weft_consumer *consumer = lane->consumer;
    struct weft_work_event *event = weft_arena_alloc(lane->batch_arena, sizeof *event);
    *event = (struct weft_work_event){ .id = item->envelope.id,
                                       .type = item->envelope.type,
                                       .key = item->envelope.key,
                                       .group = consumer->options.group,
                                       .attempt = item->attempt };
    struct weft_work *work = weft_arena_alloc(lane->batch_arena, sizeof *work);
    *work = (struct weft_work){ .arena = lane->batch_arena,
                                .service = consumer->options.service,
                                .store = consumer->store,
                                .cache = consumer->cache,
                                .direct = consumer->options.direct,
                                .deadline_ns = weft_clock_ns() + consumer->options.deadline_ns,
                                .correlation_id = item->envelope.correlation_id,
                                .causation_id = item->envelope.id[0] == '\0' ? NULL : item->envelope.id,
                                .traceparent = item->envelope.traceparent,
                                .tracestate = item->envelope.tracestate,
                                .event = event,
                                .tx = tx,
                                .session_purpose = WEFT_SESSION_LANE,
                                .shares_tx = tx != NULL };
    if (tx != NULL) weft_tx_set_work(tx, work);
    return work;
}

static weft_status item_fails(struct weft_item *item, weft_status status, const char *text)
{
    item->status = status;
    snprintf(item->reason, sizeof item->reason, "%s: %.200s",
             status == WEFT_REJECT ? "rejected" : weft_status_name(status), text);
    return status;
}

void weft_item_refuse(struct weft_item *item, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(item->reason, sizeof item->reason, format, args);
    va_end(args);
    item->status = WEFT_REJECT;
}

/* Its size, its type, its bytes: may the handler see it? */
static bool item_unpack(struct weft_lane *lane, struct weft_item *item, ProtobufCMessage **ret_message)
{
    struct weft_fault fault = { .status = WEFT_OK };
    char excess[128];
    if (weft_item_excess(item, excess) != NULL)
        weft_item_refuse(item, "oversized: %s", excess);
    else if (weft_envelope_unpack(lane->batch_arena, &item->envelope, item->message, item->handler->type, ret_message,
                                  &fault) != WEFT_OK)
        weft_item_refuse(item, "undecodable: %.200s", fault.text);
    else
        return true;
    return false;
}

weft_status weft_item_handle(struct weft_lane *lane, weft_tx *tx, struct weft_item *item)
{
    ProtobufCMessage *message;
    uint64_t start = weft_clock_ns();
    if (!item_unpack(lane, item, &message)) return WEFT_REJECT;
    struct weft_work *work = work_new(lane, tx, item);
    const struct weft_event_handler *handler = item->handler;
    weft_status returned = handler->trampoline(handler->handler, work, message, handler->arg);
    weft_status status = weft_work_finish(work, returned);
    uint64_t took_ns = weft_clock_ns() - start;
    item->duration_us = (int64_t)(took_ns / 1000);
    weft_series_observe(weft_group_meter_type(lane->consumer, item)->seconds, took_ns);
    if (status != WEFT_OK) return item_fails(item, status, work->fault.text);
    item->status = WEFT_OK;
    return WEFT_OK;
}

/* ---- how it ended ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int32_t level;
    size_t counter;
} item_ends[] = {
    [WEFT_ITEM_HANDLED] = { "handled", WEFT_LOG_INFO, offsetof(struct weft_consumer_counters, handled) },
    [WEFT_ITEM_DUPLICATE] = { "duplicate", WEFT_LOG_INFO, offsetof(struct weft_consumer_counters, duplicate) },
    [WEFT_ITEM_UNKNOWN] = { "unknown", WEFT_LOG_DEBUG, offsetof(struct weft_consumer_counters, unknown) },
    [WEFT_ITEM_PARKED] = { "parked", WEFT_LOG_WARN, offsetof(struct weft_consumer_counters, parked) },
    [WEFT_ITEM_BEHIND] = { "behind", WEFT_LOG_INFO, offsetof(struct weft_consumer_counters, behind) },
    [WEFT_ITEM_DEAD] = { "dead", WEFT_LOG_ERROR, offsetof(struct weft_consumer_counters, dead) },
};

const char *weft_item_result_name(enum weft_item_result result)
{
    return item_ends[result].name;
}

void weft_item_told(struct weft_lane *lane, const struct weft_item *item)
{
    struct weft_consumer *consumer = lane->consumer;
    bool failed = item->result == WEFT_ITEM_PARKED || item->result == WEFT_ITEM_DEAD;
    weft_consumer_count((uint64_t *)(void *)((char *)&consumer->counters + item_ends[item->result].counter));
    weft_series_add(weft_group_meter_type(consumer, item)->results[item->result], 1);
    if (item->envelope.id[0] == '\0') weft_consumer_count(&consumer->counters.without_id);
    if (!weft_log_enabled(item_ends[item->result].level)) return;
    weft_log(item_ends[item->result].level, "consumer",
             &(struct weft_log_fields){ .service = consumer->options.service,
                                        .correlation_id = item->envelope.correlation_id,
                                        .traceparent = item->envelope.traceparent,
                                        .event_id = item->envelope.id[0] == '\0' ? NULL : item->envelope.id,
                                        .event_type = item->envelope.type,
                                        .group = consumer->options.group,
                                        .result = item_ends[item->result].name,
                                        .duration_us = item->duration_us,
                                        .attempt = item->attempt },
             failed ? "event %s: %s" : "event %s", item_ends[item->result].name, item->reason);
}
