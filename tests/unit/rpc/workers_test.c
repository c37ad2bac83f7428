#include "rig.h"

TCase *workers_case(void)
{
    TCase *tcase = tcase_create("workers");
    return tcase;
}
