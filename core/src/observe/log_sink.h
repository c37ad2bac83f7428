/* observe/log_sink.h - where lines go: one buffer that threads append to, one thread that writes it out. There is one
 * sink a process. Any thread. Used by log.c alone. */
#ifndef WEFT_OBSERVE_LOG_SINK_H
#define WEFT_OBSERVE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void weft_log_sink_start(int fd);
/* Writes what is gathered and ends the thread; gives up after two seconds if nobody reads the other end. */
void weft_log_sink_stop(void);
/* Appends whole lines. `urgent` ones are written at once, with all before them, still by the sink's thread: the caller
 * never waits. When a megabyte waits to be written lines are dropped, counted, and their number is told in a line. */
void weft_log_sink_add(const char *lines, size_t size, bool urgent);
void weft_log_sink_flush(void); /* waits until what was added before is written, two seconds at most */

/* For a signal handler of a process that dies: what is gathered is written within a tenth of a second, and nothing
 * after that. Takes no lock. */
void weft_log_sink_end(void);

/* Calls `ring` once, at that time or soon after, on the sink's thread; a later call takes the place of an earlier one.
 * Not while there is no thread. */
void weft_log_sink_alarm(uint64_t at_ns, void (*ring)(void));
uint64_t weft_log_sink_dropped(void); /* lines, since the start */

#endif
