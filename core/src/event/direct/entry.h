/* event/direct/entry.h - a direct event as bytes, the way it waits in memory and in the journal, and as an operation.
 */
#ifndef WEFT_EVENT_DIRECT_ENTRY_H
#define WEFT_EVENT_DIRECT_ENTRY_H

#include "contract/message.h"
#include "data/tx.h"
#include "event/envelope.h"

/* Of the row, but for another topic; flags are of enum WEFT_PUBLISH_*. In the arena. */
struct weft_bytes weft_direct_entry_write(struct weft_arena *arena, const struct weft_outbox_row *row,
                                          const char *topic, uint32_t flags);

/* An event on its way. Its texts lie in the entry. */
struct weft_direct_event {
    struct weft_publish publish;         /* first: its address is the event's */
    struct weft_direct_event *next;      /* in one of the lists of its owner */
    struct weft_direct_event *completed; /* in that of those completed */
    int32_t rc;                          /* how it completed */
    bool settled;                        /* it did */
    struct weft_header headers[WEFT_ENVELOPE_HEADERS];
    char time[28];
    size_t size;
    char entry[];
};

/* `source` is borrowed. NULL: these bytes are no entry. */
struct weft_direct_event *weft_direct_event_new(const void *entry, size_t size, const char *source);

struct weft_direct_list {
    struct weft_direct_event *first, *last;
    size_t n, bytes;
};

void weft_direct_list_add(struct weft_direct_list *list, struct weft_direct_event *event);
struct weft_direct_event *weft_direct_list_take(struct weft_direct_list *list); /* the first; NULL: none */
/* All of `others` behind, or before, those of the list; `others` is empty then. */
void weft_direct_list_append(struct weft_direct_list *list, struct weft_direct_list *others);
void weft_direct_list_prepend(struct weft_direct_list *list, struct weft_direct_list *others);
void weft_direct_list_free(struct weft_direct_list *list);

#endif
