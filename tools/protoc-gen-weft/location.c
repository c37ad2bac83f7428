/* location.c - looks into SourceCodeInfo. */
#include "location.h"

#include <string.h>

static const Google__Protobuf__SourceCodeInfo__Location *find(const file_proto *file, struct weft_gen_path path)
{
    const Google__Protobuf__SourceCodeInfo *info = file->source_code_info;
    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Google__Protobuf__SourceCodeInfo__Location *location = info->location[i];
        if (location->n_path == path.n_steps &&
            (path.n_steps == 0 || memcmp(location->path, path.steps, path.n_steps * sizeof *path.steps) == 0))
            return location;
    }
    return NULL;
}

const char *weft_gen_location(struct weft_gen_model *model, const file_proto *file, struct weft_gen_path path)
{
    const Google__Protobuf__SourceCodeInfo__Location *location = find(file, path);
    if (location == NULL || location->n_span < 2) return file->name;
    return weft_gen_format(model, "%s:%d:%d", file->name, location->span[0] + 1, location->span[1] + 1);
}

const char *weft_gen_comment(const file_proto *file, struct weft_gen_path path)
{
    const Google__Protobuf__SourceCodeInfo__Location *location = find(file, path);
    return location != NULL ? location->leading_comments : NULL;
}
