/* examine.c - what an operator should know of the server: its version, and what it does when its memory is full. */
#include "redis.h"

#include "error.h"
#include "request.h"

#include <stdlib.h>
#include <string.h>

/* The value of "name:value\r\n" in the reply to INFO; false: not there. */
static bool info_value(const char *info, const char *name, char *ret_value, size_t size)
{
    size_t length = strlen(name);
    for (const char *line = info; line != NULL && *line != '\0';
         line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, name, length) != 0 || line[length] != ':') continue;
        snprintf(ret_value, size, "%.*s", (int)strcspn(line + length + 1, "\r\n"), line + length + 1);
        return true;
    }
    return false;
}

/* Caches give up what was used least; but sessions and journals are kept here too, and have no other place. */
static void eviction_say(const struct weft_examiner *examiner, const char *info)
{
    char policy[40] = "", limit[40] = "", text[120];
    if (!info_value(info, "maxmemory_policy", policy, sizeof policy) ||
        !info_value(info, "maxmemory", limit, sizeof limit))
        return;
    bool limited = strcmp(limit, "0") != 0;
    snprintf(text, sizeof text, "maxmemory-policy %s, maxmemory %s", policy, limited ? limit : "without limit");
    if (limited && strncmp(policy, "allkeys", 7) == 0)
        examiner->say(examiner, WEFT_FINDING_WARNING, "eviction", text,
                      "sessions and journals may be dropped when memory is full: set volatile-lru or volatile-ttl");
    else if (limited && strcmp(policy, "noeviction") == 0)
        examiner->say(examiner, WEFT_FINDING_WARNING, "eviction", text,
                      "writes are refused when memory is full: set volatile-lru or volatile-ttl");
    else
        examiner->say(examiner, WEFT_FINDING_OK, "eviction", text, NULL);
}

static void info_say(const struct weft_examiner *examiner, const redisReply *reply)
{
    char version[40] = "?", text[80];
    if (reply->type == REDIS_REPLY_ERROR || reply->str == NULL) {
        examiner->say(examiner, WEFT_FINDING_WARNING, "version", reply->str != NULL ? reply->str : "no answer to INFO",
                      "allow this user INFO, so that it can be looked at");
        return;
    }
    info_value(reply->str, "redis_version", version, sizeof version);
    snprintf(text, sizeof text, "Redis %s", version);
    examiner->say(examiner, WEFT_FINDING_OK, "version", text, NULL);
    eviction_say(examiner, reply->str);
}

void redis_examine(void *self, const struct weft_examiner *examiner, uint64_t deadline_ns)
{
    void *session = NULL;
    struct command command;
    const redisReply *reply = NULL;
    struct weft_error error = { .rc = WEFT_RC_OK };
    command_start(&command, "INFO");
    int32_t rc = session_open(self, &session, &error);
    if (rc == WEFT_RC_OK) rc = session_ask(session, &command, &reply, deadline_ns, &error);
    if (rc == WEFT_RC_OK)
        info_say(examiner, reply);
    else
        examiner->say(examiner, WEFT_FINDING_FAILED, "version", error.text, NULL);
    if (session != NULL) session_close(session);
}
