/* The environment as an argument: the core never calls getenv. */
#ifndef SOUK_ENV_H
#define SOUK_ENV_H

#include "base/slice.h"

/*
 * `get` returns the value, or NULL when the variable is not set; the pointer is valid until the
 * next call. It must not call back into the core.
 */
typedef struct souk_env {
    const char *(*get)(void *user, const char *name);
    void *user;
} souk_env;

#endif
