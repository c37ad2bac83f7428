#include "rig.h"

TCase *control_case(void)
{
    TCase *tcase = tcase_create("control");
    return tcase;
}
