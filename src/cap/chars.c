#include "cap/chars.h"

/*
 * Short names for the table. P: plain; S: space; N: start of a name; D: digit; R: rest of a name.
 */
enum {
    P = SOUK_CHAR_PLAIN,
    S = SOUK_CHAR_SPACE | P,
    L = SOUK_CHAR_SPACE, /* the line feed */
    N = SOUK_CHAR_START | SOUK_CHAR_REST | P,
    D = SOUK_CHAR_DIGIT | SOUK_CHAR_REST | P,
    R = SOUK_CHAR_REST | P,
    A = SOUK_CHAR_START | P /* `&`, the rest marker of parameter lists: a symbol of its own */
};

/* clang-format off */
const unsigned char souk_char_classes[256] = {
    P, P, P, P, P, P, P, P, P, S, L, P, P, S, P, P, /* control characters: tab, LF, CR */
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    S, N, 0, P, N, N, A, P, P, P, N, N, S, N, R, N, /*   ! " # $ % & ' ( ) * + , - . / */
    D, D, D, D, D, D, D, D, D, D, P, P, N, N, N, N, /* 0 to 9 : ; < = > ? */
    R, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, /* @ A to O */
    N, N, N, N, N, N, N, N, N, N, N, P, 0, P, P, N, /* P to Z [ \ ] ^ _ */
    P, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, /* ` a to o */
    N, N, N, N, N, N, N, N, N, N, N, P, P, P, P, P, /* p to z { | } ~ DEL */
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, /* the rest is UTF-8 */
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
};
/* clang-format on */

static bool is_hex(char c)
{
    return souk_char_is(c, SOUK_CHAR_DIGIT) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

size_t souk_match_shape(souk_slice text, size_t at, const char *shape)
{
    size_t len = 0;
    for (; shape[len] != '\0'; len++) {
        char c = souk_char_at(text, at + len);
        bool matches = shape[len] == '0'   ? souk_char_is(c, SOUK_CHAR_DIGIT)
                       : shape[len] == 'F' ? is_hex(c)
                                           : c == shape[len];
        if (!matches) {
            return 0;
        }
    }
    return len;
}

size_t souk_match_digits(souk_slice text, size_t at)
{
    size_t len = 0;
    while (souk_char_is(souk_char_at(text, at + len), SOUK_CHAR_DIGIT)) {
        len++;
    }
    return len;
}

size_t souk_match_timestamp(souk_slice text, size_t at)
{
    size_t len = souk_match_shape(text, at, "0000-00-00T00:00:00");
    if (len == 0) {
        return 0;
    }
    if (souk_char_at(text, at + len) == '.') {
        len += 1 + souk_match_digits(text, at + len + 1);
    }
    return souk_char_at(text, at + len) == 'Z' ? len + 1 : 0;
}

size_t souk_match_uuid(souk_slice text, size_t at)
{
    return souk_match_shape(text, at, "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF");
}

static bool is_sign(char c)
{
    return c == '+' || c == '-';
}

size_t souk_match_number(souk_slice text, size_t at, bool *is_float)
{
    size_t sign = is_sign(souk_char_at(text, at)) ? 1 : 0;
    size_t whole = souk_match_digits(text, at + sign);
    *is_float = false;
    if (whole == 0) {
        return 0;
    }
    size_t len = sign + whole;
    size_t fraction =
        souk_char_at(text, at + len) == '.' ? souk_match_digits(text, at + len + 1) : 0;
    if (fraction == 0) {
        return len;
    }
    *is_float = true;
    len += 1 + fraction;
    char e = souk_char_at(text, at + len);
    if (e == 'e' || e == 'E') {
        size_t exponent_at = len + 1 + (is_sign(souk_char_at(text, at + len + 1)) ? 1 : 0);
        size_t exponent = souk_match_digits(text, at + exponent_at);
        len = exponent > 0 ? exponent_at + exponent : len;
    }
    return len;
}

/* Length of ":v1.2" at `at` when a `/` follows it. */
static size_t match_version(souk_slice text, size_t at)
{
    size_t len = souk_match_shape(text, at, ":v0");
    if (len == 0) {
        return 0;
    }
    for (char c = souk_char_at(text, at + len); souk_char_is(c, SOUK_CHAR_DIGIT) || c == '.';
         c = souk_char_at(text, at + len)) {
        len++;
    }
    return souk_char_at(text, at + len) == '/' ? len : 0;
}

size_t souk_match_name(souk_slice text, size_t at)
{
    if (!souk_char_is(souk_char_at(text, at), SOUK_CHAR_START)) {
        return 0;
    }
    size_t len = 1;
    size_t version;
    do {
        while (souk_char_is(souk_char_at(text, at + len), SOUK_CHAR_REST)) {
            len++;
        }
        version = match_version(text, at + len);
        len += version;
    } while (version > 0);
    return len;
}

bool souk_is_name(souk_slice text)
{
    return text.len > 0 && text.ptr[0] != '&' && souk_match_name(text, 0) == text.len;
}

char souk_escape_value(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case '"':
    case '\\':
    case '/':
        return c;
    default:
        return '\0';
    }
}
