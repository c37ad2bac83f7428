/* command/plugin/plugin_list.c - `weft plugin list`: from the notes, without running anything. */
#include "command/command.h"
#include "command/output/listing.h"

#include "host/plugin/loader.h"

static const struct weft_column columns[] = {
    { "KIND", "kind" }, { "NAME", "name" }, { "SCHEMES", "schemes" },
    { "ABI", "abi" },   { "FILE", "file" }, { "REFUSED", "refused" },
};

static void file_show(struct weft_listing *listing, struct weft_arena *arena, const struct weft_plugin_file *file)
{
    const struct weft_note *note = &file->note;
    bool known = note->name[0] != '\0';
    const struct weft_value values[] = {
        weft_text(known ? weft_kind_name(note->kind) : NULL),
        weft_text(known ? note->name : NULL),
        weft_text(known ? note->schemes : NULL),
        weft_text(known ? weft_arena_format(arena, "%u.%u", note->abi_major, note->abi_minor) : NULL),
        weft_text(file->path),
        weft_text(file->refusal),
    };
    weft_listing_row(listing, values);
}

static weft_status directory_list(const struct weft_command_line *line, const struct weft_config *config,
                                  struct weft_fault *fault)
{
    struct weft_loader *loader = NULL;
    size_t n;
    const char *directory = weft_loader_plugin_directory(config, line->arena);
    weft_status status = weft_loader_new(directory, &loader, fault);
    if (status != WEFT_OK) return status;
    const struct weft_plugin_file *files = weft_loader_files(loader, &n);
    struct weft_listing *listing = weft_listing_new(line, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < n; i++)
        file_show(listing, line->arena, &files[i]);
    weft_listing_end(listing, weft_arena_format(line->arena, "no plugins in %s", directory));
    weft_loader_free(loader);
    return WEFT_OK;
}

static int plugin_list(struct weft_command_line *line)
{
    struct weft_config *config = NULL;
    struct weft_fault fault = { 0 };
    weft_status status = weft_command_settings(line, &config, &fault);
    if (status == WEFT_OK) status = directory_list(line, config, &fault);
    weft_config_free(config);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

const struct weft_command weft_command_plugin_list = {
    .name = "plugin list",
    .summary = "the plugins there are, and why others are refused",
    .about = "Lists the plugins of the plugin directory: kind, name, URL schemes, ABI; refused ones with the reason. "
             "Nothing of them is run.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_JSON,
    .exits = { [WEFT_EXIT_NOT_FOUND] = "there is no plugin directory",
               [WEFT_EXIT_DENIED] = "others may write to the plugin directory" },
    .example = "weft plugin list --set plugin_dir=./plugins\n",
    .run = plugin_list,
};
