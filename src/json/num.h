/*
 * Numbers: JSON literals to int64 or double, and back. Correctly rounded, and independent of every
 * locale, because nothing of the C library takes part.
 */
#ifndef SOUK_NUM_H
#define SOUK_NUM_H

#include "json/doc.h"

enum { SOUK_NUM_TEXT = 32 }; /* room for any number that is written here, with a NUL */

typedef struct souk_num {
    souk_json_type type;  /* SOUK_JSON_INT, SOUK_JSON_BIGINT or SOUK_JSON_DOUBLE */
    size_t len;           /* bytes of the literal; on failure where the problem is */
    int64_t integer;      /* of an INT */
    double number;        /* of a DOUBLE */
    const char *expected; /* on failure: what should have been there; NULL: out of range */
} souk_num;

/*
 * Reads the number literal (RFC 8259 section 6) that begins at text.ptr[0]; what follows it is not
 * looked at. "-0" is the integer 0. A double that is too small becomes 0, one that is too large is
 * a failure.
 */
bool souk_num_read(souk_slice text, souk_num *out);

/*
 * The double that is nearest to an integer literal; infinite when that is past the range of
 * doubles.
 */
double souk_num_nearest(souk_slice digits);

/* True when the integer literal has exactly the value of `number`. */
bool souk_num_equals(souk_slice digits, double number);

/* Decimal digits of the integer, NUL-terminated; returns how many bytes. */
size_t souk_num_write_int(int64_t value, char out[SOUK_NUM_TEXT]);

/*
 * The shortest decimal number that reads back as `value` (which must be finite), and of these the
 * nearest; always with a '.' or an 'e', NUL-terminated. Returns how many bytes.
 */
size_t souk_num_write_double(double value, char out[SOUK_NUM_TEXT]);

#endif
