/* The tests of user-service: each starts with a service that has no users. */
#ifndef USER_TEST_H
#define USER_TEST_H

#include "order/v1/events.weft.h"
#include "user/v1/events.weft.h"
#include "user/v1/session.weft.h"
#include "user/v1/user.weft.h"
#include <check.h>
#include <weft/test.h>

extern weft_test *test;

void begin(void);
void end(void);

/* Creates a user, who must be valid; its event is out of the way. */
User__V1__User *anna(void);
User__V1__User *create(char *email, char *name);

TCase *users_case(void);
TCase *user_pages_case(void);
TCase *sessions_case(void);
TCase *order_counts_case(void);

#endif
