/* rpc/server/details.h - google.rpc.Status, which travels in the trailer grpc-status-details-bin beside code and
 * message and agrees with them. */
#ifndef WEFT_RPC_DETAILS_H
#define WEFT_RPC_DETAILS_H

#include "base/fault.h"
#include "contract/message.h"

#define WEFT_DETAILS_KEY "grpc-status-details-bin"

/* Of a fault with violations: with google.rpc.BadRequest. In the arena. Clients bound the size of metadata, 8 KiB as a
 * rule, so violations that lead over a half of that are left out. */
struct weft_bytes weft_details_pack(struct weft_arena *arena, const struct weft_fault *fault);

#endif
