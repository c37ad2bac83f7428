/* How many orders a user has. Adding one is not idempotent, and need not be: weft handles an event once in the store.
 */
#include "user_service.h"

static weft_status order_count_add(weft_event *event, const char *user_id, int by)
{
    const char *id = weft_uuid_of(event, user_id);
    if (id == NULL) return weft_reject(event, "user_id '%.40s' is no UUID", user_id);
    /* A user who is gone has no count any more: no row is no error. */
    return weft_exec(weft_event_tx(event), "UPDATE users SET order_count = order_count + $2 WHERE id = $1", id, by);
}

weft_status count_order_placed(weft_event *event, const Order__V1__OrderPlaced *in, void *arg)
{
    (void)arg;
    return order_count_add(event, in->user_id, 1);
}

weft_status count_order_cancelled(weft_event *event, const Order__V1__OrderCancelled *in, void *arg)
{
    (void)arg;
    return order_count_add(event, in->user_id, -1);
}
