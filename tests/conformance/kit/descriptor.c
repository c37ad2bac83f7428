/* descriptor.c - what holds for the descriptor of every plugin, whatever its kind. */
#include "descriptor.h"

static void options_are_described(const struct kit *kit)
{
    for (uint32_t i = 0; i < kit->plugin->n_options; i++) {
        const struct weft_option *option = &kit->plugin->options[i];
        KIT_CHECK(option->name != NULL && option->help != NULL && *option->help != '\0', "option %u has no help", i);
        KIT_CHECK(option->offset < kit->plugin->options_size, "option %s lies outside of the struct", option->name);
        KIT_CHECK(option->type != WEFT_OPTION_CHOICE || option->choices != NULL, "option %s has no choices",
                  option->name);
    }
}

const struct kit_test kit_descriptor_tests[] = {
    { "options_are_described", options_are_described, KIT_BASIC, 0, 0 },
    { 0 },
};
