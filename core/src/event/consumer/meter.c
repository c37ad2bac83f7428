/* event/consumer/meter.c - what a group counts, and what it reads of its failed events when it looks for due ones. */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define METER_READ_NS (5 * WEFT_SECOND)
enum { METER_READ_SHARE = 50 /* counting many failed events takes at most this part of the time */ };

static void type_init(struct weft_group_meter_type *type, const struct weft_consumer_options *options,
                      const char *event, bool handled)
{
    struct weft_metrics *metrics = options->metrics;
    for (enum weft_item_result result = WEFT_ITEM_HANDLED; result < WEFT_ITEM_RESULTS; result++)
        if (handled == (result != WEFT_ITEM_UNKNOWN))
            type->results[result] =
                WEFT_SERIES(metrics, CONSUMED, options->service, options->group, event, weft_item_result_name(result));
    if (handled) type->seconds = WEFT_SERIES(metrics, HANDLER_SECONDS, NULL, options->service, options->group, event);
}

void weft_group_meter_init(struct weft_group_meter *meter, const struct weft_consumer_options *options)
{
    struct weft_metrics *metrics = options->metrics;
    const char *service = options->service, *group = options->group;
    *meter = (struct weft_group_meter){ .metrics = metrics,
                                        .inflight = WEFT_SERIES(metrics, INFLIGHT, "event"),
                                        .active = WEFT_SERIES(metrics, GROUP_ACTIVE, service, group),
                                        .transactions = WEFT_SERIES(metrics, GROUP_TRANSACTIONS, service, group),
                                        .pauses = WEFT_SERIES(metrics, GROUP_PAUSES, service, group),
                                        .parked = WEFT_SERIES(metrics, PARKED, service, group),
                                        .dead = WEFT_SERIES(metrics, DEAD, service, group) };
    meter->types = weft_memory_zeroed(options->n_handlers + 1, sizeof *meter->types);
    if (metrics == NULL) return;
    for (size_t i = 0; i < options->n_handlers; i++)
        type_init(&meter->types[i], options, options->handlers[i].type->type, true);
    type_init(&meter->types[options->n_handlers], options, "_OTHER", false);
}

void weft_group_meter_free(struct weft_group_meter *meter)
{
    weft_series_set(meter->active, 0);
    free(meter->types);
}

struct weft_group_meter_type *weft_group_meter_type(struct weft_consumer *consumer, const struct weft_item *item)
{
    size_t n = consumer->options.n_handlers;
    return &consumer->meter.types[item->handler != NULL ? (size_t)(item->handler - consumer->handlers) : n];
}

void weft_group_meter_read(struct weft_consumer *consumer, const struct weft_rowset *stats, uint64_t took_ns)
{
    struct weft_group_meter *meter = &consumer->meter;
    int64_t parked = 0, dead = 0;
    for (uint32_t i = 0; i < stats->n_rows && stats->n_columns >= 3; i++) {
        const struct weft_value *row = stats->values + (size_t)i * stats->n_columns;
        if (strcmp(row[0].as.text, consumer->options.group) != 0) continue;
        *(strcmp(row[1].as.text, "dead") == 0 ? &dead : &parked) = row[2].as.integer;
    }
    weft_series_set(meter->parked, parked);
    weft_series_set(meter->dead, dead);
    uint64_t wait_ns = took_ns * METER_READ_SHARE;
    meter->read_at_ns = weft_clock_ns() + (wait_ns > METER_READ_NS ? wait_ns : METER_READ_NS);
}
