/* command/store/dead_list.c - `weft dead list`: the rows of weft_failed_event that are dead, or parked with --parked.
 */
#include "command/command.h"
#include "command/output/listing.h"
#include "command/store/stores.h"

struct arguments {
    bool parked;
    int64_t limit;
};

struct list {
    const struct arguments *arguments;
    struct weft_listing *listing;
    const char *service; /* of the store at hand */
};

/* The columns of failed_list, in their order (weft/plugin.h). */
enum column {
    GROUP,
    SEQ,
    EVENT_ID,
    TYPE,
    TOPIC,
    ROUTING_KEY,
    KEY,
    CONTENT_TYPE,
    CORRELATION_ID,
    HEADERS,
    PAYLOAD,
    STATE,
    ATTEMPTS,
    DUE_AT,
    REASON,
    FIRST_FAILED_AT
};

static const struct weft_column columns[] = {
    { NULL, "seq" },           { NULL, "service" }, { "GROUP", "group" },   { "EVENT", "eventId" },
    { "TYPE", "eventType" },   { NULL, "topic" },   { NULL, "routingKey" }, { NULL, "key" },
    { NULL, "correlationId" }, { NULL, "state" },   { "TRY", "attempts" },  { "FIRST FAILED", "firstFailedAt" },
    { "REASON", "reason" },
};

static void row_show(void *arg, const struct weft_value *row)
{
    struct list *list = arg;
    const struct weft_value values[] = {
        row[SEQ],      weft_text(list->service), row[GROUP], row[EVENT_ID],       row[TYPE],
        row[TOPIC],    row[ROUTING_KEY],         row[KEY],   row[CORRELATION_ID], row[STATE],
        row[ATTEMPTS], row[FIRST_FAILED_AT],     row[REASON]
    };
    weft_listing_row(list->listing, values);
}

static weft_status store_list(void *arg, const struct weft_config *config, struct weft_store *store,
                              struct weft_fault *fault)
{
    struct list *list = arg;
    (void)config;
    list->service = store->service;
    struct weft_value params[] = { weft_text(list->arguments->parked ? "parked" : "dead"),
                                   weft_null(),
                                   weft_null(),
                                   weft_null(),
                                   weft_null(),
                                   weft_int(list->arguments->limit) };
    return weft_stores_rows(store, store->dialect->failed_list, params, 6, row_show, list, fault);
}

static int dead_list(struct weft_command_line *line)
{
    struct list list = { .arguments = line->arguments,
                         .listing = weft_listing_new(line, columns, sizeof columns / sizeof *columns) };
    struct weft_fault fault = { 0 };
    weft_status status = weft_stores_each(line, store_list, &list, &fault);
    weft_listing_end(list.listing, status != WEFT_OK        ? NULL
                                   : list.arguments->parked ? "no parked events"
                                                            : "no dead events");
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

static const struct weft_command_option options[] = {
    WEFT_COMMAND_FLAG('p', "parked", parked, "those that wait for their next try instead"),
    WEFT_COMMAND_NUMBER('n', "limit", "N", limit, "100", 1, 10000, "at most so many a service"),
};

const struct weft_command weft_command_dead_list = {
    .name = "dead list",
    .summary = "events that have no try left",
    .about = "Lists dead events of the services' stores: why, after how many tries, since when. Payloads are not "
             "shown.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_FAILED] = WEFT_EXIT_USUAL, [WEFT_EXIT_UNREACHABLE] = "a store did not answer" },
    .example = "weft dead list --service order-service --json\n",
    .run = dead_list,
};
