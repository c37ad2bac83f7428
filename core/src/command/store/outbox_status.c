/* command/store/outbox_status.c - `weft outbox status`: how many events wait, how many are held because nobody listens,
 * how old the oldest is, and how many are scheduled for later. */
#include "command/command.h"
#include "command/output/listing.h"
#include "command/store/stores.h"

struct status {
    struct weft_listing *listing;
    struct weft_value scheduled, next_due; /* of the store at hand */
    const char *service;
};

static const struct weft_column columns[] = { { "SERVICE", "service" },     { "PENDING", "pending" },
                                              { "HELD", "held" },           { "OLDEST", "oldest" },
                                              { "SCHEDULED", "scheduled" }, { "NEXT DUE", "nextDue" } };

static void scheduled_note(void *arg, const struct weft_value *row)
{
    struct status *status = arg;
    status->scheduled = row[0];
    status->next_due = row[1];
}

static void row_show(void *arg, const struct weft_value *row)
{
    struct status *status = arg;
    const struct weft_value values[] = { weft_text(status->service), row[0],          row[1], row[2],
                                         status->scheduled,          status->next_due };
    weft_listing_row(status->listing, values);
}

static weft_status store_show(void *arg, const struct weft_config *config, struct weft_store *store,
                              struct weft_fault *fault)
{
    struct status *status = arg;
    (void)config;
    status->service = store->service;
    weft_status read = weft_stores_rows(store, store->dialect->scheduled_stats, NULL, 0, scheduled_note, status, fault);
    if (read != WEFT_OK) return read;
    return weft_stores_rows(store, store->dialect->outbox_stats, NULL, 0, row_show, status, fault);
}

static int outbox_status(struct weft_command_line *line)
{
    struct status shown = { .listing = weft_listing_new(line, columns, sizeof columns / sizeof *columns) };
    struct weft_fault fault = { 0 };
    weft_status status = weft_stores_each(line, store_show, &shown, &fault);
    weft_listing_end(shown.listing, NULL);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

const struct weft_command weft_command_outbox_status = {
    .name = "outbox status",
    .summary = "events that wait to be published",
    .about =
        "Shows the outbox of each service's store: rows that wait, rows held since nobody listens to them or an "
        "earlier row of their key is held, the oldest row's time; and events scheduled for later, with the time of "
        "the next.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .exits = { [WEFT_EXIT_FAILED] = WEFT_EXIT_USUAL, [WEFT_EXIT_UNREACHABLE] = "a store did not answer" },
    .example = "weft outbox status --json\n",
    .run = outbox_status,
};
