#include "mcp/result.h"

#include <string.h>

#include "base/buf.h"
#include "json/read.h"

enum { TYPE_SHOWN = 64 /* bytes of a name in a message */ };

/* The server has answered, though its answer is of no use. */
static int delivered(int failed, souk_err *err)
{
    if (err != NULL) {
        err->delivery = SOUK_DELIVERY_DELIVERED;
    }
    return failed;
}

static int broken(souk_err *err, const char *what)
{
    return delivered(souk_fail(err, SOUK_E_PROTOCOL, "the server's result %s", what), err);
}

static bool may_ask_for_input(souk_slice rpc_method)
{
    return souk_slice_is(rpc_method, "tools/call") || souk_slice_is(rpc_method, "prompts/get") ||
           souk_slice_is(rpc_method, "resources/read");
}

static int check_input_required(const souk_jval *result, souk_slice rpc_method, souk_err *err)
{
    if (!may_ask_for_input(rpc_method)) {
        return broken(err, "asks for input, which it may not for this method");
    }
    const souk_jval *requests = souk_json_get(result, "inputRequests");
    const souk_jval *state = souk_json_get(result, "requestState");
    if (requests == NULL && state == NULL) {
        return broken(err, "asks for input, but has neither inputRequests nor requestState");
    }
    if (requests != NULL && requests->type != SOUK_JSON_OBJECT) {
        return broken(err, "has inputRequests that are no object");
    }
    if (state != NULL && state->type != SOUK_JSON_STRING) {
        return broken(err, "has a requestState that is no string");
    }
    return SOUK_OK;
}

int souk_mcp_read_result_type(const souk_jval *result, souk_mcp_revision revision,
                              souk_slice rpc_method, souk_mcp_result_type *type, souk_err *err)
{
    *type = SOUK_MCP_RESULT_COMPLETE;
    if (souk_json_type_of(result) != SOUK_JSON_OBJECT) {
        return broken(err, "is no object");
    }
    const souk_jval *name = souk_json_get(result, "resultType");
    if (!souk_mcp_has_result_type(revision) || name == NULL ||
        souk_json_is_string(name, "complete")) {
        return SOUK_OK;
    }
    if (souk_json_is_string(name, "input_required")) {
        *type = SOUK_MCP_RESULT_INPUT_REQUIRED;
        return check_input_required(result, rpc_method, err);
    }
    if (souk_json_is_string(name, "task")) {
        *type = SOUK_MCP_RESULT_TASK;
        return SOUK_OK;
    }
    if (souk_json_type_of(name) != SOUK_JSON_STRING) {
        return broken(err, "has a resultType that is no string");
    }
    souk_slice text = souk_json_string(name);
    int failed =
        souk_fail(err, SOUK_E_PROTOCOL,
                  "the server's result has the resultType \"%.*s\", which souk does not know",
                  (int)(text.len < TYPE_SHOWN ? text.len : TYPE_SHOWN), text.ptr);
    return delivered(failed, err);
}

void souk_mcp_tool_result_init(souk_mcp_tool_result *out, const souk_alloc *alloc)
{
    memset(out, 0, sizeof *out);
    souk_json_doc_init(&out->decoded, alloc);
}

void souk_mcp_tool_result_free(souk_mcp_tool_result *out)
{
    souk_json_doc_free(&out->decoded);
    out->value = NULL;
}

/* The text of a content block; ptr NULL when it is of another type. */
static souk_slice block_text(const souk_jval *block)
{
    if (!souk_json_is_string(souk_json_get(block, "type"), "text")) {
        return souk_slice_make(NULL, 0);
    }
    return souk_json_string(souk_json_get(block, "text"));
}

/* A lone text: decoded when it is a JSON object or array, and as it is when it only looks like one.
 */
static int read_text(souk_slice text, souk_mcp_tool_result *out, souk_err *err)
{
    out->kind = SOUK_MCP_VALUE_TEXT;
    out->text = text;
    souk_slice trimmed = souk_slice_trim(text);
    if (trimmed.len == 0 || (trimmed.ptr[0] != '{' && trimmed.ptr[0] != '[')) {
        return SOUK_OK;
    }
    int rc = souk_json_read(&out->decoded, text, NULL, err);
    if (rc == SOUK_OK) {
        out->kind = SOUK_MCP_VALUE_DECODED;
        out->value = out->decoded.root;
        return SOUK_OK;
    }
    if (rc == SOUK_E_PROTOCOL) {
        souk_err_clear(err);
        return SOUK_OK;
    }
    souk_err_prefix(err, "the text of the tool's result");
    if (err != NULL) {
        err->delivery = SOUK_DELIVERY_DELIVERED;
    }
    return rc;
}

int souk_mcp_read_tool_result(const souk_jval *result, souk_mcp_revision revision,
                              souk_mcp_tool_result *out, souk_err *err)
{
    const souk_jval *structured = souk_json_get(result, "structuredContent");
    const souk_jval *content = souk_json_get(result, "content");
    bool is_absent =
        structured == NULL || (structured->type == SOUK_JSON_NULL && !souk_mcp_is_modern(revision));
    out->is_error = souk_json_is_true(souk_json_get(result, "isError"));
    if (!is_absent) {
        out->kind = SOUK_MCP_VALUE_STRUCTURED;
        out->value = structured;
        return SOUK_OK;
    }
    if (souk_json_type_of(content) != SOUK_JSON_ARRAY) {
        return broken(err, "has neither a content list nor structuredContent");
    }
    if (content->size == 1) {
        souk_slice text = block_text(souk_json_first(content));
        if (text.ptr != NULL) {
            return read_text(text, out, err);
        }
    }
    out->kind = SOUK_MCP_VALUE_CONTENT;
    out->value = content;
    return SOUK_OK;
}

/* Appends as much as fits to the NUL-terminated text. */
static void append(char *text, size_t size, size_t *len, souk_slice bytes)
{
    size_t room = size - 1 - *len;
    size_t count = bytes.len < room ? bytes.len : room;
    if (count > 0) {
        memcpy(text + *len, bytes.ptr, count);
        *len += count;
    }
    text[*len] = '\0';
}

int souk_mcp_fail_tool(const souk_jval *result, souk_err *err)
{
    /* One byte more than a message holds, so that souk_fail sees what is too long, and cuts it. */
    char text[SOUK_MESSAGE_MAX + 1] = "";
    size_t len = 0;
    souk_json_elements it = souk_json_each_element(souk_json_get(result, "content"));
    while (len < sizeof text - 1 && souk_json_next_element(&it)) {
        souk_slice block = souk_slice_trim(block_text(it.value));
        if (block.len > 0 && len > 0) {
            append(text, sizeof text, &len, SOUK_LIT("\n"));
        }
        append(text, sizeof text, &len, block);
    }
    souk_fail(err, SOUK_E_TOOL, "%s",
              len > 0 ? text : "the tool reported failure and did not say why");
    if (err != NULL) {
        err->delivery = SOUK_DELIVERY_DELIVERED;
    }
    return SOUK_E_TOOL;
}
