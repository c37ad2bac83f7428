/* data/rows.h - rows in a work's arena. The handler's thread. */
#ifndef WEFT_DATA_ROWS_H
#define WEFT_DATA_ROWS_H

#include "base/arena.h"
#include <weft/plugin.h>
#include <weft/service.h>

/* A copy that lives as long as the arena, before its first row. */
weft_rows *weft_rows_new(struct weft_arena *arena, const struct weft_rowset *set);

#endif
