/* The tests of core/src/contract. */
#include "contract_test.h"

struct weft_arena *arena;

void arena_make(void)
{
    arena = weft_arena_new(4096);
}

void arena_drop(void)
{
    weft_arena_free(arena);
}

int main(void)
{
    Suite *suite = suite_create("contract");
    suite_add_tcase(suite, dynamic_case());
    suite_add_tcase(suite, guard_case());
    suite_add_tcase(suite, json_case());
    suite_add_tcase(suite, message_case());
    suite_add_tcase(suite, registry_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
