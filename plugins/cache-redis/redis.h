/* redis.h - an instance: which server, who we are there, and whether it can be reached. Any thread. */
#ifndef CACHE_REDIS_REDIS_H
#define CACHE_REDIS_REDIS_H

#include "address.h"

#include <pthread.h>
#include <stdbool.h>

struct redis {
    const struct weft_host *host;
    const struct weft_url *url;
    struct address *address;
    uint32_t database;
    pthread_mutex_t mutex; /* over all below */
    int32_t health;
    struct weft_error outage; /* why the last try to connect failed */
    uint64_t quiet_until_ns;  /* no further try before */
};

/* May a session try to connect now? If not, the rc and the text of the failure that is not long ago. */
int32_t redis_may_connect(struct redis *redis, struct weft_error *ret_error);
void redis_connected(struct redis *redis);
void redis_failed(struct redis *redis, const struct weft_error *error);

/* session.c */
int32_t session_open(void *self, void **ret_session, struct weft_error *ret_error);
void session_close(void *session);
int32_t session_run(void *session, const struct weft_cache_op *ops, size_t n, struct weft_cache_result *ret_results,
                    uint64_t deadline_ns, struct weft_error *ret_error);
/* One command outside the ABI's verbs; the reply is the session's until its next run. */
struct command;
struct redisReply;
int32_t session_ask(void *session, const struct command *command, const struct redisReply **ret_reply,
                    uint64_t deadline_ns, struct weft_error *ret_error);

/* examine.c */
void redis_examine(void *self, const struct weft_examiner *examiner, uint64_t deadline_ns);

#endif
