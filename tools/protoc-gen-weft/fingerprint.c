/* fingerprint.c - the canonical form is text: the message and then, by full name, everything it holds. A line a field,
 * by number: number, name, type, label, oneof. A line an enum value, by number. Comments, order of declaration, options
 * and the file they stand in leave no mark. */
#include "fingerprint.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static void mark_closure(const struct weft_gen_model *model, const struct weft_gen_message *message, bool *messages,
                         bool *enums)
{
    if (messages[message - model->messages]) return;
    messages[message - model->messages] = true;
    for (size_t i = 0; i < message->proto->n_field; i++) {
        const char *type_name = message->proto->field[i]->type_name;
        if (type_name == NULL) continue;
        const struct weft_gen_message *inner = weft_gen_model_message(model, type_name);
        const struct weft_gen_enum *enumeration = weft_gen_model_enum(model, type_name);
        if (inner != NULL) mark_closure(model, inner, messages, enums);
        if (enumeration != NULL) enums[enumeration - model->enums] = true;
    }
}

static void write_message(FILE *out, const struct weft_gen_message *message)
{
    fprintf(out, "message %s\n", message->name);
    for (size_t i = 0; i < message->proto->n_field; i++) {
        const field_proto *field = message->fields[i];
        const char *oneof = "";
        if (field->has_oneof_index)
            oneof = field->proto3_optional ? "?" : message->proto->oneof_decl[field->oneof_index]->name;
        fprintf(out, "%d %s %d%s %d %s\n", field->number, field->name, (int)field->type,
                field->type_name != NULL ? field->type_name : "", (int)field->label, oneof);
    }
}

static int value_compare(const void *left, const void *right)
{
    const Google__Protobuf__EnumValueDescriptorProto *a = *(Google__Protobuf__EnumValueDescriptorProto *const *)left;
    const Google__Protobuf__EnumValueDescriptorProto *b = *(Google__Protobuf__EnumValueDescriptorProto *const *)right;
    if (a->number != b->number) return a->number < b->number ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void write_enum(struct weft_gen_model *model, FILE *out, const struct weft_gen_enum *enumeration)
{
    const enum_proto *proto = enumeration->proto;
    Google__Protobuf__EnumValueDescriptorProto **values = weft_gen_alloc(model, proto->n_value * sizeof *values);
    memcpy(values, proto->value, proto->n_value * sizeof *values);
    qsort(values, proto->n_value, sizeof *values, value_compare);
    fprintf(out, "enum %s\n", enumeration->name);
    for (size_t i = 0; i < proto->n_value; i++)
        fprintf(out, "%d %s\n", values[i]->number, values[i]->name);
}

static void write_canonical(struct weft_gen_model *model, FILE *out, const struct weft_gen_message *message)
{
    bool *messages = weft_gen_alloc(model, model->n_messages + model->n_enums);
    bool *enums = messages + model->n_messages;
    memset(messages, 0, model->n_messages + model->n_enums);
    mark_closure(model, message, messages, enums);
    write_message(out, message);
    for (size_t i = 0; i < model->n_messages; i++)
        if (model->by_name[i] != message && messages[model->by_name[i] - model->messages])
            write_message(out, model->by_name[i]);
    for (size_t i = 0; i < model->n_enums; i++)
        if (enums[model->enums_by_name[i] - model->enums]) write_enum(model, out, model->enums_by_name[i]);
}

const char *weft_gen_fingerprint(struct weft_gen_model *model, const struct weft_gen_message *message)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) abort();
    write_canonical(model, out, message);
    fclose(out);
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(text, size, digest, NULL, EVP_sha256(), NULL) != 1) abort();
    free(text);
    for (size_t i = 0; i < 16; i++)
        obstack_printf(&model->memory, "%02x", digest[i]);
    obstack_1grow(&model->memory, '\0');
    return obstack_finish(&model->memory);
}
