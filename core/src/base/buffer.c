/* base/buffer.c - bytes that grow by doubling. */
#include "base/buffer.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST 256

/* Room for `size` more and the NUL; returns where to write. */
static char *buffer_room(struct weft_buffer *buffer, size_t size)
{
    size_t needed = buffer->size + size + 1;
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity != 0 ? buffer->capacity : BUFFER_FIRST;
        while (capacity < needed)
            capacity *= 2;
        buffer->data = weft_memory_resize(buffer->data, capacity);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

static void buffer_grown(struct weft_buffer *buffer, size_t size)
{
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void weft_buffer_free(struct weft_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct weft_buffer)WEFT_BUFFER_EMPTY;
}

void weft_buffer_add(struct weft_buffer *buffer, const void *bytes, size_t size)
{
    char *at = buffer_room(buffer, size);
    if (size != 0) memcpy(at, bytes, size);
    buffer_grown(buffer, size);
}

void weft_buffer_text(struct weft_buffer *buffer, const char *text)
{
    weft_buffer_add(buffer, text, strlen(text));
}

void weft_buffer_byte(struct weft_buffer *buffer, char byte)
{
    *buffer_room(buffer, 1) = byte;
    buffer_grown(buffer, 1);
}

void weft_buffer_vformat(struct weft_buffer *buffer, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char *at = buffer_room(buffer, 80); /* a guess that is mostly right: formatted once */
    int size = vsnprintf(at, buffer->capacity - buffer->size, format, args);
    if (size >= 0 && (size_t)size >= buffer->capacity - buffer->size) {
        at = buffer_room(buffer, (size_t)size);
        vsnprintf(at, (size_t)size + 1, format, again);
    }
    va_end(again);
    buffer_grown(buffer, size > 0 ? (size_t)size : 0);
}

void weft_buffer_format(struct weft_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    weft_buffer_vformat(buffer, format, args);
    va_end(args);
}

void weft_buffer_json(struct weft_buffer *buffer, const char *text, size_t size)
{
    weft_buffer_byte(buffer, '"');
    while (size != 0) {
        char *at = buffer_room(buffer, size + 16);
        size_t taken;
        size_t written = weft_text_escape(at, buffer->capacity - buffer->size - 1, text, size, &taken);
        buffer_grown(buffer, written);
        text += taken;
        size -= taken;
    }
    weft_buffer_byte(buffer, '"');
}
