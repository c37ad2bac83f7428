/* options.h - weft's options. protobuf-c knows no extensions: they are unknown fields of the *Options messages. */
#ifndef WEFT_GEN_OPTIONS_H
#define WEFT_GEN_OPTIONS_H

#include "model.h"

/* With type and routing_key filled in where the contract leaves them out; NULL: it is no event. */
const Weft__EventOptions *weft_gen_options_event(struct weft_gen_model *model, const struct weft_gen_message *message);
/* Never NULL: the defaults when there is none. */
const Weft__MethodOptions *weft_gen_options_method(struct weft_gen_model *model, const method_proto *method);
bool weft_gen_options_sensitive(const field_proto *field);
/* "250ms", "5s", "2m", "1h" into milliseconds; false: it is none of these, or zero. */
bool weft_gen_options_duration(const char *text, uint32_t *ret_ms);

#endif
