/* own.h - what this process has of its own, before and after: a plugin must leave nothing behind. */
#ifndef WEFT_KIT_OWN_H
#define WEFT_KIT_OWN_H

struct kit_own {
    unsigned threads, descriptors;
};

struct kit_own kit_own_now(void);
void kit_own_check(struct kit_own before); /* fails the test unless there are as many now */

#endif
