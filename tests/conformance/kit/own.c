/* own.c - counting in /proc. */
#include "own.h"

#include "runner.h"

#include <dirent.h>

/* Entries of a folder of /proc/self, which has one for each thread or descriptor. */
static unsigned count(const char *folder)
{
    unsigned n = 0;
    DIR *directory = opendir(folder);
    KIT_CHECK(directory != NULL, "%s cannot be read", folder);
    while (readdir(directory) != NULL)
        n++;
    closedir(directory);
    return n;
}

struct kit_own kit_own_now(void)
{
    return (struct kit_own){ count("/proc/self/task"), count("/proc/self/fd") };
}

void kit_own_check(struct kit_own before)
{
    const struct kit_own after = kit_own_now();
    KIT_CHECK(after.threads == before.threads, "%u threads before, %u after", before.threads, after.threads);
    KIT_CHECK(after.descriptors == before.descriptors, "%u descriptors before, %u after", before.descriptors,
              after.descriptors);
}
