/* main.c - the conformance program for stores: any .so, whoever wrote it. */
#include "tests.h"

static uint32_t store_caps(const struct weft_plugin *plugin)
{
    return plugin->store->caps;
}

int main(int argc, char **argv)
{
    static const struct kit_test *const groups[] = {
        basics_tests, values_tests, transactions_tests, together_tests,    errors_tests,  start_tests,    outbox_tests,
        inbox_tests,  parked_tests, scheduled_tests,    cache_drops_tests, waiting_tests, failures_tests, NULL
    };
    return kit_main(argc, argv, WEFT_KIND_STORE, store_caps, groups);
}
