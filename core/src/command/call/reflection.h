/* command/call/reflection.h - a method's types, asked of the server that has it (grpc.reflection.v1, else v1alpha). */
#ifndef WEFT_COMMAND_CALL_REFLECTION_H
#define WEFT_COMMAND_CALL_REFLECTION_H

#include "contract/dynamic/dynamic.h"
#include "rpc/client/channel.h"

/* Fills `dynamic` with the file that declares `service` ("user.v1.UserService") and all it imports. NOT_FOUND: the
 * server has no such service; UNIMPLEMENTED: it has no reflection; else the call's status. */
weft_status weft_reflection_load(struct weft_channel *channel, const char *service, uint64_t deadline_ns,
                                 struct weft_dynamic *dynamic, struct weft_fault *ret_fault);

#endif
