/* What the files of this test program share: a suite each. */
#ifndef HOST_TEST_H
#define HOST_TEST_H

#include <check.h>

TCase *loader_case(void);
TCase *instance_case(void);
TCase *service_case(void);
TCase *crash_case(void);
TCase *process_case(void);

#endif
