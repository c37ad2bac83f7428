#include "base/id.h"
#include "base_test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDS_EACH  5000
#define N_THREADS 4

START_TEST(id_v7_ascends_and_is_well_formed)
{
    char before[WEFT_ID_SIZE] = "", now[WEFT_ID_SIZE];
    for (int i = 0; i < 20000; i++) {
        weft_id_v7(now);
        ck_assert(weft_id_valid(now));
        ck_assert_int_eq(now[14], '7');
        ck_assert_ptr_nonnull(strchr("89ab", now[19]));
        ck_assert_str_gt(now, before);
        memcpy(before, now, sizeof now);
    }
}
END_TEST

static void *ids_make(void *ids)
{
    for (int i = 0; i < IDS_EACH; i++)
        weft_id_v7((char *)ids + i * WEFT_ID_SIZE);
    return NULL;
}

static int id_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

START_TEST(id_v7_is_unique_over_threads)
{
    static char ids[N_THREADS * IDS_EACH][WEFT_ID_SIZE];
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        pthread_create(&threads[i], NULL, ids_make, ids[i * IDS_EACH]);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, N_THREADS * IDS_EACH, WEFT_ID_SIZE, id_compare);
    for (int i = 1; i < N_THREADS * IDS_EACH; i++)
        ck_assert_str_ne(ids[i], ids[i - 1]);
}
END_TEST

START_TEST(id_v7_of_a_forked_child_has_other_random_bits)
{
    char mine[WEFT_ID_SIZE], theirs[WEFT_ID_SIZE];
    int pipe_ends[2];
    weft_id_v7(mine); /* fills this thread's pool */
    ck_assert_int_eq(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        weft_id_v7(theirs);
        _exit(write(pipe_ends[1], theirs, sizeof theirs) == sizeof theirs ? 0 : 1);
    }
    weft_id_v7(mine);
    ck_assert_int_eq(read(pipe_ends[0], theirs, sizeof theirs), sizeof theirs);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_str_ne(mine + 19, theirs + 19); /* behind the time */
}
END_TEST

START_TEST(id_v5_is_that_of_rfc_9562)
{
    char id[WEFT_ID_SIZE];
    weft_id_v5("nest", "order-17", id); /* uuid5(uuid5(NAMESPACE_URL, "nest"), "order-17") of Python's uuid */
    ck_assert_str_eq(id, "eb533097-8280-50b4-a262-cee979c07565");
    weft_id_v5("nest", "order-18", id);
    ck_assert_str_ne(id, "eb533097-8280-50b4-a262-cee979c07565");
}
END_TEST

START_TEST(id_valid_refuses_what_is_no_uuid)
{
    ck_assert(weft_id_valid("00000000-0000-0000-0000-000000000000"));
    ck_assert(weft_id_valid("ABCDEF01-2345-6789-abcd-ef0123456789"));
    ck_assert(!weft_id_valid(""));
    ck_assert(!weft_id_valid("00000000-0000-0000-0000-00000000000"));
    ck_assert(!weft_id_valid("00000000-0000-0000-0000-0000000000000"));
    ck_assert(!weft_id_valid("00000000-0000-0000-0000-00000000000g"));
    ck_assert(!weft_id_valid("000000000000-0000-0000-0000-00000000"));
}
END_TEST

START_TEST(id_random_is_32_hex_digits_and_never_the_same)
{
    char one[33], two[33];
    weft_id_random(one);
    weft_id_random(two);
    ck_assert_uint_eq(strspn(one, "0123456789abcdef"), 32);
    ck_assert_int_eq(one[32], '\0');
    ck_assert_str_ne(one, two);
}
END_TEST

TCase *id_case(void)
{
    TCase *tests = tcase_create("id");
    tcase_add_test(tests, id_v7_ascends_and_is_well_formed);
    tcase_add_test(tests, id_v7_is_unique_over_threads);
    tcase_add_test(tests, id_v7_of_a_forked_child_has_other_random_bits);
    tcase_add_test(tests, id_v5_is_that_of_rfc_9562);
    tcase_add_test(tests, id_valid_refuses_what_is_no_uuid);
    tcase_add_test(tests, id_random_is_32_hex_digits_and_never_the_same);
    return tests;
}
