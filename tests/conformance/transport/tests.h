/* tests.h - the groups of tests; each ends with an entry without a name. */
#ifndef WEFT_KIT_TESTS_H
#define WEFT_KIT_TESTS_H

#include "station.h"

extern const struct kit_test basics_tests[];
extern const struct kit_test messages_tests[];
extern const struct kit_test routing_tests[];
extern const struct kit_test consuming_tests[];
extern const struct kit_test publishing_tests[];
extern const struct kit_test failures_tests[];

#endif
