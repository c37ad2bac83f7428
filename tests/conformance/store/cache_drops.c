/* cache_drops.c - cache keys to be deleted: kept until that is known to be done. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static struct desk drops_open(const struct kit *kit)
{
    struct desk desk = desk_open(vault_new(kit), WEFT_SESSION_RELAY);
    if (desk.vault->dialect->cache_drop_insert == NULL) {
        struct vault *vault = desk.vault;
        desk_close(&desk);
        vault_skip(vault, "the dialect keeps no drops of cache keys");
    }
    return desk;
}

static void drops_end(struct desk *desk)
{
    struct vault *vault = desk->vault;
    desk_close(desk);
    vault_end(vault);
}

static void insert(struct desk *desk, unsigned n, const char *const *keys, size_t n_keys)
{
    char id[37];
    DO(desk, desk->vault->dialect->cache_drop_insert, weft_text(uuid_of(n, id)), weft_texts(keys, n_keys));
}

/* The rows that are older, as "<last digit of the id>:<key> ", the keys of an id in any order. */
static void expect_claim(struct desk *desk, int64_t ms, int64_t limit, const char *wanted)
{
    const struct weft_rowset *set = ROWS(desk, desk->vault->dialect->cache_drop_claim, weft_int(ms), weft_int(limit));
    char found[256] = "";
    for (uint32_t i = 0; i < set->n_rows; i++) {
        const char *id = cell_text(set, i, "id");
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s:%s ", id + strlen(id) - 1,
                 cell_text(set, i, "key"));
    }
    KIT_CHECK(strcmp(found, wanted) == 0, "the rows are '%s', want '%s'", found, wanted);
}

static void rows_stay_until_they_are_done(const struct kit *kit)
{
    struct desk desk = drops_open(kit);
    const struct weft_dialect *dialect = desk.vault->dialect;
    char one[37], three[37];
    insert(&desk, 1, (const char *const[]){ "a" }, 1);
    insert(&desk, 2, (const char *const[]){ "b", "c'd \"\\", "b" }, 3);
    insert(&desk, 3, (const char *const[]){ "a" }, 1);
    expect_claim(&desk, 0, 10, "1:a 2:b 2:c'd \"\\ 3:a ");
    expect_claim(&desk, 0, 1, "1:a ");
    DO(&desk, dialect->cache_drop_done, weft_texts((const char *const[]){ uuid_of(1, one), uuid_of(3, three) }, 2));
    expect_claim(&desk, 0, 10, "2:b 2:c'd \"\\ ");
    DO(&desk, dialect->cache_drop_done, weft_texts((const char *const[]){ one }, 1)); /* gone already */
    expect_claim(&desk, 0, 10, "2:b 2:c'd \"\\ ");
    drops_end(&desk);
}

static void young_rows_are_left_alone(const struct kit *kit)
{
    struct desk desk = drops_open(kit);
    insert(&desk, 1, (const char *const[]){ "a" }, 1);
    expect_claim(&desk, 60000, 10, "");
    expect_claim(&desk, 0, 10, "1:a ");
    drops_end(&desk);
}

static void drops_commit_and_roll_back_with_their_transaction(const struct kit *kit)
{
    struct desk desk = drops_open(kit);
    desk_begin(&desk);
    insert(&desk, 1, (const char *const[]){ "a" }, 1);
    desk_rollback(&desk);
    expect_claim(&desk, 0, 10, "");
    desk_begin(&desk);
    insert(&desk, 1, (const char *const[]){ "a" }, 1);
    desk_commit(&desk);
    expect_claim(&desk, 0, 10, "1:a ");
    drops_end(&desk);
}

const struct kit_test cache_drops_tests[] = {
    { "cache_drops_stay_until_they_are_done", rows_stay_until_they_are_done, KIT_SEMANTIC, 0, 0 },
    { "cache_drops_that_are_young_are_left_alone", young_rows_are_left_alone, KIT_SEMANTIC, 0, 0 },
    { "cache_drops_commit_and_roll_back_with_their_transaction", drops_commit_and_roll_back_with_their_transaction,
      KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
