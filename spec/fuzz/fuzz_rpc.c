/*
 * Messages: any JSON is classified consistently, what the writers make of a message is classified
 * as the same message, and everything that reads results stands any document. Input: the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/era.h"
#include "mcp/reply.h"
#include "mcp/result.h"
#include "mcp/server.h"
#include "mcp/tools.h"
#include "json/read.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool has_usable_id(const souk_rpc_message *m)
{
    return m->id.type == SOUK_RPC_ID_INT || m->id.type == SOUK_RPC_ID_STRING;
}

static void check_shape(const souk_rpc_message *m)
{
    switch (m->kind) {
    case SOUK_RPC_REQUEST:
        must(has_usable_id(m) && m->method.ptr != NULL && m->result == NULL);
        break;
    case SOUK_RPC_NOTIFICATION:
        must(m->id.type == SOUK_RPC_ID_NONE && m->method.ptr != NULL && m->result == NULL);
        break;
    case SOUK_RPC_RESULT:
        must(has_usable_id(m) && m->method.ptr == NULL && m->result != NULL);
        break;
    case SOUK_RPC_ERROR:
        must(m->method.ptr == NULL && m->result == NULL);
        break;
    case SOUK_RPC_INVALID:
        must(false);
    }
}

static souk_slice raw(const souk_json_doc *doc, const souk_jval *value)
{
    return value == NULL ? souk_slice_make(NULL, 0) : souk_json_raw(doc, value);
}

/* Writes the message again; false when there is no writer for its kind here. */
static bool write_again(souk_buf *out, const souk_json_doc *doc, const souk_rpc_message *m)
{
    switch (m->kind) {
    case SOUK_RPC_NOTIFICATION:
        must(souk_rpc_write_notification(out, m->method, raw(doc, m->params), NULL) == SOUK_OK);
        return true;
    case SOUK_RPC_RESULT:
        must(souk_rpc_write_result(out, m->id, raw(doc, m->result), NULL) == SOUK_OK);
        return true;
    case SOUK_RPC_ERROR:
        must(souk_rpc_write_error(out, m->id, m->code, m->message, raw(doc, m->data), NULL) ==
             SOUK_OK);
        return true;
    case SOUK_RPC_REQUEST:
    case SOUK_RPC_INVALID:
        break;
    }
    return false;
}

static void check_round_trip(const souk_json_doc *doc, const souk_rpc_message *m)
{
    souk_buf out;
    souk_json_doc again;
    souk_rpc_message n;
    /* One level deeper than what was read, should the message have been an element of a batch. */
    const souk_json_limits limits = {.depth = 130};
    souk_buf_init(&out, souk_alloc_libc(), SIZE_MAX / 2);
    souk_json_doc_init(&again, souk_alloc_libc());
    if (write_again(&out, doc, m)) {
        must(souk_json_read(&again, souk_buf_slice(&out), &limits, NULL) == SOUK_OK);
        must(souk_rpc_read(again.root, &n, NULL) == SOUK_OK);
        must(n.kind == m->kind && n.code == m->code);
        /* An error without an id is written with null. */
        must(souk_rpc_id_eq(n.id, m->id) ||
             (m->id.type == SOUK_RPC_ID_NONE && n.id.type == SOUK_RPC_ID_NULL));
        must(souk_slice_eq(n.method, m->method) && souk_slice_eq(n.message, m->message));
        must(souk_json_equal(n.params, m->params) && souk_json_equal(n.result, m->result));
        must(souk_json_equal(n.data, m->data));
    }
    souk_json_doc_free(&again);
    souk_buf_free(&out);
}

static void read_tools(const souk_json_doc *doc, const souk_jval *result)
{
    souk_mcp_tool tool;
    souk_mcp_tool_page page;
    int rc;
    if (souk_mcp_tool_page_begin(&page, doc, result, NULL) == SOUK_OK) {
        while ((rc = souk_mcp_tool_page_next(&page, &tool, NULL)) != 0) {
            must(rc < 0 || (tool.name.len > 0 && tool.name.len <= SOUK_MCP_TOOL_NAME_MAX));
        }
    }
}

static void read_result(const souk_jval *result, souk_mcp_revision revision)
{
    souk_err err;
    souk_mcp_result_type type;
    souk_mcp_tool_result tool_result;
    souk_mcp_read_result_type(result, revision, SOUK_LIT("tools/call"), &type, &err);
    souk_mcp_tool_result_init(&tool_result, souk_alloc_libc());
    if (souk_mcp_read_tool_result(result, revision, &tool_result, &err) == SOUK_OK) {
        must((tool_result.kind == SOUK_MCP_VALUE_TEXT) == (tool_result.value == NULL));
    }
    souk_mcp_tool_result_free(&tool_result);
    must(souk_mcp_fail_tool(result, &err) == SOUK_E_TOOL && err.message[0] != '\0');
}

static void read_as_answer(const souk_rpc_message *m, int status)
{
    souk_err err;
    souk_mcp_server server;
    souk_mcp_revision retry;
    souk_mcp_head head = {.status = status, .retry_after_ms = -1};
    souk_mcp_verdict verdict = souk_mcp_era_over_http(status, m, SOUK_MCP_2026_07_28);
    must(verdict.reason != NULL);
    must((verdict.kind == SOUK_MCP_VERDICT_LEGACY) == souk_mcp_is_legacy(verdict.revision));
    verdict = souk_mcp_era_over_stdio(SOUK_MCP_PROBE_ANSWERED, m, SOUK_MCP_2026_07_28);
    must(verdict.kind != SOUK_MCP_VERDICT_AUTH && verdict.kind != SOUK_MCP_VERDICT_TRANSIENT);
    int rc = souk_mcp_read_initialize(m, SOUK_MCP_2025_11_25, &server, &retry, &err);
    must((rc == SOUK_OK) == souk_mcp_is_legacy(server.revision));
    must(souk_mcp_refused(&head, m, &err) == err.kind);
    for (int bits = 0; bits < 4; bits++) {
        souk_mcp_outcome outcome = {SOUK_MCP_2025_06_18, status, m, (bits & 1) != 0,
                                    (bits & 2) != 0};
        must(!souk_mcp_lost(&outcome) || bits != 0);
    }
}

static void read_message(const souk_json_doc *doc, const souk_jval *root)
{
    static const int statuses[] = {0, 200, 202, 302, 400, 401, 404, 405, 429, 500, 503};
    souk_rpc_message m;
    souk_err err;
    int rc = souk_rpc_read(root, &m, &err);
    must(rc == SOUK_OK || (rc == SOUK_E_PROTOCOL && m.kind == SOUK_RPC_INVALID));
    if (rc == SOUK_OK) {
        check_shape(&m);
        check_round_trip(doc, &m);
        for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
            read_as_answer(&m, statuses[i]);
        }
        read_tools(doc, m.result);
        read_result(m.result, SOUK_MCP_2026_07_28);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    souk_json_doc doc;
    souk_err err;
    souk_json_doc_init(&doc, souk_alloc_libc());
    if (souk_json_read(&doc, souk_slice_make((const char *)data, size), NULL, &err) != SOUK_OK) {
        return 0;
    }
    read_message(&doc, doc.root);
    souk_json_elements it = souk_json_each_element(doc.root);
    while (souk_json_next_element(&it)) {
        read_message(&doc, it.value);
    }
    read_tools(&doc, doc.root);
    read_result(doc.root, SOUK_MCP_2025_06_18);
    souk_json_doc_free(&doc);
    return 0;
}
