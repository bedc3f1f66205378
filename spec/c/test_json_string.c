/* Strings: escapes, UTF-8 and control characters, at every distance from a word boundary. */
#include <stdlib.h>

#include "base/utf8.h"
#include "json_help.h"
#include "tap.h"

/* `text` is a JSON string; reading it gives `want`. */
static void check_string(const char *text, souk_slice want)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, souk_slice_of(text));
    if (root == NULL || !souk_slice_eq(souk_json_string(root), want)) {
        tap_fail(__FILE__, __LINE__, "the string has another value");
        printf("#   %s\n", text);
    }
    souk_json_doc_free(&doc);
}

static void escapes_are_replaced(void)
{
    check_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", SOUK_LIT("\"\\/\b\f\n\r\t"));
    check_string("\"\\u0041\\u00e9\\u20AC\"", SOUK_LIT("A\xC3\xA9\xE2\x82\xAC"));
    check_string("\"\\uD83D\\ude00\"", SOUK_LIT("\xF0\x9F\x98\x80"));
    check_string("\"\\uDBFF\\uDFFF\"", SOUK_LIT("\xF4\x8F\xBF\xBF"));
    check_string("\"\\u0000\"", souk_slice_make("", 1));
    check_string("\"\\uFFFE\\uFFFF\"", SOUK_LIT("\xEF\xBF\xBE\xEF\xBF\xBF"));
    check_string("\"a\\nb\\nc\"", SOUK_LIT("a\nb\nc"));
    check_string("\"\x7F\"", SOUK_LIT("\x7F"));
    check_string("\"'\"", SOUK_LIT("'"));
}

static void wrong_escapes_are_refused_where_they_begin(void)
{
    CHECK_REJECTS("\"ab\\x\"", "expected an escape that exists, found '\\x'", 1, 4);
    CHECK_REJECTS("\"\\'\"", "expected an escape that exists, found '\\'", 1, 2);
    CHECK_REJECTS("\"\\U0041\"", "expected an escape that exists, found '\\U0041'", 1, 2);
    CHECK_REJECTS("\"\\u12\"", "expected four hexadecimal digits after '\\u', found '\\u12'", 1, 2);
    CHECK_REJECTS("\"\\u12g4\"", "expected four hexadecimal digits after '\\u', found '\\u12g4'", 1,
                  2);
    CHECK_REJECTS("\"\\u\"", "expected four hexadecimal digits after '\\u', found '\\u'", 1, 2);
    CHECK_REJECTS("\"\\u-123\"", "expected four hexadecimal digits after '\\u', found '\\u-123'", 1,
                  2);
    CHECK_REJECTS("\"\\\xC3\xA9\"", "expected an escape that exists, found '\\'", 1, 2);
    souk_err err;
    CHECK_INT(help_result(souk_slice_make("\"\\\0\"", 4), NULL, &err), SOUK_E_PROTOCOL);
    CHECK_INT(err.offset, 2);
}

static void half_a_surrogate_pair_is_refused(void)
{
    const char *halves[] = {"\"\\uD800\"",        "\"\\uDC00\"",        "\"\\uD800x\"",
                            "\"\\uD800\\n\"",     "\"\\uD800\\u0041\"", "\"\\uD800\\uD800\"",
                            "\"\\uDC00\\uD800\"", "\"\\uD83D\\uDE0\"",  "\"\\uD83D\\\\uDE00\""};
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        souk_err err;
        CHECK_INT(help_result(souk_slice_of(halves[i]), NULL, &err), SOUK_E_PROTOCOL);
        CHECK_INT(err.offset, 1);
    }
}

static void control_characters_must_be_escaped(void)
{
    for (int c = 0; c < 0x20; c++) {
        char text[] = {'"', 'a', (char)c, '"'};
        CHECK_INT(help_result(souk_slice_make(text, sizeof text), NULL, NULL), SOUK_E_PROTOCOL);
    }
    CHECK_REJECTS("\"a\tb\"", "expected control characters to be escaped, found '\\x09'", 1, 3);
}

static void an_open_string_is_refused(void)
{
    CHECK_REJECTS("\"", "expected '\"' at the end of a string, found the end of the text", 1, 2);
    CHECK_REJECTS("\"ab", "expected '\"' at the end of a string, found the end of the text", 1, 4);
    CHECK_REJECTS("\"ab\\", "expected '\"' at the end of a string, found the end of the text", 1,
                  5);
    CHECK_REJECTS("\"ab\\\"", "expected '\"' at the end of a string, found the end of the text", 1,
                  6);
    CHECK_REJECTS("\"\\u", "expected '\"' at the end of a string, found the end of the text", 1, 4);
}

/* Our own bytes for each way in which UTF-8 can be wrong. */
static void invalid_utf8_is_refused(void)
{
    static const char *const wrong[] = {
        "\x80",             /* a continuation alone */
        "\xBF\xBF",         /* two of them */
        "\xC0\xAF",         /* '/' in two bytes */
        "\xC1\xBF",         /* DEL in two bytes */
        "\xE0\x80\xAF",     /* '/' in three bytes */
        "\xE0\x9F\xBF",     /* U+07FF in three bytes */
        "\xF0\x8F\xBF\xBF", /* U+FFFF in four bytes */
        "\xED\xA0\x80",     /* U+D800 */
        "\xED\xBF\xBF",     /* U+DFFF */
        "\xF4\x90\x80\x80", /* U+110000 */
        "\xF5\x80\x80\x80", /* a lead byte that does not exist */
        "\xF8\x88\x80\x80\x80",
        "\xFC\x84\x80\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xC3", /* cut off */
        "\xE2\x82",
        "\xF0\x9F\x98",
        "\xC3(", /* cut off by something else */
        "\xE2\x28\xA1",
        "\xE9", /* Latin-1 */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        for (int before = 0; before < 9; before++) {
            char text[64];
            int len = snprintf(text, sizeof text, "[\"%.*s%s\", 12345678]", before, "abcdefghi",
                               wrong[i]);
            souk_err err;
            CHECK_INT(help_result(souk_slice_make(text, (size_t)len), NULL, &err), SOUK_E_PROTOCOL);
            CHECK_INT(err.offset, 2 + before);
        }
    }
}

static void valid_utf8_is_taken_as_it_is(void)
{
    check_string("\"\xC2\x80\xDF\xBF\"", SOUK_LIT("\xC2\x80\xDF\xBF"));
    check_string("\"\xE0\xA0\x80\xEF\xBF\xBF\xEE\x80\x80\xED\x9F\xBF\"",
                 SOUK_LIT("\xE0\xA0\x80\xEF\xBF\xBF\xEE\x80\x80\xED\x9F\xBF"));
    check_string("\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"",
                 SOUK_LIT("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
    check_string("\"\xE2\x80\xA8\xE2\x80\xA9\"", SOUK_LIT("\xE2\x80\xA8\xE2\x80\xA9"));
    check_string("\"\xEF\xBB\xBF\"", SOUK_LIT("\xEF\xBB\xBF"));
}

/*
 * A string of `len` bytes with one byte that needs attention at `at`, in a block of exactly its
 * size.
 */
static void check_with_byte_at(size_t len, size_t at, char c)
{
    char *text = malloc(len + 2);
    memset(text, 'x', len + 2);
    text[0] = '"';
    text[len + 1] = '"';
    text[1 + at] = c;
    souk_err err;
    int result = help_result(souk_slice_make(text, len + 2), NULL, &err);
    if (c == 'y') {
        CHECK_INT(result, SOUK_OK);
    } else if (c == '"') {
        CHECK(result == SOUK_E_PROTOCOL && err.offset == at + 2);
    } else if (c == '\\' && at + 1 == len) {
        CHECK(result == SOUK_E_PROTOCOL && err.offset == len + 2); /* it hides the closing quote */
    } else {
        CHECK(result == SOUK_E_PROTOCOL && err.offset == at + 1);
    }
    free(text);
}

static void no_byte_hides_from_the_scan_by_words(void)
{
    static const char bytes[] = {'y', '"', '\\', '\0', '\x01', '\x1F', '\x80', '\xC3', '\xFF'};
    for (size_t len = 1; len < 26; len++) {
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < sizeof bytes; i++) {
                check_with_byte_at(len, at, bytes[i]);
            }
        }
    }
}

static void every_byte_that_stands_for_itself_does(void)
{
    for (int c = 0x20; c < 0x80; c++) {
        if (c == '"' || c == '\\') {
            continue;
        }
        char text[24];
        memset(text, c, sizeof text);
        text[0] = '"';
        text[sizeof text - 2] = '"';
        text[sizeof text - 1] = '\0';
        check_string(text, souk_slice_make(text + 1, sizeof text - 3));
    }
}

static void written_strings_read_back_equal(void)
{
    uint64_t seed = 88172645463325252U;
    for (int round = 0; round < 3000; round++) {
        char bytes[200];
        size_t len = 0;
        size_t wanted = help_random(&seed) % 150;
        while (len < wanted) {
            uint32_t range =
                (uint32_t[]){0x20, 0x80, 0x800, 0x10000, 0x110000}[help_random(&seed) % 5];
            len += souk_utf8_encode((uint32_t)(help_random(&seed) % range), bytes + len);
        }
        souk_buf out;
        souk_jw w;
        souk_buf_init(&out, souk_alloc_libc(), 2000);
        souk_jw_init(&w, &out);
        souk_jw_string(&w, souk_slice_make(bytes, len));
        souk_json_doc doc;
        const souk_jval *root = help_read(&doc, souk_buf_slice(&out));
        CHECK(root != NULL && souk_slice_eq(souk_json_string(root), souk_slice_make(bytes, len)));
        souk_json_doc_free(&doc);
        souk_buf_free(&out);
    }
}

int main(void)
{
    CASE(escapes_are_replaced);
    CASE(wrong_escapes_are_refused_where_they_begin);
    CASE(half_a_surrogate_pair_is_refused);
    CASE(control_characters_must_be_escaped);
    CASE(an_open_string_is_refused);
    CASE(invalid_utf8_is_refused);
    CASE(valid_utf8_is_taken_as_it_is);
    CASE(no_byte_hides_from_the_scan_by_words);
    CASE(every_byte_that_stands_for_itself_does);
    CASE(written_strings_read_back_equal);
    return tap_done();
}
