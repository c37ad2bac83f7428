/* What user-service serves, hears and keeps. */
#include "user_service.h"

#include "user_migrations.h"

static const struct user_v1_user_service_handlers user_handlers = {
    .create_user = user_create,
    .get_user = user_get,
    .update_user = user_update,
    .delete_user = user_delete,
    .list_users = user_list,
};

static const struct user_v1_session_service_handlers session_handlers = {
    .create_session = session_create,
    .get_session = session_get,
    .delete_session = session_delete,
};

static weft_status setup(weft_service *service)
{
    weft_service_add_migrations(service, user_migrations, user_migrations_count);
    user_v1_events_declare(service);
    user_v1_user_service_register(service, &user_handlers, NULL);
    weft_service_prefetch(service, &user_v1_user_service_get_user_method, "user:profile:{id}");
    user_v1_session_service_register(service, &session_handlers, NULL);

    weft_group *order_events = weft_group_new(service, "order-events", NULL);
    order_v1_order_placed_on(order_events, count_order_placed, NULL);
    order_v1_order_cancelled_on(order_events, count_order_cancelled, NULL);
    return WEFT_OK;
}

WEFT_SERVICE("user-service", "1.0.0", setup);
