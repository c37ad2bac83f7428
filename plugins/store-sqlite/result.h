/* result.h - rows of SQLite's, copied into a session's memory as typed values. */
#ifndef WEFT_SQLITE_RESULT_H
#define WEFT_SQLITE_RESULT_H

#include "bump.h"
#include <sqlite3.h>
#include <weft/plugin.h>

/* Steps to the end and fills rows and columns. SQLITE_DONE, or the code; SQLITE_TOOBIG: the memory's limit was met. */
int weft_sqlite_rows_read(sqlite3_stmt *handle, struct weft_bump *bump, struct weft_rowset *ret_set);

#endif
