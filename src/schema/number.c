#include "schema/number.h"

#include <string.h>

#include "base/map.h"
#include "json/num.h"

/* 2^63: the first double past every int64. */
static const double INT64_END = 9223372036854775808.0;

souk_number souk_number_of(const souk_jval *value)
{
    souk_number number = {(souk_json_type)value->type, 0, 0.0, souk_json_digits(value)};
    if (value->type == SOUK_JSON_INT) {
        number.integer = value->as.integer;
    } else {
        (void)souk_json_number(value, &number.number);
    }
    return number;
}

/* The int64 that a double is, if it is one. */
static bool double_to_int(double number, int64_t *out)
{
    if (!(number >= -INT64_END && number < INT64_END)) {
        return false;
    }
    *out = (int64_t)number;
    return (double)*out == number;
}

bool souk_number_is_integer(const souk_number *number)
{
    if (number->type != SOUK_JSON_DOUBLE) {
        return true;
    }
    int64_t ignored; /* doubles past 2^63 have no bits left for a fraction */
    return double_to_int(number->number, &ignored) || number->number >= INT64_END ||
           number->number < -INT64_END;
}

/* --- decimals --- */

/* |number| = mantissa x 10^exponent, where the mantissa does not end in 0 (unless it is 0). */
typedef struct decimal {
    souk_slice digits; /* the mantissa of a BIGINT; empty when it fits `mantissa` */
    uint64_t mantissa;
    int exponent;
} decimal;

static uint64_t magnitude(int64_t integer)
{
    return integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
}

static souk_slice unsigned_digits(souk_slice literal)
{
    return souk_slice_from(literal, literal.ptr[0] == '-' ? 1 : 0);
}

static decimal normal(uint64_t mantissa, int exponent)
{
    while (mantissa != 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        exponent++;
    }
    decimal result = {SOUK_LIT_INIT(""), mantissa, exponent};
    return result;
}

static decimal digits_to_decimal(souk_slice literal)
{
    decimal result = {unsigned_digits(literal), 0, 0};
    while (result.digits.len > 1 && result.digits.ptr[result.digits.len - 1] == '0') {
        result.digits.len--;
        result.exponent++;
    }
    return result;
}

/* Reads what souk_num_write_double wrote: at most 17 significant digits, which fit. */
static decimal double_to_decimal(double number)
{
    char text[SOUK_NUM_TEXT];
    size_t len = souk_num_write_double(number, text);
    uint64_t mantissa = 0;
    int exponent = 0;
    bool fraction = false;
    size_t at = text[0] == '-' ? 1 : 0;
    for (; at < len && text[at] != 'e' && text[at] != 'E'; at++) {
        if (text[at] == '.') {
            fraction = true;
        } else if (mantissa < UINT64_MAX / 100) {
            mantissa = mantissa * 10 + (uint64_t)(text[at] - '0');
            exponent -= fraction;
        } else {
            exponent += !fraction; /* the zeros of a large number that is written in full */
        }
    }
    if (at < len) {
        bool negative = text[at + 1] == '-';
        int written = 0;
        for (at += text[at + 1] == '-' || text[at + 1] == '+' ? 2 : 1; at < len; at++) {
            written = written * 10 + (text[at] - '0');
        }
        exponent += negative ? -written : written;
    }
    return normal(mantissa, exponent);
}

static decimal to_decimal(const souk_number *number)
{
    if (number->type == SOUK_JSON_INT) {
        return normal(magnitude(number->integer), 0);
    }
    if (number->digits.len > 0) {
        return digits_to_decimal(number->digits);
    }
    return double_to_decimal(number->number);
}

/* --- order --- */

static bool is_negative(const souk_number *number)
{
    return number->type == SOUK_JSON_INT ? number->integer < 0 : number->number < 0;
}

static int compare_int(int64_t integer, const souk_number *other)
{
    double number = other->number;
    if (other->type == SOUK_JSON_BIGINT || number >= INT64_END || number < -INT64_END) {
        return number > 0 ? -1 : 1;
    }
    int64_t whole = (int64_t)number;
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    double fraction = number - (double)whole;
    return fraction > 0 ? -1 : fraction < 0;
}

/* Writes the significant digits of a large number; returns how many digits it has in full. */
static size_t full_digits(const souk_number *number, char text[SOUK_NUM_TEXT], souk_slice *digits)
{
    if (number->digits.len > 0) {
        *digits = unsigned_digits(number->digits);
        return digits->len;
    }
    decimal value = double_to_decimal(number->number);
    size_t len = souk_num_write_int((int64_t)value.mantissa, text);
    *digits = souk_slice_make(text, len);
    return len + (size_t)value.exponent; /* a large number: its exponent is not negative */
}

/* Magnitudes of two numbers past 2^63 whose nearest doubles are the same. */
static int compare_digits(const souk_number *a, const souk_number *b)
{
    char text_a[SOUK_NUM_TEXT];
    char text_b[SOUK_NUM_TEXT];
    souk_slice x;
    souk_slice y;
    size_t full_x = full_digits(a, text_a, &x);
    size_t full_y = full_digits(b, text_b, &y);
    if (full_x != full_y) {
        return full_x < full_y ? -1 : 1;
    }
    size_t longer = x.len > y.len ? x.len : y.len;
    for (size_t i = 0; i < longer; i++) {
        char digit_x = i < x.len ? x.ptr[i] : '0';
        char digit_y = i < y.len ? y.ptr[i] : '0';
        if (digit_x != digit_y) {
            return digit_x < digit_y ? -1 : 1;
        }
    }
    return 0;
}

int souk_number_compare(const souk_number *a, const souk_number *b)
{
    if (a->type == SOUK_JSON_INT && b->type == SOUK_JSON_INT) {
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    }
    if (a->type == SOUK_JSON_INT) {
        return compare_int(a->integer, b);
    }
    if (b->type == SOUK_JSON_INT) {
        return -compare_int(b->integer, a);
    }
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    if (a->type == b->type && a->digits.len == 0) {
        return 0;
    }
    int order = compare_digits(a, b);
    return is_negative(a) ? -order : order;
}

uint64_t souk_number_hash(const souk_number *number, uint64_t seed)
{
    int64_t integer = number->integer;
    if (number->type == SOUK_JSON_INT || double_to_int(number->number, &integer)) {
        return souk_hash(souk_slice_make((const char *)&integer, sizeof integer), seed);
    }
    return souk_hash(souk_slice_make((const char *)&number->number, sizeof(double)), ~seed);
}

/* --- multiples --- */

/* a and b are less than modulus. */
static uint64_t add_mod(uint64_t a, uint64_t b, uint64_t modulus)
{
    return a >= modulus - b ? a - (modulus - b) : a + b;
}

static uint64_t multiply_mod(uint64_t a, uint64_t b, uint64_t modulus)
{
    uint64_t product = 0;
    for (a %= modulus; b != 0; b >>= 1) {
        if ((b & 1) != 0) {
            product = add_mod(product, a, modulus);
        }
        a = add_mod(a, a, modulus);
    }
    return product;
}

static uint64_t power_of_ten_mod(unsigned exponent, uint64_t modulus)
{
    uint64_t power = 1 % modulus;
    uint64_t base = 10 % modulus;
    for (; exponent != 0; exponent >>= 1) {
        if ((exponent & 1) != 0) {
            power = multiply_mod(power, base, modulus);
        }
        base = multiply_mod(base, base, modulus);
    }
    return power;
}

static uint64_t mantissa_mod(const decimal *number, uint64_t modulus)
{
    uint64_t rest = number->mantissa % modulus;
    for (size_t i = 0; i < number->digits.len; i++) {
        rest = multiply_mod(rest, 10, modulus);
        rest = add_mod(rest, (uint64_t)(number->digits.ptr[i] - '0') % modulus, modulus);
    }
    return rest;
}

bool souk_number_is_multiple(const souk_number *value, const souk_number *divisor)
{
    if (value->type == SOUK_JSON_INT && divisor->type == SOUK_JSON_INT) {
        return magnitude(value->integer) % magnitude(divisor->integer) == 0;
    }
    decimal of = to_decimal(value);
    decimal by = to_decimal(divisor);
    if (of.mantissa == 0 && of.digits.len == 0) {
        return true;
    }
    if (by.mantissa == 0 || of.exponent < by.exponent) {
        return false; /* its last digit other than 0 stands below the divisor's last one */
    }
    uint64_t shift = power_of_ten_mod((unsigned)(of.exponent - by.exponent), by.mantissa);
    return multiply_mod(mantissa_mod(&of, by.mantissa), shift, by.mantissa) == 0;
}
