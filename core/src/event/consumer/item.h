/* event/consumer/item.h - an event in a lane's hands, delivered by the broker or due again from the store. */
#ifndef WEFT_EVENT_ITEM_H
#define WEFT_EVENT_ITEM_H

#include "event/consumer/consumer.h"
#include "event/envelope.h"

enum weft_item_result {
    WEFT_ITEM_OPEN, /* not settled yet */
    WEFT_ITEM_HANDLED,
    WEFT_ITEM_DUPLICATE,
    WEFT_ITEM_UNKNOWN, /* no handler for its type */
    WEFT_ITEM_PARKED,
    WEFT_ITEM_BEHIND, /* parked behind another of its key */
    WEFT_ITEM_DEAD,
    WEFT_ITEM_RESULTS
};

/* A row of failed_due. In an arena of its own. */
struct weft_parked {
    struct weft_arena *arena;
    struct weft_message message;
    struct weft_cut cut; /* payload_size 0: the message is whole */
    int64_t seq;
    uint32_t attempts; /* failed ones so far */
    uint32_t spare;
};

enum {
    WEFT_ITEM_HEADERS_MOST = 1024, /* an event with more is dead */
    WEFT_ITEM_KEY_MOST = 1024      /* bytes: keys are indexed */
};

struct weft_item {
    const struct weft_delivery *delivery;     /* or NULL */
    struct weft_parked *parked;               /* or NULL */
    const struct weft_message *message;       /* of the one or the other */
    const struct weft_cut *cut;               /* what a message was that is too large, or NULL */
    const struct weft_event_handler *handler; /* NULL: none for its type */
    struct weft_envelope envelope;
    enum weft_item_result result;
    weft_status status; /* of the last try */
    char reason[256];
    char mark[37];    /* its name among the markers: its id, or one made of its content */
    bool fresh;       /* the inbox has not seen it */
    bool suspect;     /* it was under way when a process ended, or may have been: its marker is to be cleared */
    bool alone;       /* it gets a transaction of its own */
    bool crashed;     /* it was under way too often */
    bool tried;       /* its handler has failed, in a transaction that was lost with it */
    uint32_t attempt; /* 1 for the first */
    int64_t due_us;   /* of its next try, by the wall clock */
    int64_t duration_us;
};

/* failed_insert's parameters for the item in a state "parked" or "dead"; due in `delay_us`. The arena's. */
enum { WEFT_FAILED_INSERT_PARAMS = 16, WEFT_FAILED_UPDATE_PARAMS = 5 };
void weft_item_failed_insert(struct weft_arena *arena, const struct weft_item *item, const char *group, bool dead,
                             uint32_t attempts, int64_t delay_us,
                             struct weft_value ret_params[WEFT_FAILED_INSERT_PARAMS]);
/* failed_update's of an item that was parked. */
void weft_item_failed_update(struct weft_arena *arena, const struct weft_item *item, bool dead, uint32_t attempts,
                             int64_t delay_us, struct weft_value ret_params[WEFT_FAILED_UPDATE_PARAMS]);

/* Names it among the markers. */
void weft_item_set_mark(struct weft_item *item);
/* Why no handler can have it, by its size alone: more headers, a longer key or a larger body than is read; or NULL. */
const char *weft_item_excess(const struct weft_item *item, char ret_text[128]);

/* Out of a row of failed_due. */
struct weft_parked *weft_parked_new(const struct weft_value *columns);
void weft_parked_free(struct weft_parked *parked);

#endif
