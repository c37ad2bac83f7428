/* event/relay/listener.h - a thread that waits for a store's notices, with a session of its own. */
#ifndef WEFT_EVENT_LISTENER_H
#define WEFT_EVENT_LISTENER_H

#include "data/store.h"

struct weft_listener;

/* Calls `heard` from its thread for each notice while it is active; it is not at first. For stores with
 * WEFT_STORE_NOTIFY. NULL: no thread could be made, and the poll has to do. */
struct weft_listener *weft_listener_start(struct weft_store *store, const char *channel, void (*heard)(void *arg),
                                          void *arg);
void weft_listener_activate(struct weft_listener *listener, bool active); /* NULL is fine; any thread */
void weft_listener_stop(struct weft_listener *listener);                  /* NULL is fine */

#endif
