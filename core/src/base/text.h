/* base/text.h - what text from outside may be. Any thread. */
#ifndef WEFT_BASE_TEXT_H
#define WEFT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

bool weft_text_is_utf8(const char *text, size_t size); /* RFC 3629: no surrogates, no overlong forms */
bool weft_text_is_visible_ascii(const char *text, size_t size);
bool weft_text_is_correlation_id(const char *text, size_t size); /* 1 to 128 visible ASCII characters */
/* The candidate nearest to `word` by edit distance, or NULL when none is near; candidates end in NULL. */
const char *weft_text_nearest(const char *word, const char *const *candidates);

#endif
