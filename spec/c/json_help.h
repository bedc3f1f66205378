/*
 * Short ways to read and write JSON in the tests of every room. A failure to read is a failed
 * check.
 */
#ifndef SOUK_SPEC_JSON_HELP_H
#define SOUK_SPEC_JSON_HELP_H

#include "tap.h"
#include "json/read.h"
#include "json/write.h"

/*
 * Reads `text` into an initialised document with default limits; the root, or NULL after a failed
 * check.
 */
static inline const souk_jval *help_read(souk_json_doc *doc, souk_slice text)
{
    souk_err err;
    souk_json_doc_init(doc, souk_alloc_libc());
    if (souk_json_read(doc, text, NULL, &err) != SOUK_OK) {
        tap_fail(__FILE__, __LINE__, "the text should have been read");
        printf("#   %u:%u %s: %.*s\n", err.line, err.column, err.message, SOUK_ARG(text));
        return NULL;
    }
    return doc->root;
}

/* The kind of failure when `text` is read, or SOUK_OK; *err (may be NULL) as the reader left it. */
static inline int help_result(souk_slice text, const souk_json_limits *limits, souk_err *err)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    int result = souk_json_read(&doc, text, limits, err);
    if (result != SOUK_OK) {
        CHECK(doc.root == NULL && doc.tape == NULL && doc.text.len == 0);
    }
    souk_json_doc_free(&doc);
    return result;
}

static inline void help_rejects_at(const char *file, int line, const char *text,
                                   const char *message, unsigned at_line, unsigned at_column)
{
    souk_err err;
    souk_err_clear(&err);
    int result = help_result(souk_slice_of(text), NULL, &err);
    if (result == SOUK_OK) {
        tap_fail(file, line, "the text should have been refused");
        printf("#   %s\n", text);
        return;
    }
    tap_check_text(file, line, souk_slice_of(err.message), souk_slice_of(message));
    tap_check_int(file, line, err.line, at_line);
    tap_check_int(file, line, err.column, at_column);
}

/* The text is refused, with this message, at this line and column. */
#define CHECK_REJECTS(text, message, line, column)                                                 \
    help_rejects_at(__FILE__, __LINE__, (text), (message), (line), (column))

/* The value as compact JSON text, in a buffer that the caller frees. */
static inline souk_slice help_write(souk_buf *out, const souk_jval *value)
{
    souk_jw w;
    souk_buf_init(out, souk_alloc_libc(), (size_t)64 * 1024 * 1024);
    souk_jw_init(&w, out);
    souk_jw_value(&w, value);
    CHECK_INT(souk_jw_check(&w, NULL), SOUK_OK);
    return souk_buf_slice(out);
}

static inline void help_rewrites(const char *file, int line, const char *text, const char *want)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, souk_slice_of(text));
    if (root != NULL) {
        souk_buf out;
        tap_check_text(file, line, help_write(&out, root), souk_slice_of(want));
        souk_buf_free(&out);
    }
    souk_json_doc_free(&doc);
}

/* Reading `text` and writing it compactly gives `want`. */
#define CHECK_REWRITES(text, want) help_rewrites(__FILE__, __LINE__, (text), (want))

/* A small generator of pseudo-random numbers (xorshift64), the same ones in every run. */
static inline uint64_t help_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
