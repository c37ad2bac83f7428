/* start.c - bringing a schema or file up: once, by any number of starters; and who may act for all of them. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static void start_one(void *arg, unsigned number)
{
    struct vault *like = arg;
    (void)number;
    struct vault *vault = vault_open(like->kit, &(struct vault_setup){ .like = like });
    vault_migrate(vault);
    vault_close(vault);
}

static void four_starters_at_once_make_the_tables_once(const struct kit *kit)
{
    struct vault *vault = vault_open(kit, NULL);
    threads_run(4, start_one, vault);
    struct desk desk = desk_open(vault, WEFT_SESSION_ADMIN);
    const struct weft_rowset *set = ROWS(&desk, vault->dialect->migration_list, weft_text("weft"));
    uint32_t wanted = 0;
    while (vault->dialect->schema[wanted] != NULL)
        wanted++;
    KIT_CHECK(set->n_rows == wanted, "%u versions, want %u", set->n_rows, wanted);
    for (uint32_t i = 0; i < wanted; i++) {
        KIT_CHECK(cell_int(set, i, "version") == i + 1, "versions are out of order");
        KIT_CHECK(strcmp(cell_text(set, i, "name"), "kit") == 0, "name: %s", cell_text(set, i, "name"));
        KIT_CHECK(strcmp(cell_text(set, i, "checksum"), "sum") == 0, "checksum: %s", cell_text(set, i, "checksum"));
    }
    desk_close(&desk);
    vault_end(vault);
}

static void the_first_owner_stays(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = desk_open(vault, WEFT_SESSION_MIGRATE);
    DO(&desk, vault->dialect->owner_claim, weft_text("somebody-else"));
    const struct weft_rowset *set = ROWS(&desk, vault->dialect->owner_read);
    KIT_CHECK(set->n_rows == 1 && strcmp(cell_text(set, 0, "service"), vault->service) == 0, "it is %s",
              cell_text(set, 0, "service"));
    desk_close(&desk);
    vault_end(vault);
}

static void a_version_is_noted_once(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = desk_open(vault, WEFT_SESSION_MIGRATE);
    const char *sql = vault->dialect->migration_done;
    DO(&desk, sql, weft_text("s"), weft_int(1), weft_text("0001_x"), weft_text("c"));
    KIT_CHECK(TRY(&desk, 0, sql, weft_text("s"), weft_int(1), weft_text("0001_y"), weft_text("d")) == WEFT_RC_CONFLICT,
              "it was noted twice");
    KIT_CHECK(ROWS(&desk, vault->dialect->migration_list, weft_text("s"))->n_rows == 1, "it is not there");
    desk_close(&desk);
    vault_end(vault);
}

/* ---- leases and locks -------------------------------------------------------------------------------------------- */

static bool lease_take(struct desk *desk, const char *holder, int64_t ms)
{
    const struct weft_rowset *set =
        ROWS(desk, desk->vault->dialect->lease_take, weft_text("relay"), weft_text(holder), weft_int(ms));
    return set->n_rows == 1;
}

static void a_lease_has_one_holder_until_it_expires(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = desk_open(vault, WEFT_SESSION_RELAY);
    KIT_CHECK(lease_take(&desk, "a", 300), "nobody has it and it is not given");
    KIT_CHECK(!lease_take(&desk, "b", 300), "two have it");
    KIT_CHECK(lease_take(&desk, "a", 300), "the holder cannot renew it");
    uint64_t start = kit_now_ns();
    while (!lease_take(&desk, "b", 60000))
        KIT_CHECK(kit_now_ns() - start < 3000000000u, "it does not expire");
    KIT_CHECK(kit_now_ns() - start > 200000000u, "it expired early");
    KIT_CHECK(!lease_take(&desk, "a", 300), "the old holder took it back");
    DO(&desk, vault->dialect->lease_release, weft_text("relay"), weft_text("a")); /* not a's to release */
    KIT_CHECK(!lease_take(&desk, "a", 300), "a stranger released it");
    DO(&desk, vault->dialect->lease_release, weft_text("relay"), weft_text("b"));
    KIT_CHECK(lease_take(&desk, "a", 300), "released, and not free");
    desk_close(&desk);
    vault_end(vault);
}

struct race {
    struct vault *vault;
    unsigned winners;
};

static void race_for_lease(void *arg, unsigned number)
{
    struct race *race = arg;
    char holder[16];
    struct desk desk = desk_open(race->vault, WEFT_SESSION_RELAY);
    snprintf(holder, sizeof holder, "h%u", number);
    if (lease_take(&desk, holder, 60000)) __atomic_add_fetch(&race->winners, 1, __ATOMIC_RELAXED);
    desk_close(&desk);
}

static void twenty_at_once_give_a_lease_to_one(const struct kit *kit)
{
    struct race race = { .vault = vault_new(kit) };
    threads_run(20, race_for_lease, &race);
    KIT_CHECK(race.winners == 1, "%u have it", race.winners);
    vault_end(race.vault);
}

static void a_lock_excludes_other_instances_until_it_is_given_back(const struct kit *kit)
{
    struct vault *a = vault_open(kit, NULL), *b = vault_open(kit, &(struct vault_setup){ .like = a });
    struct weft_error error = { 0 };
    KIT_CHECK(a->ops->lock(a->self, "relay", &error) == WEFT_RC_OK, "%s", error.text);
    KIT_CHECK(b->ops->lock(b->self, "relay", &error) == WEFT_RC_CONFLICT, "two have it");
    KIT_CHECK(b->ops->lock(b->self, "other", &error) == WEFT_RC_OK, "another name: %s", error.text);
    a->ops->unlock(a->self, "relay");
    KIT_CHECK(b->ops->lock(b->self, "relay", &error) == WEFT_RC_OK, "it is not free: %s", error.text);
    vault_close(b); /* gives back what is held */
    KIT_CHECK(a->ops->lock(a->self, "relay", &error) == WEFT_RC_OK, "it is not free after close: %s", error.text);
    vault_end(a);
}

const struct kit_test start_tests[] = {
    { "four_starters_at_once_make_the_tables_once", four_starters_at_once_make_the_tables_once, KIT_SEMANTIC, 0, 0 },
    { "the_first_owner_stays", the_first_owner_stays, KIT_SEMANTIC, 0, 0 },
    { "a_version_is_noted_once", a_version_is_noted_once, KIT_SEMANTIC, 0, 0 },
    { "a_lease_has_one_holder_until_it_expires", a_lease_has_one_holder_until_it_expires, KIT_SEMANTIC, 0, 0 },
    { "twenty_at_once_give_a_lease_to_one", twenty_at_once_give_a_lease_to_one, KIT_STRESS, 0, 0 },
    { "a_lock_excludes_other_instances_until_it_is_given_back", a_lock_excludes_other_instances_until_it_is_given_back,
      KIT_SEMANTIC, WEFT_STORE_LOCK, 0 },
    { NULL, NULL, 0, 0, 0 },
};
