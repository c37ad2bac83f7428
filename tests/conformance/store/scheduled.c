/* scheduled.c - events that go into the outbox when their time has come. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static struct desk scheduled_open(const struct kit *kit)
{
    return desk_open(vault_new(kit), WEFT_SESSION_RELAY);
}

static void scheduled_end(struct desk *desk)
{
    struct vault *vault = desk->vault;
    desk_close(desk);
    vault_end(vault);
}

/* Due so many seconds after the epoch. */
static void schedule(struct desk *desk, unsigned n, const char *name, int64_t due_s)
{
    char id[37];
    DO(desk, desk->vault->dialect->scheduled_insert, weft_text(name), weft_time_us(due_s * 1000000),
       weft_text(uuid_of(n, id)), weft_text("user.v1.UserCreated"), weft_text("user-events"), weft_text("user.created"),
       weft_text("key"), weft_text("application/protobuf"), weft_text("weft:s"), weft_text("correlation"), weft_null(),
       weft_null(), weft_null(), weft_time_us(1000000 + n), weft_bytes("payload", 7));
}

/* Of what is due by then, the first `limit`, as the relay does it. */
static void move(struct desk *desk, int64_t now_s, int64_t limit)
{
    const struct weft_dialect *dialect = desk->vault->dialect;
    const struct weft_value params[] = { weft_time_us(now_s * 1000000), weft_int(limit) };
    struct weft_statement both[] = { { dialect->scheduled_move, params, 2, WEFT_STATEMENT_BEGIN },
                                     { dialect->scheduled_moved, params, 2, WEFT_STATEMENT_COMMIT } };
    if (dialect->scheduled_moved == NULL) both[1].n_params = 0;
    KIT_CHECK(desk_run(desk, both, 2, DESK_SECONDS) == WEFT_RC_OK, "the move failed: %s", desk->result.text);
}

/* Are these in the outbox, by the last digits of their event ids? */
static void expect_outbox(struct desk *desk, const char *wanted)
{
    char found[256] = "";
    const struct weft_rowset *set =
        ROWS(desk, desk->vault->dialect->outbox_claim, weft_ints(NULL, 0), weft_texts(NULL, 0), weft_int(100));
    for (uint32_t i = 0; i < set->n_rows; i++) {
        const char *id = cell_text(set, i, "event_id");
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i > 0 ? " " : "", id + strlen(id) - 1);
    }
    KIT_CHECK(strcmp(found, wanted) == 0, "the outbox is '%s', want '%s'", found, wanted);
}

static void what_is_due_goes_into_the_outbox_in_order_of_time(const struct kit *kit)
{
    struct desk desk = scheduled_open(kit);
    schedule(&desk, 1, NULL, 300);
    schedule(&desk, 2, NULL, 100);
    schedule(&desk, 3, NULL, 200);
    schedule(&desk, 4, NULL, 200);
    move(&desk, 99, 10);
    expect_outbox(&desk, "");
    move(&desk, 200, 2);
    expect_outbox(&desk, "2 3");
    move(&desk, 200, 10);
    move(&desk, 200, 10);
    expect_outbox(&desk, "2 3 4");
    const struct weft_rowset *set = ROWS(&desk, desk.vault->dialect->scheduled_stats);
    KIT_CHECK(cell_int(set, 0, "count") == 1 && cell(set, 0, "next")->as.integer == 300000000, "what is left");
    scheduled_end(&desk);
}

static void an_event_arrives_in_the_outbox_as_it_went(const struct kit *kit)
{
    struct desk desk = scheduled_open(kit);
    schedule(&desk, 7, "n", 1);
    move(&desk, 1, 10);
    const struct weft_rowset *set =
        ROWS(&desk, desk.vault->dialect->outbox_claim, weft_ints(NULL, 0), weft_texts(NULL, 0), weft_int(1));
    static const char *const texts[][2] = { { "type", "user.v1.UserCreated" },
                                            { "topic", "user-events" },
                                            { "routing_key", "user.created" },
                                            { "key", "key" },
                                            { "schema", "weft:s" },
                                            { "correlation_id", "correlation" } };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        KIT_CHECK(strcmp(cell_text(set, 0, texts[i][0]), texts[i][1]) == 0, "%s: %s", texts[i][0],
                  cell_text(set, 0, texts[i][0]));
    KIT_CHECK(cell(set, 0, "payload")->size == 7 && cell(set, 0, "occurred_at")->as.integer == 1000007, "the rest");
    scheduled_end(&desk);
}

static void one_of_the_same_name_takes_its_place_and_a_name_is_cancelled(const struct kit *kit)
{
    struct desk desk = scheduled_open(kit);
    const struct weft_dialect *dialect = desk.vault->dialect;
    schedule(&desk, 1, "reminder", 100);
    schedule(&desk, 2, "other", 300);
    schedule(&desk, 3, "reminder", 200);
    const struct weft_rowset *set = ROWS(&desk, dialect->scheduled_next);
    KIT_CHECK(set->n_rows == 1 && set->values[0].type == WEFT_TYPE_TIME && set->values[0].as.integer == 200000000,
              "the next");
    KIT_CHECK(DO(&desk, dialect->scheduled_cancel, weft_text("other"))->affected == 1, "cancelled");
    KIT_CHECK(DO(&desk, dialect->scheduled_cancel, weft_text("other"))->affected == 0, "cancelled twice");
    move(&desk, 1000, 10);
    expect_outbox(&desk, "3");
    KIT_CHECK(ROWS(&desk, dialect->scheduled_next)->n_rows == 0, "one is left");
    scheduled_end(&desk);
}

const struct kit_test scheduled_tests[] = {
    { "scheduled_what_is_due_goes_into_the_outbox_in_order_of_time", what_is_due_goes_into_the_outbox_in_order_of_time,
      KIT_SEMANTIC, 0, 0 },
    { "scheduled_an_event_arrives_in_the_outbox_as_it_went", an_event_arrives_in_the_outbox_as_it_went, KIT_SEMANTIC, 0,
      0 },
    { "scheduled_one_of_the_same_name_takes_its_place_and_a_name_is_cancelled",
      one_of_the_same_name_takes_its_place_and_a_name_is_cancelled, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
