/* The `weft` program. The commands live in the library (core/src/command), so that they and the service modules they
 * load share one copy of the core. */
#include <weft/main.h>

int main(int argc, char **argv)
{
    return weft_main(argc, argv);
}
