/* All users, a page at a time. */
#include "user_test.h"

#include <stdio.h>

static weft_status list(int32_t size, char *token, User__V1__ListUsersResponse **ret_out)
{
    const User__V1__ListUsersRequest in = { .page_size = size, .page_token = token };
    return weft_test_call(test, user_v1_user_service_list_users, ret_out, &in);
}

static void create_many(int n)
{
    for (int i = 0; i < n; i++) {
        char email[32];
        snprintf(email, sizeof email, "user-%d@example.com", i);
        create(email, "User");
    }
}

START_TEST(nobody_is_an_empty_page)
{
    User__V1__ListUsersResponse *out;
    ck_assert_int_eq(list(0, "", &out), WEFT_OK);
    ck_assert_uint_eq(out->n_users, 0);
    ck_assert_str_eq(out->next_page_token, "");
}
END_TEST

START_TEST(pages_hold_every_user_once)
{
    create_many(7);
    User__V1__ListUsersResponse *out;
    char *token = "";
    char last[37] = "";
    size_t n_users = 0, n_pages = 0;
    do {
        ck_assert_int_eq(list(3, token, &out), WEFT_OK);
        for (size_t i = 0; i < out->n_users; i++, n_users++) {
            ck_assert_str_gt(out->users[i]->id, last);
            snprintf(last, sizeof last, "%s", out->users[i]->id);
        }
        token = out->next_page_token;
        n_pages++;
    } while (token[0] != '\0');
    ck_assert_uint_eq(n_users, 7);
    ck_assert_uint_eq(n_pages, 3);
}
END_TEST

START_TEST(last_page_that_is_full_says_that_there_is_no_more)
{
    create_many(3);
    User__V1__ListUsersResponse *out;
    ck_assert_int_eq(list(3, "", &out), WEFT_OK);
    ck_assert_uint_eq(out->n_users, 3);
    ck_assert_str_eq(out->next_page_token, "");
}
END_TEST

START_TEST(user_who_goes_meanwhile_shifts_nothing)
{
    create_many(4);
    User__V1__ListUsersResponse *first, *second;
    ck_assert_int_eq(list(2, "", &first), WEFT_OK);
    weft_test_sql(test, "DELETE FROM users WHERE id = $1", first->users[1]->id);
    ck_assert_int_eq(list(2, first->next_page_token, &second), WEFT_OK);
    ck_assert_uint_eq(second->n_users, 2);
}
END_TEST

START_TEST(page_size_has_bounds)
{
    User__V1__ListUsersResponse *out;
    ck_assert_int_eq(list(-1, "", &out), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(list(1001, "", &out), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "page_size"));
    ck_assert_int_eq(list(1000, "", &out), WEFT_OK);
}
END_TEST

START_TEST(token_that_is_none_of_ours_is_refused)
{
    User__V1__ListUsersResponse *out;
    ck_assert_int_eq(list(2, "page two", &out), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "page_token"));
}
END_TEST

TCase *user_pages_case(void)
{
    TCase *tcase = tcase_create("user pages");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, nobody_is_an_empty_page);
    tcase_add_test(tcase, pages_hold_every_user_once);
    tcase_add_test(tcase, last_page_that_is_full_says_that_there_is_no_more);
    tcase_add_test(tcase, user_who_goes_meanwhile_shifts_nothing);
    tcase_add_test(tcase, page_size_has_bounds);
    tcase_add_test(tcase, token_that_is_none_of_ours_is_refused);
    return tcase;
}
