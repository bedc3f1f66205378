/* Messages that arrive, by whatever transport: answers to what is pending, requests and
 * notifications of the server. */
#include "mcp/session_internal.h"

#include <string.h>

static void request_succeeded(souk_mcp *mcp, souk_mcp_pending *pending, souk_json_doc *doc,
                              const souk_rpc_message *message)
{
    souk_err why;
    souk_mcp_result_type type = SOUK_MCP_RESULT_COMPLETE;
    int failed = SOUK_OK;
    if (souk_mcp_has_result_type(mcp->revision)) {
        failed = souk_mcp_read_result_type(message->result, mcp->revision,
                                           souk_slice_of(pending->method), &type, &why);
    }
    /* What is asked for is checked by whoever puts the questions. */
    if (failed == SOUK_OK && type == SOUK_MCP_RESULT_TASK &&
        (mcp->config.abilities & SOUK_MCP_CAN_FOLLOW_TASKS) == 0) {
        failed = souk_fail(&why, SOUK_E_PROTOCOL,
                           "the server made a task of it, which this client did not say it can "
                           "follow");
    }
    mcp->worked = true;
    pending->end.type = type;
    if (failed == SOUK_OK) {
        souk_mcp_end_request(mcp, pending, NULL, false, doc, message->result);
    } else {
        why.delivery = SOUK_DELIVERY_DELIVERED;
        souk_mcp_end_request(mcp, pending, &why, false, doc, message->result);
    }
}

static void request_failed(souk_mcp *mcp, souk_mcp_pending *pending, souk_json_doc *doc,
                           const souk_rpc_message *message)
{
    souk_err why;
    bool lost = false;
    souk_rpc_fail(message, &why);
    if (pending->exchange != NULL) {
        const souk_mcp_outcome outcome = {mcp->revision, pending->exchange->status, message,
                                          pending->exchange->sent_session, mcp->worked};
        lost = souk_mcp_lost(&outcome);
        why.status = outcome.status;
    }
    if (lost) {
        why.delivery = SOUK_DELIVERY_REJECTED;
        souk_mcp_become_lost(mcp, &why);
    } else {
        mcp->worked = true;
    }
    souk_mcp_end_request(mcp, pending, &why, lost, doc, message->data);
}

/*
 * The pending request that a response answers, or NULL. Over HTTP only the request that was sent
 * in the same exchange can be meant, also by an error without id. Over stdio such an error can only
 * be understood when nothing but the probe is under way.
 */
static souk_mcp_pending *find_pending(const souk_mcp *mcp, const souk_rpc_message *message,
                                      const souk_mcp_exchange *exchange)
{
    bool has_id = message->id.type == SOUK_RPC_ID_INT && message->id.number > 0;
    bool nameless = souk_rpc_is_nameless_error(message);
    uint64_t id = has_id ? (uint64_t)message->id.number : 0;
    if (exchange != NULL) {
        souk_mcp_pending *expected = exchange->pending;
        return expected != NULL && (nameless || expected->id == id) ? expected : NULL;
    }
    if (nameless) {
        bool probing = mcp->opening != NULL && mcp->opening->purpose == SOUK_MCP_FOR_PROBE;
        return probing ? mcp->opening : NULL;
    }
    return souk_idmap_get(&mcp->pending, id);
}

static void take_message(souk_mcp *mcp, souk_json_doc *doc, const souk_rpc_message *message,
                         souk_mcp_exchange *exchange, souk_ms now)
{
    if (message->kind == SOUK_RPC_REQUEST) {
        souk_mcp_take_question(mcp, doc, message, exchange);
        return;
    }
    if (message->kind == SOUK_RPC_NOTIFICATION) {
        souk_mcp_take_notification(mcp, doc, message, exchange);
        return;
    }
    souk_mcp_pending *pending = find_pending(mcp, message, exchange);
    if (pending == NULL) {
        return; /* late, or never asked for */
    }
    if (pending->purpose != SOUK_MCP_FOR_REQUEST) {
        int status = exchange == NULL ? 0 : exchange->status;
        souk_mcp_opening_answered(mcp, pending, status, message, NULL, now);
    } else if (message->kind == SOUK_RPC_RESULT) {
        request_succeeded(mcp, pending, doc, message);
    } else {
        request_failed(mcp, pending, doc, message);
    }
}

/* Each message of a batch gets a document of its own, since each may answer another request. */
static int take_batch(souk_mcp *mcp, const souk_json_doc *batch, souk_mcp_exchange *exchange,
                      souk_ms now, souk_err *err)
{
    souk_json_elements it = souk_json_each_element(batch->root);
    while (souk_json_next_element(&it)) {
        souk_buf text;
        souk_buf_init(&text, mcp->alloc, mcp->config.max_response);
        souk_buf_add(&text, souk_json_raw(batch, it.value));
        int failed = souk_buf_check(&text, "a message", err);
        if (failed == SOUK_OK && souk_json_type_of(it.value) == SOUK_JSON_OBJECT) {
            failed = souk_mcp_take_text(mcp, &text, exchange, now, err);
        }
        souk_buf_free(&text);
        if (failed != SOUK_OK) {
            return failed;
        }
    }
    return SOUK_OK;
}

int souk_mcp_take_text(souk_mcp *mcp, souk_buf *text, souk_mcp_exchange *exchange, souk_ms now,
                       souk_err *err)
{
    souk_json_doc doc;
    souk_rpc_message message;
    souk_json_limits limits;
    memset(&limits, 0, sizeof limits);
    limits.depth = mcp->config.max_depth;
    limits.text = mcp->config.max_response;
    souk_json_doc_init(&doc, mcp->alloc);
    int failed = souk_json_read_take(&doc, text, &limits, err);
    bool may_batch = mcp->revision == SOUK_MCP_UNKNOWN || souk_mcp_may_batch(mcp->revision);
    if (failed == SOUK_OK && may_batch && souk_json_type_of(doc.root) == SOUK_JSON_ARRAY) {
        failed = take_batch(mcp, &doc, exchange, now, err);
    } else if (failed == SOUK_OK) {
        failed = souk_rpc_read(doc.root, &message, err);
        if (failed == SOUK_OK) {
            take_message(mcp, &doc, &message, exchange, now);
        }
    } else if (failed == SOUK_E_PROTOCOL) {
        souk_err_prefix(err, "the message is not valid JSON");
    }
    souk_json_doc_free(&doc);
    return failed;
}
