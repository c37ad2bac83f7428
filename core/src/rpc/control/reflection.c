/* rpc/control/reflection.c - server reflection (grpc/grpc, doc/server-reflection.md). v1 and v1alpha are the same
 * messages under two names: both are read and written as v1. One request is answered at a time, which is the stream's
 * flow control. */
#include "base/arena.h"
#include "rpc/control/control.h"
#include <google/protobuf/descriptor.pb-c.h>
#include <grpc/byte_buffer.h>
#include <grpc/reflection/v1/reflection.weft.h>
#include <grpc/reflection/v1alpha/reflection.weft.h>
#include <stdio.h>
#include <string.h>

#define MAX_FILES      1024 /* of one answer */
#define MAX_EXTENSIONS 1024

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;
#define REQUEST(kind)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##kind
#define RESPONSE(kind) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##kind

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

static ProtobufCMessage *message_new(struct weft_control_call *call, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = weft_arena_alloc(call->arena, descriptor->sizeof_message);
    protobuf_c_message_init(descriptor, message);
    return message;
}
#define NEW(call, name) ((void *)message_new(call, &grpc__reflection__v1__##name##__descriptor))

static void answer_not_found(struct weft_control_call *call, reflection_response *response, char *text)
{
    response->error_response = NEW(call, error_response);
    response->error_response->error_code = WEFT_NOT_FOUND;
    response->error_response->error_message = text;
    response->message_response_case = RESPONSE(ERROR_RESPONSE);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

struct file_list { /* without duplicates */
    const struct weft_file **files;
    size_t n;
};

/* The file and all it imports, it first. Imports make no circles, and each file is added once. */
static void list_add(struct file_list *list, const struct weft_file *file)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->files[i] == file) return;
    if (list->n == MAX_FILES) return;
    list->files[list->n++] = file;
    for (const struct weft_file *const *dependency = file->dependencies; *dependency != NULL; dependency++)
        list_add(list, *dependency);
}

static struct file_list list_new(struct weft_control_call *call)
{
    return (struct file_list){ weft_arena_alloc(call->arena, MAX_FILES * sizeof(struct weft_file *)), 0 };
}

/* With its imports, which clients ask for next anyway. */
static void answer_file(struct weft_control_call *call, reflection_response *response, const struct weft_file *file)
{
    struct file_list list = list_new(call);
    list_add(&list, file);
    Grpc__Reflection__V1__FileDescriptorResponse *files = NEW(call, file_descriptor_response);
    files->file_descriptor_proto = weft_arena_alloc(call->arena, list.n * sizeof files->file_descriptor_proto[0]);
    for (; files->n_file_descriptor_proto < list.n; files->n_file_descriptor_proto++) {
        const struct weft_file *each = list.files[files->n_file_descriptor_proto];
        files->file_descriptor_proto[files->n_file_descriptor_proto] =
            (ProtobufCBinaryData){ each->descriptor_size, (uint8_t *)(uintptr_t)each->descriptor };
    }
    response->file_descriptor_response = files;
    response->message_response_case = RESPONSE(FILE_DESCRIPTOR_RESPONSE);
}

static void answer_file_by_name(struct weft_control_call *call, const char *name, reflection_response *response)
{
    const struct weft_file *file = weft_control_file(call->control, name);
    if (file != NULL)
        answer_file(call, response, file);
    else
        answer_not_found(call, response, weft_arena_format(call->arena, "no file '%s' here", name));
}

static void answer_symbol(struct weft_control_call *call, const char *symbol, reflection_response *response)
{
    const struct weft_file *file = weft_control_symbol(call->control, symbol);
    if (file != NULL)
        answer_file(call, response, file);
    else
        answer_not_found(call, response, weft_arena_format(call->arena, "no symbol '%s' here", symbol));
}

/* ---- extensions -------------------------------------------------------------------------------------------------- */

struct extension_search {
    const char *extendee; /* "google.protobuf.MethodOptions" */
    int32_t numbers[MAX_EXTENSIONS];
    const struct weft_file *files[MAX_EXTENSIONS]; /* which declares it */
    size_t n;
};

static void search_fields(struct extension_search *search, const struct weft_file *file, field_proto *const *fields,
                          size_t n)
{
    for (size_t i = 0; i < n && search->n < MAX_EXTENSIONS; i++) {
        const char *extendee = fields[i]->extendee;
        if (extendee == NULL || extendee[0] != '.' || strcmp(extendee + 1, search->extendee) != 0) continue;
        search->files[search->n] = file;
        search->numbers[search->n++] = fields[i]->number;
    }
}

static void search_messages(struct extension_search *search, const struct weft_file *file,
                            message_proto *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        search_fields(search, file, messages[i]->extension, messages[i]->n_extension);
        search_messages(search, file, messages[i]->nested_type, messages[i]->n_nested_type);
    }
}

static void search_file(struct extension_search *search, struct weft_arena *arena, const struct weft_file *file)
{
    const file_proto *proto = google__protobuf__file_descriptor_proto__unpack(weft_arena_protobuf(arena),
                                                                              file->descriptor_size, file->descriptor);
    if (proto == NULL) return;
    search_fields(search, file, proto->extension, proto->n_extension);
    search_messages(search, file, proto->message_type, proto->n_message_type);
}

/* Of all files that the services need. Descriptors are read each time: this is asked for rarely. */
static struct extension_search *search_new(struct weft_control_call *call, const char *extendee)
{
    struct extension_search *search = weft_arena_alloc(call->arena, sizeof *search);
    struct file_list list = list_new(call);
    search->extendee = extendee;
    for (const char *const *service = weft_control_services(call->control); *service != NULL; service++) {
        const struct weft_file *file = weft_control_symbol(call->control, *service);
        if (file != NULL) list_add(&list, file);
    }
    for (size_t i = 0; i < list.n; i++)
        search_file(search, call->arena, list.files[i]);
    return search;
}

static void answer_extension(struct weft_control_call *call, const Grpc__Reflection__V1__ExtensionRequest *request,
                             reflection_response *response)
{
    const struct extension_search *search = search_new(call, request->containing_type);
    for (size_t i = 0; i < search->n; i++)
        if (search->numbers[i] == request->extension_number) {
            answer_file(call, response, search->files[i]);
            return;
        }
    answer_not_found(call, response,
                     weft_arena_format(call->arena, "no extension %d of '%s' here", (int)request->extension_number,
                                       request->containing_type));
}

static void answer_extension_numbers(struct weft_control_call *call, const char *type, reflection_response *response)
{
    if (weft_control_symbol(call->control, type) == NULL) {
        answer_not_found(call, response, weft_arena_format(call->arena, "no type '%s' here", type));
        return;
    }
    struct extension_search *search = search_new(call, type);
    Grpc__Reflection__V1__ExtensionNumberResponse *numbers = NEW(call, extension_number_response);
    numbers->base_type_name = weft_arena_strdup(call->arena, type);
    numbers->n_extension_number = search->n;
    numbers->extension_number = search->numbers;
    response->all_extension_numbers_response = numbers;
    response->message_response_case = RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE);
}

/* ---- services ---------------------------------------------------------------------------------------------------- */

static void answer_services(struct weft_control_call *call, reflection_response *response)
{
    const char *const *names = weft_control_services(call->control);
    Grpc__Reflection__V1__ListServiceResponse *list = NEW(call, list_service_response);
    while (names[list->n_service] != NULL)
        list->n_service++;
    list->service = weft_arena_alloc(call->arena, list->n_service * sizeof list->service[0]);
    for (size_t i = 0; i < list->n_service; i++) {
        list->service[i] = NEW(call, service_response);
        list->service[i]->name = weft_arena_strdup(call->arena, names[i]);
    }
    response->list_services_response = list;
    response->message_response_case = RESPONSE(LIST_SERVICES_RESPONSE);
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

static void answer_request(struct weft_control_call *call, reflection_request *request, reflection_response *response)
{
    switch (request->message_request_case) {
    case REQUEST(FILE_BY_FILENAME):
        answer_file_by_name(call, request->file_by_filename, response);
        return;
    case REQUEST(FILE_CONTAINING_SYMBOL):
        answer_symbol(call, request->file_containing_symbol, response);
        return;
    case REQUEST(FILE_CONTAINING_EXTENSION):
        answer_extension(call, request->file_containing_extension, response);
        return;
    case REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE):
        answer_extension_numbers(call, request->all_extension_numbers_of_type, response);
        return;
    case REQUEST(LIST_SERVICES):
        answer_services(call, response);
        return;
    default:
        answer_not_found(call, response, weft_arena_strdup(call->arena, "unknown kind of request"));
        response->error_response->error_code = WEFT_INVALID_ARGUMENT;
    }
}

static void reflection_received(struct weft_control_call *call)
{
    if (call->request == NULL) {
        weft_control_finish(call, WEFT_OK, "");
        return;
    }
    reflection_request *request =
        (void *)weft_control_unpack(call, &grpc__reflection__v1__server_reflection_request__descriptor);
    if (request == NULL) return;
    reflection_response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    response.valid_host = request->host;
    response.original_request = request;
    answer_request(call, request, &response);
    weft_control_send(call, &response.base);
}

static void reflection_sent(struct weft_control_call *call)
{
    weft_arena_reset(call->arena);
    weft_control_receive(call);
}

const struct weft_control_method weft_reflection_v1 = {
    .type = &grpc_reflection_v1_server_reflection_server_reflection_info_method,
    .opened = weft_control_receive,
    .received = reflection_received,
    .sent = reflection_sent,
};
const struct weft_control_method weft_reflection_v1alpha = {
    .type = &grpc_reflection_v1alpha_server_reflection_server_reflection_info_method,
    .opened = weft_control_receive,
    .received = reflection_received,
    .sent = reflection_sent,
};
