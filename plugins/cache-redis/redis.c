/* redis.c - the cache in a Redis server: plugin "redis", schemes `redis` and, with an honest refusal, `rediss`.
 *
 * Files, from the wire up: address.c finds the server, link.c is a connection, request.c a pipeline, verb.c says the
 * ABI's verbs in Redis' commands (journal.c some of them), session.c runs batches; here are the instance and the
 * descriptor. */
#include "redis.h"

#include "clock.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 6379
#define DATABASE_MAX 65535
/* After a failure no new connection is tried for a moment, so that what is down costs no more than it must. */
#define QUIET_NS         (100 * 1000000u)
#define QUIET_REFUSED_NS (2ull * SECOND_NS)

/* With the mutex. Only changes are told. */
static void redis_tell_health(struct redis *redis, int32_t health, const char *text)
{
    if (redis->health == health) return;
    redis->health = health;
    redis->host->health(redis->host, health, text);
}

int32_t redis_may_connect(struct redis *redis, struct weft_error *ret_error)
{
    int32_t rc = WEFT_RC_OK;
    pthread_mutex_lock(&redis->mutex);
    if (redis->quiet_until_ns != 0 && clock_now_ns() < redis->quiet_until_ns) {
        *ret_error = redis->outage;
        rc = redis->outage.rc;
    }
    pthread_mutex_unlock(&redis->mutex);
    return rc;
}

void redis_connected(struct redis *redis)
{
    pthread_mutex_lock(&redis->mutex);
    redis->quiet_until_ns = 0;
    redis_tell_health(redis, WEFT_HEALTH_UP, NULL);
    pthread_mutex_unlock(&redis->mutex);
}

void redis_failed(struct redis *redis, const struct weft_error *error)
{
    bool refused = error->rc == WEFT_RC_REFUSED;
    pthread_mutex_lock(&redis->mutex);
    redis->outage = *error;
    redis->quiet_until_ns = clock_now_ns() + (refused ? QUIET_REFUSED_NS : QUIET_NS);
    redis_tell_health(redis, refused ? WEFT_HEALTH_REFUSED : WEFT_HEALTH_DOWN, error->text);
    pthread_mutex_unlock(&redis->mutex);
}

/* The path of the URL: nothing, or the number of a database. */
static bool parse_database(const char *path, uint32_t *ret_database)
{
    *ret_database = 0;
    if (path == NULL || path[0] == '\0') return true;
    char *end;
    unsigned long number = strtoul(path, &end, 10);
    if (path[0] < '0' || path[0] > '9' || *end != '\0' || number > DATABASE_MAX) return false;
    *ret_database = (uint32_t)number;
    return true;
}

static int32_t check_url(const struct weft_url *url, uint32_t *ret_database, struct weft_error *ret_error)
{
    if (strcmp(url->scheme, "rediss") == 0)
        return error_set(
            ret_error, WEFT_RC_INVALID,
            "rediss:// (TLS) is not supported by this plugin: use redis:// on a private network, or through "
            "a TLS tunnel beside the service");
    if (!parse_database(url->path, ret_database))
        return error_set(ret_error, WEFT_RC_INVALID,
                         "redis URL: the path '/%s' is not the number of a database, write "
                         "redis://host:port/0",
                         url->path);
    if (url->user != NULL && url->user[0] != '\0' && url->password == NULL)
        return error_set(ret_error, WEFT_RC_INVALID,
                         "redis URL: there is a user but no password, write "
                         "redis://user:password@host/ or redis://:password@host/");
    return WEFT_RC_OK;
}

static int32_t redis_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    uint32_t database;
    const struct weft_url *url = open->url;
    int32_t rc = check_url(url, &database, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    const char *server = url->host != NULL && url->host[0] != '\0' ? url->host : "127.0.0.1";
    struct redis *redis = calloc(1, sizeof *redis);
    struct address *address = address_new(server, url->port != 0 ? url->port : DEFAULT_PORT);
    if (redis == NULL || address == NULL) {
        free(redis);
        address_free(address);
        return error_set(ret_error, WEFT_RC_UNAVAILABLE, "out of memory for a cache");
    }
    redis->host = open->host;
    redis->url = url;
    redis->address = address;
    redis->database = database;
    redis->health = WEFT_HEALTH_CONNECTING;
    pthread_mutex_init(&redis->mutex, NULL);
    *ret_self = redis;
    return WEFT_RC_OK;
}

static void redis_close(void *self, uint64_t deadline_ns)
{
    (void)deadline_ns; /* all sessions are closed: there is nothing to wait for */
    struct redis *redis = self;
    address_free(redis->address);
    pthread_mutex_destroy(&redis->mutex);
    free(redis);
}

static const char *const redis_schemes[] = { "redis", "rediss", NULL };

static const struct weft_cache_ops redis_ops = {
    .size = sizeof redis_ops,
    .caps = WEFT_CACHE_LEASES | WEFT_CACHE_JOURNAL | WEFT_CACHE_SHARED,
    .session_open = session_open,
    .session_close = session_close,
    .run = session_run,
};

WEFT_PLUGIN_NOTE("cache", "redis", "redis,rediss");

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,   .kind = WEFT_KIND_CACHE,  .name = "redis",
    .version = "1.0",     .schemes = redis_schemes, .open = redis_open,
    .close = redis_close, .cache = &redis_ops,      .examine = redis_examine,
};
