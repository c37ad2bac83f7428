/* pattern.h - routing keys against the patterns of bindings, as AMQP's topic exchange does it (AMQP 0-9-1, 3.1.3.3). */
#ifndef WEFT_MEMORY_PATTERN_H
#define WEFT_MEMORY_PATTERN_H

#include <stdbool.h>

/* Words are separated by dots; in a pattern `*` stands for one word and `#` for any number of words, none included. */
bool memory_pattern_match(const char *pattern, const char *key);

#endif
