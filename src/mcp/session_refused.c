/* Responses that are no success: what they mean for the request and for the session. */
#include "mcp/session_internal.h"

#include <string.h>

/* The request that the exchange carried failed. */
void souk_mcp_fail_exchange(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *why,
                            bool lost, souk_ms now)
{
    souk_mcp_pending *pending = exchange->pending;
    if (lost) {
        souk_mcp_become_lost(mcp, why);
    }
    if (pending != NULL && exchange->purpose == SOUK_MCP_FOR_REQUEST) {
        souk_mcp_end_request(mcp, pending, why, lost, NULL, NULL);
    } else if (pending != NULL) {
        souk_mcp_opening_answered(mcp, pending, exchange->status, NULL, why, now);
    } else if (exchange->purpose == SOUK_MCP_FOR_INITIALIZED) {
        souk_mcp_fail_open(mcp, why);
    } else if (exchange->purpose == SOUK_MCP_FOR_DELETE && mcp->state == SOUK_MCP_CLOSING) {
        mcp->state = SOUK_MCP_CLOSED; /* it was polite to ask; the server may say no */
    }
}

/* The message in the body of a refusal, when there is one. */
static const souk_rpc_message *refusal_message(souk_mcp *mcp, souk_mcp_exchange *exchange,
                                               souk_json_doc *doc, souk_rpc_message *message)
{
    souk_json_limits limits;
    memset(&limits, 0, sizeof limits);
    limits.depth = mcp->config.max_depth;
    limits.text = mcp->config.max_response;
    if (exchange->body.len == 0 ||
        souk_json_read_take(doc, &exchange->body, &limits, NULL) != SOUK_OK) {
        return NULL;
    }
    return souk_rpc_read(doc->root, message, NULL) == SOUK_OK ? message : NULL;
}

/* -32022 of a server that knows no modern revision that souk knows. */
static bool wants_legacy(const souk_rpc_message *message)
{
    const souk_jval *supported = souk_json_get(message->data, "supported");
    return message->kind == SOUK_RPC_ERROR && message->code == SOUK_RPC_UNSUPPORTED_VERSION &&
           souk_json_type_of(supported) == SOUK_JSON_ARRAY &&
           souk_mcp_is_legacy(souk_mcp_best_of(supported, SOUK_MCP_ERA_UNKNOWN));
}

/*
 * A modern request was refused by a server that is a legacy one: there is no JSON-RPC message, or
 * one that misses a session, or one of those with which legacy servers refuse a version that they
 * do not know, before they look at the request.
 */
static bool comes_from_legacy(int status, const souk_rpc_message *message)
{
    const souk_mcp_outcome as_legacy = {SOUK_MCP_NEWEST_LEGACY, status, message, false, true};
    if (status != 400 && status != 404 && status != 405) {
        return false;
    }
    if (message == NULL || souk_mcp_lost(&as_legacy) || wants_legacy(message)) {
        return true;
    }
    return status == 400 && souk_rpc_is_nameless_error(message) &&
           (message->code == SOUK_RPC_SERVER_ERROR || message->code == SOUK_RPC_INVALID_REQUEST);
}

/* Whether what was remembered about the server's era is wrong by now. Modern errors come with 400
 * (2026-07-28, basic/transports); with 200 their codes may be a legacy tool's own. */
static bool contradicts(const souk_mcp *mcp, int status, const souk_rpc_message *message)
{
    if (mcp->config.pinned != SOUK_MCP_UNKNOWN) {
        return false;
    }
    if (souk_mcp_is_legacy(mcp->revision)) {
        return status == 400 && !mcp->two_endpoints && souk_mcp_is_modern_error(message);
    }
    return souk_mcp_is_modern(mcp->revision) && comes_from_legacy(status, message);
}

/* Whether a refusal says that the session is not there any more. */
static bool says_lost(const souk_mcp *mcp, const souk_mcp_exchange *exchange,
                      const souk_rpc_message *message)
{
    const souk_mcp_outcome outcome = {mcp->revision, exchange->status, message,
                                      exchange->sent_session, mcp->worked};
    return souk_mcp_lost(&outcome);
}

/* Whether a refused request means that the session is of no use any more. */
static bool is_lost(souk_mcp *mcp, const souk_mcp_exchange *exchange,
                    const souk_rpc_message *message)
{
    if (exchange->purpose != SOUK_MCP_FOR_REQUEST) {
        return false;
    }
    if (contradicts(mcp, exchange->status, message)) {
        mcp->contradicted = true;
        return true;
    }
    return says_lost(mcp, exchange, message) ||
           (exchange->status == 401 && mcp->config.ask_credential_on_401);
}

void souk_mcp_exchange_refused(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_json_doc doc;
    souk_rpc_message storage;
    souk_mcp_pending *pending = exchange->pending;
    souk_json_doc_init(&doc, mcp->alloc);
    const souk_rpc_message *message = refusal_message(mcp, exchange, &doc, &storage);
    if (exchange->purpose != SOUK_MCP_FOR_REQUEST && pending != NULL) {
        mcp->opening_retry_after = exchange->retry_after;
        souk_mcp_opening_answered(mcp, pending, exchange->status, message, NULL, now);
        souk_json_doc_free(&doc);
        return;
    }
    const souk_mcp_head head = {.status = exchange->status,
                                .retry_after_ms = exchange->retry_after};
    souk_err why;
    souk_mcp_refused(&head, message, &why);
    bool lost = is_lost(mcp, exchange, message);
    if (lost) {
        why.delivery = SOUK_DELIVERY_REJECTED;
        souk_mcp_become_lost(mcp, &why);
    }
    if (exchange->purpose == SOUK_MCP_FOR_INITIALIZED) {
        souk_mcp_initialized_refused(mcp, says_lost(mcp, exchange, message), &why);
    } else if (pending != NULL && message != NULL && message->data != NULL) {
        souk_mcp_end_request(mcp, pending, &why, lost, &doc, message->data);
    } else {
        souk_mcp_fail_exchange(mcp, exchange, &why, lost, now);
    }
    souk_json_doc_free(&doc);
}
