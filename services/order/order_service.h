/* order-service: orders of users it has heard of. */
#ifndef ORDER_SERVICE_H
#define ORDER_SERVICE_H

#include "order/v1/events.weft.h"
#include "order/v1/order.weft.h"
#include "user/v1/events.weft.h"

/* orders.c: one order */
weft_status order_place(weft_call *call, const Order__V1__PlaceOrderRequest *in, Order__V1__PlaceOrderResponse *out,
                        void *arg);
weft_status order_cancel(weft_call *call, const Order__V1__CancelOrderRequest *in, Order__V1__CancelOrderResponse *out,
                         void *arg);
weft_status order_get(weft_call *call, const Order__V1__GetOrderRequest *in, Order__V1__GetOrderResponse *out,
                      void *arg);

/* A row of "id, user_id, item, quantity, amount, created_at". */
Order__V1__Order *order_from_row(weft_work *work, const weft_rows *rows);

/* order_pages.c: the orders of a user */
weft_status order_list(weft_call *call, const Order__V1__ListOrdersRequest *in, Order__V1__ListOrdersResponse *out,
                       void *arg);

/* customers.c: what user-service tells us */
weft_status customer_created(weft_event *event, const User__V1__UserCreated *in, void *arg);
weft_status customer_updated(weft_event *event, const User__V1__UserUpdated *in, void *arg);
weft_status customer_deleted(weft_event *event, const User__V1__UserDeleted *in, void *arg);

#endif
