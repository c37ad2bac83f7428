/* routing.c - which queues get what, and who of a queue's readers. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

struct route_case {
    const char *pattern, *key;
    bool matches;
};

static const struct route_case route_cases[] = {
    { "user.created", "user.created", true },
    { "user.created", "user.created.x", false },
    { "user.*", "user.created", true },
    { "user.*", "user", false },
    { "user.*", "user.a.b", false },
    { "*.*", "a.b", true },
    { "*", "a.b", false },
    { "#", "a", true },
    { "#", "a.b.c", true },
    { "user.#", "user", true },
    { "user.#", "user.a.b", true },
    { "user.#", "users.a", false },
    { "#.end", "end", true },
    { "#.end", "a.b.end", true },
    { "#.end", "a.end.b", false },
    { "#.mid.#", "a.mid.b.c", true },
    { "#.mid.#", "a.b", false },
    { "*.#.*", "a", false },
    { "*.#.*", "a.b", true },
    { "#.a.*", "a.a.b", true },
    { "#.a.*.c", "a.b.a.x.c", true },
    { "a*", "ab", false },
    { "a.#.b.#.c", "a.x.b.y.b.c", true },
    { "a.#.b.#.c", "a.x.c", false },
};

enum { ROUTE_CASES = sizeof route_cases / sizeof *route_cases };

/* One queue for each case; every key is sent once; then each queue must have exactly what its pattern wants. */
static void patterns_match_as_words(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    struct reader *readers[ROUTE_CASES];
    char name[16];
    for (int i = 0; i < ROUTE_CASES; i++) {
        snprintf(name, sizeof name, "q%d", i);
        station_queue(station, name, 0, "t", route_cases[i].pattern);
    }
    station_apply(station);
    for (int i = 0; i < ROUTE_CASES; i++) {
        snprintf(name, sizeof name, "q%d", i);
        readers[i] = station_subscribe(station, name, 0, 200);
    }
    for (int i = 0; i < ROUTE_CASES; i++) {
        snprintf(name, sizeof name, "%d", i);
        station_publish(station, "t", route_cases[i].key, name, strlen(name), 0);
    }
    for (int i = 0; i < ROUTE_CASES; i++)
        station_publish(station, "t", "last", "last", 4, 0); /* "#" gets them; nothing hangs on it */
    for (int i = 0; i < ROUTE_CASES; i++) {
        bool found = false;
        const struct weft_delivery *delivery;
        while (!found && (delivery = reader_next(readers[i], route_cases[i].matches ? 5 : 0.05)) != NULL)
            found = !delivery_is(delivery, "last") && delivery_number(delivery) == i;
        KIT_CHECK(found == route_cases[i].matches, "'%s' and '%s': %s", route_cases[i].pattern, route_cases[i].key,
                  found ? "matched" : "did not match");
    }
    station_close(station);
}

static void topics_are_apart(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_queue(station, "qa", 0, "ta", "#");
    station_queue(station, "qb", 0, "tb", "#");
    station_apply(station);
    struct reader *a = station_subscribe(station, "qa", 0, 10), *b = station_subscribe(station, "qb", 0, 10);
    station_text(station, "ta", "x", "for a");
    station_text(station, "tb", "x", "for b");
    reader_expect(a, "for a", 5);
    reader_expect(b, "for b", 5);
    reader_expect_nothing(a, 0.1);
    reader_expect_nothing(b, 0.01);
    station_close(station);
}

static void a_queue_bound_twice_gets_one_copy(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_queue(station, "q", 0, "t", "user.*");
    station_bind(station, "q", "t", "#");
    station_apply(station);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    station_text(station, "t", "user.created", "once");
    reader_expect(reader, "once", 5);
    reader_expect_nothing(reader, 0.1);
    station_close(station);
}

static void every_group_gets_every_message(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_queue(station, "group-a", 0, "t", "#");
    station_queue(station, "group-b", 0, "t", "#");
    station_apply(station);
    struct reader *a = station_subscribe(station, "group-a", 0, 10), *b = station_subscribe(station, "group-b", 0, 10);
    struct sent *sent = station_text(station, "t", "x", "both");
    reader_expect(a, "both", 5);
    reader_expect(b, "both", 5);
    KIT_CHECK(sent_wait(sent, 5) == WEFT_RC_OK, "the publish ended with %d", sent->rc);
    station_close(station);
}

static void readers_of_one_group_share_its_messages(const struct kit *kit)
{
    enum { MESSAGES = 200 };
    bool seen[MESSAGES] = { false };
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *readers[2] = { station_subscribe(station, "q", 0, 10), station_subscribe(station, "q", 0, 10) };
    for (int i = 0; i < MESSAGES; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        station_text(station, "t", "x", text);
    }
    int n[2] = { 0, 0 };
    for (int i = 0; n[0] + n[1] < MESSAGES; i = 1 - i) {
        const struct weft_delivery *delivery = reader_next(readers[i], n[i] == 0 ? 5 : 0.2);
        KIT_CHECK(delivery != NULL || n[1 - i] > 0, "%d messages came to one, %d to the other", n[0], n[1]);
        if (delivery == NULL) continue;
        long number = delivery_number(delivery);
        KIT_CHECK(!seen[number], "message %ld came twice", number);
        seen[number] = true;
        n[i]++;
        reader_settle(readers[i], delivery, WEFT_VERDICT_ACK);
    }
    KIT_CHECK(n[0] > 0 && n[1] > 0, "one got %d, the other %d", n[0], n[1]);
    station_close(station);
}

static void nobody_listening_is_reported(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_queue(station, "q", 0, "t", "wanted");
    station_apply(station);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct sent *unwanted = station_text(station, "t", "unwanted", "nobody");
    struct sent *wanted = station_text(station, "t", "wanted", "somebody");
    struct sent *careless = station_publish(station, "t", "unwanted", "x", 1, 0);
    struct sent *nowhere = station_text(station, "nobody-declared-this", "x", "nobody");
    reader_expect(reader, "somebody", 5);
    KIT_CHECK(sent_wait(unwanted, 5) == WEFT_RC_UNROUTED, "unrouted ended with %d %s", unwanted->rc, unwanted->text);
    KIT_CHECK(sent_wait(wanted, 5) == WEFT_RC_OK, "routed ended with %d %s", wanted->rc, wanted->text);
    KIT_CHECK(sent_wait(careless, 5) == WEFT_RC_OK, "not mandatory ended with %d %s", careless->rc, careless->text);
    KIT_CHECK(sent_wait(nowhere, 5) == WEFT_RC_UNROUTED, "an unknown topic ended with %d %s", nowhere->rc,
              nowhere->text);
    station_close(station);
}

static void a_queue_bound_later_is_reached(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_topic(station, "t");
    station_apply(station);
    struct sent *early = station_text(station, "t", "x", "early");
    KIT_CHECK(sent_wait(early, 5) == WEFT_RC_UNROUTED, "without a queue it ended with %d", early->rc);
    station_queue(station, "q", 0, "t", "#");
    station_apply(station);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct sent *late = NULL;
    /* A transport may need a moment between declare and the binding: until then it tells. */
    for (uint64_t deadline_ns = kit_deadline(5); late == NULL || late->rc == WEFT_RC_UNROUTED;) {
        KIT_CHECK(kit_now_ns() < deadline_ns, "the queue was not bound within 5 s");
        late = station_text(station, "t", "x", "late");
        if (reader_next(reader, 0.05) != NULL) break;
    }
    station_close(station);
}

static void a_broadcast_queue_gets_what_comes_from_now_on(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_queue(station, "watch", WEFT_QUEUE_BROADCAST, "t", "#");
    station_apply(station);
    struct reader *reader = station_subscribe(station, "watch", WEFT_QUEUE_BROADCAST, 1000);
    const struct weft_delivery *delivery = NULL;
    struct sent *sent = NULL;
    for (uint64_t deadline_ns = kit_deadline(5); delivery == NULL;) {
        KIT_CHECK(kit_now_ns() < deadline_ns, "nothing came within 5 s");
        sent = station_publish(station, "t", "x", "live", 4, WEFT_PUBLISH_TRANSIENT);
        delivery = reader_next(reader, 0.05);
    }
    KIT_CHECK(sent_wait(sent, 5) == WEFT_RC_OK, "a transient publish ended with %d before it was settled", sent->rc);
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    station_close(station);
}

static void a_broadcast_queue_is_gone_with_its_instance(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_queue(station, "watch", WEFT_QUEUE_BROADCAST, "t", "#");
    station_apply(station);
    struct reader *reader = station_subscribe(station, "watch", WEFT_QUEUE_BROADCAST, 10);
    reader_unsubscribe(reader);
    station_close(station);

    station = station_open(kit, NULL);
    station_queue(station, "watch", WEFT_QUEUE_BROADCAST, "t", "#");
    station_apply(station);
    station_subscribe(station, "watch", WEFT_QUEUE_BROADCAST, 10);
    station_close(station);
}

const struct kit_test routing_tests[] = {
    { "patterns_match_as_words", patterns_match_as_words, KIT_SEMANTIC, 0, 60 },
    { "topics_are_apart", topics_are_apart, KIT_SEMANTIC, 0, 0 },
    { "a_queue_bound_twice_gets_one_copy", a_queue_bound_twice_gets_one_copy, KIT_SEMANTIC, 0, 0 },
    { "every_group_gets_every_message", every_group_gets_every_message, KIT_SEMANTIC, 0, 0 },
    { "readers_of_one_group_share_its_messages", readers_of_one_group_share_its_messages, KIT_SEMANTIC, 0, 0 },
    { "nobody_listening_is_reported", nobody_listening_is_reported, KIT_SEMANTIC, WEFT_TRANSPORT_UNROUTED, 0 },
    { "a_queue_bound_later_is_reached", a_queue_bound_later_is_reached, KIT_SEMANTIC, WEFT_TRANSPORT_UNROUTED, 0 },
    { "a_broadcast_queue_gets_what_comes_from_now_on", a_broadcast_queue_gets_what_comes_from_now_on, KIT_SEMANTIC,
      WEFT_TRANSPORT_BROADCAST, 0 },
    { "a_broadcast_queue_is_gone_with_its_instance", a_broadcast_queue_is_gone_with_its_instance, KIT_SEMANTIC,
      WEFT_TRANSPORT_BROADCAST, 0 },
    { NULL, NULL, 0, 0, 0 },
};
