/*
 * Headers from arguments: any schema is checked without harm, and what passes the check makes
 * headers that are whole. Input: a JSON array of a schema and the arguments.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/param_header.h"
#include "json/read.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_list(const souk_mcp_headers *headers)
{
    must(headers->count <= SOUK_MCP_PARAM_HEADERS_MAX);
    for (size_t i = 0; i < headers->count; i++) {
        souk_slice name = headers->list[i].name;
        must(souk_mcp_is_token(name) && souk_slice_starts(name, SOUK_LIT("Mcp-Param-")));
        must(name.len > strlen("Mcp-Param-"));
        must(souk_mcp_is_header_value(headers->list[i].value));
        for (size_t k = 0; k < i; k++) {
            must(!souk_slice_eq_nocase(headers->list[k].name, name));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    souk_json_doc doc;
    souk_err err;
    souk_mcp_headers headers;
    souk_json_doc_init(&doc, souk_alloc_libc());
    const souk_json_limits limits = {.duplicates = SOUK_JSON_NO_DUPLICATES};
    if (souk_json_read(&doc, souk_slice_make((const char *)data, size), &limits, &err) != SOUK_OK) {
        return 0;
    }
    const souk_jval *schema = souk_json_at(doc.root, 0);
    int rc = souk_mcp_param_headers_check(schema, &err);
    must(rc == SOUK_OK || ((rc == SOUK_E_PROTOCOL || rc == SOUK_E_LIMIT) && err.kind == rc));
    if (rc == SOUK_OK) {
        souk_mcp_headers_init(&headers, souk_alloc_libc());
        rc = souk_mcp_param_headers_add(&headers, schema, souk_json_at(doc.root, 1), &err);
        must(rc == SOUK_OK || (rc == SOUK_E_SCHEMA && err.kind == rc));
        check_list(&headers);
        souk_mcp_headers_free(&headers);
    }
    souk_json_doc_free(&doc);
    return 0;
}
