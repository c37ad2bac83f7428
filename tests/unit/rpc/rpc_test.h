/* The tests of core/src/rpc: a real server on a loopback port of its own, called through real channels. */
#ifndef WEFT_RPC_TEST_H
#define WEFT_RPC_TEST_H

#include <check.h>

TCase *call_case(void);
TCase *control_case(void);
TCase *workers_case(void);
TCase *life_case(void);
TCase *client_case(void);
TCase *local_case(void);
TCase *payload_case(void);
TCase *prefetch_case(void);

#endif
