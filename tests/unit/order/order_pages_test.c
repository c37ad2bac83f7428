/* The orders of a user, a page at a time. */
#include "order_test.h"

static weft_status list(char *user_id, int32_t size, char *token, Order__V1__ListOrdersResponse **ret_out)
{
    const Order__V1__ListOrdersRequest in = { .user_id = user_id, .page_size = size, .page_token = token };
    return weft_test_call(test, order_v1_order_service_list_orders, ret_out, &in);
}

START_TEST(pages_are_oldest_first_and_of_one_user)
{
    user_created(ANNA, "anna@example.com", "Anna");
    user_created(BERT, "bert@example.com", "Bert");
    const char *ids[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = order_of(ANNA)->id;
        order_of(BERT);
        weft_test_advance_ms(test, 1000);
    }
    Order__V1__ListOrdersResponse *first, *second;
    ck_assert_int_eq(list(ANNA, 2, "", &first), WEFT_OK);
    ck_assert_uint_eq(first->n_orders, 2);
    ck_assert_str_eq(first->orders[0]->id, ids[0]);
    ck_assert_str_eq(first->orders[1]->id, ids[1]);
    ck_assert_int_eq(list(ANNA, 2, first->next_page_token, &second), WEFT_OK);
    ck_assert_uint_eq(second->n_orders, 1);
    ck_assert_str_eq(second->orders[0]->id, ids[2]);
    ck_assert_str_eq(second->next_page_token, "");
}
END_TEST

START_TEST(nobody_has_no_orders)
{
    Order__V1__ListOrdersResponse *out;
    ck_assert_int_eq(list(BERT, 0, "", &out), WEFT_OK);
    ck_assert_uint_eq(out->n_orders, 0);
    ck_assert_int_eq(list("nobody", 0, "", &out), WEFT_OK);
    ck_assert_uint_eq(out->n_orders, 0);
}
END_TEST

START_TEST(size_and_token_are_checked)
{
    Order__V1__ListOrdersResponse *out;
    ck_assert_int_eq(list(ANNA, -1, "", &out), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(list(ANNA, 1001, "", &out), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "page_size"));
    ck_assert_int_eq(list(ANNA, 1, "page two", &out), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "page_token"));
}
END_TEST

TCase *order_pages_case(void)
{
    TCase *tcase = tcase_create("order pages");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, pages_are_oldest_first_and_of_one_user);
    tcase_add_test(tcase, nobody_has_no_orders);
    tcase_add_test(tcase, size_and_token_are_checked);
    return tcase;
}
