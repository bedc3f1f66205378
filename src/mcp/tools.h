/*
 * A page of tools/list (server/tools, "Listing tools"; pagination and caching as for the other
 * lists).
 */
#ifndef SOUK_MCP_TOOLS_H
#define SOUK_MCP_TOOLS_H

#include <stdint.h>

#include "json/doc.h"

enum { SOUK_MCP_TOOL_NAME_MAX = 256 }; /* bytes; the specification recommends up to 128 */

/* Everything points into the document; absent texts have ptr NULL. */
typedef struct souk_mcp_tool {
    souk_slice name;
    souk_slice title; /* its own, else that of its annotations */
    souk_slice description;
    const souk_jval *input_schema; /* an object, or NULL */
    souk_slice input_schema_text;
    const souk_jval *output_schema; /* an object or a boolean, or NULL */
    souk_slice output_schema_text;
    souk_slice annotations_text; /* of an object */
    bool is_read_only;           /* hints: what the server claims, false when it says nothing */
    bool is_idempotent;
} souk_mcp_tool;

typedef struct souk_mcp_tool_page {
    const souk_json_doc *doc;
    souk_json_elements tools;
    size_t index; /* of the entry that comes next */

    bool has_next;          /* there is another page */
    souk_slice next_cursor; /* opaque; an empty one is a cursor */
    int64_t ttl_ms;         /* how long the page may be kept; 0 when it may not */
    bool is_private;        /* not to be kept for another identity */
} souk_mcp_tool_page;

/*
 * Begins to read `result`, a value of *doc. SOUK_E_PROTOCOL when it has no list of tools or a
 * cursor that is no string.
 */
int souk_mcp_tool_page_begin(souk_mcp_tool_page *page, const souk_json_doc *doc,
                             const souk_jval *result, souk_err *err);

/*
 * The next tool: 1 when *tool has been filled, 0 at the end, SOUK_E_PROTOCOL for an entry without a
 * usable name (a string of 1 to SOUK_MCP_TOOL_NAME_MAX bytes, without control characters); the walk
 * can go on behind it.
 */
int souk_mcp_tool_page_next(souk_mcp_tool_page *page, souk_mcp_tool *tool, souk_err *err);

#endif
