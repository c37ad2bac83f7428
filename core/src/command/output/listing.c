/* command/output/listing.c - rows to a table or to JSON. */
#include "command/output/listing.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTING_ARENA_BYTES = 16 * 1024 };

struct row {
    struct row *next;
    const char *cells[];
};

struct weft_listing {
    struct weft_arena *arena;
    const struct weft_column *columns;
    size_t n_columns;
    size_t widths[WEFT_LISTING_COLUMNS_MAX];
    struct row *first, **last;
    bool json, color;
};

struct weft_listing *weft_listing_new(const struct weft_command_line *line, const struct weft_column *columns,
                                      size_t n_columns)
{
    struct weft_listing *listing = weft_memory_zeroed(1, sizeof *listing);
    assert(n_columns <= WEFT_LISTING_COLUMNS_MAX);
    *listing = (struct weft_listing){ .arena = weft_arena_new(LISTING_ARENA_BYTES),
                                      .columns = columns,
                                      .n_columns = n_columns,
                                      .json = line->json,
                                      .color = line->color };
    listing->last = &listing->first;
    return listing;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void value_json(const struct weft_value *value, struct weft_buffer *buffer)
{
    char time[28];
    switch (value->type) {
    case WEFT_TYPE_BOOL:
        weft_buffer_text(buffer, value->as.integer != 0 ? "true" : "false");
        return;
    case WEFT_TYPE_INT:
        weft_buffer_format(buffer, "%lld", (long long)value->as.integer);
        return;
    case WEFT_TYPE_DOUBLE:
        weft_buffer_format(buffer, "%.17g", value->as.real);
        return;
    case WEFT_TYPE_TEXT:
        weft_buffer_json(buffer, value->as.text, value->size);
        return;
    case WEFT_TYPE_TIME:
        weft_clock_format(value->as.integer, time);
        weft_buffer_format(buffer, "\"%s\"", time);
        return;
    default:
        weft_buffer_text(buffer, "null");
    }
}

static void row_json(const struct weft_listing *listing, const struct weft_value *values)
{
    struct weft_buffer buffer __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    for (size_t i = 0; i < listing->n_columns; i++) {
        if (listing->columns[i].key == NULL) continue;
        weft_buffer_format(&buffer, "%s\"%s\":", buffer.size == 0 ? "{" : ",", listing->columns[i].key);
        value_json(&values[i], &buffer);
    }
    weft_buffer_byte(&buffer, '}');
    puts(buffer.data);
}

/* ---- table ------------------------------------------------------------------------------------------------------- */

static const char *value_text(struct weft_arena *arena, const struct weft_value *value)
{
    char *text;
    switch (value->type) {
    case WEFT_TYPE_BOOL:
        return value->as.integer != 0 ? "yes" : "no";
    case WEFT_TYPE_INT:
        return weft_arena_format(arena, "%lld", (long long)value->as.integer);
    case WEFT_TYPE_DOUBLE:
        return weft_arena_format(arena, "%g", value->as.real);
    case WEFT_TYPE_TEXT:
        text = weft_arena_copy(arena, value->as.text, value->size);
        weft_text_tame(text);
        return text[0] != '\0' ? text : "-";
    case WEFT_TYPE_TIME:
        text = weft_arena_alloc(arena, 28);
        weft_clock_format(value->as.integer, text);
        return text;
    default:
        return "-";
    }
}

/* Characters, not bytes: the continuation bytes of UTF-8 take no column. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void row_keep(struct weft_listing *listing, const struct weft_value *values)
{
    struct row *row = weft_arena_alloc(listing->arena, sizeof *row + listing->n_columns * sizeof *row->cells);
    for (size_t i = 0; i < listing->n_columns; i++) {
        row->cells[i] = value_text(listing->arena, &values[i]);
        size_t width = text_width(row->cells[i]);
        if (width > listing->widths[i]) listing->widths[i] = width;
    }
    *listing->last = row;
    listing->last = &row->next;
}

static const char *cell_color(const char *cell)
{
    static const char *const colors[][2] = { { "ok", "\033[32m" },
                                             { "warning", "\033[33m" },
                                             { "failed", "\033[31m" } };
    for (size_t i = 0; i < sizeof colors / sizeof *colors; i++)
        if (strcmp(cell, colors[i][0]) == 0) return colors[i][1];
    return NULL;
}

/* The last column is not filled up. */
static void cells_print(const struct weft_listing *listing, const char *const *cells, const char *color)
{
    const char *gap = "";
    int fill = 0;
    for (size_t i = 0; i < listing->n_columns; i++) {
        if (listing->columns[i].title == NULL) continue;
        const char *own = color != NULL ? color : cell_color(cells[i]);
        if (!listing->color) own = NULL;
        printf("%*s%s%s%s%s", fill, "", gap, own != NULL ? own : "", cells[i], own != NULL ? "\033[0m" : "");
        fill = (int)(listing->widths[i] - text_width(cells[i]));
        gap = "  ";
    }
    putchar('\n');
}

static void table_print(struct weft_listing *listing)
{
    const char *titles[WEFT_LISTING_COLUMNS_MAX];
    for (size_t i = 0; i < listing->n_columns; i++) {
        titles[i] = listing->columns[i].title != NULL ? listing->columns[i].title : "";
        size_t width = text_width(titles[i]);
        if (width > listing->widths[i]) listing->widths[i] = width;
    }
    cells_print(listing, titles, "\033[1m");
    for (const struct row *row = listing->first; row != NULL; row = row->next)
        cells_print(listing, row->cells, NULL);
}

void weft_listing_row(struct weft_listing *listing, const struct weft_value *values)
{
    if (listing->json)
        row_json(listing, values);
    else
        row_keep(listing, values);
}

void weft_listing_end(struct weft_listing *listing, const char *empty)
{
    if (listing->first != NULL)
        table_print(listing);
    else if (!listing->json && empty != NULL)
        puts(empty);
    weft_arena_free(listing->arena);
    free(listing);
}
