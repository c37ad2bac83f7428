/* test/host.c - the life of a host inside a test, and the calls it answers. */
#include "test/host.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/memory.h"
#include "contract/guard.h"
#include "data/migrate.h"
#include "observe/log.h"

#include <dlfcn.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEST_ARENA_BYTES = 64 * 1024, TEST_SESSIONS = 4 };

uint64_t weft_test_deadline(void)
{
    return weft_clock_ns() + 10 * WEFT_SECOND;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

/* The plugins are beside libweft, in the build tree as when installed; those of a program that holds weft itself,
 * beside that. */
static const char *plugin_directory(struct weft_test *test)
{
    const char *name = weft_arena_format(test->arena, "weft/plugins-%d", WEFT_ABI_MAJOR);
    Dl_info library;
    if (dladdr((const void *)(uintptr_t)weft_test_start, &library) != 0 && library.dli_fname != NULL) {
        char *file = weft_arena_strdup(test->arena, library.dli_fname);
        const char *directory = weft_arena_format(test->arena, "%s/%s", dirname(file), name);
        if (access(directory, R_OK) == 0) return directory;
    }
    return weft_loader_default_directory(test->arena, weft_arena_format(test->arena, "../lib/%s", name));
}

static weft_status folder_make(struct weft_test *test)
{
    const char *parent = getenv("TMPDIR");
    snprintf(test->folder, sizeof test->folder, "%.40s/weft-test-XXXXXX", parent != NULL ? parent : "/tmp");
    if (mkdtemp(test->folder) != NULL) return WEFT_OK;
    test->folder[0] = '\0';
    return weft_fault_set(&test->fault, WEFT_UNAVAILABLE, "cannot make a folder in %s: %m",
                          parent != NULL ? parent : "/tmp");
}

static weft_status instance_open(struct weft_test *test, uint32_t kind, const char *url,
                                 struct weft_instance **ret_instance)
{
    const struct weft_instance_options options = { .kind = kind,
                                                   .url = url,
                                                   .url_origin = "test",
                                                   .config = test->config,
                                                   .service = kind == WEFT_KIND_STORE ? test->service->name : NULL,
                                                   .instance = "test",
                                                   .data_dir = test->folder };
    return weft_instance_open(test->loader, &options, ret_instance, &test->fault);
}

static weft_status store_start(struct weft_test *test)
{
    const char *url = weft_arena_format(test->arena, "sqlite:%s/?synchronous=normal", test->folder);
    if (instance_open(test, WEFT_KIND_STORE, url, &test->store_instance) != WEFT_OK) return test->fault.status;
    weft_store_spy_init(&test->store_spy, weft_instance_plugin(test->store_instance)->store,
                        weft_instance_self(test->store_instance));
    test->store = weft_store_new(&test->store_spy.ops, &test->store_spy, test->service->name, TEST_SESSIONS);
    return weft_migrate_run(test->store, test->service->migrations, test->service->n_migrations, WEFT_MIGRATE_AUTO,
                            weft_test_deadline(), &test->fault);
}

static weft_status cache_start(struct weft_test *test)
{
    if (instance_open(test, WEFT_KIND_CACHE, "memory:", &test->cache_instance) != WEFT_OK) return test->fault.status;
    weft_cache_spy_init(&test->cache_spy, weft_instance_plugin(test->cache_instance)->cache,
                        weft_instance_self(test->cache_instance));
    test->cache = weft_cache_new(&test->cache_spy.ops, &test->cache_spy, TEST_SESSIONS, WEFT_SECOND);
    return WEFT_OK;
}

static weft_status test_open(struct weft_test *test)
{
    const struct weft_config_sources no_sources = { 0 };
    if (weft_config_load(&no_sources, &test->config, &test->fault) != WEFT_OK ||
        weft_loader_new(plugin_directory(test), &test->loader, &test->fault) != WEFT_OK ||
        folder_make(test) != WEFT_OK || store_start(test) != WEFT_OK || cache_start(test) != WEFT_OK)
        return test->fault.status;
    for (size_t i = 0; i < test->service->n_methods; i++) {
        test->service->methods[i].store = test->store;
        test->service->methods[i].cache = test->cache;
    }
    return WEFT_OK;
}

static struct weft_test *test_new(void)
{
    struct weft_test *test = weft_memory_zeroed(1, sizeof *test);
    test->arena = weft_arena_new(TEST_ARENA_BYTES);
    weft_log_level(WEFT_LOG_WARN); /* a line a call would bury what the test says */
    return test;
}

/* `status` is of the service's own start. */
static weft_test *test_finish(struct weft_test *test, weft_status status)
{
    if (status == WEFT_OK) status = test_open(test);
    if (status == WEFT_OK) return test;
    fprintf(stderr, "weft_test: %s\n", test->fault.text);
    weft_test_stop(test);
    return NULL;
}

weft_test *weft_test_start(const struct weft_service_module *module)
{
    struct weft_test *test = test_new();
    return test_finish(test, weft_service_new(module, module->name, &test->service, &test->fault));
}

weft_test *weft_test_load(const char *file)
{
    struct weft_test *test = test_new();
    char *name = basename(weft_arena_strdup(test->arena, file));
    char *suffix = strrchr(name, '.');
    if (suffix != NULL) *suffix = '\0';
    const char *directory = dirname(weft_arena_strdup(test->arena, file));
    return test_finish(test, weft_service_load(directory, name, &test->service, &test->fault));
}

static int file_remove(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

void weft_test_stop(weft_test *test)
{
    if (test == NULL) return;
    weft_store_free(test->store);
    weft_cache_free(test->cache);
    weft_instance_close(test->store_instance, weft_test_deadline());
    weft_instance_close(test->cache_instance, weft_test_deadline());
    weft_service_free(test->service);
    weft_loader_free(test->loader);
    weft_config_free(test->config);
    if (test->folder[0] != '\0') nftw(test->folder, file_remove, 8, FTW_DEPTH | FTW_PHYS);
    weft_arena_free(test->arena);
    free(test);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

void weft_test_begin(struct weft_test *test)
{
    test->fault = (struct weft_fault){ 0 };
    test->store_spy.trips = 0;
    test->cache_spy.trips = 0;
}

bool weft_test_pack(struct weft_test *test, const ProtobufCMessageDescriptor *descriptor,
                    const ProtobufCMessage *message, struct weft_bytes *ret_bytes)
{
    const ProtobufCMessage *complete;
    if (weft_message_complete(test->arena, descriptor, message, &complete, &test->fault) != WEFT_OK) return false;
    *ret_bytes = weft_message_pack(test->arena, complete);
    return true;
}

ProtobufCMessage *weft_test_unpack(struct weft_test *test, const ProtobufCMessageDescriptor *descriptor,
                                   const void *bytes, size_t size)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    ProtobufCMessage *message = NULL;
    weft_guard_unpack(&limits, descriptor, bytes, size, test->arena, &message, &test->fault);
    return message;
}

/* By path: the test and the service may each have their own copy of the contract's tables. */
static const struct weft_rpc_method *method_find(const struct weft_test *test, const char *path)
{
    for (size_t i = 0; i < test->service->n_methods; i++) {
        if (strcmp(test->service->methods[i].type->path, path) == 0) return &test->service->methods[i];
    }
    return NULL;
}

ProtobufCMessage *weft_test_call_message(weft_test *test, const struct weft_method_type *type,
                                         const ProtobufCMessage *in)
{
    weft_test_begin(test);
    const struct weft_rpc_method *method = method_find(test, type->path);
    struct weft_bytes request;
    if (method == NULL) {
        weft_fault_set(&test->fault, WEFT_UNIMPLEMENTED, "%s has no method %s", test->service->name, type->path);
        return NULL;
    }
    if (!weft_test_pack(test, type->input->descriptor, in, &request)) return NULL;
    char *correlation_id = weft_arena_alloc(test->arena, WEFT_ID_SIZE);
    weft_id_v7(correlation_id);
    const void *response;
    size_t size;
    if (weft_rpc_call_local(method, test->arena, correlation_id, weft_test_deadline(), test->metadata, request.data,
                            request.size, &response, &size, &test->fault) != WEFT_OK)
        return NULL;
    test->fault = (struct weft_fault){ 0 };
    return weft_test_unpack(test, type->output->descriptor, response, size);
}

void weft_test_metadata(weft_test *test, const char *name, const char *value)
{
    size_t at = 0, n = 0;
    while (test->metadata[n] != NULL)
        n += 2;
    while (at < n && strcmp(test->metadata[at], name) != 0)
        at += 2;
    if (value == NULL && at < n) { /* the last one takes its place */
        memmove(&test->metadata[at], &test->metadata[n - 2], 2 * sizeof test->metadata[0]);
        test->metadata[n - 2] = NULL;
    }
    if (value == NULL || at >= (size_t)2 * WEFT_TEST_METADATA) return;
    test->metadata[at] = weft_arena_strdup(test->arena, name);
    test->metadata[at + 1] = weft_arena_strdup(test->arena, value);
}

weft_status weft_test_status(const weft_test *test)
{
    return test->fault.status;
}

const char *weft_test_error(const weft_test *test)
{
    return test->fault.status != WEFT_OK ? test->fault.text : "";
}

bool weft_test_error_names(const weft_test *test, const char *field)
{
    for (uint32_t i = 0; i < test->fault.n_violations; i++) {
        if (strcmp(test->fault.violations[i].field, field) == 0) return true;
    }
    return false;
}

uint64_t weft_test_store_trips(const weft_test *test)
{
    return test->store_spy.trips;
}

uint64_t weft_test_cache_trips(const weft_test *test)
{
    return test->cache_spy.trips;
}
