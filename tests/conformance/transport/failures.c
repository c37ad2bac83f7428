/* failures.c - the server goes, hangs, comes back. All through a proxy before it. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

const struct kit_test failures_tests[] = {
    { NULL, NULL, 0, 0, 0 },
};
