/* tests.h - the groups of tests; each ends with an entry without a name. */
#ifndef WEFT_KIT_TESTS_H
#define WEFT_KIT_TESTS_H

#include "vault.h"

extern const struct kit_test basics_tests[];
extern const struct kit_test values_tests[];
extern const struct kit_test transactions_tests[];
extern const struct kit_test together_tests[];
extern const struct kit_test errors_tests[];
extern const struct kit_test failures_tests[];
extern const struct kit_test start_tests[];
extern const struct kit_test outbox_tests[];
extern const struct kit_test inbox_tests[];
extern const struct kit_test parked_tests[];
extern const struct kit_test cache_drops_tests[];
extern const struct kit_test scheduled_tests[];
extern const struct kit_test waiting_tests[];

#endif
