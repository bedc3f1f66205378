#include "json/num.h"

#include <string.h>

#include "json/pow10.h"

enum {
    FRACTION_BITS = 52,
    EXPONENT_BIAS = 1023,
    EXPONENT_MASK = 0x7FF,
    PLAIN_LOW = -6, /* 0.000001 is still written without an exponent ... */
    PLAIN_HIGH = 17 /* ... and so is 12345678901234567.0 */
};

#define HIDDEN_BIT (UINT64_C(1) << FRACTION_BITS)

/* value = digits * 10^exponent */
typedef struct shortest {
    uint64_t digits;
    int exponent;
} shortest;

/* Writes the digits at `out`, without a NUL; returns how many. */
static size_t put_digits(uint64_t value, char *out)
{
    char reversed[20];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = reversed[count - 1 - i];
    }
    return count;
}

size_t souk_num_write_int(int64_t value, char out[SOUK_NUM_TEXT])
{
    size_t len = 0;
    uint64_t size = (uint64_t)value;
    if (value < 0) {
        out[len++] = '-';
        size = 0 - size;
    }
    len += put_digits(size, out + len);
    out[len] = '\0';
    return len;
}

/* floor(product / 2^22), also of a negative product: shifting those right is not defined by C. */
static int scale_floor(int64_t product)
{
    const int bias = 1024;
    return (int)((uint64_t)(product + ((int64_t)bias << 22)) >> 22) - bias;
}

/*
 * floor(log10(2^exponent)), or of three quarters of it: the interval below a power of two is half
 * as wide.
 */
static int floor_log10_pow2(int exponent, bool three_quarters)
{
    return scale_floor((int64_t)exponent * 1262611 - (three_quarters ? 524031 : 0));
}

/* factor * value / 2^128 in fixed point, with a last bit that says whether anything was cut off. */
static uint64_t round_to_odd(souk_pow10 factor, uint64_t value)
{
    souk_wide low = souk_wide_mul(factor.low, value);
    souk_wide high = souk_wide_mul(factor.high, value);
    high.low += low.high;
    high.high += high.low < low.high;
    return high.high | (high.low > 1);
}

/*
 * The decimal number with fewest digits within the rounding interval of mantissa * 2^exponent, the
 * nearest one if there are several. The method is that of Raffaello Giulietti, "The Schubfach way
 * to render doubles" (2020); the names of the paper are kept in the comments.
 */
static shortest find_shortest(uint64_t mantissa, int exponent, bool narrow_below)
{
    int k = floor_log10_pow2(exponent, narrow_below);
    souk_pow10 factor = souk_pow10_floor(-k); /* g */
    bool is_exact = k <= 0 && -k <= 55;
    factor.low += !is_exact;                        /* the paper rounds up */
    int shift = exponent + souk_pow10_log2(-k) + 1; /* h */

    /*
     * The value and the ends of its interval in units of 10^k / 4; odd mantissas exclude the ends.
     */
    uint64_t value = round_to_odd(factor, 4 * mantissa << shift);
    uint64_t below =
        round_to_odd(factor, (4 * mantissa - 2 + narrow_below) << shift) + (mantissa & 1);
    uint64_t above = round_to_odd(factor, (4 * mantissa + 2) << shift) - (mantissa & 1);

    uint64_t whole = value / 4; /* s */
    uint64_t tens = whole / 10;
    shortest result = {whole, k};
    if (tens > 0) {
        bool low_fits = below <= 40 * tens;
        bool high_fits = 40 * tens + 40 <= above;
        if (low_fits != high_fits) {
            result.digits = tens + high_fits;
            result.exponent = k + 1;
            return result;
        }
    }
    bool low_fits = below <= 4 * whole;
    bool high_fits = 4 * whole + 4 <= above;
    uint64_t middle = 4 * whole + 2;
    bool up =
        low_fits != high_fits ? high_fits : value > middle || (value == middle && (whole & 1) != 0);
    result.digits += up;
    return result;
}

/* The shortest decimal of a finite double other than 0, without trailing zeros. */
static shortest shortest_of(uint64_t bits)
{
    uint64_t fraction = bits & (HIDDEN_BIT - 1);
    int biased = (int)(bits >> FRACTION_BITS & EXPONENT_MASK);
    shortest result;
    if (biased == 0) {
        result = find_shortest(fraction, 1 - EXPONENT_BIAS - FRACTION_BITS, false);
    } else {
        int exponent = biased - EXPONENT_BIAS - FRACTION_BITS;
        result = find_shortest(fraction | HIDDEN_BIT, exponent, fraction == 0 && biased > 1);
    }
    while (result.digits % 10 == 0) {
        result.digits /= 10;
        result.exponent++;
    }
    return result;
}

/* The exponent behind an 'e'. */
static size_t put_exponent(int exponent, char *out)
{
    size_t len = 0;
    out[len++] = 'e';
    if (exponent < 0) {
        out[len++] = '-';
        exponent = -exponent;
    }
    return len + put_digits((uint64_t)exponent, out + len);
}

/* Lays the digits out: 0.00123, 12.3, 12300.0 or 1.23e-7. */
static size_t lay_out(const shortest *number, char *out)
{
    char digits[20];
    size_t count = put_digits(number->digits, digits);
    int point = (int)count + number->exponent; /* digits in front of the decimal point */
    size_t len = 0;
    if (point <= PLAIN_LOW || point > PLAIN_HIGH) {
        out[len++] = digits[0];
        if (count > 1) {
            out[len++] = '.';
            memcpy(out + len, digits + 1, count - 1);
            len += count - 1;
        }
        return len + put_exponent(point - 1, out + len);
    }
    if (point <= 0) {
        out[len++] = '0';
        out[len++] = '.';
        memset(out + len, '0', (size_t)-point);
        len += (size_t)-point;
        memcpy(out + len, digits, count);
        return len + count;
    }
    size_t front = (size_t)point;
    if (front >= count) {
        memcpy(out, digits, count);
        memset(out + count, '0', front - count);
        memcpy(out + front, ".0", 2);
        return front + 2;
    }
    memcpy(out, digits, front);
    out[front] = '.';
    memcpy(out + front + 1, digits + front, count - front);
    return count + 1;
}

size_t souk_num_write_double(double value, char out[SOUK_NUM_TEXT])
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    size_t len = 0;
    if (bits >> 63 != 0) {
        out[len++] = '-';
    }
    if (value == 0) {
        memcpy(out + len, "0.0", 3);
        len += 3;
    } else {
        shortest number = shortest_of(bits);
        len += lay_out(&number, out + len);
    }
    out[len] = '\0';
    return len;
}
