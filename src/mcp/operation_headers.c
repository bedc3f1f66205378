#include "mcp/operation_internal.h"

#include <string.h>

#include "mcp/envelope.h"
#include "mcp/param_header.h"
#include "mcp/tools.h"
#include "json/read.h"

/* Most tools have no such headers: their schemas are not read. */
static bool mentions_headers(souk_slice schema)
{
    const souk_slice key = SOUK_LIT("x-mcp-header");
    while (schema.len >= key.len) {
        schema = souk_slice_from(schema, souk_slice_find(schema, key.ptr[0]));
        if (souk_slice_starts(schema, key)) {
            return true;
        }
        schema = souk_slice_from(schema, 1);
    }
    return false;
}

static int add_headers(souk_mcp_op *op, const souk_jval *schema, souk_err *err)
{
    souk_slice arguments = op->order.params;
    const souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = arguments.len};
    souk_json_doc doc;
    souk_json_doc_init(&doc, op->ops->alloc);
    int failed = souk_mcp_param_headers_check(schema, err);
    if (failed == SOUK_OK && arguments.len > 0) {
        failed = souk_json_read(&doc, arguments, &limits, err);
        if (failed == SOUK_E_PROTOCOL) { /* they are the caller's */
            souk_err_prefix(err, "arguments");
            failed = SOUK_E_SCHEMA;
            err->kind = failed;
        }
    }
    if (failed == SOUK_OK) {
        failed = souk_mcp_param_headers_add(&op->headers, schema, doc.root, err);
    }
    souk_json_doc_free(&doc);
    return failed;
}

int souk_mcp_op_make_headers(souk_mcp_op *op, souk_slice schema, souk_err *err)
{
    if (!souk_mcp_op_is_modern(op) || !souk_mcp_op_is_http(op) || !mentions_headers(schema)) {
        return SOUK_OK;
    }
    const souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = schema.len};
    souk_json_doc doc;
    souk_json_doc_init(&doc, op->ops->alloc);
    int failed = souk_json_read(&doc, schema, &limits, err);
    if (failed == SOUK_OK) {
        failed = add_headers(op, doc.root, err);
    } else {
        souk_err_prefix(err, "the input schema of the tool");
    }
    souk_json_doc_free(&doc);
    return failed;
}

/* --- -32020: the schema is not the server's any more --- */

/* Asks for a page of tools; cursor NULL for the first. */
static bool send_list(souk_mcp_op *op, const souk_slice *cursor)
{
    souk_buf params;
    souk_buf_init(&params, op->ops->alloc, SIZE_MAX / 4);
    int failed = op->pages >= op->ops->config.max_pages ? SOUK_E_LIMIT : SOUK_OK;
    if (failed == SOUK_OK) {
        failed = souk_mcp_write_page_params(&params, cursor, NULL);
    }
    if (failed == SOUK_OK) {
        op->pages++;
        op->step = SOUK_MCP_STEP_TOOLS;
        failed = souk_mcp_op_send_quick(op, &op->main, SOUK_LIT("tools/list"),
                                        souk_buf_slice(&params), souk_slice_make(NULL, 0), NULL);
    }
    souk_buf_free(&params);
    return failed == SOUK_OK;
}

bool souk_mcp_op_reads_tools(souk_mcp_op *op, souk_mcp_end *end)
{
    if (!end->err.has_code || end->err.code != SOUK_RPC_HEADER_MISMATCH || end->lost ||
        op->resent_headers || op->order.kind != SOUK_MCP_OP_TOOL || !souk_mcp_op_is_modern(op) ||
        !souk_mcp_op_is_http(op)) {
        return false;
    }
    op->resent_headers = true;
    souk_mcp_op_keep(op, end);
    souk_mcp_tell(op->ops, NULL, SOUK_MCP_NEWS_NOTICE, SOUK_LIT(SOUK_MCP_TOOLS_STALE), NULL, NULL);
    if (!send_list(op, NULL)) {
        souk_mcp_op_give_up(op, souk_mcp_get_state(op->ops->mcp) != SOUK_MCP_READY);
    }
    return true;
}

/* The tool's entry on this page: 1, or 0 when it is not there. */
static int find_tool(souk_mcp_tool_page *page, souk_slice name, souk_mcp_tool *tool)
{
    int found;
    while ((found = souk_mcp_tool_page_next(page, tool, NULL)) != 0) {
        if (found > 0 && souk_slice_eq(tool->name, name)) {
            return 1;
        }
    }
    return 0;
}

/* The call once more, with headers as the server wants them now. */
static void call_again(souk_mcp_op *op, const souk_mcp_tool *tool)
{
    souk_err why;
    souk_mcp_headers_free(&op->headers);
    int failed = souk_mcp_op_make_headers(op, tool->input_schema_text, &why);
    if (failed == SOUK_OK) {
        souk_mcp_op_resend(op);
    } else if (failed == SOUK_E_SCHEMA) {
        why.delivery = SOUK_DELIVERY_REJECTED; /* an argument that the new schema does not take */
        souk_mcp_op_fail(op, &why, false);
    } else {
        souk_mcp_op_give_up(op, false);
    }
}

/* The next page, unless the server would send the client in circles. */
static bool go_on(souk_mcp_op *op, const souk_mcp_tool_page *page)
{
    if (!page->has_next ||
        (op->pages > 1 && souk_slice_eq(page->next_cursor, souk_buf_slice(&op->cursor)))) {
        return false;
    }
    souk_buf_clear(&op->cursor);
    souk_buf_add(&op->cursor, page->next_cursor);
    souk_slice cursor = souk_buf_slice(&op->cursor);
    return op->cursor.failed == SOUK_OK && send_list(op, &cursor);
}

void souk_mcp_op_take_tools(souk_mcp_op *op, const souk_mcp_end *end)
{
    souk_mcp_tool_page page;
    souk_mcp_tool tool;
    if (end->err.kind != SOUK_OK || end->type != SOUK_MCP_RESULT_COMPLETE ||
        souk_mcp_tool_page_begin(&page, &end->doc, end->value, NULL) != SOUK_OK) {
        souk_mcp_op_give_up(op, end->lost);
    } else if (find_tool(&page, op->order.name, &tool) == 1) {
        call_again(op, &tool);
    } else if (!go_on(op, &page)) {
        souk_mcp_op_give_up(op, souk_mcp_get_state(op->ops->mcp) != SOUK_MCP_READY);
    }
}
