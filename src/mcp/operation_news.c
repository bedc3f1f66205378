/* What the session has to say, and which operation it is about. */
#include "mcp/operation_internal.h"

/* Another server of a mixed fleet may have answered: once more, if the revision is known there. */
static bool resends_version(souk_mcp_op *op, const souk_mcp_end *end)
{
    if (!end->err.has_code || end->err.code != SOUK_RPC_UNSUPPORTED_VERSION || end->lost ||
        op->resent_version || !souk_mcp_op_is_modern(op)) {
        return false;
    }
    souk_json_elements it = souk_json_each_element(souk_json_get(end->value, "supported"));
    while (souk_json_next_element(&it)) {
        if (souk_mcp_is_modern(souk_mcp_revision_from(souk_json_string(it.value)))) {
            op->resent_version = true;
            souk_mcp_op_resend(op);
            return true;
        }
    }
    return false;
}

static void call_failed(souk_mcp_op *op, souk_mcp_end *end)
{
    if (resends_version(op, end) || souk_mcp_op_reads_tools(op, end) ||
        souk_mcp_op_asks_for_urls(op, end)) {
        return;
    }
    /* Someone was asked on the way: a session that is gone is no reason to ask again. */
    if (op->rounds > 0 && end->lost) {
        end->err.delivery = SOUK_DELIVERY_AMBIGUOUS;
    }
    souk_mcp_op_keep(op, end);
    souk_mcp_op_give_up(op, end->lost);
}

static bool may_be_task(const souk_mcp_op *op)
{
    return (op->order.kind == SOUK_MCP_OP_TOOL || op->order.kind == SOUK_MCP_OP_METHOD) &&
           (op->ops->config.abilities & SOUK_MCP_CAN_FOLLOW_TASKS) != 0;
}

static void call_ended(souk_mcp_op *op, souk_mcp_end *end, souk_ms now)
{
    if (end->err.kind != SOUK_OK) {
        call_failed(op, end);
    } else if (end->type == SOUK_MCP_RESULT_INPUT_REQUIRED) {
        souk_mcp_op_take_round(op, end, now);
    } else if (end->type == SOUK_MCP_RESULT_TASK && may_be_task(op)) {
        souk_mcp_task_begin(op, end, now);
    } else if (end->type == SOUK_MCP_RESULT_TASK) {
        souk_err why;
        souk_fail(&why, SOUK_E_PROTOCOL, "the server made a task of what may not be one");
        souk_mcp_op_refuse(op, &why);
    } else {
        souk_mcp_op_done(op, &end->doc, end->value);
    }
}

static void take_end(souk_mcp_end *end, souk_ms now)
{
    souk_mcp_sent *sent = end->tag;
    if (sent == NULL) {
        return; /* nobody waits for it */
    }
    souk_mcp_op *op = sent->op;
    sent->id = 0;
    if (sent == &op->side) {
        souk_mcp_listen_take(op, end, now);
        return;
    }
    switch (op->step) {
    case SOUK_MCP_STEP_TOOLS:
        souk_mcp_op_take_tools(op, end);
        break;
    case SOUK_MCP_STEP_LOOK:
    case SOUK_MCP_STEP_TELL:
        souk_mcp_task_take(op, end, now);
        break;
    default:
        call_ended(op, end, now);
        break;
    }
}

static void take_notice(souk_mcp_ops *ops, souk_mcp_notice *notice, souk_ms now)
{
    const souk_mcp_sent *sent = notice->tag;
    souk_mcp_op *op = sent == NULL || sent->op->ended ? NULL : sent->op;
    if (souk_slice_is(notice->method, "notifications/progress")) {
        if (op != NULL && op->order.progress && notice->params != NULL) {
            souk_mcp_tell(ops, op, SOUK_MCP_NEWS_PROGRESS, souk_slice_make(NULL, 0), &notice->doc,
                          notice->params);
        }
    } else if (op != NULL && op->order.kind == SOUK_MCP_OP_LISTEN) {
        souk_mcp_listen_notice(op, notice, now);
    } else {
        souk_mcp_tell(ops, NULL, SOUK_MCP_NEWS_NOTICE, notice->method, &notice->doc,
                      notice->params);
    }
}

bool souk_mcp_ops_pump(souk_mcp_ops *ops, souk_ms now)
{
    souk_mcp_asked asked;
    souk_mcp_notice notice;
    souk_mcp_end end;
    if (souk_mcp_next_asked(ops->mcp, &asked)) {
        souk_mcp_ops_take_asked(ops, &asked);
        souk_json_doc_free(&asked.doc);
        return true;
    }
    if (souk_mcp_next_notice(ops->mcp, &notice)) {
        take_notice(ops, &notice, now);
        souk_json_doc_free(&notice.doc);
        return true;
    }
    if (souk_mcp_next(ops->mcp, &end)) {
        take_end(&end, now);
        souk_json_doc_free(&end.doc);
        return true;
    }
    return false;
}
