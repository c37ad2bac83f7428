/* rpc/server/deadline.h - deadlines between gRPC's clock and ours. */
#ifndef WEFT_RPC_DEADLINE_H
#define WEFT_RPC_DEADLINE_H

#include "base/clock.h"
#include <grpc/support/time.h>

/* gRPC's monotonic clock is CLOCK_MONOTONIC, as ours is. */
static inline gpr_timespec weft_deadline_to_gpr(uint64_t deadline_ns)
{
    if (deadline_ns == WEFT_NEVER) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return (gpr_timespec){ (int64_t)(deadline_ns / WEFT_SECOND), (int32_t)(deadline_ns % WEFT_SECOND),
                           GPR_CLOCK_MONOTONIC };
}

static inline uint64_t weft_deadline_from_gpr(gpr_timespec deadline)
{
    deadline = gpr_convert_clock_type(deadline, GPR_CLOCK_MONOTONIC);
    if (gpr_time_cmp(deadline, gpr_inf_future(GPR_CLOCK_MONOTONIC)) == 0) return WEFT_NEVER;
    if (deadline.tv_sec < 0) return 0;
    if ((uint64_t)deadline.tv_sec >= WEFT_NEVER / WEFT_SECOND) return WEFT_NEVER;
    return (uint64_t)deadline.tv_sec * WEFT_SECOND + (unsigned)deadline.tv_nsec;
}

#endif
