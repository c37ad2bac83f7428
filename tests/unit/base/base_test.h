/* One test case a file of core/src/base. */
#ifndef WEFT_BASE_TEST_H
#define WEFT_BASE_TEST_H

#include <check.h>

TCase *arena_case(void);
TCase *buffer_case(void);
TCase *clock_case(void);
TCase *id_case(void);
TCase *mailbox_case(void);
TCase *text_case(void);

#endif
