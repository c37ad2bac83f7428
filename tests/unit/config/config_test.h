/* What the files of this test program share: a suite each. */
#ifndef CONFIG_TEST_H
#define CONFIG_TEST_H

#include <check.h>

TCase *url_case(void);
TCase *option_case(void);
TCase *config_case(void);

#endif
