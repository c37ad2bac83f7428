/* contract/registry.c - hash tables by name. Symbols are read out of the files' descriptors once, at the start. */
#include "contract/registry.h"

#include "base/memory.h"
#include "google/protobuf/descriptor.pb-c.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define uthash_fatal(message) abort() /* out of memory */
#include <uthash.h>

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;

struct entry { /* a name and what it stands for */
    UT_hash_handle hh;
    const void *value;
    char name[];
};

struct weft_registry {
    struct entry *events, *methods, *files, *symbols;
    const char **services; /* NULL-terminated */
    size_t n_services;
};

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static const void *table_get(struct entry *table, const char *name)
{
    struct entry *entry;
    HASH_FIND_STR(table, name, entry);
    return entry != NULL ? entry->value : NULL;
}

/* The name must not be there. */
static void table_add(struct entry **table, const char *name, const void *value)
{
    size_t size = strlen(name) + 1;
    struct entry *entry = weft_memory_get(sizeof *entry + size);
    entry->value = value;
    memcpy(entry->name, name, size);
    HASH_ADD_STR(*table, name, entry);
}

static void table_free(struct entry **table)
{
    struct entry *entry, *next;
    HASH_ITER(hh, *table, entry, next)
    {
        HASH_DEL(*table, entry);
        free(entry);
    }
}

struct weft_registry *weft_registry_new(void)
{
    struct weft_registry *registry = weft_memory_zeroed(1, sizeof *registry);
    registry->services = weft_memory_zeroed(1, sizeof *registry->services);
    return registry;
}

void weft_registry_free(struct weft_registry *registry)
{
    if (registry == NULL) return;
    table_free(&registry->events);
    table_free(&registry->methods);
    table_free(&registry->files);
    table_free(&registry->symbols);
    free(registry->services);
    free(registry);
}

/* ---- symbols ----------------------------------------------------------------------------------------------------- */

struct scope { /* where symbols are being added, and its name so far */
    struct weft_registry *registry;
    const struct weft_file *file;
    char name[512];
    size_t size;
};

/* Returns the size to go back to by scope_leave(). */
static size_t scope_enter(struct scope *scope, const char *name)
{
    size_t before = scope->size;
    int n = snprintf(scope->name + before, sizeof scope->name - before, "%s%s", before > 0 ? "." : "", name);
    scope->size += n > 0 ? (size_t)n : 0;
    if (scope->size >= sizeof scope->name) scope->size = sizeof scope->name - 1; /* cut off: no name is that long */
    return before;
}

static void scope_leave(struct scope *scope, size_t before)
{
    scope->size = before;
    scope->name[before] = '\0';
}

static void add_symbol(struct scope *scope, const char *name)
{
    size_t before = scope_enter(scope, name);
    if (table_get(scope->registry->symbols, scope->name) == NULL)
        table_add(&scope->registry->symbols, scope->name, scope->file);
    scope_leave(scope, before);
}

static void add_enums(struct scope *scope, enum_proto *const *enums, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add_symbol(scope, enums[i]->name);
        for (size_t k = 0; k < enums[i]->n_value; k++) /* values belong to the scope around their enum */
            add_symbol(scope, enums[i]->value[k]->name);
    }
}

static void add_messages(struct scope *scope, message_proto *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const message_proto *message = messages[i];
        add_symbol(scope, message->name);
        size_t before = scope_enter(scope, message->name);
        for (size_t k = 0; k < message->n_field; k++)
            add_symbol(scope, message->field[k]->name);
        for (size_t k = 0; k < message->n_extension; k++)
            add_symbol(scope, message->extension[k]->name);
        for (size_t k = 0; k < message->n_oneof_decl; k++)
            add_symbol(scope, message->oneof_decl[k]->name);
        add_enums(scope, message->enum_type, message->n_enum_type);
        add_messages(scope, message->nested_type, message->n_nested_type);
        scope_leave(scope, before);
    }
}

static void add_services(struct scope *scope, const file_proto *proto)
{
    for (size_t i = 0; i < proto->n_service; i++) {
        add_symbol(scope, proto->service[i]->name);
        size_t before = scope_enter(scope, proto->service[i]->name);
        for (size_t k = 0; k < proto->service[i]->n_method; k++)
            add_symbol(scope, proto->service[i]->method[k]->name);
        scope_leave(scope, before);
    }
}

static void add_file_symbols(struct weft_registry *registry, const struct weft_file *file, const file_proto *proto)
{
    struct scope scope = { .registry = registry, .file = file };
    if (proto->package != NULL && *proto->package != '\0') scope_enter(&scope, proto->package);
    add_messages(&scope, proto->message_type, proto->n_message_type);
    add_enums(&scope, proto->enum_type, proto->n_enum_type);
    add_services(&scope, proto);
    for (size_t i = 0; i < proto->n_extension; i++)
        add_symbol(&scope, proto->extension[i]->name);
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

weft_status weft_registry_add_file(struct weft_registry *registry, const struct weft_file *file,
                                   struct weft_fault *fault)
{
    const struct weft_file *known = weft_registry_file(registry, file->name);
    if (known != NULL) {
        if (known == file || (known->descriptor_size == file->descriptor_size &&
                              memcmp(known->descriptor, file->descriptor, file->descriptor_size) == 0))
            return WEFT_OK;
        return weft_fault_set(fault, WEFT_ALREADY_EXISTS,
                              "two modules were built with different versions of contract %s; build them with the same",
                              file->name);
    }
    file_proto *proto = google__protobuf__file_descriptor_proto__unpack(NULL, file->descriptor_size, file->descriptor);
    if (proto == NULL)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "contract %s: its embedded descriptor cannot be read",
                              file->name);
    table_add(&registry->files, file->name, file); /* before its dependencies: a circle would end here */
    add_file_symbols(registry, file, proto);
    google__protobuf__file_descriptor_proto__free_unpacked(proto, NULL);
    weft_status status = WEFT_OK;
    for (size_t i = 0; file->dependencies[i] != NULL && status == WEFT_OK; i++)
        status = weft_registry_add_file(registry, file->dependencies[i], fault);
    return status;
}

weft_status weft_registry_add_event(struct weft_registry *registry, const struct weft_event_type *type,
                                    struct weft_fault *fault)
{
    const struct weft_event_type *known = weft_registry_event(registry, type->type);
    if (known == NULL) {
        table_add(&registry->events, type->type, type);
        return weft_registry_add_file(registry, type->message->file, fault);
    }
    if (strcmp(known->topic, type->topic) != 0)
        return weft_fault_set(fault, WEFT_ALREADY_EXISTS,
                              "event %s has topic %s in one module and %s in another; build them "
                              "with the same contract",
                              type->type, known->topic, type->topic);
    if (strcmp(known->message->fingerprint, type->message->fingerprint) != 0)
        return weft_fault_set(fault, WEFT_ALREADY_EXISTS,
                              "event %s has different fields in two modules (fingerprints %s and "
                              "%s); build them with the same contract",
                              type->type, known->message->fingerprint, type->message->fingerprint);
    return WEFT_OK;
}

static void add_service(struct weft_registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->n_services; i++)
        if (strcmp(registry->services[i], name) == 0) return;
    registry->services =
        weft_memory_resize(registry->services, (registry->n_services + 2) * sizeof *registry->services);
    registry->services[registry->n_services++] = name;
    registry->services[registry->n_services] = NULL;
}

weft_status weft_registry_add_method(struct weft_registry *registry, const struct weft_method_type *type,
                                     struct weft_fault *fault)
{
    const struct weft_method_type *known = weft_registry_method(registry, type->path);
    if (known == NULL) {
        table_add(&registry->methods, type->path, type);
        add_service(registry, type->service);
        return weft_registry_add_file(registry, type->file, fault);
    }
    if (strcmp(known->input->fingerprint, type->input->fingerprint) != 0 ||
        strcmp(known->output->fingerprint, type->output->fingerprint) != 0)
        return weft_fault_set(fault, WEFT_ALREADY_EXISTS,
                              "method %s takes or returns different messages in two modules; build "
                              "them with the same contract",
                              type->path);
    return WEFT_OK;
}

/* ---- looking up -------------------------------------------------------------------------------------------------- */

const struct weft_event_type *weft_registry_event(const struct weft_registry *registry, const char *type)
{
    return table_get(registry->events, type);
}

const struct weft_method_type *weft_registry_method(const struct weft_registry *registry, const char *path)
{
    return table_get(registry->methods, path);
}

const struct weft_file *weft_registry_file(const struct weft_registry *registry, const char *name)
{
    return table_get(registry->files, name);
}

const struct weft_file *weft_registry_symbol(const struct weft_registry *registry, const char *symbol)
{
    return table_get(registry->symbols, symbol);
}

const char *const *weft_registry_services(const struct weft_registry *registry)
{
    return registry->services;
}
