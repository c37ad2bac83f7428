/* contract/map.c - sorts the entries by key: who sends a hundred thousand of them must not get the square of it. */
#include "contract/map.h"

#include "base/memory.h"
#include "contract/field.h"
#include <stdint.h>
#include <stdlib.h>

struct place {
    const ProtobufCMessage *entry;
    size_t index;
};

static int key_compare(const ProtobufCFieldDescriptor *key, const ProtobufCMessage *left, const ProtobufCMessage *right)
{
    if (key->type != PROTOBUF_C_TYPE_STRING)
        return memcmp(weft_field_member(left, key), weft_field_member(right, key), weft_field_size(key));
    const char *a = weft_field_pointer(left, key), *b = weft_field_pointer(right, key);
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int place_compare(const void *left, const void *right, void *key)
{
    const struct place *a = left, *b = right;
    int order = key_compare(key, a->entry, b->entry);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

size_t weft_map_last(const ProtobufCMessageDescriptor *entry, const ProtobufCMessage *const *entries, size_t n,
                     bool *ret_keep)
{
    const ProtobufCFieldDescriptor *key = &entry->fields[0]; /* number 1 */
    struct place *places = weft_memory_get((n + 1) * sizeof *places);
    size_t n_places = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        ret_keep[i] = false;
        if (entries[i] != NULL) places[n_places++] = (struct place){ entries[i], i };
    }
    qsort_r(places, n_places, sizeof *places, place_compare, (void *)(uintptr_t)key);
    for (size_t i = 0; i < n_places; i++) {
        bool is_last = i + 1 == n_places || key_compare(key, places[i].entry, places[i + 1].entry) != 0;
        ret_keep[places[i].index] = is_last;
        kept += is_last;
    }
    free(places);
    return kept;
}
