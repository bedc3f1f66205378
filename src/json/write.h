/*
 * The JSON writer: streams one value into a souk_buf. Commas and colons are its business; the
 * buffer's sticky failure is the caller's (look once, at the end, with souk_jw_check). Strings are
 * checked: what is not UTF-8 makes the writer invalid.
 */
#ifndef SOUK_JSON_WRITE_H
#define SOUK_JSON_WRITE_H

#include "json/doc.h"

typedef struct souk_jw {
    souk_buf *out;
    bool comma;   /* the next value or key needs one before it */
    bool invalid; /* invalid UTF-8, NaN or infinity was given */
} souk_jw;

void souk_jw_init(souk_jw *w, souk_buf *out);

void souk_jw_object(souk_jw *w);
void souk_jw_end_object(souk_jw *w);
void souk_jw_array(souk_jw *w);
void souk_jw_end_array(souk_jw *w);
void souk_jw_key(souk_jw *w, souk_slice key);
void souk_jw_null(souk_jw *w);
void souk_jw_bool(souk_jw *w, bool value);
void souk_jw_int(souk_jw *w, int64_t value);
void souk_jw_double(souk_jw *w,
                    double value); /* shortest text that reads back equal, always with . or e */
void souk_jw_string(souk_jw *w, souk_slice value);
void souk_jw_raw(souk_jw *w, souk_slice json); /* valid JSON text, copied as it is */
void souk_jw_value(souk_jw *w,
                   const souk_jval *value); /* a value of a document, written compactly */

/* Members in one step. */
void souk_jw_key_string(souk_jw *w, const char *key, souk_slice value);
void souk_jw_key_int(souk_jw *w, const char *key, int64_t value);
void souk_jw_key_bool(souk_jw *w, const char *key, bool value);
void souk_jw_key_raw(souk_jw *w, const char *key, souk_slice json);

/* SOUK_OK; or SOUK_E_SCHEMA for invalid UTF-8, NaN, infinity; or what stopped the buffer. */
int souk_jw_check(const souk_jw *w, souk_err *err);

#endif
