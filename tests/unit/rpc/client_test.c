#include "rig.h"

TCase *client_case(void)
{
    TCase *tcase = tcase_create("client");
    return tcase;
}
