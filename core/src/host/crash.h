/* host/crash.h - the last log line of a process that dies by a signal: which plugin or service the fault lies in. */
#ifndef WEFT_HOST_CRASH_H
#define WEFT_HOST_CRASH_H

/* Handles SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT on a stack of its own; writes one JSON line to `fd`, then lets
 * the signal do its work. Once, at the start of the process. */
void weft_crash_install(int fd);

/* Notes where the module that holds `address` (any symbol of it) is mapped, and its build id. At load; at most 32. */
void weft_crash_add(const void *address, const char *kind, const char *name, const char *version);
/* The build id of a module that was added, in hex; "" if it has none. The host's constant. Any thread. */
const char *weft_crash_build_id(const char *kind, const char *name);

#endif
