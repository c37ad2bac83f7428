/* event/relay/relay_meter.c - what a relay counts, and what it reads of the outbox now and then, on a trip it makes
 * anyway. */
#include "event/relay/relay_state.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>

#define METER_READ_NS (5 * WEFT_SECOND)
enum { METER_READ_SHARE = 50 /* counting a large outbox takes at most this part of the relay's time */ };

static void type_add(struct relay_meter *meter, const struct weft_event_type *type)
{
    static const char *const names[RELAY_RESULTS] = { [RELAY_CONFIRMED] = "confirmed",
                                                      [RELAY_NOT_ROUTED] = "unrouted",
                                                      [RELAY_NOT_TAKEN] = "refused",
                                                      [RELAY_AGAIN] = "again" };
    meter->types = weft_memory_resize(meter->types, (meter->n_types + 1) * sizeof *meter->types);
    struct relay_meter_type *added = &meter->types[meter->n_types++];
    added->type = type;
    for (size_t i = 0; i < RELAY_RESULTS; i++)
        added->results[i] = WEFT_SERIES(meter->metrics, PUBLISHED, type != NULL ? type->type : "_OTHER", names[i]);
}

void weft_relay_meter_init(struct relay_meter *meter, struct weft_metrics *metrics, const char *service)
{
    *meter = (struct relay_meter){ .metrics = metrics,
                                   .inflight = WEFT_SERIES(metrics, INFLIGHT, "publish"),
                                   .confirm_seconds = WEFT_SERIES(metrics, CONFIRM_SECONDS, service),
                                   .active = WEFT_SERIES(metrics, RELAY_ACTIVE, service),
                                   .takeovers = WEFT_SERIES(metrics, RELAY_TAKEOVERS, service),
                                   .trips = WEFT_SERIES(metrics, RELAY_TRIPS, service),
                                   .pending = WEFT_SERIES(metrics, OUTBOX_PENDING, service),
                                   .held = WEFT_SERIES(metrics, OUTBOX_HELD, service),
                                   .oldest = WEFT_SERIES(metrics, OUTBOX_AGE, service) };
    type_add(meter, NULL);
}

void weft_relay_meter_free(struct relay_meter *meter)
{
    free(meter->types);
}

void weft_relay_meter_count(struct relay_meter *meter, const struct weft_window_row *row, enum relay_result result)
{
    if (meter->metrics == NULL) return;
    size_t i = 0;
    while (i < meter->n_types && meter->types[i].type != row->type)
        i++;
    if (i == meter->n_types) type_add(meter, row->type);
    weft_series_add(meter->types[i].results[result], 1);
}

void weft_relay_meter_read(struct relay_meter *meter, const struct weft_rowset *stats, uint64_t took_ns)
{
    bool read = stats != NULL && stats->n_rows == 1 && stats->n_columns >= 3;
    bool is_empty = !read || stats->values[2].type == WEFT_TYPE_NULL;
    weft_series_set(meter->pending, read ? stats->values[0].as.integer : 0);
    weft_series_set(meter->held, read ? stats->values[1].as.integer : 0);
    weft_series_set(meter->oldest, is_empty ? 0 : stats->values[2].as.integer);
    uint64_t wait_ns = took_ns * METER_READ_SHARE;
    meter->read_at_ns = weft_clock_ns() + (wait_ns > METER_READ_NS ? wait_ns : METER_READ_NS);
}
