/* One user: created, read, changed, deleted. */
#include "user_test.h"

#include <stdio.h>

static weft_status create_status(char *email, char *name)
{
    User__V1__CreateUserResponse *out;
    return weft_test_call(test, user_v1_user_service_create_user, &out,
                          &(User__V1__CreateUserRequest){ .email = email, .name = name });
}

static weft_status get(char *id, User__V1__GetUserResponse **ret_out)
{
    return weft_test_call(test, user_v1_user_service_get_user, ret_out, &(User__V1__GetUserRequest){ .id = id });
}

static weft_status update(char *id, char *email, char *name, User__V1__UpdateUserResponse **ret_out)
{
    User__V1__UpdateUserRequest in = USER__V1__UPDATE_USER_REQUEST__INIT;
    in.id = id;
    if (email != NULL) {
        in._email_case = USER__V1__UPDATE_USER_REQUEST___EMAIL_EMAIL;
        in.email = email;
    }
    if (name != NULL) {
        in._name_case = USER__V1__UPDATE_USER_REQUEST___NAME_NAME;
        in.name = name;
    }
    return weft_test_call(test, user_v1_user_service_update_user, ret_out, &in);
}

static weft_status remove_user(char *id)
{
    User__V1__DeleteUserResponse *out;
    return weft_test_call(test, user_v1_user_service_delete_user, &out, &(User__V1__DeleteUserRequest){ .id = id });
}

static const char *profile_key(const char *id)
{
    static char key[64];
    snprintf(key, sizeof key, "user:profile:%s", id);
    return key;
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

START_TEST(create_keeps_the_user)
{
    const User__V1__User *user = anna();
    ck_assert(weft_is_uuid(user->id));
    ck_assert_int_gt(user->created_at_ms, 0);
    ck_assert_str_eq(weft_test_text(test, "SELECT email FROM users WHERE id = $1", user->id), "anna@example.com");
}
END_TEST

START_TEST(create_emits_one_event_about_the_user)
{
    ck_assert_int_eq(create_status("anna@example.com", "Anna"), WEFT_OK);
    User__V1__UserCreated *event;
    struct weft_test_envelope envelope;
    ck_assert_uint_eq(weft_test_emitted_count(test), 1);
    ck_assert(weft_test_emitted(test, 0, user_v1_user_created, &event));
    ck_assert_str_eq(event->email, "anna@example.com");
    ck_assert_str_eq(event->name, "Anna");
    ck_assert(weft_test_emitted_envelope(test, 0, &envelope));
    ck_assert_str_eq(envelope.topic, "user-events");
    ck_assert_str_eq(envelope.routing_key, "user.created");
    ck_assert_str_eq(envelope.key, event->user_id);
}
END_TEST

START_TEST(create_is_one_round_trip_and_asks_no_cache)
{
    ck_assert_int_eq(create_status("anna@example.com", "Anna"), WEFT_OK);
    ck_assert_uint_eq(weft_test_store_trips(test), 1);
    ck_assert_uint_eq(weft_test_cache_trips(test), 0);
}
END_TEST

START_TEST(create_with_a_taken_email_changes_and_emits_nothing)
{
    anna();
    ck_assert_int_eq(create_status("anna@example.com", "Another"), WEFT_ALREADY_EXISTS);
    ck_assert_str_eq(weft_test_error(test), "email is taken");
    ck_assert_int_eq(weft_test_int(test, "SELECT count(*) FROM users"), 1);
    ck_assert_uint_eq(weft_test_emitted_count(test), 0);
}
END_TEST

static const char *const bad_emails[] = { "",      "anna",  "@",     "anna@",   "@example.com", "a@b@c",
                                          "a b@c", "a@b c", "a\n@b", "a@b\x7f", " a@b" };

START_TEST(create_refuses_an_email_that_is_none)
{
    char email[32];
    snprintf(email, sizeof email, "%s", bad_emails[_i]);
    ck_assert_int_eq(create_status(email, "Anna"), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "email"));
    ck_assert_uint_eq(weft_test_store_trips(test), 0);
}
END_TEST

START_TEST(create_takes_320_bytes_of_email_and_no_more)
{
    char email[322];
    memset(email, 'x', sizeof email);
    email[64] = '@';
    email[320] = '\0';
    ck_assert_int_eq(create_status(email, "Anna"), WEFT_OK);
    email[320] = 'x';
    email[321] = '\0';
    ck_assert_int_eq(create_status(email, "Anna"), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "email"));
}
END_TEST

START_TEST(create_takes_200_bytes_of_name_and_no_more)
{
    char name[202];
    memset(name, 'x', sizeof name);
    name[200] = '\0';
    ck_assert_int_eq(create_status("a@b", name), WEFT_OK);
    name[200] = 'x';
    name[201] = '\0';
    ck_assert_int_eq(create_status("c@d", name), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "name"));
    ck_assert_int_eq(create_status("c@d", ""), WEFT_INVALID_ARGUMENT);
}
END_TEST

START_TEST(create_names_every_bad_field)
{
    ck_assert_int_eq(create_status("", ""), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "email"));
    ck_assert(weft_test_error_names(test, "name"));
}
END_TEST

START_TEST(create_keeps_hostile_text_as_it_is)
{
    const User__V1__User *user = create("a'b\"@x", "Robert'); DROP TABLE users;--");
    ck_assert_str_eq(weft_test_text(test, "SELECT name FROM users WHERE id = $1", user->id),
                     "Robert'); DROP TABLE users;--");
}
END_TEST

START_TEST(create_without_a_store_is_unavailable)
{
    weft_test_store_away(test, true);
    ck_assert_int_eq(create_status("anna@example.com", "Anna"), WEFT_UNAVAILABLE);
    weft_test_store_away(test, false);
    ck_assert_int_eq(create_status("anna@example.com", "Anna"), WEFT_OK);
}
END_TEST

/* ---- get --------------------------------------------------------------------------------------------------------- */

START_TEST(get_reads_the_store_once_then_the_cache)
{
    const User__V1__User *user = anna();
    User__V1__GetUserResponse *out;
    ck_assert_int_eq(get(user->id, &out), WEFT_OK);
    ck_assert_uint_eq(weft_test_store_trips(test), 1);
    ck_assert_str_eq(out->user->email, "anna@example.com");
    ck_assert_int_eq(out->user->created_at_ms, user->created_at_ms);
    ck_assert(weft_test_cached(test, profile_key(user->id)));

    ck_assert_int_eq(get(user->id, &out), WEFT_OK);
    ck_assert_uint_eq(weft_test_store_trips(test), 0);
    ck_assert_str_eq(out->user->name, "Anna");
    ck_assert_int_eq(out->user->created_at_ms, user->created_at_ms);
}
END_TEST

START_TEST(get_of_an_unknown_id_is_not_found)
{
    User__V1__GetUserResponse *out;
    ck_assert_int_eq(get("00000000-0000-0000-0000-000000000000", &out), WEFT_NOT_FOUND);
    ck_assert_ptr_null(out);
}
END_TEST

START_TEST(get_of_a_malformed_id_is_not_found_and_asks_nobody)
{
    User__V1__GetUserResponse *out;
    ck_assert_int_eq(get("x' OR 1=1", &out), WEFT_NOT_FOUND);
    ck_assert_int_eq(get("", &out), WEFT_NOT_FOUND);
    ck_assert_uint_eq(weft_test_store_trips(test), 0);
    ck_assert_uint_eq(weft_test_cache_trips(test), 0);
}
END_TEST

START_TEST(get_takes_ids_in_upper_case_too)
{
    const User__V1__User *user = anna();
    char id[37];
    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (char)(user->id[i] >= 'a' && user->id[i] <= 'f' ? user->id[i] - 'a' + 'A' : user->id[i]);
    User__V1__GetUserResponse *out;
    ck_assert_int_eq(get(id, &out), WEFT_OK);
    ck_assert_str_eq(out->user->id, user->id);
}
END_TEST

START_TEST(get_answers_from_the_store_while_the_cache_is_away)
{
    const User__V1__User *user = anna();
    User__V1__GetUserResponse *out;
    weft_test_cache_away(test, true);
    ck_assert_int_eq(get(user->id, &out), WEFT_OK);
    ck_assert_str_eq(out->user->name, "Anna");
}
END_TEST

START_TEST(get_answers_from_the_store_when_the_cached_value_is_damaged)
{
    const User__V1__User *user = anna();
    User__V1__GetUserResponse *out;
    weft_test_cache_put(test, profile_key(user->id), "\xff\xff\xff", 3);
    ck_assert_int_eq(get(user->id, &out), WEFT_OK);
    ck_assert_str_eq(out->user->name, "Anna");
    ck_assert(weft_test_cached(test, profile_key(user->id))); /* replaced */
}
END_TEST

/* ---- update ------------------------------------------------------------------------------------------------------ */

START_TEST(update_changes_what_is_given)
{
    const User__V1__User *user = anna();
    User__V1__UpdateUserResponse *out;
    ck_assert_int_eq(update(user->id, NULL, "Anne", &out), WEFT_OK);
    ck_assert_str_eq(out->user->name, "Anne");
    ck_assert_str_eq(out->user->email, "anna@example.com");
    ck_assert_int_eq(update(user->id, "anne@example.com", NULL, &out), WEFT_OK);
    ck_assert_str_eq(out->user->name, "Anne");
    ck_assert_str_eq(out->user->email, "anne@example.com");
    ck_assert_int_eq(out->user->created_at_ms, user->created_at_ms);
}
END_TEST

START_TEST(update_emits_the_whole_user)
{
    const User__V1__User *user = anna();
    User__V1__UpdateUserResponse *out;
    ck_assert_int_eq(update(user->id, NULL, "Anne", &out), WEFT_OK);
    User__V1__UserUpdated *event;
    ck_assert_uint_eq(weft_test_emitted_count(test), 1);
    ck_assert(weft_test_emitted(test, 0, user_v1_user_updated, &event));
    ck_assert_str_eq(event->user_id, user->id);
    ck_assert_str_eq(event->email, "anna@example.com");
    ck_assert_str_eq(event->name, "Anne");
}
END_TEST

START_TEST(update_drops_the_cached_profile)
{
    const User__V1__User *user = anna();
    User__V1__GetUserResponse *got;
    User__V1__UpdateUserResponse *out;
    get(user->id, &got);
    ck_assert_int_eq(update(user->id, NULL, "Anne", &out), WEFT_OK);
    ck_assert(!weft_test_cached(test, profile_key(user->id)));
    ck_assert_int_eq(get(user->id, &got), WEFT_OK);
    ck_assert_str_eq(got->user->name, "Anne");
}
END_TEST

START_TEST(update_of_an_unknown_user_emits_nothing)
{
    User__V1__UpdateUserResponse *out;
    ck_assert_int_eq(update("00000000-0000-0000-0000-000000000000", NULL, "Anne", &out), WEFT_NOT_FOUND);
    ck_assert_int_eq(update("nobody", NULL, "Anne", &out), WEFT_NOT_FOUND);
    ck_assert_uint_eq(weft_test_emitted_count(test), 0);
}
END_TEST

START_TEST(update_to_a_taken_email_changes_nothing)
{
    const User__V1__User *user = anna();
    create("bert@example.com", "Bert");
    User__V1__UpdateUserResponse *out;
    ck_assert_int_eq(update(user->id, "bert@example.com", "Anne", &out), WEFT_ALREADY_EXISTS);
    ck_assert_str_eq(weft_test_text(test, "SELECT name FROM users WHERE id = $1", user->id), "Anna");
    ck_assert_uint_eq(weft_test_emitted_count(test), 0);
}
END_TEST

START_TEST(update_checks_what_is_given)
{
    const User__V1__User *user = anna();
    User__V1__UpdateUserResponse *out;
    ck_assert_int_eq(update(user->id, "anna", NULL, &out), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "email"));
    ck_assert_int_eq(update(user->id, NULL, "", &out), WEFT_INVALID_ARGUMENT);
    ck_assert(weft_test_error_names(test, "name"));
}
END_TEST

/* ---- delete ------------------------------------------------------------------------------------------------------ */

START_TEST(delete_removes_user_and_profile_and_says_so)
{
    const User__V1__User *user = anna();
    User__V1__GetUserResponse *got;
    get(user->id, &got);
    ck_assert_int_eq(remove_user(user->id), WEFT_OK);
    User__V1__UserDeleted *event;
    ck_assert(weft_test_emitted(test, 0, user_v1_user_deleted, &event));
    ck_assert_str_eq(event->user_id, user->id);
    ck_assert_int_eq(get(user->id, &got), WEFT_NOT_FOUND);
}
END_TEST

START_TEST(delete_of_an_unknown_user_emits_nothing)
{
    const User__V1__User *user = anna();
    ck_assert_int_eq(remove_user("nobody"), WEFT_NOT_FOUND);
    ck_assert_int_eq(remove_user(user->id), WEFT_OK);
    weft_test_emitted_clear(test);
    ck_assert_int_eq(remove_user(user->id), WEFT_NOT_FOUND);
    ck_assert_uint_eq(weft_test_emitted_count(test), 0);
}
END_TEST

/* ---- later ------------------------------------------------------------------------------------------------------- */

START_TEST(scheduled_event_is_emitted_when_the_clock_gets_there)
{
    User__V1__UserDeleted *event;
    weft_test_sql(test, "INSERT INTO weft_scheduled (due_at, event_id, type, topic, routing_key, content_type,"
                        " correlation_id, occurred_at, payload) VALUES ((unixepoch() + 3600) * 1000000, 'x',"
                        " 'user.v1.UserDeleted', 't', 'r', 'application/protobuf', 'c', 0, x'0a0178')");
    weft_test_advance_ms(test, 3500 * 1000);
    ck_assert_uint_eq(weft_test_emitted_count(test), 0);
    weft_test_advance_ms(test, 200 * 1000);
    ck_assert(weft_test_emitted(test, 0, user_v1_user_deleted, &event));
    ck_assert_str_eq(event->user_id, "x");
}
END_TEST

TCase *users_case(void)
{
    TCase *tcase = tcase_create("users");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, create_keeps_the_user);
    tcase_add_test(tcase, scheduled_event_is_emitted_when_the_clock_gets_there);
    tcase_add_test(tcase, create_emits_one_event_about_the_user);
    tcase_add_test(tcase, create_is_one_round_trip_and_asks_no_cache);
    tcase_add_test(tcase, create_with_a_taken_email_changes_and_emits_nothing);
    tcase_add_loop_test(tcase, create_refuses_an_email_that_is_none, 0, sizeof bad_emails / sizeof bad_emails[0]);
    tcase_add_test(tcase, create_takes_320_bytes_of_email_and_no_more);
    tcase_add_test(tcase, create_takes_200_bytes_of_name_and_no_more);
    tcase_add_test(tcase, create_names_every_bad_field);
    tcase_add_test(tcase, create_keeps_hostile_text_as_it_is);
    tcase_add_test(tcase, create_without_a_store_is_unavailable);
    tcase_add_test(tcase, get_reads_the_store_once_then_the_cache);
    tcase_add_test(tcase, get_of_an_unknown_id_is_not_found);
    tcase_add_test(tcase, get_of_a_malformed_id_is_not_found_and_asks_nobody);
    tcase_add_test(tcase, get_takes_ids_in_upper_case_too);
    tcase_add_test(tcase, get_answers_from_the_store_while_the_cache_is_away);
    tcase_add_test(tcase, get_answers_from_the_store_when_the_cached_value_is_damaged);
    tcase_add_test(tcase, update_changes_what_is_given);
    tcase_add_test(tcase, update_emits_the_whole_user);
    tcase_add_test(tcase, update_drops_the_cached_profile);
    tcase_add_test(tcase, update_of_an_unknown_user_emits_nothing);
    tcase_add_test(tcase, update_to_a_taken_email_changes_nothing);
    tcase_add_test(tcase, update_checks_what_is_given);
    tcase_add_test(tcase, delete_removes_user_and_profile_and_says_so);
    tcase_add_test(tcase, delete_of_an_unknown_user_emits_nothing);
    return tcase;
}
