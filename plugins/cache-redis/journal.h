/* journal.h - journals are streams: "weft:journal:<key>" holds the entries, "weft:claim:<key>" who has claimed them.
 *
 * No consumer group: it shares entries out, so that two consumers would have neighbours in their hands at once and no
 * order between them. A claim is of the whole journal, a key that expires by itself, and what must be looked at and
 * changed at once is a script. */
#ifndef CACHE_REDIS_JOURNAL_H
#define CACHE_REDIS_JOURNAL_H

#include "request.h"

void journal_ask_append(struct request *request, const struct weft_cache_op *op);
void journal_ask_claim(struct request *request, const struct weft_cache_op *op);
void journal_ask_done(struct request *request, const struct weft_cache_op *op);
void journal_read_claim(const redisReply *reply, struct weft_cache_result *result);

#endif
