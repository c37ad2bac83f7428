/* fake_store.h - an outbox in memory behind the store ABI, for tests of the relay: rows can be looked at, and the store
 * can be made to fail. Any thread. */
#ifndef FAKE_STORE_H
#define FAKE_STORE_H

#include "data/store.h"

#define FAKE_ROWS 4096

struct fake_store;

struct fake_store *fake_store_new(void);
void fake_store_free(struct fake_store *fake);
struct weft_store *fake_store_open(struct fake_store *fake, const char *service); /* several share the rows */

void fake_store_insert(struct fake_store *fake, int64_t id, const char *key, const char *type);
size_t fake_store_rows(struct fake_store *fake);
size_t fake_store_held(struct fake_store *fake);
bool fake_store_is_held(struct fake_store *fake, int64_t id, const char *reason); /* that begins so */
size_t fake_store_claims(struct fake_store *fake);
void fake_store_expire(struct fake_store *fake, int64_t n_answers); /* so many answers to commands have expired */
int64_t fake_store_expired(struct fake_store *fake);
void fake_store_fail(struct fake_store *fake, int32_t rc);                       /* every run from now on; OK ends it */
void fake_store_steal(struct fake_store *fake, const char *holder, uint64_t ms); /* the lease */

#endif
