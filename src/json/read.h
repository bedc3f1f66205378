/*
 * The JSON reader: RFC 8259, strict, in one pass. No comments, no trailing commas, no BOM, nothing
 * behind the value, strict UTF-8, no lone surrogates, every integer exact, every other number the
 * nearest double.
 */
#ifndef SOUK_JSON_READ_H
#define SOUK_JSON_READ_H

#include "json/doc.h"

typedef enum souk_json_duplicates {
    SOUK_JSON_LAST_WINS, /* duplicate keys are kept on the tape; look-ups see the last */
    SOUK_JSON_NO_DUPLICATES
} souk_json_duplicates;

typedef struct souk_json_limits {
    unsigned depth; /* nesting of containers; 0 means the default, 128 */
    size_t text;    /* bytes; 0 means the default, 16 MiB; never more than UINT32_MAX - 1 */
    souk_json_duplicates duplicates;
} souk_json_limits;

/*
 * Reads `text`, which must stay unchanged as long as the document is used. limits may be NULL. On
 * failure *doc is empty, the result is SOUK_E_PROTOCOL (bad text) or SOUK_E_LIMIT (too deep, too
 * long, memory), and *err has offset, line, column and a message that says what was expected.
 *
 * A document takes 24 bytes for each value, and a copy of each string that has escapes. Room for
 * the values is doubled when it is used up: two or three times the size of usual texts, 24 times
 * that of hostile ones at most.
 */
int souk_json_read(souk_json_doc *doc, souk_slice text, const souk_json_limits *limits,
                   souk_err *err);

/*
 * The same, but the document takes the content of *text, which is left empty on success and on
 * failure.
 */
int souk_json_read_take(souk_json_doc *doc, souk_buf *text, const souk_json_limits *limits,
                        souk_err *err);

/* Sets offset, line and column (in bytes, both from 1) of a place in the text; err may be NULL. */
void souk_json_locate(souk_slice text, size_t offset, souk_err *err);

#endif
