/* data/cache/cached.h - cache-aside of a work. The handler's thread. */
#ifndef WEFT_DATA_CACHED_H
#define WEFT_DATA_CACHED_H

#include "data/work.h"

/* Deletes the keys, a NULL-terminated list, in one round trip. After the commit that changed what they hold: by
 * weft_work_finish, and by a lane for its batch. */
void weft_cached_delete(struct weft_work *work, const char *const *keys);

#endif
