/* contract/dynamic/dynamic.h - message types made at run time from FileDescriptorProtos, as server reflection hands
 * them out: so that `weft call` speaks JSON to any server. What a server sends is checked as any input. All types
 * belong to the weft_dynamic; their fingerprints are "". The owner's thread. */
#ifndef WEFT_CONTRACT_DYNAMIC_H
#define WEFT_CONTRACT_DYNAMIC_H

#include "base/fault.h"
#include <stddef.h>
#include <weft/contract.h>

struct weft_dynamic;

struct weft_dynamic *weft_dynamic_new(void);
void weft_dynamic_free(struct weft_dynamic *dynamic);
/* Adds one serialised FileDescriptorProto; dependencies may come later. The same name again is ignored. What libweft
 * has itself (the well-known types, weft/options.proto) need not be added. INVALID_ARGUMENT: it is none. */
weft_status weft_dynamic_add(struct weft_dynamic *dynamic, const void *bytes, size_t size,
                             struct weft_fault *ret_fault);
/* A file that is imported and not there yet, or NULL. */
const char *weft_dynamic_missing(struct weft_dynamic *dynamic);
/* A message by its full name, "user.v1.User"; NOT_FOUND. */
weft_status weft_dynamic_message(struct weft_dynamic *dynamic, const char *name,
                                 const struct weft_message_type **ret_type, struct weft_fault *ret_fault);
/* By full name, "user.v1.UserService/CreateUser" or "user.v1.UserService.CreateUser". NOT_FOUND names near ones. */
weft_status weft_dynamic_method(struct weft_dynamic *dynamic, const char *name,
                                const struct weft_method_type **ret_type, struct weft_fault *ret_fault);

#endif
