/* What orders do to users. */
#include "user_test.h"

static const char first_event[] = "01900000-0000-7000-8000-000000000001";

static weft_status placed(const char *event_id, char *user_id)
{
    const Order__V1__OrderPlaced in = { .order_id = "01900000-0000-7000-8000-00000000000a",
                                        .user_id = user_id,
                                        .item = "book",
                                        .quantity = 1,
                                        .amount = 999 };
    return weft_test_deliver(test, order_v1_order_placed, event_id, &in);
}

static int64_t order_count(const User__V1__User *user)
{
    return weft_test_int(test, "SELECT order_count FROM users WHERE id = $1", user->id);
}

START_TEST(placed_order_counts)
{
    const User__V1__User *user = anna();
    ck_assert_int_eq(placed(NULL, user->id), WEFT_OK);
    ck_assert_int_eq(placed(NULL, user->id), WEFT_OK);
    ck_assert_int_eq(order_count(user), 2);
}
END_TEST

START_TEST(event_that_comes_twice_counts_once)
{
    const User__V1__User *user = anna();
    ck_assert_int_eq(placed(first_event, user->id), WEFT_OK);
    ck_assert_int_eq(placed(first_event, user->id), WEFT_OK);
    ck_assert_int_eq(order_count(user), 1);
}
END_TEST

START_TEST(cancelled_order_counts_no_more)
{
    const User__V1__User *user = anna();
    placed(NULL, user->id);
    const Order__V1__OrderCancelled in = { .order_id = "01900000-0000-7000-8000-00000000000a", .user_id = user->id };
    ck_assert_int_eq(weft_test_deliver(test, order_v1_order_cancelled, NULL, &in), WEFT_OK);
    ck_assert_int_eq(order_count(user), 0);
}
END_TEST

START_TEST(order_of_a_user_who_is_gone_is_fine)
{
    ck_assert_int_eq(placed(NULL, "01900000-0000-7000-8000-0000000000ff"), WEFT_OK);
}
END_TEST

START_TEST(order_of_no_user_at_all_is_dead)
{
    ck_assert_int_eq(placed(NULL, "nobody"), WEFT_REJECT);
}
END_TEST

START_TEST(event_is_not_marked_handled_when_the_store_goes_away)
{
    const User__V1__User *user = anna();
    weft_test_store_away(test, true);
    ck_assert_int_eq(placed(first_event, user->id), WEFT_UNAVAILABLE);
    weft_test_store_away(test, false);
    ck_assert_int_eq(placed(first_event, user->id), WEFT_OK);
    ck_assert_int_eq(order_count(user), 1);
}
END_TEST

TCase *order_counts_case(void)
{
    TCase *tcase = tcase_create("order counts");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, placed_order_counts);
    tcase_add_test(tcase, event_that_comes_twice_counts_once);
    tcase_add_test(tcase, cancelled_order_counts_no_more);
    tcase_add_test(tcase, order_of_a_user_who_is_gone_is_fine);
    tcase_add_test(tcase, order_of_no_user_at_all_is_dead);
    tcase_add_test(tcase, event_is_not_marked_handled_when_the_store_goes_away);
    return tcase;
}
