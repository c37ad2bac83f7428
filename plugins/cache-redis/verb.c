/* verb.c - a table of verbs: how each is asked, and how its answer is read. */
#include "verb.h"

#include "journal.h"
#include "own_key.h"

#include <stdint.h>
#include <string.h>

#define LEASE_NAME "weft:lease:"

static const char fill_script[] = "if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end "
                                  "redis.call('DEL',KEYS[1]) "
                                  "if ARGV[3]=='0' then redis.call('SET',KEYS[2],ARGV[2]) "
                                  "else redis.call('SET',KEYS[2],ARGV[2],'PX',ARGV[3]) end return 1";

static void lease_key_of(const struct weft_cache_op *op, struct own_key *ret_key)
{
    own_key_of(op, LEASE_NAME, ret_key);
}

static void start_with_key(struct command *command, const char *name, const struct weft_cache_op *op)
{
    command_start(command, name);
    command_bytes(command, op->key, op->key_size);
}

static void add_ttl(struct command *command, const struct weft_cache_op *op)
{
    if (op->ttl_ms == 0) return;
    command_text(command, "PX");
    command_number(command, (int64_t)op->ttl_ms);
}

static void add_lease_end(struct request *request, const struct weft_cache_op *op)
{
    struct own_key lease;
    struct command command;
    lease_key_of(op, &lease);
    command_start(&command, "DEL");
    command_bytes(&command, lease.name, lease.size);
    request_add(request, &command);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void ask_get(struct request *request, const struct weft_cache_op *op)
{
    struct command command;
    start_with_key(&command, "GET", op);
    request_add(request, &command);
}

static void ask_set(struct request *request, const struct weft_cache_op *op)
{
    struct command command;
    add_lease_end(request, op);
    start_with_key(&command, "SET", op);
    command_bytes(&command, op->value, op->value_size);
    add_ttl(&command, op);
    if (op->verb == WEFT_CACHE_SET_NEW) command_text(&command, "NX");
    request_add(request, &command);
}

static void ask_del(struct request *request, const struct weft_cache_op *op)
{
    struct command command;
    add_lease_end(request, op);
    start_with_key(&command, "DEL", op);
    request_add(request, &command);
}

/* A new one is made as 0 with its expiry first; INCRBY leaves an expiry as it is. */
static void ask_incr(struct request *request, const struct weft_cache_op *op)
{
    struct command command;
    add_lease_end(request, op);
    if (op->ttl_ms != 0) {
        start_with_key(&command, "SET", op);
        command_text(&command, "0");
        add_ttl(&command, op);
        command_text(&command, "NX");
        request_add(request, &command);
    }
    start_with_key(&command, "INCRBY", op);
    command_number(&command, op->integer);
    request_add(request, &command);
}

/* PERSIST does not tell a key without expiry from no key: EXISTS does. */
static void ask_expire(struct request *request, const struct weft_cache_op *op)
{
    struct command command;
    start_with_key(&command, op->ttl_ms != 0 ? "PEXPIRE" : "PERSIST", op);
    if (op->ttl_ms != 0) command_number(&command, (int64_t)op->ttl_ms);
    request_add(request, &command);
    if (op->ttl_ms != 0) return;
    start_with_key(&command, "EXISTS", op);
    request_add(request, &command);
}

static void ask_get_expire(struct request *request, const struct weft_cache_op *op)
{
    struct command command;
    start_with_key(&command, "GETEX", op);
    if (op->ttl_ms == 0) command_text(&command, "PERSIST");
    add_ttl(&command, op);
    request_add(request, &command);
}

static void ask_fill(struct request *request, const struct weft_cache_op *op)
{
    struct own_key lease;
    struct command command;
    lease_key_of(op, &lease);
    command_start(&command, "EVAL");
    command_bytes(&command, fill_script, sizeof fill_script - 1);
    command_text(&command, "2");
    command_bytes(&command, lease.name, lease.size);
    command_bytes(&command, op->key, op->key_size);
    command_number(&command, op->integer);
    command_bytes(&command, op->value, op->value_size);
    command_number(&command, (int64_t)op->ttl_ms);
    request_add(request, &command);
}

void verb_add_lease(struct request *request, const struct weft_cache_op *op, int64_t token)
{
    struct own_key lease;
    struct command command;
    lease_key_of(op, &lease);
    command_start(&command, "SET");
    command_bytes(&command, lease.name, lease.size);
    command_number(&command, token);
    command_text(&command, "NX");
    command_text(&command, "PX");
    command_number(&command, op->integer);
    request_add(request, &command);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* A value, or nothing. */
static void read_value(const redisReply *reply, struct weft_cache_result *result)
{
    if (reply->type == REDIS_REPLY_NIL) {
        result->rc = WEFT_RC_NOT_FOUND;
    } else if (reply->type == REDIS_REPLY_STRING) {
        result->rc = WEFT_RC_OK;
        result->value = reply->str;
        result->value_size = (size_t)reply->len;
    }
}

/* "OK", or nothing when NX found a value. */
static void read_set(const redisReply *reply, struct weft_cache_result *result)
{
    if (reply->type == REDIS_REPLY_NIL) result->rc = WEFT_RC_CONFLICT;
    if (reply->type == REDIS_REPLY_STATUS) result->rc = WEFT_RC_OK;
}

static void read_number(const redisReply *reply, struct weft_cache_result *result)
{
    if (reply->type != REDIS_REPLY_INTEGER) return;
    result->rc = WEFT_RC_OK;
    result->integer = reply->integer;
}

static void read_existed(const redisReply *reply, struct weft_cache_result *result)
{
    if (reply->type == REDIS_REPLY_INTEGER) result->rc = reply->integer != 0 ? WEFT_RC_OK : WEFT_RC_NOT_FOUND;
}

static void read_yes(const redisReply *reply, struct weft_cache_result *result)
{
    if (reply->type == REDIS_REPLY_INTEGER) result->rc = reply->integer != 0 ? WEFT_RC_OK : WEFT_RC_CONFLICT;
}

static const struct {
    void (*ask)(struct request *request, const struct weft_cache_op *op);
    void (*read)(const redisReply *reply, struct weft_cache_result *result);
    bool repeatable;
} verbs[] = {
    [WEFT_CACHE_GET] = { ask_get, read_value, true },
    [WEFT_CACHE_SET] = { ask_set, read_set, true },
    [WEFT_CACHE_SET_NEW] = { ask_set, read_set, false },
    [WEFT_CACHE_DEL] = { ask_del, read_number, true },
    [WEFT_CACHE_INCR] = { ask_incr, read_number, false },
    [WEFT_CACHE_EXPIRE] = { ask_expire, read_existed, true },
    [WEFT_CACHE_GET_OR_LEASE] = { ask_get, read_value, true },
    [WEFT_CACHE_FILL] = { ask_fill, read_yes, true },
    [WEFT_CACHE_GET_EXPIRE] = { ask_get_expire, read_value, true },
    [WEFT_CACHE_JOURNAL_APPEND] = { journal_ask_append, read_number, false },
    [WEFT_CACHE_JOURNAL_CLAIM] = { journal_ask_claim, journal_read_claim, true },
    [WEFT_CACHE_JOURNAL_DONE] = { journal_ask_done, read_yes, true },
};

void verb_add(struct request *request, const struct weft_cache_op *op)
{
    verbs[op->verb].ask(request, op);
}

bool verb_repeatable(const struct weft_cache_op *op)
{
    return verbs[op->verb].repeatable;
}

void verb_result(const struct weft_cache_op *op, const redisReply *reply, struct weft_cache_result *ret_result)
{
    *ret_result = (struct weft_cache_result){ .rc = WEFT_RC_INVALID }; /* unless the answer is of a kind we know */
    if (reply->type == REDIS_REPLY_ERROR)
        ret_result->rc = reply_error_rc(reply);
    else
        verbs[op->verb].read(reply, ret_result);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* By how the reply begins. What is not here (WRONGTYPE, ERR value is not an integer, ...) is INVALID. */
static const struct reply_error {
    const char *start;
    int32_t rc;
    bool go_elsewhere;
} reply_errors[] = {
    { "OOM ", WEFT_RC_UNAVAILABLE, false },        { "MISCONF ", WEFT_RC_UNAVAILABLE, false },
    { "BUSY ", WEFT_RC_UNAVAILABLE, false },       { "NOREPLICAS ", WEFT_RC_UNAVAILABLE, false },
    { "LOADING ", WEFT_RC_UNAVAILABLE, false },    { "ERR max number of clients", WEFT_RC_UNAVAILABLE, true },
    { "MASTERDOWN ", WEFT_RC_UNAVAILABLE, true },  { "READONLY ", WEFT_RC_UNAVAILABLE, true },
    { "CLUSTERDOWN ", WEFT_RC_UNAVAILABLE, true }, { "NOAUTH ", WEFT_RC_REFUSED, false },
    { "WRONGPASS ", WEFT_RC_REFUSED, false },      { "NOPERM ", WEFT_RC_REFUSED, false },
    { "DENIED ", WEFT_RC_REFUSED, false },
};

static const struct reply_error *reply_error_find(const redisReply *reply)
{
    static const struct reply_error other = { "", WEFT_RC_INVALID, false };
    for (size_t i = 0; i < sizeof reply_errors / sizeof reply_errors[0]; i++)
        if (strncmp(reply->str, reply_errors[i].start, strlen(reply_errors[i].start)) == 0) return &reply_errors[i];
    return &other;
}

int32_t reply_error_rc(const redisReply *reply)
{
    return reply_error_find(reply)->rc;
}

bool reply_says_go_elsewhere(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && reply_error_find(reply)->go_elsewhere;
}
