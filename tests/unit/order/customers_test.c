/* What users do to customers. */
#include "order_test.h"

static weft_status user_updated(char *id, char *email, char *name)
{
    const User__V1__UserUpdated in = { .user_id = id, .email = email, .name = name };
    return weft_test_deliver(test, user_v1_user_updated, NULL, &in);
}

static const char *email_of(const char *id)
{
    return weft_test_text(test, "SELECT email FROM customers WHERE id = $1", id);
}

START_TEST(created_user_is_a_customer)
{
    static const char event_id[] = "01900000-0000-7000-8000-000000000001";
    const User__V1__UserCreated in = { .user_id = ANNA, .email = "anna@example.com", .name = "Anna" };
    ck_assert_int_eq(weft_test_deliver(test, user_v1_user_created, event_id, &in), WEFT_OK);
    ck_assert_str_eq(email_of(ANNA), "anna@example.com");
    ck_assert_str_eq(weft_test_text(test, "SELECT event_id FROM customers"), event_id);
}
END_TEST

START_TEST(updated_user_is_an_updated_customer)
{
    user_created(ANNA, "anna@example.com", "Anna");
    ck_assert_int_eq(user_updated(ANNA, "anne@example.com", "Anne"), WEFT_OK);
    ck_assert_str_eq(email_of(ANNA), "anne@example.com");
    ck_assert_int_eq(weft_test_int(test, "SELECT count(*) FROM customers"), 1);
}
END_TEST

START_TEST(update_of_a_user_from_before_our_time_makes_the_customer)
{
    ck_assert_int_eq(user_updated(ANNA, "anne@example.com", "Anne"), WEFT_OK);
    ck_assert_str_eq(email_of(ANNA), "anne@example.com");
}
END_TEST

START_TEST(deleted_user_is_no_customer)
{
    user_created(ANNA, "anna@example.com", "Anna");
    user_deleted(ANNA);
    ck_assert_int_eq(weft_test_int(test, "SELECT count(*) FROM customers"), 0);
    user_deleted(ANNA); /* who never came, or went before, is fine */
}
END_TEST

START_TEST(event_that_comes_again_after_the_deletion_changes_nothing)
{
    static const char event_id[] = "01900000-0000-7000-8000-000000000001";
    const User__V1__UserCreated in = { .user_id = ANNA, .email = "anna@example.com", .name = "Anna" };
    ck_assert_int_eq(weft_test_deliver(test, user_v1_user_created, event_id, &in), WEFT_OK);
    user_deleted(ANNA);
    ck_assert_int_eq(weft_test_deliver(test, user_v1_user_created, event_id, &in), WEFT_OK);
    ck_assert_int_eq(weft_test_int(test, "SELECT count(*) FROM customers"), 0);
}
END_TEST

START_TEST(user_with_no_id_is_dead)
{
    ck_assert_int_eq(user_updated("anna", "anna@example.com", "Anna"), WEFT_REJECT);
    ck_assert_int_eq(weft_test_deliver(test, user_v1_user_deleted, NULL, &(User__V1__UserDeleted){ .user_id = "x" }),
                     WEFT_REJECT);
}
END_TEST

TCase *customers_case(void)
{
    TCase *tcase = tcase_create("customers");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, created_user_is_a_customer);
    tcase_add_test(tcase, updated_user_is_an_updated_customer);
    tcase_add_test(tcase, update_of_a_user_from_before_our_time_makes_the_customer);
    tcase_add_test(tcase, deleted_user_is_no_customer);
    tcase_add_test(tcase, event_that_comes_again_after_the_deletion_changes_nothing);
    tcase_add_test(tcase, user_with_no_id_is_dead);
    return tcase;
}
