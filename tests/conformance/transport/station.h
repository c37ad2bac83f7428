/* station.h - a transport under test with its host: publishing with an eye on every completion, reading with the
 * deliveries in hand. Calls into the plugin are serialised here, as the host's dispatcher does it. */
#ifndef WEFT_KIT_STATION_H
#define WEFT_KIT_STATION_H

#include "host.h"
#include "setup.h"

enum { STATION_QUEUES = 64, STATION_TOPICS = 64, STATION_BINDINGS = 8, STATION_READERS = 64 };

/* A published message: the operation is first, so that a completion leads to it. */
struct sent {
    struct weft_publish operation;
    struct station *station;
    uint32_t completions; /* must be 1 in the end */
    int32_t rc;           /* of the completion */
    char text[128];
    struct sent *next;
    char topic[128], routing_key[256], id[40];
    char payload[];
};

/* A subscription, and what came over it in order. */
struct reader {
    struct station *station;
    char queue[128];
    const struct weft_delivery **deliveries;
    size_t n, capacity;
    size_t n_read; /* by reader_next */
    size_t n_unsettled, most_unsettled;
    bool active;
    bool late; /* something was delivered after unsubscribe had returned */
};

struct station {
    struct kit_host host; /* first */
    const struct kit *kit;
    const struct weft_transport_ops *ops;
    void *self;
    void *options;
    pthread_mutex_t dispatch; /* around every call into the plugin */
    struct sent *sent;        /* all, latest first */
    size_t n_sent, n_completed;
    uint64_t n_ready; /* how often ready() came */
    struct reader readers[STATION_READERS];
    size_t n_readers;
    char topics[STATION_TOPICS][128];
    const char *topic_names[STATION_TOPICS];
    struct weft_queue queues[STATION_QUEUES];
    struct weft_binding bindings[STATION_QUEUES][STATION_BINDINGS];
    char names[STATION_QUEUES][128];
    char patterns[STATION_QUEUES][STATION_BINDINGS][256];
    size_t n_topics, n_queues;
};

struct station *station_open(const struct kit *kit, const struct kit_setup *setup); /* NULL: plain */
/* Closes the instance, checks that each operation completed exactly once, frees. */
void station_close(struct station *station);
/* As above without the check and without settling; how long close took. For tests of close itself. */
double station_end(struct station *station, double seconds);
void station_free(struct station *station);

/* Topology: names get the test's prefix. station_apply declares what was added and waits until it is in place. */
void station_topic(struct station *station, const char *topic);
void station_queue(struct station *station, const char *queue, uint32_t flags, const char *topic, const char *pattern);
void station_bind(struct station *station, const char *queue, const char *topic, const char *pattern);
void station_declare(struct station *station); /* without waiting */
void station_apply(struct station *station);
/* One topic "t" and one queue "q" bound to it by "#". */
void station_simple(struct station *station, uint32_t flags);

/* Publishing. All are mandatory unless flags say otherwise; taken within the deadline or the test fails. */
struct sent *station_publish(struct station *station, const char *topic, const char *routing_key, const void *payload,
                             size_t size, uint32_t flags);
struct sent *station_text(struct station *station, const char *topic, const char *routing_key, const char *text);
/* Offers once; NULL: not taken. */
struct sent *station_offer(struct station *station, const char *topic, const char *routing_key, const char *text);
/* How often ready() has come; waiting until it is more often. */
uint64_t station_n_ready(struct station *station);
bool station_wait_ready(struct station *station, uint64_t before, double seconds);
/* A message to change before it is taken. */
struct sent *sent_new(struct station *station, const char *topic, const char *routing_key, const void *payload,
                      size_t size, uint32_t flags);
/* Takes all n, waiting for ready() in between. */
void station_send(struct station *station, struct sent *const *sent, size_t n);
/* Waits for completions: of one, which is returned; of all. Fails the test if they do not come in time. */
int32_t sent_wait(struct sent *sent, double seconds);
void station_wait_all(struct station *station, double seconds);
size_t station_count(struct station *station, int32_t rc); /* completions with this rc */

/* Reading. */
struct reader *station_subscribe(struct station *station, const char *queue, uint32_t flags, uint32_t credit);
void reader_unsubscribe(struct reader *reader);
/* The next delivery, or NULL when none comes in time. */
const struct weft_delivery *reader_next(struct reader *reader, double seconds);
const struct weft_delivery *reader_need(struct reader *reader, double seconds); /* fails the test instead */
void reader_settle(struct reader *reader, const struct weft_delivery *delivery, uint32_t verdict);
void reader_settle_all(struct reader *reader, const struct weft_delivery *const *deliveries, size_t n,
                       uint32_t verdict);
/* Reads and acknowledges. */
void reader_expect(struct reader *reader, const char *text, double seconds);
void reader_expect_nothing(struct reader *reader, double seconds);
bool delivery_is(const struct weft_delivery *delivery, const char *text);
long delivery_number(const struct weft_delivery *delivery); /* of a payload that is a number in text */

/* A proxy before the server of the kit's URL; skips the test when the URL has no host. */
struct kit_proxy *station_proxy(const struct kit *kit);

#endif
