/* config/option.c - text to typed values: units, choices, bounds. */
#include "config/option.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    { "ns", 1 },          { "us", 1000 },         { "ms", 1000000 },       { "s", 1000000000 },
    { "m", 60000000000 }, { "h", 3600000000000 }, { "d", 86400000000000 }, { NULL, 0 }
};
static const struct unit size_units[] = { { "", 1 },          { "B", 1 },         { "K", 1 << 10 },
                                          { "KiB", 1 << 10 }, { "M", 1 << 20 },   { "MiB", 1 << 20 },
                                          { "G", 1 << 30 },   { "GiB", 1 << 30 }, { NULL, 0 } };

/* A number of at most 18 digits, so that it fits with room to spare; false if there is none. */
static bool digits_read(const char *text, const char **ret_end, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at); at++) {
        if (at - text == 18) return false;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    *ret_end = at;
    *ret_number = number;
    return at != text;
}

static bool amount_read(const char *text, const struct unit *units, uint64_t *ret_amount)
{
    const char *rest;
    uint64_t number;
    if (!digits_read(text, &rest, &number)) return false;
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(rest, unit->name) != 0) continue;
        return !__builtin_mul_overflow(number, unit->factor, ret_amount) && *ret_amount <= INT64_MAX;
    }
    if (number == 0 && *rest == '\0') { /* 0 needs no unit */
        *ret_amount = 0;
        return true;
    }
    return false;
}

static bool integer_read(const char *text, int64_t *ret_integer)
{
    const char *rest;
    uint64_t number;
    bool negative = *text == '-';
    if (!digits_read(text + negative, &rest, &number) || *rest != '\0') return false;
    *ret_integer = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static bool truth_read(const char *text, bool *ret_truth)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *ret_truth = i % 2 == 1;
            return true;
        }
    return false;
}

static bool choice_read(const struct weft_option *option, const char *text, int64_t *ret_index)
{
    for (int64_t i = 0; option->choices[i] != NULL; i++)
        if (strcmp(option->choices[i], text) == 0) {
            *ret_index = i;
            return true;
        }
    return false;
}

/* What the option's type wants, for the error. */
static void option_wanted(const struct weft_option *option, char *ret_text, size_t size)
{
    static const char *const wanted[] = {
        [WEFT_OPTION_TEXT] = "text",
        [WEFT_OPTION_BOOL] = "true or false",
        [WEFT_OPTION_INT] = "a whole number",
        [WEFT_OPTION_DURATION] = "a time with its unit, for example 250ms, 30s, 5m or 1h",
        [WEFT_OPTION_SIZE] = "a size, for example 512, 64K, 2M or 1G",
    };
    if (option->type != WEFT_OPTION_CHOICE) {
        snprintf(ret_text, size, "%s", wanted[option->type]);
        return;
    }
    size_t used = (size_t)snprintf(ret_text, size, "one of");
    for (const char *const *choice = option->choices; *choice != NULL && used < size; choice++)
        used += (size_t)snprintf(ret_text + used, size - used, " %s", *choice);
}

static weft_status option_refuse(const struct weft_option *option, const char *text, struct weft_fault *fault)
{
    char wanted[200];
    option_wanted(option, wanted, sizeof wanted);
    if ((option->flags & WEFT_OPTION_SECRET) != 0)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "the value is wrong; want %s", wanted);
    return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "'%.100s' is wrong; want %s", text, wanted);
}

/* A bound as its reader would write it. */
static void bound_print(const struct weft_option *option, int64_t bound, char *ret_text, size_t size)
{
    const struct unit *units = option->type == WEFT_OPTION_DURATION ? duration_units : size_units, *best = &units[0];
    if (option->type == WEFT_OPTION_INT || bound <= 0) {
        snprintf(ret_text, size, "%lld", (long long)bound);
        return;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++)
        if ((uint64_t)bound % unit->factor == 0 && unit->factor > best->factor) best = unit;
    snprintf(ret_text, size, "%llu%s", (unsigned long long)bound / best->factor, best->name);
}

static weft_status bounds_check(const struct weft_option *option, const char *text, int64_t value,
                                struct weft_fault *fault)
{
    if ((option->min == 0 && option->max == 0) || (value >= option->min && value <= option->max)) return WEFT_OK;
    char low[40], high[40];
    bound_print(option, option->min, low, sizeof low);
    bound_print(option, option->max, high, sizeof high);
    return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "'%.100s' is out of range; want %s to %s", text, low, high);
}

weft_status weft_option_parse(const struct weft_option *option, const char *text, union weft_option_value *ret_value,
                              struct weft_fault *ret_fault)
{
    union weft_option_value value = { 0 };
    bool fits = true;
    switch (option->type) {
    case WEFT_OPTION_TEXT:
        value.text = text;
        break;
    case WEFT_OPTION_BOOL:
        fits = truth_read(text, &value.truth);
        break;
    case WEFT_OPTION_INT:
        fits = integer_read(text, &value.integer);
        break;
    case WEFT_OPTION_DURATION:
        fits = amount_read(text, duration_units, &value.amount);
        break;
    case WEFT_OPTION_SIZE:
        fits = amount_read(text, size_units, &value.amount);
        break;
    case WEFT_OPTION_CHOICE:
        fits = choice_read(option, text, &value.integer);
        break;
    default:
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "the option has the unknown type %u", option->type);
    }
    if (!fits) return option_refuse(option, text, ret_fault);
    bool bounded = option->type >= WEFT_OPTION_INT && option->type <= WEFT_OPTION_SIZE;
    int64_t number = option->type == WEFT_OPTION_INT ? value.integer : (int64_t)value.amount;
    weft_status status = bounded ? bounds_check(option, text, number, ret_fault) : WEFT_OK;
    if (status == WEFT_OK) *ret_value = value;
    return status;
}

static void choices_print(const struct weft_option *option, char *ret_text, size_t size)
{
    size_t used = 0;
    for (const char *const *choice = option->choices; *choice != NULL && used < size; choice++)
        used += (size_t)snprintf(ret_text + used, size - used, "%s%s", choice == option->choices ? "" : ", ", *choice);
}

const char *weft_option_range(const struct weft_option *option, char *ret_text, size_t size)
{
    char low[40], high[40];
    bool bounded = option->min != 0 || option->max != 0;
    ret_text[0] = '\0';
    if (option->type == WEFT_OPTION_BOOL) snprintf(ret_text, size, "true, false");
    if (option->type == WEFT_OPTION_CHOICE) choices_print(option, ret_text, size);
    if (option->type < WEFT_OPTION_INT || option->type > WEFT_OPTION_SIZE) return ret_text;
    bound_print(option, option->min, low, sizeof low);
    bound_print(option, option->max, high, sizeof high);
    if (bounded && option->max == INT64_MAX)
        snprintf(ret_text, size, "%s or more", low);
    else if (bounded)
        snprintf(ret_text, size, "%s to %s", low, high);
    else
        snprintf(ret_text, size, "%s",
                 option->type == WEFT_OPTION_DURATION ? "a time"
                 : option->type == WEFT_OPTION_SIZE   ? "a size"
                                                      : "a number");
    return ret_text;
}
