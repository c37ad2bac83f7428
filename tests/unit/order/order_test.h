/* The tests of order-service: each starts with a service that knows no customer. */
#ifndef ORDER_TEST_H
#define ORDER_TEST_H

#include "order/v1/events.weft.h"
#include "order/v1/order.weft.h"
#include "user/v1/events.weft.h"
#include <check.h>
#include <weft/test.h>

#define ANNA "01900000-0000-7000-8000-00000000000a"
#define BERT "01900000-0000-7000-8000-00000000000b"

extern weft_test *test;

void begin(void);
void end(void);

/* What user-service would tell. */
void user_created(char *id, char *email, char *name);
void user_deleted(char *id);

weft_status place(const Order__V1__PlaceOrderRequest *in, Order__V1__PlaceOrderResponse **ret_out);
/* One that must succeed; its event is out of the way. */
Order__V1__Order *order_of(char *user_id);

TCase *orders_case(void);
TCase *retries_case(void);
TCase *order_pages_case(void);
TCase *customers_case(void);

#endif
