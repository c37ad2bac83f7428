/* The tests of order-service. */
#include "order_test.h"

weft_test *test;

void begin(void)
{
    test = weft_test_load(SERVICE_FILE);
    ck_assert_ptr_nonnull(test);
}

void end(void)
{
    weft_test_stop(test);
}

void user_created(char *id, char *email, char *name)
{
    const User__V1__UserCreated in = { .user_id = id, .email = email, .name = name };
    const weft_status status = weft_test_deliver(test, user_v1_user_created, NULL, &in);
    ck_assert_msg(status == WEFT_OK, "%s", weft_test_error(test));
}

void user_deleted(char *id)
{
    const weft_status status =
        weft_test_deliver(test, user_v1_user_deleted, NULL, &(User__V1__UserDeleted){ .user_id = id });
    ck_assert_msg(status == WEFT_OK, "%s", weft_test_error(test));
}

weft_status place(const Order__V1__PlaceOrderRequest *in, Order__V1__PlaceOrderResponse **ret_out)
{
    return weft_test_call(test, order_v1_order_service_place_order, ret_out, in);
}

Order__V1__Order *order_of(char *user_id)
{
    Order__V1__PlaceOrderResponse *out;
    const weft_status status = place(
        &(Order__V1__PlaceOrderRequest){ .user_id = user_id, .item = "book", .quantity = 2, .amount = 1998 }, &out);
    ck_assert_msg(status == WEFT_OK, "%s", weft_test_error(test));
    weft_test_emitted_clear(test);
    return out->order;
}

int main(void)
{
    Suite *suite = suite_create("order");
    suite_add_tcase(suite, orders_case());
    suite_add_tcase(suite, retries_case());
    suite_add_tcase(suite, order_pages_case());
    suite_add_tcase(suite, customers_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
