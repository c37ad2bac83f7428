/* failures.c - the server goes, hangs, comes back: a proxy before it does what a server's restart or a network would
 * do. Skipped for plugins that have no server. */
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A station behind a proxy, with short heartbeats where the plugin has that option. */
static struct station *behind(const struct kit *kit, struct kit_proxy *proxy)
{
    struct kit_setup setup = { .proxy = proxy, .option = "heartbeat=1s" };
    return station_open(kit, &setup);
}

static void end(struct station *station, struct kit_proxy *proxy)
{
    station_close(station);
    kit_proxy_free(proxy);
}

static void need_health(struct station *station, int32_t health, double seconds)
{
    bool reached = kit_host_wait_health(&station->host, health, seconds);
    KIT_CHECK(reached, "health %d did not come within %.1f s: it is %d, %s", health, seconds, station->host.health,
              station->host.health_text);
}

/* Waits until the connections are new ones: down was seen, or at least up has been reported again. */
static void cut_and_recover(struct station *station, struct kit_proxy *proxy)
{
    uint32_t changes = kit_host_health_changes(&station->host);
    kit_proxy_cut(proxy);
    KIT_CHECK(kit_host_wait_health_change(&station->host, changes, 5), "a reset of all connections was not noticed");
    need_health(station, WEFT_HEALTH_UP, 15);
}

static void health_is_down_within_two_seconds_and_up_again(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *station = behind(kit, proxy);
    station_simple(station, 0);
    kit_proxy_set_mode(proxy, KIT_PROXY_REFUSE);
    need_health(station, WEFT_HEALTH_DOWN, 2);
    KIT_CHECK(*station->host.health_text != '\0', "there is no text");
    kit_proxy_set_mode(proxy, KIT_PROXY_PASS);
    need_health(station, WEFT_HEALTH_UP, 15);
    end(station, proxy);
}

static void a_server_that_is_away_is_told(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    kit_proxy_set_mode(proxy, KIT_PROXY_REFUSE);
    struct station *station = behind(kit, proxy);
    station_queue(station, "q", 0, "t", "#");
    station_declare(station);
    need_health(station, WEFT_HEALTH_DOWN, 5);
    struct sent *sent = station_offer(station, "t", "x", "into the void");
    if (sent != NULL) KIT_CHECK(sent_wait(sent, 5) != WEFT_RC_OK, "a publish was confirmed without a server");
    kit_proxy_set_mode(proxy, KIT_PROXY_PASS);
    need_health(station, WEFT_HEALTH_UP, 15);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    station_text(station, "t", "x", "heard");
    reader_expect(reader, "heard", 5);
    end(station, proxy);
}

/* Offers all the time, so that some are taken while the plugin is finding out. */
static void offer_until_down(struct station *station)
{
    uint64_t deadline_ns = kit_deadline(5);
    while (!kit_host_wait_health(&station->host, WEFT_HEALTH_DOWN, 0)) {
        KIT_CHECK(kit_now_ns() < deadline_ns, "the server's end was not noticed");
        station_offer(station, "t", "x", "under way");
    }
}

static void what_is_taken_as_the_server_goes_comes_back_without_it(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *station = behind(kit, proxy);
    station_simple(station, 0);
    for (int round = 0; round < 5; round++) {
        kit_proxy_set_mode(proxy, KIT_PROXY_REFUSE);
        offer_until_down(station);
        station_wait_all(station, 3);
        kit_proxy_set_mode(proxy, KIT_PROXY_PASS);
        need_health(station, WEFT_HEALTH_UP, 15);
    }
    end(station, proxy);
}

static void readers_resume_by_themselves(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *station = behind(kit, proxy);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    station_text(station, "t", "x", "before");
    reader_expect(reader, "before", 5);
    station_wait_all(station, 5);
    cut_and_recover(station, proxy);
    station_text(station, "t", "x", "after");
    const struct weft_delivery *delivery = reader_need(reader, 5);
    if (delivery_is(delivery, "before")) { /* its settlement was cut off */
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
        delivery = reader_need(reader, 5);
    }
    KIT_CHECK(delivery_is(delivery, "after"), "something else came");
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    end(station, proxy);
}

/* Publishes number after number, again until it is confirmed, as the relay does. */
struct stream {
    struct station *station;
    pthread_t thread;
    int n;
};

static void *stream_publish(void *arg)
{
    struct stream *stream = arg;
    enum { BATCH = 50 };
    struct sent *batch[BATCH];
    for (int from = 0; from < stream->n; from += BATCH) {
        bool confirmed[BATCH] = { false };
        for (size_t n = BATCH; n > 0;) {
            n = 0;
            for (int i = 0; i < BATCH; i++) {
                char text[16];
                snprintf(text, sizeof text, "%d", from + i);
                if (!confirmed[i])
                    batch[n++] = sent_new(stream->station, "t", text, text, strlen(text), WEFT_PUBLISH_MANDATORY);
            }
            station_send(stream->station, batch, n);
            for (size_t i = 0; i < n; i++)
                confirmed[atoi(batch[i]->routing_key) - from] = sent_wait(batch[i], 30) == WEFT_RC_OK;
        }
    }
    return NULL;
}

static void all_that_is_confirmed_arrives_through_ten_resets(const struct kit *kit)
{
    enum { N = 5000 };
    bool *seen = calloc(N, sizeof *seen);
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *station = behind(kit, proxy);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 100);
    struct stream stream = { .station = station, .n = N };
    pthread_create(&stream.thread, NULL, stream_publish, &stream);
    int resets = 0;
    for (int distinct = 0; distinct < N;) {
        const struct weft_delivery *delivery = reader_need(reader, 20);
        long number = delivery_number(delivery);
        distinct += !seen[number];
        seen[number] = true;
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
        if (resets < 10 && distinct > (resets + 1) * N / 12) {
            kit_proxy_cut(proxy);
            resets++;
        }
    }
    pthread_join(stream.thread, NULL);
    KIT_CHECK(resets == 10, "%d resets", resets);
    need_health(station, WEFT_HEALTH_UP, 15);
    free(seen);
    end(station, proxy);
}

static void an_ordered_queue_keeps_its_order_through_resets(const struct kit *kit)
{
    enum { N = 300 };
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *writer = station_open(kit, NULL), *station = behind(kit, proxy);
    station_simple(writer, WEFT_QUEUE_ORDERED);
    for (int i = 0; i < N; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        station_text(writer, "t", "x", text);
    }
    station_wait_all(writer, 10);
    station_simple(station, WEFT_QUEUE_ORDERED);
    struct reader *reader = station_subscribe(station, "q", WEFT_QUEUE_ORDERED, 20);
    long highest = -1;
    for (int n = 1; highest < N - 1; n++) {
        const struct weft_delivery *delivery = reader_need(reader, 15);
        long number = delivery_number(delivery);
        KIT_CHECK(number <= highest + 1, "%ld came after %ld", number, highest); /* lower ones are redeliveries */
        highest = number > highest ? number : highest;
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
        if (n % 100 == 50) kit_proxy_cut(proxy);
    }
    station_close(writer);
    end(station, proxy);
}

static void settling_after_a_reconnect_is_harmless(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *station = behind(kit, proxy);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 5);
    for (int i = 0; i < 5; i++)
        station_text(station, "t", "x", "old");
    for (int i = 0; i < 5; i++)
        reader_need(reader, 5);
    station_wait_all(station, 5);
    cut_and_recover(station, proxy);
    reader_settle_all(reader, reader->deliveries, 5, WEFT_VERDICT_ACK); /* of the old connection */
    for (int i = 0; i < 5; i++) {
        const struct weft_delivery *delivery = reader_need(reader, 5);
        KIT_CHECK((delivery->flags & WEFT_DELIVERY_REDELIVERED) != 0, "a redelivery is not marked");
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
    station_text(station, "t", "x", "new");
    reader_expect(reader, "new", 5);
    reader_expect_nothing(reader, 0.2);
    KIT_CHECK(reader->most_unsettled <= 5, "%zu deliveries were unsettled at a time, credit is 5",
              reader->most_unsettled);
    end(station, proxy);
}

static void a_black_hole_is_found_in_two_heartbeats(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *station = behind(kit, proxy);
    station_simple(station, 0);
    kit_proxy_set_mode(proxy, KIT_PROXY_BLACK_HOLE);
    struct sent *sent = station_offer(station, "t", "x", "swallowed");
    need_health(station, WEFT_HEALTH_DOWN, 3.5);
    if (sent != NULL) KIT_CHECK(sent_wait(sent, 2) == WEFT_RC_MAYBE_SENT, "what was swallowed ended with %d", sent->rc);
    kit_proxy_set_mode(proxy, KIT_PROXY_PASS);
    need_health(station, WEFT_HEALTH_UP, 20);
    end(station, proxy);
}

static void close_returns_though_the_server_hangs(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *station = behind(kit, proxy);
    station_simple(station, 0);
    kit_proxy_set_mode(proxy, KIT_PROXY_BLACK_HOLE);
    for (int i = 0; i < 100; i++)
        station_offer(station, "t", "x", "swallowed");
    double took = station_end(station, 1);
    KIT_CHECK(took < 6, "close took %.1f s", took);
    for (const struct sent *sent = station->sent; sent != NULL; sent = sent->next)
        KIT_CHECK(sent->completions == 1, "an operation completed %u times", sent->completions);
    KIT_CHECK(station_count(station, WEFT_RC_OK) < 100 + 1, "more confirms than messages");
    station_free(station);
    kit_proxy_free(proxy);
}

static void a_long_handler_loses_no_connection(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    struct station *station = behind(kit, proxy);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 1);
    struct sent *sent = station_text(station, "t", "x", "long");
    const struct weft_delivery *delivery = reader_need(reader, 5);
    uint32_t changes = kit_host_health_changes(&station->host);
    reader_expect_nothing(reader, 3.5); /* the handler is at work */
    KIT_CHECK(kit_host_health_changes(&station->host) == changes, "health changed meanwhile: %s",
              station->host.health_text);
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    KIT_CHECK(sent_wait(sent, 5) == WEFT_RC_OK, "the publish ended with %d", sent->rc);
    reader_expect_nothing(reader, 0.3);
    end(station, proxy);
}

static void a_wrong_password_is_final_and_not_told(const struct kit *kit)
{
    static const char secret[] = "kit-s3cr3t-pa55";
    struct kit_proxy *proxy = station_proxy(kit); /* skips when there is no host to log in to */
    struct kit_setup setup = { .proxy = proxy, .user = "kit-nobody", .password = secret };
    struct station *station = station_open(kit, &setup);
    station_queue(station, "q", 0, "t", "#");
    station_declare(station);
    need_health(station, WEFT_HEALTH_REFUSED, 10);
    KIT_CHECK(*station->host.health_text != '\0', "there is no text");
    KIT_CHECK(!kit_host_logged(&station->host, secret), "the password was logged");
    KIT_CHECK(station_offer(station, "t", "x", "x") == NULL, "a publish was taken");
    end(station, proxy);
}

static void connections_leave_nothing_behind(const struct kit *kit)
{
    struct kit_proxy *proxy = station_proxy(kit);
    for (int i = 0; i < 10; i++) {
        struct station *station = behind(kit, proxy);
        station_simple(station, 0);
        station_subscribe(station, "q", 0, 10);
        station_close(station);
    }
    KIT_CHECK(kit_proxy_wait_connections(proxy, 0, 5), "connections are left open");
    kit_proxy_free(proxy);
}

const struct kit_test failures_tests[] = {
    { "health_is_down_within_two_seconds_and_up_again", health_is_down_within_two_seconds_and_up_again, KIT_FAILURE, 0,
      40 },
    { "a_server_that_is_away_is_told", a_server_that_is_away_is_told, KIT_FAILURE, 0, 40 },
    { "what_is_taken_as_the_server_goes_comes_back_without_it", what_is_taken_as_the_server_goes_comes_back_without_it,
      KIT_FAILURE, 0, 90 },
    { "readers_resume_by_themselves", readers_resume_by_themselves, KIT_FAILURE, 0, 40 },
    { "all_that_is_confirmed_arrives_through_ten_resets", all_that_is_confirmed_arrives_through_ten_resets, KIT_FAILURE,
      WEFT_TRANSPORT_CONFIRMS, 90 },
    { "an_ordered_queue_keeps_its_order_through_resets", an_ordered_queue_keeps_its_order_through_resets, KIT_FAILURE,
      WEFT_TRANSPORT_SINGLE_ACTIVE | WEFT_TRANSPORT_PROCESSES, 90 },
    { "settling_after_a_reconnect_is_harmless", settling_after_a_reconnect_is_harmless, KIT_FAILURE, 0, 40 },
    { "a_black_hole_is_found_in_two_heartbeats", a_black_hole_is_found_in_two_heartbeats, KIT_FAILURE, 0, 40 },
    { "close_returns_though_the_server_hangs", close_returns_though_the_server_hangs, KIT_FAILURE, 0, 30 },
    { "a_long_handler_loses_no_connection", a_long_handler_loses_no_connection, KIT_FAILURE, 0, 40 },
    { "a_wrong_password_is_final_and_not_told", a_wrong_password_is_final_and_not_told, KIT_FAILURE, 0, 30 },
    { "connections_leave_nothing_behind", connections_leave_nothing_behind, KIT_FAILURE, 0, 40 },
    { NULL, NULL, 0, 0, 0 },
};
