/* model.c - walks the files once and sorts what it finds by name. */
#include "model.h"

#include "options.h"
#include <stdarg.h>
#include <string.h>

/* glibc's obstacks count in int. */
void *weft_gen_alloc(struct weft_gen_model *model, size_t size)
{
    return obstack_alloc(&model->memory, (int)size);
}

char *weft_gen_format(struct weft_gen_model *model, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    obstack_vprintf(&model->memory, format, args);
    va_end(args);
    obstack_1grow(&model->memory, '\0');
    return obstack_finish(&model->memory);
}

struct weft_gen_path weft_gen_path(struct weft_gen_model *model, struct weft_gen_path parent, int32_t field,
                                   size_t index)
{
    int32_t *steps = weft_gen_alloc(model, (parent.n_steps + 2) * sizeof *steps);
    if (parent.n_steps > 0) memcpy(steps, parent.steps, parent.n_steps * sizeof *steps);
    steps[parent.n_steps] = field;
    steps[parent.n_steps + 1] = (int32_t)index;
    return (struct weft_gen_path){ steps, parent.n_steps + 2 };
}

static int field_compare(const void *left, const void *right)
{
    const field_proto *a = *(const field_proto *const *)left, *b = *(const field_proto *const *)right;
    return (a->number > b->number) - (a->number < b->number);
}

static const field_proto **fields_by_number(struct weft_gen_model *model, const message_proto *proto)
{
    const field_proto **fields = weft_gen_alloc(model, (proto->n_field + 1) * sizeof *fields);
    for (size_t i = 0; i < proto->n_field; i++)
        fields[i] = proto->field[i];
    qsort(fields, proto->n_field, sizeof *fields, field_compare);
    return fields;
}

static char *full_name(struct weft_gen_model *model, const char *scope, const char *name)
{
    return weft_gen_format(model, "%s%s%s", scope, *scope != '\0' ? "." : "", name);
}

static size_t count_messages(message_proto *const *protos, size_t n)
{
    size_t count = n;
    for (size_t i = 0; i < n; i++)
        count += count_messages(protos[i]->nested_type, protos[i]->n_nested_type);
    return count;
}

static size_t count_enums(message_proto *const *protos, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += protos[i]->n_enum_type + count_enums(protos[i]->nested_type, protos[i]->n_nested_type);
    return count;
}

static void add_enums(struct weft_gen_model *model, const char *scope, enum_proto *const *protos, size_t n)
{
    for (size_t i = 0; i < n; i++)
        model->enums[model->n_enums++] = (struct weft_gen_enum){ full_name(model, scope, protos[i]->name), protos[i] };
}

/* `list` is the number of the field that holds the messages: 4 in a file, 3 in a message (descriptor.proto). */
static void add_messages(struct weft_gen_model *model, const file_proto *file, const char *scope,
                         struct weft_gen_path parent, int32_t list, message_proto *const *protos, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const message_proto *proto = protos[i];
        struct weft_gen_message *message = &model->messages[model->n_messages++];
        *message = (struct weft_gen_message){
            .name = full_name(model, scope, proto->name),
            .file = file,
            .proto = proto,
            .path = weft_gen_path(model, parent, list, i),
            .fields = fields_by_number(model, proto),
            .is_map_entry = proto->options != NULL && proto->options->map_entry,
        };
        message->event = weft_gen_options_event(model, message);
        add_enums(model, message->name, proto->enum_type, proto->n_enum_type);
        add_messages(model, file, message->name, message->path, 3, proto->nested_type, proto->n_nested_type);
    }
}

static int message_compare(const void *left, const void *right)
{
    return strcmp((*(struct weft_gen_message *const *)left)->name, (*(struct weft_gen_message *const *)right)->name);
}

static int enum_compare(const void *left, const void *right)
{
    return strcmp((*(struct weft_gen_enum *const *)left)->name, (*(struct weft_gen_enum *const *)right)->name);
}

static void sort_by_name(struct weft_gen_model *model)
{
    model->by_name = weft_gen_alloc(model, (model->n_messages + 1) * sizeof *model->by_name);
    for (size_t i = 0; i < model->n_messages; i++)
        model->by_name[i] = &model->messages[i];
    qsort(model->by_name, model->n_messages, sizeof *model->by_name, message_compare);
    model->enums_by_name = weft_gen_alloc(model, (model->n_enums + 1) * sizeof *model->enums_by_name);
    for (size_t i = 0; i < model->n_enums; i++)
        model->enums_by_name[i] = &model->enums[i];
    qsort(model->enums_by_name, model->n_enums, sizeof *model->enums_by_name, enum_compare);
}

void weft_gen_model_init(struct weft_gen_model *model, const Google__Protobuf__Compiler__CodeGeneratorRequest *request)
{
    *model = (struct weft_gen_model){ .files = (const file_proto *const *)request->proto_file,
                                      .n_files = request->n_proto_file };
    obstack_init(&model->memory);
    size_t n_messages = 0, n_enums = 0;
    for (size_t i = 0; i < model->n_files; i++) {
        const file_proto *file = model->files[i];
        n_messages += count_messages(file->message_type, file->n_message_type);
        n_enums += file->n_enum_type + count_enums(file->message_type, file->n_message_type);
    }
    model->messages = weft_gen_alloc(model, (n_messages + 1) * sizeof *model->messages);
    model->enums = weft_gen_alloc(model, (n_enums + 1) * sizeof *model->enums);
    for (size_t i = 0; i < model->n_files; i++) {
        const file_proto *file = model->files[i];
        const char *scope = file->package != NULL ? file->package : "";
        add_enums(model, scope, file->enum_type, file->n_enum_type);
        add_messages(model, file, scope, (struct weft_gen_path){ NULL, 0 }, 4, file->message_type,
                     file->n_message_type);
    }
    sort_by_name(model);
}

void weft_gen_model_free(struct weft_gen_model *model)
{
    obstack_free(&model->memory, NULL);
}

const file_proto *weft_gen_model_file(const struct weft_gen_model *model, const char *name)
{
    for (size_t i = 0; i < model->n_files; i++)
        if (strcmp(model->files[i]->name, name) == 0) return model->files[i];
    return NULL;
}

const struct weft_gen_message *weft_gen_model_message(const struct weft_gen_model *model, const char *name)
{
    struct weft_gen_message wanted = { .name = *name == '.' ? name + 1 : name }, *key = &wanted;
    struct weft_gen_message **found =
        bsearch(&key, model->by_name, model->n_messages, sizeof *model->by_name, message_compare);
    return found != NULL ? *found : NULL;
}

const struct weft_gen_enum *weft_gen_model_enum(const struct weft_gen_model *model, const char *name)
{
    struct weft_gen_enum wanted = { .name = *name == '.' ? name + 1 : name }, *key = &wanted;
    struct weft_gen_enum **found =
        bsearch(&key, model->enums_by_name, model->n_enums, sizeof *model->enums_by_name, enum_compare);
    return found != NULL ? *found : NULL;
}
