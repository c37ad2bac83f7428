/* station.c - the host's side of a transport, reduced to what tests look at. */
#include "station.h"

#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the plugin calls -------------------------------------------------------------------------------------- */

static struct station *station_of(const struct weft_host *table)
{
    return (struct station *)(uintptr_t)table;
}

static void station_on_complete(const struct weft_host *table, const struct weft_completion *completions, size_t n)
{
    struct station *station = station_of(table);
    pthread_mutex_lock(&station->host.lock);
    for (size_t i = 0; i < n; i++) {
        struct sent *sent = (struct sent *)(uintptr_t)completions[i].operation;
        sent->completions++;
        sent->rc = completions[i].rc;
        snprintf(sent->text, sizeof sent->text, "%s", completions[i].text != NULL ? completions[i].text : "");
    }
    station->n_completed += n;
    pthread_cond_broadcast(&station->host.changed);
    pthread_mutex_unlock(&station->host.lock);
}

static void reader_add(struct reader *reader, const struct weft_delivery *const *deliveries, size_t n)
{
    if (reader->n + n > reader->capacity) {
        reader->capacity = (reader->n + n) * 2;
        reader->deliveries = realloc(reader->deliveries, reader->capacity * sizeof *reader->deliveries);
    }
    memcpy(reader->deliveries + reader->n, deliveries, n * sizeof *deliveries);
    reader->n += n;
    reader->n_unsettled += n;
    if (reader->n_unsettled > reader->most_unsettled) reader->most_unsettled = reader->n_unsettled;
    reader->late = reader->late || !reader->active;
}

static size_t station_on_deliver(const struct weft_host *table, void *tag,
                                 const struct weft_delivery *const *deliveries, size_t n)
{
    struct station *station = station_of(table);
    pthread_mutex_lock(&station->host.lock);
    reader_add(tag, deliveries, n);
    pthread_cond_broadcast(&station->host.changed);
    pthread_mutex_unlock(&station->host.lock);
    return n;
}

static void station_on_ready(const struct weft_host *table)
{
    struct station *station = station_of(table);
    pthread_mutex_lock(&station->host.lock);
    station->n_ready++;
    pthread_cond_broadcast(&station->host.changed);
    pthread_mutex_unlock(&station->host.lock);
}

/* ---- opening and closing ---------------------------------------------------------------------------------------- */

/* open's arguments have to live as long as the instance. */
struct opened {
    struct station station;
    struct kit_url url;
    struct weft_open open;
};

struct station *station_open(const struct kit *kit, const struct kit_setup *setup)
{
    struct opened *opened = calloc(1, sizeof *opened);
    struct station *station = &opened->station;
    struct weft_error error = { 0 };

    kit_host_init(&station->host);
    station->host.table.complete = station_on_complete;
    station->host.table.deliver = station_on_deliver;
    station->host.table.ready = station_on_ready;
    pthread_mutex_init(&station->dispatch, NULL);
    station->kit = kit;
    station->ops = kit->plugin->transport;
    station->options = kit_setup_options(kit, setup);
    kit_setup_url(kit, setup, &opened->url);
    opened->open = (struct weft_open){ .size = sizeof opened->open,
                                       .host = &station->host.table,
                                       .url = &opened->url.parts,
                                       .options = station->options,
                                       .instance = kit->prefix };
    int32_t rc = kit->plugin->open(&opened->open, &station->self, &error);
    KIT_CHECK(rc == WEFT_RC_OK, "open: %d %s", rc, error.text);
    return station;
}

double station_end(struct station *station, double seconds)
{
    uint64_t start = kit_now_ns();
    pthread_mutex_lock(&station->dispatch);
    station->kit->plugin->close(station->self, kit_deadline(seconds));
    pthread_mutex_unlock(&station->dispatch);
    station->self = NULL;
    return (double)(kit_now_ns() - start) / 1e9;
}

void station_free(struct station *station)
{
    struct sent *next;
    for (struct sent *sent = station->sent; sent != NULL; sent = next) {
        next = sent->next;
        free(sent);
    }
    for (size_t i = 0; i < station->n_readers; i++)
        free(station->readers[i].deliveries);
    free(station->options);
    pthread_mutex_destroy(&station->dispatch);
    kit_host_destroy(&station->host);
    free(station);
}

void station_close(struct station *station)
{
    double took = station_end(station, 2);
    KIT_CHECK(took < 7, "close took %.1f s", took);
    for (const struct sent *sent = station->sent; sent != NULL; sent = sent->next)
        KIT_CHECK(sent->completions == 1, "an operation completed %u times", sent->completions);
    station_free(station);
}

/* ---- topology --------------------------------------------------------------------------------------------------- */

static void station_name(const struct station *station, char ret_name[128], const char *name)
{
    snprintf(ret_name, 128, "%s.%s", station->kit->prefix, name);
}

void station_topic(struct station *station, const char *topic)
{
    char name[128];
    station_name(station, name, topic);
    for (size_t i = 0; i < station->n_topics; i++) {
        if (strcmp(station->topics[i], name) == 0) return;
    }
    KIT_CHECK(station->n_topics < STATION_TOPICS, "the test has too many topics");
    strcpy(station->topics[station->n_topics], name);
    station->topic_names[station->n_topics] = station->topics[station->n_topics];
    station->n_topics++;
}

void station_queue(struct station *station, const char *queue, uint32_t flags, const char *topic, const char *pattern)
{
    KIT_CHECK(station->n_queues < STATION_QUEUES, "the test has too many queues");
    size_t i = station->n_queues++;
    station_name(station, station->names[i], queue);
    station->queues[i] =
        (struct weft_queue){ .name = station->names[i], .bindings = station->bindings[i], .flags = flags };
    station_bind(station, queue, topic, pattern);
}

void station_bind(struct station *station, const char *queue, const char *topic, const char *pattern)
{
    char name[128], topic_name[128];
    size_t i = 0, t = 0;
    station_name(station, name, queue);
    station_name(station, topic_name, topic);
    station_topic(station, topic);
    while (strcmp(station->names[i], name) != 0)
        i++;
    while (strcmp(station->topics[t], topic_name) != 0)
        t++;
    uint32_t b = station->queues[i].n_bindings++;
    KIT_CHECK(b < STATION_BINDINGS, "the test has too many bindings");
    snprintf(station->patterns[i][b], sizeof station->patterns[i][b], "%s", pattern);
    station->bindings[i][b] =
        (struct weft_binding){ .topic = station->topics[t], .routing_key = station->patterns[i][b] };
}

void station_declare(struct station *station)
{
    struct weft_error error = { 0 };
    struct weft_topology topology = { .size = sizeof topology,
                                      .n_topics = (uint32_t)station->n_topics,
                                      .topics = station->topic_names,
                                      .queues = station->queues,
                                      .n_queues = (uint32_t)station->n_queues };
    pthread_mutex_lock(&station->dispatch);
    int32_t rc = station->ops->declare(station->self, &topology, &error);
    pthread_mutex_unlock(&station->dispatch);
    KIT_CHECK(rc == WEFT_RC_OK, "declare: %d %s", rc, error.text);
}

void station_apply(struct station *station)
{
    station_declare(station);
    bool up = kit_host_wait_health(&station->host, WEFT_HEALTH_UP, 10);
    KIT_CHECK(up, "not up within 10 s: health %d, %s", station->host.health, station->host.health_text);
}

void station_simple(struct station *station, uint32_t flags)
{
    station_queue(station, "q", flags, "t", "#");
    station_apply(station);
}

/* ---- publishing ------------------------------------------------------------------------------------------------- */

struct sent *sent_new(struct station *station, const char *topic, const char *routing_key, const void *payload,
                      size_t size, uint32_t flags)
{
    struct sent *sent = calloc(1, sizeof *sent + size + 1);
    station_name(station, sent->topic, topic);
    snprintf(sent->routing_key, sizeof sent->routing_key, "%s", routing_key);
    if (size > 0) memcpy(sent->payload, payload, size);
    sent->station = station;
    sent->operation.flags = flags;
    sent->operation.message = (struct weft_message){ .id = sent->id,
                                                     .type = "kit.v1.Tested",
                                                     .topic = sent->topic,
                                                     .routing_key = sent->routing_key,
                                                     .content_type = "application/octet-stream",
                                                     .source = "kit",
                                                     .payload = sent->payload,
                                                     .payload_size = size };
    pthread_mutex_lock(&station->host.lock);
    snprintf(sent->id, sizeof sent->id, "00000000-0000-7000-8000-%012zx", ++station->n_sent);
    sent->next = station->sent;
    station->sent = sent;
    pthread_mutex_unlock(&station->host.lock);
    return sent;
}

/* How many were taken; *ret_n_ready is how often ready() had come before. */
static size_t station_take(struct station *station, struct sent *const *sent, size_t n, uint64_t *ret_n_ready)
{
    pthread_mutex_lock(&station->dispatch);
    pthread_mutex_lock(&station->host.lock);
    *ret_n_ready = station->n_ready;
    pthread_mutex_unlock(&station->host.lock);
    size_t taken = station->ops->publish(station->self, (const struct weft_publish *const *)sent, n);
    pthread_mutex_unlock(&station->dispatch);
    KIT_CHECK(taken <= n, "publish took %zu of %zu", taken, n);
    return taken;
}

uint64_t station_n_ready(struct station *station)
{
    pthread_mutex_lock(&station->host.lock);
    uint64_t n_ready = station->n_ready;
    pthread_mutex_unlock(&station->host.lock);
    return n_ready;
}

bool station_wait_ready(struct station *station, uint64_t before, double seconds)
{
    uint64_t deadline_ns = kit_deadline(seconds);
    pthread_mutex_lock(&station->host.lock);
    while (station->n_ready == before && kit_host_wait(&station->host, deadline_ns))
        ;
    bool ready = station->n_ready > before;
    pthread_mutex_unlock(&station->host.lock);
    return ready;
}

void station_send(struct station *station, struct sent *const *sent, size_t n)
{
    uint64_t n_ready;
    size_t done = station_take(station, sent, n, &n_ready);
    while (done < n) {
        bool ready = station_wait_ready(station, n_ready, 30);
        KIT_CHECK(ready, "publish took %zu of %zu and ready() did not come within 30 s", done, n);
        done += station_take(station, sent + done, n - done, &n_ready);
    }
}

struct sent *station_publish(struct station *station, const char *topic, const char *routing_key, const void *payload,
                             size_t size, uint32_t flags)
{
    struct sent *sent = sent_new(station, topic, routing_key, payload, size, flags);
    station_send(station, &sent, 1);
    return sent;
}

struct sent *station_text(struct station *station, const char *topic, const char *routing_key, const char *text)
{
    return station_publish(station, topic, routing_key, text, strlen(text), WEFT_PUBLISH_MANDATORY);
}

struct sent *station_offer(struct station *station, const char *topic, const char *routing_key, const char *text)
{
    uint64_t n_ready;
    struct sent *sent = sent_new(station, topic, routing_key, text, strlen(text), WEFT_PUBLISH_MANDATORY);
    if (station_take(station, &sent, 1, &n_ready) == 1) return sent;
    sent->completions = 1; /* never taken: nothing is due */
    return NULL;
}

int32_t sent_wait(struct sent *sent, double seconds)
{
    struct kit_host *host = &sent->station->host;
    uint64_t deadline_ns = kit_deadline(seconds);
    pthread_mutex_lock(&host->lock);
    while (sent->completions == 0 && kit_host_wait(host, deadline_ns))
        ;
    bool completed = sent->completions > 0;
    pthread_mutex_unlock(&host->lock);
    KIT_CHECK(completed, "a publish did not complete within %.0f s", seconds);
    return sent->rc;
}

void station_wait_all(struct station *station, double seconds)
{
    uint64_t deadline_ns = kit_deadline(seconds);
    pthread_mutex_lock(&station->host.lock);
    for (const struct sent *sent = station->sent; sent != NULL; sent = sent->next) {
        while (sent->completions == 0 && kit_host_wait(&station->host, deadline_ns))
            ;
        KIT_CHECK(sent->completions > 0, "%zu of %zu publishes completed within %.0f s", station->n_completed,
                  station->n_sent, seconds);
    }
    pthread_mutex_unlock(&station->host.lock);
}

size_t station_count(struct station *station, int32_t rc)
{
    size_t n = 0;
    pthread_mutex_lock(&station->host.lock);
    for (const struct sent *sent = station->sent; sent != NULL; sent = sent->next)
        n += sent->completions > 0 && sent->rc == rc;
    pthread_mutex_unlock(&station->host.lock);
    return n;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

struct reader *station_subscribe(struct station *station, const char *queue, uint32_t flags, uint32_t credit)
{
    struct weft_error error = { 0 };
    KIT_CHECK(station->n_readers < STATION_READERS, "the test has too many readers");
    struct reader *reader = &station->readers[station->n_readers++];
    reader->station = station;
    reader->active = true;
    station_name(station, reader->queue, queue);
    struct weft_subscription subscription = {
        .size = sizeof subscription, .flags = flags, .queue = reader->queue, .credit = credit
    };
    pthread_mutex_lock(&station->dispatch);
    int32_t rc = station->ops->subscribe(station->self, &subscription, reader, &error);
    pthread_mutex_unlock(&station->dispatch);
    KIT_CHECK(rc == WEFT_RC_OK, "subscribe: %d %s", rc, error.text);
    return reader;
}

void reader_unsubscribe(struct reader *reader)
{
    struct station *station = reader->station;
    pthread_mutex_lock(&station->dispatch);
    station->ops->unsubscribe(station->self, reader);
    pthread_mutex_lock(&station->host.lock);
    reader->active = false;
    pthread_mutex_unlock(&station->host.lock);
    pthread_mutex_unlock(&station->dispatch);
}

const struct weft_delivery *reader_next(struct reader *reader, double seconds)
{
    struct kit_host *host = &reader->station->host;
    uint64_t deadline_ns = kit_deadline(seconds);
    pthread_mutex_lock(&host->lock);
    while (reader->n_read == reader->n && kit_host_wait(host, deadline_ns))
        ;
    const struct weft_delivery *delivery = reader->n_read < reader->n ? reader->deliveries[reader->n_read++] : NULL;
    pthread_mutex_unlock(&host->lock);
    return delivery;
}

const struct weft_delivery *reader_need(struct reader *reader, double seconds)
{
    const struct weft_delivery *delivery = reader_next(reader, seconds);
    KIT_CHECK(delivery != NULL, "no delivery within %.1f s; %zu came before; health %d %s", seconds, reader->n,
              reader->station->host.health, reader->station->host.health_text);
    return delivery;
}

void reader_settle_all(struct reader *reader, const struct weft_delivery *const *deliveries, size_t n, uint32_t verdict)
{
    struct station *station = reader->station;
    struct weft_settle *settles = calloc(n + 1, sizeof *settles);
    for (size_t i = 0; i < n; i++)
        settles[i] = (struct weft_settle){ .delivery = deliveries[i], .verdict = verdict };
    pthread_mutex_lock(&station->dispatch);
    pthread_mutex_lock(&station->host.lock);
    reader->n_unsettled -= n;
    pthread_mutex_unlock(&station->host.lock);
    station->ops->settle(station->self, reader, settles, n);
    pthread_mutex_unlock(&station->dispatch);
    free(settles);
}

void reader_settle(struct reader *reader, const struct weft_delivery *delivery, uint32_t verdict)
{
    reader_settle_all(reader, &delivery, 1, verdict);
}

bool delivery_is(const struct weft_delivery *delivery, const char *text)
{
    return delivery->message.payload_size == strlen(text) && memcmp(delivery->message.payload, text, strlen(text)) == 0;
}

long delivery_number(const struct weft_delivery *delivery)
{
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)delivery->message.payload_size, (const char *)delivery->message.payload);
    return strtol(text, NULL, 10);
}

void reader_expect(struct reader *reader, const char *text, double seconds)
{
    const struct weft_delivery *delivery = reader_need(reader, seconds);
    KIT_CHECK(delivery_is(delivery, text), "want '%s', got '%.*s'", text, (int)delivery->message.payload_size,
              (const char *)delivery->message.payload);
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
}

void reader_expect_nothing(struct reader *reader, double seconds)
{
    const struct weft_delivery *delivery = reader_next(reader, seconds);
    KIT_CHECK(delivery == NULL, "want nothing, got '%.*s'", (int)delivery->message.payload_size,
              (const char *)delivery->message.payload);
}

struct kit_proxy *station_proxy(const struct kit *kit)
{
    return kit_setup_proxy(kit, 5672);
}
