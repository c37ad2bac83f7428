/* trouble.c - what brokers do to their clients. */
#include "tests.h"

#include <string.h>

/* connection.blocked (10, 60) with a reason, connection.unblocked (10, 61), as the broker sends them. */
static const unsigned char blocked[] = { 1, 0, 0, 0, 0, 0, 8, 0, 10, 0, 60, 3, 'l', 'o', 'w', 0xce };
static const unsigned char unblocked[] = { 1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 61, 0xce };

static bool wait_logged(struct station *station, const char *text, double seconds)
{
    uint64_t deadline_ns = kit_deadline(seconds);
    while (!kit_host_logged(&station->host, text)) {
        if (kit_now_ns() >= deadline_ns) return false;
        pthread_mutex_lock(&station->host.lock);
        kit_host_wait(&station->host, kit_deadline(0.02)); /* log lines signal nothing */
        pthread_mutex_unlock(&station->host.lock);
    }
    return true;
}

static void a_blocked_publisher_takes_nothing_and_consuming_goes_on(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct kit_setup setup = { .proxy = proxy };
    struct station *station = station_open(kit, &setup), *other = station_open(kit, NULL);
    station_simple(station, 0);
    station_simple(other, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    station_text(station, "t", "x", "first");
    reader_expect(reader, "first", 5);
    station_wait_all(station, 5);

    kit_proxy_inject(proxy, blocked, sizeof blocked);
    KIT_CHECK(wait_logged(station, "takes no publishes", 5), "being blocked was not noticed");
    KIT_CHECK(station_offer(station, "t", "x", "no") == NULL, "a publish was taken");
    uint64_t n_ready = station->n_ready;
    for (int i = 0; i < 20; i++) {
        station_text(other, "t", "x", "meanwhile");
        reader_expect(reader, "meanwhile", 5);
    }
    kit_proxy_inject(proxy, unblocked, sizeof unblocked);
    KIT_CHECK(wait_logged(station, "takes publishes again", 5), "being free again was not noticed");
    station_text(station, "t", "x", "again");
    KIT_CHECK(station->n_ready > n_ready, "ready() did not come");
    reader_expect(reader, "again", 5);
    station_wait_all(station, 5);
    station_close(other);
    station_close(station);
    kit_proxy_free(proxy);
}

static void a_deleted_queue_is_declared_and_consumed_again(const struct kit *kit)
{
    struct broker broker = broker_open(kit);
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    station_text(station, "t", "x", "before");
    reader_expect(reader, "before", 5);
    broker_delete_queue(&broker, "q");
    KIT_CHECK(wait_logged(station, "the queue is gone", 5), "the notice was not noticed");
    const struct weft_delivery *delivery = NULL;
    for (uint64_t deadline_ns = kit_deadline(10); delivery == NULL;) {
        KIT_CHECK(kit_now_ns() < deadline_ns, "nothing came within 10 s");
        station_text(station, "t", "x", "after");
        delivery = reader_next(reader, 0.1);
    }
    broker_close(&broker);
    station_close(station);
}

static void a_deleted_exchange_costs_a_retry_and_no_message(const struct kit *kit)
{
    struct broker broker = broker_open(kit);
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    station_text(station, "t", "x", "before");
    reader_expect(reader, "before", 5);
    broker_delete_topic(&broker, "t");
    struct sent *sent = station_text(station, "t", "x", "lost");
    KIT_CHECK(sent_wait(sent, 5) != WEFT_RC_OK, "it was confirmed without an exchange");
    /* Whoever published it does so again until it is confirmed. */
    for (uint64_t deadline_ns = kit_deadline(15); sent->rc != WEFT_RC_OK;) {
        KIT_CHECK(kit_now_ns() < deadline_ns, "not confirmed within 15 s: %d %s", sent->rc, sent->text);
        sent = station_text(station, "t", "x", "found");
        sent_wait(sent, 10);
    }
    reader_expect(reader, "found", 5);
    broker_close(&broker);
    station_close(station);
}

const struct kit_test trouble_tests[] = {
    { "a_blocked_publisher_takes_nothing_and_consuming_goes_on",
      a_blocked_publisher_takes_nothing_and_consuming_goes_on, KIT_FAILURE, 0, 0 },
    { "a_deleted_queue_is_declared_and_consumed_again", a_deleted_queue_is_declared_and_consumed_again, KIT_FAILURE, 0,
      30 },
    { "a_deleted_exchange_costs_a_retry_and_no_message", a_deleted_exchange_costs_a_retry_and_no_message, KIT_FAILURE,
      0, 40 },
    { NULL, NULL, 0, 0, 0 },
};
