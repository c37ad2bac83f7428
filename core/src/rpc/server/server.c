/* rpc/server/server.c - the life of the server: bind, start, drain, stop. */
#include "rpc/server/server.h"

#include "base/clock.h"
#include "base/memory.h"
#include "observe/log.h"
#include "rpc/control/control.h"
#include "rpc/crew/crew.h"
#include "rpc/port/port.h"
#include "rpc/prefetch/prefetch.h"
#include "rpc/server/pool.h"
#include <assert.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_WORKERS     16
#define DEFAULT_MAX_WORKERS 64
#define PREFETCH_WORKERS    2 /* one to wait for the cache, one to take its place */
#define DEFAULT_MAX_CALLS   1024
#define DEFAULT_CONNECTIONS 4096
#define DEFAULT_MAX_MESSAGE (4u << 20)
#define DEFAULT_DEADLINE    (30 * WEFT_SECOND)
#define MAX_FIELDS          100000
#define GOAWAY_GRACE_NS     (200 * WEFT_MS)
#define GOAWAY_LOOK_NS      (5 * WEFT_MS)

struct weft_rpc_server {
    grpc_server *server;
    grpc_completion_queue *queue; /* of the crew */
    struct weft_crew *crew;
    struct weft_control *control;
    struct weft_pool pool;
    struct weft_tally tally;
    struct weft_tag gone;
    struct weft_rpc_port *port;
    grpc_server_credentials *credentials;
    bool has_crew; /* its threads run: who else would read the queue? */
    bool shut_down;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    bool is_gone; /* core has no call and no connection left */
};

/* ---- core's log -------------------------------------------------------------------------------------------------- */

/* Core writes header values as they came; log lines are JSON, where they are escaped. What it calls errors is mostly
 * about single connections. */
static void core_log(gpr_log_func_args *args)
{
    const char *file = strrchr(args->file, '/');
    if (weft_log_enabled(WEFT_LOG_DEBUG))
        weft_log(WEFT_LOG_DEBUG, "grpc", NULL, "%s:%d: %s", file != NULL ? file + 1 : args->file, args->line,
                 args->message);
}

void weft_rpc_init(void)
{
    gpr_set_log_function(core_log);
}

/* ---- made -------------------------------------------------------------------------------------------------------- */

/* What a peer can make grow has a limit. A connection that is silent is asked whether it lives: one that is gone
 * without a word would hold its calls. */
static grpc_server *core_server_new(uint32_t max_message_bytes)
{
    grpc_arg args[] = {
        { GRPC_ARG_INTEGER, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = (int)max_message_bytes },
        { GRPC_ARG_INTEGER, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, .value.integer = 0 }, /* payload.c does it */
        { GRPC_ARG_INTEGER, GRPC_ARG_MAX_CONCURRENT_STREAMS, .value.integer = 1000 },
        { GRPC_ARG_INTEGER, GRPC_ARG_MAX_METADATA_SIZE, .value.integer = 16 << 10 },
        { GRPC_ARG_INTEGER, GRPC_ARG_KEEPALIVE_TIME_MS, .value.integer = 30000 },
        { GRPC_ARG_INTEGER, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, .value.integer = 20000 },
        { GRPC_ARG_INTEGER, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, .value.integer = 1 },
        { GRPC_ARG_INTEGER, GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, .value.integer = 10000 },
    };
    const grpc_channel_args all = { sizeof args / sizeof args[0], args };
    return grpc_server_create(&all, NULL);
}

static struct weft_pool server_pool(struct weft_rpc_server *server, const struct weft_rpc_options *options)
{
    return (struct weft_pool){
        .server = server->server,
        .queue = server->queue,
        .crew = server->crew,
        .tally = &server->tally,
        .limits = { options->max_message_bytes, WEFT_GUARD_DEPTH_MAX, MAX_FIELDS, 0 },
        .deadline_ns = options->deadline_ns,
        .metrics = options->metrics,
        .max_calls = options->max_calls,
    };
}

static struct weft_rpc_options options_complete(const struct weft_rpc_options *given)
{
    struct weft_rpc_options options = *given;
    if (options.workers == 0) options.workers = DEFAULT_WORKERS;
    if (options.max_workers == 0) options.max_workers = DEFAULT_MAX_WORKERS;
    if (options.max_workers < options.workers) options.max_workers = options.workers;
    if (options.max_workers < 2) options.max_workers = 2; /* one to wait, one on the queue */
    if (options.max_message_bytes == 0) options.max_message_bytes = DEFAULT_MAX_MESSAGE;
    if (options.max_calls == 0) options.max_calls = DEFAULT_MAX_CALLS;
    if (options.max_connections == 0) options.max_connections = DEFAULT_CONNECTIONS;
    if (options.deadline_ns == 0) options.deadline_ns = DEFAULT_DEADLINE;
    return options;
}

static void server_gone(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    (void)ok, (void)worker;
    struct weft_rpc_server *server = WEFT_TAG_OWNER(tag, struct weft_rpc_server, gone);
    pthread_mutex_lock(&server->lock);
    server->is_gone = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    weft_tally_done(&server->tally);
}

/* The crew's source: core's queue. */
static bool queue_next(void *arg, struct weft_tag **ret_tag, bool *ret_ok)
{
    grpc_event event = grpc_completion_queue_next(arg, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN) return false;
    *ret_tag = event.tag;
    *ret_ok = event.success != 0;
    weft_tag_back(*ret_tag);
    return true;
}

/* The queue of calls that wait for the cache; NULL: no method looks anything up first, or the cache never waits. */
static struct weft_prefetch *server_prefetch(const struct weft_rpc_options *options,
                                             const struct weft_rpc_method *methods, size_t n_methods)
{
    for (size_t i = 0; i < n_methods; i++)
        if (methods[i].prefetch != NULL && methods[i].cache != NULL &&
            (weft_cache_caps(methods[i].cache) & WEFT_CACHE_SHARED) != 0)
            return weft_prefetch_new(methods[i].cache, PREFETCH_WORKERS, options->max_workers);
    return NULL;
}

static struct weft_rpc_server *server_make(const struct weft_rpc_options *options, const struct weft_registry *registry,
                                           const struct weft_rpc_method *methods, size_t n_methods)
{
    grpc_init();
    struct weft_rpc_server *server = weft_memory_zeroed(1, sizeof *server);
    server->gone.run = server_gone;
    weft_tally_init(&server->tally);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->credentials = grpc_insecure_server_credentials_create();
    server->server = core_server_new(options->max_message_bytes);
    server->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(server->server, server->queue, NULL);
    server->crew =
        weft_crew_new((struct weft_crew_source){ queue_next, server->queue }, options->workers, options->max_workers);
    server->pool = server_pool(server, options);
    server->pool.prefetch = server_prefetch(options, methods, n_methods);
    server->control = weft_control_new(&(struct weft_control_options){
        .server = server->server,
        .tally = &server->tally,
        .crews = { server->crew, weft_prefetch_crew(server->pool.prefetch) },
        .registry = registry,
        .metrics = options->metrics,
    });
    return server;
}

weft_status weft_rpc_server_new(const struct weft_rpc_options *given, const struct weft_registry *registry,
                                const struct weft_rpc_method *methods, size_t n_methods,
                                struct weft_rpc_server **ret_server, struct weft_fault *ret_fault)
{
    const struct weft_rpc_options options = options_complete(given);
    struct weft_rpc_server *server = server_make(&options, registry, methods, n_methods);
    weft_status status = weft_pool_init(&server->pool, methods, n_methods, ret_fault);
    if (status == WEFT_OK)
        status = weft_rpc_port_new(options.listen, options.max_connections, &server->port, ret_fault);
    if (status == WEFT_OK)
        *ret_server = server;
    else
        weft_rpc_server_stop(server);
    return status;
}

static void connection_accepted(void *arg, int fd)
{
    struct weft_rpc_server *server = arg;
    grpc_server_add_channel_from_fd(server->server, fd, server->credentials);
}

weft_status weft_rpc_server_start(struct weft_rpc_server *server, struct weft_fault *ret_fault)
{
    grpc_server_start(server->server);
    weft_status status = weft_control_start(server->control, ret_fault);
    if (status == WEFT_OK && server->pool.prefetch != NULL)
        status = weft_prefetch_start(server->pool.prefetch, ret_fault);
    if (status == WEFT_OK) status = weft_crew_start(server->crew, ret_fault);
    if (status != WEFT_OK) return status;
    server->has_crew = true;
    weft_pool_open(&server->pool);
    return weft_rpc_port_start(server->port, connection_accepted, server, ret_fault);
}

uint16_t weft_rpc_server_port(const struct weft_rpc_server *server)
{
    return weft_rpc_port_number(server->port);
}

void weft_rpc_server_serving(struct weft_rpc_server *server, bool serving)
{
    int starting = WEFT_PHASE_STARTING;
    if (serving) atomic_compare_exchange_strong(&server->pool.phase, &starting, WEFT_PHASE_OPEN);
    weft_control_serving(server->control, serving);
}

/* ---- ended ------------------------------------------------------------------------------------------------------- */

/* From now on core ends new calls CANCELLED, and says GOAWAY itself. */
static void server_shut_down(struct weft_rpc_server *server)
{
    if (server->shut_down) return;
    server->shut_down = true;
    weft_rpc_port_stop(server->port);
    atomic_store(&server->pool.phase, WEFT_PHASE_DRAINING);
    weft_pool_end(&server->pool);
    weft_tally_add(&server->tally);
    weft_tag_given(&server->gone);
    grpc_server_shutdown_and_notify(server->server, server->queue, &server->gone);
    weft_control_serving(server->control, false);
    weft_control_end(server->control);
}

static bool server_wait_gone(struct weft_rpc_server *server, uint64_t deadline_ns)
{
    const struct timespec deadline = weft_clock_timespec(deadline_ns);
    int rc = 0;
    pthread_mutex_lock(&server->lock);
    while (!server->is_gone && rc == 0)
        rc = pthread_cond_clockwait(&server->changed, &server->lock, CLOCK_MONOTONIC, &deadline);
    bool gone = server->is_gone;
    pthread_mutex_unlock(&server->lock);
    return gone;
}

/* Clients are asked to go elsewhere while all they have sent is still answered, so that no call fails for our sake.
 * Ends when the last of them has gone; or has had a moment to hear it, a client at rest may not listen before its next
 * call, and none has a call under way; or at the deadline. False: some could not be asked. */
static bool server_take_leave(struct weft_rpc_server *server, uint64_t deadline_ns)
{
    const uint64_t began_ns = weft_clock_ns();
    uint32_t n_open, n_untold;
    weft_rpc_port_stop(server->port);
    for (uint64_t now = began_ns;; now = weft_clock_ns()) {
        n_open = weft_rpc_port_goaway(server->port, &n_untold);
        const bool heard = now >= began_ns + GOAWAY_GRACE_NS && weft_pool_is_idle(&server->pool);
        if (n_open == 0 || heard || now >= deadline_ns) break;
        server_wait_gone(server, now + GOAWAY_LOOK_NS); /* which it is not: core has not been asked to be */
    }
    return n_untold == 0;
}

/* What connections are left then are closed once no call is under way. */
void weft_rpc_server_drain(struct weft_rpc_server *server, uint64_t deadline_ns)
{
    bool told = true, gone = false;
    if (server->has_crew && !server->shut_down && weft_clock_ns() < deadline_ns)
        told = server_take_leave(server, deadline_ns);
    server_shut_down(server);
    for (uint64_t now = weft_clock_ns(); server->has_crew && !gone && now < deadline_ns; now = weft_clock_ns()) {
        if (told && weft_pool_is_idle(&server->pool)) break;
        uint64_t grace_ns = now + GOAWAY_GRACE_NS;
        gone = server_wait_gone(server, grace_ns < deadline_ns ? grace_ns : deadline_ns);
        told = true; /* core has */
    }
    if (!gone) grpc_server_cancel_all_calls(server->server);
}

/* A server that never had a crew: the queue has one event to come, that core is done. */
static void server_read_queue(struct weft_rpc_server *server)
{
    grpc_event event = grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    assert(event.tag == &server->gone);
    server->gone.run(event.tag, true, NULL);
}

/* The order is exact: core aborts the process when a batch is started on a queue that is shut down, and a request after
 * the last call's end races with the server's destruction. So: no new requests, shut down, cancel, until nothing is
 * out; then the queues, the threads, the server. */
void weft_rpc_server_stop(struct weft_rpc_server *server)
{
    if (server == NULL) return;
    weft_rpc_server_drain(server, 0);
    if (!server->has_crew) server_read_queue(server);
    weft_tally_wait(&server->tally);
    grpc_completion_queue_shutdown(server->queue);
    weft_control_join(server->control);
    weft_prefetch_free(server->pool.prefetch);
    weft_crew_free(server->crew);
    grpc_server_destroy(server->server);
    grpc_completion_queue_destroy(server->queue);
    grpc_server_credentials_release(server->credentials);
    weft_rpc_port_free(server->port);
    weft_control_free(server->control);
    weft_pool_destroy(&server->pool);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    weft_tally_destroy(&server->tally);
    free(server);
    grpc_shutdown();
}
