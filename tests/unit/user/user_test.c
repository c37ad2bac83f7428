/* The tests of user-service. */
#include "user_test.h"

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

User__V1__User *create(char *email, char *name)
{
    User__V1__CreateUserResponse *out;
    const User__V1__CreateUserRequest in = { .email = email, .name = name };
    const weft_status status = weft_test_call(test, user_v1_user_service_create_user, &out, &in);
    ck_assert_msg(status == WEFT_OK, "%s", weft_test_error(test));
    weft_test_emitted_clear(test);
    return out->user;
}

User__V1__User *anna(void)
{
    return create("anna@example.com", "Anna");
}

int main(void)
{
    Suite *suite = suite_create("user");
    suite_add_tcase(suite, users_case());
    suite_add_tcase(suite, user_pages_case());
    suite_add_tcase(suite, sessions_case());
    suite_add_tcase(suite, order_counts_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
