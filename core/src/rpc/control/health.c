/* rpc/control/health.c - grpc.health.v1 (grpc/grpc, doc/health-checking.md). All services of a host have the same
 * health. */
#include "rpc/control/control.h"

#include <grpc/health/v1/health.weft.h>
#include <string.h>

typedef Grpc__Health__V1__HealthCheckRequest health_request;
typedef Grpc__Health__V1__HealthCheckResponse health_response;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;
#define HEALTH(status) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##status

/* "" is the host as a whole. */
static serving_status health_of(const struct weft_control *control, const char *service)
{
    bool known = service[0] == '\0';
    for (const char *const *name = weft_control_services(control); *name != NULL && !known; name++)
        known = strcmp(*name, service) == 0;
    if (!known) return HEALTH(SERVICE_UNKNOWN);
    return weft_control_is_serving(control) ? HEALTH(SERVING) : HEALTH(NOT_SERVING);
}

static const health_request *health_read(struct weft_control_call *call)
{
    return (const health_request *)(const void *)weft_control_unpack(
        call, &grpc__health__v1__health_check_request__descriptor);
}

static void check_opened(struct weft_control_call *call)
{
    const health_request *request = health_read(call);
    if (request == NULL) return;
    health_response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = health_of(call->control, request->service);
    if (response.status == HEALTH(SERVICE_UNKNOWN))
        weft_control_finish(call, WEFT_NOT_FOUND, "unknown service");
    else
        weft_control_answer(call, &response.base);
}

/* Sends the health if it is news. While a message is under way nothing is sent: who reads slowly gets the last state.
 */
static void watch_tell(struct weft_control_call *call)
{
    health_response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = health_of(call->control, call->watched);
    if (call->sending || (int32_t)response.status == call->told) return;
    call->told = (int32_t)response.status;
    weft_control_send(call, &response.base);
}

static void watch_opened(struct weft_control_call *call)
{
    const health_request *request = health_read(call);
    if (request == NULL) return;
    call->watched = request->service;
    call->told = -1;
    watch_tell(call);
}

/* The health may change between a watch's arrival and its request's reading. */
static void watch_changed(struct weft_control_call *call)
{
    if (call->watched != NULL) watch_tell(call);
}

const struct weft_control_method weft_health_check = { .type = &grpc_health_v1_health_check_method,
                                                       .opened = check_opened };
const struct weft_control_method weft_health_watch = {
    .type = &grpc_health_v1_health_watch_method, .opened = watch_opened, .sent = watch_changed, .changed = watch_changed
};
