/* event/topics.c - the forms of bodies, by topic. */
#include "event/topics.h"

#include <string.h>

enum weft_body weft_topics_body(const struct weft_topics *topics, const char *topic)
{
    /* A handful of topics is configured, if any: a look at each is cheaper than a hash of the name. */
    for (size_t i = 0; topics != NULL && i < topics->n; i++)
        if (strcmp(topics->list[i].name, topic) == 0) return topics->list[i].body;
    return WEFT_BODY_PROTOBUF;
}
