/* command/dead/selection.c - options and ids to parameters. */
#include "command/dead/selection.h"

#include "base/id.h"
#include "observe/log.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

void weft_selection_params(const struct weft_selection *selection, const char *id,
                           struct weft_value ret_params[WEFT_SELECTION_PARAMS])
{
    ret_params[0] = weft_text(selection->parked ? "parked" : "dead");
    ret_params[1] = weft_text(selection->group);
    ret_params[2] = weft_text(selection->type);
    ret_params[3] = weft_text(selection->reason);
    ret_params[4] = weft_text(id);
}

weft_status weft_selection_ids(const struct weft_command_line *line, const struct weft_selection *selection, bool must,
                               const char *const **ret_ids, struct weft_fault *ret_fault)
{
    bool any = line->n_words > 0 || selection->group != NULL || selection->type != NULL || selection->reason != NULL;
    if (must && !any)
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT,
                              "which events? Name ids, --group, --type or --reason; weft dead list shows them");
    const char **ids = weft_arena_alloc(line->arena, (line->n_words + 2) * sizeof *ids);
    for (size_t i = 0; i < line->n_words; i++) {
        if (!weft_id_valid(line->words[i]))
            return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "'%.64s' is no event id: want a UUID",
                                  line->words[i]);
        char *id = weft_arena_strdup(line->arena, line->words[i]);
        for (char *c = id; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        ids[i] = id;
    }
    *ret_ids = ids;
    return WEFT_OK;
}

void weft_selection_audit(const struct weft_command_line *line, const char *service, const char *did, int64_t n)
{
    char host[65] = "";
    const char *name = getlogin();
    gethostname(host, sizeof host - 1);
    weft_log_audit("command", "weft %s: %s %lld events of %s, by %s (uid %u) on %s", line->command->name, did,
                   (long long)n, service, name != NULL ? name : "nobody logged in", (unsigned)getuid(), host);
}
