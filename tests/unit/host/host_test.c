/* The tests of core/src/host. */
#include "host_test.h"

int main(void)
{
    Suite *suite = suite_create("host");
    suite_add_tcase(suite, loader_case());
    suite_add_tcase(suite, instance_case());
    suite_add_tcase(suite, service_case());
    suite_add_tcase(suite, crash_case());
    suite_add_tcase(suite, process_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
