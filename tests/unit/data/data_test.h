/* The tests of core/src/data against a store that only takes notes. */
#ifndef WEFT_DATA_TEST_H
#define WEFT_DATA_TEST_H

#include <check.h>

TCase *store_case(void);
TCase *tx_case(void);
TCase *group_case(void);
TCase *failure_case(void);
TCase *sql_case(void);
TCase *work_case(void);
TCase *request_case(void);
TCase *cached_case(void);
TCase *migrate_case(void);

#endif
