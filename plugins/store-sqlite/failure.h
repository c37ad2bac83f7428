/* failure.h - what an error of SQLite's means to weft. */
#ifndef WEFT_SQLITE_FAILURE_H
#define WEFT_SQLITE_FAILURE_H

#include "connection.h"

/* Fills rc (returned), reason, constraint and text of the result. `why`: a text of our own, or NULL for SQLite's.
 * `committing`: it was the COMMIT. */
int32_t weft_sqlite_failure(struct weft_sqlite_connection *connection, int code, const char *why, bool committing,
                            struct weft_bump *bump, struct weft_result *ret_result);

#endif
