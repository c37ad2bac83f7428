/* event/relay/relay_marks.c - keys and rows on their way to being marked in the store. */
#include "event/relay/relay_state.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No more rows than a relay may know come between two round trips, so the room is fixed. */
struct relay_marks weft_relay_marks_new(size_t capacity, const char *reason)
{
    struct relay_marks marks = { .keys = weft_memory_zeroed(capacity, sizeof(char *)),
                                 .ids = weft_memory_zeroed(capacity, sizeof(int64_t)),
                                 .capacity = capacity };
    snprintf(marks.reason, sizeof marks.reason, "%s", reason);
    return marks;
}

void weft_relay_marks_free(struct relay_marks *marks)
{
    weft_relay_marks_clear(marks);
    free(marks->keys);
    free(marks->ids);
}

void weft_relay_marks_add(struct relay_marks *marks, const struct weft_window_row *row)
{
    assert(marks->n_keys < marks->capacity && marks->n_ids < marks->capacity);
    if (row->publish.message.key != NULL)
        marks->keys[marks->n_keys++] = weft_memory_text(row->publish.message.key);
    else
        marks->ids[marks->n_ids++] = row->id;
}

void weft_relay_marks_clear(struct relay_marks *marks)
{
    while (marks->n_keys > 0)
        free(marks->keys[--marks->n_keys]);
    marks->n_ids = 0;
}

bool weft_relay_unheard_add(struct weft_relay *relay, const char *type)
{
    for (size_t i = 0; i < relay->n_unheard; i++)
        if (strcmp(relay->unheard[i], type) == 0) return false;
    if (relay->n_unheard == RELAY_UNHEARD) return false;
    relay->unheard[relay->n_unheard++] = weft_memory_text(type);
    return true;
}

void weft_relay_unheard_clear(struct weft_relay *relay)
{
    while (relay->n_unheard > 0)
        free(relay->unheard[--relay->n_unheard]);
}
