/* The tests of core/src/config. */
#include "config_test.h"

int main(void)
{
    Suite *suite = suite_create("config");
    suite_add_tcase(suite, url_case());
    suite_add_tcase(suite, option_case());
    suite_add_tcase(suite, config_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
