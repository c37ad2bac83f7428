/* event/topics.h - the forms of bodies, by topic, as configured (topics.<name>.body). Constant once the host has
 * started. */
#ifndef WEFT_EVENT_TOPICS_H
#define WEFT_EVENT_TOPICS_H

#include "event/envelope.h"

struct weft_topic {
    const char *name;
    enum weft_body body;
    uint32_t spare;
};

struct weft_topics {
    const struct weft_topic *list;
    size_t n;
};

/* PROTOBUF for a topic that is not listed, and of NULL. Any thread. */
enum weft_body weft_topics_body(const struct weft_topics *topics, const char *topic);

#endif
