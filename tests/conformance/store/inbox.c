/* inbox.c - what has been handled: once, by whoever comes first; markers; answers to commands with a key. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static struct desk inbox_open(const struct kit *kit)
{
    return desk_open(vault_new(kit), WEFT_SESSION_LANE);
}

static void inbox_end(struct desk *desk)
{
    struct vault *vault = desk->vault;
    desk_close(desk);
    vault_end(vault);
}

static const struct weft_rowset *inbox_insert(struct desk *desk, const char *group, unsigned first, unsigned n)
{
    char ids[8][37];
    const char *list[8];
    for (unsigned i = 0; i < n; i++)
        list[i] = uuid_of(first + i, ids[i]);
    return ROWS(desk, desk->vault->dialect->inbox_insert, weft_text(group), weft_texts(list, n));
}

static void an_event_is_new_once_for_each_group(const struct kit *kit)
{
    struct desk desk = inbox_open(kit);
    char id[37];
    KIT_CHECK(inbox_insert(&desk, "g", 1, 3)->n_rows == 3, "three were new");
    const struct weft_rowset *set = inbox_insert(&desk, "g", 2, 3);
    KIT_CHECK(set->n_rows == 1, "%u of three were new, want 1", set->n_rows);
    KIT_CHECK(strcmp(cell_text(set, 0, "event_id"), uuid_of(4, id)) == 0, "it is %s", cell_text(set, 0, "event_id"));
    KIT_CHECK(inbox_insert(&desk, "h", 1, 3)->n_rows == 3, "another group has its own");
    KIT_CHECK(inbox_insert(&desk, "g", 1, 0)->n_rows == 0, "none of none");
    inbox_end(&desk);
}

/* Adds the events 1 to n unless one is not new or the key is held up. */
static int32_t inbox_add(struct desk *desk, unsigned n, const char *key, bool hold)
{
    char ids[8][37];
    const char *list[8];
    for (unsigned i = 0; i < n; i++)
        list[i] = uuid_of(1 + i, ids[i]);
    return TRY(desk, 0, desk->vault->dialect->inbox_add, weft_text("g"), weft_texts(list, n), weft_texts(&key, 1),
               weft_bool(hold));
}

static void add_fails_if_one_is_not_new(const struct kit *kit)
{
    struct desk desk = inbox_open(kit);
    KIT_CHECK(inbox_add(&desk, 1, "k", true) == WEFT_RC_OK, "%s", desk.result.text);
    KIT_CHECK(desk.result.sets[0].affected == 1, "it did not say that it added one");
    int32_t rc = inbox_add(&desk, 2, "k", true);
    KIT_CHECK(rc == WEFT_RC_CONFLICT && desk.result.reason == WEFT_REASON_UNIQUE, "%d, reason %u", rc,
              desk.result.reason);
    KIT_CHECK(inbox_insert(&desk, "g", 2, 1)->n_rows == 1, "a part of it was done");
    inbox_end(&desk);
}

static void add_fails_if_a_key_is_held_up(const struct kit *kit)
{
    struct desk desk = inbox_open(kit);
    char id[37];
    DO(&desk, desk.vault->dialect->failed_insert, weft_text("g"), weft_text(uuid_of(9, id)), weft_null(), weft_null(),
       weft_null(), weft_text("dead"), weft_null(), weft_null(), weft_null(), weft_null(), weft_text("dead"),
       weft_int(1), weft_null(), weft_null(), weft_null(), weft_null());
    int32_t rc = inbox_add(&desk, 2, "dead", true);
    KIT_CHECK(rc == WEFT_RC_CONFLICT && desk.result.reason == WEFT_REASON_UNIQUE, "%d, reason %u", rc,
              desk.result.reason);
    KIT_CHECK(inbox_add(&desk, 2, "dead", false) == WEFT_RC_OK, "dead events hold only if told to: %s",
              desk.result.text);
    inbox_end(&desk);
}

static void the_inbox_and_the_effect_go_together(const struct kit *kit)
{
    struct desk desk = inbox_open(kit);
    DO(&desk, "CREATE TABLE effects (n integer)");
    desk_begin(&desk);
    KIT_CHECK(inbox_insert(&desk, "g", 1, 1)->n_rows == 1, "it was new");
    DO(&desk, "INSERT INTO effects VALUES (1)");
    desk_rollback(&desk);
    KIT_CHECK(inbox_insert(&desk, "g", 1, 1)->n_rows == 1, "it is no longer new though nothing was done");
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM effects") == 0, "an effect survived");
    inbox_end(&desk);
}

struct race {
    struct vault *vault;
    pthread_barrier_t barrier;
    unsigned winners;
};

static void race_for_event(void *arg, unsigned number)
{
    struct race *race = arg;
    struct desk desk = desk_open(race->vault, WEFT_SESSION_LANE);
    (void)number;
    pthread_barrier_wait(&race->barrier);
    desk_begin(&desk);
    unsigned won = inbox_insert(&desk, "g", 1, 1)->n_rows;
    if (won > 0) DO(&desk, "UPDATE effects SET n = n + 1");
    desk_commit(&desk);
    __atomic_add_fetch(&race->winners, won, __ATOMIC_RELAXED);
    desk_close(&desk);
}

static void of_fifty_threads_one_wins(const struct kit *kit)
{
    struct race race = { .vault = vault_new(kit) };
    struct desk desk = desk_open(race.vault, WEFT_SESSION_REQUEST);
    DO(&desk, "CREATE TABLE effects (n integer)");
    DO(&desk, "INSERT INTO effects VALUES (0)");
    pthread_barrier_init(&race.barrier, NULL, 50);
    threads_run(50, race_for_event, &race);
    KIT_CHECK(race.winners == 1 && desk_number(&desk, "SELECT n FROM effects") == 1, "%u won", race.winners);
    desk_close(&desk);
    vault_end(race.vault);
}

static void the_purge_removes_the_old_a_few_at_a_time(const struct kit *kit)
{
    struct desk desk = inbox_open(kit);
    const char *sql = desk.vault->dialect->inbox_purge;
    const int64_t now = (int64_t)time(NULL) * 1000000;
    inbox_insert(&desk, "g", 1, 5);
    KIT_CHECK(DO(&desk, sql, weft_time_us(now - 60000000), weft_int(100))->affected == 0, "fresh ones went");
    KIT_CHECK(DO(&desk, sql, weft_time_us(now + 60000000), weft_int(3))->affected == 3, "not as many as the limit");
    KIT_CHECK(DO(&desk, sql, weft_time_us(now + 60000000), weft_int(3))->affected == 2, "not the rest");
    inbox_end(&desk);
}

static void markers_count_up_and_are_cleared(const struct kit *kit)
{
    struct desk desk = inbox_open(kit);
    const struct weft_dialect *dialect = desk.vault->dialect;
    char a[37], b[37];
    const char *list[] = { uuid_of(1, a), uuid_of(2, b) };
    for (int round = 1; round <= 3; round++) {
        const struct weft_rowset *set = ROWS(&desk, dialect->marker_add, weft_text("g"), weft_texts(list, 2));
        KIT_CHECK(set->n_rows == 2, "%u rows", set->n_rows);
        for (uint32_t i = 0; i < 2; i++)
            KIT_CHECK(cell_int(set, i, "count") == round, "round %d: %lld", round,
                      (long long)cell_int(set, i, "count"));
    }
    DO(&desk, dialect->marker_clear, weft_text("g"), weft_texts(list, 1));
    const struct weft_rowset *set = ROWS(&desk, dialect->marker_add, weft_text("g"), weft_texts(list, 2));
    for (uint32_t i = 0; i < 2; i++) {
        bool cleared = strcmp(cell_text(set, i, "event_id"), a) == 0;
        KIT_CHECK(cell_int(set, i, "count") == (cleared ? 1 : 4), "%s: %lld", cell_text(set, i, "event_id"),
                  (long long)cell_int(set, i, "count"));
    }
    inbox_end(&desk);
}

static void a_first_marker_is_set_once_and_listed(const struct kit *kit)
{
    struct desk desk = inbox_open(kit);
    const struct weft_dialect *dialect = desk.vault->dialect;
    char a[37], b[37];
    const char *list[] = { uuid_of(1, a), uuid_of(2, b), a };
    DO(&desk, dialect->marker_add, weft_text("g"), weft_texts(list, 1));
    DO(&desk, dialect->marker_add, weft_text("g"), weft_texts(list, 1));
    KIT_CHECK(ROWS(&desk, dialect->marker_list, weft_text("h"), weft_texts(list, 2))->n_rows == 0, "another group's");
    const struct weft_rowset *set = ROWS(&desk, dialect->marker_list, weft_text("g"), weft_texts(list, 2));
    KIT_CHECK(set->n_rows == 1 && cell_int(set, 0, "count") == 2, "%u rows", set->n_rows);
    DO(&desk, dialect->marker_first, weft_text("g"), weft_texts(list, 3));
    set = ROWS(&desk, dialect->marker_list, weft_text("g"), weft_texts(list, 2));
    KIT_CHECK(set->n_rows == 2, "%u rows", set->n_rows);
    for (uint32_t i = 0; i < 2; i++)
        KIT_CHECK(cell_int(set, i, "count") == (strcmp(cell_text(set, i, "event_id"), a) == 0 ? 2 : 1), "%s: %lld",
                  cell_text(set, i, "event_id"), (long long)cell_int(set, i, "count"));
    inbox_end(&desk);
}

static void an_answer_is_kept_until_it_expires(const struct kit *kit)
{
    struct desk desk = inbox_open(kit);
    const struct weft_dialect *dialect = desk.vault->dialect;
    const int64_t now = (int64_t)time(NULL) * 1000000;
    const struct weft_value who[] = { weft_text("/m"), weft_text("me"), weft_text("k") };
    KIT_CHECK(ROWS(&desk, dialect->request_find, who[0], who[1], who[2])->n_rows == 0, "there is one already");
    DO(&desk, dialect->request_insert, who[0], who[1], who[2], weft_bytes("h", 1), weft_bytes("", 0),
       weft_time_us(now + 60000000));
    const struct weft_rowset *set = ROWS(&desk, dialect->request_find, who[0], who[1], who[2]);
    KIT_CHECK(cell(set, 0, "request_hash")->size == 1 && cell(set, 0, "response")->type == WEFT_TYPE_BYTES,
              "the answer");
    int32_t rc = TRY(&desk, 0, dialect->request_insert, who[0], who[1], who[2], weft_bytes("h", 1), weft_null(),
                     weft_time_us(now));
    KIT_CHECK(rc == WEFT_RC_CONFLICT && desk.result.reason == WEFT_REASON_UNIQUE, "twice: %d", rc);
    DO(&desk, dialect->request_answer, who[0], who[1], who[2], weft_bytes("answer", 6));
    set = ROWS(&desk, dialect->request_find, who[0], who[1], who[2]);
    KIT_CHECK(cell(set, 0, "response")->size == 6, "the answer that came later");
    KIT_CHECK(DO(&desk, dialect->request_drop, who[0], who[1], who[2])->affected == 0, "dropped before its time");
    DO(&desk, dialect->request_insert, who[0], who[1], weft_text("old"), weft_bytes("h", 1), weft_null(),
       weft_time_us(now - 60000000));
    KIT_CHECK(ROWS(&desk, dialect->request_find, who[0], who[1], weft_text("old"))->n_rows == 0, "it has expired");
    KIT_CHECK(DO(&desk, dialect->request_drop, who[0], who[1], weft_text("old"))->affected == 1, "it can be dropped");
    DO(&desk, dialect->request_insert, who[0], who[1], weft_text("old"), weft_bytes("h", 1), weft_null(),
       weft_time_us(now - 60000000));
    KIT_CHECK(DO(&desk, dialect->request_purge, weft_int(10))->affected == 1, "the purge takes what has expired");
    inbox_end(&desk);
}

const struct kit_test inbox_tests[] = {
    { "inbox_an_event_is_new_once_for_each_group", an_event_is_new_once_for_each_group, KIT_SEMANTIC, 0, 0 },
    { "inbox_add_fails_if_one_is_not_new", add_fails_if_one_is_not_new, KIT_SEMANTIC, 0, 0 },
    { "inbox_add_fails_if_a_key_is_held_up", add_fails_if_a_key_is_held_up, KIT_SEMANTIC, 0, 0 },
    { "inbox_and_effect_go_together", the_inbox_and_the_effect_go_together, KIT_SEMANTIC, 0, 0 },
    { "inbox_of_fifty_threads_one_wins", of_fifty_threads_one_wins, KIT_STRESS, 0, 60 },
    { "inbox_the_purge_removes_the_old_a_few_at_a_time", the_purge_removes_the_old_a_few_at_a_time, KIT_SEMANTIC, 0,
      0 },
    { "markers_count_up_and_are_cleared", markers_count_up_and_are_cleared, KIT_SEMANTIC, 0, 0 },
    { "a_first_marker_is_set_once_and_listed", a_first_marker_is_set_once_and_listed, KIT_SEMANTIC, 0, 0 },
    { "an_answer_is_kept_until_it_expires", an_answer_is_kept_until_it_expires, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
