/* lint.c - one function a rule or a few that belong together. Each message: place, element, RULE: what is wrong; what
 * to do. */
#include "lint.h"

#include "location.h"
#include "names.h"
#include "options.h"
#include <stdarg.h>
#include <string.h>

struct lint {
    struct weft_gen_model *model;
    const file_proto *file;
    FILE *errors;
    size_t count;
};

__attribute__((format(printf, 5, 6))) static void report(struct lint *lint, struct weft_gen_path path,
                                                         const char *element, const char *rule, const char *format, ...)
{
    va_list args;
    if (lint->count++ > 0) fputc('\n', lint->errors);
    fprintf(lint->errors, "%s: %s: %s: ", weft_gen_location(lint->model, lint->file, path), element, rule);
    va_start(args, format);
    vfprintf(lint->errors, format, args);
    va_end(args);
}

static const char *element(struct lint *lint, const struct weft_gen_message *message)
{
    return weft_gen_format(lint->model, "message %s", message->name);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void check_name(struct lint *lint, const struct weft_gen_message *message, const char *rule, const char *option,
                       const char *value, const char *allowed)
{
    const char *bad = value + strspn(value, allowed);
    if (*bad == '*' || *bad == '#')
        report(lint, message->path, element(lint, message), rule,
               "(weft.event).%s is \"%s\": '%c' is a wildcard, which is for whoever listens; leave it out", option,
               value, *bad);
    else if (*bad != '\0')
        report(lint, message->path, element(lint, message), rule,
               "(weft.event).%s is \"%s\": '%c' is not allowed; use only [a-z0-9._-]", option, value, *bad);
    else if (strlen(value) > 200)
        report(lint, message->path, element(lint, message), rule,
               "(weft.event).%s has %zu characters; at most 200 are allowed", option, strlen(value));
}

static void check_topic(struct lint *lint, const struct weft_gen_message *message)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *topic = message->event->topic, *key = message->event->routing_key;
    if (*topic == '\0')
        report(lint, message->path, element(lint, message), "EVENT_TOPIC_MISSING",
               "(weft.event).topic is not set; say where it is published, for example topic: \"user-events\"");
    check_name(lint, message, "EVENT_TOPIC_INVALID", "topic", topic, allowed);
    check_name(lint, message, "EVENT_ROUTING_KEY_INVALID", "routing_key", key, allowed);
    if (*key == '.' || strstr(key, "..") != NULL || (*key != '\0' && key[strlen(key) - 1] == '.'))
        report(lint, message->path, element(lint, message), "EVENT_ROUTING_KEY_INVALID",
               "(weft.event).routing_key is \"%s\": it has an empty word; put exactly one dot between words", key);
}

static bool may_be_key(const field_proto *field)
{
    return field->label != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED &&
           field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE &&
           field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP &&
           field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FLOAT &&
           field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE &&
           field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES;
}

static void check_key(struct lint *lint, const struct weft_gen_message *message)
{
    const char *key = message->event->key;
    const field_proto *field = NULL;
    for (size_t i = 0; i < message->proto->n_field; i++)
        if (strcmp(message->proto->field[i]->name, key) == 0) field = message->proto->field[i];
    if (*key == '\0')
        report(
            lint, message->path, element(lint, message), "EVENT_KEY_MISSING",
            "(weft.event).key is not set; name the field that holds the aggregate's id, for example key: \"user_id\"");
    else if (field == NULL)
        report(lint, message->path, element(lint, message), "EVENT_KEY_UNKNOWN",
               "(weft.event).key is \"%s\", which is no field of the message; name one of its own fields", key);
    else if (!may_be_key(field))
        report(lint, message->path, element(lint, message), "EVENT_KEY_NOT_SCALAR",
               "(weft.event).key is \"%s\", which is not a single string, integer, bool or enum; name a field that is",
               key);
}

static void check_type(struct lint *lint, const struct weft_gen_message *message)
{
    const char *type = message->event->type;
    if (strlen(type) > 200 ||
        type[strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0')
        report(lint, message->path, element(lint, message), "EVENT_TYPE_INVALID",
               "(weft.event).type is \"%s\"; use at most 200 of [A-Za-z0-9._-]", type);
    for (const struct weft_gen_message *other = lint->model->messages; other < message; other++)
        if (other->event != NULL && strcmp(other->event->type, type) == 0)
            report(lint, message->path, element(lint, message), "EVENT_TYPE_DUPLICATE",
                   "its event type \"%s\" is that of message %s (%s) as well; give one of them another type", type,
                   other->name, other->file->name);
    if (message->event->version == 0)
        report(lint, message->path, element(lint, message), "EVENT_VERSION_MISSING",
               "(weft.event).version is not set; begin with version: 1 and raise it with every change");
}

enum { UNSEEN, OPEN, DONE };

/* The first field that closes a circle, as text; NULL: the message holds no circle. */
static const char *find_circle(struct lint *lint, const struct weft_gen_message *message, unsigned char *states)
{
    unsigned char *state = &states[message - lint->model->messages];
    *state = OPEN;
    for (size_t i = 0; i < message->proto->n_field; i++) {
        const field_proto *field = message->proto->field[i];
        if (field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE) continue;
        const struct weft_gen_message *inner = weft_gen_model_message(lint->model, field->type_name);
        if (inner == NULL) continue;
        unsigned char inner_state = states[inner - lint->model->messages];
        if (inner_state == OPEN) return weft_gen_format(lint->model, "%s.%s", message->name, field->name);
        const char *circle = inner_state == UNSEEN ? find_circle(lint, inner, states) : NULL;
        if (circle != NULL) return circle;
    }
    *state = DONE;
    return NULL;
}

static void check_recursion(struct lint *lint, const struct weft_gen_message *message)
{
    if (message->event->recursive) return;
    unsigned char *states = weft_gen_alloc(lint->model, lint->model->n_messages);
    memset(states, UNSEEN, lint->model->n_messages);
    const char *circle = find_circle(lint, message, states);
    if (circle != NULL)
        report(lint, message->path, element(lint, message), "EVENT_RECURSIVE",
               "it can be nested without end through field %s; flatten it, or say recursive: true in (weft.event)",
               circle);
}

/* ---- messages and services --------------------------------------------------------------------------------------- */

static void check_message(struct lint *lint, const struct weft_gen_message *message)
{
    for (size_t i = 0; i < message->proto->n_field; i++)
        if (message->proto->field[i]->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP)
            report(lint, weft_gen_path(lint->model, message->path, 2, i), element(lint, message), "FIELD_GROUP",
                   "field %s is a proto2 group, which is not supported; make it a message",
                   message->proto->field[i]->name);
    if (message->event == NULL) return;
    check_topic(lint, message);
    check_key(lint, message);
    check_type(lint, message);
    check_recursion(lint, message);
}

static void check_method(struct lint *lint, struct weft_gen_path path, const service_proto *service,
                         const method_proto *method)
{
    const Weft__MethodOptions *options = weft_gen_options_method(lint->model, method);
    const char *name = weft_gen_format(lint->model, "rpc %s.%s", service->name, method->name);
    uint32_t ms;
    if (*options->deadline != '\0' && !weft_gen_options_duration(options->deadline, &ms))
        report(
            lint, path, name, "METHOD_DEADLINE_INVALID",
            "(weft.method).deadline is \"%s\"; write a whole number above 0 with ms, s, m or h, for example \"250ms\"",
            options->deadline);
    if (options->idempotency_key && (method->client_streaming || method->server_streaming))
        report(lint, path, name, "METHOD_IDEMPOTENCY_STREAMING",
               "(weft.method).idempotency_key is for methods without streams; leave it out");
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

struct symbol {
    const char *name;
    const char *element;
    struct weft_gen_path path;
};

static int symbol_compare(const void *left, const void *right)
{
    return strcmp(((const struct symbol *)left)->name, ((const struct symbol *)right)->name);
}

static void add_symbol(struct lint *lint, struct symbol **symbols, size_t *n, struct symbol symbol)
{
    *symbols = realloc(*symbols, (*n + 1) * sizeof **symbols);
    if (*symbols == NULL) abort();
    symbol.name = weft_gen_name_symbol(lint->model, symbol.name);
    (*symbols)[(*n)++] = symbol;
}

/* user.v1.User.Created and user.v1.UserCreated are two names in the contract and one in C. */
static void check_symbols(struct lint *lint, const struct weft_gen_message *messages, size_t n_messages)
{
    struct symbol *symbols = NULL;
    size_t n = 0;
    const char *package = lint->file->package != NULL ? lint->file->package : "";
    for (size_t i = 0; i < n_messages; i++)
        if (messages[i].file == lint->file)
            add_symbol(lint, &symbols, &n,
                       (struct symbol){ messages[i].name, element(lint, &messages[i]), messages[i].path });
    for (size_t s = 0; s < lint->file->n_service; s++) {
        const service_proto *service = lint->file->service[s];
        struct weft_gen_path path = weft_gen_path(lint->model, (struct weft_gen_path){ NULL, 0 }, 6, s);
        for (size_t m = 0; m < service->n_method; m++) {
            const char *name = weft_gen_format(lint->model, "rpc %s.%s", service->name, service->method[m]->name);
            const char *symbol = weft_gen_format(lint->model, "%s%s%s.%s", package, *package != '\0' ? "." : "",
                                                 service->name, service->method[m]->name);
            add_symbol(lint, &symbols, &n, (struct symbol){ symbol, name, weft_gen_path(lint->model, path, 2, m) });
        }
    }
    if (n > 0) qsort(symbols, n, sizeof *symbols, symbol_compare);
    for (size_t i = 1; i < n; i++)
        if (strcmp(symbols[i - 1].name, symbols[i].name) == 0)
            report(lint, symbols[i].path, symbols[i].element, "NAME_COLLISION",
                   "it is %s in C, as %s is; rename one of them", symbols[i].name, symbols[i - 1].element);
    free(symbols);
}

size_t weft_gen_lint(struct weft_gen_model *model, const file_proto *file, FILE *errors)
{
    struct lint lint = { model, file, errors, 0 };
    for (size_t i = 0; i < model->n_messages; i++)
        if (model->messages[i].file == file) check_message(&lint, &model->messages[i]);
    for (size_t s = 0; s < file->n_service; s++) {
        struct weft_gen_path path = weft_gen_path(model, (struct weft_gen_path){ NULL, 0 }, 6, s);
        for (size_t m = 0; m < file->service[s]->n_method; m++)
            check_method(&lint, weft_gen_path(model, path, 2, m), file->service[s], file->service[s]->method[m]);
    }
    check_symbols(&lint, model->messages, model->n_messages);
    return lint.count;
}
