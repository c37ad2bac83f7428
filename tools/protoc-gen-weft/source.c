/* source.c - x.weft.c: constants only. */
#include "output.h"

#include "fingerprint.h"
#include "names.h"
#include "options.h"
#include <string.h>

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static void write_bytes(FILE *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%s%u,", i % 24 == 0 ? "\n    " : " ", bytes[i]);
}

static void write_file(struct weft_gen_model *model, const file_proto *file, FILE *out)
{
    const char *symbol = weft_gen_name_file(model, file->name);
    file_proto bare = *file;
    bare.source_code_info = NULL; /* comments and lines: large, and nobody's business at run time */
    size_t size = google__protobuf__file_descriptor_proto__get_packed_size(&bare);
    uint8_t *bytes = weft_gen_alloc(model, size + 1);
    google__protobuf__file_descriptor_proto__pack(&bare, bytes);
    fprintf(out, "\n/* The FileDescriptorProto, for reflection. */\nstatic const uint8_t %s_descriptor[] = {", symbol);
    write_bytes(out, bytes, size);
    fprintf(out, "\n};\n\nstatic const struct weft_file *const %s_dependencies[] = {\n", symbol);
    for (size_t i = 0; i < file->n_dependency; i++)
        fprintf(out, "    &%s_proto,\n", weft_gen_name_file(model, file->dependency[i]));
    fprintf(out, "    NULL,\n};\n\nstatic const struct weft_message_type *const %s_messages[] = {\n", symbol);
    for (size_t i = 0; i < model->n_messages; i++)
        if (model->messages[i].file == file)
            fprintf(out, "    &%s_type,\n", weft_gen_name_symbol(model, model->messages[i].name));
    fprintf(out,
            "    NULL,\n};\n\n"
            "const struct weft_file %1$s_proto = {\n"
            "    .name = \"%2$s\",\n"
            "    .descriptor = %1$s_descriptor,\n"
            "    .descriptor_size = sizeof %1$s_descriptor,\n"
            "    .dependencies = %1$s_dependencies,\n"
            "    .messages = %1$s_messages,\n"
            "};\n",
            symbol, file->name);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static const struct weft_gen_message *field_message(const struct weft_gen_model *model, const field_proto *field)
{
    if (field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE) return NULL;
    return weft_gen_model_message(model, field->type_name);
}

static void write_field(struct weft_gen_model *model, const struct weft_gen_message *message, const field_proto *field,
                        FILE *out)
{
    const struct weft_gen_message *inner = field_message(model, field);
    fprintf(out, "    { .json_name = \"%s\"", weft_gen_name_json(field));
    if (field->has_oneof_index && !field->proto3_optional)
        fprintf(out, ", .oneof = \"%s\"", message->proto->oneof_decl[field->oneof_index]->name);
    const char *separator = ", .flags = ";
    const struct {
        bool set;
        const char *name;
    } flags[] = {
        { weft_gen_options_sensitive(field), "WEFT_FIELD_SENSITIVE" },
        { inner != NULL && inner->is_map_entry, "WEFT_FIELD_MAP" },
        { field->proto3_optional, "WEFT_FIELD_OPTIONAL" },
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (!flags[i].set) continue;
        fprintf(out, "%s%s", separator, flags[i].name);
        separator = " | ";
    }
    fputs(" },\n", out);
}

static void write_fields(struct weft_gen_model *model, const struct weft_gen_message *message, const char *symbol,
                         FILE *out)
{
    fprintf(out, "\nstatic const struct weft_field %s_fields[] = {\n", symbol);
    for (size_t i = 0; i < message->proto->n_field; i++)
        write_field(model, message, message->fields[i], out);
    fprintf(out, "};\nstatic const struct weft_message_type *const %s_field_types[] = {\n", symbol);
    for (size_t i = 0; i < message->proto->n_field; i++) {
        const struct weft_gen_message *inner = field_message(model, message->fields[i]);
        if (inner != NULL)
            fprintf(out, "    &%s_type,\n", weft_gen_name_symbol(model, inner->name));
        else
            fputs("    NULL,\n", out);
    }
    fputs("};\n", out);
}

static void write_message(struct weft_gen_model *model, const struct weft_gen_message *message, FILE *out)
{
    const char *symbol = weft_gen_name_symbol(model, message->name);
    if (message->proto->n_field > 0) write_fields(model, message, symbol, out);
    fprintf(out,
            "\nconst struct weft_message_type %s_type = {\n"
            "    .name = \"%s\",\n"
            "    .descriptor = &%s__descriptor,\n",
            symbol, message->name, weft_gen_name_c_symbol(model, message->name));
    if (message->proto->n_field > 0)
        fprintf(out, "    .fields = %1$s_fields,\n    .field_types = %1$s_field_types,\n", symbol);
    fprintf(out,
            "    .file = &%s_proto,\n"
            "    .fingerprint = \"%s\",\n"
            "};\n",
            weft_gen_name_file(model, message->file->name), weft_gen_fingerprint(model, message));
}

static size_t key_index(const struct weft_gen_message *message)
{
    size_t i = 0;
    while (strcmp(message->fields[i]->name, message->event->key) != 0)
        i++; /* the rules have seen that it is there */
    return i;
}

static void write_event(struct weft_gen_model *model, const struct weft_gen_message *message, FILE *out)
{
    const char *symbol = weft_gen_name_symbol(model, message->name);
    const Weft__EventOptions *event = message->event;
    fprintf(out,
            "\nconst struct weft_event_type %1$s_event = {\n"
            "    .type = \"%2$s\",\n"
            "    .topic = \"%3$s\",\n"
            "    .routing_key = \"%4$s\",\n"
            "    .message = &%1$s_type,\n"
            "    .version = %5$u,\n"
            "    .key_field = %6$zu, /* %7$s */\n"
            "    .flags = 0%8$s%9$s%10$s,\n"
            "};\n",
            symbol, event->type, event->topic, event->routing_key, event->version, key_index(message), event->key,
            event->unrouted_ok ? " | WEFT_EVENT_UNROUTED_OK" : "", event->broadcast ? " | WEFT_EVENT_BROADCAST" : "",
            event->recursive ? " | WEFT_EVENT_RECURSIVE" : "");
}

/* ---- methods ----------------------------------------------------------------------------------------------------- */

static void write_method_flags(const method_proto *method, const Weft__MethodOptions *options, FILE *out)
{
    bool read_only =
        method->options != NULL &&
        method->options->idempotency_level == GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS;
    fprintf(out, "    .flags = 0%s%s%s%s,\n", method->client_streaming ? " | WEFT_METHOD_CLIENT_STREAMS" : "",
            method->server_streaming ? " | WEFT_METHOD_SERVER_STREAMS" : "",
            options->idempotency_key ? " | WEFT_METHOD_IDEMPOTENCY_KEY" : "",
            read_only ? " | WEFT_METHOD_READ_ONLY" : "");
}

static void write_method(struct weft_gen_model *model, const file_proto *file, const char *service,
                         const method_proto *method, FILE *out)
{
    const Weft__MethodOptions *options = weft_gen_options_method(model, method);
    uint32_t deadline_ms = 0;
    weft_gen_options_duration(options->deadline, &deadline_ms);
    fprintf(out,
            "\nconst struct weft_method_type %1$s_method = {\n"
            "    .path = \"/%2$s/%3$s\",\n"
            "    .service = \"%2$s\",\n"
            "    .name = \"%3$s\",\n"
            "    .input = &%4$s_type,\n"
            "    .output = &%5$s_type,\n"
            "    .file = &%6$s_proto,\n",
            weft_gen_name_symbol(model, weft_gen_format(model, "%s.%s", service, method->name)), service, method->name,
            weft_gen_name_symbol(model, method->input_type + 1), weft_gen_name_symbol(model, method->output_type + 1),
            weft_gen_name_file(model, file->name));
    write_method_flags(method, options, out);
    fprintf(out, "    .deadline_ms = %u,\n};\n", deadline_ms);
}

static void write_services(struct weft_gen_model *model, const file_proto *file, FILE *out)
{
    const char *package = file->package != NULL ? file->package : "";
    for (size_t i = 0; i < file->n_service; i++) {
        const service_proto *service = file->service[i];
        const char *name = weft_gen_format(model, "%s%s%s", package, *package != '\0' ? "." : "", service->name);
        for (size_t m = 0; m < service->n_method; m++)
            write_method(model, file, name, service->method[m], out);
    }
}

void weft_gen_source(struct weft_gen_model *model, const file_proto *file, FILE *out)
{
    fprintf(out, "/* Made by protoc-gen-weft of %s. Do not edit. */\n#include \"%s.weft.h\"\n", file->name,
            weft_gen_name_stem(model, file->name));
    for (size_t i = 0; i < file->n_dependency; i++)
        fprintf(out, "#include \"%s.weft.h\"\n", weft_gen_name_stem(model, file->dependency[i]));
    write_file(model, file, out);
    for (size_t i = 0; i < model->n_messages; i++) {
        if (model->messages[i].file != file) continue;
        write_message(model, &model->messages[i], out);
        if (model->messages[i].event != NULL) write_event(model, &model->messages[i], out);
    }
    write_services(model, file, out);
}
