/* command/dead/dead_replay.c - `weft dead replay` and `weft dead drop`: what becomes of dead events, by selectors.
 *
 * Both act on the store alone, whether a host runs or not. A replayed row is parked and due, without attempts; the
 * running consumers look for due rows once a second, and in ordered groups take those of a key by their order. */
#include "command/command.h"
#include "command/dead/selection.h"
#include "command/output/listing.h"
#include "command/store/stores.h"

struct arguments {
    struct weft_selection selection;
    bool dry_run;
    int64_t rate; /* events a second; 0: all at once */
};

enum act { REPLAY, DROP };

struct work {
    const struct weft_command_line *line;
    const struct arguments *arguments;
    const char *const *ids; /* the first may be NULL: any */
    enum act act;
    struct weft_listing *listing;
    int64_t total, of_store;
};

static const char *const dids[] = { [REPLAY] = "replayed", [DROP] = "dropped" };
static const char *const would[] = { [REPLAY] = "would be replayed", [DROP] = "would be dropped" };

/* A row of failed_causes: the count, and the last column says how many are whole; a cut one cannot be replayed. */
static void cause_count(void *arg, const struct weft_value *row)
{
    struct work *work = arg;
    work->of_store += work->act == REPLAY ? row[5].as.integer : row[3].as.integer;
}

static weft_status id_act(struct work *work, struct weft_store *store, const char *id, struct weft_fault *fault)
{
    const struct arguments *arguments = work->arguments;
    struct weft_value params[WEFT_SELECTION_PARAMS + 1];
    int64_t affected = 0;
    weft_selection_params(&arguments->selection, id, params);
    if (arguments->dry_run)
        return weft_stores_rows(store, store->dialect->failed_causes, params, WEFT_SELECTION_PARAMS, cause_count, work,
                                fault);
    params[WEFT_SELECTION_PARAMS] = weft_int(arguments->rate > 0 ? 1000000 / arguments->rate : 0);
    weft_status status = work->act == REPLAY ? weft_stores_change(store, store->dialect->failed_replay, params,
                                                                  WEFT_SELECTION_PARAMS + 1, &affected, fault)
                                             : weft_stores_change(store, store->dialect->failed_drop, params,
                                                                  WEFT_SELECTION_PARAMS, &affected, fault);
    work->of_store += affected;
    return status;
}

static weft_status store_act(void *arg, const struct weft_config *config, struct weft_store *store,
                             struct weft_fault *fault)
{
    struct work *work = arg;
    const bool dry = work->arguments->dry_run;
    size_t at = 0;
    (void)config;
    work->of_store = 0;
    weft_status status;
    do
        status = id_act(work, store, work->ids[at], fault);
    while (status == WEFT_OK && work->ids[at] != NULL && work->ids[++at] != NULL);
    if (work->of_store > 0) {
        const struct weft_value row[] = { weft_text(store->service), weft_int(work->of_store),
                                          weft_text(dry ? would[work->act] : dids[work->act]) };
        weft_listing_row(work->listing, row);
        if (!dry) weft_selection_audit(work->line, store->service, dids[work->act], work->of_store);
    }
    work->total += work->of_store;
    return status;
}

static int act(struct weft_command_line *line, enum act what)
{
    static const struct weft_column columns[] = { { "SERVICE", "service" },
                                                  { "EVENTS", "events" },
                                                  { "DONE", "done" } };
    struct work work = { .line = line, .arguments = line->arguments, .act = what };
    struct weft_fault fault = { 0 };
    weft_status status = weft_selection_ids(line, &work.arguments->selection, true, &work.ids, &fault);
    if (status != WEFT_OK) return weft_command_fail(line, &fault);
    work.listing = weft_listing_new(line, columns, 3);
    status = weft_stores_each(line, store_act, &work, &fault);
    weft_listing_end(work.listing, NULL);
    if (status == WEFT_OK && work.total == 0)
        status = weft_fault_set(&fault, WEFT_NOT_FOUND, "no such event%s; weft dead list shows what there is",
                                what == REPLAY ? " that was kept whole" : "");
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

static int dead_replay(struct weft_command_line *line)
{
    return act(line, REPLAY);
}
static int dead_drop(struct weft_command_line *line)
{
    return act(line, DROP);
}

static const struct weft_command_option replay_options[] = {
    WEFT_SELECTION_OPTIONS,
    WEFT_SELECTION_PARKED,
    WEFT_COMMAND_FLAG('d', "dry-run", dry_run, "say how many there are, change nothing"),
    WEFT_COMMAND_NUMBER('R', "rate", "N", rate, "0", 0, 1000000, "at most so many events a second; 0: all at once"),
};
static const struct weft_command_option drop_options[] = {
    WEFT_SELECTION_OPTIONS,
    WEFT_COMMAND_FLAG('d', "dry-run", dry_run, "say how many there are, change nothing"),
};

const struct weft_command weft_command_dead_replay = {
    .name = "dead replay",
    .summary = "let dead events be tried again",
    .about =
        "Makes dead events due again, with no attempts counted: running consumers take them within about a second, "
        "those of one key in their order where the group is ordered. With --parked those that wait are due now. "
        "Events of which only the beginning was kept are left out.",
    .words = "[ID...]",
    .max_words = WEFT_WORDS_MAX,
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .options = replay_options,
    .n_options = sizeof replay_options / sizeof *replay_options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_FAILED] = WEFT_EXIT_USUAL,
               [WEFT_EXIT_USAGE] = "wrong usage, or nothing is selected",
               [WEFT_EXIT_UNREACHABLE] = "a store did not answer",
               [WEFT_EXIT_NOT_FOUND] = "there is no such event" },
    .example = "weft dead replay --group user-events --reason RETRY --rate 50\n",
    .run = dead_replay,
};

const struct weft_command weft_command_dead_drop = {
    .name = "dead drop",
    .summary = "remove dead events for good",
    .about = "Removes dead events from the services' stores and says how many. They cannot be brought back.",
    .words = "[ID...]",
    .max_words = WEFT_WORDS_MAX,
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .options = drop_options,
    .n_options = sizeof drop_options / sizeof *drop_options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_FAILED] = WEFT_EXIT_USUAL,
               [WEFT_EXIT_USAGE] = "wrong usage, or nothing is selected",
               [WEFT_EXIT_UNREACHABLE] = "a store did not answer",
               [WEFT_EXIT_NOT_FOUND] = "there is no such event" },
    .example = "weft dead drop --reason oversized --dry-run\n",
    .run = dead_drop,
};
