/* command/plugin_list.c - `weft plugin list`: from the notes, without running anything. */
#include "command/command.h"
#include "command/settings.h"

#include "base/arena.h"
#include "host/loader.h"

#include <stdio.h>
#include <string.h>

static const char name[] = "plugin list";

struct arguments {
    struct weft_settings settings;
    bool json;
};

static const struct argp_child children[] = { { &weft_settings_argp, 0, NULL, 0 }, { 0 } };
static const struct argp_option options[] = { { "json", 'j', NULL, 0, "one JSON array", 0 }, { 0 } };

static error_t list_parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    (void)argument;
    if (key == ARGP_KEY_INIT) state->child_inputs[0] = &arguments->settings;
    if (key == 'j') arguments->json = true;
    return key == ARGP_KEY_INIT || key == 'j' ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp list_argp = {
    options,
    list_parse,
    NULL,
    "Lists the plugins of the plugin directory: kind, name, URL schemes, ABI; refused ones with "
    "the reason.",
    children,
    NULL,
    NULL
};

static void file_json(const struct weft_plugin_file *file, struct weft_buffer *buffer)
{
    weft_buffer_text(buffer, "{\"file\":");
    weft_buffer_json(buffer, file->path, strlen(file->path));
    if (file->note.name[0] != '\0')
        weft_buffer_format(buffer, ",\"kind\":\"%s\",\"name\":\"%s\",\"schemes\":\"%s\",\"abi\":\"%u.%u\"",
                           weft_kind_name(file->note.kind), file->note.name, file->note.schemes, file->note.abi_major,
                           file->note.abi_minor);
    if (file->refusal != NULL) {
        weft_buffer_text(buffer, ",\"refused\":");
        weft_buffer_json(buffer, file->refusal, strlen(file->refusal));
    }
    weft_buffer_byte(buffer, '}');
}

static void files_json(const struct weft_plugin_file *files, size_t n)
{
    struct weft_buffer buffer __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_buffer_byte(&buffer, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) weft_buffer_byte(&buffer, ',');
        file_json(&files[i], &buffer);
    }
    weft_buffer_byte(&buffer, ']');
    puts(buffer.data);
}

static void files_print(const struct weft_plugin_file *files, size_t n)
{
    printf("%-10s %-10s %-24s %-5s %s\n", "KIND", "NAME", "SCHEMES", "ABI", "FILE");
    for (size_t i = 0; i < n; i++) {
        const struct weft_note *note = &files[i].note;
        if (files[i].refusal != NULL)
            printf("refused: %s\n", files[i].refusal);
        else
            printf("%-10s %-10s %-24s %u.%u   %s\n", weft_kind_name(note->kind), note->name, note->schemes,
                   note->abi_major, note->abi_minor, files[i].path);
    }
}

static weft_status directory_list(const struct weft_config *config, bool json, struct weft_fault *fault)
{
    struct weft_arena *arena = weft_arena_new(1024);
    struct weft_loader *loader = NULL;
    const char *directory = weft_config_text(config, "plugin_dir");
    if (directory == NULL) directory = weft_loader_default_directory(arena, WEFT_LOADER_PLUGINS);
    weft_status status = weft_loader_new(directory, &loader, fault);
    if (status == WEFT_OK) {
        size_t n;
        const struct weft_plugin_file *files = weft_loader_files(loader, &n);
        (json ? files_json : files_print)(files, n);
    }
    weft_loader_free(loader);
    weft_arena_free(arena);
    return status;
}

int weft_command_plugin_list(int argc, char **argv)
{
    struct arguments arguments = { 0 };
    struct weft_config *config = NULL;
    struct weft_fault fault = { 0 };
    argp_err_exit_status = WEFT_EXIT_USAGE;
    argp_parse(&list_argp, argc, argv, 0, NULL, &arguments);
    weft_status status = weft_settings_load(&arguments.settings, &config, &fault);
    if (status == WEFT_OK) status = directory_list(config, arguments.json, &fault);
    weft_config_free(config);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(name, &fault);
}
