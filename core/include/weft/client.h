/* weft/client.h - calling other services. The generated <package>_<service>_<method>(client, work, in, &out) are typed
 * forms of weft_client_call (contract.h). */
#ifndef WEFT_CLIENT_H
#define WEFT_CLIENT_H

#include <weft/contract.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_client weft_client;

/* A client of `target`, for example "dns:///order-service:50051" or "127.0.0.1:50051". Connects when used, reconnects by
 * itself; any number of threads may call through it. Never NULL. `timeout_ms` is the deadline of calls whose work brings
 * none; 0: 5000. */
WEFT_API weft_client *weft_client_new(const char *target, uint32_t timeout_ms);
WEFT_API void weft_client_free(weft_client *client); /* NULL is fine; no call may be under way */

/* The text of the last failed call of the calling thread; "" if there was none. */
WEFT_API const char *weft_client_error(void);

#ifdef __cplusplus
}
#endif
#endif
