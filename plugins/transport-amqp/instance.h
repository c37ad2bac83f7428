/* instance.h - one open transport: what its parts share.
 *
 * Two kinds of thread meet here. The host's calls (one at a time) leave what they want in the mailbox. The I/O thread
 * (loop.c) owns everything else: both connections, the publisher's window, the subscriptions, the topology.
 *
 *   host ---> plugin.c ---> mailbox ---> loop ---> publisher ---> frame ---> connection ---> broker
 *                                          |-----> declare, consumer, settle, line -^
 *   host <--- complete, deliver, ready, health <--- loop
 */
#ifndef WEFT_AMQP_INSTANCE_H
#define WEFT_AMQP_INSTANCE_H

#include "connection/connection.h"
#include "consume/consumer.h"
#include "mailbox.h"
#include "options.h"
#include "publish/publisher.h"
#include "topology/topology.h"

#include <pthread.h>

struct rabbit {
    const struct weft_host *host;
    const struct weft_url *url;
    const struct rabbit_options *options;
    const char *name;    /* of the process, for consumer tags */
    char own_suffix[17]; /* random: makes the names of broadcast queues this instance's own */
    bool tls;

    /* The host's side: calls are serialised, so they need no lock. */
    struct topology *declared;
    struct subscription *subscribed; /* by tag */

    struct mailbox mailbox;
    pthread_mutex_t delivering; /* held around host->deliver, so that unsubscribe knows when the last one is over */
    pthread_t thread;

    /* The I/O thread's. */
    struct line *lines; /* deliveries, settlements and topology: never blocked by the broker's alarms */
    struct connection publishing;
    struct publisher publisher;
    struct topology *topology; /* wanted; NULL: nothing declared yet */
    bool topics_in_place;
    uint64_t topics_retry_ns;
    bool routed;                     /* the queues that answer are bound: publishing may begin */
    uint64_t routed_latest_ns;       /* it begins then, whatever the queues do; 0: not connected yet */
    struct topic_name *known_topics; /* exchanges that are there for certain */
    struct consumers consumers;
    int32_t health;
    char health_text[512];
    uint32_t random; /* state of the jitter */
};

/* Reports health if it or its text has changed. */
void rabbit_health(struct rabbit *rabbit, int32_t health, const char *text);
/* One log line. */
void rabbit_log(struct rabbit *rabbit, int32_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Fills an error; returns rc. */
int32_t rabbit_error(struct weft_error *ret_error, int32_t rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
uint64_t rabbit_now(const struct rabbit *rabbit);
/* The I/O thread: returns when the mailbox says so. */
void *rabbit_loop(void *rabbit);
/* Somewhere between half of a wait and all of it, so that those who lost the same broker do not come back at once. */
uint64_t rabbit_jitter(struct rabbit *rabbit, uint64_t wait_ns);
/* Keeps all connections' heartbeats going while one of them is busy with the broker. */
void rabbit_keep_alive(struct rabbit *rabbit);

#endif
