#include "schema/regex_cursor.h"

#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "schema/regex_program.h"

enum { FIRST_SURROGATE = 0xD800, FIRST_LOW_SURROGATE = 0xDC00, LAST_SURROGATE = 0xDFFF };

void *souk_regex_fail(souk_regex_cursor *p, const char *what)
{
    if (p->failed == SOUK_OK) {
        p->failed = souk_fail(p->err, SOUK_E_SCHEMA, "%s (at byte %zu)", what, p->position);
    }
    return NULL;
}

/* --- characters --- */

char souk_regex_peek(const souk_regex_cursor *p, size_t ahead)
{
    return ahead < p->pattern.len - p->position ? p->pattern.ptr[p->position + ahead] : '\0';
}

bool souk_regex_at_end(const souk_regex_cursor *p)
{
    return p->position == p->pattern.len;
}

bool souk_regex_accept(souk_regex_cursor *p, const char *text)
{
    if (!souk_slice_starts(souk_slice_from(p->pattern, p->position), souk_slice_of(text))) {
        return false;
    }
    p->position += strlen(text);
    return true;
}

uint32_t souk_regex_take_character(souk_regex_cursor *p)
{
    uint32_t character = SOUK_REGEX_NOTHING;
    p->position += souk_utf8_decode(souk_slice_from(p->pattern, p->position), &character);
    return character;
}

bool souk_regex_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* --- escapes --- */

static uint32_t hex_value(const souk_regex_cursor *p, size_t ahead, size_t digits)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        int digit = souk_hex_digit(souk_regex_peek(p, ahead + i));
        if (digit < 0) {
            return SOUK_REGEX_NOTHING;
        }
        value = value * 16 + (uint32_t)digit;
    }
    return value;
}

/* \u{...}, behind the "u{". */
static uint32_t take_braced_hex(souk_regex_cursor *p)
{
    size_t digits = 0;
    while (souk_regex_peek(p, digits) != '}' && digits < 8) {
        digits++;
    }
    uint32_t value = hex_value(p, 0, digits);
    if (digits == 0 || souk_regex_peek(p, digits) != '}' || value > SOUK_CODE_POINT_MAX) {
        souk_regex_fail(p, "\\u{ needs a code point and }");
        return SOUK_REGEX_NOTHING;
    }
    p->position += digits + 1;
    return value;
}

/* \uXXXX, behind the "u"; two of them may be a surrogate pair. */
static uint32_t take_unicode(souk_regex_cursor *p)
{
    if (souk_regex_accept(p, "{")) {
        return take_braced_hex(p);
    }
    uint32_t value = hex_value(p, 0, 4);
    if (value == SOUK_REGEX_NOTHING) {
        souk_regex_fail(p, "\\u needs four hexadecimal digits");
        return SOUK_REGEX_NOTHING;
    }
    p->position += 4;
    if (value >= FIRST_SURROGATE && value < FIRST_LOW_SURROGATE && souk_regex_peek(p, 0) == '\\' &&
        souk_regex_peek(p, 1) == 'u') {
        uint32_t low = hex_value(p, 2, 4);
        if (low >= FIRST_LOW_SURROGATE && low <= LAST_SURROGATE) {
            p->position += 6;
            return 0x10000 + ((value - FIRST_SURROGATE) << 10) + (low - FIRST_LOW_SURROGATE);
        }
    }
    return value;
}

uint32_t souk_regex_take_escaped(souk_regex_cursor *p)
{
    static const char letters[] = "tnvfr";
    static const char meanings[] = "\t\n\v\f\r";
    char c = souk_regex_peek(p, 0);
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    if (letter != NULL) {
        p->position++;
        return (uint32_t)meanings[letter - letters];
    }
    if (c == '0' && !souk_regex_is_digit(souk_regex_peek(p, 1))) {
        p->position++;
        return 0;
    }
    if (c == 'c' && is_letter(souk_regex_peek(p, 1))) {
        p->position += 2;
        return (uint32_t)p->pattern.ptr[p->position - 1] & 31;
    }
    if (c == 'x' && hex_value(p, 1, 2) != SOUK_REGEX_NOTHING) {
        uint32_t value = hex_value(p, 1, 2);
        p->position += 3;
        return value;
    }
    if (souk_regex_accept(p, "u")) {
        return take_unicode(p);
    }
    if (souk_regex_is_digit(c) || c == 'k') {
        souk_regex_fail(p, "backreferences are not supported");
    } else if (c == 'p' || c == 'P') {
        souk_regex_fail(p, "Unicode properties (\\p) are not supported");
    } else if (is_letter(c)) {
        souk_regex_fail(p, "this escape is not supported");
    } else if (souk_regex_at_end(p)) {
        souk_regex_fail(p, "a backslash needs a character behind it");
    }
    return p->failed != SOUK_OK ? SOUK_REGEX_NOTHING : souk_regex_take_character(p);
}
