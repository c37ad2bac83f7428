/* observe/admin/token.h - the admin token that a host makes for itself when none is set: it stands in data_dir, where
 * whoever may act on the host can read it. The caller's thread. */
#ifndef WEFT_OBSERVE_ADMIN_TOKEN_H
#define WEFT_OBSERVE_ADMIN_TOKEN_H

#include "base/fault.h"

enum { WEFT_TOKEN_SHORTEST = 16, WEFT_TOKEN_SIZE = 257 }; /* the size with NUL */

/* INVALID_ARGUMENT: not 16 to 256 visible ASCII characters; the text does not show it. `origin` says where it is from.
 */
weft_status weft_token_check(const char *token, const char *origin, struct weft_fault *ret_fault);

/* The token in <data_dir>/admin.token, made (mode 0600, the folder too) if it is not there: hosts that share a folder
 * share it. One that others may read or write is replaced. UNAVAILABLE: it cannot be written. */
weft_status weft_token_make(const char *data_dir, char ret_token[WEFT_TOKEN_SIZE], struct weft_fault *ret_fault);

/* What a command shows to the host. NOT_FOUND: there is none (no host has run there); PERMISSION_DENIED. */
weft_status weft_token_read(const char *data_dir, char ret_token[WEFT_TOKEN_SIZE], struct weft_fault *ret_fault);

#endif
