/* One test case a file of core/src/contract. */
#ifndef WEFT_CONTRACT_TEST_H
#define WEFT_CONTRACT_TEST_H

#include "base/arena.h"
#include "base/fault.h"
#include "test/v1/everything.weft.h"
#include <check.h>

TCase *dynamic_case(void);
TCase *guard_case(void);
TCase *json_case(void);
TCase *message_case(void);
TCase *registry_case(void);

/* Made before and freed after each test. */
extern struct weft_arena *arena;
void arena_make(void);
void arena_drop(void);

#endif
