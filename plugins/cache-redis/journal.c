/* journal.c - three scripts, and the places of entries. */
#include "journal.h"

#include "own_key.h"

#include <stdlib.h>

enum { PLACE_SEQUENCE_BITS = 20 }; /* of a stream's id, <ms>-<sequence>: a million a millisecond */

static const char append_script[] =
    "local over=redis.call('XLEN',KEYS[1])+1-tonumber(ARGV[2]) "
    "redis.call('XADD',KEYS[1],'MAXLEN','=',ARGV[2],'*','v',ARGV[1]) "
    "if ARGV[3]=='0' then redis.call('PERSIST',KEYS[1]) else redis.call('PEXPIRE',KEYS[1],ARGV[3]) end "
    "return over>0 and over or 0";

static const char claim_script[] = "if redis.call('XLEN',KEYS[1])==0 then return false end "
                                   "local holder=redis.call('GET',KEYS[2]) "
                                   "if holder and holder~=ARGV[1] then return 0 end "
                                   "redis.call('SET',KEYS[2],ARGV[1],'PX',ARGV[2]) "
                                   "local all,size,last={},0 "
                                   "for i,entry in ipairs(redis.call('XRANGE',KEYS[1],'-','+','COUNT',ARGV[3])) do "
                                   "local v=entry[2][2] size=size+#v "
                                   "if i>1 and size>1048576 then break end "
                                   "all[#all+1]=struct.pack('<I8',#v) all[#all+1]=v last=entry[1] end "
                                   "return {last,table.concat(all)}";

static const char done_script[] =
    "if redis.call('GET',KEYS[2])~=ARGV[1] then return 0 end "
    "redis.call('XTRIM',KEYS[1],'MINID',ARGV[2]) "
    "if redis.call('XLEN',KEYS[1])==0 then redis.call('DEL',KEYS[1],KEYS[2]) end return 1";

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void start_script(struct command *command, const char *script, const char *n_keys)
{
    command_start(command, "EVAL");
    command_text(command, script);
    command_text(command, n_keys);
}

void journal_ask_append(struct request *request, const struct weft_cache_op *op)
{
    struct own_key journal;
    struct command command;
    own_key_of(op, "weft:journal:", &journal);
    start_script(&command, append_script, "1");
    command_bytes(&command, journal.name, journal.size);
    command_bytes(&command, op->value, op->value_size);
    command_number(&command, op->integer);
    command_number(&command, (int64_t)op->ttl_ms);
    request_add(request, &command);
}

void journal_ask_claim(struct request *request, const struct weft_cache_op *op)
{
    struct own_key journal, claim;
    struct command command;
    own_key_of(op, "weft:journal:", &journal);
    own_key_of(op, "weft:claim:", &claim);
    start_script(&command, claim_script, "2");
    command_bytes(&command, journal.name, journal.size);
    command_bytes(&command, claim.name, claim.size);
    command_bytes(&command, op->value, op->value_size);
    command_number(&command, (int64_t)op->ttl_ms);
    command_number(&command, op->integer);
    request_add(request, &command);
}

/* The id right after the place: what is before it goes. */
void journal_ask_done(struct request *request, const struct weft_cache_op *op)
{
    struct own_key journal, claim;
    struct command command;
    char next[48];
    uint64_t after = (uint64_t)op->integer + 1;
    own_key_of(op, "weft:journal:", &journal);
    own_key_of(op, "weft:claim:", &claim);
    snprintf(next, sizeof next, "%llu-%llu", (unsigned long long)(after >> PLACE_SEQUENCE_BITS),
             (unsigned long long)(after & ((1u << PLACE_SEQUENCE_BITS) - 1)));
    start_script(&command, done_script, "2");
    command_bytes(&command, journal.name, journal.size);
    command_bytes(&command, claim.name, claim.size);
    command_bytes(&command, op->value, op->value_size);
    command_text(&command, next);
    request_add(request, &command);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static bool place_parse(const redisReply *id, int64_t *ret_place)
{
    char *end;
    if (id->type != REDIS_REPLY_STRING) return false;
    unsigned long long ms = strtoull(id->str, &end, 10);
    if (*end != '-') return false;
    unsigned long long sequence = strtoull(end + 1, &end, 10);
    *ret_place = (int64_t)(ms << PLACE_SEQUENCE_BITS | sequence);
    return *end == '\0' && sequence >> PLACE_SEQUENCE_BITS == 0;
}

/* Nothing: it is empty. 0: another's. Else the id of the last entry, and all of them. */
void journal_read_claim(const redisReply *reply, struct weft_cache_result *result)
{
    if (reply->type == REDIS_REPLY_NIL) result->rc = WEFT_RC_NOT_FOUND;
    if (reply->type == REDIS_REPLY_INTEGER) result->rc = WEFT_RC_CONFLICT;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !place_parse(reply->element[0], &result->integer) ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return;
    result->rc = WEFT_RC_OK;
    result->value = reply->element[1]->str;
    result->value_size = (size_t)reply->element[1]->len;
}
