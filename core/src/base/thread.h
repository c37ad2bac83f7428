/* base/thread.h - starting threads. */
#ifndef WEFT_BASE_THREAD_H
#define WEFT_BASE_THREAD_H

#include <pthread.h>

/* A thread that leaves signals to the main thread, but for those that its own faults cause: blocked, these would end
 * the process without a word. An errno value, 0 is good. */
int weft_thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg);

#endif
