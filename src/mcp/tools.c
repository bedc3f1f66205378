#include "mcp/tools.h"

#include <string.h>

#include "mcp/server.h"

static int broken(souk_err *err, const char *what)
{
    return souk_fail(err, SOUK_E_PROTOCOL, "the server's answer to tools/list %s", what);
}

int souk_mcp_tool_page_begin(souk_mcp_tool_page *page, const souk_json_doc *doc,
                             const souk_jval *result, souk_err *err)
{
    memset(page, 0, sizeof *page);
    const souk_jval *tools = souk_json_get(result, "tools");
    const souk_jval *cursor = souk_json_get(result, "nextCursor");
    souk_json_type cursor_type = souk_json_type_of(cursor);
    if (souk_json_type_of(tools) != SOUK_JSON_ARRAY) {
        return broken(err, "has no list of tools");
    }
    if (cursor_type != SOUK_JSON_NULL && cursor_type != SOUK_JSON_STRING) {
        return broken(err, "has a nextCursor that is no string");
    }
    page->doc = doc;
    page->tools = souk_json_each_element(tools);
    page->has_next = cursor_type == SOUK_JSON_STRING;
    page->next_cursor = souk_json_string(cursor);
    page->ttl_ms = souk_mcp_ttl_ms(result);
    page->is_private = souk_mcp_is_private(result);
    return SOUK_OK;
}

static bool is_usable_name(souk_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7F) {
            return false;
        }
    }
    return name.len > 0 && name.len <= SOUK_MCP_TOOL_NAME_MAX;
}

static const souk_jval *get_object(const souk_jval *entry, const char *key)
{
    const souk_jval *value = souk_json_get(entry, key);
    return souk_json_type_of(value) == SOUK_JSON_OBJECT ? value : NULL;
}

/* The value's bytes; ptr NULL when there is no value. */
static souk_slice text_of(const souk_json_doc *doc, const souk_jval *value)
{
    return value == NULL ? souk_slice_make(NULL, 0) : souk_json_raw(doc, value);
}

static void read_schemas(const souk_json_doc *doc, const souk_jval *entry, souk_mcp_tool *tool)
{
    const souk_jval *output = souk_json_get(entry, "outputSchema");
    souk_json_type type = souk_json_type_of(output);
    tool->input_schema = get_object(entry, "inputSchema");
    tool->input_schema_text = text_of(doc, tool->input_schema);
    tool->output_schema = type == SOUK_JSON_OBJECT || type == SOUK_JSON_BOOL ? output : NULL;
    tool->output_schema_text = text_of(doc, tool->output_schema);
}

int souk_mcp_tool_page_next(souk_mcp_tool_page *page, souk_mcp_tool *tool, souk_err *err)
{
    memset(tool, 0, sizeof *tool);
    if (!souk_json_next_element(&page->tools)) {
        return 0;
    }
    size_t index = page->index++;
    const souk_jval *entry = page->tools.value;
    tool->name = souk_json_string(souk_json_get(entry, "name"));
    if (!is_usable_name(tool->name)) {
        return souk_fail(err, SOUK_E_PROTOCOL, "tool number %zu has no usable name", index + 1);
    }
    const souk_jval *annotations = get_object(entry, "annotations");
    tool->title = souk_json_string(souk_json_get(entry, "title"));
    if (tool->title.ptr == NULL) {
        tool->title = souk_json_string(souk_json_get(annotations, "title"));
    }
    tool->description = souk_json_string(souk_json_get(entry, "description"));
    read_schemas(page->doc, entry, tool);
    tool->annotations_text = text_of(page->doc, annotations);
    tool->is_read_only = souk_json_is_true(souk_json_get(annotations, "readOnlyHint"));
    tool->is_idempotent = souk_json_is_true(souk_json_get(annotations, "idempotentHint"));
    return 1;
}
