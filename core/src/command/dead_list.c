/* command/dead_list.c - `weft dead list`: the rows of weft_failed_event that are dead, or parked with --parked. */
#include "command/command.h"
#include "command/stores.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "dead list";

struct arguments {
    struct weft_settings settings;
    bool json, parked;
    int64_t limit;
    size_t shown;
    const char *service; /* of the store at hand */
};

enum { LIST_LIMIT = 100, LIST_LIMIT_MAX = 10000 };

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

static const struct argp_child children[] = { { &weft_settings_services_argp, 0, NULL, 0 }, { 0 } };
static const struct argp_option options[] = {
    { "json", 'j', NULL, 0, "one JSON object a line, without payloads", 0 },
    { "parked", 'p', NULL, 0, "those that wait for their next try instead", 0 },
    { "limit", 'n', "N", 0, "at most so many a service; default: 100", 0 },
    { 0 },
};

static void limit_parse(struct arguments *arguments, const char *text, struct argp_state *state)
{
    char *end;
    arguments->limit = strtol(text, &end, 10);
    if (*end != '\0' || arguments->limit < 1 || arguments->limit > LIST_LIMIT_MAX)
        argp_error(state, "--limit '%s': want 1 to %d", text, LIST_LIMIT_MAX);
}

static error_t list_parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->settings;
        return 0;
    case 'j':
        arguments->json = true;
        return 0;
    case 'p':
        arguments->parked = true;
        return 0;
    case 'n':
        limit_parse(arguments, argument, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp list_argp = {
    options,
    list_parse,
    NULL,
    "Lists dead events of the services' stores: why, after how many tries, since when. Payloads are not shown.",
    children,
    NULL,
    NULL
};

static const char *text_of(const struct weft_value *value)
{
    return value->type == WEFT_TYPE_TEXT ? value->as.text : "";
}

static void time_format(const struct weft_value *value, char ret_text[28])
{
    ret_text[0] = '\0';
    if (value->type == WEFT_TYPE_TIME) weft_clock_format(value->as.integer, ret_text);
}

static void text_json(struct weft_buffer *buffer, const char *key, const char *text)
{
    weft_buffer_format(buffer, ",\"%s\":", key);
    weft_buffer_json(buffer, text, strlen(text));
}

static void row_json(const struct arguments *arguments, const struct weft_value *row)
{
    struct weft_buffer buffer __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    char first[28];
    time_format(&row[FIRST_FAILED_AT], first);
    weft_buffer_format(&buffer, "{\"seq\":%lld,\"attempts\":%lld", (long long)row[SEQ].as.integer,
                       (long long)row[ATTEMPTS].as.integer);
    text_json(&buffer, "service", arguments->service);
    text_json(&buffer, "group", text_of(&row[GROUP]));
    text_json(&buffer, "eventId", text_of(&row[EVENT_ID]));
    text_json(&buffer, "eventType", text_of(&row[TYPE]));
    text_json(&buffer, "topic", text_of(&row[TOPIC]));
    text_json(&buffer, "routingKey", text_of(&row[ROUTING_KEY]));
    text_json(&buffer, "key", text_of(&row[KEY]));
    text_json(&buffer, "correlationId", text_of(&row[CORRELATION_ID]));
    text_json(&buffer, "state", text_of(&row[STATE]));
    text_json(&buffer, "reason", text_of(&row[REASON]));
    text_json(&buffer, "firstFailedAt", first);
    weft_buffer_byte(&buffer, '}');
    puts(buffer.data);
}

static void row_print(struct arguments *arguments, const struct weft_value *row)
{
    char first[28];
    time_format(&row[FIRST_FAILED_AT], first);
    if (arguments->shown == 0)
        printf("%-30s %-36s %-26s %3s %-27s %s\n", "GROUP", "EVENT", "TYPE", "TRY", "FIRST FAILED", "REASON");
    printf("%-30s %-36s %-26s %3lld %-27s %s\n", text_of(&row[GROUP]), text_of(&row[EVENT_ID]), text_of(&row[TYPE]),
           (long long)row[ATTEMPTS].as.integer, first, text_of(&row[REASON]));
}

static void row_show(void *arg, const struct weft_value *row)
{
    struct arguments *arguments = arg;
    if (arguments->json)
        row_json(arguments, row);
    else
        row_print(arguments, row);
    arguments->shown++;
}

static weft_status store_list(void *arg, const struct weft_config *config, struct weft_store *store,
                              struct weft_fault *fault)
{
    struct arguments *arguments = arg;
    (void)config;
    arguments->service = store->service;
    struct weft_value params[] = { weft_text(arguments->parked ? "parked" : "dead"), weft_int(arguments->limit) };
    return weft_stores_rows(store, store->dialect->failed_list, params, 2, row_show, arguments, fault);
}

int weft_command_dead_list(int argc, char **argv)
{
    struct arguments arguments = { .limit = LIST_LIMIT };
    struct weft_fault fault = { 0 };
    argp_err_exit_status = WEFT_EXIT_USAGE;
    argp_parse(&list_argp, argc, argv, 0, NULL, &arguments);
    weft_status status = weft_stores_each(&arguments.settings, store_list, &arguments, &fault);
    if (status != WEFT_OK) return weft_command_fail(name, &fault);
    if (arguments.shown == 0 && !arguments.json) puts(arguments.parked ? "no parked events" : "no dead events");
    return WEFT_EXIT_OK;
}
