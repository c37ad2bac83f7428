/* main.c - the conformance program for transports: any .so, whoever wrote it. */
#include "tests.h"

static uint32_t transport_caps(const struct weft_plugin *plugin)
{
    return plugin->transport->caps;
}

int main(int argc, char **argv)
{
    static const struct kit_test *const groups[] = { basics_tests,     messages_tests, routing_tests, consuming_tests,
                                                     publishing_tests, failures_tests, NULL };
    return kit_main(argc, argv, WEFT_KIND_TRANSPORT, transport_caps, groups);
}
