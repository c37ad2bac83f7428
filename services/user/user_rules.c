/* What a user's email and name may be. Text is valid UTF-8 without NUL already: weft checks it. */
#include "user_service.h"

enum { EMAIL_MAX_BYTES = 320, NAME_MAX_BYTES = 200 };

static bool has_space_or_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f) return true;
    }
    return false;
}

bool user_email_is_valid(weft_call *call, const char *email)
{
    const char *at = strchr(email, '@');
    if (email[0] == '\0')
        weft_fail_field(call, "email", "must not be empty");
    else if (strlen(email) > EMAIL_MAX_BYTES)
        weft_fail_field(call, "email", "has %zu bytes, at most %d go", strlen(email), EMAIL_MAX_BYTES);
    else if (at == NULL || at == email || at[1] == '\0' || strchr(at + 1, '@') != NULL)
        weft_fail_field(call, "email", "must be one name, one @ and one domain");
    else if (has_space_or_control(email))
        weft_fail_field(call, "email", "must not hold spaces or control characters");
    else
        return true;
    return false;
}

bool user_name_is_valid(weft_call *call, const char *name)
{
    if (name[0] == '\0')
        weft_fail_field(call, "name", "must not be empty");
    else if (strlen(name) > NAME_MAX_BYTES)
        weft_fail_field(call, "name", "has %zu bytes, at most %d go", strlen(name), NAME_MAX_BYTES);
    else
        return true;
    return false;
}
