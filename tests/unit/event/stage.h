/* stage.h - what an event test plays on: the embedded store in a folder of its own, with a switch to make it fail. */
#ifndef STAGE_H
#define STAGE_H

#include "data/store.h"
#include "data/tx.h"
#include "event/transport.h"

struct stage;

struct stage *stage_new(void);
void stage_free(struct stage *stage); /* removes the folder */
struct weft_store *stage_store(struct stage *stage);
/* A second store of the same service and file, as another process would have. The stage's. */
struct weft_store *stage_store_again(struct stage *stage);
/* transport-memory with topic user-events and a queue order-service.user-events for user.created. Closed by stage_free.
 */
struct weft_transport *stage_transport(struct stage *stage, uint32_t queue_flags);

/* The next `runs` runs of sessions of any purpose end with rc. `after`: once they have done their work. */
void stage_fail(struct stage *stage, int32_t rc, uint32_t runs, bool after);
uint64_t stage_runs(struct stage *stage); /* so far */

int64_t stage_int(struct stage *stage, const char *sql);
/* The first column of all rows, joined by commas. Valid until the next call. */
const char *stage_texts(struct stage *stage, const char *sql);

#endif
