/* What order-service serves, hears and keeps. */
#include "order_service.h"

#include "order_migrations.h"

static const struct order_v1_order_service_handlers order_handlers = {
    .place_order = order_place,
    .cancel_order = order_cancel,
    .get_order = order_get,
    .list_orders = order_list,
};

static weft_status setup(weft_service *service)
{
    weft_service_add_migrations(service, order_migrations, order_migrations_count);
    order_v1_events_declare(service);
    order_v1_order_service_register(service, &order_handlers, NULL);

    /* A user's events in the order they happened: an update must not come before the user it changes. */
    weft_group *user_events = weft_group_new(service, "user-events", &(struct weft_group_options){ .ordered = true });
    user_v1_user_created_on(user_events, customer_created, NULL);
    user_v1_user_updated_on(user_events, customer_updated, NULL);
    user_v1_user_deleted_on(user_events, customer_deleted, NULL);
    return WEFT_OK;
}

WEFT_SERVICE("order-service", "1.0.0", setup);
