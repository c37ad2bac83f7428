/* command/dead/dead_list.c - `weft dead list`: failed events, counted by handler and reason, or one by one. */
#include "command/command.h"
#include "command/dead/selection.h"
#include "command/output/listing.h"
#include "command/store/stores.h"

struct arguments {
    struct weft_selection selection;
    bool events;
    int64_t limit;
};

struct list {
    const struct arguments *arguments;
    struct weft_listing *listing;
    const char *service; /* of the store at hand */
};

/* ---- counted ----------------------------------------------------------------------------------------------------- */

/* The columns of failed_causes, in their order (weft/plugin.h). */
enum { CAUSE_GROUP, CAUSE_TYPE, CAUSE_CAUSE, CAUSE_COUNT, CAUSE_OLDEST, CAUSE_WHOLE };

static const struct weft_column cause_columns[] = { { "SERVICE", "service" },      { "GROUP", "group" },
                                                    { "TYPE", "eventType" },       { "REASON", "reason" },
                                                    { "COUNT", "count" },          { "OLDEST", "oldest" },
                                                    { "REPLAYABLE", "replayable" } };

static void cause_show(void *arg, const struct weft_value *row)
{
    struct list *list = arg;
    const struct weft_value values[] = { weft_text(list->service), row[CAUSE_GROUP],  row[CAUSE_TYPE], row[CAUSE_CAUSE],
                                         row[CAUSE_COUNT],         row[CAUSE_OLDEST], row[CAUSE_WHOLE] };
    weft_listing_row(list->listing, values);
}

/* ---- one by one -------------------------------------------------------------------------------------------------- */

static const struct weft_column event_columns[] = {
    { NULL, "seq" },           { NULL, "service" },  { "GROUP", "group" },   { "EVENT", "eventId" },
    { "TYPE", "eventType" },   { NULL, "topic" },    { NULL, "routingKey" }, { NULL, "key" },
    { NULL, "correlationId" }, { NULL, "state" },    { "TRY", "attempts" },  { "FIRST FAILED", "firstFailedAt" },
    { NULL, "dueAt" },         { NULL, "fullSize" }, { "REASON", "reason" },
};

static void event_show(void *arg, const struct weft_value *row)
{
    struct list *list = arg;
    const struct weft_value values[] = {
        row[WEFT_FAILED_SEQ],         weft_text(list->service),   row[WEFT_FAILED_GROUP],
        row[WEFT_FAILED_EVENT_ID],    row[WEFT_FAILED_TYPE],      row[WEFT_FAILED_TOPIC],
        row[WEFT_FAILED_ROUTING_KEY], row[WEFT_FAILED_KEY],       row[WEFT_FAILED_CORRELATION_ID],
        row[WEFT_FAILED_STATE],       row[WEFT_FAILED_ATTEMPTS],  row[WEFT_FAILED_FIRST_FAILED_AT],
        row[WEFT_FAILED_DUE_AT],      row[WEFT_FAILED_FULL_SIZE], row[WEFT_FAILED_REASON]
    };
    weft_listing_row(list->listing, values);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static weft_status store_list(void *arg, const struct weft_config *config, struct weft_store *store,
                              struct weft_fault *fault)
{
    struct list *list = arg;
    const struct arguments *arguments = list->arguments;
    struct weft_value params[WEFT_SELECTION_PARAMS + 1];
    (void)config;
    list->service = store->service;
    weft_selection_params(&arguments->selection, NULL, params);
    params[WEFT_SELECTION_PARAMS] = weft_int(arguments->limit);
    if (arguments->events)
        return weft_stores_rows(store, store->dialect->failed_list, params, WEFT_SELECTION_PARAMS + 1, event_show, list,
                                fault);
    return weft_stores_rows(store, store->dialect->failed_causes, params, WEFT_SELECTION_PARAMS, cause_show, list,
                            fault);
}

static int dead_list(struct weft_command_line *line)
{
    const struct arguments *arguments = line->arguments;
    struct list list = { .arguments = arguments };
    struct weft_fault fault = { 0 };
    list.listing = arguments->events
                       ? weft_listing_new(line, event_columns, sizeof event_columns / sizeof *event_columns)
                       : weft_listing_new(line, cause_columns, sizeof cause_columns / sizeof *cause_columns);
    weft_status status = weft_stores_each(line, store_list, &list, &fault);
    weft_listing_end(list.listing, status != WEFT_OK             ? NULL
                                   : arguments->selection.parked ? "no parked events"
                                                                 : "no dead events");
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

static const struct weft_command_option options[] = {
    WEFT_SELECTION_OPTIONS,
    WEFT_SELECTION_PARKED,
    WEFT_COMMAND_FLAG('e', "events", events, "one line an event instead of counts"),
    WEFT_COMMAND_NUMBER('n', "limit", "N", limit, "100", 1, 10000, "at most so many events a service"),
};

const struct weft_command weft_command_dead_list = {
    .name = "dead list",
    .summary = "events that have no try left",
    .about = "Counts dead events of the services' stores by group, type and reason, with the time of the oldest; with "
             "--events lists each. Payloads are not shown: weft dead show does.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_FAILED] = WEFT_EXIT_USUAL, [WEFT_EXIT_UNREACHABLE] = "a store did not answer" },
    .example = "weft dead list\nweft dead list --reason crashed --events --json\n",
    .run = dead_list,
};
