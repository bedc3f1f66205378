/* "Did you mean ...?": the known word that a misspelt one is nearest to. */
#ifndef SOUK_NEAREST_H
#define SOUK_NEAREST_H

#include "base/slice.h"

/*
 * The word of `known` with the fewest edits (insert, drop, replace a byte) from `word`; NULL when
 * `count` is 0 or none is near enough to be what was meant. Words longer than 63 bytes are near to
 * nothing.
 */
const char *souk_nearest(souk_slice word, const char *const *known, size_t count);

#endif
