/* session.c - a session is a connection, made when it is first needed and again after it was lost.
 *
 * A batch is one pipeline: all commands in one write, then the replies. A fresh connection sends AUTH and SELECT ahead
 * in the same write. After any failure the connection is closed, so no late answer can meet a later run. */
#include "error.h"
#include "operation.h"
#include "redis.h"
#include "verb.h"

#include <stdlib.h>
#include <sys/random.h>

struct session {
    struct redis *redis;
    struct link link;
    struct request request; /* the batch; results point into its replies */
    struct request leases;  /* the second step of misses */
    size_t *answers;        /* of each operation: which reply counts */
    size_t answers_capacity;
};

int32_t session_open(void *self, void **ret_session, struct weft_error *ret_error)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) return error_set(ret_error, WEFT_RC_UNAVAILABLE, "out of memory for a session");
    session->redis = self;
    session->link = (struct link){ .address = session->redis->address, .fd = -1 };
    *ret_session = session;
    return WEFT_RC_OK;
}

void session_close(void *opaque)
{
    struct session *session = opaque;
    link_close(&session->link);
    request_free(&session->request);
    request_free(&session->leases);
    free(session->answers);
    free(session);
}

static bool session_make_room(struct session *session, size_t n)
{
    if (n <= session->answers_capacity) return true;
    size_t *answers = realloc(session->answers, n * sizeof *answers);
    if (answers == NULL) return false;
    session->answers = answers;
    session->answers_capacity = n;
    return true;
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static void add_handshake(struct request *request, const struct redis *redis)
{
    struct command command;
    const struct weft_url *url = redis->url;
    if (url->password != NULL) {
        command_start(&command, "AUTH");
        if (url->user != NULL && url->user[0] != '\0') command_text(&command, url->user);
        command_text(&command, url->password);
        request_add(request, &command);
    }
    if (redis->database != 0) {
        command_start(&command, "SELECT");
        command_number(&command, redis->database);
        request_add(request, &command);
    }
}

static int32_t check_handshake(const struct session *session, struct weft_error *ret_error)
{
    for (size_t i = 0; i < session->request.n_replies; i++) {
        const redisReply *reply = session->request.replies[i];
        if (reply->type != REDIS_REPLY_ERROR) continue;
        int32_t rc = reply_error_rc(reply);
        if (rc == WEFT_RC_INVALID) rc = WEFT_RC_REFUSED; /* no such database, a password where none is set, ... */
        return error_set(ret_error, rc, "redis %s refuses us: %s; check user, password and database of the URL",
                         address_name(session->link.address), reply->str);
    }
    return WEFT_RC_OK;
}

/* AUTH and SELECT have a round trip of their own: a batch that went along would be run all the same after they failed,
 * by another user or in another database. */
static int32_t session_greet(struct session *session, uint64_t deadline_ns, struct weft_error *ret_error)
{
    request_clear(&session->request);
    add_handshake(&session->request, session->redis);
    if (session->request.n_commands == 0 && !session->request.out_of_memory) return WEFT_RC_OK;
    int32_t rc = request_exchange(&session->request, &session->link, deadline_ns, ret_error);
    return rc == WEFT_RC_OK ? check_handshake(session, ret_error) : rc;
}

static int32_t session_connect(struct session *session, uint64_t deadline_ns, struct weft_error *ret_error)
{
    int32_t rc = link_connect(&session->link, deadline_ns, ret_error);
    return rc == WEFT_RC_OK ? session_greet(session, deadline_ns, ret_error) : rc;
}

/* ---- the batch --------------------------------------------------------------------------------------------------- */

static void add_batch(struct session *session, const struct weft_cache_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (operation_valid(&ops[i])) verb_add(&session->request, &ops[i]);
        session->answers[i] = session->request.n_commands - 1;
    }
}

/* One try, on the connection there is or a new one. */
static int32_t session_try(struct session *session, const struct weft_cache_op *ops, size_t n, uint64_t deadline_ns,
                           struct weft_error *ret_error)
{
    bool fresh = !link_connected(&session->link);
    int32_t rc = fresh ? redis_may_connect(session->redis, ret_error) : WEFT_RC_OK;
    if (rc != WEFT_RC_OK) return rc;
    if (fresh) rc = session_connect(session, deadline_ns, ret_error);
    if (rc == WEFT_RC_OK) {
        request_clear(&session->request);
        add_batch(session, ops, n);
        rc = request_exchange(&session->request, &session->link, deadline_ns, ret_error);
    }
    if (rc != WEFT_RC_OK) {
        link_close(&session->link);
        if (fresh || rc == WEFT_RC_TIMEOUT) redis_failed(session->redis, ret_error);
    } else if (fresh) {
        redis_connected(session->redis);
    }
    return rc;
}

static bool batch_repeatable(const struct weft_cache_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (operation_valid(&ops[i]) && !verb_repeatable(&ops[i])) return false;
    return true;
}

static void read_results(const struct session *session, const struct weft_cache_op *ops, size_t n,
                         struct weft_cache_result *ret_results)
{
    for (size_t i = 0; i < n; i++) {
        if (operation_valid(&ops[i]))
            verb_result(&ops[i], session->request.replies[session->answers[i]], &ret_results[i]);
        else
            ret_results[i] = (struct weft_cache_result){ .rc = WEFT_RC_INVALID };
    }
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static bool wants_lease(const struct weft_cache_op *op, const struct weft_cache_result *result)
{
    return op->verb == WEFT_CACHE_GET_OR_LEASE && result->rc == WEFT_RC_NOT_FOUND;
}

/* More than zero, and hard to guess: a token of an earlier lease must not fit a later one. */
static int64_t token_new(void)
{
    uint64_t token = 0;
    if (getrandom(&token, sizeof token, 0) != sizeof token) return 0;
    return (int64_t)(token >> 1);
}

/* Takes leases for what was missed. What fails here costs the lease, not the answers there are. */
static void take_leases(struct session *session, const struct weft_cache_op *ops, size_t n,
                        struct weft_cache_result *results, uint64_t deadline_ns)
{
    struct request *leases = &session->leases;
    struct weft_error error;
    request_clear(leases);
    for (size_t i = 0; i < n; i++) {
        if (!wants_lease(&ops[i], &results[i])) continue;
        results[i].integer = token_new();
        session->answers[i] = leases->n_commands;
        verb_add_lease(leases, &ops[i], results[i].integer);
    }
    if (leases->n_commands == 0) return;
    int32_t rc = request_exchange(leases, &session->link, deadline_ns, &error);
    if (rc != WEFT_RC_OK) link_close(&session->link);
    for (size_t i = 0; i < n; i++) {
        if (!wants_lease(&ops[i], &results[i])) continue;
        if (rc != WEFT_RC_OK || leases->replies[session->answers[i]]->type != REDIS_REPLY_STATUS)
            results[i].integer = 0;
    }
}

/* Closes a connection that is of no more use, without harm to the results. */
static void session_tidy(struct session *session)
{
    bool leave = link_connected(&session->link) && !link_is_even(&session->link);
    for (size_t i = 0; i < session->request.n_replies && !leave; i++)
        leave = reply_says_go_elsewhere(session->request.replies[i]);
    if (leave) link_close(&session->link);
}

int32_t session_run(void *opaque, const struct weft_cache_op *ops, size_t n, struct weft_cache_result *ret_results,
                    uint64_t deadline_ns, struct weft_error *ret_error)
{
    struct session *session = opaque;
    if (!session_make_room(session, n))
        return error_set(ret_error, WEFT_RC_UNAVAILABLE, "out of memory for %zu results", n);
    bool reused = link_connected(&session->link);
    int32_t rc = session_try(session, ops, n, deadline_ns, ret_error);
    /* A connection that was idle may have been closed from the other side since: that costs a second try, no failure.
     */
    if (rc == WEFT_RC_UNAVAILABLE && reused && batch_repeatable(ops, n))
        rc = session_try(session, ops, n, deadline_ns, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    read_results(session, ops, n, ret_results);
    take_leases(session, ops, n, ret_results, deadline_ns);
    session_tidy(session);
    return WEFT_RC_OK;
}

int32_t session_ask(void *opaque, const struct command *command, const redisReply **ret_reply, uint64_t deadline_ns,
                    struct weft_error *ret_error)
{
    struct session *session = opaque;
    int32_t rc = link_connected(&session->link) ? WEFT_RC_OK : session_connect(session, deadline_ns, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    request_clear(&session->request);
    request_add(&session->request, command);
    rc = request_exchange(&session->request, &session->link, deadline_ns, ret_error);
    if (rc == WEFT_RC_OK)
        *ret_reply = session->request.replies[0];
    else
        link_close(&session->link);
    return rc;
}
