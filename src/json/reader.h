/* What the files of the reader share. Private to the json room. */
#ifndef SOUK_READER_H
#define SOUK_READER_H

#include "json/read.h"

typedef struct souk_reader {
    const char *begin;
    const char *at; /* the next byte to read */
    const char *end;
    souk_json_doc *doc;
    souk_jval *tape;
    size_t count;       /* values on the tape */
    size_t capacity;    /* values that fit */
    size_t open;        /* tape index of the innermost open container, SOUK_NOTHING_OPEN for none */
    unsigned depth;     /* open containers */
    const char *wanted; /* what an error says should have stood where a value is read */
    souk_json_limits limits;
    int failed; /* SOUK_OK, or what *err says */
    souk_err *err;
} souk_reader;

#define SOUK_NOTHING_OPEN SIZE_MAX

/* Fails with "expected ..., found ..." at the given byte. Always false. */
bool souk_reader_unexpected(souk_reader *r, const char *at, const char *expected);

/* Says where the failure is that has been put into r->failed and *r->err. Always false. */
bool souk_reader_fail_at(souk_reader *r, const char *at);

/* Reads the string at r->at, which is a '"', into *value. */
bool souk_reader_string(souk_reader *r, souk_jval *value);

#endif
