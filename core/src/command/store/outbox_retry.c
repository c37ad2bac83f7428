/* command/store/outbox_retry.c - `weft outbox retry`: held events go out again now. */
#include "command/command.h"
#include "command/dead/selection.h"
#include "command/output/listing.h"
#include "command/store/stores.h"

struct retry {
    const struct weft_command_line *line;
    struct weft_listing *listing;
};

static weft_status store_retry(void *arg, const struct weft_config *config, struct weft_store *store,
                               struct weft_fault *fault)
{
    struct retry *retry = arg;
    int64_t released = 0;
    (void)config;
    weft_status status = weft_stores_change(store, store->dialect->outbox_retry, NULL, 0, &released, fault);
    if (status != WEFT_OK) return status;
    const struct weft_value row[] = { weft_text(store->service), weft_int(released) };
    weft_listing_row(retry->listing, row);
    if (released > 0) weft_selection_audit(retry->line, store->service, "released", released);
    return WEFT_OK;
}

static int outbox_retry(struct weft_command_line *line)
{
    static const struct weft_column columns[] = { { "SERVICE", "service" }, { "RELEASED", "released" } };
    struct retry retry = { .line = line, .listing = weft_listing_new(line, columns, 2) };
    struct weft_fault fault = { 0 };
    weft_status status = weft_stores_each(line, store_retry, &retry, &fault);
    weft_listing_end(retry.listing, NULL);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

const struct weft_command weft_command_outbox_retry = {
    .name = "outbox retry",
    .summary = "publish held events now",
    .about =
        "Releases the outbox rows that are held since nobody listened to them or the broker refused them: the relay "
        "publishes them again, in order. It also tries the first of each key by itself, a few a second.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .exits = { [WEFT_EXIT_FAILED] = WEFT_EXIT_USUAL, [WEFT_EXIT_UNREACHABLE] = "a store did not answer" },
    .example = "weft outbox retry --service order-service\n",
    .run = outbox_retry,
};
