/* fingerprint.h - one number for what a message looks like to others: it travels with every event and changes when, and
 * only when, the contract of the message or of anything it holds changes. */
#ifndef WEFT_GEN_FINGERPRINT_H
#define WEFT_GEN_FINGERPRINT_H

#include "model.h"

/* 32 hex digits: the first half of SHA-256 over the canonical form. */
const char *weft_gen_fingerprint(struct weft_gen_model *model, const struct weft_gen_message *message);

#endif
