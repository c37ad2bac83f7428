/* main.c - the conformance program for caches: any .so, whoever wrote it. */
#include "tests.h"

static uint32_t cache_caps(const struct weft_plugin *plugin)
{
    return plugin->cache->caps;
}

int main(int argc, char **argv)
{
    static const struct kit_test *const groups[] = { basics_tests, values_tests,  expiry_tests,   numbers_tests,
                                                     leases_tests, journal_tests, failures_tests, NULL };
    return kit_main(argc, argv, WEFT_KIND_CACHE, cache_caps, groups);
}
