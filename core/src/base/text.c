/* base/text.c - UTF-8, JSON's escapes, near misses. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

#define CORRELATION_ID_MAX 128
#define NEAREST_MAX        64 /* longer words are nobody's typing error */

static bool in_range(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

/* RFC 3629 section 4: the second byte's range depends on the first, which rules out overlong forms and surrogates. */
size_t weft_text_character(const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    if (size == 0) return 0;
    if (at[0] < 0x80) return 1;
    size_t length = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (!in_range(at[0], 0xC2, 0xF4) || size < length) return 0;
    unsigned char low = at[0] == 0xE0 ? 0xA0 : at[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = at[0] == 0xED ? 0x9F : at[0] == 0xF4 ? 0x8F : 0xBF;
    if (!in_range(at[1], low, high)) return 0;
    for (size_t i = 2; i < length; i++)
        if (!in_range(at[i], 0x80, 0xBF)) return 0;
    return length;
}

/* How many of the first bytes are ASCII, counted in words of eight. */
static size_t ascii_prefix(const char *text, size_t size)
{
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if ((word & 0x8080808080808080u) != 0) break;
    }
    return i;
}

bool weft_text_is_utf8(const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        i += ascii_prefix(text + i, size - i);
        if (i == size) break;
        size_t length = weft_text_character(text + i, size - i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

bool weft_text_is_visible_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!in_range((unsigned char)text[i], 0x21, 0x7E)) return false;
    return true;
}

bool weft_text_is_correlation_id(const char *text, size_t size)
{
    return size >= 1 && size <= CORRELATION_ID_MAX && weft_text_is_visible_ascii(text, size);
}

/* Escapes the one character at `text` that is not plain ASCII; returns the bytes in `escaped`. */
static size_t escape_character(char escaped[8], const char *text, size_t size, size_t *ret_taken)
{
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character and its short form */
    static const char digits[] = "0123456789abcdef";
    unsigned char byte = (unsigned char)*text;
    *ret_taken = 1;
    if (byte >= 0x80) {
        size_t length = weft_text_character(text, size);
        if (length == 0) {
            memcpy(escaped, "\xEF\xBF\xBD", 3); /* U+FFFD */
            return 3;
        }
        memcpy(escaped, text, length);
        return *ret_taken = length;
    }
    for (size_t i = 0; i < sizeof names - 1; i += 2)
        if (names[i] == *text) {
            escaped[0] = '\\';
            escaped[1] = names[i + 1];
            return 2;
        }
    memcpy(escaped, "\\u00", 4);
    escaped[4] = digits[byte >> 4];
    escaped[5] = digits[byte & 15];
    return 6;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

size_t weft_text_escape(char *ret_escaped, size_t room, const char *text, size_t size, size_t *ret_taken)
{
    size_t read = 0, written = 0;
    while (read < size) {
        size_t run = 0, limit = size - read < room - written ? size - read : room - written;
        while (run < limit && is_plain((unsigned char)text[read + run]))
            run++;
        memcpy(ret_escaped + written, text + read, run);
        read += run;
        written += run;
        if (read == size || is_plain((unsigned char)text[read])) break; /* done, or full */
        char escaped[8];
        size_t taken, length = escape_character(escaped, text + read, size - read, &taken);
        if (length > room - written) break;
        memcpy(ret_escaped + written, escaped, length);
        read += taken;
        written += length;
    }
    *ret_taken = read;
    return written;
}

void weft_text_tame(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f) *c = ' ';
        if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) c[0] = c[1] = ' '; /* C1 in UTF-8 */
    }
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance, row by row. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NEAREST_MAX + 1], size = strlen(b);
    for (size_t j = 0; j <= size; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= size; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[size];
}

const char *weft_text_nearest(const char *word, const char *const *candidates)
{
    const char *nearest = NULL;
    size_t size = strlen(word), best = size / 3 + 2; /* a third of the letters may be wrong, and one */
    if (size > NEAREST_MAX) return NULL;
    for (; *candidates != NULL; candidates++) {
        if (strlen(*candidates) > NEAREST_MAX) continue;
        size_t distance = edit_distance(word, *candidates);
        if (distance < best && distance < strlen(*candidates)) {
            best = distance;
            nearest = *candidates;
        }
    }
    return nearest;
}
