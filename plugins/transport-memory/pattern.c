/* pattern.c - word by word, with one point to come back to: the last `#` seen. As with `*` in a shell's glob an earlier
 * one never needs another try, so the time is bounded by words of the pattern times words of the key. */
#include "pattern.h"

#include <stddef.h>
#include <string.h>

/* Where the word at `at` ends: its dot, or the end. */
static const char *word_end(const char *at)
{
    return at + strcspn(at, ".");
}

/* The word after this one; NULL when it was the last. */
static const char *word_next(const char *at)
{
    const char *end = word_end(at);
    return *end == '.' ? end + 1 : NULL;
}

static bool word_is(const char *at, char sign)
{
    return at[0] == sign && (at[1] == '.' || at[1] == '\0');
}

static bool word_equal(const char *a, const char *b)
{
    size_t size = (size_t)(word_end(a) - a);
    return size == (size_t)(word_end(b) - b) && memcmp(a, b, size) == 0;
}

bool memory_pattern_match(const char *pattern, const char *key)
{
    const char *p = pattern;
    const char *k = *key != '\0' ? key : NULL; /* an empty key has no words */
    const char *after_hash = NULL;             /* what follows the last #; "" when it ends the pattern */
    const char *resume = NULL;                 /* the first word of the key that # has not yet swallowed */

    if (*p == '\0') return k == NULL;
    for (;;) {
        if (p != NULL && word_is(p, '#')) {
            p = word_next(p);
            if (p == NULL) return true;
            after_hash = p;
            resume = k;
        } else if (k == NULL) {
            return p == NULL;
        } else if (p != NULL && (word_is(p, '*') || word_equal(p, k))) {
            p = word_next(p);
            k = word_next(k);
        } else if (after_hash != NULL && resume != NULL) {
            resume = word_next(resume); /* # swallows one more word */
            p = after_hash;
            k = resume;
        } else {
            return false;
        }
    }
}
