/* command/store/stores.h - commands that look into services' stores, without running the services. */
#ifndef WEFT_COMMAND_STORE_STORES_H
#define WEFT_COMMAND_STORE_STORES_H

#include "command/command.h"
#include "data/store.h"

/* Opens the store of each service named by --service (none: of all in the service directory) and calls `each` with it.
 * The first failure ends it. */
weft_status weft_stores_each(const struct weft_command_line *line,
                             weft_status (*each)(void *arg, const struct weft_config *config, struct weft_store *store,
                                                 struct weft_fault *fault),
                             void *arg, struct weft_fault *ret_fault);

/* Runs one text of the dialect on an ADMIN session and calls `each` with every row. */
weft_status weft_stores_rows(struct weft_store *store, const char *sql, const struct weft_value *params,
                             uint32_t n_params, void (*each)(void *arg, const struct weft_value *row), void *arg,
                             struct weft_fault *ret_fault);

/* Runs a text that changes rows, on an ADMIN session: how many. */
weft_status weft_stores_change(struct weft_store *store, const char *sql, const struct weft_value *params,
                               uint32_t n_params, int64_t *ret_affected, struct weft_fault *ret_fault);

#endif
