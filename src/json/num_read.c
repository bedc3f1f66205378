#include "json/num.h"

#include <string.h>

#include "json/exact.h"
#include "json/pow10.h"

enum {
    DIGITS_IN_W = 19, /* the most that always fit in 64 bits */
    FRACTION_BITS = 52,
    EXPONENT_BIAS = 1023,
    INFINITE_EXPONENT = 0x7FF,
    LARGEST_POWER = 308, /* 10^309 is past the range of doubles */
    INTEGER_DIGITS = 309 /* the most that a finite double has in front of its point */
};

#define HIDDEN_BIT (UINT64_C(1) << FRACTION_BITS)
#define FRACTION_MASK (HIDDEN_BIT - 1)
#define EXPONENT_CAP                                                                               \
    INT64_C(1000000000000) /* more than any text has bytes, so that sums cannot overflow */

/*
 * A decimal literal, taken apart. `w` holds its first 19 significant digits, and `dropped` digits
 * follow them. When all dropped digits are 0 the value is exactly w * 10^(scale + dropped); else it
 * lies between that and w + 1.
 */
typedef struct decimal {
    bool negative;
    bool is_integer; /* neither a fraction nor an exponent is written */
    bool inexact;    /* a dropped digit is not 0 */
    unsigned used;   /* digits in w */
    uint64_t w;
    int64_t dropped;
    int64_t scale;     /* power of ten of the last digit written */
    souk_slice digits; /* as written, with the decimal point */
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes the digits from `at` on; returns what follows them. */
static const char *take_digits(decimal *d, const char *at, const char *end)
{
    for (; at < end && is_digit(*at); at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (d->used < DIGITS_IN_W) {
            d->w = d->w * 10 + digit;
            d->used += d->w != 0;
        } else {
            d->dropped++;
            d->inexact = d->inexact || digit != 0;
        }
    }
    return at;
}

/* Takes what follows the 'e'; returns what follows the exponent, NULL when no digit is there. */
static const char *take_exponent(decimal *d, const char *at, const char *end)
{
    bool minus = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    if (at == end || !is_digit(*at)) {
        return NULL;
    }
    int64_t exponent = 0;
    for (; at < end && is_digit(*at); at++) {
        if (exponent < EXPONENT_CAP) {
            exponent = exponent * 10 + (*at - '0');
        }
    }
    d->scale += minus ? -exponent : exponent;
    return at;
}

/*
 * Takes a literal apart; *stop is what follows it. On failure false: *stop is the problem,
 * *expected what should have been there.
 */
static bool take_apart(souk_slice text, decimal *d, const char **stop, const char **expected)
{
    const char *end = text.ptr + text.len;
    memset(d, 0, sizeof *d);
    d->is_integer = true;
    d->negative = text.len > 0 && text.ptr[0] == '-';
    const char *first = text.ptr + d->negative;
    const char *at = take_digits(d, first, end);
    *stop = first;
    *expected = d->negative ? "a digit after '-'" : "a digit";
    if (at == first) {
        return false;
    }
    *expected = "no digit after a leading 0";
    if (*first == '0' && at - first > 1) {
        *stop = first + 1;
        return false;
    }
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = take_digits(d, fraction, end);
        *stop = fraction;
        *expected = "a digit after the decimal point";
        if (at == fraction) {
            return false;
        }
        d->is_integer = false;
        d->scale = -(at - fraction);
    }
    d->digits = souk_slice_make(first, (size_t)(at - first));
    if (at < end && (*at == 'e' || *at == 'E')) {
        d->is_integer = false;
        *stop = at + 1;
        *expected = "a digit in the exponent";
        at = take_exponent(d, at + 1, end);
        if (at == NULL) {
            return false;
        }
    }
    *stop = at;
    return true;
}

static unsigned leading_zeros(uint64_t w)
{
    unsigned count = 0;
    for (unsigned step = 32; step > 0; step /= 2) {
        if (w >> (64 - step) == 0) {
            count += step;
            w <<= step;
        }
    }
    return count;
}

static uint64_t double_bits(uint64_t fraction, int exponent)
{
    return (fraction & FRACTION_MASK) | (uint64_t)exponent << FRACTION_BITS;
}

/*
 * w (its top bit set) times the 128 bits of 10^power, upper half; right in every bit that decides.
 */
static souk_wide scaled_product(uint64_t w, int power)
{
    souk_pow10 factor = souk_pow10_floor(power);
    /* 1/5 to 1/5^27 are rounded up instead, so that an exact quotient is not missed by one. */
    factor.low += power < 0 && power >= -27;
    souk_wide product = souk_wide_mul(w, factor.high);
    if ((product.high & 0x1FF) == 0x1FF) {
        souk_wide rest = souk_wide_mul(w, factor.low);
        product.low += rest.high;
        product.high += product.low < rest.high;
    }
    return product;
}

/* Drops the last bit of the mantissa, rounding up; ties have been decided before. */
static uint64_t round_last_bit(uint64_t mantissa)
{
    return (mantissa + (mantissa & 1)) >> 1;
}

static uint64_t subnormal_bits(uint64_t mantissa, int exponent)
{
    int shift = 1 - exponent;
    if (shift >= 64) {
        return 0;
    }
    mantissa = round_last_bit(mantissa >> shift);
    return double_bits(mantissa, mantissa < HIDDEN_BIT ? 0 : 1);
}

/*
 * The bits of the double nearest to w * 10^q, w > 0. The method is that of Lemire, "Number Parsing
 * at a Gigabyte per Second" (2021); Mushtak and Lemire, "Fast Number Parsing Without Fallback"
 * (2022), prove that it never fails.
 */
static uint64_t nearest_bits(uint64_t w, int64_t q)
{
    if (q < SOUK_POW10_MIN) {
        return 0;
    }
    if (q > LARGEST_POWER) {
        return double_bits(0, INFINITE_EXPONENT);
    }
    int power = (int)q;
    unsigned zeros = leading_zeros(w);
    souk_wide product = scaled_product(w << zeros, power);
    unsigned top = (unsigned)(product.high >> 63);
    unsigned shift = top + 64 - FRACTION_BITS - 3;
    uint64_t mantissa = product.high >> shift; /* hidden bit, fraction, and one bit to round by */
    int exponent = souk_pow10_log2(power) + 63 + (int)top - (int)zeros + EXPONENT_BIAS;
    if (exponent <= 0) {
        return subnormal_bits(mantissa, exponent);
    }
    bool is_tie = product.low <= 1 && power >= -4 && power <= 23 && (mantissa & 3) == 1 &&
                  mantissa << shift == product.high;
    if (is_tie) {
        mantissa--; /* to the even neighbour, which is the lower one */
    }
    mantissa = round_last_bit(mantissa);
    if (mantissa == HIDDEN_BIT << 1) {
        mantissa = HIDDEN_BIT;
        exponent++;
    }
    return exponent >= INFINITE_EXPONENT ? double_bits(0, INFINITE_EXPONENT)
                                         : double_bits(mantissa, exponent);
}

/*
 * The literal lies between the doubles `low` and `low + 1` (as bits): which is nearer? Ties go to
 * the even one.
 */
static uint64_t nearer_bits(const decimal *d, uint64_t low)
{
    int exponent = (int)(low >> FRACTION_BITS);
    uint64_t mantissa = low & FRACTION_MASK;
    if (exponent == 0) {
        exponent = 1;
    } else {
        mantissa |= HIDDEN_BIT;
    }
    int middle_exponent = exponent - EXPONENT_BIAS - FRACTION_BITS - 1;
    int order = souk_exact_compare(d->digits, d->scale, 2 * mantissa + 1, middle_exponent);
    return low + (order > 0 || (order == 0 && (low & 1) != 0));
}

static double to_double(const decimal *d)
{
    uint64_t bits = 0;
    if (d->w != 0) {
        int64_t q = d->scale + d->dropped;
        bits = nearest_bits(d->w, q);
        if (d->inexact && nearest_bits(d->w + 1, q) != bits) {
            bits = nearer_bits(d, bits);
        }
    }
    bits |= (uint64_t)d->negative << 63;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool is_infinite(double value)
{
    return value - value != 0;
}

static bool fits_int64(const decimal *d)
{
    return d->dropped == 0 && d->w <= (uint64_t)INT64_MAX + d->negative;
}

bool souk_num_read(souk_slice text, souk_num *out)
{
    decimal d;
    const char *stop;
    memset(out, 0, sizeof *out);
    if (!take_apart(text, &d, &stop, &out->expected)) {
        out->len = (size_t)(stop - text.ptr);
        return false;
    }
    out->expected = NULL;
    out->len = (size_t)(stop - text.ptr);
    if (d.is_integer) {
        out->type = fits_int64(&d) ? SOUK_JSON_INT : SOUK_JSON_BIGINT;
        if (out->type == SOUK_JSON_INT) {
            out->integer = d.negative ? (int64_t)(0 - d.w) : (int64_t)d.w;
        }
        return true;
    }
    out->type = SOUK_JSON_DOUBLE;
    out->number = to_double(&d);
    if (is_infinite(out->number)) {
        out->len = 0;
        return false;
    }
    return true;
}

double souk_num_nearest(souk_slice digits)
{
    decimal d;
    const char *stop;
    const char *expected;
    return take_apart(digits, &d, &stop, &expected) ? to_double(&d) : 0;
}

bool souk_num_equals(souk_slice digits, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    decimal d;
    const char *stop;
    const char *expected;
    if (!take_apart(digits, &d, &stop, &expected) || d.negative != (bits >> 63 != 0)) {
        return false;
    }
    /*
     * The nearest double is the only one that can be equal; then both sides are of the same size.
     */
    if (d.digits.len > INTEGER_DIGITS || to_double(&d) != number) {
        return false;
    }
    int exponent = (int)(bits >> FRACTION_BITS & INFINITE_EXPONENT) - EXPONENT_BIAS - FRACTION_BITS;
    return souk_exact_compare(d.digits, 0, (bits & FRACTION_MASK) | HIDDEN_BIT, exponent) == 0;
}
