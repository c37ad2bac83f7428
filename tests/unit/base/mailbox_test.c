#include "base/clock.h"
#include "base/mailbox.h"
#include "base_test.h"

#include <pthread.h>
#include <stdint.h>

#define N_PRODUCERS 4
#define ITEMS_EACH  10000

START_TEST(mailbox_gives_items_back_in_order_and_grows)
{
    struct weft_mailbox *mailbox = weft_mailbox_new(2);
    void *taken[7];
    uintptr_t next_in = 1, next_out = 1;
    for (int round = 0; round < 200; round++) {
        void *items[10];
        for (int i = 0; i < 10; i++)
            items[i] = (void *)next_in++;
        weft_mailbox_push(mailbox, items, 10);
        size_t n = weft_mailbox_take(mailbox, taken, 7, 0);
        ck_assert_uint_eq(n, 7);
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq((uintptr_t)taken[i], next_out++);
    }
    ck_assert_uint_eq(weft_mailbox_size(mailbox), 600);
    weft_mailbox_free(mailbox);
}
END_TEST

START_TEST(mailbox_take_ends_at_its_deadline)
{
    struct weft_mailbox *mailbox = weft_mailbox_new(1);
    void *item;
    uint64_t start = weft_clock_ns();
    ck_assert_uint_eq(weft_mailbox_take(mailbox, &item, 1, start + 30 * WEFT_MS), 0);
    ck_assert_uint_ge(weft_clock_ns() - start, 30 * WEFT_MS);
    ck_assert_uint_eq(weft_mailbox_take(mailbox, &item, 1, 0), 0);
    weft_mailbox_free(mailbox);
}
END_TEST

static void *mailbox_wake_it(void *mailbox)
{
    weft_mailbox_wake(mailbox);
    return NULL;
}

START_TEST(mailbox_wake_ends_one_wait_with_nothing_even_if_it_comes_first)
{
    struct weft_mailbox *mailbox = weft_mailbox_new(1);
    void *item;
    pthread_t thread;
    weft_mailbox_wake(mailbox);
    ck_assert_uint_eq(weft_mailbox_take(mailbox, &item, 1, WEFT_NEVER), 0);
    pthread_create(&thread, NULL, mailbox_wake_it, mailbox);
    ck_assert_uint_eq(weft_mailbox_take(mailbox, &item, 1, WEFT_NEVER), 0);
    pthread_join(thread, NULL);
    weft_mailbox_free(mailbox);
}
END_TEST

static void *items_push(void *mailbox)
{
    static int item;
    void *items[3] = { &item, &item, &item };
    for (int i = 0; i < ITEMS_EACH; i++)
        weft_mailbox_push(mailbox, items, (size_t)(i % 3) + 1);
    return NULL;
}

START_TEST(mailbox_loses_nothing_of_many_producers)
{
    struct weft_mailbox *mailbox = weft_mailbox_new(16);
    pthread_t threads[N_PRODUCERS];
    size_t total = 0, expected = 0;
    void *taken[64];
    for (int i = 0; i < ITEMS_EACH; i++)
        expected += (size_t)(i % 3) + 1;
    expected *= N_PRODUCERS;
    for (int i = 0; i < N_PRODUCERS; i++)
        pthread_create(&threads[i], NULL, items_push, mailbox);
    uint64_t deadline = weft_clock_ns() + 20 * WEFT_SECOND;
    while (total < expected && weft_clock_ns() < deadline)
        total += weft_mailbox_take(mailbox, taken, 64, deadline);
    for (int i = 0; i < N_PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(total, expected);
    ck_assert_uint_eq(weft_mailbox_size(mailbox), 0);
    weft_mailbox_free(mailbox);
}
END_TEST

TCase *mailbox_case(void)
{
    TCase *tests = tcase_create("mailbox");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, mailbox_gives_items_back_in_order_and_grows);
    tcase_add_test(tests, mailbox_take_ends_at_its_deadline);
    tcase_add_test(tests, mailbox_wake_ends_one_wait_with_nothing_even_if_it_comes_first);
    tcase_add_test(tests, mailbox_loses_nothing_of_many_producers);
    return tests;
}
