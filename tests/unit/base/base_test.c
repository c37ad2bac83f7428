/* The tests of core/src/base. */
#include "base_test.h"

int main(void)
{
    Suite *suite = suite_create("base");
    suite_add_tcase(suite, arena_case());
    suite_add_tcase(suite, buffer_case());
    suite_add_tcase(suite, clock_case());
    suite_add_tcase(suite, id_case());
    suite_add_tcase(suite, mailbox_case());
    suite_add_tcase(suite, text_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
