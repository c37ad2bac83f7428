/* rpc/server/pool.c - which slot is requested for which method, and how many there may be. */
#include "rpc/server/pool.h"

#include "base/memory.h"
#include "rpc/server/call.h"
#include <stdlib.h>

#define REQUESTS_A_METHOD 16 /* calls that can arrive between two looks at the queue */

weft_status weft_pool_init(struct weft_pool *pool, const struct weft_rpc_method *methods, size_t n_methods,
                           struct weft_fault *ret_fault)
{
    pthread_mutex_init(&pool->lock, NULL);
    atomic_init(&pool->phase, WEFT_PHASE_STARTING);
    /* As many again for refusals under way, whose clients may be slow to take them. */
    pool->max_slots = 2 * pool->max_calls + (uint32_t)n_methods * REQUESTS_A_METHOD;
    pool->methods = weft_memory_zeroed(n_methods + 1, sizeof pool->methods[0]);
    pool->n_methods = n_methods;
    pool->inflight = WEFT_SERIES(pool->metrics, INFLIGHT, "grpc");
    for (size_t i = 0; i < n_methods; i++) {
        const char *path = methods[i].type->path;
        pool->methods[i].method = &methods[i];
        weft_rpc_meter_init(&pool->methods[i].meter, pool->metrics, path, false);
        pool->methods[i].registered =
            grpc_server_register_method(pool->server, path, NULL, GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
        if (pool->methods[i].registered == NULL)
            return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT,
                                  "method '%s' cannot be registered: is it there twice?", path);
    }
    return WEFT_OK;
}

void weft_pool_destroy(struct weft_pool *pool)
{
    for (struct weft_rpc_call *call = pool->free_calls, *next; call != NULL; call = next) {
        next = call->next;
        weft_rpc_call_free(call);
    }
    free(pool->methods);
    pthread_mutex_destroy(&pool->lock);
}

/* ---- under the lock ---------------------------------------------------------------------------------------------- */

static struct weft_rpc_call *slot_take(struct weft_pool *pool)
{
    struct weft_rpc_call *call = pool->free_calls;
    if (call != NULL) {
        pool->free_calls = call->next;
        return call;
    }
    if (pool->n_slots == pool->max_slots) return NULL;
    pool->n_slots++;
    return weft_rpc_call_new(pool);
}

/* Takes a slot for the method's next call; NULL: there is none, or enough are requested. */
static struct weft_rpc_call *slot_for(struct weft_pool *pool, struct weft_pool_method *method)
{
    if (pool->ending || method->requested == REQUESTS_A_METHOD) return NULL;
    struct weft_rpc_call *call = slot_take(pool);
    if (call == NULL) return NULL;
    method->requested++;
    call->method = method;
    weft_tally_add(pool->tally);
    return call;
}

/* After a shortage: the method that has gone without for longest is as good as any. */
static struct weft_rpc_call *slot_for_starved(struct weft_pool *pool)
{
    struct weft_rpc_call *call = NULL;
    for (size_t i = 0; i < pool->n_methods && call == NULL; i++)
        call = slot_for(pool, &pool->methods[i]);
    return call;
}

/* ---- for others -------------------------------------------------------------------------------------------------- */

void weft_pool_open(struct weft_pool *pool)
{
    for (size_t i = 0; i < pool->n_methods; i++) {
        struct weft_rpc_call *call;
        do {
            pthread_mutex_lock(&pool->lock);
            call = slot_for(pool, &pool->methods[i]);
            pthread_mutex_unlock(&pool->lock);
            if (call != NULL) weft_rpc_call_request(call);
        } while (call != NULL);
    }
}

void weft_pool_end(struct weft_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_mutex_unlock(&pool->lock);
}

bool weft_pool_is_idle(struct weft_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool idle = pool->n_busy == 0;
    pthread_mutex_unlock(&pool->lock);
    return idle;
}

bool weft_pool_arrived(struct weft_pool *pool, struct weft_pool_method *method)
{
    pthread_mutex_lock(&pool->lock);
    method->requested--;
    struct weft_rpc_call *call = slot_for(pool, method);
    if (call == NULL && !pool->ending) pool->n_starved++;
    bool fits = ++pool->n_busy <= pool->max_calls;
    pthread_mutex_unlock(&pool->lock);
    weft_series_add(pool->inflight, 1);
    if (call != NULL) weft_rpc_call_request(call);
    return fits;
}

void weft_pool_give_back(struct weft_pool *pool, struct weft_rpc_call *call, bool arrived)
{
    struct weft_rpc_call *next = NULL;
    if (arrived) weft_series_add(pool->inflight, -1);
    pthread_mutex_lock(&pool->lock);
    if (arrived)
        pool->n_busy--;
    else
        call->method->requested--;
    call->next = pool->free_calls;
    pool->free_calls = call;
    if (pool->n_starved > 0 && !pool->ending) {
        pool->n_starved--;
        next = slot_for_starved(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    if (next != NULL) weft_rpc_call_request(next);
    weft_tally_done(pool->tally);
}
