/* command/admin/publish.c - `weft publish TYPE JSON`: an event through a running host's outbox. */
#include "command/admin/client.h"
#include "command/command.h"
#include "command/input.h"

#include "base/clock.h"
#include "event/object.h"

#include <stdio.h>
#include <string.h>

enum { PUBLISH_MAX = 1 << 20 };
#define PUBLISH_TIME (15 * WEFT_SECOND)

struct arguments {
    const char *data, *service, *correlation;
};

/* {"id":"...",...}: the id alone for a person, all of it with --json. */
static void answer_print(const struct weft_command_line *line, const struct weft_buffer *body)
{
    struct weft_object object = weft_object_open(body->data, body->size);
    struct weft_span name, value;
    const char *id = NULL;
    while (id == NULL && weft_object_next(&object, &name, &value))
        if (name.size == 2 && memcmp(name.text, "id", 2) == 0) id = weft_object_text(line->arena, value);
    if (line->json || id == NULL)
        fputs(body->data, stdout);
    else
        puts(id);
}

static int publish(struct weft_command_line *line)
{
    const struct arguments *arguments = line->arguments;
    struct weft_buffer target __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    struct weft_buffer body __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    struct weft_fault fault = { 0 };
    const char *json = NULL;
    weft_buffer_text(&target, "/events");
    weft_admin_query(&target, "type", line->words[0]);
    weft_admin_query(&target, "service", arguments->service);
    weft_admin_query(&target, "correlation", arguments->correlation);
    weft_status status = weft_command_input(line, 1, arguments->data, PUBLISH_MAX, &json, &fault);
    if (status == WEFT_OK) status = weft_admin_ask_one(line, "POST", target.data, json, PUBLISH_TIME, &body, &fault);
    if (status != WEFT_OK) return weft_command_fail(line, &fault);
    answer_print(line, &body);
    return WEFT_EXIT_OK;
}

static const struct weft_command_option options[] = {
    WEFT_COMMAND_TEXT('d', "data", "JSON", data, "the event, instead of the second word; '-' reads stdin"),
    WEFT_COMMAND_TEXT('S', "service", "NAME", service,
                      "whose outbox it goes through, if several services emit the type"),
    WEFT_COMMAND_TEXT(0, "correlation-id", "ID", correlation, "correlation id of the event; default: a fresh one"),
};

const struct weft_command weft_command_publish = {
    .name = "publish",
    .summary = "publish an event through a running host",
    .about = "Publishes an event through the outbox of a service that emits its type, in a running host: checked by "
             "its contract, in a transaction, with all that is promised of a handler's events. Prints the event's id.",
    .words = "TYPE [JSON]",
    .min_words = 1,
    .max_words = 2,
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_ADMIN | WEFT_SHARES_JSON,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_OK] = "committed; it will be published",
               [WEFT_EXIT_FAILED] = WEFT_EXIT_USUAL,
               [WEFT_EXIT_USAGE] = "wrong usage, or an event that does not fit its contract",
               [WEFT_EXIT_UNREACHABLE] = "no host answers, or its store does not",
               [WEFT_EXIT_NOT_FOUND] = "no service of the host emits the type",
               [WEFT_EXIT_DENIED] = "the host wants another admin.token" },
    .example = "weft publish user.v1.UserDeleted '{\"userId\":\"018f...\"}'\n",
    .run = publish,
};
