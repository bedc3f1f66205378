/* What the result of a request is: its type, and for tools/call the value that a caller wants. */
#ifndef SOUK_MCP_RESULT_H
#define SOUK_MCP_RESULT_H

#include "mcp/revision.h"
#include "json/doc.h"

typedef enum souk_mcp_result_type {
    SOUK_MCP_RESULT_COMPLETE = 0,
    SOUK_MCP_RESULT_INPUT_REQUIRED, /* the server asks: inputRequests, requestState or both */
    SOUK_MCP_RESULT_TASK            /* the tasks extension: work goes on, taskId names it */
} souk_mcp_result_type;

/*
 * Reads resultType (2026-07-28, basic, "Results"). Absent means complete; legacy results are always
 * complete. SOUK_E_PROTOCOL when the result is no object, for an unknown type, and for
 * input_required on a method that may not ask (only tools/call, prompts/get and resources/read may)
 * or without anything that is asked.
 */
int souk_mcp_read_result_type(const souk_jval *result, souk_mcp_revision revision,
                              souk_slice rpc_method, souk_mcp_result_type *type, souk_err *err);

typedef enum souk_mcp_value_kind {
    SOUK_MCP_VALUE_STRUCTURED, /* structuredContent */
    SOUK_MCP_VALUE_DECODED,    /* the only block was a text: a JSON object or array */
    SOUK_MCP_VALUE_TEXT,       /* the only block was some other text */
    SOUK_MCP_VALUE_CONTENT     /* the content list */
} souk_mcp_value_kind;

typedef struct souk_mcp_tool_result {
    bool is_error; /* the tool ran and reported failure */
    souk_mcp_value_kind kind;
    const souk_jval *value; /* in the result's document; DECODED: in `decoded` */
    souk_slice text;        /* TEXT, DECODED: the text, in the document of the result */
    souk_json_doc decoded;  /* DECODED: refers to `text` */
} souk_mcp_tool_result;

void souk_mcp_tool_result_init(souk_mcp_tool_result *out, const souk_alloc *alloc);
void souk_mcp_tool_result_free(souk_mcp_tool_result *out);

/*
 * Picks the value of a complete tools/call result: structuredContent if there is one, else a lone
 * text block, decoded if it is a JSON object or array, else the content list. In legacy results
 * structuredContent null counts as absent.
 *
 * SOUK_E_PROTOCOL when there is neither structuredContent nor a content list; SOUK_E_LIMIT when the
 * text of a lone block is nested too deeply, or memory is exhausted. *out must be initialised,
 * refers to the document of `result`, and is freed with souk_mcp_tool_result_free.
 */
int souk_mcp_read_tool_result(const souk_jval *result, souk_mcp_revision revision,
                              souk_mcp_tool_result *out, souk_err *err);

/*
 * Fills *err for a result with is_error: SOUK_E_TOOL, delivered, the message being the result's
 * text blocks joined by line ends and cut between characters. Returns SOUK_E_TOOL.
 */
int souk_mcp_fail_tool(const souk_jval *result, souk_err *err);

#endif
