#include "json/exact.h"

/*
 * The middle between two doubles has at most 768 significant digits. A number of which the first
 * 800 are equal to it is equal, or larger when a digit other than 0 follows; all digits behind only
 * say "and more".
 */
enum { DIGITS_KEPT = 800 };

/*
 * A natural number with room for 4096 bits. 800 digits have 2658 bits. The other side is as large,
 * and made of a mantissa times a power of five, at most 5^1142 with 2652 bits: nothing below can
 * overflow.
 */
enum { BIG_LIMBS = 128 };

typedef struct big {
    uint32_t limb[BIG_LIMBS]; /* least significant first */
    size_t count;             /* without leading zeros */
} big;

static void multiply_add(big *n, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (size_t i = 0; i < n->count; i++) {
        carry += (uint64_t)n->limb[i] * factor;
        n->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0 && n->count < BIG_LIMBS) {
        n->limb[n->count++] = (uint32_t)carry;
    }
}

static void multiply_pow5(big *n, int64_t exponent)
{
    const uint32_t pow5_13 = 1220703125; /* the largest that fits in a limb */
    for (; exponent >= 13; exponent -= 13) {
        multiply_add(n, pow5_13, 0);
    }
    for (; exponent > 0; exponent--) {
        multiply_add(n, 5, 0);
    }
}

static void multiply_pow2(big *n, int64_t exponent)
{
    for (; exponent >= 31; exponent -= 31) {
        multiply_add(n, UINT32_C(1) << 31, 0);
    }
    if (exponent > 0) {
        multiply_add(n, UINT32_C(1) << exponent, 0);
    }
}

static int compare(const big *a, const big *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (size_t i = a->count; i > 0; i--) {
        if (a->limb[i - 1] != b->limb[i - 1]) {
            return a->limb[i - 1] < b->limb[i - 1] ? -1 : 1;
        }
    }
    return 0;
}

/*
 * The leading digits as a natural number; *dropped is how many follow, *more whether one of those
 * is not 0.
 */
static void from_digits(big *n, souk_slice digits, int64_t *dropped, bool *more)
{
    unsigned kept = 0;
    n->count = 0;
    *dropped = 0;
    *more = false;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        if (c == '.' || (c == '0' && kept == 0)) {
            continue;
        }
        if (kept < DIGITS_KEPT) {
            multiply_add(n, 10, (uint32_t)(c - '0'));
            kept++;
        } else {
            ++*dropped;
            *more = *more || c != '0';
        }
    }
}

int souk_exact_compare(souk_slice digits, int64_t scale, uint64_t mantissa, int exponent)
{
    big decimal;
    big binary;
    int64_t dropped;
    bool more;
    from_digits(&decimal, digits, &dropped, &more);
    scale += dropped;

    binary.limb[0] = (uint32_t)mantissa;
    binary.limb[1] = (uint32_t)(mantissa >> 32);
    binary.count = binary.limb[1] != 0 ? 2 : 1;

    /*
     * decimal * 5^scale * 2^scale against binary * 2^exponent: factors go where they are positive.
     */
    multiply_pow5(scale > 0 ? &decimal : &binary, scale > 0 ? scale : -scale);
    int64_t shift = scale - exponent;
    multiply_pow2(shift > 0 ? &decimal : &binary, shift > 0 ? shift : -shift);

    int order = compare(&decimal, &binary);
    return order == 0 && more ? 1 : order;
}
