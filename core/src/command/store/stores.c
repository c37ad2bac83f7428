/* command/store/stores.c - from settings to stores. */
#include "command/store/stores.h"

#include "base/arena.h"
#include "base/clock.h"
#include "host/plugin/instance.h"
#include "host/plugin/loader.h"
#include "host/service.h"

#define STORES_TIME (10 * WEFT_SECOND)

/* One run through the stores. */
struct tour {
    struct weft_arena *arena;
    struct weft_config *config;
    struct weft_loader *loader;
    weft_status (*each)(void *arg, const struct weft_config *config, struct weft_store *store,
                        struct weft_fault *fault);
    void *arg;
};

static weft_status loader_open(struct tour *tour, struct weft_fault *fault)
{
    const char *directory = weft_loader_plugin_directory(tour->config, tour->arena);
    return weft_loader_new(directory, &tour->loader, fault);
}

static weft_status services_named(struct tour *tour, const struct weft_command_line *line,
                                  const char *const **ret_names, struct weft_fault *fault)
{
    const char *directory = weft_loader_service_directory(tour->config, tour->arena);
    *ret_names = line->services.list;
    if (line->services.n > 0) return WEFT_OK;
    return weft_service_names(directory, tour->arena, ret_names, fault);
}

static weft_status store_visit(struct tour *tour, const char *service, struct weft_fault *fault)
{
    struct weft_instance *instance;
    bool own;
    weft_status status = weft_config_add_service(tour->config, service, NULL, fault);
    if (status != WEFT_OK) return status;
    struct weft_instance_options options = { .kind = WEFT_KIND_STORE,
                                             .config = tour->config,
                                             .service = service,
                                             .instance = "weft-cli",
                                             .data_dir = weft_config_text(tour->config, "data_dir") };
    options.url = weft_config_store(tour->config, service, tour->arena, &options.url_origin, &own);
    status = weft_instance_open(tour->loader, &options, &instance, fault);
    if (status != WEFT_OK) return status;
    struct weft_store *store =
        weft_store_new(weft_instance_plugin(instance)->store, weft_instance_self(instance), service, 1);
    status = tour->each(tour->arg, tour->config, store, fault);
    weft_store_free(store);
    weft_instance_close(instance, weft_clock_ns() + STORES_TIME);
    return status;
}

weft_status weft_stores_each(const struct weft_command_line *line,
                             weft_status (*each)(void *arg, const struct weft_config *config, struct weft_store *store,
                                                 struct weft_fault *fault),
                             void *arg, struct weft_fault *ret_fault)
{
    struct tour tour = { .arena = weft_arena_new(4096), .each = each, .arg = arg };
    const char *const *names = NULL;
    weft_status status = weft_command_settings(line, &tour.config, ret_fault);
    if (status == WEFT_OK) status = loader_open(&tour, ret_fault);
    if (status == WEFT_OK) status = services_named(&tour, line, &names, ret_fault);
    for (; status == WEFT_OK && *names != NULL; names++)
        status = store_visit(&tour, *names, ret_fault);
    weft_loader_free(tour.loader);
    weft_config_free(tour.config);
    weft_arena_free(tour.arena);
    return status;
}

/* Calls `use` with what the text gave. */
static weft_status store_run(struct weft_store *store, const char *sql, const struct weft_value *params,
                             uint32_t n_params, void (*use)(void *arg, const struct weft_rowset *set), void *arg,
                             struct weft_fault *ret_fault)
{
    struct weft_session *session;
    struct weft_result result = { 0 };
    uint64_t deadline = weft_clock_ns() + STORES_TIME;
    weft_status status = weft_store_acquire(store, WEFT_SESSION_ADMIN, deadline, &session, ret_fault);
    if (status != WEFT_OK) return status;
    int32_t rc = weft_session_one(session, sql, params, n_params, &result, deadline);
    if (rc == WEFT_RC_OK)
        use(arg, &result.sets[0]);
    else
        status = weft_fault_set(ret_fault, WEFT_UNAVAILABLE, "%s: %s", store->service,
                                result.text != NULL ? result.text : "the store did not answer");
    weft_store_release(session);
    return status;
}

struct rows_use {
    void (*each)(void *arg, const struct weft_value *row);
    void *arg;
};

static void rows_each(void *arg, const struct weft_rowset *set)
{
    struct rows_use *use = arg;
    for (uint32_t i = 0; i < set->n_rows; i++)
        use->each(use->arg, set->values + (size_t)i * set->n_columns);
}

weft_status weft_stores_rows(struct weft_store *store, const char *sql, const struct weft_value *params,
                             uint32_t n_params, void (*each)(void *arg, const struct weft_value *row), void *arg,
                             struct weft_fault *ret_fault)
{
    struct rows_use use = { each, arg };
    return store_run(store, sql, params, n_params, rows_each, &use, ret_fault);
}

static void affected_note(void *arg, const struct weft_rowset *set)
{
    *(int64_t *)arg = set->affected;
}

weft_status weft_stores_change(struct weft_store *store, const char *sql, const struct weft_value *params,
                               uint32_t n_params, int64_t *ret_affected, struct weft_fault *ret_fault)
{
    return store_run(store, sql, params, n_params, affected_note, ret_affected, ret_fault);
}
