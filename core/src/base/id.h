/* base/id.h - UUIDs (RFC 9562) and other random names. Any thread. */
#ifndef WEFT_BASE_ID_H
#define WEFT_BASE_ID_H

#include <stdbool.h>

#define WEFT_ID_SIZE        37 /* with NUL */
#define WEFT_ID_RANDOM_SIZE 33

void weft_id_v7(char ret_id[WEFT_ID_SIZE]);                                       /* ascends within the process */
void weft_id_v5(const char *source, const char *name, char ret_id[WEFT_ID_SIZE]); /* of a foreign message's id */
void weft_id_random(char ret_hex[WEFT_ID_RANDOM_SIZE]);                           /* 128 random bits */
bool weft_id_valid(const char *text);                                             /* 8-4-4-4-12 hex digits */

#endif
