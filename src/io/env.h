/* The environment of this process as a souk_env. */
#ifndef SOUK_IO_ENV_H
#define SOUK_IO_ENV_H

#include "base/env.h"

/*
 * Looks variables up with getenv. A value is valid until the program changes its environment; that,
 * and threads, are the caller's business, as with getenv itself.
 */
souk_env souk_env_process(void);

#endif
