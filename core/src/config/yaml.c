/* config/yaml.c - libyaml's events, one mapping inside the other, to dotted keys. */
#include "config/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

enum { YAML_MAX_BYTES = 1 << 20, YAML_MAX_DEPTH = 8, YAML_KEY_BYTES = 256 };

/* Where the reading stands: the dotted key so far, and how long it was at each depth. */
struct reader {
    const char *path;
    weft_status (*each)(void *arg, const char *key, const char *value, unsigned line);
    void *arg;
    struct weft_fault *fault;
    char key[YAML_KEY_BYTES];
    size_t lengths[YAML_MAX_DEPTH + 1];
    unsigned depth;     /* mappings open */
    bool expects_value; /* a key has been read */
    bool ended;
};

static weft_status reader_refuse(struct reader *reader, const yaml_mark_t *mark, const char *what)
{
    return weft_fault_set(reader->fault, WEFT_INVALID_ARGUMENT, "%s:%zu: %s%s%s", reader->path, mark->line + 1, what,
                          reader->key[0] != '\0' ? ", at " : "", reader->key);
}

static void key_cut(struct reader *reader)
{
    reader->key[reader->depth > 0 ? reader->lengths[reader->depth - 1] : 0] = '\0';
    reader->expects_value = false;
}

static weft_status key_read(struct reader *reader, const yaml_event_t *event)
{
    const char *word = (const char *)event->data.scalar.value;
    size_t used = strlen(reader->key), length = event->data.scalar.length;
    if (length == 0 || strlen(word) != length) return reader_refuse(reader, &event->start_mark, "an empty key");
    if (used + length + 2 > sizeof reader->key) return reader_refuse(reader, &event->start_mark, "a key is too long");
    snprintf(reader->key + used, sizeof reader->key - used, "%s%s", used > 0 ? "." : "", word);
    reader->expects_value = true;
    return WEFT_OK;
}

static weft_status scalar_read(struct reader *reader, const yaml_event_t *event)
{
    if (reader->depth == 0) return reader_refuse(reader, &event->start_mark, "want keys with values, not a mere value");
    if (!reader->expects_value) return key_read(reader, event);
    const char *value = (const char *)event->data.scalar.value;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (*value == '\0' || strcmp(value, "~") == 0 || strcmp(value, "null") == 0))
        return reader_refuse(reader, &event->start_mark, "a key without a value");
    if (strlen(value) != event->data.scalar.length)
        return reader_refuse(reader, &event->start_mark, "a value with a NUL in it");
    weft_status status = reader->each(reader->arg, reader->key, value, (unsigned)event->start_mark.line + 1);
    key_cut(reader);
    return status;
}

static weft_status mapping_open(struct reader *reader, const yaml_event_t *event)
{
    if (reader->depth > 0 && !reader->expects_value)
        return reader_refuse(reader, &event->start_mark, "a mapping where a key is wanted");
    if (reader->depth == YAML_MAX_DEPTH) return reader_refuse(reader, &event->start_mark, "nested too deep");
    reader->lengths[reader->depth++] = strlen(reader->key);
    reader->expects_value = false;
    return WEFT_OK;
}

static weft_status event_read(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return scalar_read(reader, event);
    case YAML_MAPPING_START_EVENT:
        return mapping_open(reader, event);
    case YAML_MAPPING_END_EVENT:
        reader->depth--;
        key_cut(reader);
        return WEFT_OK;
    case YAML_SEQUENCE_START_EVENT:
        return reader_refuse(reader, &event->start_mark, "a list where a value is wanted");
    case YAML_ALIAS_EVENT:
        return reader_refuse(reader, &event->start_mark, "aliases are not understood");
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        reader->ended = true;
        return WEFT_OK;
    default:
        return WEFT_OK;
    }
}

static weft_status parser_refuse(struct reader *reader, const yaml_parser_t *parser)
{
    return weft_fault_set(reader->fault, WEFT_INVALID_ARGUMENT, "%s:%zu: not YAML: %s", reader->path,
                          parser->problem_mark.line + 1, parser->problem != NULL ? parser->problem : "unreadable");
}

static weft_status document_read(struct reader *reader, yaml_parser_t *parser)
{
    weft_status status = WEFT_OK;
    while (status == WEFT_OK && !reader->ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) return parser_refuse(reader, parser);
        status = event_read(reader, &event);
        yaml_event_delete(&event);
    }
    return status;
}

static weft_status file_open(const char *path, FILE **ret_file, struct weft_fault *fault)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return weft_fault_set(fault, WEFT_NOT_FOUND, "cannot read %s: %s", path, strerror(errno));
    struct stat info;
    if (fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= YAML_MAX_BYTES) {
        *ret_file = file;
        return WEFT_OK;
    }
    fclose(file);
    return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "%s is not a file of at most 1 MiB", path);
}

weft_status weft_yaml_read(const char *path,
                           weft_status (*each)(void *arg, const char *key, const char *value, unsigned line), void *arg,
                           struct weft_fault *ret_fault)
{
    FILE *file;
    weft_status status = file_open(path, &file, ret_fault);
    if (status != WEFT_OK) return status;
    struct reader reader = { .path = path, .each = each, .arg = arg, .fault = ret_fault };
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input_file(&parser, file);
        status = document_read(&reader, &parser);
        yaml_parser_delete(&parser);
    } else {
        status = weft_fault_set(ret_fault, WEFT_INTERNAL, "no memory to read %s", path);
    }
    fclose(file);
    return status;
}
