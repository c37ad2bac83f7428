/* Sessions: kept by the cache, for as long as they are used. */
#include "user_test.h"

#include <stdio.h>

static weft_status open_session(char *user_id, int32_t ttl_s, User__V1__Session **ret_session)
{
    User__V1__CreateSessionResponse *out;
    const User__V1__CreateSessionRequest in = { .user_id = user_id, .ttl_seconds = ttl_s };
    const weft_status status = weft_test_call(test, user_v1_session_service_create_session, &out, &in);
    if (status == WEFT_OK) *ret_session = out->session;
    return status;
}

static weft_status get_session(char *id, User__V1__Session **ret_session)
{
    User__V1__GetSessionResponse *out;
    const User__V1__GetSessionRequest in = { .id = id };
    const weft_status status = weft_test_call(test, user_v1_session_service_get_session, &out, &in);
    if (status == WEFT_OK) *ret_session = out->session;
    return status;
}

static weft_status delete_session(char *id)
{
    User__V1__DeleteSessionResponse *out;
    return weft_test_call(test, user_v1_session_service_delete_session, &out,
                          &(User__V1__DeleteSessionRequest){ .id = id });
}

/* One of Anna's that must succeed. */
static User__V1__Session *opened(int32_t ttl_s)
{
    User__V1__Session *session = NULL;
    const weft_status status = open_session(anna()->id, ttl_s, &session);
    ck_assert_msg(status == WEFT_OK, "%s", weft_test_error(test));
    return session;
}

START_TEST(a_session_says_whose_it_is)
{
    User__V1__Session *session = opened(60), *got;
    ck_assert_int_eq(session->expires_at_ms - session->created_at_ms, 60000);
    ck_assert_int_eq(get_session(session->id, &got), WEFT_OK);
    ck_assert_str_eq(got->user_id, session->user_id);
    ck_assert_str_eq(got->id, session->id);
    ck_assert_int_eq(got->created_at_ms, session->created_at_ms);
}
END_TEST

START_TEST(a_session_is_read_in_one_round_trip_to_the_cache_and_none_to_the_store)
{
    User__V1__Session *session = opened(60), *got;
    ck_assert_int_eq(get_session(session->id, &got), WEFT_OK);
    ck_assert_uint_eq(weft_test_cache_trips(test), 1);
    ck_assert_uint_eq(weft_test_store_trips(test), 0);
}
END_TEST

START_TEST(a_session_moves_its_end_on_when_it_is_read)
{
    User__V1__Session *session = opened(60), *got;
    weft_test_advance_ms(test, 40000);
    ck_assert_int_eq(get_session(session->id, &got), WEFT_OK);
    ck_assert_int_ge(got->expires_at_ms, session->expires_at_ms + 40000);
}
END_TEST

START_TEST(no_two_sessions_have_an_id_in_common)
{
    User__V1__Session *first = opened(60), *second;
    ck_assert_int_eq(open_session(first->user_id, 60, &second), WEFT_OK);
    ck_assert_str_ne(first->id, second->id);
    ck_assert_uint_eq(strspn(first->id, "0123456789abcdef"), 32);
}
END_TEST

START_TEST(a_session_that_was_deleted_is_not_found)
{
    User__V1__Session *session = opened(60), *got;
    ck_assert_int_eq(delete_session(session->id), WEFT_OK);
    ck_assert_int_eq(get_session(session->id, &got), WEFT_NOT_FOUND);
    ck_assert_int_eq(delete_session(session->id), WEFT_NOT_FOUND);
}
END_TEST

START_TEST(an_id_with_another_ttl_is_no_session)
{
    User__V1__Session *session = opened(60), *got;
    char id[64];
    snprintf(id, sizeof id, "%.32s-%d", session->id, 2592000);
    ck_assert_int_eq(get_session(id, &got), WEFT_NOT_FOUND);
}
END_TEST

START_TEST(an_id_that_is_none_of_ours_asks_no_cache)
{
    static char *const none[] = { "",
                                  "x",
                                  "0123456789abcdef0123456789abcdef",
                                  "0123456789abcdef0123456789abcdef-",
                                  "0123456789abcdef0123456789abcdef-0",
                                  "0123456789abcdef0123456789abcdef-9999999",
                                  "0123456789abcdef0123456789abcdef-99999999999999999999",
                                  "0123456789abcdef0123456789abcdef-60 " };
    User__V1__Session *got;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        ck_assert_int_eq(get_session(none[i], &got), WEFT_NOT_FOUND);
        ck_assert_uint_eq(weft_test_cache_trips(test), 0);
        ck_assert_int_eq(delete_session(none[i]), WEFT_NOT_FOUND);
    }
}
END_TEST

START_TEST(a_session_needs_a_user_and_a_ttl_of_at_most_thirty_days)
{
    User__V1__Session *session;
    ck_assert_int_eq(open_session("01900000-0000-7000-8000-00000000000a", 60, &session), WEFT_NOT_FOUND);
    ck_assert_int_eq(open_session("nobody", 60, &session), WEFT_NOT_FOUND);
    ck_assert_int_eq(open_session("nobody", 2592001, &session), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "ttl_seconds"));
    ck_assert_int_eq(open_session("nobody", -1, &session), WEFT_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_cache_that_is_away_is_an_error_and_no_missing_session)
{
    User__V1__Session *session = opened(60), *got;
    weft_test_cache_away(test, true);
    ck_assert_int_eq(get_session(session->id, &got), WEFT_UNAVAILABLE);
    ck_assert_int_eq(open_session(session->user_id, 60, &got), WEFT_UNAVAILABLE);
    ck_assert_int_eq(delete_session(session->id), WEFT_UNAVAILABLE);
}
END_TEST

START_TEST(no_error_text_holds_the_id)
{
    User__V1__Session *session = opened(60), *got;
    weft_test_cache_away(test, true);
    get_session(session->id, &got);
    ck_assert_ptr_null(strstr(weft_test_error(test), session->id));
    weft_test_cache_away(test, false);
    get_session("0123456789abcdef0123456789abcdef-60", &got);
    ck_assert_ptr_null(strstr(weft_test_error(test), "0123456789abcdef"));
}
END_TEST

START_TEST(a_value_that_is_no_session_is_an_error)
{
    User__V1__Session *got;
    weft_test_cache_put(test, "user:session:0123456789abcdef0123456789abcdef-60", "\xff", 1);
    ck_assert_int_eq(get_session("0123456789abcdef0123456789abcdef-60", &got), WEFT_DATA_LOSS);
}
END_TEST

TCase *sessions_case(void)
{
    TCase *tcase = tcase_create("sessions");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_session_says_whose_it_is);
    tcase_add_test(tcase, a_session_is_read_in_one_round_trip_to_the_cache_and_none_to_the_store);
    tcase_add_test(tcase, a_session_moves_its_end_on_when_it_is_read);
    tcase_add_test(tcase, no_two_sessions_have_an_id_in_common);
    tcase_add_test(tcase, a_session_that_was_deleted_is_not_found);
    tcase_add_test(tcase, an_id_with_another_ttl_is_no_session);
    tcase_add_test(tcase, an_id_that_is_none_of_ours_asks_no_cache);
    tcase_add_test(tcase, a_session_needs_a_user_and_a_ttl_of_at_most_thirty_days);
    tcase_add_test(tcase, a_cache_that_is_away_is_an_error_and_no_missing_session);
    tcase_add_test(tcase, no_error_text_holds_the_id);
    tcase_add_test(tcase, a_value_that_is_no_session_is_an_error);
    return tcase;
}
