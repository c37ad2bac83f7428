/* names.c - ASCII letters only: protoc allows no others in names. */
#include "names.h"

#include <ctype.h>
#include <string.h>

static char *finish(struct weft_gen_model *model)
{
    obstack_1grow(&model->memory, '\0');
    return obstack_finish(&model->memory);
}

static void grow(struct weft_gen_model *model, int c)
{
    obstack_1grow(&model->memory, (char)c);
}

/* "UserCreated" becomes "user_created", as protobuf-c's CamelToLower does: no mark within runs of capitals. Full names
 * get `separator` for each dot. */
static char *words(struct weft_gen_model *model, const char *name, char mark, const char *separator)
{
    bool was_upper = true;
    for (const char *c = name; *c != '\0'; c++) {
        bool is_upper = isupper((unsigned char)*c) != 0;
        if (*c == '.') {
            for (const char *s = separator; *s != '\0'; s++)
                grow(model, *s);
            was_upper = true;
            continue;
        }
        if (is_upper && !was_upper) grow(model, mark);
        grow(model, tolower((unsigned char)*c));
        was_upper = is_upper;
    }
    return finish(model);
}

const char *weft_gen_name_c_symbol(struct weft_gen_model *model, const char *name)
{
    return words(model, name, '_', "__");
}
const char *weft_gen_name_symbol(struct weft_gen_model *model, const char *name)
{
    return words(model, name, '_', "_");
}

const char *weft_gen_name_dotted(struct weft_gen_model *model, const char *name)
{
    char *dotted = words(model, name, '.', ".");
    for (char *c = dotted; *c != '\0'; c++)
        if (*c == '_') *c = '.';
    return dotted;
}

/* protobuf-c's ToCamel for each part of the full name. */
const char *weft_gen_name_c_type(struct weft_gen_model *model, const char *name)
{
    bool next_is_upper = true;
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '.')
            grow(model, '_'), grow(model, '_');
        else if (*c != '_')
            grow(model, next_is_upper ? toupper((unsigned char)*c) : *c);
        next_is_upper = *c == '.' || *c == '_';
    }
    return finish(model);
}

/* A method may be called Delete or Switch: C's and C++'s keywords get an underscore. */
const char *weft_gen_name_member(struct weft_gen_model *model, const char *name)
{
    static const char *const keywords[] = {
        "and",       "asm",      "auto",     "bool",      "break",   "case",      "catch",    "char",     "class",
        "const",     "continue", "default",  "delete",    "do",      "double",    "else",     "enum",     "explicit",
        "export",    "extern",   "false",    "float",     "for",     "friend",    "goto",     "if",       "inline",
        "int",       "long",     "mutable",  "namespace", "new",     "not",       "operator", "or",       "private",
        "protected", "public",   "register", "restrict",  "return",  "short",     "signed",   "sizeof",   "static",
        "struct",    "switch",   "template", "this",      "throw",   "true",      "try",      "typedef",  "typeid",
        "typename",  "union",    "unsigned", "using",     "virtual", "void",      "volatile", "while",    "xor",
        "concept",   "requires", "final",    "alignas",   "alignof", "constexpr", "decltype", "noexcept", "nullptr",
    };
    const char *member = words(model, name, '_', "_");
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (strcmp(member, keywords[i]) == 0) return weft_gen_format(model, "%s_", member);
    return member;
}

const char *weft_gen_name_stem(struct weft_gen_model *model, const char *file)
{
    size_t size = strlen(file);
    if (size > 6 && strcmp(file + size - 6, ".proto") == 0) size -= 6;
    return weft_gen_format(model, "%.*s", (int)size, file);
}

const char *weft_gen_name_file(struct weft_gen_model *model, const char *file)
{
    char *name = weft_gen_format(model, "%s", weft_gen_name_stem(model, file));
    for (char *c = name; *c != '\0'; c++)
        *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '_';
    return name;
}

const char *weft_gen_name_json(const field_proto *field)
{
    return field->json_name != NULL ? field->json_name : field->name; /* protoc always fills it in for plugins */
}
