/*
 * Characters of capability files: classes of bytes, and what can be matched in front of a place in
 * a text. Offsets behind the end of the text read as NUL, which no name, number or mark contains.
 */
#ifndef SOUK_CHARS_H
#define SOUK_CHARS_H

#include "base/slice.h"

enum {
    SOUK_CHAR_SPACE = 1, /* white space; the comma is some */
    SOUK_CHAR_START = 2, /* starts a name */
    SOUK_CHAR_DIGIT = 4,
    SOUK_CHAR_REST = 8,  /* goes on a name */
    SOUK_CHAR_PLAIN = 16 /* in a string, stands for itself and ends no line */
};

/* Classes by byte. */
extern const unsigned char souk_char_classes[256];

static inline bool souk_char_is(char c, unsigned classes)
{
    return (souk_char_classes[(unsigned char)c] & classes) != 0;
}

/* The byte at `at`, or NUL. */
static inline char souk_char_at(souk_slice text, size_t at)
{
    return at < text.len ? text.ptr[at] : '\0';
}

/*
 * Length of what stands at `at` when it has the shape, else 0. In a shape, `0` stands for any
 * decimal digit, `F` for any hexadecimal digit, other characters for themselves.
 */
size_t souk_match_shape(souk_slice text, size_t at, const char *shape);

/* Number of decimal digits at `at`. */
size_t souk_match_digits(souk_slice text, size_t at);

/*
 * Length of a timestamp in UTC (2025-10-24T09:02:22Z, with or without a fraction of a second); 0
 * for none.
 */
size_t souk_match_timestamp(souk_slice text, size_t at);
size_t souk_match_uuid(souk_slice text, size_t at);

/* Length of an integer or, then *is_float, a float, with its sign; 0 for none. */
size_t souk_match_number(souk_slice text, size_t at, bool *is_float);

/*
 * Length of a name. A `:` ends it, unless it introduces a version as in `tools:v1.2/fetch`. 0 for
 * none.
 */
size_t souk_match_name(souk_slice text, size_t at);

/*
 * True when `text` can be written as a keyword's or symbol's name (behind the ':' of the former).
 */
bool souk_is_name(souk_slice text);

/* What the character behind a backslash stands for; NUL when it is no escape, or is `u`. */
char souk_escape_value(char c);

#endif
