/* lint.h - the rules of a contract. What breaks one is an error of protoc's, with place, rule and what to do. */
#ifndef WEFT_GEN_LINT_H
#define WEFT_GEN_LINT_H

#include "model.h"
#include <stdio.h>

/* Checks the file and writes a line a mistake; returns how many. */
size_t weft_gen_lint(struct weft_gen_model *model, const file_proto *file, FILE *errors);

#endif
