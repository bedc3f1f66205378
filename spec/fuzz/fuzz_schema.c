/*
 * Schemas: the first line of an input is a schema, the rest a value. Whatever they are, compiling
 * and validating must end within their bounds and say the same twice; and a schema must judge as
 * its own disguises do.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "schema/schema.h"
#include "json/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

static const souk_schema_options options = {
    .subschemas = 500, .instructions = 5000, .compile_steps = 100000, .steps = 50000, .depth = 300};

/* SOUK_OK, SOUK_E_SCHEMA, or SOUK_E_LIMIT when nothing can be said. */
static int judge(souk_slice json, const souk_jval *value, souk_err *err)
{
    souk_schema *schema;
    int result = souk_schema_compile_with(souk_alloc_libc(), json, &options, &schema, err);
    demand((schema != NULL) == (result == SOUK_OK));
    if (result != SOUK_OK) {
        demand(result == SOUK_E_SCHEMA || result == SOUK_E_LIMIT);
        demand(err->kind == result && err->message[0] != '\0');
        demand(souk_utf8_valid(souk_slice_of(err->message), NULL));
        return SOUK_E_LIMIT;
    }
    const souk_slice *warnings;
    size_t count = souk_schema_warnings(schema, &warnings);
    for (size_t i = 0; i < count; i++) {
        demand(warnings[i].len > 0 && souk_utf8_valid(warnings[i], NULL));
    }
    souk_err_clear(err);
    result = souk_schema_validate(schema, value, err);
    demand(result == SOUK_OK || result == SOUK_E_SCHEMA || result == SOUK_E_LIMIT);
    demand(souk_utf8_valid(souk_slice_of(err->message), NULL));
    demand((result == SOUK_OK) == (err->message[0] == '\0'));
    demand(souk_schema_validate(schema, value, NULL) == result);
    souk_schema_free(schema);
    return result;
}

static void check_disguise(const char *before, souk_slice json, const char *after,
                           const souk_jval *value, int expected)
{
    souk_buf text;
    souk_err err;
    souk_buf_init(&text, souk_alloc_libc(), 1 << 20);
    (void)souk_buf_add_text(&text, before);
    (void)souk_buf_add(&text, json);
    (void)souk_buf_add_text(&text, after);
    int result = judge(souk_buf_slice(&text), value, &err);
    demand(result == SOUK_E_LIMIT || result == expected);
    souk_buf_free(&text);
}

static void check_disguises(souk_slice json, const souk_jval *value, int expected)
{
    check_disguise("{\"allOf\":[", json, "]}", value, expected);
    check_disguise("{\"anyOf\":[false,", json, "]}", value, expected);
    check_disguise("{\"oneOf\":[", json, ",false]}", value, expected);
    check_disguise("{\"not\":{\"not\":", json, "}}", value, expected);
    check_disguise("{\"if\":", json, ",\"else\":false}", value, expected);
    check_disguise("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":", json, "}}", value, expected);
    check_disguise("{\"unevaluatedItems\":true,\"unevaluatedProperties\":true,\"allOf\":[", json,
                   "]}", value, expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    souk_slice input = souk_slice_make((const char *)data, size);
    size_t split = souk_slice_find(input, '\n');
    souk_slice json = souk_slice_make(input.ptr, split);
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_err err;
    souk_slice value = souk_slice_from(input, split + 1);
    if (souk_json_read(&doc, value, NULL, &err) != SOUK_OK) {
        demand(souk_json_read(&doc, SOUK_LIT("{\"a\":[1,\"b\",null,{}]}"), NULL, &err) == SOUK_OK);
    }
    int result = judge(json, doc.root, &err);
    /* References are relative to where a schema stands. */
    if (result != SOUK_E_LIMIT && souk_slice_find(json, '$') == json.len &&
        souk_slice_find(json, '\\') == json.len) {
        check_disguises(json, doc.root, result);
    }
    souk_json_doc_free(&doc);
    return 0;
}
