/* weft/main.h - the command line as a function: the `weft` program is nothing else. For programs that link their
 * services in and still want `run`, `call`, `dead` and the rest. */
#ifndef WEFT_MAIN_H
#define WEFT_MAIN_H

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs the command in argv and returns the exit status: 0 done, 1 failed, 2 wrong usage. Call it first thing in main:
 * it blocks signals and starts threads. */
WEFT_API int weft_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
