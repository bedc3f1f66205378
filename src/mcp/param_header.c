#include "mcp/param_header.h"

#include <string.h>

#include "base/buf.h"

/* Integers that every JSON implementation holds exactly. */
#define MAX_EXACT ((INT64_C(1) << 53) - 1)

enum { HEADER_NAME_MAX = 128 /* bytes of one annotation */ };

static const char annotation_key[] = "x-mcp-header";

/* --- checking a schema
 * ------------------------------------------------------------------------------- */

typedef struct checker {
    souk_slice names[SOUK_MCP_PARAM_HEADERS_MAX];
    size_t count;
    souk_err *err;
} checker;

/* Where a schema stands. */
typedef enum place {
    PLACE_ROOT,
    PLACE_PROPERTY, /* reached from the root through `properties` alone */
    PLACE_ELSEWHERE
} place;

static int wrong(checker *c, souk_slice name, const char *why)
{
    return souk_fail(c->err, SOUK_E_PROTOCOL, "%s \"%.*s\" %s", annotation_key, SOUK_ARG(name),
                     why);
}

static bool has_header_type(const souk_jval *property)
{
    const souk_jval *type = souk_json_get(property, "type");
    return souk_json_is_string(type, "string") || souk_json_is_string(type, "integer") ||
           souk_json_is_string(type, "boolean");
}

static int check_annotation(checker *c, const souk_jval *schema, const souk_jval *value, place at)
{
    souk_slice name = souk_json_string(value);
    if (name.ptr == NULL || name.len > HEADER_NAME_MAX || !souk_mcp_is_token(name)) {
        return souk_fail(c->err, SOUK_E_PROTOCOL, "an %s cannot be part of a header name",
                         annotation_key);
    }
    if (at != PLACE_PROPERTY) {
        return wrong(c, name, "is not on a property that is reached through properties alone");
    }
    if (!has_header_type(schema)) {
        return wrong(c, name, "is on a property that is no string, integer or boolean");
    }
    for (size_t i = 0; i < c->count; i++) {
        if (souk_slice_eq_nocase(c->names[i], name)) {
            return wrong(c, name, "is there twice");
        }
    }
    if (c->count == SOUK_MCP_PARAM_HEADERS_MAX) {
        return souk_fail(c->err, SOUK_E_LIMIT, "a tool has more than %d parameters with %s",
                         SOUK_MCP_PARAM_HEADERS_MAX, annotation_key);
    }
    c->names[c->count++] = name;
    return SOUK_OK;
}

/* Keywords whose value is data, not a schema: what looks like an annotation there is none. */
static bool holds_data(souk_slice keyword)
{
    return souk_slice_is(keyword, "const") || souk_slice_is(keyword, "enum") ||
           souk_slice_is(keyword, "default") || souk_slice_is(keyword, "examples") ||
           souk_slice_is(keyword, "required");
}

/* Keywords whose value is a map from names to schemas: a name that looks like an annotation is
 * none. */
static bool holds_named_schemas(souk_slice keyword)
{
    return souk_slice_is(keyword, "properties") || souk_slice_is(keyword, "patternProperties") ||
           souk_slice_is(keyword, "$defs") || souk_slice_is(keyword, "definitions") ||
           souk_slice_is(keyword, "dependentSchemas") || souk_slice_is(keyword, "dependencies");
}

static int check_schema(checker *c, const souk_jval *schema, place at, unsigned depth);

/* The schemas inside of a keyword's value: itself, the elements of a list, or the members of a map.
 */
static int check_keyword(checker *c, souk_slice keyword, const souk_jval *value, place at,
                         unsigned depth)
{
    int rc = SOUK_OK;
    if (holds_named_schemas(keyword)) {
        bool is_path = at != PLACE_ELSEWHERE && souk_slice_is(keyword, "properties");
        souk_json_members it = souk_json_each_member(value);
        while (rc == SOUK_OK && souk_json_next_member(&it)) {
            rc = check_schema(c, it.value, is_path ? PLACE_PROPERTY : PLACE_ELSEWHERE, depth + 1);
        }
        return rc;
    }
    souk_json_elements it = souk_json_each_element(value);
    while (rc == SOUK_OK && souk_json_next_element(&it)) {
        rc = check_schema(c, it.value, PLACE_ELSEWHERE, depth + 1);
    }
    return rc == SOUK_OK ? check_schema(c, value, PLACE_ELSEWHERE, depth + 1) : rc;
}

static int check_schema(checker *c, const souk_jval *schema, place at, unsigned depth)
{
    int rc = SOUK_OK;
    if (souk_json_type_of(schema) != SOUK_JSON_OBJECT) {
        return SOUK_OK;
    }
    if (depth > SOUK_MCP_PARAM_DEPTH_MAX) {
        return souk_fail(c->err, SOUK_E_LIMIT, "an input schema is nested deeper than %d",
                         SOUK_MCP_PARAM_DEPTH_MAX);
    }
    souk_json_members it = souk_json_each_member(schema);
    while (rc == SOUK_OK && souk_json_next_member(&it)) {
        if (souk_slice_is(it.key, annotation_key)) {
            rc = check_annotation(c, schema, it.value, at);
        } else if (!holds_data(it.key)) {
            rc = check_keyword(c, it.key, it.value, at, depth);
        }
    }
    return rc;
}

int souk_mcp_param_headers_check(const souk_jval *input_schema, souk_err *err)
{
    checker c;
    memset(&c, 0, sizeof c);
    c.err = err;
    return check_schema(&c, input_schema, PLACE_ROOT, 0);
}

/* --- making headers
 * ---------------------------------------------------------------------------------- */

typedef struct maker {
    souk_mcp_headers *headers;
    souk_buf name;
    souk_buf value;
    souk_err *err;
} maker;

static int mismatch(maker *m, souk_slice property, const char *why)
{
    return souk_fail(m->err, SOUK_E_SCHEMA, "argument \"%.*s\" %s", SOUK_ARG(property), why);
}

/* Writes the argument as header text into m->value. */
static int write_value(maker *m, souk_slice property, const souk_jval *schema,
                       const souk_jval *argument)
{
    const souk_jval *type = souk_json_get(schema, "type");
    int64_t integer;
    if (souk_json_is_string(type, "string")) {
        if (argument->type != SOUK_JSON_STRING) {
            return mismatch(m, property, "is no string");
        }
        return souk_mcp_write_header_value(&m->value, souk_json_string(argument), m->err);
    }
    if (souk_json_is_string(type, "boolean")) {
        if (argument->type != SOUK_JSON_BOOL) {
            return mismatch(m, property, "is no boolean");
        }
        souk_buf_add_text(&m->value, argument->as.boolean ? "true" : "false");
    } else {
        if (!souk_json_integer(argument, &integer) || integer > MAX_EXACT || integer < -MAX_EXACT) {
            return mismatch(m, property, "is no integer from -(2^53 - 1) to 2^53 - 1");
        }
        souk_buf_addf(&m->value, "%lld", (long long)integer);
    }
    return souk_buf_check(&m->value, "a header value", m->err);
}

static int add_header(maker *m, souk_slice property, const souk_jval *schema,
                      const souk_jval *argument)
{
    souk_buf_clear(&m->name);
    souk_buf_clear(&m->value);
    souk_buf_add_text(&m->name, "Mcp-Param-");
    souk_buf_add(&m->name, souk_json_string(souk_json_get(schema, annotation_key)));
    int rc = souk_buf_check(&m->name, "a header name", m->err);
    if (rc == SOUK_OK) {
        rc = write_value(m, property, schema, argument);
    }
    if (rc == SOUK_OK) {
        rc = souk_mcp_headers_add(m->headers, souk_buf_slice(&m->name), souk_buf_slice(&m->value),
                                  SOUK_E_PROTOCOL, m->err);
    }
    return rc;
}

/* The properties of one object, and of the objects in it. */
static int add_properties(maker *m, const souk_jval *schema, const souk_jval *arguments,
                          unsigned depth)
{
    int rc = SOUK_OK;
    if (depth > SOUK_MCP_PARAM_DEPTH_MAX) {
        return souk_fail(m->err, SOUK_E_LIMIT, "an input schema is nested deeper than %d",
                         SOUK_MCP_PARAM_DEPTH_MAX);
    }
    souk_json_members it = souk_json_each_member(souk_json_get(schema, "properties"));
    while (rc == SOUK_OK && souk_json_next_member(&it)) {
        const souk_jval *argument = souk_json_get_slice(arguments, it.key);
        if (souk_json_type_of(argument) == SOUK_JSON_NULL) {
            continue; /* absent or null: no header */
        }
        if (souk_json_get(it.value, annotation_key) != NULL) {
            rc = add_header(m, it.key, it.value, argument);
        } else {
            rc = add_properties(m, it.value, argument, depth + 1);
        }
    }
    return rc;
}

int souk_mcp_param_headers_add(souk_mcp_headers *headers, const souk_jval *input_schema,
                               const souk_jval *arguments, souk_err *err)
{
    maker m;
    m.headers = headers;
    m.err = err;
    souk_buf_init(&m.name, headers->texts.alloc, SOUK_MCP_HEADER_VALUE_MAX);
    souk_buf_init(&m.value, headers->texts.alloc, SOUK_MCP_HEADER_VALUE_MAX);
    int rc = add_properties(&m, input_schema, arguments, 0);
    souk_buf_free(&m.name);
    souk_buf_free(&m.value);
    return rc;
}
