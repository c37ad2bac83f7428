/* option.c - texts into typed values. */
#include "option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = { { "ns", 1 },         { "us", 1000 },       { "ms", 1000000 },
                                         { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 },
                                         { NULL, 0 } };
static const struct unit sizes[] = { { "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { NULL, 0 } };
static const struct unit plain[] = { { "", 1 }, { NULL, 0 } };

static bool number_parse(const char *text, const struct unit *units, int64_t *ret_number)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text) return false;
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, end) == 0) {
            *ret_number = number * (int64_t)units->factor;
            return true;
        }
    }
    return *end == '\0' && number == 0 ? (*ret_number = 0, true) : false;
}

static bool bool_parse(const char *text, bool *ret_truth)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1", NULL };
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret_truth = (i & 1) != 0;
            return true;
        }
    }
    return false;
}

static bool choice_parse(const char *text, const char *const *choices, int64_t *ret_index)
{
    for (int64_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool in_bounds(const struct weft_option *option, int64_t number)
{
    return (option->min == 0 && option->max == 0) || (number >= option->min && number <= option->max);
}

static bool option_set(const struct weft_option *option, void *options, const char *text)
{
    void *field = (char *)options + option->offset;
    switch (option->type) {
    case WEFT_OPTION_TEXT:
        *(const char **)field = text;
        return true;
    case WEFT_OPTION_BOOL:
        return bool_parse(text, field);
    case WEFT_OPTION_INT:
        return number_parse(text, plain, field) && in_bounds(option, *(int64_t *)field);
    case WEFT_OPTION_DURATION:
        return number_parse(text, durations, field) && in_bounds(option, *(int64_t *)field);
    case WEFT_OPTION_SIZE:
        return number_parse(text, sizes, field) && in_bounds(option, *(int64_t *)field);
    case WEFT_OPTION_CHOICE:
        return choice_parse(text, option->choices, field);
    default:
        return false;
    }
}

static const struct weft_option *option_find(const struct weft_plugin *plugin, const char *name, size_t size)
{
    for (uint32_t i = 0; i < plugin->n_options; i++) {
        const struct weft_option *option = &plugin->options[i];
        if (strlen(option->name) == size && strncmp(option->name, name, size) == 0) return option;
    }
    return NULL;
}

bool kit_option_known(const struct weft_plugin *plugin, const char *name)
{
    return option_find(plugin, name, strlen(name)) != NULL;
}

void *kit_options_new(const struct weft_plugin *plugin, const char *const *settings, size_t n, char *ret_error,
                      size_t size)
{
    void *options = calloc(1, plugin->options_size + 1);
    bool good = options != NULL;
    for (uint32_t i = 0; i < plugin->n_options && good; i++) {
        const struct weft_option *option = &plugin->options[i];
        good = option->initial == NULL || option_set(option, options, option->initial);
        if (!good) snprintf(ret_error, size, "option %s cannot have its own default %s", option->name, option->initial);
    }
    for (size_t i = 0; i < n && good; i++) {
        const char *equals = strchr(settings[i], '=');
        size_t length = equals != NULL ? (size_t)(equals - settings[i]) : strlen(settings[i]);
        const struct weft_option *option = option_find(plugin, settings[i], length);
        good = option != NULL && equals != NULL && option_set(option, options, equals + 1);
        if (!good)
            snprintf(ret_error, size, "%s: %s", settings[i], option == NULL ? "no such option" : "not a value for it");
    }
    if (good) return options;
    free(options);
    return NULL;
}
