/* tests.h - what the conformance kit cannot know, because it is AMQP's own. */
#ifndef WEFT_KIT_AMQP_TESTS_H
#define WEFT_KIT_AMQP_TESTS_H

#include "broker.h"

extern const struct kit_test wire_tests[];     /* properties, headers, what foreign programs see */
extern const struct kit_test topology_tests[]; /* queues, arguments, dead letters */
extern const struct kit_test trouble_tests[];  /* blocked, cancelled, refused */
extern const struct kit_test tls_tests[];

#endif
