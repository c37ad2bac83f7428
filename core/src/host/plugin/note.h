/* host/plugin/note.h - the ELF note by which a plugin introduces itself before any of its code runs. */
#ifndef WEFT_HOST_NOTE_H
#define WEFT_HOST_NOTE_H

#include "base/fault.h"
#include <stdint.h>

struct weft_note {
    uint16_t abi_major, abi_minor;
    uint32_t kind; /* enum weft_kind */
    char name[32];
    char schemes[128]; /* comma between them */
};

/* Reads the note of an ELF64 file of this machine's byte order, bounds checked. NOT_FOUND: no shared object or no note;
 * INVALID_ARGUMENT: a note that does not parse. The text has no file name. */
weft_status weft_note_read(int fd, struct weft_note *ret_note, struct weft_fault *ret_fault);

#endif
