/*
 * Included before each source that clang-tidy looks at, except base/err.c: the analyzer sees one
 * file at a time and does not know that these return the kind they are given, which is never
 * SOUK_OK.
 */
#include "base/err.h"

#define souk_fail(err, kind, ...) ((souk_fail)(err, kind, __VA_ARGS__), (kind))
#define souk_fail_memory(err) ((souk_fail_memory)(err), SOUK_E_LIMIT)
