#include "rig.h"

TCase *life_case(void)
{
    TCase *tcase = tcase_create("life");
    return tcase;
}
