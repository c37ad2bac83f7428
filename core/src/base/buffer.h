/* base/buffer.h - bytes that grow: for text and JSON being written. Not for threads to share. Always ends in NUL. */
#ifndef WEFT_BASE_BUFFER_H
#define WEFT_BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

struct weft_buffer {
    char *data;
    size_t size, capacity;
};

#define WEFT_BUFFER_EMPTY                                                                                              \
    {                                                                                                                  \
        NULL, 0, 0                                                                                                     \
    }

void weft_buffer_free(struct weft_buffer *buffer); /* leaves it empty; for __attribute__((cleanup)) too */
void weft_buffer_add(struct weft_buffer *buffer, const void *bytes, size_t size);
void weft_buffer_text(struct weft_buffer *buffer, const char *text);
void weft_buffer_byte(struct weft_buffer *buffer, char byte);
void weft_buffer_format(struct weft_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void weft_buffer_vformat(struct weft_buffer *buffer, const char *format, va_list args);
/* A JSON string with its quotes: escapes what RFC 8259 section 7 demands; invalid UTF-8 becomes U+FFFD. */
void weft_buffer_json(struct weft_buffer *buffer, const char *text, size_t size);

#endif
