/* rpc/server/meter.c - a status code's series is made at its first call: there are 17 for each method, most never come.
 */
#include "rpc/server/meter.h"

static struct weft_series *code_series(struct weft_rpc_meter *meter, weft_status code)
{
    struct weft_series *series = atomic_load_explicit(&meter->codes[code], memory_order_acquire);
    if (series != NULL) return series;
    series = WEFT_SERIES(meter->metrics, GRPC_HANDLED, meter->method, weft_status_name(code));
    atomic_store_explicit(&meter->codes[code], series, memory_order_release); /* the same one, whoever makes it */
    return series;
}

void weft_rpc_meter_init(struct weft_rpc_meter *meter, struct weft_metrics *metrics, const char *method, bool streams)
{
    meter->metrics = metrics;
    meter->method = method;
    if (metrics == NULL) return;
    code_series(meter, WEFT_OK);
    if (!streams) meter->seconds = WEFT_SERIES(metrics, GRPC_SECONDS, method);
}

void weft_rpc_meter_count(struct weft_rpc_meter *meter, weft_status code, uint64_t took_ns)
{
    if (meter->metrics == NULL) return;
    weft_series_add(code_series(meter, (unsigned)code < WEFT_RPC_CODES ? code : WEFT_UNKNOWN), 1);
    weft_series_observe(meter->seconds, took_ns);
}
