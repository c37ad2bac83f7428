/* basics.c - loading, opening, closing, arguments. */
#include "tests.h"

#include "own.h"
#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void ops_are_complete(const struct kit *kit)
{
    const struct weft_transport_ops *ops = kit->plugin->transport;
    KIT_CHECK(WEFT_HAS(ops, unsubscribe), "the table of functions says it has %u bytes", ops->size);
    KIT_CHECK(ops->declare != NULL && ops->publish != NULL && ops->subscribe != NULL && ops->settle != NULL &&
                  ops->unsubscribe != NULL,
              "a function is missing");
}

static void health_is_up_once_declared(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    station_close(station);
}

static void a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor(const struct kit *kit)
{
    station_close(station_open(kit, NULL)); /* what a library keeps for ever it has by now */
    const struct kit_own before = kit_own_now();
    for (int i = 0; i < 100; i++) {
        struct station *station = station_open(kit, NULL);
        if (i % 10 == 0)
            station_simple(station, 0); /* up, with all that belongs to it */
        else
            station_declare(station);
        station_close(station);
    }
    kit_own_check(before);
}

static void two_instances_are_apart(const struct kit *kit)
{
    if ((kit->plugin->transport->caps & WEFT_TRANSPORT_PROCESSES) != 0)
        kit_skip("instances of this plugin meet on purpose");
    struct station *a = station_open(kit, NULL), *b = station_open(kit, NULL);
    station_simple(a, 0);
    station_simple(b, 0);
    struct reader *reader_a = station_subscribe(a, "q", 0, 10), *reader_b = station_subscribe(b, "q", 0, 10);
    station_text(a, "t", "x", "for a");
    reader_expect(reader_a, "for a", 2);
    reader_expect_nothing(reader_b, 0.1);
    station_close(a);
    station_close(b);
}

static int32_t subscribe_try(struct station *station, const char *queue, uint32_t credit, char *ret_text)
{
    struct weft_error error = { 0 };
    static int tag;
    struct weft_subscription wanted = { .size = sizeof wanted, .queue = queue, .credit = credit };
    int32_t rc = station->ops->subscribe(station->self, &wanted, &tag, &error);
    snprintf(ret_text, sizeof error.text, "%s", error.text);
    return rc;
}

static void a_subscription_that_cannot_be_is_refused_with_a_text(const struct kit *kit)
{
    char text[512];
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    KIT_CHECK(subscribe_try(station, "nobody.declared.this", 10, text) == WEFT_RC_INVALID,
              "an unknown queue was taken");
    KIT_CHECK(strstr(text, "nobody.declared.this") != NULL, "the text does not name the queue: %s", text);
    KIT_CHECK(subscribe_try(station, station->names[0], 0, text) == WEFT_RC_INVALID, "credit 0 was taken");
    KIT_CHECK(*text != '\0', "there is no text");
    station_close(station);
}

static void a_topology_that_cannot_be_is_refused_with_a_text(const struct kit *kit)
{
    char name[301];
    struct weft_error error = { 0 };
    struct station *station = station_open(kit, NULL);
    const char *topics[] = { name };
    struct weft_topology topology = { .size = sizeof topology, .n_topics = 1, .topics = topics };
    memset(name, 'n', 300);
    name[300] = '\0';
    KIT_CHECK(station->ops->declare(station->self, &topology, &error) == WEFT_RC_INVALID,
              "a name of 300 bytes was taken");
    KIT_CHECK(*error.text != '\0', "there is no text");
    name[0] = '\0';
    KIT_CHECK(station->ops->declare(station->self, &topology, &error) == WEFT_RC_INVALID, "an empty name was taken");
    station_close(station);
}

static void a_message_that_cannot_be_is_refused(const struct kit *kit)
{
    char key[301];
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    memset(key, 'k', 300);
    key[300] = '\0';
    struct sent *overlong = sent_new(station, "t", "x", "1", 1, WEFT_PUBLISH_MANDATORY);
    overlong->operation.message.routing_key = key;
    struct sent *nowhere = sent_new(station, "t", "x", "2", 1, WEFT_PUBLISH_MANDATORY);
    nowhere->operation.message.topic = NULL;
    struct sent *both[] = { overlong, nowhere };
    station_send(station, both, 2);
    KIT_CHECK(sent_wait(overlong, 5) == WEFT_RC_REFUSED, "a routing key of 300 bytes ended with %d", overlong->rc);
    KIT_CHECK(sent_wait(nowhere, 5) == WEFT_RC_REFUSED, "a message without a topic ended with %d", nowhere->rc);
    KIT_CHECK(*overlong->text != '\0', "there is no text");
    station_close(station);
}

static void publishing_nothing_takes_nothing(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    KIT_CHECK(station->ops->publish(station->self, NULL, 0) == 0, "something was taken");
    station->ops->settle(station->self, NULL, NULL, 0);
    station_close(station);
}

static void a_wrong_url_is_refused_with_a_text(const struct kit *kit)
{
    struct kit_url url;
    struct station *station = station_open(kit, NULL); /* for its options */
    struct weft_error error = { 0 };
    void *self = NULL;
    KIT_CHECK(kit_url_parse(kit->url, &url), "the URL cannot be read");
    url.parts.path = "two/words/too/many"; /* neither a vhost nor nothing */
    struct weft_open open = { .size = sizeof open,
                              .host = &station->host.table,
                              .url = &url.parts,
                              .options = station->options,
                              .instance = kit->prefix };
    int32_t rc = kit->plugin->open(&open, &self, &error);
    if (rc == WEFT_RC_OK) { /* it can be known only later that there is no such place */
        kit->plugin->close(self, kit_deadline(2));
    } else {
        KIT_CHECK(rc == WEFT_RC_INVALID, "open ended with %d", rc);
        KIT_CHECK(*error.text != '\0', "there is no text");
    }
    station_close(station);
}

static void close_completes_each_of_ten_thousand(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    for (int i = 0; i < 10000; i++)
        station_offer(station, "t", "x", "busy");
    double took = station_end(station, 5);
    KIT_CHECK(took < 10, "close took %.1f s", took);
    for (const struct sent *sent = station->sent; sent != NULL; sent = sent->next)
        KIT_CHECK(sent->completions == 1, "an operation completed %u times", sent->completions);
    KIT_CHECK(station_count(station, WEFT_RC_REFUSED) + station_count(station, WEFT_RC_UNROUTED) == 0,
              "close refused what was taken");
    station_free(station);
}

static void *end_in_thread(void *station)
{
    station_end(station, 3);
    return NULL;
}

static void ten_instances_close_at_once(const struct kit *kit)
{
    struct station *stations[10];
    pthread_t threads[10];
    for (int i = 0; i < 10; i++) {
        stations[i] = station_open(kit, NULL);
        station_declare(stations[i]);
    }
    for (int i = 0; i < 10; i++)
        pthread_create(&threads[i], NULL, end_in_thread, stations[i]);
    for (int i = 0; i < 10; i++) {
        pthread_join(threads[i], NULL);
        station_free(stations[i]);
    }
}

const struct kit_test basics_tests[] = {
    { "ops_are_complete", ops_are_complete, KIT_BASIC, 0, 0 },
    { "health_is_up_once_declared", health_is_up_once_declared, KIT_BASIC, 0, 0 },
    { "a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor",
      a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor, KIT_BASIC, 0, 60 },
    { "two_instances_are_apart", two_instances_are_apart, KIT_BASIC, 0, 0 },
    { "a_subscription_that_cannot_be_is_refused_with_a_text", a_subscription_that_cannot_be_is_refused_with_a_text,
      KIT_BASIC, 0, 0 },
    { "a_topology_that_cannot_be_is_refused_with_a_text", a_topology_that_cannot_be_is_refused_with_a_text, KIT_BASIC,
      0, 0 },
    { "a_message_that_cannot_be_is_refused", a_message_that_cannot_be_is_refused, KIT_BASIC, WEFT_TRANSPORT_UNROUTED,
      0 },
    { "publishing_nothing_takes_nothing", publishing_nothing_takes_nothing, KIT_BASIC, 0, 5 },
    { "a_wrong_url_is_refused_with_a_text", a_wrong_url_is_refused_with_a_text, KIT_BASIC, 0, 0 },
    { "close_completes_each_of_ten_thousand", close_completes_each_of_ten_thousand, KIT_BASIC, 0, 30 },
    { "ten_instances_close_at_once", ten_instances_close_at_once, KIT_BASIC, 0, 30 },
    { NULL, NULL, 0, 0, 0 },
};
