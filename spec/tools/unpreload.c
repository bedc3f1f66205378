/*
 * Preloaded beside the sanitizers' libraries: takes LD_PRELOAD out of the environment again, so
 * that the servers and shells which a specification starts run without sanitizers.
 */
#include <stdlib.h>

__attribute__((constructor)) static void forget_preload(void)
{
    unsetenv("LD_PRELOAD");
}
