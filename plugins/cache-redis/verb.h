/* verb.h - the ABI's verbs in Redis' commands.
 *
 * Leases. A lease is a key of its own beside the value's: "weft:lease:<key>" holds the token and expires by itself.
 * Values so stay plain for whoever else reads them, and a hit is one GET. A miss takes the lease in a second round trip
 * (SET NX PX). Each write deletes the lease first and then writes: a fill that gets in between is overwritten by the
 * write, and one that comes later finds no lease. FILL compares and sets in a script, on the server, hence at once. The
 * script's text goes along (EVAL): 150 bytes more on the way of a miss, and no state to lose with SCRIPT FLUSH or a
 * failover. */
#ifndef CACHE_REDIS_VERB_H
#define CACHE_REDIS_VERB_H

#include "request.h"

/* Adds the valid operation's commands; the reply to the last of them is the one that counts. */
void verb_add(struct request *request, const struct weft_cache_op *op);
/* May it be sent again when it is not known whether it arrived? */
bool verb_repeatable(const struct weft_cache_op *op);
/* Reads the reply that counts; the result points into it. */
void verb_result(const struct weft_cache_op *op, const redisReply *reply, struct weft_cache_result *ret_result);

/* The second step of GET_OR_LEASE after a miss. */
void verb_add_lease(struct request *request, const struct weft_cache_op *op, int64_t token);

/* What an error reply means: UNAVAILABLE, REFUSED or INVALID. */
int32_t reply_error_rc(const redisReply *reply);
/* Is the server one that cannot serve us for now, so that another connection may lead to a better one? */
bool reply_says_go_elsewhere(const redisReply *reply);

#endif
