/* topology.c - what is declared at the broker, and what is told when it has something else. */
#include "tests.h"

#include <string.h>

static void a_queue_with_other_arguments_is_told_by_name_and_left_alone(const struct kit *kit)
{
    struct fetched got;
    struct broker broker = broker_open(kit);
    broker_declare_queue(&broker, "q", "x-max-length", 5);
    struct station *station = station_open(kit, NULL);
    station_queue(station, "q", 0, "t", "#");
    station_declare(station);
    bool refused = kit_host_wait_health(&station->host, WEFT_HEALTH_REFUSED, 10);
    KIT_CHECK(refused, "health is %d, %s", station->host.health, station->host.health_text);
    KIT_CHECK(strstr(station->host.health_text, station->names[0]) != NULL &&
                  strstr(station->host.health_text, "inequivalent arg") != NULL,
              "the text names no difference: %s", station->host.health_text);
    KIT_CHECK(!broker_get(&broker, "q", &got), "the queue is not what it was"); /* still there, still empty */
    broker_delete_queue(&broker, "q");
    KIT_CHECK(kit_host_wait_health(&station->host, WEFT_HEALTH_UP, 10), "not up though the queue is gone: %s",
              station->host.health_text);
    broker_close(&broker);
    station_close(station);
}

static void an_unknown_vhost_is_final(const struct kit *kit)
{
    char url[512];
    struct kit_setup setup = { .url = url };
    /* scheme://user:password@host:port, with another path */
    strncpy(url, kit->url, sizeof url - 32);
    char *path = strchr(strstr(url, "://") + 3, '/');
    strcpy(path != NULL ? path : url + strlen(url), "/no-such-vhost");
    struct station *station = station_open(kit, &setup);
    station_declare(station);
    bool refused = kit_host_wait_health(&station->host, WEFT_HEALTH_REFUSED, 10);
    KIT_CHECK(refused, "health is %d, %s", station->host.health, station->host.health_text);
    KIT_CHECK(strstr(station->host.health_text, "vhost") != NULL, "the text says: %s", station->host.health_text);
    station_close(station);
}

static const char *header_of(const struct weft_message *message, const char *name)
{
    for (uint32_t i = 0; i < message->n_headers; i++) {
        if (strcmp(message->headers[i].name, name) == 0) return message->headers[i].value;
    }
    return "";
}

static void what_is_dead_goes_to_the_dead_letter_queue(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct reader *dead = station_subscribe(station, "q.dead", 0, 10);
    station_text(station, "t", "some.key", "hopeless");
    reader_settle(reader, reader_need(reader, 5), WEFT_VERDICT_DEAD);
    const struct weft_delivery *delivery = reader_need(dead, 10);
    KIT_CHECK(delivery_is(delivery, "hopeless"), "something else came");
    KIT_CHECK(strcmp(header_of(&delivery->message, "x-first-death-reason"), "rejected") == 0, "the reason is '%s'",
              header_of(&delivery->message, "x-first-death-reason"));
    reader_settle(dead, delivery, WEFT_VERDICT_ACK);
    station_close(station);
}

static void the_delivery_limit_ends_endless_redelivery(const struct kit *kit)
{
    struct kit_setup setup = { .option = "delivery_limit=3" };
    struct station *station = station_open(kit, &setup);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct reader *dead = station_subscribe(station, "q.dead", 0, 10);
    station_text(station, "t", "x", "poison");
    for (uint32_t i = 0; i < 4; i++) { /* once, and three times again */
        const struct weft_delivery *delivery = reader_need(reader, 5);
        if (i == 1 && delivery->count == 0) kit_skip("classic queues do not count");
        KIT_CHECK(delivery->count == i, "delivery %u has count %u", i, delivery->count);
        reader_settle(reader, delivery, WEFT_VERDICT_REQUEUE);
    }
    KIT_CHECK(delivery_is(reader_need(dead, 10), "poison"), "something else is dead");
    reader_expect_nothing(reader, 0.2);
    station_close(station);
}

static void a_single_active_consumer_takes_over_when_its_process_dies(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct kit_setup setup = { .proxy = proxy };
    struct station *a = station_open(kit, &setup), *b = station_open(kit, NULL);
    station_simple(a, WEFT_QUEUE_ORDERED);
    station_simple(b, WEFT_QUEUE_ORDERED);
    struct reader *first = station_subscribe(a, "q", WEFT_QUEUE_ORDERED, 10);
    for (int i = 0; i < 10; i++)
        station_text(b, "t", "x", (const char[]){ (char)('0' + i), '\0' });
    for (int i = 0; i < 5; i++)
        reader_need(first, 5);
    struct reader *second = station_subscribe(b, "q", WEFT_QUEUE_ORDERED, 10);
    reader_expect_nothing(second, 0.2);
    kit_proxy_set_mode(proxy, KIT_PROXY_REFUSE); /* for the broker the process is gone */
    for (int i = 0; i < 10; i++)
        reader_expect(second, (const char[]){ (char)('0' + i), '\0' }, 10);
    station_close(b);
    station_close(a);
    kit_proxy_free(proxy);
}

const struct kit_test topology_tests[] = {
    { "a_queue_with_other_arguments_is_told_by_name_and_left_alone",
      a_queue_with_other_arguments_is_told_by_name_and_left_alone, KIT_SEMANTIC, 0, 40 },
    { "an_unknown_vhost_is_final", an_unknown_vhost_is_final, KIT_SEMANTIC, 0, 0 },
    { "what_is_dead_goes_to_the_dead_letter_queue", what_is_dead_goes_to_the_dead_letter_queue, KIT_SEMANTIC, 0, 0 },
    { "the_delivery_limit_ends_endless_redelivery", the_delivery_limit_ends_endless_redelivery, KIT_SEMANTIC, 0, 0 },
    { "a_single_active_consumer_takes_over_when_its_process_dies",
      a_single_active_consumer_takes_over_when_its_process_dies, KIT_SEMANTIC, 0, 40 },
    { NULL, NULL, 0, 0, 0 },
};
