/*
 * Arguments that a tool wants repeated as HTTP headers: properties of its inputSchema that carry
 * `x-mcp-header` (2026-07-28, basic/transports, "Custom headers from tool parameters").
 */
#ifndef SOUK_MCP_PARAM_HEADER_H
#define SOUK_MCP_PARAM_HEADER_H

#include "mcp/header.h"
#include "json/doc.h"

enum {
    SOUK_MCP_PARAM_HEADERS_MAX = 64, /* annotations of one tool */
    SOUK_MCP_PARAM_DEPTH_MAX = 64    /* nesting of schemas that is looked into */
};

/*
 * Checks all annotations of a schema (NULL: none). SOUK_OK, or SOUK_E_PROTOCOL with *err saying
 * which one is wrong and why: an HTTP client must then leave the tool out and keep its neighbours.
 * An annotation is a non-empty token, unique in the schema (case does not matter), on a property of
 * type string, integer or boolean that is reached from the root through `properties` alone.
 * SOUK_E_LIMIT when there are too many annotations or the schema is nested too deeply.
 */
int souk_mcp_param_headers_check(const souk_jval *input_schema, souk_err *err);

/*
 * Adds Mcp-Param-* headers for `arguments` (an object, or NULL) to the list. Absent and null
 * arguments give no header. The schema must have passed the check. SOUK_E_SCHEMA when an argument
 * has another type than its property, or is an integer past 2^53 - 1 either way.
 */
int souk_mcp_param_headers_add(souk_mcp_headers *headers, const souk_jval *input_schema,
                               const souk_jval *arguments, souk_err *err);

#endif
