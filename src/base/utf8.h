/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef SOUK_UTF8_H
#define SOUK_UTF8_H

#include <stdint.h>

#include "base/slice.h"

/* True when all bytes are valid; else *bad (may be NULL) is the offset of the first wrong sequence.
 */
bool souk_utf8_valid(souk_slice bytes, size_t *bad);

/*
 * Length in bytes (1 to 4) of the valid character at the start of `bytes`, and its code point;
 * 0 when the bytes are empty or invalid there.
 */
size_t souk_utf8_decode(souk_slice bytes, uint32_t *code_point);

/* Writes 1 to 4 bytes to out; returns how many, 0 for a surrogate or a value past U+10FFFF. */
size_t souk_utf8_encode(uint32_t code_point, char out[4]);

/* Number of characters in valid UTF-8. */
size_t souk_utf8_length(souk_slice bytes);

#endif
