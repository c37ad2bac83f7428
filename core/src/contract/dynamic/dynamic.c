/* contract/dynamic/dynamic.c - files are read and their types named when they are added; types are laid out when the
 * first one is asked for, after all files are there: they may refer to one another in any order. */
#include "contract/dynamic/dynamic.h"

#include "base/memory.h"
#include "base/text.h"
#include "contract/dynamic/dynamic_type.h"
#include "contract/guard.h"
#include "contract/wellknown.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define uthash_fatal(message) abort() /* out of memory */
#include <uthash.h>

enum { FILES_MAX = 2000, NAME_MAX_BYTES = 1000 };

struct dynamic_file {
    UT_hash_handle hh;
    struct weft_file file;
    const file_proto *proto;
    size_t n_messages; /* put into file.messages so far */
};

struct dynamic_message {
    UT_hash_handle hh;
    struct weft_message_type type; /* its name is the key */
    ProtobufCMessageDescriptor descriptor;
    const message_proto *proto;
    const struct dynamic_file *file;
    bool is_map_entry;
};

struct dynamic_enum {
    UT_hash_handle hh;
    const char *name;
    ProtobufCEnumDescriptor descriptor;
    const enum_proto *proto;
};

struct weft_dynamic {
    struct weft_arena *arena;
    struct dynamic_file *files;
    struct dynamic_message *messages;
    struct dynamic_enum *enums;
    bool laid_out; /* everything added so far */
};

struct weft_dynamic *weft_dynamic_new(void)
{
    struct weft_dynamic *dynamic = weft_memory_zeroed(1, sizeof *dynamic);
    dynamic->arena = weft_arena_new(16384);
    return dynamic;
}

void weft_dynamic_free(struct weft_dynamic *dynamic)
{
    if (dynamic == NULL) return;
    HASH_CLEAR(hh, dynamic->files); /* the elements are the arena's */
    HASH_CLEAR(hh, dynamic->messages);
    HASH_CLEAR(hh, dynamic->enums);
    weft_arena_free(dynamic->arena);
    free(dynamic);
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

struct adding { /* a file under way */
    struct weft_dynamic *dynamic;
    struct dynamic_file *file;
    struct weft_fault *fault;
};

static weft_status full_name(struct adding *adding, const char *scope, const char *name, const char **ret_name)
{
    if (name == NULL || *name == '\0')
        return weft_fault_set(adding->fault, WEFT_INVALID_ARGUMENT, "file %s declares something without a name",
                              adding->file->file.name);
    if (strlen(scope) + strlen(name) > NAME_MAX_BYTES)
        return weft_fault_set(adding->fault, WEFT_INVALID_ARGUMENT, "file %s declares a name of over %d bytes",
                              adding->file->file.name, NAME_MAX_BYTES);
    *ret_name = weft_arena_format(adding->dynamic->arena, "%s%s%s", scope, *scope != '\0' ? "." : "", name);
    return WEFT_OK;
}

static weft_status add_enums(struct adding *adding, const char *scope, enum_proto *const *protos, size_t n)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < n && status == WEFT_OK; i++) {
        struct dynamic_enum *added = weft_arena_alloc(adding->dynamic->arena, sizeof *added), *known = NULL;
        status = full_name(adding, scope, protos[i]->name, &added->name);
        if (status != WEFT_OK) break;
        HASH_FIND_STR(adding->dynamic->enums, added->name, known);
        if (known != NULL) continue;
        added->proto = protos[i];
        status =
            weft_dynamic_fill_enum(adding->dynamic->arena, added->name, protos[i], &added->descriptor, adding->fault);
        if (status == WEFT_OK) HASH_ADD_KEYPTR(hh, adding->dynamic->enums, added->name, strlen(added->name), added);
    }
    return status;
}

/* Two files that declare one name: the first wins. */
static void add_message(struct adding *adding, const char *name, const message_proto *proto)
{
    struct dynamic_message *known = NULL;
    HASH_FIND_STR(adding->dynamic->messages, name, known);
    if (known != NULL) return;
    struct dynamic_message *added = weft_arena_alloc(adding->dynamic->arena, sizeof *added);
    added->type = (struct weft_message_type){
        .name = name, .descriptor = &added->descriptor, .file = &adding->file->file, .fingerprint = ""
    };
    added->proto = proto;
    added->file = adding->file;
    added->is_map_entry = proto->options != NULL && proto->options->map_entry;
    HASH_ADD_KEYPTR(hh, adding->dynamic->messages, added->type.name, strlen(name), added);
    ((const struct weft_message_type **)(uintptr_t)adding->file->file.messages)[adding->file->n_messages++] =
        &added->type;
}

/* The guard has bounded the depth. */
static weft_status add_messages(struct adding *adding, const char *scope, message_proto *const *protos, size_t n)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < n && status == WEFT_OK; i++) {
        const char *name;
        status = full_name(adding, scope, protos[i]->name, &name);
        if (status != WEFT_OK) break;
        add_message(adding, name, protos[i]);
        status = add_enums(adding, name, protos[i]->enum_type, protos[i]->n_enum_type);
        if (status == WEFT_OK) status = add_messages(adding, name, protos[i]->nested_type, protos[i]->n_nested_type);
    }
    return status;
}

static size_t count_messages(message_proto *const *protos, size_t n)
{
    size_t count = n;
    for (size_t i = 0; i < n; i++)
        count += count_messages(protos[i]->nested_type, protos[i]->n_nested_type);
    return count;
}

static weft_status add_file(struct weft_dynamic *dynamic, const file_proto *proto, const void *bytes, size_t size,
                            struct weft_fault *fault)
{
    struct dynamic_file *file = weft_arena_alloc(dynamic->arena, sizeof *file);
    size_t n_messages = count_messages(proto->message_type, proto->n_message_type);
    file->proto = proto;
    file->file.name = proto->name;
    file->file.descriptor = weft_arena_copy(dynamic->arena, bytes, size);
    file->file.descriptor_size = size;
    file->file.dependencies = weft_arena_alloc(dynamic->arena, (proto->n_dependency + 1) * sizeof(void *));
    file->file.messages = weft_arena_alloc(dynamic->arena, (n_messages + 1) * sizeof(void *));
    HASH_ADD_KEYPTR(hh, dynamic->files, file->file.name, strlen(file->file.name), file);
    dynamic->laid_out = false;
    const char *package = proto->package != NULL ? proto->package : "";
    struct adding adding = { dynamic, file, fault };
    weft_status status = add_enums(&adding, package, proto->enum_type, proto->n_enum_type);
    return status == WEFT_OK ? add_messages(&adding, package, proto->message_type, proto->n_message_type) : status;
}

weft_status weft_dynamic_add(struct weft_dynamic *dynamic, const void *bytes, size_t size, struct weft_fault *fault)
{
    static const struct weft_guard_limits limits = { 8u << 20, WEFT_GUARD_DEPTH_MAX, 1000000, 256u << 20 };
    ProtobufCMessage *message;
    struct dynamic_file *known = NULL;
    weft_status status = weft_guard_unpack(&limits, &google__protobuf__file_descriptor_proto__descriptor, bytes, size,
                                           dynamic->arena, &message, fault);
    if (status != WEFT_OK) return status;
    const file_proto *proto = (const file_proto *)message;
    if (proto->name == NULL || *proto->name == '\0')
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "a FileDescriptorProto has no name");
    if (HASH_COUNT(dynamic->files) >= FILES_MAX)
        return weft_fault_set(fault, WEFT_RESOURCE_EXHAUSTED, "there are more than %d files of descriptors", FILES_MAX);
    HASH_FIND_STR(dynamic->files, proto->name, known);
    if (known != NULL || weft_wellknown_file(proto->name) != NULL) return WEFT_OK;
    return add_file(dynamic, proto, bytes, size, fault);
}

/* ---- looking up and laying out ------------------------------------------------------------------------------------
 */

static const struct weft_file *find_file(const struct weft_dynamic *dynamic, const char *name)
{
    struct dynamic_file *file = NULL;
    HASH_FIND_STR(dynamic->files, name, file);
    return file != NULL ? &file->file : weft_wellknown_file(name);
}

const char *weft_dynamic_missing(struct weft_dynamic *dynamic)
{
    for (struct dynamic_file *file = dynamic->files; file != NULL; file = file->hh.next)
        for (size_t i = 0; i < file->proto->n_dependency; i++)
            if (find_file(dynamic, file->proto->dependency[i]) == NULL) return file->proto->dependency[i];
    return NULL;
}

const struct weft_message_type *weft_dynamic_find_message(const struct weft_dynamic *dynamic, const char *name,
                                                          bool *ret_is_map)
{
    struct dynamic_message *found = NULL;
    HASH_FIND_STR(dynamic->messages, name, found);
    *ret_is_map = found != NULL && found->is_map_entry;
    return found != NULL ? &found->type : weft_wellknown_find(name);
}

const ProtobufCEnumDescriptor *weft_dynamic_find_enum(const struct weft_dynamic *dynamic, const char *name)
{
    struct dynamic_enum *found = NULL;
    HASH_FIND_STR(dynamic->enums, name, found);
    if (found != NULL) return &found->descriptor;
    return strcmp(name, "google.protobuf.NullValue") == 0 ? weft_wellknown_null_enum() : NULL;
}

static void link_files(struct weft_dynamic *dynamic)
{
    for (struct dynamic_file *file = dynamic->files; file != NULL; file = file->hh.next)
        for (size_t i = 0; i < file->proto->n_dependency; i++)
            ((const struct weft_file **)(uintptr_t)file->file.dependencies)[i] =
                find_file(dynamic, file->proto->dependency[i]);
}

static weft_status lay_out(struct weft_dynamic *dynamic, struct weft_fault *fault)
{
    const char *missing = weft_dynamic_missing(dynamic);
    if (dynamic->laid_out) return WEFT_OK;
    if (missing != NULL)
        return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "file %s is imported and not there; add it", missing);
    for (struct dynamic_message *message = dynamic->messages; message != NULL; message = message->hh.next) {
        weft_status status = weft_dynamic_fill_message(dynamic, dynamic->arena, message->file->proto, message->proto,
                                                       &message->type, &message->descriptor, fault);
        if (status != WEFT_OK) return status;
    }
    link_files(dynamic);
    dynamic->laid_out = true;
    return WEFT_OK;
}

weft_status weft_dynamic_message(struct weft_dynamic *dynamic, const char *name,
                                 const struct weft_message_type **ret_type, struct weft_fault *fault)
{
    bool is_map;
    weft_status status = lay_out(dynamic, fault);
    if (status != WEFT_OK) return status;
    const struct weft_message_type *found = weft_dynamic_find_message(dynamic, name, &is_map);
    if (found == NULL) return weft_fault_set(fault, WEFT_NOT_FOUND, "there is no message %s", name);
    *ret_type = found;
    return WEFT_OK;
}

/* ---- methods ----------------------------------------------------------------------------------------------------- */

typedef Google__Protobuf__MethodDescriptorProto method_proto;

struct found_method {
    const struct dynamic_file *file;
    const char *service; /* full name */
    const method_proto *proto;
};

/* Calls `visit` for each method of each file until it says true. */
static bool each_method(struct weft_dynamic *dynamic, bool (*visit)(const struct found_method *method, void *arg),
                        void *arg)
{
    for (struct dynamic_file *file = dynamic->files; file != NULL; file = file->hh.next) {
        const char *package = file->proto->package != NULL ? file->proto->package : "";
        for (size_t s = 0; s < file->proto->n_service; s++) {
            const Google__Protobuf__ServiceDescriptorProto *service = file->proto->service[s];
            const char *name = weft_arena_format(dynamic->arena, "%s%s%s", package, *package != '\0' ? "." : "",
                                                 service->name != NULL ? service->name : "");
            for (size_t m = 0; m < service->n_method; m++) {
                struct found_method method = { file, name, service->method[m] };
                if (method.proto->name != NULL && visit(&method, arg)) return true;
            }
        }
    }
    return false;
}

struct search {
    const char *name; /* "user.v1.UserService.CreateUser", a slash made a dot */
    struct found_method found;
    struct weft_arena *arena;
    const char **names; /* of all, for the nearest one */
    size_t n_names;
};

static bool visit_search(const struct found_method *method, void *arg)
{
    struct search *search = arg;
    size_t size = strlen(method->service);
    if (strncmp(search->name, method->service, size) != 0 || search->name[size] != '.' ||
        strcmp(search->name + size + 1, method->proto->name) != 0)
        return false;
    search->found = *method;
    return true;
}

enum { NAMES_MAX = 1000 };

static bool visit_names(const struct found_method *method, void *arg)
{
    struct search *search = arg;
    search->names[search->n_names++] = weft_arena_format(search->arena, "%s.%s", method->service, method->proto->name);
    return search->n_names == NAMES_MAX;
}

static weft_status no_method(struct weft_dynamic *dynamic, struct search *search, struct weft_fault *fault)
{
    search->names = weft_arena_alloc(dynamic->arena, (NAMES_MAX + 1) * sizeof *search->names);
    each_method(dynamic, visit_names, search);
    const char *nearest = weft_text_nearest(search->name, search->names);
    if (nearest != NULL)
        return weft_fault_set(fault, WEFT_NOT_FOUND, "there is no method %s; is it %s?", search->name, nearest);
    return weft_fault_set(fault, WEFT_NOT_FOUND, "there is no method %s%s%s", search->name,
                          search->n_names > 0 ? "; there is " : "", search->n_names > 0 ? search->names[0] : "");
}

static weft_status make_method(struct weft_dynamic *dynamic, const struct found_method *found,
                               const struct weft_method_type **ret_type, struct weft_fault *fault)
{
    struct weft_method_type *type = weft_arena_alloc(dynamic->arena, sizeof *type);
    const char *input = found->proto->input_type, *output = found->proto->output_type;
    if (input == NULL || *input != '.' || output == NULL || *output != '.')
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "method %s of %s does not name its messages in full",
                              found->proto->name, found->service);
    weft_status status = weft_dynamic_message(dynamic, input + 1, &type->input, fault);
    if (status == WEFT_OK) status = weft_dynamic_message(dynamic, output + 1, &type->output, fault);
    if (status != WEFT_OK) return status;
    type->path = weft_arena_format(dynamic->arena, "/%s/%s", found->service, found->proto->name);
    type->service = found->service;
    type->name = found->proto->name;
    type->file = &found->file->file;
    type->flags = (found->proto->client_streaming ? WEFT_METHOD_CLIENT_STREAMS : 0u) |
                  (found->proto->server_streaming ? WEFT_METHOD_SERVER_STREAMS : 0u);
    *ret_type = type;
    return WEFT_OK;
}

weft_status weft_dynamic_method(struct weft_dynamic *dynamic, const char *name,
                                const struct weft_method_type **ret_type, struct weft_fault *fault)
{
    char *dotted = weft_arena_strdup(dynamic->arena, *name == '/' ? name + 1 : name), *slash = strrchr(dotted, '/');
    if (slash != NULL) *slash = '.';
    struct search search = { .name = dotted, .arena = dynamic->arena };
    if (!each_method(dynamic, visit_search, &search)) return no_method(dynamic, &search, fault);
    return make_method(dynamic, &search.found, ret_type, fault);
}
