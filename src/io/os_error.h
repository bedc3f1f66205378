/* Names of signals, and texts for errno values that depend neither on the locale nor on the thread,
 * as strerror does. */
#ifndef SOUK_OS_ERROR_H
#define SOUK_OS_ERROR_H

#include "base/err.h"

/*
 * "Connection refused" and the like; "unknown system error" for numbers that are not expected here.
 * Static.
 */
const char *souk_os_error(int number);

/* "KILL" and the like; NULL for signals that do not end a process of a server. Static. */
const char *souk_os_signal(int number);

#endif
