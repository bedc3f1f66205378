/*
 * The JSON room from the outside: reads any bytes, checks that the tape holds together, writes the
 * document, reads that again and compares; and reads every value alone from the bytes that it says
 * it was read from.
 *
 * The first byte of the input chooses the limits.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "json/read.h"
#include "json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    REREAD_VALUES = 200, /* values of a document that are read alone */
    REREAD_BYTES = 4096  /* of documents that are no larger */
};

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Checks the value and all below it; returns what follows it on the tape. */
static const souk_jval *check_value(const souk_json_doc *doc, const souk_jval *value, size_t depth)
{
    demand(depth <= SOUK_JSON_MAX_DEPTH);
    demand(value->begin < value->end && value->end <= doc->text.len);
    if (value->type == SOUK_JSON_STRING) {
        demand(doc->text.ptr[value->begin] == '"' && doc->text.ptr[value->end - 1] == '"');
        demand(value->size <= value->end - value->begin - 2);
        demand(souk_utf8_valid(souk_json_string(value), NULL));
        return value + 1;
    }
    if (value->type == SOUK_JSON_BIGINT) {
        demand(souk_slice_eq(souk_json_digits(value), souk_json_raw(doc, value)));
    }
    if (value->type != SOUK_JSON_ARRAY && value->type != SOUK_JSON_OBJECT) {
        return value + 1;
    }
    const souk_jval *next = value + 1;
    for (uint32_t i = 0; i < value->size; i++) {
        demand(next->begin > value->begin && next->end < value->end);
        if (value->type == SOUK_JSON_OBJECT) {
            demand(next->type == SOUK_JSON_STRING);
            next = check_value(doc, next, depth + 1);
        }
        next = check_value(doc, next, depth + 1);
    }
    demand(next == value + value->as.span);
    return next;
}

static void check_same(const souk_jval *a, const souk_jval *b)
{
    bool equal = false;
    demand(souk_json_equal(a, b) && souk_json_equal(b, a));
    demand(souk_json_equal_large(souk_alloc_libc(), a, b, &equal) && equal);
}

/* Writes the value and reads it again. */
static void check_round_trip(const souk_jval *value)
{
    souk_buf out;
    souk_jw w;
    souk_json_doc again;
    souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH};
    souk_buf_init(&out, souk_alloc_libc(), SIZE_MAX);
    souk_jw_init(&w, &out);
    souk_jw_value(&w, value);
    demand(souk_jw_check(&w, NULL) == SOUK_OK);
    souk_json_doc_init(&again, souk_alloc_libc());
    demand(souk_json_read(&again, souk_buf_slice(&out), &limits, NULL) == SOUK_OK);
    check_same(value, again.root);
    check_value(&again, again.root, 0);
    souk_json_doc_free(&again);
    souk_buf_free(&out);
}

/* Reads each value alone. */
static void check_raw(const souk_json_doc *doc)
{
    souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH};
    const souk_jval *end = souk_json_after(doc->root);
    int count = 0;
    for (const souk_jval *value = doc->root; value < end && count < REREAD_VALUES; value++) {
        souk_json_doc alone;
        souk_json_doc_init(&alone, souk_alloc_libc());
        demand(souk_json_read(&alone, souk_json_raw(doc, value), &limits, NULL) == SOUK_OK);
        check_same(value, alone.root);
        souk_json_doc_free(&alone);
        count++;
    }
}

static void check_error(souk_slice text, const souk_err *err, int result)
{
    demand(result == SOUK_E_PROTOCOL || result == SOUK_E_LIMIT);
    demand(err->kind == result && err->message[0] != '\0');
    demand(err->offset <= text.len && err->line >= 1 && err->column >= 1);
    for (const char *c = err->message; *c != '\0'; c++) {
        demand(*c >= 0x20 && *c < 0x7F);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    souk_json_limits limits = {
        .depth = data[0] & 1 ? 0 : 8,
        .duplicates = data[0] & 2 ? SOUK_JSON_NO_DUPLICATES : SOUK_JSON_LAST_WINS,
    };
    souk_slice text = souk_slice_make((const char *)data + 1, size - 1);
    souk_json_doc doc;
    souk_err err;
    souk_json_doc_init(&doc, souk_alloc_libc());
    int result = souk_json_read(&doc, text, &limits, &err);
    if (result == SOUK_OK) {
        demand(check_value(&doc, doc.root, 0) == souk_json_after(doc.root));
        check_round_trip(doc.root);
        if (text.len <= REREAD_BYTES) {
            check_raw(&doc);
        }
    } else {
        demand(doc.root == NULL && doc.tape == NULL);
        check_error(text, &err, result);
    }
    souk_json_doc_free(&doc);
    return 0;
}
