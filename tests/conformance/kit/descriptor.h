/* descriptor.h - tests of the descriptor, run by the program of each kind. */
#ifndef WEFT_KIT_DESCRIPTOR_H
#define WEFT_KIT_DESCRIPTOR_H

#include "runner.h"

extern const struct kit_test kit_descriptor_tests[];

#endif
