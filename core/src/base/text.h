/* base/text.h - what text from outside may be, and how it is made safe to print. Any thread. */
#ifndef WEFT_BASE_TEXT_H
#define WEFT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

bool weft_text_is_utf8(const char *text, size_t size); /* RFC 3629: no surrogates, no overlong forms */
bool weft_text_is_visible_ascii(const char *text, size_t size);
bool weft_text_is_correlation_id(const char *text, size_t size); /* 1 to 128 visible ASCII characters */
/* The candidate nearest to `word` by edit distance, or NULL when none is near; candidates end in NULL. */
const char *weft_text_nearest(const char *word, const char *const *candidates);
/* Makes text fit for one line of a terminal, in place: control characters (C0, DEL, C1) become spaces. */
void weft_text_tame(char *text);

/* Bytes of the UTF-8 character at the start of `text`, 1 to 4; 0 if there is no valid one. */
size_t weft_text_character(const char *text, size_t size);
/* Writes what stands between the quotes of a JSON string (RFC 8259 section 7), invalid bytes as U+FFFD; no NUL follows.
 * Writes whole characters only, at most `room` bytes: returns how many, and in *ret_taken how far it read. `room` of 6
 * or more always lets it go on. */
size_t weft_text_escape(char *ret_escaped, size_t room, const char *text, size_t size, size_t *ret_taken);

#endif
