/* request.c - a pipeline. */
#include "request.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_KEEP (256 * 1024) /* room kept between requests: one large value must not stay for ever */

void command_start(struct command *command, const char *name)
{
    command->n_words = 0;
    command->n_numbers = 0;
    command_text(command, name);
}

void command_text(struct command *command, const char *text)
{
    command_bytes(command, text, strlen(text));
}

void command_bytes(struct command *command, const void *bytes, size_t size)
{
    command->words[command->n_words] = bytes != NULL ? bytes : "";
    command->sizes[command->n_words++] = size;
}

void command_number(struct command *command, int64_t number)
{
    char *text = command->numbers[command->n_numbers++];
    int size = snprintf(text, sizeof command->numbers[0], "%lld", (long long)number);
    command_bytes(command, text, (size_t)size);
}

void request_clear(struct request *request)
{
    for (size_t i = 0; i < request->n_replies; i++)
        freeReplyObject(request->replies[i]);
    request->n_replies = 0;
    request->n_commands = 0;
    request->size = 0;
    request->out_of_memory = false;
    if (request->capacity > BYTES_KEEP) {
        free(request->bytes);
        request->bytes = NULL;
        request->capacity = 0;
    }
}

void request_free(struct request *request)
{
    request_clear(request);
    free(request->bytes);
    free(request->replies);
}

static bool request_make_room(struct request *request, size_t size)
{
    if (request->size + size <= request->capacity) return true;
    size_t capacity = request->capacity != 0 ? request->capacity : 1024;
    while (capacity < request->size + size)
        capacity *= 2;
    char *bytes = realloc(request->bytes, capacity);
    if (bytes == NULL) return false;
    request->bytes = bytes;
    request->capacity = capacity;
    return true;
}

static bool request_expect_reply(struct request *request)
{
    if (request->n_commands == request->replies_capacity) {
        size_t capacity = request->replies_capacity != 0 ? request->replies_capacity * 2 : 16;
        redisReply **replies = realloc(request->replies, capacity * sizeof *replies);
        if (replies == NULL) return false;
        request->replies = replies;
        request->replies_capacity = capacity;
    }
    request->n_commands++;
    return true;
}

void request_add(struct request *request, const struct command *command)
{
    char *text = NULL;
    const char **words = (const char **)command->words;
    int size = redisFormatCommandArgv(&text, command->n_words, words, command->sizes);
    if (size > 0 && request_make_room(request, (size_t)size) && request_expect_reply(request)) {
        memcpy(request->bytes + request->size, text, (size_t)size);
        request->size += (size_t)size;
    } else {
        request->out_of_memory = true;
    }
    free(text);
}

int32_t request_exchange(struct request *request, struct link *link, uint64_t deadline_ns, struct weft_error *ret_error)
{
    if (request->out_of_memory)
        return error_set(ret_error, WEFT_RC_UNAVAILABLE, "out of memory for a request to redis");
    int32_t rc = link_send(link, request->bytes, request->size, deadline_ns, ret_error);
    while (rc == WEFT_RC_OK && request->n_replies < request->n_commands) {
        rc = link_receive(link, &request->replies[request->n_replies], deadline_ns, ret_error);
        if (rc == WEFT_RC_OK) request->n_replies++;
    }
    return rc;
}
