/* Commands repeated with their idempotency key. */
#include "order_test.h"

static const Order__V1__PlaceOrderRequest book = { .user_id = ANNA, .item = "book", .quantity = 2, .amount = 1998 };

static void key(const char *value)
{
    weft_test_metadata(test, "idempotency-key", value);
}

/* With the key; it must succeed. */
static const char *placed(const char *with_key)
{
    Order__V1__PlaceOrderResponse *out;
    key(with_key);
    const weft_status status = place(&book, &out);
    ck_assert_msg(status == WEFT_OK, "%s", weft_test_error(test));
    return out->order->id;
}

static int64_t orders(void)
{
    return weft_test_int(test, "SELECT count(*) FROM orders");
}

static void begin_with_anna(void)
{
    begin();
    user_created(ANNA, "anna@example.com", "Anna");
}

START_TEST(place_with_the_same_key_is_one_order_one_event_and_the_same_answer)
{
    const char *id = placed("key-1");
    ck_assert_str_eq(placed("key-1"), id);
    ck_assert_str_eq(placed("key-1"), id);
    ck_assert_int_eq(orders(), 1);
    ck_assert_uint_eq(weft_test_emitted_count(test), 1);
}
END_TEST

START_TEST(place_with_another_key_or_none_is_another_order)
{
    const char *id = placed("key-1");
    ck_assert_str_ne(placed("key-2"), id);
    ck_assert_str_ne(placed(NULL), id);
    ck_assert_int_eq(orders(), 3);
}
END_TEST

START_TEST(a_key_costs_one_round_trip_and_none_costs_nothing)
{
    placed("key-1");
    ck_assert_uint_eq(weft_test_store_trips(test), 2);
    placed("key-1");
    ck_assert_uint_eq(weft_test_store_trips(test), 1);
    placed(NULL);
    ck_assert_uint_eq(weft_test_store_trips(test), 1);
}
END_TEST

START_TEST(a_key_belongs_to_its_first_request)
{
    Order__V1__PlaceOrderRequest in = book;
    Order__V1__PlaceOrderResponse *out;
    placed("key-1");
    in.quantity = 3;
    ck_assert_int_eq(place(&in, &out), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_test_error(test), "another request"));
    ck_assert_int_eq(orders(), 1);
}
END_TEST

START_TEST(a_key_that_is_none_is_refused)
{
    Order__V1__PlaceOrderResponse *out;
    key("two words");
    ck_assert_int_eq(place(&book, &out), WEFT_INVALID_ARGUMENT);
    key("");
    ck_assert_int_eq(place(&book, &out), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_test_error(test), "idempotency-key"));
    ck_assert_int_eq(orders(), 0);
}
END_TEST

START_TEST(a_command_that_failed_may_succeed_with_its_key)
{
    Order__V1__PlaceOrderRequest in = book;
    Order__V1__PlaceOrderResponse *out;
    in.user_id = BERT;
    key("key-1");
    ck_assert_int_eq(place(&in, &out), WEFT_FAILED_PRECONDITION);
    user_created(BERT, "bert@example.com", "Bert");
    ck_assert_int_eq(place(&in, &out), WEFT_OK);
}
END_TEST

START_TEST(a_key_is_new_again_once_its_answer_has_expired)
{
    const char *id = placed("key-1");
    weft_test_sql(test, "UPDATE weft_request SET expires_at = $1", weft_time_ms(0));
    ck_assert_str_ne(placed("key-1"), id);
    ck_assert_int_eq(orders(), 2);
}
END_TEST

START_TEST(a_cancel_that_is_repeated_with_its_key_is_no_error)
{
    char *id = order_of(ANNA)->id;
    Order__V1__CancelOrderResponse *out;
    const Order__V1__CancelOrderRequest in = { .id = id };
    key("key-1");
    ck_assert_int_eq(weft_test_call(test, order_v1_order_service_cancel_order, &out, &in), WEFT_OK);
    ck_assert_int_eq(weft_test_call(test, order_v1_order_service_cancel_order, &out, &in), WEFT_OK);
    ck_assert_uint_eq(weft_test_emitted_count(test), 1);
}
END_TEST

TCase *retries_case(void)
{
    TCase *tcase = tcase_create("retries");
    tcase_add_checked_fixture(tcase, begin_with_anna, end);
    tcase_add_test(tcase, place_with_the_same_key_is_one_order_one_event_and_the_same_answer);
    tcase_add_test(tcase, place_with_another_key_or_none_is_another_order);
    tcase_add_test(tcase, a_key_costs_one_round_trip_and_none_costs_nothing);
    tcase_add_test(tcase, a_key_belongs_to_its_first_request);
    tcase_add_test(tcase, a_key_that_is_none_is_refused);
    tcase_add_test(tcase, a_command_that_failed_may_succeed_with_its_key);
    tcase_add_test(tcase, a_key_is_new_again_once_its_answer_has_expired);
    tcase_add_test(tcase, a_cancel_that_is_repeated_with_its_key_is_no_error);
    return tcase;
}
