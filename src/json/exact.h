/*
 * Exact comparison of a decimal number with a binary one; for the few literals where 128 bits do
 * not decide.
 */
#ifndef SOUK_EXACT_H
#define SOUK_EXACT_H

#include <stdint.h>

#include "base/slice.h"

/*
 * Compares digits * 10^scale with mantissa * 2^exponent: <0, 0, >0. `digits` are decimal digits,
 * and points, which are ignored. Both numbers must be of nearly the same size and within the range
 * of doubles.
 */
int souk_exact_compare(souk_slice digits, int64_t scale, uint64_t mantissa, int exponent);

#endif
