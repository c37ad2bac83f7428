/* The tests of core/src/event. */
#include "event_test.h"

#include <stdlib.h>
#include <time.h>

bool eventually_next(int *tries)
{
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    return ++*tries < 2500;
}

int main(void)
{
    Suite *suite = suite_create("event");
    suite_add_tcase(suite, object_case());
    suite_add_tcase(suite, envelope_case());
    suite_add_tcase(suite, emit_case());
    suite_add_tcase(suite, window_case());
    suite_add_tcase(suite, relay_case());
    suite_add_tcase(suite, retry_case());
    suite_add_tcase(suite, consumer_case());
    suite_add_tcase(suite, failing_case());
    suite_add_tcase(suite, direct_case());
    suite_add_tcase(suite, tap_case());
    suite_add_tcase(suite, way_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
