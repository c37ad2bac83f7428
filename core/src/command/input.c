/* command/input.c - where JSON comes from. */
#include "command/input.h"

#include <stdio.h>
#include <string.h>

static weft_status stdin_read(const struct weft_command_line *line, size_t max, const char **ret_json,
                              struct weft_fault *fault)
{
    char *input = weft_arena_alloc(line->arena, max + 1);
    size_t size = fread(input, 1, max + 1, stdin);
    if (size > max) return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "stdin has more than %zu KiB", max >> 10);
    input[size] = '\0';
    if (strlen(input) != size) return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "stdin has a NUL in it");
    *ret_json = input;
    return WEFT_OK;
}

weft_status weft_command_input(const struct weft_command_line *line, size_t index, const char *data, size_t max,
                               const char **ret_json, struct weft_fault *ret_fault)
{
    const char *word = line->n_words > index ? line->words[index] : NULL;
    if (word != NULL && data != NULL)
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "JSON is given twice, as a word and as --data");
    *ret_json = word != NULL ? word : data != NULL ? data : "{}";
    return strcmp(*ret_json, "-") == 0 ? stdin_read(line, max, ret_json, ret_fault) : WEFT_OK;
}
