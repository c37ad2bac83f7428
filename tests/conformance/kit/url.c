/* url.c - scheme://user:password@host:port/path?query, or scheme:path. */
#include "url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    if (!isxdigit((unsigned char)c)) return -1;
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static void decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '%' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
            *to = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
            from += 3;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* Ends `text` at the first `separator` and returns what follows it; NULL when there is none. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);
    if (at == NULL) return NULL;
    *at = '\0';
    return at + 1;
}

static void parse_authority(char *authority, struct weft_url *parts)
{
    char *at = strrchr(authority, '@');
    char *host = authority;
    if (at != NULL) {
        *at = '\0';
        host = at + 1;
        char *password = cut(authority, ':');
        decode(authority);
        parts->user = authority;
        if (password != NULL) decode(password);
        parts->password = password;
    }
    char *port = cut(host, ':');
    if (port != NULL) parts->port = (uint32_t)strtoul(port, NULL, 10);
    if (*host != '\0') parts->host = host;
}

bool kit_url_parse(const char *url, struct kit_url *ret_url)
{
    memset(ret_url, 0, sizeof *ret_url);
    if (strlen(url) >= sizeof ret_url->text) return false;
    char *text = strcpy(ret_url->text, url);
    ret_url->query = cut(text, '?');
    char *rest = cut(text, ':');
    if (rest == NULL) return false;
    ret_url->parts.scheme = text;
    if (strncmp(rest, "//", 2) == 0) {
        char *path = cut(rest + 2, '/');
        parse_authority(rest + 2, &ret_url->parts);
        rest = path != NULL ? path : rest + strlen(rest);
        if (path == NULL) rest = (char *)"";
    }
    if (*rest != '\0') decode(rest);
    ret_url->parts.path = rest;
    return true;
}
