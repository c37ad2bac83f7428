/* host/admin/state.h - how each part of a process is: its plugins, its relays, its groups. Any thread while the process
 * is; asks no backend. */
#ifndef WEFT_HOST_ADMIN_STATE_H
#define WEFT_HOST_ADMIN_STATE_H

#include "host/parts.h"

struct weft_part_state {
    const char *part;                 /* "transport", "cache", "store", "relay", "group" */
    const char *service, *group;      /* or NULL */
    const struct weft_plugin *plugin; /* of the first three */
    const char *url;                  /* masked */
    const char *state; /* plugins: connecting, up, down, refused; relay: relaying, standby, stopped; group: consuming,
                          waiting, paused, stopped */
    bool up;           /* plugins */
    int64_t since_us;  /* wall clock; 0: not known */
    uint64_t n_healed; /* times that it was up again */
    char why[512];     /* "" if there is nothing to say */
};

/* Calls `each` for all, in this order: transport, cache, then by service: store, relay, groups. */
void weft_states_each(struct weft_process *process, void (*each)(void *arg, const struct weft_part_state *state),
                      void *arg);

#endif
