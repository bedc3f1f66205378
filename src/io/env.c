#include "io/env.h"

#include <stdlib.h>

static const char *get_variable(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

souk_env souk_env_process(void)
{
    return (souk_env){get_variable, NULL};
}
