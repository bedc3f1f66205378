/* Patterns over names: of capabilities, of hosts. */
#ifndef SOUK_GLOB_H
#define SOUK_GLOB_H

#include "base/slice.h"

/* Anchored at both ends: '*' is any run of bytes, '?' any one character, everything else stands for
 * itself. */
bool souk_glob(souk_slice pattern, souk_slice text);

#endif
