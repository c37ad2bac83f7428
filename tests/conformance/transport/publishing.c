/* publishing.c - confirms, windows, many threads. */
#include "tests.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a process of its own: publishes, tells the parent how many are confirmed, and is killed there. */
static _Noreturn void publish_until_killed(const struct kit *kit, int tell)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    for (int i = 0;; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        if (sent_wait(station_text(station, "t", "x", text), 10) == WEFT_RC_OK && write(tell, &i, sizeof i) < 0)
            _exit(1);
    }
}

static void what_is_confirmed_survives_its_publisher(const struct kit *kit)
{
    int pipes[2], confirmed = -1;
    KIT_CHECK(pipe(pipes) == 0, "no pipe");
    pid_t pid = fork();
    if (pid == 0) publish_until_killed(kit, pipes[1]);
    close(pipes[1]);
    for (int i = 0; i < 20; i++)
        KIT_CHECK(read(pipes[0], &confirmed, sizeof confirmed) == sizeof confirmed, "the publisher died by itself");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read(pipes[0], &confirmed, sizeof confirmed) == sizeof confirmed)
        ;

    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    for (int i = 0; i <= confirmed; i++) {
        const struct weft_delivery *delivery = reader_need(reader, 5);
        KIT_CHECK(delivery_number(delivery) == i, "want %d of %d confirmed, got %ld", i, confirmed,
                  delivery_number(delivery));
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
    station_close(station);
}

static void a_batch_fails_message_by_message(const struct kit *kit)
{
    static const char *const keys[] = { "good", "bad", "good", "bad", "good" };
    struct sent *batch[5];
    struct station *station = station_open(kit, NULL);
    station_queue(station, "q", 0, "t", "good");
    station_apply(station);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    for (int i = 0; i < 5; i++)
        batch[i] = sent_new(station, "t", keys[i], "x", 1, WEFT_PUBLISH_MANDATORY);
    station_send(station, batch, 5);
    for (int i = 0; i < 3; i++)
        reader_expect(reader, "x", 5);
    for (int i = 0; i < 5; i++) {
        int32_t want = strcmp(keys[i], "good") == 0 ? WEFT_RC_OK : WEFT_RC_UNROUTED;
        KIT_CHECK(sent_wait(batch[i], 5) == want, "message %d ended with %d, want %d", i, batch[i]->rc, want);
    }
    station_close(station);
}

/* Publishes without a reader until no more is taken, then reads: ready() has to come, and nothing may be missing. */
static void a_full_window_takes_no_more_and_tells_when_there_is_room(const struct kit *kit)
{
    enum { MOST = 20000 };
    struct kit_setup setup = { .option = "window=50" };
    struct station *station = station_open(kit, &setup);
    station_simple(station, 0);
    int n = 0;
    uint64_t n_ready = 0; /* before the offer that is turned away */
    char text[16];
    for (bool taken = true; taken && n < MOST; n += taken) {
        n_ready = station_n_ready(station);
        snprintf(text, sizeof text, "%d", n);
        taken = station_offer(station, "t", "x", text) != NULL;
    }
    KIT_CHECK(n < MOST, "%d messages were taken without a limit", n);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    for (int i = 0; i < n; i++) {
        const struct weft_delivery *delivery = reader_need(reader, 5);
        KIT_CHECK(delivery_number(delivery) == i, "want %d, got %ld", i, delivery_number(delivery));
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
    KIT_CHECK(station_wait_ready(station, n_ready, 5), "ready() did not come although there is room again");
    station_text(station, "t", "x", "more");
    reader_expect(reader, "more", 5);
    station_wait_all(station, 5);
    station_close(station);
}

struct publisher {
    struct station *station;
    pthread_t thread;
    int number;
};

enum { THREADS = 20, EACH = 500 };

static void *publish_many(void *arg)
{
    struct publisher *publisher = arg;
    for (int i = 0; i < EACH; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", publisher->number * EACH + i);
        /* One offer at a time under the dispatch lock, as the host does it; a full window is waited for. */
        station_text(publisher->station, "t", "x", text);
    }
    return NULL;
}

static void twenty_threads_lose_nothing(const struct kit *kit)
{
    struct publisher publishers[THREADS];
    bool *seen = calloc(THREADS * EACH, sizeof *seen);
    int next[THREADS] = { 0 };
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 500);
    for (int i = 0; i < THREADS; i++) {
        publishers[i] = (struct publisher){ .station = station, .number = i };
        pthread_create(&publishers[i].thread, NULL, publish_many, &publishers[i]);
    }
    for (int i = 0; i < THREADS * EACH; i++) {
        const struct weft_delivery *delivery = reader_need(reader, 10);
        long number = delivery_number(delivery);
        KIT_CHECK(!seen[number], "%ld came twice", number);
        KIT_CHECK(next[number / EACH] == number % EACH, "thread %ld's number %ld came out of order", number / EACH,
                  number % EACH);
        next[number / EACH]++;
        seen[number] = true;
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(publishers[i].thread, NULL);
    station_wait_all(station, 10);
    KIT_CHECK(station_count(station, WEFT_RC_OK) == THREADS * EACH, "not all are confirmed");
    free(seen);
    station_close(station);
}

static void twenty_topics_do_not_mix(const struct kit *kit)
{
    enum { TOPICS = 20, MESSAGES = 100 };
    struct reader *readers[TOPICS];
    char topic[16], queue[16], text[16];
    struct station *station = station_open(kit, NULL);
    for (int i = 0; i < TOPICS; i++) {
        snprintf(topic, sizeof topic, "t%d", i);
        snprintf(queue, sizeof queue, "q%d", i);
        station_queue(station, queue, 0, topic, "#");
    }
    station_apply(station);
    for (int i = 0; i < TOPICS; i++) {
        snprintf(queue, sizeof queue, "q%d", i);
        readers[i] = station_subscribe(station, queue, 0, 50);
    }
    for (int m = 0; m < MESSAGES; m++) {
        for (int i = 0; i < TOPICS; i++) {
            snprintf(topic, sizeof topic, "t%d", i);
            snprintf(text, sizeof text, "%d", i * MESSAGES + m);
            station_text(station, topic, "x", text);
        }
    }
    for (int i = 0; i < TOPICS; i++) {
        for (int m = 0; m < MESSAGES; m++) {
            const struct weft_delivery *delivery = reader_need(readers[i], 10);
            KIT_CHECK(delivery_number(delivery) == i * MESSAGES + m, "topic %d: want %d, got %ld", i, i * MESSAGES + m,
                      delivery_number(delivery));
            reader_settle(readers[i], delivery, WEFT_VERDICT_ACK);
        }
    }
    station_wait_all(station, 10);
    station_close(station);
}

static void fifty_readers_of_a_group_lose_nothing(const struct kit *kit)
{
    enum { READERS = 50, MESSAGES = 5000, BATCH = 100 };
    static bool seen[MESSAGES];
    struct reader *readers[READERS];
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    for (int i = 0; i < READERS; i++)
        readers[i] = station_subscribe(station, "q", 0, 10);
    int n = 0, sent = 0;
    for (uint64_t deadline_ns = kit_deadline(40); n < MESSAGES;) {
        KIT_CHECK(kit_now_ns() < deadline_ns, "%d of %d came", n, sent);
        for (int i = 0; i < BATCH && sent < MESSAGES; i++) {
            char text[16];
            snprintf(text, sizeof text, "%d", sent++);
            station_text(station, "t", "x", text);
        }
        for (int i = 0; i < READERS; i++) {
            const struct weft_delivery *delivery;
            while ((delivery = reader_next(readers[i], 0)) != NULL) {
                KIT_CHECK(!seen[delivery_number(delivery)], "%ld came twice", delivery_number(delivery));
                seen[delivery_number(delivery)] = true;
                n++;
                reader_settle(readers[i], delivery, WEFT_VERDICT_ACK);
            }
        }
    }
    station_wait_all(station, 10);
    station_close(station);
}

const struct kit_test publishing_tests[] = {
    { "what_is_confirmed_survives_its_publisher", what_is_confirmed_survives_its_publisher, KIT_SEMANTIC,
      WEFT_TRANSPORT_CONFIRMS | WEFT_TRANSPORT_DURABLE | WEFT_TRANSPORT_PROCESSES, 0 },
    { "a_batch_fails_message_by_message", a_batch_fails_message_by_message, KIT_SEMANTIC, WEFT_TRANSPORT_UNROUTED, 0 },
    { "a_full_window_takes_no_more_and_tells_when_there_is_room",
      a_full_window_takes_no_more_and_tells_when_there_is_room, KIT_SEMANTIC, 0, 0 },
    { "twenty_threads_lose_nothing", twenty_threads_lose_nothing, KIT_STRESS, 0, 60 },
    { "twenty_topics_do_not_mix", twenty_topics_do_not_mix, KIT_STRESS, 0, 60 },
    { "fifty_readers_of_a_group_lose_nothing", fifty_readers_of_a_group_lose_nothing, KIT_STRESS, 0, 60 },
    { NULL, NULL, 0, 0, 0 },
};
