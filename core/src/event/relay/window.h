/* event/relay/window.h - the outbox rows a relay knows of: a line a key, of which only the first may be under way.
 *
 * A row is WAITING behind others of its key, READY to be published, or SENT and unconfirmed; rows without a key never
 * wait. A key is held when its first row reached nobody or was refused: none of its rows are kept here then, the store
 * keeps them marked. Belongs to the relay's thread. */
#ifndef WEFT_EVENT_WINDOW_H
#define WEFT_EVENT_WINDOW_H

#include "contract/registry.h"
#include "event/envelope.h"

enum weft_row_state { WEFT_ROW_WAITING, WEFT_ROW_READY, WEFT_ROW_SENT };

struct weft_window_key;

struct weft_window_row {
    struct weft_publish publish; /* its address is the row's */
    int64_t id;
    struct weft_window_key *key;       /* or NULL */
    struct weft_window_row *behind;    /* the next of its key */
    struct weft_window_row *next;      /* in the list of those ready */
    struct weft_window_row *completed; /* in the list of those completed: the plugin's thread links it */
    enum weft_row_state state;
    uint32_t slot; /* in window->rows */
    int32_t rc;    /* how it completed */
    bool probe;    /* a held row being tried */
    bool live;     /* confirmed, and now on its way to the broadcast subscriptions */
    char *why;     /* of REFUSED, or NULL */
    uint64_t sent_ns;
    const struct weft_event_type *type; /* its contract, or NULL */
    const char *live_topic;             /* of an event marked broadcast: "<topic>.live", else NULL */
    struct weft_header headers[WEFT_ENVELOPE_HEADERS];
    char time[28], sequence[24];
    char bytes[]; /* texts and payload */
};

/* Out of a row of outbox_claim or outbox_probe; `source` is borrowed, the rest is copied. */
struct weft_window_row *weft_window_row_new(const struct weft_value *columns, const char *source,
                                            const struct weft_registry *registry);
void weft_window_row_free(struct weft_window_row *row);

struct weft_window;

struct weft_window *weft_window_new(uint32_t capacity, uint32_t rows_a_key);
void weft_window_free(struct weft_window *window); /* with the rows in it */

/* Takes the row: into its key's line by id, or, if the key is held, not: false, the row is the caller's. */
bool weft_window_add(struct weft_window *window, struct weft_window_row *row);
/* A held row to be tried: ready at once, whatever its key. False if one of its key is being tried already. */
bool weft_window_add_probe(struct weft_window *window, struct weft_window_row *row);
/* A confirmed row, which has left, goes to the broadcast subscriptions. */
void weft_window_add_live(struct weft_window *window, struct weft_window_row *row);
/* The rows that are ready, oldest first; then how many of them went. */
size_t weft_window_ready(struct weft_window *window, const struct weft_publish **ret_operations, size_t max);
void weft_window_sent(struct weft_window *window, size_t n);
/* A row that was sent is ready again, before all others. */
void weft_window_again(struct weft_window *window, struct weft_window_row *row);
/* A row that was sent leaves; the next of its key is ready. The row is the caller's. */
void weft_window_remove(struct weft_window *window, struct weft_window_row *row);
/* Holds the key of a sent row: the row and those behind it leave and are freed. */
void weft_window_hold(struct weft_window *window, struct weft_window_row *row);
void weft_window_hold_key(struct weft_window *window, const char *key);
bool weft_window_is_held(const struct weft_window *window, const char *key);
void weft_window_release(struct weft_window *window, const char *key);
void weft_window_release_all(struct weft_window *window);
/* Forgets all that is not under way, and what is held. */
void weft_window_forget(struct weft_window *window);

uint32_t weft_window_known(const struct weft_window *window);
uint32_t weft_window_under_way(const struct weft_window *window);
uint32_t weft_window_waiting(const struct weft_window *window); /* behind others of their key */
uint32_t weft_window_held(const struct weft_window *window);    /* keys */
uint32_t weft_window_busy(const struct weft_window *window);    /* keys with as many rows as one may have */
bool weft_window_has_ready(const struct weft_window *window);
/* What a claim leaves out: ids known (of `capacity` at most); keys with as many rows as one may have. */
size_t weft_window_ids(const struct weft_window *window, int64_t *ret_ids);
size_t weft_window_busy_keys(const struct weft_window *window, const char **ret_keys, size_t max);

#endif
