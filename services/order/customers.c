/* Our own copy of what we need of users, so that no call to user-service is in the way of an order.
 *
 * The group is ordered: a user's events come in the order they were committed, each once. So the last one handled is
 * the truth, and nothing has to be compared. Each event says all there is to say, so an update of a user whose creation
 * was before our time makes the customer as well. */
#include "order_service.h"

static weft_status customer_put(weft_event *event, const char *user_id, const char *email, const char *name)
{
    const char *id = weft_uuid_of(event, user_id);
    if (id == NULL) return weft_reject(event, "user_id '%.40s' is no UUID", user_id);
    return weft_exec(weft_event_tx(event),
                     "INSERT INTO customers (id, email, name, event_id, updated_at) VALUES ($1, $2, $3, $4, $5)"
                     " ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name,"
                     " event_id = excluded.event_id, updated_at = excluded.updated_at",
                     id, email, name, weft_event_id(event), weft_time_ms(weft_now_ms(event)));
}

weft_status customer_created(weft_event *event, const User__V1__UserCreated *in, void *arg)
{
    (void)arg;
    return customer_put(event, in->user_id, in->email, in->name);
}

weft_status customer_updated(weft_event *event, const User__V1__UserUpdated *in, void *arg)
{
    (void)arg;
    return customer_put(event, in->user_id, in->email, in->name);
}

weft_status customer_deleted(weft_event *event, const User__V1__UserDeleted *in, void *arg)
{
    (void)arg;
    const char *id = weft_uuid_of(event, in->user_id);
    if (id == NULL) return weft_reject(event, "user_id '%.40s' is no UUID", in->user_id);
    return weft_exec(weft_event_tx(event), "DELETE FROM customers WHERE id = $1", id);
}
