/* The orders of a user, oldest first: their ids are UUIDv7, which ascend with time, so a page begins behind the last id
 * of the page before. */
#include "order_service.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 1000 };

static const char before_all[] = "00000000-0000-0000-0000-000000000000";

static weft_status page_read(weft_call *call, const char *user_id, const char *after, int32_t size,
                             Order__V1__ListOrdersResponse *out)
{
    weft_rows *rows;
    const weft_status status = weft_query(/* one more than the page tells whether there is another */
                                          call, &rows,
                                          "SELECT id, user_id, item, quantity, amount, created_at FROM orders"
                                          " WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                                          user_id, after, size + 1);
    if (status != WEFT_OK) return status;

    out->orders = weft_alloc(call, (size_t)size * sizeof *out->orders);
    while (out->n_orders < (size_t)size && weft_next(rows))
        out->orders[out->n_orders++] = order_from_row(call, rows);
    if (weft_next(rows)) out->next_page_token = out->orders[out->n_orders - 1]->id;
    return WEFT_OK;
}

weft_status order_list(weft_call *call, const Order__V1__ListOrdersRequest *in, Order__V1__ListOrdersResponse *out,
                       void *arg)
{
    (void)arg;
    const int32_t size = in->page_size == 0 ? PAGE_DEFAULT : in->page_size;
    const char *after = in->page_token[0] == '\0' ? before_all : weft_uuid_of(call, in->page_token);
    if (size < 0 || size > PAGE_MAX) weft_fail_field(call, "page_size", "is %d, want 1 to %d", size, PAGE_MAX);
    if (after == NULL) weft_fail_field(call, "page_token", "is none of ours; begin without one");
    if (size < 0 || size > PAGE_MAX || after == NULL) return WEFT_INVALID_ARGUMENT;

    const char *user_id = weft_uuid_of(call, in->user_id);
    return user_id != NULL ? page_read(call, user_id, after, size, out) : WEFT_OK; /* nobody's: no orders */
}
