/* basics.c - the tables of functions and texts, opening and closing, instances. */
#include "tests.h"

#include "own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ops_are_complete(const struct kit *kit)
{
    const struct weft_store_ops *ops = kit->plugin->store;
    KIT_CHECK(WEFT_HAS(ops, unlock), "the table of functions says it has %u bytes", ops->size);
    KIT_CHECK(ops->session_open != NULL && ops->session_close != NULL && ops->run != NULL && ops->cancel != NULL &&
                  ops->wait != NULL && ops->wake != NULL,
              "a function is missing");
    bool locks = (ops->caps & WEFT_STORE_LOCK) != 0;
    KIT_CHECK(locks == (ops->lock != NULL) && locks == (ops->unlock != NULL),
              "locks are claimed and not there, or not");
}

/* All are pointers; those that may be NULL are named here. */
static void every_text_of_the_dialect_is_there(const struct kit *kit)
{
    const struct weft_dialect *dialect = kit->plugin->store->dialect;
    KIT_CHECK(dialect != NULL && WEFT_HAS(dialect, key_lock), "the dialect is missing or too short");
    const char *const *text = &dialect->name;
    for (; (const char *)text < (const char *)dialect + dialect->size; text++) {
        if (text == &dialect->migrate_lock || text == &dialect->notify || text == &dialect->scheduled_moved ||
            text == &dialect->key_lock)
            continue;
        KIT_CHECK(*text != NULL, "the text at offset %td is NULL", (const char *)text - (const char *)dialect);
    }
    KIT_CHECK(dialect->schema[0] != NULL, "the schema has no version");
}

static void use_once(struct vault *like)
{
    struct vault *vault = vault_open(like->kit, &(struct vault_setup){ .like = like });
    struct desk writer = desk_open(vault, WEFT_SESSION_REQUEST), reader = desk_open(vault, WEFT_SESSION_READER);
    KIT_CHECK(desk_number(&writer, "SELECT 1") == 1 && desk_number(&reader, "SELECT 2") == 2, "a wrong number");
    desk_begin(&writer); /* and left open */
    desk_close(&writer);
    desk_close(&reader);
    vault_close(vault);
}

static void a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    use_once(vault); /* what a library keeps for ever it has by now */
    const struct kit_own before = kit_own_now();
    for (int i = 0; i < 100; i++)
        use_once(vault);
    kit_own_check(before);
    vault_end(vault);
}

static void two_services_are_apart(const struct kit *kit)
{
    struct vault *a = vault_new(kit), *b = vault_open(kit, &(struct vault_setup){ .name = "b" });
    vault_migrate(b);
    struct desk desk_a = desk_open(a, WEFT_SESSION_REQUEST), desk_b = desk_open(b, WEFT_SESSION_REQUEST);
    DO(&desk_a, "CREATE TABLE things (n integer)");
    KIT_CHECK(TRY(&desk_b, 0, "INSERT INTO things VALUES (1)") == WEFT_RC_INVALID, "one service sees another's table");
    DO(&desk_b, "CREATE TABLE things (n integer)");
    DO(&desk_a, "INSERT INTO things VALUES (1)");
    KIT_CHECK(desk_number(&desk_b, "SELECT count(*) FROM things") == 0, "one service sees another's rows");
    KIT_CHECK(strcmp(cell_text(ROWS(&desk_b, b->dialect->owner_read), 0, "service"), b->service) == 0, "whose is it?");
    desk_close(&desk_a);
    desk_close(&desk_b);
    vault_end(a);
    vault_end(b);
}

static void two_instances_of_a_service_meet(const struct kit *kit)
{
    struct vault *a = vault_new(kit), *b = vault_open(kit, &(struct vault_setup){ .like = a });
    struct desk desk_a = desk_open(a, WEFT_SESSION_REQUEST), desk_b = desk_open(b, WEFT_SESSION_READER);
    DO(&desk_a, "CREATE TABLE things (n integer)");
    DO(&desk_a, "INSERT INTO things VALUES (1)");
    KIT_CHECK(desk_number(&desk_b, "SELECT count(*) FROM things") == 1, "what one wrote the other does not see");
    desk_close(&desk_a);
    desk_close(&desk_b);
    vault_close(b);
    vault_end(a);
}

static void a_service_without_a_usable_name_is_refused(const struct kit *kit)
{
    static const char *const names[] = { NULL, "", "../x", "a/b" };
    struct vault *vault = vault_open(kit, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct weft_open open = { .size = sizeof open,
                                  .host = &vault->host.table,
                                  .url = &vault->url.parts,
                                  .options = vault->options,
                                  .service = names[i],
                                  .data_dir = vault->folder };
        struct weft_error error = { 0 };
        void *self = NULL;
        int32_t rc = kit->plugin->open(&open, &self, &error);
        KIT_CHECK(rc == WEFT_RC_INVALID && error.rc == rc && error.text[0] != '\0', "'%s' returned %d: '%s'",
                  names[i] != NULL ? names[i] : "NULL", rc, error.text);
    }
    vault_close(vault);
}

const struct kit_test basics_tests[] = {
    { "ops_are_complete", ops_are_complete, KIT_BASIC, 0, 0 },
    { "every_text_of_the_dialect_is_there", every_text_of_the_dialect_is_there, KIT_BASIC, 0, 0 },
    { "a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor",
      a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor, KIT_BASIC, 0, 60 },
    { "two_services_are_apart", two_services_are_apart, KIT_BASIC, 0, 0 },
    { "two_instances_of_a_service_meet", two_instances_of_a_service_meet, KIT_BASIC, 0, 0 },
    { "a_service_without_a_usable_name_is_refused", a_service_without_a_usable_name_is_refused, KIT_BASIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
