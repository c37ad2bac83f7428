/* plugin.c - the descriptor, the options, an instance. */
#include "pg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const schemes[] = { "postgres", "postgresql", NULL };
static const char *const sslmodes[] = { "disable", "prefer", "require", "verify-ca", "verify-full", NULL };

static const struct weft_option options[] = {
    { "sslmode", "how far the connection is protected, as libpq's sslmode", "prefer", sslmodes, WEFT_OPTION_CHOICE, 0,
      offsetof(struct pg_options, sslmode), 0, 0 },
    { "sslrootcert", "file with the certificates of the authorities to trust", NULL, NULL, WEFT_OPTION_TEXT, 0,
      offsetof(struct pg_options, sslrootcert), 0, 0 },
    { "sslcert", "file with the client's certificate", NULL, NULL, WEFT_OPTION_TEXT, 0,
      offsetof(struct pg_options, sslcert), 0, 0 },
    { "sslkey", "file with the client's key", NULL, NULL, WEFT_OPTION_TEXT, 0, offsetof(struct pg_options, sslkey), 0,
      0 },
    { "connect_timeout", "longest wait for a new connection", "5s", NULL, WEFT_OPTION_DURATION, 0,
      offsetof(struct pg_options, connect_timeout), 1000000, 600000000000 },
    { "statement_timeout", "longest time of a statement, whatever the caller's deadline", "60s", NULL,
      WEFT_OPTION_DURATION, 0, offsetof(struct pg_options, statement_timeout), 1000000, 86400000000000 },
};

/* Letters, digits, - _ and .: what can be a schema's name, and a channel's with the rest of 63 bytes. */
static bool service_valid(const char *service)
{
    if (service == NULL || service[0] == '\0' || strlen(service) > 48 || !isalpha((unsigned char)service[0]))
        return false;
    return service[strspn(service, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

/* The service's name as a schema: user-service is user_service. */
static char *schema_name(const char *service)
{
    char *schema = strdup(service);
    for (char *at = schema; at != NULL && *at != '\0'; at++)
        if (!isalnum((unsigned char)*at)) *at = '_';
    return schema;
}

static int32_t store_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    if (open->url->host == NULL || open->url->host[0] == '\0') {
        pg_error_set(ret_error, WEFT_RC_INVALID, "the URL names no host: want postgres://user@host/database");
        return WEFT_RC_INVALID;
    }
    if (!service_valid(open->service)) {
        pg_error_set(ret_error, WEFT_RC_INVALID,
                     "service '%.64s' cannot name a schema: want 1 to 48 lower-case letters, digits, - _ .",
                     open->service == NULL ? "" : open->service);
        return WEFT_RC_INVALID;
    }
    struct pg_store *store = calloc(1, sizeof *store);
    if (store == NULL) goto failed;
    store->host = open->host;
    store->url = open->url;
    store->options = open->options;
    store->service = strdup(open->service);
    store->schema = schema_name(open->service);
    if (store->service == NULL || store->schema == NULL) goto failed;
    *ret_self = store;
    return WEFT_RC_OK;
failed:
    if (store != NULL) free(store->service);
    free(store);
    pg_error_set(ret_error, WEFT_RC_UNAVAILABLE, "PostgreSQL: out of memory");
    return WEFT_RC_UNAVAILABLE;
}

static void store_close(void *self, uint64_t deadline_ns)
{
    (void)deadline_ns; /* nothing is under way: all sessions are closed */
    struct pg_store *store = self;
    free(store->service);
    free(store->schema);
    free(store);
}

static const struct weft_store_ops ops = {
    .size = sizeof ops,
    .caps = WEFT_STORE_NOTIFY | WEFT_STORE_SHARED,
    .dialect = &weft_pg_dialect,
    .session_open = pg_session_open,
    .session_close = pg_session_close,
    .run = pg_run,
    .cancel = pg_cancel,
    .wait = pg_wait,
    .wake = pg_wake,
};

WEFT_PLUGIN_NOTE("store", "pg", "postgres,postgresql");

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,
    .kind = WEFT_KIND_STORE,
    .name = "pg",
    .version = "0.1.0",
    .schemes = schemes,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .options_size = sizeof(struct pg_options),
    .open = store_open,
    .close = store_close,
    .store = &ops,
    .examine = pg_examine,
};
