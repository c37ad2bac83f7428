/* tests.h - the groups of tests, a file each. */
#ifndef WEFT_CACHE_TESTS_H
#define WEFT_CACHE_TESTS_H

#include "box.h"

extern const struct kit_test basics_tests[];
extern const struct kit_test values_tests[];
extern const struct kit_test expiry_tests[];
extern const struct kit_test numbers_tests[];
extern const struct kit_test leases_tests[];
extern const struct kit_test journal_tests[];
extern const struct kit_test failures_tests[];

#define TESTS_END                                                                                                      \
    {                                                                                                                  \
        NULL, NULL, 0, 0, 0                                                                                            \
    }

#endif
