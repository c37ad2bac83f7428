/* header.c - x.weft.h. All functions are static inline: each is one call of libweft's with the types put on. */
#include "output.h"

#include "location.h"
#include "names.h"
#include <ctype.h>
#include <string.h>

/* Text that neither ends a comment nor begins one. */
static void write_harmless(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool after = text[i] == '/' && i > 0 && text[i - 1] == '*';
        bool before = text[i] == '/' && i + 1 < size && text[i + 1] == '*';
        fputc(after || before ? '|' : text[i], out);
    }
}

/* The comment of the contract, so that whoever reads the header need not open the .proto. */
static void write_comment(FILE *out, const char *indent, const char *comment)
{
    bool first = true;
    if (comment == NULL || comment[strspn(comment, " \t\n")] == '\0') return;
    while (*comment != '\0') {
        comment += strspn(comment, " \t");
        size_t size = strcspn(comment, "\n");
        if (size > 0) {
            fprintf(out, "%s%s%s", first ? "" : "\n", indent, first ? "/* " : " * ");
            write_harmless(out, comment, size);
            first = false;
        }
        comment += size + (comment[size] == '\n');
    }
    fputs(" */\n", out);
}

static void write_guard(struct weft_gen_model *model, const file_proto *file, FILE *out)
{
    for (const char *c = weft_gen_name_file(model, file->name); *c != '\0'; c++)
        fputc(toupper((unsigned char)*c), out);
    fputs("_WEFT_H\n", out);
}

static void write_top(struct weft_gen_model *model, const file_proto *file, FILE *out)
{
    fprintf(out, "/* Made by protoc-gen-weft of %s. Do not edit. */\n#ifndef ", file->name);
    write_guard(model, file, out);
    fputs("#define ", out);
    write_guard(model, file, out);
    fprintf(out, "\n#include \"%s.pb-c.h\"\n#include <weft/service.h>\n", weft_gen_name_stem(model, file->name));
    if (file->n_service > 0) fputs("#include <weft/client.h>\n", out);
    fprintf(out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\nextern const struct weft_file %s_proto;\n",
            weft_gen_name_file(model, file->name));
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static void write_message(struct weft_gen_model *model, const struct weft_gen_message *message, FILE *out)
{
    const char *symbol = weft_gen_name_symbol(model, message->name);
    const char *c_type = weft_gen_name_c_type(model, message->name);
    fprintf(out,
            "\nextern const struct weft_message_type %s_type; /* %s */\n"
            "static inline %s *%s_new(weft_work *work)\n"
            "{\n"
            "    return (%s *)weft_message_new(work, &%s__descriptor);\n"
            "}\n",
            symbol, message->name, c_type, symbol, c_type, weft_gen_name_c_symbol(model, message->name));
}

static void write_event(struct weft_gen_model *model, const struct weft_gen_message *message, FILE *out)
{
    const char *symbol = weft_gen_name_symbol(model, message->name);
    const char *c_type = weft_gen_name_c_type(model, message->name);
    fputc('\n', out);
    write_comment(out, "", weft_gen_comment(message->file, message->path));
    fprintf(out,
            "extern const struct weft_event_type %1$s_event; /* %3$s, topic %4$s, key %5$s */\n"
            "static inline weft_status %1$s_emit(weft_tx *tx, const %2$s *message)\n"
            "{\n"
            "    return weft_emit(tx, &%1$s_event, (const ProtobufCMessage *)message);\n"
            "}\n"
            "static inline weft_status %1$s_emit_direct(weft_work *work, const %2$s *message)\n"
            "{\n"
            "    return weft_emit_direct(work, &%1$s_event, (const ProtobufCMessage *)message);\n"
            "}\n"
            "static inline weft_status %1$s_emit_at(\n"
            "    weft_tx *tx, const %2$s *message, int64_t time_ms, const char *name)\n"
            "{\n"
            "    return weft_emit_at(tx, &%1$s_event, (const ProtobufCMessage *)message, time_ms, name);\n"
            "}\n"
            "typedef weft_status (*%1$s_handler)(weft_event *event, const %2$s *in, void *arg);\n"
            "static inline weft_status %1$s_trampoline(\n"
            "    weft_handler handler, weft_work *event, const ProtobufCMessage *in, void *arg)\n"
            "{\n"
            "    return ((%1$s_handler)handler)(event, (const %2$s *)in, arg);\n"
            "}\n"
            "static inline void %1$s_on(weft_group *group, %1$s_handler handler, void *arg)\n"
            "{\n"
            "    weft_group_add_event(\n"
            "        group, &%1$s_event, %1$s_trampoline, (weft_handler)handler, arg);\n"
            "}\n",
            symbol, c_type, message->event->type, message->event->topic, message->event->key);
}

static void write_declare(struct weft_gen_model *model, const file_proto *file, FILE *out)
{
    fprintf(out,
            "\n/* Says that the service emits the events of this file. */\n"
            "static inline void %s_declare(weft_service *service)\n"
            "{\n",
            weft_gen_name_file(model, file->name));
    for (size_t i = 0; i < model->n_messages; i++)
        if (model->messages[i].file == file && model->messages[i].event != NULL)
            fprintf(out, "    weft_service_add_event(service, &%s_event);\n",
                    weft_gen_name_symbol(model, model->messages[i].name));
    fputs("}\n", out);
}

static bool has_events(const struct weft_gen_model *model, const file_proto *file)
{
    for (size_t i = 0; i < model->n_messages; i++)
        if (model->messages[i].file == file && model->messages[i].event != NULL) return true;
    return false;
}

/* ---- services ---------------------------------------------------------------------------------------------------- */

struct method { /* one rpc with its C names */
    const method_proto *proto;
    const char *symbol, *member, *in, *out;
    bool streams;
};

static struct method describe(struct weft_gen_model *model, const char *service, const method_proto *proto)
{
    return (struct method){
        .proto = proto,
        .symbol = weft_gen_name_symbol(model, weft_gen_format(model, "%s.%s", service, proto->name)),
        .member = weft_gen_name_member(model, proto->name),
        .in = weft_gen_name_c_type(model, proto->input_type + 1), /* without the leading dot */
        .out = weft_gen_name_c_type(model, proto->output_type + 1),
        .streams = proto->client_streaming || proto->server_streaming,
    };
}

static void write_method(const struct method *method, FILE *out)
{
    fprintf(out, "\nextern const struct weft_method_type %s_method;\n", method->symbol);
    if (method->streams) return;
    fprintf(out,
            "typedef weft_status (*%1$s_handler)(\n"
            "    weft_call *call, const %2$s *in, %3$s *out, void *arg);\n"
            "static inline weft_status %1$s_trampoline(\n"
            "    weft_handler handler, weft_work *call, const ProtobufCMessage *in, ProtobufCMessage *out, void *arg)\n"
            "{\n"
            "    return ((%1$s_handler)handler)(\n"
            "        call, (const %2$s *)in, (%3$s *)out, arg);\n"
            "}\n"
            "/* Calls it: waits for the answer, to the deadline of `work`. */\n"
            "static inline weft_status %1$s(\n"
            "    weft_client *client, weft_work *work, const %2$s *in, %3$s **ret_out)\n"
            "{\n"
            "    ProtobufCMessage *out = NULL;\n"
            "    weft_status status = weft_client_call(\n"
            "        client, work, &%1$s_method, (const ProtobufCMessage *)in, &out);\n"
            "    if (status == WEFT_OK) *ret_out = (%3$s *)out;\n"
            "    return status;\n"
            "}\n",
            method->symbol, method->in, method->out);
}

static void write_handlers(struct weft_gen_model *model, const file_proto *file, size_t index, const char *symbol,
                           const struct method *methods, size_t n_methods, FILE *out)
{
    struct weft_gen_path path = weft_gen_path(model, (struct weft_gen_path){ NULL, 0 }, 6, index);
    size_t n_unary = 0;
    fputc('\n', out);
    write_comment(out, "", weft_gen_comment(file, path));
    fprintf(out, "struct %s_handlers {\n", symbol);
    for (size_t i = 0; i < n_methods; i++) {
        write_comment(out, "    ", weft_gen_comment(file, weft_gen_path(model, path, 2, i)));
        if (methods[i].streams)
            fprintf(out, "    /* rpc %s streams: it has no handler here. */\n", methods[i].proto->name);
        else
            fprintf(out, "    weft_status (*%s)(\n        weft_call *call, const %s *in, %s *out, void *arg);\n",
                    methods[i].member, methods[i].in, methods[i].out);
        n_unary += !methods[i].streams;
    }
    if (n_unary == 0) fputs("    char none; /* C has no empty structs */\n", out);
    fputs("};\n", out);
}

static void write_register(const char *symbol, const struct method *methods, size_t n_methods, FILE *out)
{
    fprintf(out,
            "\n/* Methods whose handler is NULL answer UNIMPLEMENTED. */\n"
            "static inline void %1$s_register(\n"
            "    weft_service *service, const struct %1$s_handlers *handlers, void *arg)\n"
            "{\n"
            "    (void)service, (void)handlers, (void)arg;\n",
            symbol);
    for (size_t i = 0; i < n_methods; i++)
        if (!methods[i].streams)
            fprintf(out,
                    "    if (handlers->%2$s != NULL)\n"
                    "        weft_service_add_method(service, &%1$s_method,\n"
                    "            %1$s_trampoline, (weft_handler)handlers->%2$s, arg);\n",
                    methods[i].symbol, methods[i].member);
    fputs("}\n", out);
}

static void write_service(struct weft_gen_model *model, const file_proto *file, size_t index, FILE *out)
{
    const service_proto *service = file->service[index];
    const char *package = file->package != NULL ? file->package : "";
    const char *name = weft_gen_format(model, "%s%s%s", package, *package != '\0' ? "." : "", service->name);
    const char *symbol = weft_gen_name_symbol(model, name);
    struct method *methods = weft_gen_alloc(model, (service->n_method + 1) * sizeof *methods);
    fprintf(out, "\n/* ---- %s ---- */\n", name);
    for (size_t i = 0; i < service->n_method; i++)
        methods[i] = describe(model, name, service->method[i]);
    write_handlers(model, file, index, symbol, methods, service->n_method, out);
    for (size_t i = 0; i < service->n_method; i++)
        write_method(&methods[i], out);
    write_register(symbol, methods, service->n_method, out);
}

void weft_gen_header(struct weft_gen_model *model, const file_proto *file, FILE *out)
{
    write_top(model, file, out);
    if (file->n_message_type > 0) fputs("\n/* ---- messages: <name>_new makes one in the work's arena ---- */\n", out);
    for (size_t i = 0; i < model->n_messages; i++)
        if (model->messages[i].file == file) write_message(model, &model->messages[i], out);
    if (has_events(model, file)) {
        fputs("\n/* ---- events: <name>_emit puts one into a transaction, <name>_emit_at for later, <name>_emit_direct needs\n"
              " * none, <name>_on handles it ---- */\n", out);
        for (size_t i = 0; i < model->n_messages; i++)
            if (model->messages[i].file == file && model->messages[i].event != NULL)
                write_event(model, &model->messages[i], out);
        write_declare(model, file, out);
    }
    for (size_t i = 0; i < file->n_service; i++)
        write_service(model, file, i, out);
    fputs("\n#ifdef __cplusplus\n}\n#endif\n#endif\n", out);
}
