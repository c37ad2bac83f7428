/* consuming.c - settlement, credit, order, ends of subscriptions. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static void send_numbers(struct station *station, const char *topic, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        station_text(station, topic, "x", text);
    }
}

/* Reads numbers from..to in this order and acknowledges each. */
static void expect_numbers(struct reader *reader, int from, int to)
{
    for (int i = from; i < to; i++) {
        const struct weft_delivery *delivery = reader_need(reader, 10);
        KIT_CHECK(delivery_number(delivery) == i, "want %d, got %ld", i, delivery_number(delivery));
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
}

static void what_is_acknowledged_does_not_come_back(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    send_numbers(station, "t", 0, 20);
    expect_numbers(reader, 0, 20);
    station_wait_all(station, 10);
    reader_unsubscribe(reader);
    struct reader *again = station_subscribe(station, "q", 0, 10);
    reader_expect_nothing(again, 0.2);
    station_close(station);
}

static void what_is_requeued_comes_back_marked(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct sent *sent = station_text(station, "t", "x", "again");
    const struct weft_delivery *delivery = reader_need(reader, 5);
    KIT_CHECK((delivery->flags & WEFT_DELIVERY_REDELIVERED) == 0, "the first delivery is marked as redelivered");
    KIT_CHECK(delivery->count == 0, "the first delivery has count %u", delivery->count);
    reader_settle(reader, delivery, WEFT_VERDICT_REQUEUE);
    delivery = reader_need(reader, 5);
    KIT_CHECK(delivery_is(delivery, "again"), "something else came back");
    KIT_CHECK((delivery->flags & WEFT_DELIVERY_REDELIVERED) != 0, "the second delivery is not marked");
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    KIT_CHECK(sent_wait(sent, 5) == WEFT_RC_OK, "the publish ended with %d", sent->rc);
    reader_expect_nothing(reader, 0.1);
    station_close(station);
}

static void what_is_dead_does_not_come_back(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct sent *sent = station_text(station, "t", "x", "dead");
    reader_settle(reader, reader_need(reader, 5), WEFT_VERDICT_DEAD);
    KIT_CHECK(sent_wait(sent, 5) == WEFT_RC_OK, "the publish ended with %d", sent->rc);
    reader_expect_nothing(reader, 0.2);
    station_close(station);
}

static void what_is_not_settled_comes_back_to_the_next_instance(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    send_numbers(station, "t", 0, 3);
    station_wait_all(station, 10);
    for (int i = 0; i < 3; i++)
        reader_need(reader, 5);
    station_close(station);

    station = station_open(kit, NULL);
    station_simple(station, 0);
    reader = station_subscribe(station, "q", 0, 10);
    for (int i = 0; i < 3; i++) {
        const struct weft_delivery *delivery = reader_need(reader, 5);
        KIT_CHECK(delivery_number(delivery) == i, "want %d, got %ld", i, delivery_number(delivery));
        KIT_CHECK((delivery->flags & WEFT_DELIVERY_REDELIVERED) != 0, "number %d is not marked as redelivered", i);
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
    station_close(station);
}

static void credit_is_never_exceeded(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 7);
    send_numbers(station, "t", 0, 100);
    for (int i = 0; i < 7; i++)
        reader_need(reader, 5);
    reader_expect_nothing(reader, 0.2);
    /* Two given back, two more come. */
    reader_settle_all(reader, reader->deliveries, 2, WEFT_VERDICT_ACK);
    KIT_CHECK(delivery_number(reader_need(reader, 5)) == 7 && delivery_number(reader_need(reader, 5)) == 8,
              "the next ones did not come");
    reader_expect_nothing(reader, 0.1);
    for (size_t i = 2; i < 100; i++) {
        while (reader->n_read <= i)
            reader_need(reader, 5);
        reader_settle(reader, reader->deliveries[i], WEFT_VERDICT_ACK);
    }
    KIT_CHECK(reader->most_unsettled <= 7, "%zu deliveries were unsettled at a time", reader->most_unsettled);
    station_close(station);
}

/* Lanes settle in any order: nothing below an unsettled delivery may be lost, nothing settled may come back. */
static void settling_in_any_order_settles_just_that(const struct kit *kit)
{
    enum { N = 50 };
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, N);
    send_numbers(station, "t", 0, N);
    for (int i = 0; i < N; i++)
        reader_need(reader, 5);
    for (int i = N - 1; i >= 0; i--) {
        if (i % 5 != 0) reader_settle(reader, reader->deliveries[i], WEFT_VERDICT_ACK);
    }
    for (int i = 0; i < N; i += 5)
        reader_settle(reader, reader->deliveries[i], WEFT_VERDICT_REQUEUE);
    for (int i = 0; i < N; i += 5) {
        const struct weft_delivery *delivery = reader_need(reader, 5);
        KIT_CHECK(delivery_number(delivery) % 5 == 0, "number %ld came back", delivery_number(delivery));
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
    reader_expect_nothing(reader, 0.1);
    station_wait_all(station, 5);
    station_close(station);
}

/* Every other one is settled when the instance ends: just the others come back. */
static void what_lies_below_a_settled_one_is_not_settled_with_it(const struct kit *kit)
{
    enum { N = 40 };
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, N);
    send_numbers(station, "t", 0, N);
    for (int i = 0; i < N; i++)
        reader_need(reader, 5);
    for (int i = 1; i < N; i += 2)
        reader_settle(reader, reader->deliveries[i], WEFT_VERDICT_ACK);
    station_wait_all(station, 5);
    station_close(station);

    station = station_open(kit, NULL);
    station_simple(station, 0);
    reader = station_subscribe(station, "q", 0, N);
    for (int i = 0; i < N; i += 2) {
        const struct weft_delivery *delivery = reader_need(reader, 5);
        KIT_CHECK(delivery_number(delivery) == i, "want %d, got %ld", i, delivery_number(delivery));
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
    reader_expect_nothing(reader, 0.1);
    station_close(station);
}

static void one_reader_gets_all_in_order(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, WEFT_QUEUE_ORDERED);
    struct reader *reader = station_subscribe(station, "q", WEFT_QUEUE_ORDERED, 100);
    send_numbers(station, "t", 0, 500);
    expect_numbers(reader, 0, 500);
    station_wait_all(station, 10);
    station_close(station);
}

static void only_one_reader_of_an_ordered_queue_is_active(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, WEFT_QUEUE_ORDERED);
    struct reader *first = station_subscribe(station, "q", WEFT_QUEUE_ORDERED, 10);
    send_numbers(station, "t", 0, 1);
    expect_numbers(first, 0, 1);
    struct reader *second = station_subscribe(station, "q", WEFT_QUEUE_ORDERED, 10);
    send_numbers(station, "t", 1, 30);
    expect_numbers(first, 1, 20);
    KIT_CHECK(second->n == 0, "the second got %zu messages while the first was active", second->n);
    for (int i = 20; i < 30; i++)
        reader_need(first, 5);
    reader_unsubscribe(first); /* with ten in hand, which are not settled */
    expect_numbers(second, 20, 30);
    KIT_CHECK(!first->late, "the first got more after unsubscribe");
    station_close(station);
}

/* As a host does that is being stopped: ends the subscription, then gives back what it has not handled. */
static void order_holds_when_the_rest_is_given_back_after_unsubscribe(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, WEFT_QUEUE_ORDERED);
    struct reader *first = station_subscribe(station, "q", WEFT_QUEUE_ORDERED, 10);
    send_numbers(station, "t", 0, 30);
    for (int i = 0; i < 10; i++)
        reader_need(first, 5);
    struct reader *second = station_subscribe(station, "q", WEFT_QUEUE_ORDERED, 10);
    reader_settle_all(first, first->deliveries, 3, WEFT_VERDICT_ACK);
    reader_unsubscribe(first);
    for (size_t i = first->n; i-- > 3;) /* backwards, to make it hard */
        reader_settle(first, first->deliveries[i], WEFT_VERDICT_REQUEUE);
    expect_numbers(second, 3, 30);
    reader_expect_nothing(second, 0.1);
    station_wait_all(station, 5);
    station_close(station);
}

static void order_holds_when_the_active_instance_is_closed(const struct kit *kit)
{
    struct station *a = station_open(kit, NULL), *b = station_open(kit, NULL);
    station_simple(a, WEFT_QUEUE_ORDERED);
    station_simple(b, WEFT_QUEUE_ORDERED);
    struct reader *first = station_subscribe(a, "q", WEFT_QUEUE_ORDERED, 10);
    send_numbers(a, "t", 0, 5);
    expect_numbers(first, 0, 5);
    struct reader *second = station_subscribe(b, "q", WEFT_QUEUE_ORDERED, 10);
    send_numbers(b, "t", 5, 100);
    for (int i = 5; i < 15; i++)
        reader_need(first, 5);
    reader_settle_all(first, first->deliveries + 5, 3, WEFT_VERDICT_ACK);
    station_close(a);
    /* 5, 6 and 7 are settled. 8 to 14 were in its hands and return, the rest was never out. */
    long last = 7;
    while (last < 99) {
        const struct weft_delivery *delivery = reader_need(second, 10);
        KIT_CHECK(delivery_number(delivery) == last + 1, "%ld followed %ld", delivery_number(delivery), last);
        last = delivery_number(delivery);
        reader_settle(second, delivery, WEFT_VERDICT_ACK);
    }
    station_close(b);
}

static void nothing_comes_after_unsubscribe(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 20);
    send_numbers(station, "t", 0, 100);
    for (int i = 0; i < 10; i++)
        reader_need(reader, 5);
    reader_unsubscribe(reader);
    size_t n = reader->n;
    send_numbers(station, "t", 100, 120);
    reader_settle_all(reader, reader->deliveries, n, WEFT_VERDICT_ACK); /* may still be settled */
    struct reader *other = station_subscribe(station, "q", 0, 20);
    for (size_t i = n; i < 120; i++)
        reader_settle(other, reader_need(other, 5), WEFT_VERDICT_ACK);
    reader_expect_nothing(other, 0.1);
    KIT_CHECK(!reader->late, "something came after unsubscribe had returned");
    station_wait_all(station, 5);
    station_close(station);
}

static void what_a_left_reader_holds_can_be_requeued(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 20);
    send_numbers(station, "t", 0, 10);
    for (int i = 0; i < 10; i++)
        reader_need(reader, 5);
    struct reader *other = station_subscribe(station, "q", 0, 20);
    reader_unsubscribe(reader);
    reader_settle_all(reader, reader->deliveries, 10, WEFT_VERDICT_REQUEUE);
    for (int i = 0; i < 10; i++)
        reader_settle(other, reader_need(other, 5), WEFT_VERDICT_ACK);
    reader_expect_nothing(other, 0.1);
    station_close(station);
}

/* Messages wait for their first reader. */
static void a_queue_without_readers_keeps_its_messages(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    send_numbers(station, "t", 0, 50);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    expect_numbers(reader, 0, 50);
    station_wait_all(station, 5);
    station_close(station);
}

const struct kit_test consuming_tests[] = {
    { "what_is_acknowledged_does_not_come_back", what_is_acknowledged_does_not_come_back, KIT_SEMANTIC, 0, 0 },
    { "what_is_requeued_comes_back_marked", what_is_requeued_comes_back_marked, KIT_SEMANTIC, WEFT_TRANSPORT_REQUEUE,
      0 },
    { "what_is_dead_does_not_come_back", what_is_dead_does_not_come_back, KIT_SEMANTIC, 0, 0 },
    { "what_is_not_settled_comes_back_to_the_next_instance", what_is_not_settled_comes_back_to_the_next_instance,
      KIT_SEMANTIC, WEFT_TRANSPORT_DURABLE, 0 },
    { "credit_is_never_exceeded", credit_is_never_exceeded, KIT_SEMANTIC, 0, 0 },
    { "settling_in_any_order_settles_just_that", settling_in_any_order_settles_just_that, KIT_SEMANTIC,
      WEFT_TRANSPORT_REQUEUE, 0 },
    { "what_lies_below_a_settled_one_is_not_settled_with_it", what_lies_below_a_settled_one_is_not_settled_with_it,
      KIT_SEMANTIC, WEFT_TRANSPORT_DURABLE, 0 },
    { "one_reader_gets_all_in_order", one_reader_gets_all_in_order, KIT_SEMANTIC, 0, 0 },
    { "only_one_reader_of_an_ordered_queue_is_active", only_one_reader_of_an_ordered_queue_is_active, KIT_SEMANTIC,
      WEFT_TRANSPORT_SINGLE_ACTIVE, 0 },
    { "order_holds_when_the_rest_is_given_back_after_unsubscribe",
      order_holds_when_the_rest_is_given_back_after_unsubscribe, KIT_SEMANTIC, WEFT_TRANSPORT_SINGLE_ACTIVE, 0 },
    { "order_holds_when_the_active_instance_is_closed", order_holds_when_the_active_instance_is_closed, KIT_SEMANTIC,
      WEFT_TRANSPORT_SINGLE_ACTIVE | WEFT_TRANSPORT_PROCESSES, 0 },
    { "nothing_comes_after_unsubscribe", nothing_comes_after_unsubscribe, KIT_SEMANTIC, 0, 0 },
    { "what_a_left_reader_holds_can_be_requeued", what_a_left_reader_holds_can_be_requeued, KIT_SEMANTIC,
      WEFT_TRANSPORT_REQUEUE, 0 },
    { "a_queue_without_readers_keeps_its_messages", a_queue_without_readers_keeps_its_messages, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
