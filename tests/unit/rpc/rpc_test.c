#include "rpc_test.h"

int main(void)
{
    Suite *suite = suite_create("rpc");
    suite_add_tcase(suite, call_case());
    suite_add_tcase(suite, control_case());
    suite_add_tcase(suite, workers_case());
    suite_add_tcase(suite, life_case());
    suite_add_tcase(suite, client_case());
    suite_add_tcase(suite, local_case());
    suite_add_tcase(suite, payload_case());
    suite_add_tcase(suite, prefetch_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
