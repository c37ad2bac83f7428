/* weft/contract.h - what protoc-gen-weft's generated code is made of. Service authors use the typed functions it
 * generates; the tables here are read by the core, by tools and by tests. All of them are constants.
 */
#ifndef WEFT_CONTRACT_H
#define WEFT_CONTRACT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_work weft_work;
typedef struct weft_tx weft_tx;
typedef struct weft_service weft_service;
typedef struct weft_group weft_group;

struct weft_message_type;

/* One .proto file, for reflection: its FileDescriptorProto, serialised, without source_code_info. */
struct weft_file {
    const char *name; /* "user/v1/user.proto" */
    const uint8_t *descriptor;
    size_t descriptor_size;
    const struct weft_file *const *dependencies; /* NULL-terminated */
    const struct weft_message_type *const *messages; /* NULL-terminated: all it declares, nested ones too */
};

enum {
    WEFT_FIELD_SENSITIVE = 1, /* masked wherever messages are printed */
    WEFT_FIELD_MAP = 2,       /* a map: the JSON form is an object */
    WEFT_FIELD_OPTIONAL = 4   /* proto3 optional: presence is known */
};

/* What protobuf-c's descriptors do not tell, beside each field in their order. */
struct weft_field {
    const char *json_name;
    const char *oneof; /* of real oneofs; NULL */
    uint32_t flags;
    uint32_t spare;
};

struct weft_message_type {
    const char *name; /* "user.v1.User" */
    const ProtobufCMessageDescriptor *descriptor;
    const struct weft_field *fields; /* descriptor->n_fields of them, in the descriptor's order */
    /* Of each field that is a message: its type (the entry's for maps), else NULL. */
    const struct weft_message_type *const *field_types;
    const struct weft_file *file;
    const char *fingerprint; /* 32 hex digits over the canonical form of the message and all it holds */
};

enum {
    WEFT_EVENT_UNROUTED_OK = 1, /* nobody listening is fine: not published as mandatory */
    WEFT_EVENT_BROADCAST = 2,   /* also goes to broadcast subscriptions */
    WEFT_EVENT_RECURSIVE = 4    /* says that it may hold itself */
};

struct weft_event_type {
    const char *type;        /* "user.v1.UserCreated" */
    const char *topic;       /* "user-events" */
    const char *routing_key; /* "user.created" */
    const struct weft_message_type *message;
    uint32_t version;   /* 1 or more */
    uint32_t key_field; /* index into message->descriptor->fields */
    uint32_t flags;
    uint32_t spare;
};

enum {
    WEFT_METHOD_CLIENT_STREAMS = 1,
    WEFT_METHOD_SERVER_STREAMS = 2,
    WEFT_METHOD_IDEMPOTENCY_KEY = 4, /* honours metadata idempotency-key */
    WEFT_METHOD_READ_ONLY = 8        /* idempotency_level = NO_SIDE_EFFECTS */
};

struct weft_method_type {
    const char *path;    /* "/user.v1.UserService/CreateUser" */
    const char *service; /* "user.v1.UserService" */
    const char *name;    /* "CreateUser" */
    const struct weft_message_type *input;
    const struct weft_message_type *output;
    const struct weft_file *file;
    uint32_t flags;
    uint32_t deadline_ms; /* of a call that brings none; 0: the host's */
};

/* A handler with its types removed; the generated trampoline puts them on again. */
typedef void (*weft_handler)(void);
typedef weft_status (*weft_method_trampoline)(weft_handler handler, weft_work *call, const ProtobufCMessage *in,
                                              ProtobufCMessage *out, void *arg);
typedef weft_status (*weft_event_trampoline)(weft_handler handler, weft_work *event, const ProtobufCMessage *in, void *arg);

/* Registration, called by generated code during a service's setup. A method or type registered twice, or a streaming
 * method registered here, is an error that ends the start with a text. Copies nothing: tables are constants. */
WEFT_API void weft_service_add_method(weft_service *service, const struct weft_method_type *type,
                                      weft_method_trampoline trampoline, weft_handler handler, void *arg);
WEFT_API void weft_group_add_event(weft_group *group, const struct weft_event_type *type,
                                   weft_event_trampoline trampoline, weft_handler handler, void *arg);
/* Says that the service emits this type, so that topic and type are known before the first emit. */
WEFT_API void weft_service_add_event(weft_service *service, const struct weft_event_type *type);

/* Puts an event into the transaction: it is published if and only if the transaction commits. The message is packed
 * before return, so it may live on the stack; a compound literal without `base` is fine, nested ones too. Fails, and
 * makes the transaction fail, when the message is too large, holds invalid UTF-8, or its key is empty:
 * INVALID_ARGUMENT. Generated code wraps it as <package>_<message>_emit(tx, message). The handler's thread. */
WEFT_API weft_status weft_emit(weft_tx *tx, const struct weft_event_type *type, const ProtobufCMessage *message);

/* Sends an event without a transaction: for telemetry and notifications, which nobody misses if one is lost. It leaves
 * whatever becomes of the work, a moment later and from another thread: this neither waits nor fails the work. While the
 * broker is away events wait in the cache's journal (with Redis a stream that outlives this process), bounded by the
 * setting direct_kept, and leave it in order once it is back; any instance of the service does that for one that died.
 * Promised is that much: at least once while the broker or the journal lives, so perhaps twice, with the same id; in the
 * order in which an instance sent them. Lost are those still in memory when the process is killed, those beyond the
 * bound, and those nobody listens to; all but the first are counted. What must not be lost is weft_emit's.
 * INVALID_ARGUMENT as weft_emit; RESOURCE_EXHAUSTED: too many wait. Most handlers need not look. Generated code wraps it
 * as <package>_<message>_emit_direct(work, message). The handler's thread. */
WEFT_API weft_status weft_emit_direct(weft_work *work, const struct weft_event_type *type,
                                      const ProtobufCMessage *message);

/* The same, later: the event is put into the outbox when `time_ms` (milliseconds since the epoch, weft_now_ms's clock) has
 * come, within about a second, in order of time; survives restarts. A time that has passed is now. With a name, unique
 * within the service, it takes the place of what was scheduled by that name and has not gone yet; NULL: none, it cannot
 * be cancelled. Fails as weft_emit does, and for a name of more than 255 bytes or a time before the epoch or after the
 * year 9999. Generated code wraps it as <package>_<message>_emit_at(tx, message, time_ms, name). */
WEFT_API weft_status weft_emit_at(weft_tx *tx, const struct weft_event_type *type, const ProtobufCMessage *message,
                                  int64_t time_ms, const char *name);

/* A message of the type in the work's arena, initialised; never NULL (a work out of memory is ended by the host).
 * Generated code wraps it as <package>_<message>_new(work). The handler's thread. */
WEFT_API ProtobufCMessage *weft_message_new(weft_work *work, const ProtobufCMessageDescriptor *descriptor);

struct weft_client; /* weft/client.h */

/* A unary call: packs `in`, waits for the answer to the deadline of `work` (NULL: the client's default), unpacks into
 * the work's arena. A method of a service in the same host is called without the network. Generated code wraps it as
 * <package>_<service>_<method>(client, work, in, &out). On failure the status is the callee's and *ret_out untouched.
 * The handler's thread, or any thread with `work` NULL (then free *ret_out by protobuf_c_message_free_unpacked). */
WEFT_API weft_status weft_client_call(struct weft_client *client, weft_work *work, const struct weft_method_type *type,
                                      const ProtobufCMessage *in, ProtobufCMessage **ret_out);

#ifdef __cplusplus
}
#endif
#endif
