/* main.c - tests of transport-amqp against a broker, beyond the conformance kit. */
#include "tests.h"

static uint32_t transport_caps(const struct weft_plugin *plugin)
{
    return plugin->transport->caps;
}

int main(int argc, char **argv)
{
    static const struct kit_test *const groups[] = { wire_tests, topology_tests, trouble_tests, tls_tests, NULL };
    return kit_main(argc, argv, WEFT_KIND_TRANSPORT, transport_caps, groups);
}
