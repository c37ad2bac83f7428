/* request.h - commands on their way out, and the replies to them. One thread at a time. */
#ifndef CACHE_REDIS_REQUEST_H
#define CACHE_REDIS_REQUEST_H

#include "link.h"

enum { COMMAND_WORDS = 8 };

/* A command being put together. Words are borrowed until it is added; numbers live in it. */
struct command {
    int n_words;
    int n_numbers;
    const char *words[COMMAND_WORDS];
    size_t sizes[COMMAND_WORDS];
    char numbers[COMMAND_WORDS][24];
};

void command_start(struct command *command, const char *name);
void command_text(struct command *command, const char *text);
void command_bytes(struct command *command, const void *bytes, size_t size);
void command_number(struct command *command, int64_t number);

struct request {
    char *bytes;
    size_t size, capacity;
    redisReply **replies;
    size_t n_commands, n_replies, replies_capacity;
    bool out_of_memory; /* something could not be added */
};

/* Frees the replies of the last time; keeps the room. */
void request_clear(struct request *request);
void request_free(struct request *request);
void request_add(struct request *request, const struct command *command);
/* Sends all and receives a reply to each: one round trip. When it fails the link is to be closed. */
int32_t request_exchange(struct request *request, struct link *link, uint64_t deadline_ns,
                         struct weft_error *ret_error);

#endif
