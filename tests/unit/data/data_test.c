/* The tests of core/src/data. */
#include "data_test.h"

int main(void)
{
    Suite *suite = suite_create("data");
    suite_add_tcase(suite, store_case());
    suite_add_tcase(suite, tx_case());
    suite_add_tcase(suite, group_case());
    suite_add_tcase(suite, failure_case());
    suite_add_tcase(suite, sql_case());
    suite_add_tcase(suite, work_case());
    suite_add_tcase(suite, request_case());
    suite_add_tcase(suite, cached_case());
    suite_add_tcase(suite, migrate_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
