/* command/doctor/backend.c - cache and stores: reached, and made to do their work once. */
#include "command/doctor/checks.h"

#include "base/clock.h"
#include "base/id.h"
#include "data/store.h"
#include "host/plugin/instance.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- advice ------------------------------------------------------------------------------------------------------ */

/* First found wins; the words are those of servers and libraries, which say the same in many ways. */
static const struct {
    const char *word, *advice;
} advices[] = {
    { "password", "check user and password of %s" },
    { "NOAUTH", "the server wants a password: put it into %s" },
    { "WRONGPASS", "check user and password of %s" },
    { "authentication", "check user and password of %s" },
    { "ACCESS_REFUSED", "check user, password and rights of %s" },
    { "access to vhost", "make the vhost or give the user rights to it: the path of %s names it" },
    { "vhost", "make the vhost, or correct the path of %s, which names it" },
    { "database \"", "create the database, or correct the name in %s" },
    { "does not exist", "create it, or correct the name in %s" },
    { "permission denied", "grant the user of %s the right: CREATE on the database, or the schema made for it" },
    { "in time", "is it running, and is the way to it open? %s says where" },
    { "refused", "is it running, and is the port right? %s says where" },
    { "resolve", "correct the host name in %s" },
    { "not known", "correct the host name in %s" },
    { "certificate", "check the certificates' files of %s" },
};

const char *weft_check_advice(struct weft_checks *checks, weft_status status, const char *text, const char *origin)
{
    const char *advice = status == WEFT_UNAVAILABLE ? "is it running, and is %s right?" : "correct %s";
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcasestr(text, advices[i].word) != NULL) {
            advice = advices[i].advice;
            break;
        }
    struct weft_buffer made __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    const char *place = strstr(advice, "%s");
    weft_buffer_format(&made, "%.*s%s%s", (int)(place - advice), advice, origin, place + 2);
    return weft_arena_strdup(checks->report->line->arena, made.data);
}

/* ---- what the plugin knows --------------------------------------------------------------------------------------- */

struct examination {
    struct weft_examiner examiner; /* first: the plugin gives it back */
    struct weft_checks *checks;
    const char *what;
};

static void finding_say(const struct weft_examiner *examiner, int32_t finding, const char *what, const char *text,
                        const char *advice)
{
    const struct examination *examination = (const struct examination *)(const void *)examiner;
    char check[64];
    snprintf(check, sizeof check, "%s %s", examination->what, what);
    weft_report_add(examination->checks->report, finding, check, advice, "%s", text);
}

void weft_check_examine(struct weft_checks *checks, const char *what, struct weft_instance *instance)
{
    const struct weft_plugin *plugin = weft_instance_plugin(instance);
    struct examination examination = { .examiner = { .say = finding_say }, .checks = checks, .what = what };
    if (checks->probes && WEFT_HAS(plugin, examine) && plugin->examine != NULL)
        plugin->examine(weft_instance_self(instance), &examination.examiner, weft_clock_ns() + checks->time_ns);
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

/* Set, got back, deleted: in one round trip, under a name that nobody else has. */
static weft_status cache_use(struct weft_checks *checks, const struct weft_cache_ops *ops, void *session,
                             struct weft_fault *fault)
{
    char key[64] = "weft:doctor:";
    struct weft_error error = { .rc = WEFT_RC_OK };
    struct weft_cache_result results[3];
    memset(results, 0, sizeof results);
    weft_id_v7(key + strlen(key));
    const struct weft_cache_op batch[] = {
        { .verb = WEFT_CACHE_SET,
          .key = key,
          .key_size = (uint32_t)strlen(key),
          .value = "1",
          .value_size = 1,
          .ttl_ms = 60000 },
        { .verb = WEFT_CACHE_GET, .key = key, .key_size = (uint32_t)strlen(key) },
        { .verb = WEFT_CACHE_DEL, .key = key, .key_size = (uint32_t)strlen(key) },
    };
    int32_t rc = ops->run(session, batch, 3, results, weft_clock_ns() + checks->time_ns, &error);
    for (size_t i = 0; i < 3 && rc == WEFT_RC_OK; i++)
        rc = results[i].rc;
    if (rc == WEFT_RC_OK) return WEFT_OK;
    return weft_fault_set(fault, rc == WEFT_RC_REFUSED ? WEFT_PERMISSION_DENIED : WEFT_UNAVAILABLE, "%s",
                          error.text[0] != '\0' ? error.text : "it did not keep what was set");
}

static weft_status cache_try(struct weft_checks *checks, struct weft_instance *instance, struct weft_fault *fault)
{
    const struct weft_cache_ops *ops = weft_instance_plugin(instance)->cache;
    struct weft_error error = { .rc = WEFT_RC_OK };
    void *session = NULL;
    if (ops->session_open(weft_instance_self(instance), &session, &error) != WEFT_RC_OK)
        return weft_fault_set(fault, WEFT_UNAVAILABLE, "%s", error.text);
    weft_status status = cache_use(checks, ops, session, fault);
    ops->session_close(session);
    return status;
}

void weft_check_cache(struct weft_checks *checks)
{
    struct weft_instance_options options = { .kind = WEFT_KIND_CACHE,
                                             .url = weft_config_text(checks->config, "cache"),
                                             .url_origin = weft_config_origin(checks->config, "cache"),
                                             .config = checks->config,
                                             .instance = "weft-doctor",
                                             .data_dir = weft_config_text(checks->config, "data_dir") };
    struct weft_instance *instance;
    struct weft_fault fault = { 0 };
    if (weft_instance_open(checks->loader, &options, &instance, &fault) != WEFT_OK) {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "cache", NULL, "%s", fault.text);
        return;
    }
    weft_status status = cache_try(checks, instance, &fault);
    if (status != WEFT_OK)
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "cache",
                        weft_check_advice(checks, status, fault.text, options.url_origin), "%s: %s",
                        weft_instance_url(instance), fault.text);
    else
        weft_report_add(checks->report, WEFT_FINDING_OK, "cache", NULL, "%s connects, sets, gets and deletes",
                        weft_instance_url(instance));
    if (status == WEFT_OK) weft_check_examine(checks, "cache", instance);
    weft_instance_close(instance, weft_clock_ns() + WEFT_SECOND);
}

/* ---- stores ------------------------------------------------------------------------------------------------------ */

static weft_status rc_status(int32_t rc)
{
    return rc == WEFT_RC_REFUSED ? WEFT_PERMISSION_DENIED : WEFT_UNAVAILABLE;
}

/* weft's own first tables, made and taken back: schema, tables and rows may be written then. */
static weft_status store_write(struct weft_checks *checks, struct weft_store *store, struct weft_session *session,
                               struct weft_fault *fault)
{
    const struct weft_statement statements[] = {
        { store->dialect->migrate_lock, NULL, 0, WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_ONCE },
        { store->dialect->bootstrap, NULL, 0, WEFT_STATEMENT_SCRIPT },
    };
    const struct weft_statement rollback = { NULL, NULL, 0, WEFT_STATEMENT_ROLLBACK };
    struct weft_result result = { 0 };
    uint64_t deadline = weft_clock_ns() + checks->time_ns;
    int32_t rc = weft_session_run(session, statements, 2, &result, deadline);
    if (rc != WEFT_RC_OK)
        weft_fault_set(fault, rc_status(rc), "%s", result.text != NULL ? result.text : "it gives no reason");
    struct weft_result ignored = { 0 };
    weft_session_run(session, &rollback, 1, &ignored, deadline);
    return rc == WEFT_RC_OK ? WEFT_OK : fault->status;
}

/* Nothing comes: to be late is to have listened. */
static weft_status store_listen(struct weft_checks *checks, struct weft_store *store, struct weft_fault *fault)
{
    struct weft_session *session;
    weft_status status =
        weft_store_acquire(store, WEFT_SESSION_LISTENER, weft_clock_ns() + checks->time_ns, &session, fault);
    if (status != WEFT_OK) return status;
    int32_t rc = store->ops->wait(session->session, WEFT_OUTBOX_CHANNEL, weft_clock_ns() + 200 * WEFT_MS);
    weft_store_release(session);
    if (rc == WEFT_RC_OK || rc == WEFT_RC_TIMEOUT) return WEFT_OK;
    return weft_fault_set(fault, rc_status(rc), "it may not listen: events wait for the relay's next look");
}

static const char *store_try(struct weft_checks *checks, struct weft_store *store, weft_status *ret_status,
                             struct weft_fault *fault)
{
    struct weft_session *session;
    const char *done = "connects";
    uint32_t purpose = checks->probes ? WEFT_SESSION_MIGRATE : WEFT_SESSION_ADMIN; /* the first makes the schema */
    *ret_status = weft_store_acquire(store, purpose, weft_clock_ns() + checks->time_ns, &session, fault);
    if (*ret_status != WEFT_OK) return done;
    struct weft_result result = { 0 };
    const struct weft_statement nothing[] = { { NULL, NULL, 0, WEFT_STATEMENT_BEGIN },
                                              { NULL, NULL, 0, WEFT_STATEMENT_ROLLBACK } };
    int32_t rc =
        checks->probes ? WEFT_RC_OK : weft_session_run(session, nothing, 2, &result, weft_clock_ns() + checks->time_ns);
    if (rc != WEFT_RC_OK)
        *ret_status = weft_fault_set(fault, rc_status(rc), "%s", result.text != NULL ? result.text : "no answer");
    else if (checks->probes)
        *ret_status = store_write(checks, store, session, fault);
    weft_store_release(session);
    if (*ret_status != WEFT_OK || !checks->probes) return done;
    *ret_status = store_listen(checks, store, fault);
    return "connects, makes tables and writes (taken back), listens";
}

static void store_report(struct weft_checks *checks, const char *what, struct weft_instance *instance,
                         const char *service, const char *origin)
{
    struct weft_fault fault = { 0 };
    weft_status status;
    struct weft_store *store =
        weft_store_new(weft_instance_plugin(instance)->store, weft_instance_self(instance), service, 1);
    const char *done = store_try(checks, store, &status, &fault);
    weft_store_free(store);
    if (status == WEFT_OK)
        weft_report_add(checks->report, WEFT_FINDING_OK, what, NULL, "%s %s", weft_instance_url(instance), done);
    else
        weft_report_add(checks->report, WEFT_FINDING_FAILED, what,
                        weft_check_advice(checks, status, fault.text, origin), "%s: %s", weft_instance_url(instance),
                        fault.text);
    if (status == WEFT_OK) weft_check_examine(checks, what, instance);
}

static void store_check(struct weft_checks *checks, const char *service)
{
    char what[64];
    struct weft_fault fault = { 0 };
    struct weft_instance *instance = NULL;
    bool own;
    struct weft_instance_options options = { .kind = WEFT_KIND_STORE,
                                             .config = checks->config,
                                             .service = service,
                                             .instance = "weft-doctor",
                                             .data_dir = weft_config_text(checks->config, "data_dir") };
    snprintf(what, sizeof what, "store of %s", service);
    weft_status status = weft_config_add_service(checks->config, service, NULL, &fault);
    options.url = weft_config_store(checks->config, service, checks->report->line->arena, &options.url_origin, &own);
    if (status == WEFT_OK) status = weft_instance_open(checks->loader, &options, &instance, &fault);
    if (status != WEFT_OK) {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, what, NULL, "%s", fault.text);
        return;
    }
    store_report(checks, what, instance, service, options.url_origin);
    weft_instance_close(instance, weft_clock_ns() + WEFT_SECOND);
}

void weft_check_stores(struct weft_checks *checks)
{
    for (const char *const *name = checks->services; name != NULL && *name != NULL; name++)
        store_check(checks, *name);
}
