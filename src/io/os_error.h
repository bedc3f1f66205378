/* Texts for errno values that depend neither on the locale nor on the thread, as strerror does. */
#ifndef SOUK_OS_ERROR_H
#define SOUK_OS_ERROR_H

#include "base/err.h"

/*
 * "Connection refused" and the like; "unknown system error" for numbers that are not expected here.
 * Static.
 */
const char *souk_os_error(int number);

#endif
