/* One order: placed, cancelled, read. */
#include "order_service.h"

enum { ITEM_MAX_BYTES = 1000 };

static weft_status no_such_order(weft_call *call, const char *id)
{
    return weft_fail(call, WEFT_NOT_FOUND, "no order has the id '%.40s'", id);
}

Order__V1__Order *order_from_row(weft_work *work, const weft_rows *rows)
{
    Order__V1__Order *order = order_v1_order_new(work);
    order->id = weft_get_text(rows, 0);
    order->user_id = weft_get_text(rows, 1);
    order->item = weft_get_text(rows, 2);
    order->quantity = (int32_t)weft_get_int(rows, 3);
    order->amount = weft_get_int(rows, 4);
    order->created_at_ms = weft_get_time_ms(rows, 5);
    return order;
}

static bool order_is_valid(weft_call *call, const Order__V1__PlaceOrderRequest *in)
{
    const bool item = strlen(in->item) <= ITEM_MAX_BYTES, quantity = in->quantity > 0, amount = in->amount >= 0;
    if (!item) weft_fail_field(call, "item", "has %zu bytes, at most %d go", strlen(in->item), ITEM_MAX_BYTES);
    if (!quantity) weft_fail_field(call, "quantity", "is %d, want 1 or more", in->quantity);
    if (!amount) weft_fail_field(call, "amount", "is %lld, want 0 or more", (long long)in->amount);
    return item && quantity && amount;
}

/* Whether the user is a customer is asked by the INSERT itself: an unknown one gives NULL, which user_id refuses. So
 * nothing has to be read before, and the order, its event and the commit are one round trip. */
weft_status order_place(weft_call *call, const Order__V1__PlaceOrderRequest *in, Order__V1__PlaceOrderResponse *out,
                        void *arg)
{
    (void)arg;
    if (!order_is_valid(call, in)) return WEFT_INVALID_ARGUMENT;
    char *user_id = weft_uuid_of(call, in->user_id);
    if (user_id == NULL) return weft_fail(call, WEFT_FAILED_PRECONDITION, "user_id '%.40s' is no id", in->user_id);

    Order__V1__Order *order = order_v1_order_new(call);
    order->id = weft_uuid(call);
    order->user_id = user_id;
    order->item = in->item;
    order->quantity = in->quantity;
    order->amount = in->amount;
    order->created_at_ms = weft_now_ms(call);

    weft_tx *tx = weft_call_tx(call);
    weft_exec(tx,
              "INSERT INTO orders (id, user_id, item, quantity, amount, created_at)"
              " VALUES ($1, (SELECT id FROM customers WHERE id = $2), $3, $4, $5, $6)",
              order->id, order->user_id, order->item, order->quantity, order->amount,
              weft_time_ms(order->created_at_ms));
    weft_on_violation(tx, "orders.user_id", WEFT_FAILED_PRECONDITION, "user_id");
    order_v1_order_placed_emit(tx, &(Order__V1__OrderPlaced){ .order_id = order->id,
                                                              .user_id = order->user_id,
                                                              .item = order->item,
                                                              .quantity = order->quantity,
                                                              .amount = order->amount });
    out->order = order;
    return WEFT_OK;
}

/* Nothing was cancelled: there is no such order, or it had been before. */
static weft_status explain_not_cancelled(weft_call *call, const char *id)
{
    weft_rows *rows;
    const weft_status status = weft_fetch(weft_call_tx(call), &rows, "SELECT 1 FROM orders WHERE id = $1", id);
    if (status != WEFT_OK) return status;
    if (!weft_next(rows)) return no_such_order(call, id);
    return weft_fail(call, WEFT_FAILED_PRECONDITION, "order %s is cancelled already", id);
}

weft_status order_cancel(weft_call *call, const Order__V1__CancelOrderRequest *in, Order__V1__CancelOrderResponse *out,
                         void *arg)
{
    (void)out, (void)arg;
    char *id = weft_uuid_of(call, in->id);
    if (id == NULL) return no_such_order(call, in->id);

    weft_tx *tx = weft_call_tx(call);
    weft_rows *rows;
    const weft_status status = weft_fetch(
        tx, &rows, "UPDATE orders SET cancelled_at = $2 WHERE id = $1 AND cancelled_at IS NULL RETURNING user_id", id,
        weft_time_ms(weft_now_ms(call)));
    if (status != WEFT_OK) return status;
    if (!weft_next(rows)) return explain_not_cancelled(call, id);
    order_v1_order_cancelled_emit(tx,
                                  &(Order__V1__OrderCancelled){ .order_id = id, .user_id = weft_get_text(rows, 0) });
    return WEFT_OK;
}

weft_status order_get(weft_call *call, const Order__V1__GetOrderRequest *in, Order__V1__GetOrderResponse *out,
                      void *arg)
{
    (void)arg;
    const char *id = weft_uuid_of(call, in->id);
    if (id == NULL) return no_such_order(call, in->id);

    weft_rows *rows;
    const weft_status status =
        weft_query(call, &rows, "SELECT id, user_id, item, quantity, amount, created_at FROM orders WHERE id = $1", id);
    if (status != WEFT_OK) return status;
    if (!weft_next(rows)) return no_such_order(call, id);
    out->order = order_from_row(call, rows);
    return WEFT_OK;
}
