/*
 * HTTP+SSE of 2024-11-05, the last thing that is tried: one stream (GET) brings everything that the
 * server says, and its first event names the endpoint that messages are sent to (POST). There is no
 * session id, and nothing can be taken up again: the end of the stream is the end of the session.
 */
#include "mcp/session_internal.h"

#include <string.h>

#include "mcp/endpoint_uri.h"

bool souk_mcp_try_two_endpoints(souk_mcp *mcp, int status, const souk_rpc_message *message)
{
    bool is_refusal = status == 400 || status == 404 || status == 405;
    bool is_allowed =
        mcp->config.pinned == SOUK_MCP_UNKNOWN || mcp->config.pinned == SOUK_MCP_2024_11_05;
    if (!souk_mcp_is_http(mcp) || mcp->tried_two_endpoints || !is_refusal || !is_allowed ||
        souk_mcp_is_modern_error(message)) {
        return false;
    }
    souk_mcp_post post;
    memset(&post, 0, sizeof post);
    post.purpose = SOUK_MCP_FOR_INBOUND;
    post.timeout = SOUK_NEVER;
    post.http.verb = SOUK_MCP_GET;
    mcp->tried_two_endpoints = true;
    return souk_mcp_http_send(mcp, &post, NULL, &mcp->inbound, NULL) == SOUK_OK;
}

void souk_mcp_inbound_drop(souk_mcp *mcp)
{
    if (mcp->inbound != NULL) {
        souk_mcp_http_cancel(mcp, mcp->inbound);
    }
}

void souk_mcp_inbound_head(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_err why;
    int status = exchange->status;
    if (souk_mcp_is_stream(exchange) || mcp->inbound != exchange) {
        return;
    }
    souk_mcp_inbound_drop(mcp);
    /* A server that has no such stream is no server of 2024-11-05; the others may be one. */
    const souk_mcp_head head = {.status = status, .retry_after_ms = -1};
    bool says_nothing = status != 401 && status != 403 && !souk_mcp_stream_may_come_back(status);
    souk_mcp_refused(&head, NULL, &why);
    souk_mcp_no_two_endpoints(mcp, says_nothing ? NULL : &why, now);
}

/* The first event: where to send messages to. */
static int take_endpoint(souk_mcp *mcp, const souk_sse_event *event, souk_err *err)
{
    if (!souk_slice_is(event->type, "endpoint") || mcp->state != SOUK_MCP_OPENING) {
        return SOUK_OK;
    }
    souk_buf_free(&mcp->endpoint);
    int failed =
        souk_mcp_endpoint_resolve(&mcp->endpoint, souk_mcp_base_url(mcp), event->data, err);
    if (failed == SOUK_OK) {
        souk_mcp_initialize_at_endpoint(mcp);
    }
    return failed;
}

int souk_mcp_inbound_event(souk_mcp *mcp, const souk_sse_event *event, souk_ms now, souk_err *err)
{
    if (!mcp->two_endpoints) {
        return take_endpoint(mcp, event, err);
    }
    if (!event->has_data || !souk_slice_is(event->type, "message")) {
        return SOUK_OK;
    }
    /* As over stdio: any request may be answered, and what is no message is passed over. */
    int failed = souk_mcp_stream_data(mcp, event->data, NULL, now, err);
    return failed == SOUK_E_PROTOCOL ? SOUK_OK : failed;
}

void souk_mcp_inbound_over(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *err,
                           souk_ms now)
{
    souk_err why;
    bool was_stream = souk_mcp_is_stream(exchange);
    souk_mcp_http_cancel(mcp, exchange);
    if (err != NULL) {
        why = *err;
    } else {
        souk_fail(&why, SOUK_E_TRANSPORT, "the server ended the event stream");
    }
    if (!mcp->two_endpoints) {
        bool named_none = err == NULL && was_stream;
        souk_mcp_no_two_endpoints(mcp, named_none ? NULL : &why, now);
        return;
    }
    why.delivery = SOUK_DELIVERY_AMBIGUOUS;
    souk_mcp_fail_open(mcp, &why);
    souk_mcp_become_lost(mcp, &why);
    souk_mcp_fail_all(mcp, &why);
}
