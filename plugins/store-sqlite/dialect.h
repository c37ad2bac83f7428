/* dialect.h - the SQL of weft's own tables, as SQLite speaks it. */
#ifndef WEFT_SQLITE_DIALECT_H
#define WEFT_SQLITE_DIALECT_H

#include <weft/plugin.h>

extern const struct weft_dialect weft_sqlite_dialect;

#endif
