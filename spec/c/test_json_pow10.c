/* Every row of the table of powers of ten, proven with exact arithmetic. */
#include "json/pow10.h"

#include <stdbool.h>

#include "tap.h"

/* A natural number of up to 1024 bits, least significant limb first. */
enum { LIMBS = 32 };

typedef struct natural {
    uint32_t limb[LIMBS];
} natural;

static void multiply(natural *n, uint32_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)n->limb[i] * factor;
        n->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    CHECK(carry == 0);
}

static natural power_of_five(int exponent)
{
    natural n = {{1}};
    for (int i = 0; i < exponent; i++) {
        multiply(&n, 5);
    }
    return n;
}

static int bit_length(const natural *n)
{
    for (int i = LIMBS; i > 0; i--) {
        for (int bit = 32; bit > 0; bit--) {
            if (n->limb[i - 1] >> (bit - 1) & 1) {
                return (i - 1) * 32 + bit;
            }
        }
    }
    return 0;
}

static uint32_t bit_at(const natural *n, int index)
{
    return index < 0 ? 0 : n->limb[index / 32] >> (index % 32) & 1;
}

/* The 128 bits of 5^exponent from its highest on. */
static souk_pow10 leading_bits(const natural *n)
{
    souk_pow10 bits = {0, 0};
    int top = bit_length(n) - 1;
    for (int i = 0; i < 64; i++) {
        bits.high = bits.high << 1 | bit_at(n, top - i);
        bits.low = bits.low << 1 | bit_at(n, top - 64 - i);
    }
    return bits;
}

static void rows_of_positive_powers_are_their_leading_bits(void)
{
    for (int q = 0; q <= SOUK_POW10_MAX; q++) {
        natural power = power_of_five(q);
        souk_pow10 want = leading_bits(&power);
        souk_pow10 row = souk_pow10_floor(q);
        CHECK(row.high == want.high && row.low == want.low);
        CHECK((bit_length(&power) <= 128) == (q <= 55));
        CHECK_INT(souk_pow10_log2(q), bit_length(&power) - 1 + q);
    }
}

/* n * (high * 2^64 + low) */
static natural product(const natural *n, souk_pow10 row)
{
    uint32_t factor[4] = {(uint32_t)row.low, (uint32_t)(row.low >> 32), (uint32_t)row.high,
                          (uint32_t)(row.high >> 32)};
    natural result = {{0}};
    for (int k = 0; k < 4; k++) {
        uint64_t carry = 0;
        for (int i = 0; i + k < LIMBS; i++) {
            carry += (uint64_t)n->limb[i] * factor[k] + result.limb[i + k];
            result.limb[i + k] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return result;
}

/* A row r of 10^-n must be floor(2^b / 5^n): r * 5^n is at most 2^b, and less than 5^n below it. */
static void rows_of_negative_powers_are_their_leading_bits(void)
{
    for (int q = -1; q >= SOUK_POW10_MIN; q--) {
        natural power = power_of_five(-q);
        int b = bit_length(&power) + 127;
        souk_pow10 row = souk_pow10_floor(q);
        CHECK(row.high >> 63 == 1);
        natural low = product(&power, row);
        CHECK(bit_length(&low) <= b);
        row.low++;
        CHECK(row.low != 0);
        natural high = product(&power, row);
        CHECK(bit_length(&high) == b + 1);
        CHECK_INT(souk_pow10_log2(q), -(bit_length(&power) - 1 - q) - 1);
    }
}

static void wide_products_carry_between_their_halves(void)
{
    souk_wide p = souk_wide_mul(UINT64_MAX, UINT64_MAX);
    CHECK(p.high == UINT64_MAX - 1 && p.low == 1);
    p = souk_wide_mul(UINT64_C(0x123456789ABCDEF0), UINT64_C(0xFEDCBA9876543210));
    CHECK(p.high == UINT64_C(0x121FA00AD77D7422) && p.low == UINT64_C(0x236D88FE5618CF00));
    p = souk_wide_mul(UINT64_C(1) << 32, UINT64_C(1) << 32);
    CHECK(p.high == 1 && p.low == 0);
    p = souk_wide_mul(0, UINT64_MAX);
    CHECK(p.high == 0 && p.low == 0);
}

int main(void)
{
    CASE(rows_of_positive_powers_are_their_leading_bits);
    CASE(rows_of_negative_powers_are_their_leading_bits);
    CASE(wide_products_carry_between_their_halves);
    return tap_done();
}
