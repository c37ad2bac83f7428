/* data/request/request.h - idempotent commands. A command that carries a key leaves its answer behind, in the very
 * transaction of its effects; whoever repeats it with the key gets that answer, and nothing happens again. The thread
 * of the call.
 *
 *     begin -> answered: that is the answer
 *           -> else the handler runs; keep its answer; weft_work_finish; end */
#ifndef WEFT_DATA_REQUEST_H
#define WEFT_DATA_REQUEST_H

#include "contract/message.h"
#include "data/work.h"

#define WEFT_REQUEST_METADATA "idempotency-key" /* of a call: the key */

enum { WEFT_REQUEST_HASH_SIZE = 32 }; /* SHA-256 */

/* A command with a key, at work. */
struct weft_request {
    struct weft_work *work;
    const char *key, *principal;
    uint8_t hash[WEFT_REQUEST_HASH_SIZE];
    struct weft_value *row;   /* parameters of the row that its transaction begins with; NULL: it never came so far */
    bool answered;            /* it was done before ... */
    struct weft_bytes answer; /* ... and this was its answer; the work's arena */
};

/* Looks the key up; if it is new, the work's transaction begins with the row that keeps it. `message` is the packed
 * request. INVALID_ARGUMENT: not 1 to 128 visible ASCII characters, or the key of another request; else the store's
 * error. A failure is the work's. */
weft_status weft_request_begin(struct weft_request *request, struct weft_work *work, const char *key,
                               struct weft_bytes message);

/* The answer the row is to hold; before weft_work_finish. `answer` lives as long as the work. */
void weft_request_keep(struct weft_request *request, struct weft_bytes answer);

/* After weft_work_finish returned `status`. A failed try looks once more, for another may have succeeded meanwhile, or
 * this one itself, whose commit went through and whose connection was lost: then it is answered, and the status OK. */
weft_status weft_request_end(struct weft_request *request, weft_status status);

#endif
