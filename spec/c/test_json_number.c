/* Numbers in both directions. The C library's conversions, in the "C" locale, are the oracle. */
#include "json/num.h"

#include <math.h>
#include <stdlib.h>

#include "json_help.h"
#include "tap.h"
#include "json/exact.h"

enum { ROUNDS = 20000 };

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* The literal is read as the double that strtod finds, or refused when that is infinite. */
static void check_literal(const char *text)
{
    souk_num number;
    double want = strtod(text, NULL);
    bool ok = souk_num_read(souk_slice_of(text), &number);
    bool right = isinf(want) ? !ok && number.expected == NULL
                             : ok && number.type == SOUK_JSON_DOUBLE &&
                                   number.len == strlen(text) && same_double(number.number, want);
    if (!right) {
        tap_fail(__FILE__, __LINE__, "another double than strtod finds");
        printf("#   %.100s: got %a, want %a\n", text, number.number, want);
    }
}

/* Significant digits of the shortest text that printf and strtod agree to be `value`. */
static int shortest_digits(double value)
{
    for (int digits = 1; digits < 17; digits++) {
        char text[64];
        snprintf(text, sizeof text, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value) {
            return digits;
        }
    }
    return 17;
}

static int count_digits(const char *text)
{
    int count = 0;
    int zeros = 0; /* at the end so far */
    for (; *text != '\0' && *text != 'e'; text++) {
        bool is_significant = *text >= '0' && *text <= '9' && (count > 0 || *text != '0');
        count += is_significant;
        zeros = is_significant && *text == '0' ? zeros + 1 : *text == '.' ? zeros : 0;
    }
    return count - zeros;
}

/* The text of `value` is JSON, reads back as it, and no shorter one would. */
static void check_writing(double value)
{
    char text[SOUK_NUM_TEXT];
    size_t len = souk_num_write_double(value, text);
    souk_num number;
    bool right = len < SOUK_NUM_TEXT && strlen(text) == len && strpbrk(text, ".e") != NULL &&
                 same_double(strtod(text, NULL), value) &&
                 souk_num_read(souk_slice_make(text, len), &number) && number.len == len &&
                 number.type == SOUK_JSON_DOUBLE && same_double(number.number, value) &&
                 (value == 0 || count_digits(text) <= shortest_digits(value));
    if (!right) {
        tap_fail(__FILE__, __LINE__, "the text of a double is wrong");
        printf("#   %a: %s\n", value, text);
    }
}

static void check_int(const char *text, int64_t want)
{
    souk_num number;
    bool ok = souk_num_read(souk_slice_of(text), &number);
    CHECK(ok && number.type == SOUK_JSON_INT && number.len == strlen(text));
    CHECK_INT(number.integer, want);
}

static void check_bigint(const char *text)
{
    souk_num number;
    bool ok = souk_num_read(souk_slice_of(text), &number);
    CHECK(ok && number.type == SOUK_JSON_BIGINT && number.len == strlen(text));
    CHECK(same_double(souk_num_nearest(souk_slice_of(text)), strtod(text, NULL)));
}

static void integers_are_exact_up_to_64_bits(void)
{
    check_int("0", 0);
    check_int("-0", 0);
    check_int("7", 7);
    check_int("9007199254740993", 9007199254740993);
    check_int("999999999999999999", 999999999999999999);
    check_int("9223372036854775807", INT64_MAX);
    check_int("-9223372036854775808", INT64_MIN);
    check_int("-9223372036854775807", INT64_MIN + 1);
}

static void larger_integers_keep_their_digits(void)
{
    check_bigint("9223372036854775808");
    check_bigint("-9223372036854775809");
    check_bigint("9999999999999999999");
    check_bigint("18446744073709551615");
    check_bigint("18446744073709551616");
    check_bigint("-123456789012345678901234567890");
    CHECK_REWRITES("[18446744073709551615,-99999999999999999999]",
                   "[18446744073709551615,-99999999999999999999]");
}

static void an_integer_of_any_length_is_kept(void)
{
    char text[1001];
    memset(text, '7', 1000);
    text[1000] = '\0';
    CHECK_REWRITES(text, text);
    CHECK(isinf(souk_num_nearest(souk_slice_of(text))));
}

static void wrong_numbers_are_refused_where_they_go_wrong(void)
{
    CHECK_REJECTS("-", "expected a digit after '-', found the end of the text", 1, 2);
    CHECK_REJECTS("-x", "expected a digit after '-', found 'x'", 1, 2);
    CHECK_REJECTS("--1", "expected a digit after '-', found '-1'", 1, 2);
    CHECK_REJECTS("01", "expected no digit after a leading 0, found '1'", 1, 2);
    CHECK_REJECTS("-012", "expected no digit after a leading 0, found '12'", 1, 3);
    CHECK_REJECTS("00.5", "expected no digit after a leading 0, found '0.5'", 1, 2);
    CHECK_REJECTS("1.", "expected a digit after the decimal point, found the end of the text", 1,
                  3);
    CHECK_REJECTS("1.e5", "expected a digit after the decimal point, found 'e5'", 1, 3);
    CHECK_REJECTS("1e", "expected a digit in the exponent, found the end of the text", 1, 3);
    CHECK_REJECTS("1e+", "expected a digit in the exponent, found '+'", 1, 3);
    CHECK_REJECTS("1e-x", "expected a digit in the exponent, found '-x'", 1, 3);
    CHECK_REJECTS("[.5]", "expected a value or ']', found '.5'", 1, 2);
    CHECK_REJECTS("[+1]", "expected a value or ']', found '+1'", 1, 2);
    CHECK_REJECTS("[0x10]", "expected ',' or ']' after an element, found 'x10'", 1, 3);
    CHECK_REJECTS("[1.5.2]", "expected ',' or ']' after an element, found '.2'", 1, 5);
    CHECK_REJECTS("[Infinity]", "expected a value or ']', found 'Infinity'", 1, 2);
}

static void a_double_out_of_range_is_refused_and_a_tiny_one_is_zero(void)
{
    CHECK_REJECTS("[1, 1e400]", "number out of range", 1, 5);
    CHECK_REJECTS("-1.7976931348623159e308", "number out of range", 1, 1);
    CHECK_REJECTS("0.1e99999999999999999999999999", "number out of range", 1, 1);
    CHECK_REWRITES("1e-400", "0.0");
    CHECK_REWRITES("-1e-99999999999999999999999", "-0.0");
    CHECK_REWRITES("0e999999999999999999999999", "0.0");
}

static void doubles_are_the_nearest_ones(void)
{
    static const char *const texts[] = {
        "0.0",
        "-0.0",
        "1.0",
        "0.1",
        "0.3",
        "1.5",
        "1e0",
        "1E+2",
        "123.456",
        "-2.5e-3",
        "1e22",
        "1e23",
        "9.5e-4",
        "5e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623158079e308",
        "1.79769313486231580793e308",
        "9007199254740993.0",
        "9007199254740992.999999999999999999999",
        "9007199254740993.00000000000000000001",
        "0.500000000000000166533453693773481063544750213623046875",
        "8.5e15",
        "4503599627370496.5",
        "4503599627370497.5",
        "4503599627370496.4999999999999999999",
        "0.000000000000000000000000000000000001e36",
        "123456789012345678901234567890e-20",
        "1000000000000000000000000000000000000000.0e-39",
        "6.631236846766476e-316",
        "3.2378839133029012895883524125015321748630094e-319",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_literal(texts[i]);
    }
}

static void a_long_way_to_the_decimal_point_changes_nothing(void)
{
    enum { ZEROS = 5000 };
    char text[ZEROS + 32];
    memset(text, '0', sizeof text);
    text[1] = '.';
    snprintf(text + ZEROS, 32, "123e%d", ZEROS);
    check_literal(text);
    text[0] = '1';
    text[1] = '0';
    snprintf(text + ZEROS, 32, ".0e-%d", ZEROS - 3);
    check_literal(text);
}

static void random_literals_agree_with_strtod(void)
{
    uint64_t seed = 1234567890123456789U;
    for (int i = 0; i < ROUNDS; i++) {
        char text[128];
        unsigned long long a = help_random(&seed) >> help_random(&seed) % 64;
        unsigned long long b = help_random(&seed) >> help_random(&seed) % 64;
        int exponent = (int)(help_random(&seed) % 720) - 370;
        snprintf(text, sizeof text, "%llu.%0*llue%d", a, (int)(help_random(&seed) % 30), b,
                 exponent);
        check_literal(text);
    }
}

/*
 * Texts right at, and right beside, the middle between two neighbouring doubles: the hardest ones
 * to round.
 */
static void ties_between_two_doubles_go_to_the_even_one(void)
{
    uint64_t seed = 998244353;
    for (int i = 0; i < ROUNDS / 20; i++) {
        uint64_t bits = help_random(&seed) >> 1;
        double low = from_bits(bits);
        double high = from_bits(bits + 1);
        if (!isfinite(low) || !isfinite(high) || bits >> 52 == 0) {
            continue; /* the middle of two subnormals would need the same care as what is tested */
        }
        char text[1200];
        snprintf(text, sizeof text, "%.780Le", ((long double)low + (long double)high) / 2);
        check_literal(text);
        char *exponent = strchr(text, 'e');
        char tail[16];
        snprintf(tail, sizeof tail, "%s", exponent);
        snprintf(exponent, 100, "00000000000000000000000000000001%s", tail);
        check_literal(text);
        text[i % 700 + 20] = '\0';
        snprintf(text + strlen(text), 100, "%s", tail);
        check_literal(text);
    }
}

static void ties_between_subnormals_are_decided_by_the_last_of_many_digits(void)
{
    /*
     * Half of the smallest subnormal: 2^-1075, exactly. It rounds to 0, anything more to the
     * subnormal.
     */
    char text[1200];
    snprintf(text, sizeof text, "%.780Le", ldexpl(1, -1075));
    check_literal(text);
    char *exponent = strchr(text, 'e');
    snprintf(exponent, 100, "1e-324");
    check_literal(text);
    snprintf(text, sizeof text, "%.780Le", ldexpl(3, -1075));
    check_literal(text);
}

static void a_double_is_written_shortest_and_reads_back(void)
{
    uint64_t seed = 88172645463325252U;
    for (int i = 0; i < ROUNDS; i++) {
        double any = from_bits(help_random(&seed));
        if (isfinite(any)) {
            check_writing(any);
        }
        check_writing(from_bits(help_random(&seed) >> (12 + help_random(&seed) % 52)));
        check_writing((double)(int64_t)help_random(&seed) /
                      pow(10, (int)(help_random(&seed) % 12)));
    }
    for (int exponent = -1074; exponent < 1024; exponent++) {
        check_writing(ldexp(1, exponent));
        check_writing(-nextafter(ldexp(1, exponent), 0));
    }
}

static void check_text(double value, const char *want)
{
    char text[SOUK_NUM_TEXT];
    souk_num_write_double(value, text);
    CHECK_TEXT(text, want);
}

static void the_layout_of_doubles_is_plain_where_that_reads_better(void)
{
    check_text(0, "0.0");
    check_text(-0.0, "-0.0");
    check_text(3, "3.0");
    check_text(-0.1, "-0.1");
    check_text(0.1 + 0.2, "0.30000000000000004");
    check_text(100, "100.0");
    check_text(1718000000123456, "1718000000123456.0");
    check_text(1e16, "10000000000000000.0");
    check_text(1e17, "1e17");
    check_text(1.5e300, "1.5e300");
    check_text(0.000001, "0.000001");
    check_text(0.00000123, "0.00000123");
    check_text(0.0000001, "1e-7");
    check_text(-1.25e-7, "-1.25e-7");
    check_text(5e-324, "5e-324");
    check_text(1.7976931348623157e308, "1.7976931348623157e308");
    check_text(0x1p53, "9007199254740992.0");
}

static void integers_are_written_with_all_digits(void)
{
    char text[SOUK_NUM_TEXT];
    CHECK_INT(souk_num_write_int(INT64_MIN, text), 20);
    CHECK_TEXT(text, "-9223372036854775808");
    souk_num_write_int(INT64_MAX, text);
    CHECK_TEXT(text, "9223372036854775807");
    CHECK_INT(souk_num_write_int(0, text), 1);
    CHECK_TEXT(text, "0");
    uint64_t seed = 42;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t value = (int64_t)(help_random(&seed) >> help_random(&seed) % 64);
        value = i % 2 == 0 ? value : -(value >> 1);
        size_t len = souk_num_write_int(value, text);
        CHECK(len == strlen(text) && strtoll(text, NULL, 10) == value);
    }
}

static void a_large_integer_equals_only_the_double_with_its_value(void)
{
    CHECK(souk_num_equals(SOUK_LIT("100000000000000000000"), 1e20));
    CHECK(souk_num_equals(SOUK_LIT("-100000000000000000000"), -1e20));
    CHECK(!souk_num_equals(SOUK_LIT("-100000000000000000000"), 1e20));
    CHECK(!souk_num_equals(SOUK_LIT("100000000000000000001"), 1e20));
    CHECK(!souk_num_equals(SOUK_LIT("99999999999999999999"), 1e20));
    CHECK(souk_num_equals(SOUK_LIT("9223372036854775808"), 0x1p63));
    CHECK(!souk_num_equals(SOUK_LIT("9223372036854775809"), 0x1p63));
    CHECK(!souk_num_equals(SOUK_LIT("9223372036854775808"), INFINITY));
    CHECK(!souk_num_equals(SOUK_LIT("9223372036854775808"), NAN));
    char text[320];
    snprintf(text, sizeof text, "%.0f", 0x1.fffffffffffffp1023);
    CHECK(souk_num_equals(souk_slice_of(text), 0x1.fffffffffffffp1023));
    text[308]++;
    CHECK(!souk_num_equals(souk_slice_of(text), 0x1.fffffffffffffp1023));
}

static void exact_comparison_orders_numbers_of_any_size(void)
{
    CHECK(souk_exact_compare(SOUK_LIT("1"), 0, 1, 0) == 0);
    CHECK(souk_exact_compare(SOUK_LIT("1"), 0, 1, 64) < 0);
    CHECK(souk_exact_compare(SOUK_LIT("1"), 0, 1, -64) > 0);
    CHECK(souk_exact_compare(SOUK_LIT("4294967296"), 0, 4294967295, 0) > 0);
    CHECK(souk_exact_compare(SOUK_LIT("0.0009765625"), 0, 1, 0) > 0); /* the point is ignored */
    CHECK(souk_exact_compare(SOUK_LIT("9765625"), -10, 1, -10) == 0);
    CHECK(souk_exact_compare(SOUK_LIT("1"), 308, 10, 1020) < 0);
}

int main(void)
{
    CASE(integers_are_exact_up_to_64_bits);
    CASE(larger_integers_keep_their_digits);
    CASE(an_integer_of_any_length_is_kept);
    CASE(wrong_numbers_are_refused_where_they_go_wrong);
    CASE(a_double_out_of_range_is_refused_and_a_tiny_one_is_zero);
    CASE(doubles_are_the_nearest_ones);
    CASE(a_long_way_to_the_decimal_point_changes_nothing);
    CASE(random_literals_agree_with_strtod);
    CASE(ties_between_two_doubles_go_to_the_even_one);
    CASE(ties_between_subnormals_are_decided_by_the_last_of_many_digits);
    CASE(a_double_is_written_shortest_and_reads_back);
    CASE(the_layout_of_doubles_is_plain_where_that_reads_better);
    CASE(integers_are_written_with_all_digits);
    CASE(a_large_integer_equals_only_the_double_with_its_value);
    CASE(exact_comparison_orders_numbers_of_any_size);
    return tap_done();
}
