/*
 * Powers of ten in 128 bits: what both directions of the conversion between decimal digits and
 * doubles stand on. spec/c/test_json_pow10.c proves every row with exact arithmetic.
 */
#ifndef SOUK_POW10_H
#define SOUK_POW10_H

#include <stdint.h>

enum { SOUK_POW10_MIN = -342, SOUK_POW10_MAX = 324 };

/*
 * The 128 leading bits of a power of ten, cut off behind the last: 2^127 <= high * 2^64 + low <
 * 2^128.
 */
typedef struct souk_pow10 {
    uint64_t high;
    uint64_t low;
} souk_pow10;

typedef souk_pow10 souk_wide;

/*
 * SOUK_POW10_MIN <= exponent <= SOUK_POW10_MAX. Exact for 0 to 55, else a little less than the
 * power.
 */
souk_pow10 souk_pow10_floor(int exponent);

/* The largest n with 2^n <= 10^exponent; same range. */
int souk_pow10_log2(int exponent);

/* The 128-bit product. */
souk_wide souk_wide_mul(uint64_t a, uint64_t b);

#endif
