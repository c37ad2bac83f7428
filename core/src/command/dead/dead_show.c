/* command/dead/dead_show.c - `weft dead show`: one failed event with all that is known of it, its payload decoded by
 * the contract that the service's module brings along. */
#include "command/command.h"
#include "command/dead/selection.h"
#include "command/store/stores.h"

#include "base/clock.h"
#include "base/digest.h"
#include "contract/json/json.h"
#include "event/envelope.h"
#include "host/plugin/loader.h"
#include "host/service.h"

#include <stdio.h>
#include <string.h>

struct arguments {
    struct weft_selection selection;
    bool sensitive;
};

struct show {
    const struct weft_command_line *line;
    const struct arguments *arguments;
    struct weft_service *service; /* for its contracts; NULL: its module cannot be loaded */
    const char *store_service;
    struct weft_buffer out;
    size_t shown;
};

enum { SHOW_RAW_BYTES = 256 };

/* ---- the payload ------------------------------------------------------------------------------------------------- */

static const char *text_of(const struct weft_value *value)
{
    return value->type == WEFT_TYPE_TEXT ? value->as.text : NULL;
}

static const struct weft_event_type *type_find(const struct weft_service *service, const char *type)
{
    for (const struct weft_group *group = service == NULL ? NULL : service->groups; group != NULL; group = group->next)
        for (size_t i = 0; i < group->n_handlers; i++)
            if (type != NULL && strcmp(group->handlers[i].type->type, type) == 0) return group->handlers[i].type;
    return NULL;
}

/* As proto3 JSON; false with the reason. */
static bool payload_decode(struct show *show, const struct weft_value *row, struct weft_buffer *buffer,
                           struct weft_fault *fault)
{
    const struct weft_value *payload = &row[WEFT_FAILED_PAYLOAD];
    const struct weft_message message = { .type = text_of(&row[WEFT_FAILED_TYPE]),
                                          .content_type = text_of(&row[WEFT_FAILED_CONTENT_TYPE]),
                                          .payload = payload->as.bytes,
                                          .payload_size = payload->size };
    const struct weft_event_type *type = type_find(show->service, message.type);
    struct weft_envelope envelope;
    ProtobufCMessage *decoded;
    if (row[WEFT_FAILED_FULL_SIZE].type != WEFT_TYPE_NULL)
        return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "only its beginning was kept") == WEFT_OK;
    if (type == NULL)
        return weft_fault_set(fault, WEFT_NOT_FOUND, "no handler of %s here has a contract for it",
                              show->store_service) == WEFT_OK;
    weft_envelope_read(show->line->arena, &message, &envelope);
    if (weft_envelope_unpack(show->line->arena, &envelope, &message, type, &decoded, fault) != WEFT_OK) return false;
    return weft_json_write(type->message, decoded, show->arguments->sensitive ? 0 : WEFT_JSON_MASK, buffer, fault) ==
           WEFT_OK;
}

/* Bytes that no contract reads may hold anything: shown only to who asks for what is sensitive. */
static void payload_raw(struct show *show, const struct weft_value *payload)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = payload->as.bytes;
    if (!show->arguments->sensitive) return;
    weft_buffer_text(&show->out, ",\"payloadHex\":\"");
    for (uint64_t i = 0; i < payload->size && i < SHOW_RAW_BYTES; i++) {
        weft_buffer_byte(&show->out, digits[bytes[i] >> 4]);
        weft_buffer_byte(&show->out, digits[bytes[i] & 15]);
    }
    weft_buffer_byte(&show->out, '"');
}

static void payload_add(struct show *show, const struct weft_value *row)
{
    struct weft_buffer json __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    struct weft_fault fault = { .status = WEFT_OK };
    weft_buffer_format(&show->out, ",\"payloadSize\":%llu", (unsigned long long)row[WEFT_FAILED_PAYLOAD].size);
    if (payload_decode(show, row, &json, &fault)) {
        weft_buffer_text(&show->out, ",\"payload\":");
        weft_buffer_add(&show->out, json.data, json.size);
        return;
    }
    weft_buffer_text(&show->out, ",\"payload\":null,\"payloadFault\":");
    weft_buffer_json(&show->out, fault.text, strlen(fault.text));
    payload_raw(show, &row[WEFT_FAILED_PAYLOAD]);
}

/* ---- the row ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum weft_failed_column column;
} fields[] = {
    { "group", WEFT_FAILED_GROUP },
    { "eventId", WEFT_FAILED_EVENT_ID },
    { "eventType", WEFT_FAILED_TYPE },
    { "state", WEFT_FAILED_STATE },
    { "reason", WEFT_FAILED_REASON },
    { "attempts", WEFT_FAILED_ATTEMPTS },
    { "firstFailedAt", WEFT_FAILED_FIRST_FAILED_AT },
    { "dueAt", WEFT_FAILED_DUE_AT },
    { "topic", WEFT_FAILED_TOPIC },
    { "routingKey", WEFT_FAILED_ROUTING_KEY },
    { "key", WEFT_FAILED_KEY },
    { "contentType", WEFT_FAILED_CONTENT_TYPE },
    { "correlationId", WEFT_FAILED_CORRELATION_ID },
    { "seq", WEFT_FAILED_SEQ },
    { "fullSize", WEFT_FAILED_FULL_SIZE },
};

static void value_add(struct weft_buffer *out, const struct weft_value *value)
{
    char time[28];
    if (value->type == WEFT_TYPE_TEXT) {
        weft_buffer_json(out, value->as.text, value->size);
    } else if (value->type == WEFT_TYPE_TIME) {
        weft_clock_format(value->as.integer, time);
        weft_buffer_format(out, "\"%s\"", time);
    } else if (value->type == WEFT_TYPE_INT) {
        weft_buffer_format(out, "%lld", (long long)value->as.integer);
    } else {
        weft_buffer_text(out, "null");
    }
}

static void digest_add(struct weft_buffer *out, const struct weft_value *digest)
{
    char hex[2 * WEFT_DIGEST_BYTES + 1];
    if (digest->type != WEFT_TYPE_BYTES || digest->size != WEFT_DIGEST_BYTES) return;
    weft_digest_hex(digest->as.bytes, hex);
    weft_buffer_format(out, ",\"fullSha256\":\"%s\"", hex);
}

/* Headers are an object in JSON already. */
static void row_show(void *arg, const struct weft_value *row)
{
    struct show *show = arg;
    const char *headers = text_of(&row[WEFT_FAILED_HEADERS]);
    weft_buffer_text(&show->out, "{\"service\":");
    weft_buffer_json(&show->out, show->store_service, strlen(show->store_service));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        weft_buffer_format(&show->out, ",\"%s\":", fields[i].name);
        value_add(&show->out, &row[fields[i].column]);
    }
    digest_add(&show->out, &row[WEFT_FAILED_FULL_SHA256]);
    weft_buffer_format(&show->out, ",\"headers\":%s", headers == NULL || *headers != '{' ? "{}" : headers);
    payload_add(show, row);
    weft_buffer_text(&show->out, "}\n");
    show->shown++;
}

static void module_load(struct show *show, const struct weft_config *config)
{
    const char *directory = weft_loader_service_directory(config, show->line->arena);
    struct weft_fault fault;
    if (weft_service_load(directory, show->store_service, &show->service, &fault) != WEFT_OK) show->service = NULL;
}

static weft_status store_show(void *arg, const struct weft_config *config, struct weft_store *store,
                              struct weft_fault *fault)
{
    struct show *show = arg;
    struct weft_value params[WEFT_SELECTION_PARAMS + 1];
    const char *const *ids;
    weft_status status = weft_selection_ids(show->line, &show->arguments->selection, true, &ids, fault);
    show->store_service = store->service;
    module_load(show, config);
    params[WEFT_SELECTION_PARAMS] = weft_int(10); /* an event may be dead in several groups */
    for (; status == WEFT_OK && *ids != NULL; ids++) {
        struct weft_selection selection = show->arguments->selection;
        for (int parked = 0; parked < 2 && status == WEFT_OK; parked++) {
            selection.parked = parked != 0;
            weft_selection_params(&selection, *ids, params);
            status = weft_stores_rows(store, store->dialect->failed_list, params, WEFT_SELECTION_PARAMS + 1, row_show,
                                      show, fault);
        }
    }
    weft_service_free(show->service);
    show->service = NULL;
    return status;
}

static int dead_show(struct weft_command_line *line)
{
    struct show show = { .line = line, .arguments = line->arguments, .out = WEFT_BUFFER_EMPTY };
    struct weft_fault fault = { 0 };
    weft_status status = weft_stores_each(line, store_show, &show, &fault);
    if (status == WEFT_OK && show.shown == 0)
        status =
            weft_fault_set(&fault, WEFT_NOT_FOUND, "no failed event has this id; weft dead list --events lists them");
    if (show.shown > 0) fputs(show.out.data, stdout);
    weft_buffer_free(&show.out);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

static const struct weft_command_option options[] = {
    WEFT_COMMAND_TEXT('g', "group", "GROUP", selection.group, "of this group alone"),
    WEFT_COMMAND_FLAG(0, "sensitive", sensitive, "sensitive fields unmasked, and bytes that no contract reads"),
};

const struct weft_command weft_command_dead_show = {
    .name = "dead show",
    .summary = "one failed event, decoded",
    .about = "Shows failed events as JSON, one a line: why, how often and since when they failed, headers, and the "
             "payload decoded by the service's contract, sensitive fields masked.",
    .words = "ID...",
    .min_words = 1,
    .max_words = WEFT_WORDS_MAX,
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_FAILED] = WEFT_EXIT_USUAL,
               [WEFT_EXIT_USAGE] = WEFT_EXIT_USUAL,
               [WEFT_EXIT_UNREACHABLE] = "a store did not answer",
               [WEFT_EXIT_NOT_FOUND] = "there is no such event" },
    .example = "weft dead show 0190a1b2-c3d4-7000-8000-000000000001 | jq .payload\n",
    .run = dead_show,
};
