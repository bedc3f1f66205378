#include "mcp/operation_internal.h"

#include "mcp/envelope.h"
#include "mcp/input.h"
#include "json/read.h"
#include "json/write.h"

bool souk_mcp_op_is_modern(const souk_mcp_op *op)
{
    return souk_mcp_is_modern(souk_mcp_get_revision(op->ops->mcp));
}

bool souk_mcp_op_is_http(const souk_mcp_op *op)
{
    return souk_mcp_child(op->ops->mcp) == 0;
}

static souk_slice method_of(const souk_mcp_op *op)
{
    bool modern = souk_mcp_op_is_modern(op);
    switch (op->order.kind) {
    case SOUK_MCP_OP_TOOL:
        return SOUK_LIT("tools/call");
    case SOUK_MCP_OP_LISTEN:
        return SOUK_LIT("subscriptions/listen");
    case SOUK_MCP_OP_PING:
        return modern ? SOUK_LIT("server/discover") : SOUK_LIT("ping");
    case SOUK_MCP_OP_LOG_LEVEL:
        return SOUK_LIT("logging/setLevel");
    default:
        return op->order.name;
    }
}

/* The params as they are without rounds; made in `out` where the order has not got them. */
static int base_params(const souk_mcp_op *op, souk_buf *out, souk_slice *params, souk_err *err)
{
    const souk_mcp_order *order = &op->order;
    souk_jw w;
    souk_jw_init(&w, out);
    *params = souk_slice_make(NULL, 0);
    if (order->kind == SOUK_MCP_OP_METHOD) {
        *params = order->params;
        return SOUK_OK;
    }
    if (order->kind == SOUK_MCP_OP_PING) {
        return SOUK_OK;
    }
    if (order->kind == SOUK_MCP_OP_TOOL) {
        int failed = souk_mcp_write_tool_params(out, order->name, order->params, err);
        *params = souk_buf_slice(out);
        return failed;
    }
    souk_jw_object(&w);
    if (order->kind == SOUK_MCP_OP_LISTEN) {
        souk_slice wanted = souk_slice_trim(order->params);
        souk_jw_key_raw(&w, "notifications", wanted.len > 0 ? wanted : SOUK_LIT("{}"));
    } else {
        souk_jw_key_string(&w, "level", order->name);
    }
    souk_jw_end_object(&w);
    *params = souk_buf_slice(out);
    return souk_jw_check(&w, err);
}

/* With the answers of the last round, if there was one. */
static int add_input(const souk_mcp_op *op, souk_buf *out, souk_slice *params, souk_err *err)
{
    if (op->rounds == 0 || !souk_mcp_op_is_modern(op)) {
        return SOUK_OK;
    }
    int failed = souk_mcp_write_input_params(out, *params, souk_buf_slice(&op->input), err);
    *params = souk_buf_slice(out);
    return failed;
}

/* Some methods have a member of their params repeated in the Mcp-Name header: *name, in *doc. */
static int find_name(const souk_mcp_op *op, souk_slice params, souk_json_doc *doc, souk_slice *name,
                     souk_err *err)
{
    *name = op->order.kind == SOUK_MCP_OP_TOOL ? op->order.name : souk_slice_make(NULL, 0);
    const char *member = souk_mcp_name_member(op->order.name);
    if (op->order.kind != SOUK_MCP_OP_METHOD || member == NULL || params.len == 0 ||
        !souk_mcp_op_is_modern(op) || !souk_mcp_op_is_http(op)) {
        return SOUK_OK;
    }
    const souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = params.len};
    int failed = souk_json_read(doc, params, &limits, err);
    if (failed == SOUK_E_PROTOCOL) { /* they are the caller's */
        failed = SOUK_E_SCHEMA;
        err->kind = failed;
    }
    if (failed != SOUK_OK) {
        souk_err_prefix(err, "params");
    }
    *name = souk_json_string(souk_json_get(doc->root, member));
    return failed;
}

int souk_mcp_op_send(souk_mcp_op *op, souk_err *err)
{
    const souk_alloc *alloc = op->ops->alloc;
    bool stands = op->order.kind == SOUK_MCP_OP_LISTEN;
    souk_buf made;
    souk_buf with_input;
    souk_json_doc doc;
    souk_mcp_request request = {.method = method_of(op),
                                .headers = op->headers.list,
                                .header_count = op->headers.count,
                                .progress = op->order.progress,
                                .trace = op->order.trace,
                                .timeout = stands ? SOUK_NEVER : op->order.timeout,
                                .tag = &op->main};
    souk_buf_init(&made, alloc, SIZE_MAX / 4);
    souk_buf_init(&with_input, alloc, SIZE_MAX / 4);
    souk_json_doc_init(&doc, alloc);
    int failed = base_params(op, &made, &request.params, err);
    if (failed == SOUK_OK) {
        failed = add_input(op, &with_input, &request.params, err);
    }
    if (failed == SOUK_OK) {
        failed = find_name(op, request.params, &doc, &request.name, err);
    }
    if (failed == SOUK_OK) {
        op->step = SOUK_MCP_STEP_CALL;
        failed = souk_mcp_send(op->ops->mcp, &request, &op->main.id, err);
    }
    if (failed != SOUK_OK) {
        op->main.id = 0;
    }
    souk_json_doc_free(&doc);
    souk_buf_free(&with_input);
    souk_buf_free(&made);
    return failed;
}

void souk_mcp_op_resend(souk_mcp_op *op)
{
    souk_err why;
    if (souk_mcp_op_send(op, &why) == SOUK_OK) {
        return;
    }
    /* Something was sent before, and perhaps a person was asked: not to be repeated blindly. */
    bool nothing_done = op->rounds == 0;
    if (why.delivery == SOUK_DELIVERY_NONE || why.delivery == SOUK_DELIVERY_NOT_SENT) {
        why.delivery = nothing_done ? SOUK_DELIVERY_REJECTED : SOUK_DELIVERY_AMBIGUOUS;
    }
    souk_mcp_op_fail(op, &why, souk_mcp_get_state(op->ops->mcp) != SOUK_MCP_READY);
}

int souk_mcp_op_send_quick(souk_mcp_op *op, souk_mcp_sent *sent, souk_slice method,
                           souk_slice params, souk_slice name, souk_err *err)
{
    uint64_t id;
    const souk_mcp_request request = {.method = method,
                                      .params = params,
                                      .name = name,
                                      .trace = op->order.trace,
                                      .timeout =
                                          souk_ms_min(op->order.timeout, SOUK_MCP_QUICK_TIMEOUT),
                                      .tag = sent};
    int failed = souk_mcp_send(op->ops->mcp, &request, &id, err);
    if (sent != NULL) {
        sent->id = failed == SOUK_OK ? id : 0;
    }
    return failed;
}
