/* host/plugin/note.c - a small reader of ELF64 (elf(5)): section headers to ".note.weft", every offset checked against
 * the file. pread, not mmap: a file that is cut short meanwhile is then an error and no SIGBUS. */
#include "host/plugin/note.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/plugin.h>

enum { NOTE_MAX_BYTES = 1024, NOTE_MAX_SECTIONS = 512, NOTE_NAME_BYTES = 16 };

static const char section_name[] = ".note.weft";

struct elf {
    int fd;
    uint64_t size;
    Elf64_Ehdr header;
    Elf64_Shdr names; /* the section of section names */
};

static bool elf_read(const struct elf *elf, uint64_t offset, void *ret_bytes, size_t size)
{
    if (offset > elf->size || size > elf->size - offset) return false;
    return pread(elf->fd, ret_bytes, size, (off_t)offset) == (ssize_t)size;
}

static bool section_read(const struct elf *elf, uint32_t index, Elf64_Shdr *ret_section)
{
    uint64_t offset;
    if (index >= elf->header.e_shnum) return false;
    if (__builtin_add_overflow(elf->header.e_shoff, (uint64_t)index * sizeof *ret_section, &offset)) return false;
    return elf_read(elf, offset, ret_section, sizeof *ret_section);
}

/* Is it a shared object of this machine, with sections? */
static bool header_read(struct elf *elf)
{
    const unsigned char endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    const Elf64_Ehdr *header = &elf->header;
    if (!elf_read(elf, 0, &elf->header, sizeof elf->header)) return false;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64) return false;
    if (header->e_ident[EI_DATA] != endian || header->e_type != ET_DYN) return false;
    if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum > NOTE_MAX_SECTIONS) return false;
    return section_read(elf, header->e_shstrndx, &elf->names);
}

static bool section_is_ours(const struct elf *elf, const Elf64_Shdr *section)
{
    char name[NOTE_NAME_BYTES] = { 0 };
    uint64_t offset;
    if (section->sh_name > elf->names.sh_size || sizeof section_name > elf->names.sh_size - section->sh_name)
        return false;
    if (__builtin_add_overflow(elf->names.sh_offset, section->sh_name, &offset)) return false;
    return elf_read(elf, offset, name, sizeof section_name) && memcmp(name, section_name, sizeof section_name) == 0;
}

/* The text of the note: after three sizes and the padded name "weft". */
static bool text_read(const struct elf *elf, const Elf64_Shdr *section, char ret_text[NOTE_MAX_BYTES])
{
    static const size_t before = 3 * sizeof(uint32_t) + 8;
    char bytes[NOTE_MAX_BYTES];
    uint32_t sizes[3];
    if (section->sh_size <= before || section->sh_size > sizeof bytes) return false;
    if (!elf_read(elf, section->sh_offset, bytes, section->sh_size)) return false;
    memcpy(sizes, bytes, sizeof sizes);
    if (sizes[0] != 5 || memcmp(bytes + sizeof sizes, "weft", 5) != 0) return false;
    if (sizes[1] == 0 || sizes[1] > section->sh_size - before || bytes[before + sizes[1] - 1] != '\0') return false;
    memcpy(ret_text, bytes + before, sizes[1]);
    return true;
}

static uint32_t kind_parse(const char *name)
{
    static const char *const names[] = { "transport", "cache", "store" };
    for (uint32_t i = 0; i < 3; i++)
        if (strcmp(names[i], name) == 0) return i + 1;
    return 0;
}

/* "abi=1.0;kind=transport;name=amqp;schemes=amqp,amqps" */
static bool note_parse(const char *text, struct weft_note *ret_note)
{
    struct weft_note note = { 0 };
    char kind[16];
    if (sscanf(text, "abi=%hu.%hu;kind=%15[a-z];name=%31[a-z0-9_-];schemes=%127[a-z0-9+.,-]", &note.abi_major,
               &note.abi_minor, kind, note.name, note.schemes) != 5)
        return false;
    note.kind = kind_parse(kind);
    if (note.kind == 0) return false;
    *ret_note = note;
    return true;
}

weft_status weft_note_read(int fd, struct weft_note *ret_note, struct weft_fault *ret_fault)
{
    struct elf elf = { .fd = fd };
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 0)
        return weft_fault_set(ret_fault, WEFT_NOT_FOUND, "it is no regular file");
    elf.size = (uint64_t)info.st_size;
    if (!header_read(&elf)) return weft_fault_set(ret_fault, WEFT_NOT_FOUND, "it is no shared object of this machine");
    for (uint32_t i = 0; i < elf.header.e_shnum; i++) {
        Elf64_Shdr section;
        char text[NOTE_MAX_BYTES] = { 0 };
        if (!section_read(&elf, i, &section))
            return weft_fault_set(ret_fault, WEFT_NOT_FOUND, "it is a damaged shared object");
        if (!section_is_ours(&elf, &section)) continue;
        if (!text_read(&elf, &section, text) || !note_parse(text, ret_note))
            return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT,
                                  "its %s section is not as WEFT_PLUGIN_NOTE makes it", section_name);
        return WEFT_OK;
    }
    return weft_fault_set(ret_fault, WEFT_NOT_FOUND, "it has no %s section (WEFT_PLUGIN_NOTE in weft/plugin.h)",
                          section_name);
}
