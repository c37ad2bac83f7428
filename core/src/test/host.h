/* test/host.h - what a host inside a test is made of. One thread. */
#ifndef WEFT_TEST_HOST_H
#define WEFT_TEST_HOST_H

#include "base/arena.h"
#include "base/fault.h"
#include "config/config.h"
#include "contract/message.h"
#include "data/cache/cache.h"
#include "data/store.h"
#include "host/plugin/instance.h"
#include "host/plugin/loader.h"
#include "host/service.h"
#include "test/spy.h"
#include <weft/test.h>

enum { WEFT_TEST_METADATA = 8 };

struct weft_test {
    struct weft_arena *arena; /* of everything handed out */
    char folder[64];          /* of the store */
    struct weft_config *config;
    struct weft_loader *loader;
    struct weft_instance *store_instance, *cache_instance;
    struct weft_store_spy store_spy;
    struct weft_cache_spy cache_spy;
    struct weft_store *store;
    struct weft_cache *cache;
    struct weft_service *service;
    const char *metadata[2 * WEFT_TEST_METADATA + 1]; /* name, value, ..., NULL */
    struct weft_fault fault;                          /* of the last call or delivery */
};

/* Before a call or delivery: nothing has happened yet. */
void weft_test_begin(struct weft_test *test);
/* When one is to be over at the latest. */
uint64_t weft_test_deadline(void);
/* Packs a message, whose nested ones may be compound literals. false: it cannot be, test->fault says why. */
bool weft_test_pack(struct weft_test *test, const ProtobufCMessageDescriptor *descriptor,
                    const ProtobufCMessage *message, struct weft_bytes *ret_bytes);
/* What is scheduled and due goes into the outbox. */
void weft_test_emit_due(struct weft_test *test);
/* NULL: it cannot be, test->fault says why. */
ProtobufCMessage *weft_test_unpack(struct weft_test *test, const ProtobufCMessageDescriptor *descriptor,
                                   const void *bytes, size_t size);

#endif
