/* One order: placed, cancelled, read. */
#include "order_test.h"

static const Order__V1__PlaceOrderRequest book = { .user_id = ANNA, .item = "book", .quantity = 2, .amount = 1998 };

static weft_status cancel(char *id)
{
    Order__V1__CancelOrderResponse *out;
    return weft_test_call(test, order_v1_order_service_cancel_order, &out,
                          &(Order__V1__CancelOrderRequest){ .id = id });
}

static weft_status get(char *id, Order__V1__GetOrderResponse **ret_out)
{
    return weft_test_call(test, order_v1_order_service_get_order, ret_out, &(Order__V1__GetOrderRequest){ .id = id });
}

/* ---- place ------------------------------------------------------------------------------------------------------- */

START_TEST(place_keeps_the_order_and_says_so)
{
    user_created(ANNA, "anna@example.com", "Anna");
    Order__V1__PlaceOrderResponse *out;
    ck_assert_int_eq(place(&book, &out), WEFT_OK);
    ck_assert_str_eq(out->order->user_id, ANNA);
    ck_assert_int_gt(out->order->created_at_ms, 0);
    ck_assert_int_eq(weft_test_int(test, "SELECT amount FROM orders WHERE id = $1", out->order->id), 1998);

    Order__V1__OrderPlaced *event;
    struct weft_test_envelope envelope;
    ck_assert_uint_eq(weft_test_emitted_count(test), 1);
    ck_assert(weft_test_emitted(test, 0, order_v1_order_placed, &event));
    ck_assert_str_eq(event->order_id, out->order->id);
    ck_assert_int_eq(event->quantity, 2);
    ck_assert(weft_test_emitted_envelope(test, 0, &envelope));
    ck_assert_str_eq(envelope.topic, "order-events");
    ck_assert_str_eq(envelope.routing_key, "order.placed");
    ck_assert_str_eq(envelope.key, ANNA);
}
END_TEST

START_TEST(place_is_one_round_trip)
{
    user_created(ANNA, "anna@example.com", "Anna");
    Order__V1__PlaceOrderResponse *out;
    ck_assert_int_eq(place(&book, &out), WEFT_OK);
    ck_assert_uint_eq(weft_test_store_trips(test), 1);
}
END_TEST

START_TEST(place_for_someone_unknown_keeps_and_emits_nothing)
{
    Order__V1__PlaceOrderResponse *out;
    ck_assert_int_eq(place(&book, &out), WEFT_FAILED_PRECONDITION);
    ck_assert_int_eq(weft_test_int(test, "SELECT count(*) FROM orders"), 0);
    ck_assert_uint_eq(weft_test_emitted_count(test), 0);
}
END_TEST

START_TEST(place_for_no_id_at_all_asks_no_store)
{
    Order__V1__PlaceOrderRequest in = book;
    Order__V1__PlaceOrderResponse *out;
    in.user_id = "anna";
    ck_assert_int_eq(place(&in, &out), WEFT_FAILED_PRECONDITION);
    in.user_id = "";
    ck_assert_int_eq(place(&in, &out), WEFT_FAILED_PRECONDITION);
    ck_assert_uint_eq(weft_test_store_trips(test), 0);
}
END_TEST

START_TEST(place_checks_quantity_and_amount)
{
    Order__V1__PlaceOrderRequest in = book;
    Order__V1__PlaceOrderResponse *out;
    in.quantity = 0;
    in.amount = -1;
    ck_assert_int_eq(place(&in, &out), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "quantity"));
    ck_assert(weft_test_error_names(test, "amount"));
    in = book;
    in.amount = 0;
    user_created(ANNA, "anna@example.com", "Anna");
    ck_assert_int_eq(place(&in, &out), WEFT_OK);
}
END_TEST

START_TEST(place_keeps_the_largest_numbers)
{
    user_created(ANNA, "anna@example.com", "Anna");
    Order__V1__PlaceOrderRequest in = book;
    Order__V1__PlaceOrderResponse *out;
    Order__V1__GetOrderResponse *got;
    in.quantity = INT32_MAX;
    in.amount = INT64_MAX;
    ck_assert_int_eq(place(&in, &out), WEFT_OK);
    ck_assert_int_eq(get(out->order->id, &got), WEFT_OK);
    ck_assert_int_eq(got->order->quantity, INT32_MAX);
    ck_assert_int_eq(got->order->amount, INT64_MAX);
}
END_TEST

/* ---- cancel ------------------------------------------------------------------------------------------------------ */

START_TEST(cancel_says_whose_order_it_was)
{
    user_created(ANNA, "anna@example.com", "Anna");
    const Order__V1__Order *order = order_of(ANNA);
    ck_assert_int_eq(cancel(order->id), WEFT_OK);
    Order__V1__OrderCancelled *event;
    ck_assert(weft_test_emitted(test, 0, order_v1_order_cancelled, &event));
    ck_assert_str_eq(event->order_id, order->id);
    ck_assert_str_eq(event->user_id, ANNA);
}
END_TEST

START_TEST(cancel_a_second_time_is_refused_and_emits_nothing)
{
    user_created(ANNA, "anna@example.com", "Anna");
    const Order__V1__Order *order = order_of(ANNA);
    ck_assert_int_eq(cancel(order->id), WEFT_OK);
    weft_test_emitted_clear(test);
    ck_assert_int_eq(cancel(order->id), WEFT_FAILED_PRECONDITION);
    ck_assert_uint_eq(weft_test_emitted_count(test), 0);
}
END_TEST

START_TEST(cancel_of_an_unknown_order_is_not_found)
{
    ck_assert_int_eq(cancel(BERT), WEFT_NOT_FOUND);
    ck_assert_int_eq(cancel("nothing"), WEFT_NOT_FOUND);
    ck_assert_uint_eq(weft_test_emitted_count(test), 0);
}
END_TEST

START_TEST(cancel_is_possible_after_the_customer_has_gone)
{
    user_created(ANNA, "anna@example.com", "Anna");
    const Order__V1__Order *order = order_of(ANNA);
    user_deleted(ANNA);
    ck_assert_int_eq(cancel(order->id), WEFT_OK);
}
END_TEST

/* ---- get --------------------------------------------------------------------------------------------------------- */

START_TEST(get_gives_what_was_placed)
{
    user_created(ANNA, "anna@example.com", "Anna");
    const Order__V1__Order *order = order_of(ANNA);
    Order__V1__GetOrderResponse *out;
    ck_assert_int_eq(get(order->id, &out), WEFT_OK);
    ck_assert_str_eq(out->order->item, "book");
    ck_assert_int_eq(out->order->quantity, 2);
    ck_assert_int_eq(out->order->amount, 1998);
    ck_assert_int_eq(out->order->created_at_ms, order->created_at_ms);
}
END_TEST

START_TEST(get_of_an_unknown_order_is_not_found)
{
    Order__V1__GetOrderResponse *out;
    ck_assert_int_eq(get("00000000-0000-0000-0000-000000000000", &out), WEFT_NOT_FOUND);
    ck_assert_int_eq(get("nothing", &out), WEFT_NOT_FOUND);
}
END_TEST

TCase *orders_case(void)
{
    TCase *tcase = tcase_create("orders");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, place_keeps_the_order_and_says_so);
    tcase_add_test(tcase, place_is_one_round_trip);
    tcase_add_test(tcase, place_for_someone_unknown_keeps_and_emits_nothing);
    tcase_add_test(tcase, place_for_no_id_at_all_asks_no_store);
    tcase_add_test(tcase, place_checks_quantity_and_amount);
    tcase_add_test(tcase, place_keeps_the_largest_numbers);
    tcase_add_test(tcase, cancel_says_whose_order_it_was);
    tcase_add_test(tcase, cancel_a_second_time_is_refused_and_emits_nothing);
    tcase_add_test(tcase, cancel_of_an_unknown_order_is_not_found);
    tcase_add_test(tcase, cancel_is_possible_after_the_customer_has_gone);
    tcase_add_test(tcase, get_gives_what_was_placed);
    tcase_add_test(tcase, get_of_an_unknown_order_is_not_found);
    return tcase;
}
