/* rpc/server/meter.h - what is counted of a method: answers by status code, and how long they took. Any thread. */
#ifndef WEFT_RPC_METER_H
#define WEFT_RPC_METER_H

#include "observe/metrics/metrics.h"
#include <weft/status.h>

enum { WEFT_RPC_CODES = WEFT_UNAUTHENTICATED + 1 };

struct weft_rpc_meter {
    struct weft_metrics *metrics; /* NULL: nothing is counted */
    const char *method;           /* "/user.v1.UserService/GetUser"; "_OTHER" for all that are unknown */
    struct weft_series *seconds;  /* NULL: streams, whose length says nothing */
    struct weft_series *_Atomic codes[WEFT_RPC_CODES]; /* made when a code first comes */
};

/* The name is kept. OK is there from the start, so that its rate is known from the first call. */
void weft_rpc_meter_init(struct weft_rpc_meter *meter, struct weft_metrics *metrics, const char *method, bool streams);
/* A call has been answered `took_ns` after it arrived. */
void weft_rpc_meter_count(struct weft_rpc_meter *meter, weft_status code, uint64_t took_ns);

#endif
