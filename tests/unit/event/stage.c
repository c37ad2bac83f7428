#include "stage.h"

#include "base/clock.h"
#include "base/memory.h"
#include "config/config.h"
#include "data/migrate.h"
#include "host/plugin/instance.h"

#include <check.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct weft_migration stage_migrations[] = {
    { "0001_effects", NULL,
      "CREATE TABLE effects (seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, label TEXT NOT NULL);"
      "CREATE TABLE names (name TEXT PRIMARY KEY)",
      1, 0 },
};

struct stage {
    char folder[64];
    struct weft_config *config;
    struct weft_loader *loader;
    struct weft_instance *store_instance, *transport_instance;
    struct weft_store *store, *again;
    struct weft_transport *transport;
    struct weft_store_ops ops;
    char texts[4096];
};

/* The store's table has no room for a pointer of ours, so the switch is the process's: a test is a process of its own.
 */
static struct {
    int32_t (*run)(void *session, const struct weft_statement *statements, size_t n, struct weft_result *ret_result,
                   uint64_t deadline_ns);
    pthread_mutex_t mutex; /* of these: */
    int32_t rc;
    uint32_t runs;
    bool after;
    uint64_t n;
} stage_switch = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static int32_t stage_run(void *session, const struct weft_statement *statements, size_t n,
                         struct weft_result *ret_result, uint64_t deadline_ns)
{
    pthread_mutex_lock(&stage_switch.mutex);
    stage_switch.n++;
    bool fails = stage_switch.runs > 0, after = stage_switch.after;
    int32_t rc = stage_switch.rc;
    if (fails) stage_switch.runs--;
    pthread_mutex_unlock(&stage_switch.mutex);
    if (!fails) return stage_switch.run(session, statements, n, ret_result, deadline_ns);
    if (after) stage_switch.run(session, statements, n, ret_result, deadline_ns);
    *ret_result = (struct weft_result){ .failed = 0, .text = "made to fail" };
    return rc;
}

void stage_fail(struct stage *stage, int32_t rc, uint32_t runs, bool after)
{
    (void)stage;
    pthread_mutex_lock(&stage_switch.mutex);
    stage_switch.rc = rc;
    stage_switch.after = after;
    stage_switch.runs = runs;
    pthread_mutex_unlock(&stage_switch.mutex);
}

uint64_t stage_runs(struct stage *stage)
{
    (void)stage;
    pthread_mutex_lock(&stage_switch.mutex);
    uint64_t n = stage_switch.n;
    pthread_mutex_unlock(&stage_switch.mutex);
    return n;
}

static void must(weft_status status, const struct weft_fault *fault)
{
    ck_assert_msg(status == WEFT_OK, "%s", fault->text);
}

static struct weft_instance *stage_open(struct stage *stage, uint32_t kind, const char *url,
                                        struct weft_transport *host)
{
    struct weft_fault fault = { 0 };
    struct weft_instance *instance;
    const struct weft_instance_options options = { .kind = kind,
                                                   .url = url,
                                                   .url_origin = "the test",
                                                   .config = stage->config,
                                                   .service = "order-service",
                                                   .instance = "test",
                                                   .data_dir = stage->folder,
                                                   .transport = host };
    must(weft_instance_open(stage->loader, &options, &instance, &fault), &fault);
    return instance;
}

struct stage *stage_new(void)
{
    struct weft_fault fault = { 0 };
    struct stage *stage = weft_memory_zeroed(1, sizeof *stage);
    snprintf(stage->folder, sizeof stage->folder, "/tmp/weft-event-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(stage->folder));
    must(weft_config_load(&(struct weft_config_sources){ 0 }, &stage->config, &fault), &fault);
    must(weft_loader_new(STAGE_PLUGINS, &stage->loader, &fault), &fault);
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s/", stage->folder);
    stage->store_instance = stage_open(stage, WEFT_KIND_STORE, url, NULL);
    stage->ops = *weft_instance_plugin(stage->store_instance)->store;
    stage_switch.run = stage->ops.run;
    stage->ops.run = stage_run;
    stage->store = weft_store_new(&stage->ops, weft_instance_self(stage->store_instance), "order-service", 4);
    must(weft_migrate_run(stage->store, stage_migrations, 1, WEFT_MIGRATE_AUTO, weft_clock_ns() + 10 * WEFT_SECOND,
                          &fault),
         &fault);
    return stage;
}

struct weft_store *stage_store(struct stage *stage)
{
    return stage->store;
}

struct weft_store *stage_store_again(struct stage *stage)
{
    stage->again = weft_store_new(&stage->ops, weft_instance_self(stage->store_instance), "order-service", 4);
    return stage->again;
}

struct weft_transport *stage_transport(struct stage *stage, uint32_t queue_flags)
{
    struct weft_fault fault = { 0 };
    static const char *const topics[] = { "user-events" };
    static const struct weft_binding binding = { "user-events", "user.created" };
    const struct weft_queue queue = { "order-service.user-events", &binding, 1, queue_flags };
    const struct weft_topology topology = {
        .size = sizeof topology, .n_topics = 1, .topics = topics, .queues = &queue, .n_queues = 1
    };
    stage->transport = weft_transport_new();
    stage->transport_instance = stage_open(stage, WEFT_KIND_TRANSPORT, "memory:", stage->transport);
    must(weft_transport_declare(stage->transport, &topology, &fault), &fault);
    return stage->transport;
}

static int folder_remove(const char *path, const struct stat *stat, int flag, struct FTW *ftw)
{
    (void)stat, (void)flag, (void)ftw;
    return remove(path);
}

void stage_free(struct stage *stage)
{
    if (stage->transport != NULL) {
        weft_instance_close(stage->transport_instance, weft_clock_ns() + WEFT_SECOND);
        weft_transport_free(stage->transport);
    }
    weft_store_free(stage->again);
    weft_store_free(stage->store);
    weft_instance_close(stage->store_instance, weft_clock_ns() + WEFT_SECOND);
    weft_loader_free(stage->loader);
    weft_config_free(stage->config);
    nftw(stage->folder, folder_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(stage);
}

const char *stage_texts(struct stage *stage, const char *sql)
{
    struct weft_fault fault = { 0 };
    struct weft_session *session;
    struct weft_result result = { 0 };
    uint64_t deadline = weft_clock_ns() + 5 * WEFT_SECOND;
    must(weft_store_acquire(stage->store, WEFT_SESSION_ADMIN, deadline, &session, &fault), &fault);
    const struct weft_statement statement = { sql, NULL, 0, WEFT_STATEMENT_ROWS };
    ck_assert_msg(stage_switch.run(session->session, &statement, 1, &result, deadline) == WEFT_RC_OK, "%s",
                  result.text);
    size_t at = 0;
    stage->texts[0] = '\0';
    for (uint32_t i = 0; i < result.sets[0].n_rows; i++) {
        const struct weft_value *value = &result.sets[0].values[(size_t)i * result.sets[0].n_columns];
        const char *comma = i == 0 ? "" : ",";
        at += (size_t)(value->type == WEFT_TYPE_TEXT
                           ? snprintf(stage->texts + at, sizeof stage->texts - at, "%s%s", comma, value->as.text)
                           : snprintf(stage->texts + at, sizeof stage->texts - at, "%s%lld", comma,
                                      (long long)value->as.integer));
        ck_assert_uint_lt(at, sizeof stage->texts);
    }
    weft_store_release(session);
    return stage->texts;
}

int64_t stage_int(struct stage *stage, const char *sql)
{
    return strtoll(stage_texts(stage, sql), NULL, 10);
}
