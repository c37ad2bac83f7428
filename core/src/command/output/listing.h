/* command/output/listing.h - what a command lists: a table for a person, one JSON object a line with --json. */
#ifndef WEFT_COMMAND_OUTPUT_LISTING_H
#define WEFT_COMMAND_OUTPUT_LISTING_H

#include "command/command.h"

#include <weft/value.h>

enum { WEFT_LISTING_COLUMNS_MAX = 24 };

struct weft_column {
    const char *title; /* "FIRST FAILED"; NULL: in JSON only */
    const char *key;   /* "firstFailedAt"; NULL: in the table only */
};

struct weft_listing;

/* Columns are borrowed. Rows of a table are kept until the end, for its widths; those of JSON are written at once. */
struct weft_listing *weft_listing_new(const struct weft_command_line *line, const struct weft_column *columns,
                                      size_t n_columns);

/* One row, a value a column: text, integer, double, boolean, time (RFC 3339) or null ("-" in the table, null in JSON).
 * Copied. Control characters are shown as spaces, so that nothing listed can talk to the terminal. The texts "ok",
 * "warning" and "failed" are coloured. */
void weft_listing_row(struct weft_listing *listing, const struct weft_value *values);

/* Writes and frees. With no row at all the table is `empty` (NULL: nothing). */
void weft_listing_end(struct weft_listing *listing, const char *empty);

#endif
