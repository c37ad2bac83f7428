/* output.h - the two files made of each contract: x.weft.h with typed functions, x.weft.c with tables. */
#ifndef WEFT_GEN_OUTPUT_H
#define WEFT_GEN_OUTPUT_H

#include "model.h"
#include <stdio.h>

void weft_gen_header(struct weft_gen_model *model, const file_proto *file, FILE *out);
void weft_gen_source(struct weft_gen_model *model, const file_proto *file, FILE *out);

#endif
