/* event_test.h - the cases of this folder, and how they wait. */
#ifndef EVENT_TEST_H
#define EVENT_TEST_H

#include <check.h>
#include <stdbool.h>

TCase *consumer_case(void);
TCase *direct_case(void);
TCase *emit_case(void);
TCase *envelope_case(void);
TCase *failing_case(void);
TCase *object_case(void);
TCase *relay_case(void);
TCase *retry_case(void);
TCase *tap_case(void);
TCase *way_case(void);
TCase *window_case(void);

/* Waits until `condition` is true; fails the test after 5 s. */
bool eventually_next(int *tries); /* one round of waiting; false: time is up */
#define eventually(condition)                                                                                          \
    do {                                                                                                               \
        int tries_ = 0;                                                                                                \
        while (!(condition))                                                                                           \
            ck_assert_msg(eventually_next(&tries_), "not within 5 s: %s", #condition);                                 \
    } while (0)

#endif
